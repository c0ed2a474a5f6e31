"""What the trees see of a row: never its own price, never its fold, never a later month unless it may."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tabular_ae.data import Panel
from tabular_ae.features import FOLDS, NAMES, REFERENCES, Features, driver, features, fold_of
from tabular_ae.history import History
from tabular_ae.inputs import prepare
from tabular_ae.rows import Floats, Ints, Rows

COUNTRIES = {"CN": 0, "JP": 1, "US": 2, "VN": 3}
LATER = [i for i, name in enumerate(NAMES) if name.startswith(("next_", "around"))]


def seen(rows: Rows, *, folds: bool = False, later: int | None = None, weigh: bool = True) -> Floats:
    """Prices and facts of every row of a panel in its own history: (n, len(NAMES)), in ln(USD/kg)."""
    history = History(rows)
    found = of(history, rows, folds=folds, later=later, weigh=weigh)
    return np.concatenate([found.prices, found.facts], axis=1)


def of(
    history: History, rows: Rows, *, folds: bool = False, later: int | None = None, weigh: bool = True
) -> Features:
    """The features of rows in a history."""
    ahead: Ints | None = None if later is None else np.full(len(rows), later, dtype=np.int64)
    mine = fold_of(history, rows) if folds else None
    inputs = prepare(history, rows, 12, weigh=weigh)
    return features(history, rows, inputs, COUNTRIES, weigh=weigh, folds=mine, later=ahead)


def times(rows: Rows, chosen: np.ndarray | int, factor: float) -> Rows:
    """The value of some rows multiplied."""
    value = rows.value.copy()
    value[chosen] *= factor
    return dataclasses.replace(rows, value=value)


def moved(before: Floats, after: Floats) -> np.ndarray:
    """(n, k): whether a feature is another one; NaN is itself."""
    return ~np.isclose(before, after, rtol=0.0, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("folds", [False, True])
@pytest.mark.parametrize("factor", [0.1, 7.0])
def test_a_rows_own_price_moves_none_of_its_features(panel: Panel, folds: bool, factor: float) -> None:
    """Whatever is declared, what it is compared with stays; other series of the month do see it."""
    row = 15 * 4 + 3
    before = seen(panel.rows, folds=folds, later=6)
    after = seen(times(panel.rows, row, factor), folds=folds, later=6)
    assert not moved(before[row], after[row]).any()
    same_month = panel.rows.month == panel.rows.month[row]
    assert moved(before, after)[same_month].any()


def test_while_learning_no_series_sees_another_of_its_fold_in_its_own_month(panel: Panel) -> None:
    """Else trees could subtract the neighbours from the group's sum and be left with the row's own price."""
    fold = fold_of(History(panel.rows), panel.rows)
    month = panel.rows.month == panel.rows.month[0] + 20
    shared = next(f for f in range(FOLDS) if (month & (fold == f)).sum() >= 2)
    mine = np.flatnonzero(month & (fold == shared))
    change = moved(*(seen(rows, folds=True) for rows in (panel.rows, times(panel.rows, mine[0], 5.0))))
    assert not change[mine].any()
    assert change[month & (fold != shared)].any()
    # scoring leaves out the row's own series alone
    plain = moved(*(seen(rows) for rows in (panel.rows, times(panel.rows, mine[0], 5.0))))
    assert plain[mine[1:]].any()


def test_all_months_of_a_series_share_a_fold_in_every_history(panel: Panel) -> None:
    """A fold that depended on the order of the file would let a row into its own fold's sums."""
    rows = panel.rows
    fold = fold_of(History(rows), rows)
    number, pairs = rows.pairs
    assert all(len(set(fold[number == i])) == 1 for i in range(len(pairs)))
    assert 1 < len(set(fold)) <= FOLDS
    order = np.random.default_rng(0).permutation(len(rows))
    other = rows.take(order[:200])
    np.testing.assert_array_equal(fold_of(History(other), other), fold[order[:200]])


@pytest.mark.parametrize("later", [None, 0])
def test_no_feature_looks_ahead_where_none_may(panel: Panel, later: int | None) -> None:
    """Seven times the value and a tenth of the weight in later months change nothing before them."""
    ahead = panel.rows.month > panel.rows.month[0] + 18
    changed = times(panel.rows, ahead, 7.0)
    changed = dataclasses.replace(changed, weight=np.where(ahead, changed.weight * 0.1, changed.weight))
    change = moved(seen(panel.rows, later=later), seen(changed, later=later))
    assert not change[~ahead].any()
    assert change[ahead].any()


@pytest.mark.parametrize("later", [1, 3, 6])
def test_a_row_sees_as_many_later_months_as_it_may_and_only_of_its_own_series(
    panel: Panel, later: int
) -> None:
    """The month right after the last one it may see stays out of sight; so does every other series."""
    rows, row = panel.rows, 10
    own = (rows.hs == rows.hs[row]) & (rows.country == rows.country[row])
    before = seen(rows, later=later)
    within = own & (rows.month == rows.month[row] + later)
    beyond = own & (rows.month == rows.month[row] + later + 1)
    others = ~own & (rows.month > rows.month[row])
    change = moved(before, seen(times(rows, within, 7.0), later=later))[row]
    assert change.any()
    assert set(np.flatnonzero(change)) <= set(LATER)
    assert not moved(before, seen(times(rows, beyond | others, 7.0), later=later))[row].any()


