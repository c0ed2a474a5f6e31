"""P-values of clean months and clean lines, and the range that clean unit values keep to."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from customs import Case
from customs.errors import CustomsError
from tabular_ae.calibration import HIGH, LEAST_GROUP, LEAST_LINES, LOW, WHOLE, conformal, expected_range
from tabular_ae.checks import CHECKS, CODE, PRICE, VOLUME, line_chain
from tabular_ae.data import Panel, rows_of
from tabular_ae.macro import Macro
from tabular_ae.model import FlagshipConfig
from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.rows import Rows
from tabular_ae.scorer import TabularScorer
from tabular_ae.train import fit

ToRows = Callable[[pd.DataFrame], Rows]
Declared = Callable[..., Case]


@dataclasses.dataclass(frozen=True, eq=False)
class Fresh:
    """A model, and clean rows of thirty months after those it knows, with their scores."""

    scorer: TabularScorer
    rows: Rows
    found: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def several(
    toy_config: FlagshipConfig,
    make_panel: Callable[..., pd.DataFrame],
    make_oil: Callable[..., Macro],
    toy_rows: ToRows,
) -> list[Fresh]:
    """Three panels of seven and a half years, of which the last two and a half are unseen.

    A panel's six items walk as one, so that one panel says little of how often a clean row is odd.
    """
    made = []
    for seed in range(3):
        rows = toy_rows(make_panel(seed, months=90))
        stop = int(rows.month.max()) - 29
        panel = Panel(rows.take(rows.month < stop), "krw_per_kg", macro=make_oil(months=90))
        scorer = fit(panel, toy_config)
        late = rows.take(rows.month >= stop)
        made.append(Fresh(scorer, late, scorer.score_panel(late)))
    return made


@pytest.fixture(scope="module")
def fresh(several: list[Fresh]) -> Fresh:
    """One of them."""
    return several[0]


@pytest.mark.parametrize("column", ["p_value", *(f"{check}.p_value" for check in CHECKS)])
def test_clean_months_that_nobody_saw_are_calibrated(several: list[Fresh], column: str) -> None:
    """As many have p ≤ 0.05, 0.1 and 0.5 as should: in each check, and in all of them together."""
    p = np.concatenate([one.found[column] for one in several])
    assert np.isfinite(p).all()
    assert (p <= 0.01).mean() < 0.025
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert (p <= 0.10).mean() == pytest.approx(0.10, abs=0.035)
    assert (p <= 0.50).mean() == pytest.approx(0.50, abs=0.12)


def test_flags_are_the_promised_share_of_clean_months(several: list[Fresh]) -> None:
    """At most about one in a hundred of 2,160: the smallest p-values that 288 clean scores can give."""
    flagged = np.concatenate([one.found["flagged"] for one in several])
    assert 0.0 < flagged.mean() < 0.018
    p = np.concatenate([one.found["p_value"] for one in several])
    np.testing.assert_array_equal(flagged, p <= 0.01)


def test_nine_in_ten_clean_unit_values_keep_to_the_range(several: list[Fresh]) -> None:
    """About one in twenty lies below it and one in twenty above."""
    value, low, high = (
        np.concatenate([one.found[name] for one in several])
        for name in ("unit_value", "expected_low", "expected_high")
    )
    assert (value < low).mean() == pytest.approx(0.05, abs=0.03)
    assert (value > high).mean() == pytest.approx(0.05, abs=0.03)


def test_p_values_and_surprise_tell_the_same_order(fresh: Fresh) -> None:
    """Within a reference group, which here is all goods; and both are of the same rows."""
    for check in CHECKS:
        p, surprise = fresh.found[f"{check}.p_value"], fresh.found[f"{check}.surprise"]
        order = np.argsort(surprise, kind="stable")
        assert (np.diff(p[order]) <= 1e-12).all(), check


def test_a_planted_fall_is_odder_than_nearly_all_clean_rows(fresh: Fresh) -> None:
    """Half the value on one row in thirty: most of them within the oddest tenth."""
    planted = np.arange(len(fresh.rows)) % 30 == 7
    value = np.where(planted, fresh.rows.value * 0.5, fresh.rows.value)
    found = fresh.scorer.score_panel(dataclasses.replace(fresh.rows, value=value))
    assert (found["p_value"][planted] <= 0.1).mean() > 0.8
    assert (found[f"{PRICE}.p_value"][planted] <= 0.02).mean() > 0.8


def test_every_check_the_range_and_the_whole_are_calibrated(fresh: Fresh) -> None:
    """On months; without clean lines these stand in for lines, too."""
    known = fresh.scorer.calibrations
    assert set(known) == {*CHECKS, LOW, HIGH, WHOLE}
    assert all(both.lines is None for both in known.values())


def test_lines_have_clean_scores_of_their_own(with_lines: TabularScorer) -> None:
    """But for volume, whose scale is that of months, and for the whole, which only panels have."""
    with_own = {name for name, both in with_lines.calibrations.items() if both.lines is not None}
    assert {PRICE, CODE, LOW, HIGH} <= with_own
    assert not with_own & {VOLUME, WHOLE}
    known = with_lines.calibrations
    assert known[VOLUME].of(consignment=True) is known[VOLUME].months
    assert known[PRICE].of(consignment=True) is known[PRICE].lines
    assert known[PRICE].of(consignment=False) is known[PRICE].months


def test_a_group_speaks_for_itself_only_where_it_is_large(fresh: Fresh) -> None:
    """A chapter of many rows has its own clean scores, a code of few leans on all."""
    rows = fresh.rows
    many = Rows.concat([rows, rows, rows])
    clean = conformal(np.linspace(0.0, 1.0, len(many)), many)
    assert clean is not None
    fish = sum(hs.startswith("03") for hs in many.hs)
    assert LEAST_GROUP <= fish < len(many)
    assert set(clean.groups) == {"all", "03"}
    assert clean.group_for(("0303670000", "03", "all")) == "03"
    assert clean.group_for(("0901110000", "09", "all")) == "all"
    assert conformal(np.full(len(rows), np.nan), rows) is None


def test_a_model_that_expects_no_value_has_no_range(panel: Panel) -> None:
    """The proposal's error is calibrated, its range is unknown."""
    scorer = fit(panel, ProposalConfig(window=4, hidden=4, epochs=1))
    assert LOW not in scorer.calibrations
    assert {PRICE, WHOLE} <= set(scorer.calibrations)
    prices = scorer.price.score(scorer.history, panel.rows)
    low, high = expected_range(scorer.calibrations, prices, [("all",)] * len(panel.rows), consignment=False)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_the_range_holds_what_was_expected_and_is_wider_at_a_larger_scale(fresh: Fresh) -> None:
    """Whatever the clean scores: low ≤ expected ≤ high."""
    prices = fresh.scorer.price.score(fresh.scorer.history.with_rows(fresh.rows), fresh.rows)
    chains = [("all",)] * len(fresh.rows)
    low, high = expected_range(fresh.scorer.calibrations, prices, chains, consignment=False)
    assert (low <= np.exp(prices.centre)).all()
    assert (np.exp(prices.centre) <= high).all()
    width = np.log(high / low)
    np.testing.assert_allclose(width / prices.scale, (width / prices.scale)[0], rtol=1e-9)


