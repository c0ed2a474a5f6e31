"""A list under a budget: exact in length, total in order, with lots that tell the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customs.errors import InvalidValue
from fusion.rank import Budget, false_discoveries, hit_rate, select, tie_rate


@pytest.mark.parametrize(
    ("text", "of_200"),
    [
        ("0.05", 10),
        ("5%", 10),
        (" 12.5 % ", 25),
        ("120", 120),
        ("120.0", 120),
        ("1", 1),
        ("100%", 200),
        ("0.5%", 1),
        ("500", 200),
        (0.05, 10),
        (30, 30),
    ],
)
def test_a_budget_is_a_share_or_a_count(text: str | float, of_200: int) -> None:
    assert Budget.parse(text).of(200) == of_200


@pytest.mark.parametrize(
    "text", ["0", "-5", "1.5", "101%", "0%", "a tenth", "", "%", "nan", "inf", "1e999", "-inf", "5%%"]
)
def test_anything_else_is_no_budget(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"^budget: .*such as 0\.05"):
        Budget.parse(text)


def test_ranks_are_a_total_order_with_the_riskiest_first() -> None:
    risk = np.random.default_rng(0).random(500)
    ranks = select(risk, Budget(count=50)).rank
    assert sorted(ranks) == list(range(1, 501))
    assert (np.argsort(ranks) == np.argsort(-risk)).all()


def test_equal_risks_follow_a_seeded_draw_and_not_the_order_of_the_file() -> None:
    """The same seed gives the same list, another one another."""
    risk = np.zeros(400)
    one, again, other = (select(risk, Budget(count=40), seed=s) for s in (1, 1, 2))
    assert (one.rank == again.rank).all()
    assert (one.arm == again.arm).all()
    assert (one.rank != other.rank).any()
    assert np.corrcoef(one.rank, np.arange(400))[0, 1] == pytest.approx(0, abs=0.2)


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 60),
    budget=st.one_of(st.integers(1, 80), st.floats(0.01, 0.99)),
    share=st.floats(0, 1),
    seed=st.integers(0, 9),
    unknown=st.floats(0, 0.5),
)
def test_as_many_are_selected_as_the_budget_allows(
    n: int, budget: float, share: float, seed: int, unknown: float
) -> None:
    """Exactly, whether or not a lot falls on one that is risky as well; those not judged by lot only."""
    rng = np.random.default_rng(seed)
    risk = np.where(rng.random(n) < unknown, np.nan, rng.integers(0, 5, n).astype(float))
    wanted = Budget(count=int(budget)) if budget >= 1 else Budget(share=budget)
    found = select(risk, wanted, random_share=share, seed=seed)
    places, judged = wanted.of(n), np.isfinite(risk)
    by_lot = np.isin(found.arm, ("random", "both"))
    assert found.budget == places
    assert by_lot.sum() == found.drawn <= places
    possible = int((judged & ~by_lot).sum())
    assert found.selected.sum() == found.drawn + min(places - found.drawn, possible)
    assert not np.isin(found.arm[~judged], ("risk", "both")).any()
    if (by_risk := np.isin(found.arm, ("risk", "both"))).any():
        worst = found.rank[by_risk].max()
        assert by_risk[(found.rank > 0) & (found.rank <= worst)].all()


def test_a_case_that_is_drawn_and_risky_takes_one_place() -> None:
    """So the list by risk goes one further."""
    risk = np.arange(100.0)[::-1]
    for seed in range(30):
        found = select(risk, Budget(count=20), random_share=0.5, seed=seed)
        assert found.selected.sum() == 20
        assert (found.arm == "risk").sum() == 10
        assert (found.arm == "both").sum() + (found.arm == "random").sum() == 10


def test_what_nobody_could_judge_has_no_rank_and_comes_last() -> None:
    risk = np.array([0.2, np.nan, 0.9, np.nan, 0.1])
    found = select(risk, Budget(count=5), random_share=0.0)
    assert found.rank.tolist() == [2, 0, 1, 0, 3]
    assert found.arm.tolist() == ["risk", "", "risk", "", "risk"]
    everything = select(risk, Budget(count=5), random_share=1.0)
    assert everything.selected.all()


def test_nothing_to_choose_from_is_an_empty_list() -> None:
    for risk in (np.empty(0), np.full(3, np.nan)):
        found = select(risk, Budget(share=0.5), random_share=0.0)
        assert not found.selected.any()
        assert (found.tied, found.tied_out) == (0, 0)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_of_lots_outside_zero_and_one_is_refused(share: float) -> None:
    with pytest.raises(InvalidValue, match="random"):
        select(np.ones(3), Budget(count=1), random_share=share)


def test_the_band_of_those_tied_at_the_cut_is_told() -> None:
    """How many share the risk of the last one chosen, and how many of them stay out."""
    risk = np.array([9.0, 8.0, *[5.0] * 6, 1.0, 1.0])
    found = select(risk, Budget(count=4), random_share=0.0)
    assert (found.tied, found.tied_out) == (6, 4)
    assert select(risk, Budget(count=2), random_share=0.0).tied == 1
    drawn = select(np.ones(10), Budget(count=10), random_share=0.5)
    assert drawn.selected.all()
    assert (drawn.tied, drawn.tied_out) == (10, 0)
    assert tie_rate(risk) == 0.8
    assert tie_rate(np.array([1.0, 2.0, np.nan, np.nan])) == 0.0
    assert tie_rate(np.array([np.nan])) == 0.0


def test_the_hit_rate_of_the_lots_is_that_of_all_cases() -> None:
    """Over 600 draws its mean is within three standard errors, though the list by risk is full of hits."""
    rng = np.random.default_rng(3)
    fraud = rng.random(1_000) < 0.1
    risk = fraud + 0.5 * rng.random(1_000)
    rates, by_risk = [], []
    for seed in range(600):
        found = select(risk, Budget(share=0.1), random_share=0.2, seed=seed)
        rates.append(fraud[np.isin(found.arm, ("random", "both"))].mean())
        by_risk.append(fraud[found.arm == "risk"].mean())
    error = np.std(rates) / np.sqrt(len(rates))
    assert np.mean(rates) == pytest.approx(fraud.mean(), abs=3 * error)
    assert error < 0.005
    assert np.mean(by_risk) > 0.9


def test_a_small_budget_still_draws_one_by_lot_and_none_if_none_is_wanted() -> None:
    assert select(np.arange(100.0), Budget(count=5), random_share=0.02).drawn == 1
    assert select(np.arange(100.0), Budget(count=5), random_share=0.0).drawn == 0
    assert select(np.arange(10_000.0), Budget(share=0.05), random_share=0.02).drawn == 10


@pytest.mark.parametrize(
    ("hits", "inspected", "low", "high"),
    [  # Clopper and Pearson's limits as tables of the exact binomial interval have them
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 20, 0.0866, 0.4910),
        (10, 10, 0.6915, 1.0),
    ],
)
def test_the_interval_of_a_hit_rate_is_the_exact_one(
    hits: int, inspected: int, low: float, high: float
) -> None:
    share, *limits = hit_rate(hits, inspected)
    assert share == hits / inspected
    assert limits == pytest.approx([low, high], abs=5e-5)


def test_without_inspections_nothing_is_known_of_the_hit_rate() -> None:
    share, low, high = hit_rate(0, 0)
    assert np.isnan(share)
    assert (low, high) == (0.0, 1.0)


def test_benjamini_and_hochbergs_own_example_is_answered_as_they_did() -> None:
    """Their 15 p-values (1995, section 3.2) at 5 %: the first four are rejected, by Bonferroni only three."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    shuffled = np.random.default_rng(0).permutation(15)
    assert sorted(shuffled[false_discoveries(np.array(p)[shuffled], 0.05)]) == [0, 1, 2, 3]


