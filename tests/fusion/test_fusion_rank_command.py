"""`portcullis rank`: one row out for each row in, in order, whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusion.data import Cases
from fusion.head.attributes import attributes
from fusion.head.model import Head
from fusion.model import Fusion
from fusion.rank import false_discoveries

COLUMNS = [
    *("row", "declaration_id", "line", "risk", "rank", "selected", "arm", "reasons"),
    *("new_importer", "value_gap", "duty_gap", "currency"),
]
Command = Callable[..., tuple[int, str, str]]
Rank = Callable[..., tuple[dict[str, Any], pd.DataFrame]]


@pytest.fixture
def day(make: SimpleNamespace, tmp_path: Path) -> Path:
    """240 declarations of which three cannot be read: a day that is none, a repeated id, a code of a word."""
    lines = make.csv(240, 31, weeks=1, first=700_000).splitlines()
    lines[8] = lines[8].replace("2024-", "2024-99-", 1)
    lines[101] = lines[100]
    lines[240] = re.sub(r",\d{6},", ",tyres,", lines[240], count=1)
    path = tmp_path / "day.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


BAD = [7, 100, 239]


@pytest.fixture
def rank(command: Command, tmp_path: Path) -> Rank:
    """Run it; what it said and wrote."""

    def run(model: Path, data: Path, *options: object) -> tuple[dict[str, Any], pd.DataFrame]:
        out = tmp_path / "new" / "ranked.parquet"
        code, said, err = command("rank", "--model", model, "--data", data, "--out", out, "--json", *options)
        assert code == 0, err
        assert [p.name for p in out.parent.iterdir()] == ["ranked.parquet"]
        return json.loads(said), pd.read_parquet(out)

    return run


def test_a_row_comes_out_for_every_row_in_and_in_its_order(
    head_folder: Path, head: Head, day: Path, rank: Rank, make: SimpleNamespace
) -> None:
    summary, out = rank(head_folder, day, "--budget", "10%")
    assert out.columns.tolist() == COLUMNS
    assert out["row"].tolist() == list(range(240))
    good = out[out["rank"].notna()]
    assert sorted(set(range(240)) - set(good["row"])) == BAD
    assert sorted(good["rank"]) == list(range(1, 238))
    table = make.table(day.read_text(encoding="utf-8"))
    assert good["declaration_id"].tolist() == table["declaration_id"].tolist()
    rows = attributes(table)
    raw = head.raw(rows, head.features(rows))
    assert good["risk"].to_numpy() == pytest.approx(head.chances(raw))
    assert (np.diff(raw[np.argsort(good["rank"])]) <= 0).all()
    assert (summary["rows"], summary["judged"], summary["refused"]) == (240, 237, 3)
    assert summary["budget"] == summary["selected"] == out["selected"].sum() == 24
    assert set(out.loc[out["selected"], "arm"]) <= {"risk", "random", "both"}
    assert (out.loc[~out["selected"], "arm"] == "").all()
    assert out["line"].dropna().eq(1).all()


def test_a_row_that_cannot_be_read_says_why_and_has_no_rank(head_folder: Path, day: Path, rank: Rank) -> None:
    """In the language that was asked for; what is wrong with the file is in the summary."""
    summary, out = rank(head_folder, day)
    lost = out.iloc[BAD]
    assert lost[["risk", "rank", "declaration_id"]].isna().all(axis=None)
    assert lost["reasons"].str.startswith("not ranked: ").all()
    for said, field in zip(lost["reasons"], ("date", "declaration_id", "hs"), strict=True):
        assert field in said
    assert summary["read"]["refused"] == 3
    _, korean = rank(head_folder, day, "--lang", "ko")
    assert korean["reasons"].iloc[BAD].str.startswith("순위 없음: ").all()


def test_reasons_are_given_in_korean(head_folder: Path, day: Path, rank: Rank) -> None:
    """For every row, and the riskiest names a combination and its counts."""
    _, out = rank(head_folder, day, "--lang", "ko")
    assert out["reasons"].str.contains("[가-힣]").all()
    first = out.loc[out["rank"] == 1, "reasons"].item()
    assert re.search(r"품목번호 .* × .*: 검사 \d+건 중 \d+건 적발", first)


@pytest.mark.parametrize(("rows", "cores"), [(1, 1), (100, 1), (100, 2), (241, 2)])
def test_the_borders_of_chunks_change_nothing(
    head_folder: Path, day: Path, rank: Rank, rows: int, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it matter how many processes score them, or that a chunk has not one readable row."""
    if rows == 1:
        day.write_text("\n".join(day.read_text(encoding="utf-8").splitlines()[:20]) + "\n", encoding="utf-8")
    whole = rank(head_folder, day, "--budget", "5")
    monkeypatch.setattr("fusion.bulk._CHUNK", rows)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(cores)))
    parts = rank(head_folder, day, "--budget", "5")
    pd.testing.assert_frame_equal(parts[1], whole[1])
    assert parts[0] == whole[0]