def test_single_month_series_leave_nothing_to_calibrate_on(panel: Panel, toy_config: FlagshipConfig) -> None:
    """Every series new and of another heading: one clear error."""
    rows = panel.rows
    codes = np.array([f"{1000 + i:04d}{i % 7:02d}" for i in range(len(rows))], dtype=object)
    with pytest.raises(CustomsError, match="earlier months"):
        fit(Panel(dataclasses.replace(rows, hs=codes)), toy_config)


# -- lines ---------------------------------------------------------------------------------------------

NOISE = 0.4


@dataclasses.dataclass(frozen=True, eq=False)
class Lines:
    """A panel, noisy clean lines of all its months, and fresh ones like them of its last half year."""

    panel: Panel
    clean: tuple[Case, ...]
    fresh: list[Case]


@pytest.fixture(scope="module")
def lines(panel: Panel, declared: Declared) -> Lines:
    """Each about the price of its month, a factor of 1.5 off."""
    rng = np.random.default_rng(4)
    rows = panel.rows

    def line_of(i: int) -> Case:
        price = rows.unit_value[i] * float(np.exp(rng.normal(0.0, NOISE)))
        kilograms = round(float(rng.uniform(500.0, 5_000.0)), 1)
        month = int(rows.month[i])
        return declared(
            hsk=rows.hs[i],
            origin=rows.country[i],
            net_kg=kilograms,
            value=f"{price * kilograms:.2f} USD",
            date=dt.date(month // 12, month % 12 + 1, 15),
        )

    later = np.flatnonzero(rows.month > rows.month.min() + 3)
    newest = np.flatnonzero(rows.month > rows.month.max() - 6)
    clean = tuple(line_of(int(i)) for i in rng.choice(later, 1_000))
    return Lines(panel, clean, [line_of(int(i)) for i in rng.choice(newest, 500)])


def p_of(scorer: TabularScorer, cases: list[Case], check: str) -> np.ndarray:
    """P-values of one check on declared lines, without the words: (n,)."""
    rows = rows_of([scorer.converter.line(case) for case in cases])
    score = scorer.models.by_check[check].score(scorer.history, rows, consignment=True).score
    p, _, _ = scorer.calibrations[check].of(consignment=True).many(score, list(map(line_chain, rows.hs)))
    return p


@pytest.fixture(scope="module", params=[False, True], ids=["distance", "exposure"])
def with_lines(request: pytest.FixtureRequest, lines: Lines, toy_config: FlagshipConfig) -> TabularScorer:
    """A model that learned from the clean lines, judged by distance or by the trees."""
    config = dataclasses.replace(toy_config, exposure=request.param, rounds=60, odd_rounds=100)
    return fit(dataclasses.replace(lines.panel, cases=lines.clean), config)


def test_clean_lines_teach_how_much_noisier_a_line_is_than_a_month(
    with_lines: TabularScorer, toy_scorer: TabularScorer
) -> None:
    """The noise that they were made with comes out, and counts for prices of other codes too."""
    assert with_lines.figures["price_noise_of_a_line"] == pytest.approx(NOISE, abs=0.1)
    assert toy_scorer.figures["price_noise_of_a_line"] == 0.0
    assert with_lines.figures["calibration_lines"] >= LEAST_LINES
    assert toy_scorer.figures["calibration_lines"] == 0
    assert with_lines.models.code is not None
    assert with_lines.models.code.extra == pytest.approx(with_lines.price.extra)


@pytest.mark.parametrize("check", [PRICE, CODE])
def test_clean_lines_that_nobody_saw_are_calibrated(
    with_lines: TabularScorer, lines: Lines, check: str
) -> None:
    """About one in twenty has p ≤ 0.05, and about one in ten p ≤ 0.1."""
    p = p_of(with_lines, lines.fresh, check)
    assert np.isfinite(p).all()
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.045)
    assert (p <= 0.10).mean() == pytest.approx(0.10, abs=0.065)


def test_without_lines_to_learn_from_noisy_ones_are_taken_for_odd(
    toy_scorer: TabularScorer, lines: Lines
) -> None:
    """Months stand in for them, which scatter less: what the lines teach is worth having."""
    assert (p_of(toy_scorer, lines.fresh, PRICE) <= 0.10).mean() > 0.4
