"""Scored cases as one table: what goes in comes out, also through a file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from customs import Evidence, HsCode, Message, Reference
from customs.errors import InvalidValue, UnreadableFile
from fusion.data import Cases, is_cases, joined, modality, pattern, patterns
from fusion.head.attributes import attributes


def said(check: str, surprise: float | None) -> Evidence:
    if surprise is None:
        return Evidence.abstain(check, "D1/1", "band.unknown")
    return Evidence(
        check=check,
        subject="D1/1",
        p_value=10.0**-surprise,
        surprise=surprise,
        reference=Reference(group="all", size=200),
        message=Message(id="price.level", params={"level": 8.0, "expected": 8.4}),
    )


@pytest.fixture
def cases(make: SimpleNamespace) -> Cases:
    """Three cases with evidence."""
    evidence = [
        [said("hs.text", 2.0), said("xray.mass", None)],
        [said("hs.text", None), said("xray.mass", 0.5)],
        [said("hs.text", 0.1), said("hs.photo", 1.0), said("xray.mass", None)],
    ]
    table = make.cases(make.surprises(3, 0)).table
    outcome = pd.array([1, None, 0], dtype="Int8")
    return Cases.of(table.assign(outcome=outcome, kind=["price", "", ""]), evidence)


def test_silence_is_nan_and_what_was_said_stands_in_its_column(cases: Cases) -> None:
    assert cases.checks == ("hs.text", "xray.mass", "hs.photo")
    assert cases.surprise.tolist()[0][0] == 2.0
    assert np.isnan(cases.surprise).tolist() == [
        [False, True, True],
        [True, False, True],
        [False, True, False],
    ]
    assert cases.p_value[1, 1] == pytest.approx(10**-0.5)


def test_evidence_comes_back_whole_with_its_sentences(cases: Cases) -> None:
    """Abstentions too."""
    first = cases.evidence_of(0)
    assert [e.check for e in first] == ["hs.text", "xray.mass"]
    assert first[0] == said("hs.text", 2.0)
    assert first[1].abstained
    assert cases.declared(0) == HsCode(cases.table["hs"].iloc[0])


def test_a_file_gives_back_what_was_written(cases: Cases, tmp_path: Path) -> None:
    """Figures, evidence, outcomes, and the attributes that a head would see."""
    cases.write(tmp_path / "new" / "c.parquet")
    assert is_cases(tmp_path / "new" / "c.parquet")
    again = Cases.read(tmp_path / "new" / "c.parquet")
    assert again.checks == cases.checks
    np.testing.assert_array_equal(again.surprise, cases.surprise)
    np.testing.assert_array_equal(again.p_value, cases.p_value)
    np.testing.assert_array_equal(again.outcome, [1.0, np.nan, 0.0])
    assert again.evidence == cases.evidence
    assert again.table["kind"].tolist() == ["price", "", ""]
    before, after = attributes(cases.table), attributes(again.table)
    assert after.week.tolist() == before.week.tolist()
    for name, values in before.figures.items():
        np.testing.assert_array_equal(after.figures[name], values)
    for name, hashes in before.labels.items():
        assert after.labels[name].tolist() == hashes.tolist(), name


def test_figures_without_evidence_are_kept_as_such(make: SimpleNamespace, tmp_path: Path) -> None:
    plain = make.cases(make.surprises(5, 0))
    plain.write(tmp_path / "c.parquet")
    again = Cases.read(tmp_path / "c.parquet")
    assert again.evidence == ()
    assert again.evidence_of(2) == ()
    np.testing.assert_array_equal(again.surprise, plain.surprise)


def test_other_files_are_no_cases(make: SimpleNamespace, tmp_path: Path) -> None:
    """And the refusal says what to write them with."""
    (tmp_path / "d.csv").write_text(make.csv(3, 0))
    make.table(make.csv(3, 0)).drop(columns="value").to_parquet(tmp_path / "d.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    for path in (tmp_path / "d.csv", tmp_path / "d.parquet", tmp_path / "cut.parquet", tmp_path, "none"):
        assert not is_cases(Path(path))
        with pytest.raises(UnreadableFile, match="portcullis score cases"):
            Cases.read(Path(path))


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True])], ids=["numbers", "mask"])
def test_some_of_the_rows_keep_all_that_is_theirs(cases: Cases, rows: np.ndarray) -> None:
    some = cases.take(rows)
    order = rows if rows.dtype != bool else np.array([0, 2])
    assert some.table["subject"].tolist() == cases.table["subject"].iloc[order].tolist()
    np.testing.assert_array_equal(some.surprise, cases.surprise[order])
    assert some.evidence == tuple(cases.evidence[i] for i in order)


def test_a_modality_that_was_not_sent_is_silent_and_the_others_are_not(cases: Cases) -> None:
    left = cases.without(("scan",))
    assert np.isnan(left.surprise[:, 1]).all()
    assert np.isnan(left.p_value[:, 1]).all()
    np.testing.assert_array_equal(left.surprise[:, [0, 2]], cases.surprise[:, [0, 2]])
    assert np.isfinite(cases.surprise[1, 1])


@pytest.mark.parametrize(
    ("check", "sent"),
    [
        ("price.for_this_code", "declaration"),
        ("volume.surge", "declaration"),
        ("hs.vague_text", "declaration"),
        ("hs.photo", "photo"),
        ("hs.joint", "photo"),
        ("xray.inserted_object", "scan"),
    ],
)
def test_a_check_belongs_to_what_must_have_been_sent_for_it(check: str, sent: str) -> None:
    assert modality(check) == sent


def test_a_pattern_names_the_modalities_that_spoke() -> None:
    """One by one and of many rows alike."""
    checks = ("price.unit_value", "hs.text", "hs.photo", "xray.mass")
    rows = [(1, 0, 0, 0), (1, 1, 0, 1), (0, 0, 1, 1), (0, 0, 0, 0), (1, 1, 1, 1)]
    names = ["declaration", "declaration+scan", "photo+scan", "", "declaration+photo+scan"]
    assert patterns(checks, np.array(rows, dtype=bool)) == names
    assert [pattern(c for c, yes in zip(checks, row, strict=True) if yes) for row in rows] == names


def test_tables_with_other_checks_are_joined_side_by_side(cases: Cases, make: SimpleNamespace) -> None:
    """Where a table has not a check, it is silent there; evidence is kept only if all have it."""
    plain = make.cases(make.surprises(4, 0))
    both = joined([cases, plain])
    assert len(both) == 7
    assert set(both.checks) == {*cases.checks, *plain.checks}
    assert np.isnan(both.surprise[:3, both.checks.index("price.unit_value")]).all()
    at = [both.checks.index(c) for c in plain.checks]
    np.testing.assert_array_equal(both.surprise[3:, at], plain.surprise)
    at = [both.checks.index(c) for c in cases.checks]
    np.testing.assert_array_equal(both.p_value[:3, at], cases.p_value)
    assert both.evidence == ()
    assert joined([cases, cases]).evidence == cases.evidence * 2
    assert joined([cases, cases]).table.index.tolist() == list(range(6))


def test_nothing_cannot_be_joined() -> None:
    with pytest.raises(InvalidValue, match="there are no cases"):
        joined([])
