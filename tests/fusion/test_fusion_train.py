"""`portcullis train fusion`: from scored cases or from plain declarations, each into a folder of its own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from customs.errors import CustomsError, InvalidConfig, InvalidValue
from fusion.data import Cases
from fusion.keeping import load
from fusion.made_up import write_declarations
from fusion.train import has_enough, read_outcomes, train

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def settings(make: SimpleNamespace) -> list[str]:
    """Of a command."""
    return [word for name, value in make.toy.items() for word in ("--set", f"{name}={value}")]


def test_plain_declarations_teach_a_head_and_no_calibration(
    make: SimpleNamespace, settings: list[str], command: Command, tmp_path: Path
) -> None:
    """Of several files, and only of those declarations whose outcome is known."""
    lines = make.csv(800, 1).splitlines()
    blind = [line.rsplit(",", 1)[0] + "," for line in lines[1:101]]
    (tmp_path / "a.csv").write_text("\n".join([lines[0], *blind, *lines[101:]]) + "\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text(make.csv(400, 2, first=900_000), encoding="utf-8")
    assert len(read_outcomes([tmp_path / "a.csv"])) == 700
    files = ["--data", tmp_path / "a.csv", "--data", tmp_path / "b.csv"]
    code, said, err = command("train", "fusion", *files, "--out", tmp_path / "m", "--json", *settings)
    assert code == 0, err
    figures = json.loads(said)
    assert figures["declarations"] == 1_100
    assert figures["clean_cases"] is None
    assert 0.5 < figures["auroc"] <= 1
    assert figures["new_importers"]["share"] > 0
    found = load(tmp_path / "m")
    assert found.joint is None
    assert found.head is not None
    assert found.head.figures["declarations"] == 1_100
    assert found.config.rounds == make.toy["rounds"]


def test_scored_cases_teach_a_calibration_and_a_head(
    make: SimpleNamespace, settings: list[str], command: Command, tmp_path: Path
) -> None:
    """In words the command says how good it is on weeks that it had not seen."""
    make.inspected(700, 3).write(tmp_path / "a.parquet")
    make.inspected(500, 4).write(tmp_path / "b.parquet")
    files = ["--data", tmp_path / "a.parquet", "--data", tmp_path / "b.parquet"]
    code, said, err = command("train", "fusion", *files, "--out", tmp_path / "m", *settings)
    assert code == 0, err
    found = load(tmp_path / "m")
    assert found.joint is not None
    assert found.head is not None
    clean = int(sum((make.inspected(n, s).outcome == 0).sum() for n, s in ((700, 3), (500, 4))))
    assert len(found.joint.patterns.groups["all"]) == clean
    assert f"clean_cases: {clean}" in said
    assert "auroc: 0." in said


def test_other_settings_make_another_head_and_the_same_ones_the_same(
    make: SimpleNamespace, tmp_path: Path
) -> None:
    """Overrides reach the head; the same seed and settings give the same version."""
    (tmp_path / "a.csv").write_text(make.csv(800, 1), encoding="utf-8")
    toy = {name: str(value) for name, value in make.toy.items()}
    for name, changes in (("a", {}), ("b", {}), ("c", {"identities": "false"})):
        train([tmp_path / "a.csv"], tmp_path / name, overrides={**toy, **changes}, seed=3)
    one, same, less = (load(tmp_path / name) for name in "abc")
    assert one.head is not None
    assert same.head is not None
    assert less.head is not None
    assert one.head.forest.texts == same.head.forest.texts
    assert not any("importer" in key for key in less.head.encoder.rates)


def test_scored_cases_and_plain_declarations_do_not_mix(make: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(make.csv(50, 1), encoding="utf-8")
    make.inspected(50, 3).write(tmp_path / "b.parquet")
    with pytest.raises(InvalidValue, match="each into a folder of its own"):
        train([tmp_path / "a.csv", tmp_path / "b.parquet"], tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("overrides", "error", "said"),
    [
        ({"colour": "red"}, InvalidConfig, "colour"),
        ({"rounds": "many"}, InvalidConfig, "rounds"),
        ({}, CustomsError, "frauds"),
    ],
)
def test_what_cannot_be_learned_is_refused_and_nothing_is_written(
    make: SimpleNamespace, tmp_path: Path, overrides: dict[str, str], error: type[Exception], said: str
) -> None:
    (tmp_path / "a.csv").write_text(make.csv(60, 1), encoding="utf-8")
    with pytest.raises(error, match=said):
        train([tmp_path / "a.csv"], tmp_path / "m", overrides=overrides)
    assert not (tmp_path / "m").exists()


def test_cases_of_which_none_was_found_clean_calibrate_nothing(make: SimpleNamespace, tmp_path: Path) -> None:
    cases: Cases = make.inspected(120, 3)
    dataclasses.replace(cases, table=cases.table.assign(outcome=1)).write(tmp_path / "c.parquet")
    with pytest.raises(InvalidValue, match="0 clean cases were scored"):
        train([tmp_path / "c.parquet"], tmp_path / "m")


def test_a_head_needs_enough_of_both_kinds() -> None:
    """Twenty early and late of either, and as many again to learn from."""
    assert has_enough(np.repeat([0.0, 1.0], 80))
    assert not has_enough(np.repeat([0.0, 1.0], [500, 79]))
    assert not has_enough(np.repeat([0.0, 1.0], [79, 500]))


def test_made_up_declarations_are_read_without_a_fault_and_are_the_same_trade(tmp_path: Path) -> None:
    """Two files of other seeds share their lanes, so that what is learned from one holds in the other."""
    for seed in (1, 2):
        write_declarations(tmp_path / f"{seed}.csv", 500, seed=seed, first_id=seed * 1_000_000)
    one, other = (read_outcomes([tmp_path / f"{seed}.csv"]) for seed in (1, 2))
    assert (len(one), len(other)) == (500, 500)
    assert 0.05 < one["fraud"].mean() < 0.5
    shared = set(zip(one["hs"], one["origin"], strict=True)) & set(
        zip(other["hs"], other["origin"], strict=True)
    )
    assert len(shared) > 20
    assert not set(one["declaration_id"]) & set(other["declaration_id"])
    write_declarations(tmp_path / "again.csv", 500, seed=1, first_id=1_000_000)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()
