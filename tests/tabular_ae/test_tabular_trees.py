"""Boosted trees: kept as text, the same for a seed; and the ones that have seen false prices."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from customs import DamagedArtefact
from customs.trees import Forest, as_columns, cross_fit, fit_one, from_columns
from tabular_ae.features import FACTS, REFERENCES, Features
from tabular_ae.flagship import Flagship
from tabular_ae.oddness import LOW_COUNTS, Guess, Oddness, distance, false_step
from tabular_ae.rows import Floats
from tabular_ae.scorer import TabularScorer

REGRESSION = {"objective": "regression", "num_leaves": 7, "learning_rate": 0.2}


def made(n: int, seed: int = 0) -> tuple[Floats, Floats]:
    """(n, 4) features, some unknown, and what depends on the first two (n,)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    y = x[:, 0] + np.sign(x[:, 1]) + rng.normal(0.0, 0.1, n)
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, y


def test_forests_come_back_from_their_columns_bit_for_bit() -> None:
    """Text holds every digit; the order of the models in a forest is kept."""
    x, y = made(400)
    forests = {
        name: cross_fit(x, sign * y, np.arange(400) % 3, REGRESSION, 8, 1)[0]
        for name, sign in (("centre", 1.0), ("scale", -1.0))
    }
    back = from_columns(as_columns(forests))
    assert list(back) == list(forests)
    for name, forest in forests.items():
        assert back[name].texts == forest.texts
        np.testing.assert_array_equal(back[name].predict(x), forest.predict(x))


