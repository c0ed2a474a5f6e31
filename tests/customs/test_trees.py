"""Boosted trees as text: predictions, and what each feature adds to them."""

from __future__ import annotations

import numpy as np
import pytest

from customs.trees import Forest, fit_one


@pytest.fixture(scope="module")
def forest() -> Forest:
    """Three models of one sum, grown from other seeds."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4))
    y = 2.0 * x[:, 0] - x[:, 1] + 0.1 * rng.normal(size=400)
    return Forest(tuple(fit_one(x, y, {}, 30, seed) for seed in range(3)))


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(60, 4)).astype(np.float32)


def test_contributions_add_up_to_the_prediction(forest: Forest, rows: np.ndarray) -> None:
    """With the rest in the last column; what has no part in the sum adds next to nothing."""
    found = forest.contributions(rows)
    assert found.shape == (60, 5)
    assert found.sum(axis=1) == pytest.approx(forest.predict(rows))
    assert np.abs(found[:, 0]).mean() > 5 * np.abs(found[:, 2:4]).mean()


def test_some_of_the_models_may_be_asked_for_contributions(forest: Forest, rows: np.ndarray) -> None:
    """The first ones: as if there were no others."""
    first = Forest(forest.texts[:1])
    np.testing.assert_array_equal(forest.contributions(rows, models=1), first.contributions(rows))
    assert forest.contributions(rows, models=1).sum(axis=1) == pytest.approx(first.predict(rows))
    np.testing.assert_array_equal(forest.contributions(rows, models=3), forest.contributions(rows))
    assert (forest.contributions(rows, models=1) != forest.contributions(rows)).any()


def test_no_rows_have_no_predictions(forest: Forest) -> None:
    assert len(forest.predict(np.empty((0, 4)))) == 0