def test_each_row_may_see_another_number_of_later_months(panel: Panel) -> None:
    """`later` is of each row: a mixture gives each what it would get in a panel of its own kind."""
    rows, history = panel.rows, History(panel.rows)
    later = np.arange(len(rows), dtype=np.int64) % 7
    mixed = features(history, rows, prepare(history, rows, 12), COUNTRIES, later=later)
    for most in range(7):
        alone = of(history, rows, later=most)
        mine = later == most
        np.testing.assert_array_equal(mixed.prices[mine], alone.prices[mine])
        np.testing.assert_array_equal(mixed.facts[mine], alone.facts[mine])


def test_the_newest_month_sees_no_later_one_and_says_so(panel: Panel) -> None:
    """Unknown is NaN, never zero, and the count of months is zero."""
    found = seen(panel.rows, later=6)
    newest = panel.rows.month == panel.rows.month.max()
    for name in ("next_1", "next_2", "next_3", "next_median_3", "next_median_6"):
        assert np.isnan(found[newest, NAMES.index(name)]).all()
    assert (found[newest, NAMES.index("next_months_6")] == 0).all()


def test_lags_and_medians_are_those_of_the_series(panel: Panel) -> None:
    """Worked out by hand for one row with a gap in its past."""
    rows, row = panel.rows, 20
    gap = np.arange(len(rows)) != row - 2
    kept = rows.take(gap)
    at = row - 1
    found = dict(zip(NAMES, seen(kept, later=2)[at], strict=True))
    own = rows.log_unit
    assert found["month_1"] == pytest.approx(own[row - 1])
    assert np.isnan(found["month_2"])
    assert found["month_12"] == pytest.approx(own[row - 12])
    assert found["median_3"] == pytest.approx(np.median(own[[row - 3, row - 1]]))
    assert found["months_3"] == 2
    assert (found["last"], found["age"]) == (pytest.approx(own[row - 1]), 1.0)
    assert found["next_2"] == pytest.approx(own[row + 2])
    assert np.isnan(found["next_3"])
    assert found["around"] == pytest.approx(np.median(own[[row - 3, row - 1, row + 1, row + 2]]))


def test_the_mean_of_other_countries_leaves_the_row_out(panel: Panel) -> None:
    """Worked out by hand: three others sell the item in the month."""
    rows, row = panel.rows, 20
    others = (rows.hs == rows.hs[row]) & (rows.month == rows.month[row]) & (rows.country != rows.country[row])
    found = dict(zip(NAMES, seen(rows)[row], strict=True))
    assert others.sum() == found["others_months"] == 3
    assert found["others_now"] == pytest.approx(rows.log_unit[others].mean())
    root = np.sqrt(rows.weight[others])
    assert found["others_by_weight"] == pytest.approx((rows.log_unit[others] * root).sum() / root.sum())


def test_a_line_is_given_the_usual_weight_of_its_series(panel: Panel) -> None:
    """One consignment is not a month: its own weight says nothing of the price."""
    rows = panel.rows.take(panel.rows.month == panel.rows.month.max())
    heavy = dataclasses.replace(rows, weight=rows.weight * 50.0, value=rows.value * 50.0)
    history = History(panel.rows)
    light, much = (of(history, some, weigh=False) for some in (rows, heavy))
    np.testing.assert_array_equal(light.facts, much.facts)
    weighed = of(history, rows), of(history, heavy)
    assert not np.array_equal(weighed[0].facts, weighed[1].facts)


def test_a_new_item_and_a_new_country_have_features_that_are_unknown(panel: Panel) -> None:
    """What the panel does not know is NaN; what it does know of the item is still there."""
    rows = panel.rows.take(np.arange(2))
    rows = dataclasses.replace(
        rows,
        hs=np.array(["8703231000", rows.hs[1]], dtype=object),
        country=np.array(["VN", "NO"], dtype=object),
        month=np.full(2, panel.rows.month.max(), dtype=np.int64),
    )
    found = of(History(panel.rows), rows)
    item, country = (
        dict(zip(NAMES, [*p, *f], strict=True)) for p, f in zip(found.prices, found.facts, strict=True)
    )
    assert all(np.isnan(item[name]) for name in REFERENCES)
    assert item["item_months"] == item["kin_months"] == 0
    assert np.isnan(country["last"])
    assert np.isfinite(country["item"])
    assert country["others_months"] == 4
    assert (item["country"], country["country"]) == (3.0, -1.0)


def test_one_row_has_the_features_that_it_has_among_all(panel: Panel) -> None:
    """Nothing of a batch shows in a row."""
    history = History(panel.rows)
    everything = of(history, panel.rows, later=6)
    for row in (0, 17, 400, len(panel.rows) - 1):
        alone = of(history, panel.rows.take(np.array([row])), later=6)
        np.testing.assert_array_equal(alone.prices[0], everything.prices[row])
        np.testing.assert_array_equal(alone.facts[0], everything.facts[row])


def test_every_feature_speaks_of_something_that_has_a_sentence() -> None:
    """A driver without a sentence would fail only on the line that it explains."""
    from customs.sentences import catalogue

    assert {f"price.driver.{driver(name)}" for name in NAMES} <= set(catalogue())
