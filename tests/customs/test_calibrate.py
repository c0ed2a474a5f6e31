"""Conformal p-values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customs import Conformal, InvalidValue

CHAIN = ("0303670000", "030367", "0303", "03", "all")


def clean(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gumbel(size=n)


@pytest.mark.parametrize("level", [0.01, 0.05, 0.2])
def test_a_p_value_is_wrong_about_its_own_share_of_clean_cases(level: float) -> None:
    """On average over calibration sets, p <= level happens to about that share of new clean cases."""
    alarms = []
    for seed in range(60):
        conformal = Conformal.fit(clean(299, seed), [CHAIN] * 299)
        p, _, _ = conformal.many(clean(500, 1000 + seed), [CHAIN] * 500)
        alarms.append((p <= level).mean())
    assert np.mean(alarms) == pytest.approx(level, rel=0.2)


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=60),
    st.lists(st.floats(-100, 100), min_size=2, max_size=30),
)
def test_surprise_orders_exactly_as_the_scores_do_and_never_against_the_p_value(
    reference: list[float], scores: list[float]
) -> None:
    conformal = Conformal.fit(reference, [CHAIN] * len(reference))
    ordered = np.array(sorted(set(scores)))
    p, surprise, _ = conformal.many(ordered, [CHAIN] * len(ordered))
    assert (np.diff(surprise) >= 0).all()
    assert (np.diff(p) <= 0).all()
    assert ((p > 0) & (p <= 1)).all()
    assert (surprise >= 0).all()


def test_beyond_the_oddest_clean_case_surprise_goes_on_growing_while_the_p_value_stays() -> None:
    conformal = Conformal.fit(clean(200), [CHAIN] * 200)
    near, far = conformal(20.0, CHAIN), conformal(40.0, CHAIN)
    assert near.p_value == far.p_value == 1 / 201
    assert near.surprise < far.surprise


def test_a_few_clean_scores_whose_oddest_nearly_tie_do_not_make_every_new_one_a_sensation() -> None:
    """Beyond twenty scores a score as far off as their whole spread is odd, not one in 10^100."""
    scores = np.r_[np.linspace(0.0, 1.0, 18), 1.0001, 1.0002]
    conformal = Conformal.fit(scores, [("all",)] * 20)
    assert 1.3 < conformal(2.0, ("all",)).surprise < 4.0


def test_surprise_agrees_with_the_p_value_inside_the_clean_scores() -> None:
    conformal = Conformal.fit(clean(5000), [CHAIN] * 5000)
    p, surprise, _ = conformal.many(clean(1000, 9), [CHAIN] * 1000)
    assert np.abs(10.0**-surprise - p).max() < 0.002


def test_a_rare_code_backs_off_to_the_nearest_parent_with_enough_cases() -> None:
    chains = (
        [CHAIN] * 20 + [("0303110000", "030311", "0303", "03", "all")] * 100 + [("8703", "87", "all")] * 100
    )
    conformal = Conformal.fit(clean(220), chains)
    assert conformal(0.0, CHAIN).reference.group == "0303"
    assert conformal(0.0, CHAIN).reference.size == 120
    assert conformal(0.0, ("0303110000", "030311", "0303", "03", "all")).reference.group == "0303110000"
    assert conformal(0.0, ("9999", "99", "all")).reference.group == "all"


def test_one_by_one_and_many_at_once_agree_and_abstentions_stay_abstentions() -> None:
    conformal = Conformal.fit(clean(150), [CHAIN] * 150)
    scores = np.array([0.5, np.nan, 3.0])
    p, surprise, groups = conformal.many(scores, [CHAIN, ("all",), ("87", "all")])
    assert np.isnan([p[1], surprise[1]]).all()
    assert groups == [CHAIN[0], "all", "all"]
    for i in (0, 2):
        one = conformal(scores[i], [CHAIN, ("all",), ("87", "all")][i])
        assert (one.p_value, one.surprise) == (p[i], surprise[i])


def test_calibration_survives_its_table_beside_another_check() -> None:
    first, second = Conformal.fit(clean(120), [CHAIN] * 120), Conformal.fit(clean(30, 1), [("all",)] * 30)
    columns = {k: v + second.as_columns("b")[k] for k, v in first.as_columns("a").items()}
    again = Conformal.from_columns("a", columns)
    assert again.groups.keys() == first.groups.keys()
    assert again(1.7, CHAIN) == first(1.7, CHAIN)


def test_an_interval_holds_its_share_of_clean_scores() -> None:
    conformal = Conformal.fit(np.arange(1, 100.0), [("all",)] * 99)
    assert conformal.interval(("all",), 0.9) == 90.0


@pytest.mark.parametrize("scores", [[], [1.0, float("nan")], [float("inf")]])
def test_nothing_to_calibrate_on_is_refused(scores: list[float]) -> None:
    with pytest.raises(InvalidValue):
        Conformal.fit(scores, [("all",)] * len(scores))


def test_clean_scores_all_alike_make_no_absurd_surprise() -> None:
    """Beyond what data can carry, surprise still tells apart but grows slowly."""
    conformal = Conformal.fit(np.zeros(200), [()] * 200)
    near, far = (conformal(score, ()).surprise for score in (1.0, 2.0))
    assert 12 < near < far < 50