def test_the_same_seed_grows_the_same_trees_and_another_seed_others() -> None:
    """Bagging draws from the seed alone."""
    x, y = made(400)
    first, again, other = (fit_one(x, y, REGRESSION, 8, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_row_is_predicted_by_trees_that_have_not_seen_it() -> None:
    """Changing the answers of one fold leaves the predictions of that fold as they were."""
    x, y = made(400)
    fold = np.arange(400) % 2
    _, before = cross_fit(x, y, fold, REGRESSION, 8, 1)
    _, after = cross_fit(x, np.where(fold == 0, -y, y), fold, REGRESSION, 8, 1)
    np.testing.assert_array_equal(after[fold == 0], before[fold == 0])
    assert not np.allclose(after[fold == 1], before[fold == 1])
    assert np.corrcoef(before, y)[0, 1] > 0.8


def test_a_forest_is_the_mean_of_its_trees_and_of_nothing_on_no_rows() -> None:
    """Also one row gets what it gets among many."""
    x, y = made(300)
    forest, _ = cross_fit(x, y, np.arange(300) % 2, REGRESSION, 5, 1)
    parts = [Forest((text,)).predict(x) for text in forest.texts]
    np.testing.assert_allclose(forest.predict(x), np.mean(parts, axis=0), rtol=1e-12)
    assert forest.predict(x[:0]).shape == (0,)
    np.testing.assert_array_equal(forest.predict(x[7:8]), forest.predict(x)[7:8])


def test_what_each_feature_adds_sums_to_the_prediction() -> None:
    """The last column is what no feature accounts for; a feature that plays no part adds nothing."""
    x, y = made(300)
    forest, _ = cross_fit(x, y, np.arange(300) % 2, REGRESSION, 20, 1)
    parts = forest.contributions(x)
    assert parts.shape == (300, 5)
    np.testing.assert_allclose(parts.sum(axis=1), forest.predict(x), atol=1e-5)
    assert np.abs(parts[:, :2]).mean() > 5 * np.abs(parts[:, 2:4]).mean()
    assert np.ptp(parts[:, 4]) < 1e-6


@pytest.mark.parametrize("text", ["", "trees", "tree\nversion=v4\nnum_class=1\n"])
def test_trees_that_cannot_be_read_are_a_damaged_artefact(text: str) -> None:
    """One clear error with what to do, not the library's own."""
    with pytest.raises(DamagedArtefact, match="train the model again"):
        Forest((text,)).predict(np.zeros((1, 4)))


# -- trees that have seen false prices -----------------------------------------------------------------


def test_false_prices_are_mostly_low_and_never_unmoved() -> None:
    """Three in four lie an eighth or more below, the others a third or more above."""
    step = false_step(np.random.default_rng(0), 20_000)
    assert (step < 0).mean() == pytest.approx(0.75, abs=0.02)
    assert step[step < 0].max() <= np.log(1 - 0.12) + 1e-12
    assert step.min() >= np.log(1 - 0.80) - 1e-12
    assert step[step > 0].min() >= np.log(1.3) - 1e-12


def test_the_distance_of_a_low_price_counts_more() -> None:
    """In scales from what was expected; unknown stays unknown."""
    guess = Guess(np.zeros(4), np.log(np.full(4, 0.5)))
    away = distance(np.array([1.0, -1.0, 0.0, np.nan]), guess)
    np.testing.assert_allclose(away, [2.0, 2.0 * LOW_COUNTS, 0.0, np.nan])


def seen_at(n: int, seed: int, price: float | None = None) -> Features:
    """n rows whose references scatter about their level, or all stand at one price."""
    rng = np.random.default_rng(seed)
    level = np.zeros(n)
    prices = level[:, None] + rng.normal(0.0, 0.1, (n, len(REFERENCES)))
    facts = rng.normal(size=(n, len(FACTS)))
    facts[:, FACTS.index("item_spread")] = 0.2
    if price is not None:
        prices[:] = price
    return Features(prices, facts, level, np.full(n, 0.1))


@pytest.fixture(scope="module")
def oddness() -> tuple[Oddness, Floats, Features, Floats]:
    """Trees over 600 rows, what they make of rows they have not seen, and the rows."""
    seen, unit = seen_at(600, 1), np.random.default_rng(2).normal(0.0, 0.1, 600)
    guess = Guess(np.zeros(600), np.full(600, np.log(0.1)))
    fitted, unseen = Oddness.fit(seen, unit, (guess,), 20, 0)
    return fitted, unseen, seen, unit


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_beyond_every_reference_a_price_is_odder_the_further_it_lies(
    oddness: tuple[Oddness, Floats, Features, Floats], sign: float
) -> None:
    """Strictly, also far beyond any false price that was learned from."""
    seen = seen_at(30, 5)
    guess = Guess(np.zeros(30), np.full(30, np.log(0.1)))
    beyond = np.abs(seen.prices).max() + 0.01
    scores = [
        oddness[0](seen, np.full(30, sign * (beyond + step)), (guess,)) for step in np.linspace(0, 6, 60)
    ]
    for nearer, further in itertools.pairwise(scores):
        assert (further > nearer).all()


def test_false_prices_are_odder_than_clean_ones_that_were_not_learned_from(
    oddness: tuple[Oddness, Floats, Features, Floats],
) -> None:
    """On fresh rows; and what the trees make of unseen rows is what they make of fresh ones."""
    fitted, unseen, _, _ = oddness
    fresh, unit = seen_at(600, 8), np.random.default_rng(9).normal(0.0, 0.1, 600)
    guess = Guess(np.zeros(600), np.full(600, np.log(0.1)))
    clean = fitted(fresh, unit, (guess,))
    false = fitted(fresh, unit + false_step(np.random.default_rng(10), 600), (guess,))
    assert (false > clean).mean() > 0.9
    assert np.median(unseen) == pytest.approx(np.median(clean), abs=0.25)


def test_a_row_of_which_nothing_is_expected_has_no_odds(
    oddness: tuple[Oddness, Floats, Features, Floats],
) -> None:
    """NaN, never the odds of zero; its neighbours keep theirs."""
    fitted, _, seen, unit = oddness
    guess = Guess(np.where(np.arange(600) == 3, np.nan, 0.0), np.full(600, np.log(0.1)))
    odds = fitted(seen, unit, (guess,))
    assert np.flatnonzero(np.isnan(odds)).tolist() == [3]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_declared_price_beyond_every_reference_is_odder_the_further_it_lies(
    toy_scorer: TabularScorer, sign: float
) -> None:
    """The same of the whole model, for a month of a panel and for a line."""
    model = toy_scorer.price
    assert isinstance(model, Flagship)
    rows = toy_scorer.history.rows
    rows = rows.take(rows.month == rows.month.max())
    for consignment in (False, True):
        expected = model.expect(toy_scorer.history, rows, consignment=consignment)
        centres = np.stack([guess.centre for guess in expected.guesses], axis=1)
        against = np.concatenate([expected.seen.prices, centres, expected.seen.level[:, None]], axis=1)
        edge = np.nanmin(against, axis=1) if sign < 0 else np.nanmax(against, axis=1)
        scores = []
        for step in np.linspace(0.01, 3.0, 15):
            value = np.exp(edge + sign * step) * rows.weight
            moved = dataclasses.replace(rows, value=value)
            scores.append(model.score(toy_scorer.history, moved, consignment=consignment).score)
        assert all((further > nearer).all() for nearer, further in itertools.pairwise(scores))