def test_only_the_first_rows_have_their_reasons_worked_out_exactly(
    head_folder: Path, head: Head, day: Path, rank: Rank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have what is usual for their values: mostly the same first reason."""
    _, exact = rank(head_folder, day)
    monkeypatch.setattr("fusion.bulk.EXACT", 0)
    _, rough = rank(head_folder, day)
    judged = exact["rank"].notna()
    first = [t[judged].str.split("; ").str[0] for t in (exact["reasons"], rough["reasons"])]
    assert 0.5 < (first[0] == first[1]).mean() < 1.0
    pd.testing.assert_frame_equal(exact.drop(columns="reasons"), rough.drop(columns="reasons"))


def test_a_count_is_a_budget_too_and_lots_are_recorded_and_seeded(
    head_folder: Path, day: Path, rank: Rank
) -> None:
    """Among the lots may be one that could not be read: they are drawn before anything is looked at."""
    summary, out = rank(head_folder, day, "--budget", "40", "--random", "0.5", "--seed", "3")
    assert out["selected"].sum() == 40
    assert out["arm"].isin(["random", "both"]).sum() == 20
    assert summary["random_arm"] == {"places": 20, "share_of_budget": 0.5, "seed": 3}
    _, again = rank(head_folder, day, "--budget", "40", "--random", "0.5", "--seed", "3")
    pd.testing.assert_frame_equal(again, out)
    _, other = rank(head_folder, day, "--budget", "40", "--random", "0.5", "--seed", "4")
    assert (other["arm"] != out["arm"]).any()
    none, all_by_risk = rank(head_folder, day, "--budget", "40", "--random", "0")
    assert none["random_arm"]["places"] == 0
    assert all_by_risk.loc[all_by_risk["selected"], "rank"].max() == 40


def test_hits_and_stakes_of_the_list_are_told(
    head_folder: Path, day: Path, rank: Rank, make: SimpleNamespace
) -> None:
    """Expected hits are near those found, whose interval holds them; value and duty that may be missing."""
    summary, out = rank(head_folder, day, "--budget", "0.25", "--random", "0")
    fraud = make.table(day.read_text(encoding="utf-8"))["fraud"].to_numpy(dtype=int)
    mine = out[out["rank"].notna()]["selected"].to_numpy()
    hits = summary["expected_hits"]
    assert hits["low"] <= fraud[mine].sum() <= hits["high"]
    assert hits["mean"] == pytest.approx(out.loc[out["selected"], "risk"].sum(), rel=0.01)
    stake = summary["at_stake"]["KRW"]
    assert stake["value_gap"] == pytest.approx(out.loc[out["selected"], "value_gap"].sum())
    assert stake["duty_gap"] == pytest.approx(out.loc[out["selected"], "duty_gap"].sum())
    assert 0 < stake["duty_gap"] < 0.13 * stake["value_gap"]
    assert summary["new_importers"]["rows"] == out["new_importer"].fillna(False).sum()


def test_the_tie_band_at_the_cut_is_told(head_folder: Path, day: Path, rank: Rank, tmp_path: Path) -> None:
    """Ten copies of one declaration under ids of their own, of which three can be inspected."""
    header, *lines = day.read_text(encoding="utf-8").splitlines()
    same = [f"X{i}," + lines[0].split(",", 1)[1] for i in range(10)]
    (tmp_path / "same.csv").write_text("\n".join([header, *same]) + "\n", encoding="utf-8")
    summary, out = rank(head_folder, tmp_path / "same.csv", "--budget", "3", "--random", "0")
    assert summary["ties"] == {"rate": 1.0, "with_the_risk_at_the_cut": 10, "of_them_left_out": 7}
    assert out["selected"].sum() == 3
    assert sorted(out["rank"]) == list(range(1, 11))


def test_instead_of_a_budget_false_discoveries_may_be_bounded(
    head_folder: Path, head: Head, day: Path, rank: Rank, make: SimpleNamespace
) -> None:
    """As many as Benjamini and Hochberg allow on p-values against held-out clean declarations."""
    summary, out = rank(head_folder, day, "--fdr", "0.3", "--random", "0")
    rows = attributes(make.table(day.read_text(encoding="utf-8")))
    raw = head.raw(rows, head.features(rows))
    clean = head.chances.raw[head.chances.outcome == 0]
    p = np.array([(1 + (clean >= r).sum()) / (len(clean) + 1) for r in raw])
    chosen = false_discoveries(p, 0.3)
    assert summary["fdr"] == 0.3
    assert 0 < summary["budget"] == chosen.sum() == out["selected"].sum()
    assert (out[out["rank"].notna()]["selected"].to_numpy() == chosen).all()


def test_several_lines_of_a_declaration_are_ranked_each(
    head_folder: Path, declaration_lines: str, rank: Rank, tmp_path: Path
) -> None:
    """From this project's own JSON lines: `row` is that of the file, `line` counts within."""
    (tmp_path / "d.jsonl").write_text(declaration_lines, encoding="utf-8")
    summary, out = rank(head_folder, tmp_path / "d.jsonl", "--budget", "1")
    assert out[["row", "line"]].fillna(-1).astype(int).to_numpy().tolist() == [
        [0, 1],
        [0, 2],
        [1, -1],
        [2, 1],
    ]
    assert sorted(out["rank"].dropna()) == [1, 2, 3]
    assert set(summary["at_stake"]) <= {"USD", "KRW"}


@pytest.fixture
def declaration_lines() -> str:
    """Three declarations: of two lines, broken, of one."""
    line = {"hsk": "0303670000", "name": "FROZEN POLLOCK", "net_kg": 500, "value": "1000 USD"}
    good = {"id": "A1", "date": "2024-05-01", "origin": "RU", "importer": "한빛수산", "lines": [line, line]}
    other = {**good, "id": "A2", "lines": [line]}
    return "\n".join([json.dumps(good, ensure_ascii=False), "{", json.dumps(other, ensure_ascii=False)])


def test_scored_cases_are_ranked_by_all_that_is_known(
    learned_folder: Path, learned: Fusion, make: SimpleNamespace, rank: Rank, tmp_path: Path
) -> None:
    """Evidence and attributes; what nobody could judge has no rank; p-values are the joint ones."""
    cases: Cases = make.inspected(300, 41)
    cases.surprise[5] = cases.p_value[5] = np.nan
    cases.write(tmp_path / "c.parquet")
    summary, out = rank(learned_folder, tmp_path / "c.parquet", "--budget", "30", "--random", "0")
    assert out.columns.tolist() == COLUMNS
    assert np.isnan(out["risk"][5])
    assert pd.isna(out["rank"][5])
    assert not out["selected"][5]
    assert learned.head is not None
    rows = attributes(cases.table)
    chance = learned.head.chances(
        learned.head.raw(rows, learned.head.features(rows, learned.evidence_features(cases)))
    )
    judged = np.arange(300) != 5
    assert out["risk"][judged].to_numpy() == pytest.approx(chance[judged])
    assert cases.outcome[out["selected"]].mean() > 2 * cases.outcome.mean()
    assert summary["expected_hits"]["low"] <= cases.outcome[out["selected"]].sum()
    assert (summary["judged"], summary["read"]) == (299, None)
    assert out["reasons"].str.len().min() > 5


def test_without_outcomes_the_order_is_the_joint_surprise_and_no_hits_are_promised(
    joint: Any, make: SimpleNamespace, rank: Rank, tmp_path: Path
) -> None:
    from fusion.keeping import save
    from fusion.model import FusionConfig

    save(Fusion(FusionConfig(), joint), tmp_path / "m", data_fingerprint="0" * 64, figures={})
    cases = make.cases(make.surprises(200, 42))
    cases.write(tmp_path / "c.parquet")
    summary, out = rank(tmp_path / "m", tmp_path / "c.parquet", "--fdr", "0.5")
    surprise = joint.score(cases.surprise)[1]
    assert (np.argsort(out["rank"]) == np.argsort(-surprise)).all()
    assert out["risk"].to_numpy() == pytest.approx(1 - 10.0**-surprise)
    assert summary["expected_hits"]["mean"] is None
    assert "no outcomes" in summary["expected_hits"]["why"]


def test_in_words_the_command_says_what_the_list_is(
    head_folder: Path, day: Path, command: Command, tmp_path: Path
) -> None:
    code, said, _ = command("rank", "--model", head_folder, "--data", day, "--out", tmp_path / "o.parquet")
    assert code == 0
    for part in ("240 rows, 237 judged, 3 refused", "1 by lot", "expected hits: ", "at stake", "wrote "):
        assert part in said


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("clean cases for declarations", "score them first"),
        ("declarations for cases", "train fusion on scored cases"),
        ("cases for declarations", "score them first"),
        ("no budget", "budget: got 'much'"),
        ("no rate", "fdr: got 2.0"),
        ("no model", "not a model folder"),
        ("no file", "gone.csv"),
        ("no rows", "no rows"),
        ("an open quotation mark", "quot"),
    ],
)
def test_what_does_not_fit_is_one_line_and_leaves_no_file(
    case: str,
    words: str,
    head_folder: Path,
    learned_folder: Path,
    joint: Any,
    day: Path,
    make: SimpleNamespace,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2, and what stood at the place before still stands there."""
    from fusion.keeping import save
    from fusion.model import FusionConfig

    model, data, options = head_folder, day, []
    if case == "clean cases for declarations":
        model = tmp_path / "clean"
        save(Fusion(FusionConfig(), joint), model, data_fingerprint="0" * 64, figures={})
    elif case == "declarations for cases":
        data = tmp_path / "c.parquet"
        make.cases(make.surprises(5, 0)).write(data)
    elif case == "cases for declarations":
        model = learned_folder
    elif case == "no budget":
        options = ["--budget", "much"]
    elif case == "no rate":
        options = ["--fdr", "2"]
    elif case == "no model":
        model = tmp_path
    elif case == "no file":
        data = tmp_path / "gone.csv"
    elif case == "no rows":
        data.write_text(data.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    else:
        monkeypatch.setattr("fusion.bulk._CHUNK", 50)
        monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0})
        data.write_text(data.read_text(encoding="utf-8") + 'Z1,"2024-01-01\n', encoding="utf-8")
    out = tmp_path / "out" / "o.parquet"
    out.parent.mkdir()
    out.write_bytes(b"yesterday's list")
    code, said, err = command("rank", "--model", model, "--data", data, "--out", out, *options)
    assert code == 2, said
    assert words in err
    assert [line for line in err.splitlines() if line.startswith("portcullis: ")] == [err.splitlines()[-1]]
    assert "Traceback" not in err
    assert [p.name for p in out.parent.iterdir()] == ["o.parquet"]
    assert out.read_bytes() == b"yesterday's list"


def test_an_accident_while_writing_leaves_what_was_there(
    head_folder: Path, day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new list appears in one move or not at all."""
    from fusion import bulk
    from fusion.rank import Budget

    monkeypatch.setattr(bulk, "_CHUNK", 100)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0})
    done: list[int] = []

    def progress(stage: str, at: int, total: int) -> None:
        if stage == "writing":
            done.append(at)
            if at == 2:
                raise KeyboardInterrupt

    out = tmp_path / "out" / "o.parquet"
    with pytest.raises(KeyboardInterrupt):
        bulk.rank_file(head_folder, day, out, bulk.Options(Budget(share=0.05)), progress)
    assert done == [1, 2]
    assert list(out.parent.iterdir()) == []
