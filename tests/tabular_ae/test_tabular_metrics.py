"""Figures of a ranking against cases worked by hand and against scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from tabular_ae.metrics import (
    BUDGETS,
    Labels,
    Ranking,
    bootstrap,
    false_alarms,
    interval,
    recall_by_kind,
    series_weights,
    soft_labels,
)


def labels(
    odd: Sequence[int], series: Sequence[int] | None = None, month: Sequence[int] | None = None
) -> Labels:
    """One series of consecutive months unless said otherwise."""
    n = len(odd)
    return Labels(
        np.array(odd, dtype=bool),
        np.array(series if series is not None else [0] * n, dtype=np.int64),
        np.array(month if month is not None else range(n), dtype=np.int64),
    )


def drawn(seed: int, n: int = 400, ties: bool = False) -> tuple[np.ndarray, Labels]:
    """A score with some signal, in 20 series."""
    rng = np.random.default_rng(seed)
    odd = rng.random(n) < 0.1
    score = rng.normal(size=n) + 1.5 * odd
    series, month = np.divmod(np.arange(n), n // 20)
    return np.round(score) if ties else score, Labels(odd, series.astype(np.int64), month.astype(np.int64))


@pytest.mark.parametrize("ties", [False, True])
def test_auc_pr_is_scikit_learns_average_precision(ties: bool) -> None:
    """With and without equal scores."""
    score, truth = drawn(0, ties=ties)
    assert Ranking(score, truth).measure()["auc_pr"] == pytest.approx(
        average_precision_score(truth.odd, score), abs=1e-12
    )


def test_weights_of_the_series_are_sample_weights() -> None:
    """A series drawn twice counts twice, as scikit-learn weighs samples."""
    score, truth = drawn(1)
    weights = series_weights(truth.count, 1, seed=3)[0]
    expected = average_precision_score(truth.odd, score, sample_weight=weights[truth.series])
    assert Ranking(score, truth).measure(weights)["auc_pr"] == pytest.approx(expected, abs=1e-12)


def test_recall_counts_the_oddest_rows_of_a_budget() -> None:
    """Of 200 rows the top 1 % are two; one of three anomalies is among them, two among the top ten."""
    score = np.arange(200.0)
    odd = np.zeros(200, dtype=int)
    odd[[199, 192, 5]] = 1
    found = Ranking(score, labels(odd.tolist())).measure()
    assert found["0.005"] == pytest.approx(1 / 3)
    assert found["0.01"] == pytest.approx(1 / 3)
    assert found["0.05"] == pytest.approx(2 / 3)
    assert list(found)[: len(BUDGETS)] == [f"{b:g}" for b in BUDGETS]


def test_a_row_without_a_score_comes_last() -> None:
    """An anomaly that was not scored is not found."""
    score = np.array([np.nan, 3.0, 2.0, 1.0])
    assert Ranking(score, labels([1, 0, 0, 0])).measure()["auc_pr"] == pytest.approx(0.25)


def test_the_buffer_stays_within_its_series_and_counts_missing_months_as_time() -> None:
    """One month to each side; the next line of the file may be another series, and a month may be missing."""
    truth = labels([0, 1, 0, 0, 1, 0], series=[0, 0, 0, 0, 1, 1], month=[1, 2, 3, 4, 5, 7])
    np.testing.assert_allclose(soft_labels(truth, 1), [np.sqrt(0.5), 1.0, np.sqrt(0.5), 0.0, 1.0, 0.0])
    np.testing.assert_allclose(soft_labels(truth, 0), truth.odd.astype(float))


def test_vus_pr_of_four_months_worked_by_hand() -> None:
    """The month after the only anomaly scores highest, the anomaly second.

    Without a buffer: recall 0, then 1 at precision 1/2. With one month: labels 0.71, 1, 0.71, 0; mass
    (1 + 2.41) / 2 = 1.71; first row: recall .71 / 1.71 at precision .71; second: 1 at 1.71 / 2.
    """
    score = np.array([0.1, 0.8, 0.9, 0.2])
    r = np.sqrt(0.5)
    mass = (1 + 1 + 2 * r) / 2
    buffered = (r / mass) * r + (1 - r / mass) * (1 + r) / 2
    found = Ranking(score, labels([0, 1, 0, 0])).measure()["vus_pr"]
    assert found == pytest.approx((0.5 + buffered) / 2)


def test_a_perfect_score_has_no_more_area_than_one() -> None:
    """And reaches it in both areas where no anomaly has a neighbour."""
    odd = [0, 0, 1, 0, 0, 0]
    truth = labels(odd, series=[0, 0, 1, 2, 2, 2])
    found = Ranking(np.array(odd, dtype=float), truth).measure()
    assert found["auc_pr"] == pytest.approx(1.0)
    assert found["vus_pr"] == pytest.approx(1.0)


def test_a_better_score_has_more_of_every_figure() -> None:
    """Signal against none on the same rows."""
    score, truth = drawn(2, n=2000)
    chance = np.random.default_rng(9).normal(size=2000)
    good, bad = Ranking(score, truth).measure(), Ranking(chance, truth).measure()
    assert all(good[key] > bad[key] for key in good)


def test_false_alarms_are_counted_for_a_thousand_scored_rows() -> None:
    """Two of four scored rows at or below one in a hundred; a row without a p-value does not count."""
    assert false_alarms(np.array([0.01, 0.001, 0.5, 0.02, np.nan])) == pytest.approx(500.0)
    assert np.isnan(false_alarms(np.array([np.nan])))


def test_recall_by_kind_names_each_kind() -> None:
    """Also one of which nothing was found."""
    kind = ["", "fall", "", "swap"] + [""] * 36
    score = np.arange(40.0)[::-1]
    assert recall_by_kind(score, kind, 0.05) == {"fall": 1, "swap": 0}


def test_the_bootstrap_resamples_whole_series() -> None:
    """Each draw has as many series as there are; an interval covers the mean and narrows with more series."""
    weights = series_weights(20, 300, seed=0)
    assert (weights.sum(axis=1) == 20).all()
    widths = []
    for n in (400, 4000):
        score, truth = drawn(4, n=n)
        many = Labels(truth.odd, np.arange(n) // 20, np.arange(n) % 20)
        ranking = Ranking(score, many)
        low, high = interval(bootstrap([ranking], series_weights(many.count, 200, seed=0))["auc_pr"])
        assert low < ranking.measure()["auc_pr"] < high
        widths.append(high - low)
    assert widths[1] < 0.6 * widths[0]


def test_a_draw_without_an_anomaly_says_nothing() -> None:
    """NaN rather than 0, and left out of the interval."""
    truth = labels([1, 0], series=[0, 1])
    draws = bootstrap([Ranking(np.array([1.0, 0.0]), truth)], np.array([[0.0, 2.0], [2.0, 0.0]]))
    assert np.isnan(draws["auc_pr"]).tolist() == [True, False]
    assert interval(draws["auc_pr"]) == (1.0, 1.0)
