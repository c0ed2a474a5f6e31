"""What is usual, asked for many groups and months at once, is what one at a time would be."""

from __future__ import annotations

import numpy as np
import pytest

from tabular_ae.history import History, Usual, prefixes
from tabular_ae.rows import Rows, numbered


@pytest.fixture(scope="module")
def history() -> History:
    """Forty series of twelve items over thirty months with gaps, and groups of very different sizes."""
    rng = np.random.default_rng(5)
    n = 700
    hs = rng.choice([f"03{h:02d}{i:02d}0000" for h in (1, 1, 1, 3) for i in range(4)], n).astype(object)
    return History(
        Rows(
            hs=hs,
            country=rng.choice(["CN", "JP", "US", "VN"], n).astype(object),
            month=rng.integers(24_000, 24_030, n),
            value=np.exp(rng.normal(8.0, 1.0, n)),
            weight=np.exp(rng.normal(7.0, 1.0, n)),
            freight=np.full(n, np.nan),
        )
    )


def by_hand(history: History, what: str, group: str, month: int) -> tuple[float, float, int]:
    """The definition, a series and a month at a time."""
    grid = history.unit if what == "level" else history.deviation
    values = [
        grid[series, m - history.first]
        for (hs, _), series in history.series.items()
        for m in range(month - history.memory, month)
        if (group == "all" or group in prefixes(hs)) and 0 <= m - history.first < history.months
    ]
    known = np.array(values)[np.isfinite(values)] if values else np.empty(0)
    if not len(known):
        return np.nan, np.nan, 0
    middle = np.median(known)
    return middle, 1.4826 * np.median(np.abs(known - middle)), len(known)


@pytest.mark.parametrize("what", ["level", "jitter"])
def test_many_at_once_are_what_one_at_a_time_is(history: History, what: Usual) -> None:
    """Also before the first month, after the last, and of a group that nobody has seen."""
    groups = np.array(["all", "0301", "0303", "030102", "0303030000", "9999"], dtype=object)
    months = np.arange(23_990, 24_060, 3)
    asked = [(g, int(m)) for g in groups for m in months]
    found = history.usual(
        what, np.array([g for g, _ in asked], dtype=object), np.array([m for _, m in asked])
    )
    expected = [by_hand(history, what, g, m) for g, m in asked]
    np.testing.assert_allclose(np.array(found).T, np.array(expected), rtol=1e-12)
    one = history.level if what == "level" else history.jitter
    np.testing.assert_array_equal(np.array([one(g, m) for g, m in asked]), np.array(found).T)
    assert {count for _, _, count in expected} > {0}


def test_what_is_asked_first_does_not_change_what_is_answered_later(history: History) -> None:
    """A table that is filled in part is filled in the rest when it is asked for."""
    fresh = History(history.rows)
    some = fresh.usual("level", np.array(["0301"], dtype=object), np.array([24_011]))
    assert fresh.level("0301", 24_020) == history.level("0301", 24_020)
    assert some[0][0] == history.level("0301", 24_011)[0]


def test_rows_are_numbered_by_series_in_the_order_they_appear(history: History) -> None:
    number, pairs = history.rows.pairs
    rows = history.rows
    assert [pairs[i] for i in number] == list(zip(rows.hs, rows.country, strict=True))
    assert pairs == list(dict.fromkeys(zip(rows.hs, rows.country, strict=True)))
    assert list(history.series) == pairs


def test_no_rows_have_no_numbers() -> None:
    nothing = np.empty(0, dtype=object)
    assert len(numbered(nothing)[0]) == len(numbered(nothing)[1]) == 0
    empty = np.empty(0)
    rows = Rows(nothing, nothing, np.empty(0, dtype=np.int64), empty, empty, empty)
    assert rows.pairs[1] == []
    assert History(rows).find_all(rows).tolist() == []


def test_new_rows_take_the_place_of_theirs_alone(history: History) -> None:
    """Another month, another country or another item of the same numbers stays."""
    rows = history.rows
    chosen = rows.take(np.arange(0, len(rows), 9))
    theirs = set(zip(chosen.hs, chosen.country, chosen.month.tolist(), strict=True))
    expected = [k for k in zip(rows.hs, rows.country, rows.month.tolist(), strict=True) if k not in theirs]
    extended = history.with_rows(chosen).rows
    found = list(zip(extended.hs, extended.country, extended.month.tolist(), strict=True))
    assert found[: len(expected)] == expected
    assert found[len(expected) :] == list(zip(chosen.hs, chosen.country, chosen.month.tolist(), strict=True))
