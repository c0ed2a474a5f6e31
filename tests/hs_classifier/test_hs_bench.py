"""The bench of suggestions: same texts and questions for all, each alone in its process."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from customs.errors import CustomsError, InvalidConfig, InvalidValue
from hs_classifier import bench as room
from hs_classifier.bench import bench, table
from hs_classifier.contenders import (
    LINEAR,
    NAMES,
    NEIGHBOUR,
    OURS,
    SENTENCES,
    Plan,
    _vote,
    measure,
    read_samples,
    write_folder,
)
from hs_classifier.data import Sample
from hs_classifier.made_up import described, made_up
from hs_classifier.model import HsConfig


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 400 made-up names to learn from and 40 to be asked."""
    folder = tmp_path_factory.mktemp("contenders")
    shown, asked = room._split(made_up(440, seed=2), seed=2)
    write_folder(folder, shown, described(asked[:40], seed=2), Plan())
    return folder


def quick(config: HsConfig) -> dict[str, str]:
    """What a small configuration changes, as `--set` gives it."""
    usual = HsConfig()
    changed = {
        field.name: str(getattr(config, field.name))
        for field in dataclasses.fields(HsConfig)
        if getattr(config, field.name) != getattr(usual, field.name)
    }
    return {**changed, "epochs": "2"}


def figures(**changed: Any) -> dict[str, Any]:
    """What a contender of ours might answer: everything as promised."""
    return {
        "settings": "",
        "fit_seconds": 60.0,
        "one_ms": {"p50": 5.0, "p95": 9.0},
        "per_second": 500.0,
        "peak_mb": 900.0,
        "asking_mb": 700.0,
        "answered": 1.0,
        "hs4_top1": 0.9,
        "hs6_top1": 0.8,
        **changed,
    }


def test_every_contender_learns_and_is_asked_in_one_run(tiny_config: HsConfig) -> None:
    """Ours is written and read again between; the table has a line for each and for each promise."""
    chosen = [OURS, NEIGHBOUR]
    told: list[tuple[str, int, int]] = []
    report = bench(
        rows=400,
        threads=1,
        overrides=quick(tiny_config),
        only=chosen,
        progress=lambda *step: told.append(step),
    )
    assert list(report["contenders"]) == chosen
    assert [step[1:] for step in told] == [(1, 3), (2, 3), (3, 3)]
    assert (report["asked"], report["described"], report["threads"]) == (40, 20, 1)
    assert report["shown"] == 360 + report["wordings"]
    ours = report["contenders"][OURS]
    assert 0 < ours["one_ms"]["p50"] <= ours["one_ms"]["p95"]
    assert ours["load_seconds"] > 0
    assert ours["artefact_mb"] > 0
    assert ours["answered"] > 0.5
    assert ours["peak_mb"] > 50 < ours["asking_mb"]
    assert "asking_mb" not in report["contenders"][NEIGHBOUR]
    lines = table(report).splitlines()
    assert [line.split("  ")[0] for line in lines[2:4]] == chosen
    assert sum(line.startswith(f"{OURS}: ") for line in lines) == len(report["reach"]) == 4
    assert report["note"] == ""


@pytest.mark.parametrize("name", [NEIGHBOUR, LINEAR])
def test_a_peer_learns_what_it_was_shown(kept: Path, name: str) -> None:
    """Far above chance, or its speed would be that of a broken model."""
    found = measure(kept, name)
    assert found["hs4_top1"] > 0.25  # some hundred headings
    assert (found["hs6_top1"] is None) == (name == LINEAR)
    assert found["answered"] == 1.0
    assert found["per_second"] > 0