def test_a_p_value_above_its_own_line_is_taken_where_a_later_one_is_below() -> None:
    """The rule steps up; one that nobody could judge is never taken and does not count."""
    assert false_discoveries(np.array([0.06, np.nan, 0.09]), 0.1).tolist() == [True, False, True]
    assert not false_discoveries(np.array([np.nan, np.nan]), 0.1).any()
    assert not false_discoveries(np.empty(0), 0.1).any()


def test_the_share_of_clean_cases_among_the_discoveries_stays_below_what_was_asked() -> None:
    """Over 300 days of 500 cases, a tenth of them frauds."""
    rng = np.random.default_rng(4)
    false, found = [], 0
    for _ in range(300):
        fraud = rng.random(500) < 0.1
        p = np.where(fraud, rng.beta(0.1, 8.0, 500), rng.random(500))
        chosen = false_discoveries(p, 0.2)
        false.append((chosen & ~fraud).sum() / max(chosen.sum(), 1))
        found += int((chosen & fraud).sum())
    assert 0.12 < np.mean(false) < 0.2
    assert found > 300 * 25


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_of_false_discoveries_outside_zero_and_one_is_refused(rate: float) -> None:
    with pytest.raises(InvalidValue, match="fdr"):
        false_discoveries(np.array([0.5]), rate)
