"""The combination of p-values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customs.combine import cauchy_combination, combine_surprise

P = st.floats(1e-12, 1.0)


def test_one_p_value_stays_itself() -> None:
    for p in (1e-12, 1e-6, 0.03, 0.5, 0.89, 0.97, 1.0):
        assert cauchy_combination([p]) == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("checks", [2, 5, 10])
def test_independent_checks_keep_the_nominal_alarm_rate(checks: int) -> None:
    """Uniform p-values of clean cases: alarms at 1 % happen to about 1 % of them."""
    p = np.random.default_rng(3).uniform(size=(40_000, checks))
    combined = cauchy_combination(p.T)
    assert 0.008 < (combined <= 0.01).mean() < 0.0125


def test_checks_that_repeat_each_other_do_not_inflate_alarms() -> None:
    """Five copies of one p-value say no more than one."""
    assert cauchy_combination([0.02] * 5) == pytest.approx(0.02)


@given(st.lists(P, min_size=1, max_size=8), P)
def test_a_smaller_p_value_never_gives_a_larger_combination(others: list[float], p: float) -> None:
    assert cauchy_combination([*others, p / 2]) <= cauchy_combination([*others, p]) * (1 + 1e-9)


@given(st.lists(P, min_size=1, max_size=8))
def test_the_combination_is_a_probability_in_any_order(p: list[float]) -> None:
    combined = cauchy_combination(p)
    assert 0 < combined <= 1
    assert cauchy_combination(p[::-1]) == pytest.approx(combined, rel=1e-6)


@given(st.lists(st.floats(0, 12), min_size=1, max_size=8))
def test_surprises_combine_as_their_p_values_do(surprises: list[float]) -> None:
    expected = -math.log10(cauchy_combination([10.0**-s for s in surprises]))
    assert combine_surprise(surprises) == pytest.approx(expected, abs=1e-9)


def test_surprise_beyond_the_range_of_floats_still_orders() -> None:
    """No two different extremes collapse into one."""
    values = [float(combine_surprise([s, 0.1, 1.0])) for s in (250, 299.9, 300.1, 310, 500, 501)]
    assert values == sorted(values)
    assert len(set(values)) == len(values)


def test_unremarkable_rows_keep_their_order_without_ties() -> None:
    p = np.array([[0.91, 0.95, 0.99, 1.0], [0.5, 0.5, 0.5, 0.5]])
    assert (np.diff(cauchy_combination(p)) > 0).all()


def test_a_reassuring_check_cannot_cancel_an_alarm() -> None:
    assert cauchy_combination([0.001, 1.0]) < 0.0025


def test_a_silent_check_counts_for_nothing_in_a_table_of_rows() -> None:
    """Columns are rows of a panel; the last one has nobody to speak for it."""
    nan = float("nan")
    table = np.array([[0.01, 0.01, nan, nan], [0.5, nan, 1.0, nan]])
    together = cauchy_combination(table)
    assert together[0] == pytest.approx(float(cauchy_combination([0.01, 0.5])))
    assert together[1] == pytest.approx(0.01)
    assert together[2] == 1.0
    assert np.isnan(together[3])
    assert np.isnan(combine_surprise(-np.log10(table))[3])
    assert combine_surprise(-np.log10(table))[:3] == pytest.approx(-np.log10(together[:3]))


def test_a_heavier_check_moves_the_combination_more() -> None:
    light, heavy = (float(cauchy_combination([0.001, 0.5], [w, 1.0])) for w in (1.0, 3.0))
    assert heavy < light