def test_sentence_vectors_are_made_without_fetching_anything(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline of the library over an encoder made here."""
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = measure(kept, SENTENCES)
    assert 0 < found["hs6_top1"] <= found["hs4_top1"] <= 1
    assert found["one_ms"]["p95"] > 0


def test_neighbours_vote_with_cubed_similarity() -> None:
    """One near neighbour outweighs several far ones, and a heading gathers its subheadings."""
    codes = ["0303670000", "0303540000", "0304750000", "8471300000", "8471300000", "8471300000"]
    similarity = np.array([0.9, 0.8, 0.7, 0.5, 0.5, 0.5])
    assert _vote(codes, range(6), similarity) == ("0303", "030367")
    assert _vote(codes, range(3, 6), similarity[3:]) == ("8471", "847130")


def test_made_up_texts_depend_on_their_seed_alone() -> None:
    """Names, codes and descriptions."""
    first, again, other = (made_up(500, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert described(first, 1) == described(again, 1) != described(first, 2)


def test_made_up_texts_are_as_real_ones() -> None:
    """Many more codes than have a text, wording of each in both languages, some Korean, some bare brands."""
    samples = made_up(37_000, seed=0)
    names = [s for s in samples if s.source == "ruling"]
    worded = [s for s in samples if s.source == "wording"]
    assert len(names) == 37_000
    assert len({s.code for s in worded}) == 11_100 == len(worded) / 2
    assert 3_500 < len({s.code for s in names}) < 4_500
    korean = np.mean([any("가" <= c <= "힣" for c in s.goods.name) for s in names])
    assert 0.1 < korean < 0.2
    long = [len(s.goods.full.split()) for s in described(names[:200], seed=0)[1::2]]
    assert 40 < np.mean(long) < 80


def test_what_is_asked_was_not_shown_and_has_a_code_of_its_own() -> None:
    """Official wording is learnt from, never asked."""
    samples = [
        dataclasses.replace(s, goods=dataclasses.replace(s.goods, name=f"{i} {s.goods.name}"))
        for i, s in enumerate(made_up(600, seed=3))
    ]
    shown, asked = room._split(samples, seed=0)
    assert len(asked) == 60
    assert {s.source for s in asked} == {"ruling"}
    assert not {s.goods for s in asked} & {s.goods for s in shown}
    assert len(shown) + len(asked) == len(samples)


def test_contenders_get_texts_and_codes_as_they_were(tmp_path: Path) -> None:
    """A code keeps its leading zero, a text its quotes and line breaks."""
    shown = made_up(300, seed=0)
    odd = [Sample(dataclasses.replace(shown[0].goods, name='"A"\n,냉동', description="\t"), shown[0].code)]
    write_folder(tmp_path, shown, odd, Plan(seed=4, threads=2, overrides={"epochs": "1"}))
    assert read_samples(tmp_path, "shown") == shown
    assert read_samples(tmp_path, "asked") == odd


def test_files_and_official_tables_are_told_apart(corpus_csv: Path, tmp_path: Path) -> None:
    """A table of codes gives wording; of a large file as many texts are drawn as are asked for."""
    official = tmp_path / "hsk.csv"
    head = "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드,중량단위코드"
    lines = ["0303670000,20220101,99991231,명태,Alaska pollack,,KG", "0901,20220101,99991231,커피,Coffee,,KG"]
    official.write_text("\n".join([head, *lines]), encoding="utf-8")
    samples = room._read([corpus_csv, official], rows=350, seed=1)
    assert [s.source for s in samples].count("ruling") == 350
    assert {s.code.digits for s in samples if s.source == "wording"} == {"0303670000"}
    assert room._read([corpus_csv, official], rows=350, seed=1) == samples
    assert room._read([corpus_csv, official], rows=350, seed=2) != samples
    with pytest.raises(InvalidValue, match="data: 0 texts are too few to time"):
        room._read([official], rows=350, seed=1)


@pytest.mark.parametrize(
    ("key", "broken"),
    [
        ("p95_ms", {"one_ms": {"p50": 5.0, "p95": 31.0}}),
        ("per_second", {"per_second": 199.0}),
        ("fit_minutes", {"fit_seconds": 1201.0}),
        ("memory_mb", {"peak_mb": 2049.0}),
        ("memory_mb", {"asking_mb": 2049.0}),
    ],
)
def test_a_broken_promise_is_said(monkeypatch: pytest.MonkeyPatch, key: str, broken: dict[str, Any]) -> None:
    """Memory is the larger of training and asking."""
    monkeypatch.setattr(room, "_run", lambda folder, name, threads: figures(**broken))
    report = bench(rows=300, only=[OURS])
    assert [k for k, row in report["reach"].items() if not row["kept"]] == [key]
    assert sum("NOT KEPT" in line for line in table(report).splitlines()) == 1
    monkeypatch.setattr(room, "_run", lambda folder, name, threads: figures())
    assert "NOT KEPT" not in table(bench(rows=300, only=[OURS]))


def test_without_sentence_transformers_one_line_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others run; nothing is said where it was not wanted."""
    monkeypatch.setattr(room, "_installed", lambda: False)
    monkeypatch.setattr(room, "_run", lambda folder, name, threads: figures())
    report = bench(rows=300)
    assert list(report["contenders"]) == [name for name in NAMES if name != SENTENCES]
    assert table(report).splitlines()[-1].endswith("pip install 'portcullis[bench]'")
    assert bench(rows=300, only=[LINEAR])["note"] == ""


def test_a_contenders_bad_configuration_is_the_users_own_error() -> None:
    """What goes wrong in the other process names field and remedy as everywhere."""
    with pytest.raises(CustomsError, match=r"config\.epochs: got 'many' — give int"):
        bench(rows=300, threads=1, overrides={"epochs": "many"}, only=[OURS])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rows": 10}, "rows: got 10"),
        ({"threads": 0}, "threads: got 0"),
        ({"columns": {"hsk": "code"}}, "map: texts have no columns to map"),
        ({"only": ["BERT"]}, "only: there is no contender 'BERT' — choose from portcullis"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    """Before anything is made or measured."""
    with pytest.raises(InvalidConfig, match=said):
        bench(**options)
