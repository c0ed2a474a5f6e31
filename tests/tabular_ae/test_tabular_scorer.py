"""The tabular scorer: order, calibration, abstention, keeping, words."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from customs import Case, DamagedArtefact, InvalidConfig, Scorer
from customs.sentences import render
from tabular_ae.data import Panel
from tabular_ae.model import FlagshipConfig
from tabular_ae.rows import Rows
from tabular_ae.scorer import CHECKS, FREIGHT, PRICE, TabularScorer
from tabular_ae.train import fit

ToRows = Callable[[pd.DataFrame], Rows]
Declared = Callable[..., Case]


@pytest.fixture(scope="module")
def scorer(panel: Panel, toy_config: FlagshipConfig) -> TabularScorer:
    """A toy model of the clean panel."""
    return fit(panel, toy_config)


def usual(scorer: TabularScorer, declared: Declared, **given: Any) -> float:
    """Middle of the expected interval of a line, USD/kg."""
    expected = scorer.score([declared(**given)])[0][0].expected
    assert expected is not None
    return float(np.sqrt(expected[0] * expected[1]))


def test_it_is_a_scorer(scorer: TabularScorer) -> None:
    """The protocol of the design holds."""
    assert isinstance(scorer, Scorer)
    assert scorer.checks == CHECKS


def test_clean_months_that_nobody_saw_are_calibrated(
    toy_config: FlagshipConfig, make_panel: Callable[..., pd.DataFrame], toy_rows: ToRows
) -> None:
    """Of clean later months about one in twenty has p ≤ 0.05, and about one in ten p ≤ 0.1, in each check."""
    rows = toy_rows(make_panel(3, months=90))
    stop = int(rows.month.max()) - 29
    scorer = fit(Panel(rows.take(rows.month < stop), "krw_per_kg"), toy_config)
    found = scorer.score_panel(rows.take(rows.month >= stop))
    for check in CHECKS:
        p = found[f"{check}.p_value"]
        assert np.isfinite(p).all()
        assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.03)
        assert (p <= 0.10).mean() == pytest.approx(0.10, abs=0.045)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.65])
def test_an_undervalued_line_stands_out(scorer: TabularScorer, declared: Declared, share: float) -> None:
    """Declaring a third to two thirds of the price is odd at one in a hundred, and is said to be low."""
    price = usual(scorer, declared)
    odd = scorer.score([declared(value=f"{10_000 * price * share:.2f} USD")])[0][0]
    fair = scorer.score([declared(value=f"{10_000 * price:.2f} USD")])[0][0]
    assert odd.p_value is not None
    assert odd.p_value <= 0.01
    assert odd.message.id == "price.low"
    assert fair.p_value is not None
    assert fair.p_value > 0.3
    assert fair.message.id == "price.usual"


def test_a_cheaper_line_is_always_more_surprising(scorer: TabularScorer, declared: Declared) -> None:
    """Surprise goes on rising beyond the oddest clean case."""
    price = usual(scorer, declared)
    found = [
        scorer.score([declared(value=f"{10_000 * price * share:.2f} USD")])[0][0].surprise
        for share in (0.7, 0.5, 0.3, 0.1)
    ]
    assert all(a is not None and b is not None and a < b for a, b in itertools.pairwise(found))


def test_inflated_freight_stands_out(scorer: TabularScorer, declared: Declared) -> None:
    """Three times the route's rate is odd; the same amount in won says the same as in dollars."""
    normal = scorer.score([declared(freight="1700 USD")])[0][1]
    assert normal.expected is not None
    rate = float(np.sqrt(normal.expected[0] * normal.expected[1]))
    won = scorer.score([declared(freight=f"{rate * 3 * 10_000:.0f} KRW")])[0][1]
    dollars = scorer.score([declared(freight=f"{rate * 3 * 10_000 / 1300:.2f} USD")])[0][1]
    assert won.p_value is not None
    assert won.p_value <= 0.02
    assert won.message.id == "freight.high"
    assert dollars.observed == pytest.approx(won.observed, rel=1e-4)
    assert won.unit == "KRW/kg"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"net_kg": 0.0}, "price.no_weight"),
        ({"value": "0 USD"}, "price.no_value"),
        ({"value": "100 EUR"}, "price.currency"),
        ({"hsk": "8703231000"}, "price.no_history"),
    ],
)
def test_a_line_without_ground_to_stand_on_abstains_with_a_reason(
    scorer: TabularScorer, declared: Declared, given: dict[str, Any], reason: str
) -> None:
    """Silence is never a zero, and the reason renders in both languages."""
    evidence = scorer.score([declared(**given)])[0][0]
    assert evidence.abstained
    assert evidence.message.id == reason
    assert render(evidence.message, "en")
    assert render(evidence.message, "ko")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "freight.none"),
        ({"freight": "0 USD"}, "freight.none"),
        ({"freight": "900 USD", "mode": "air"}, "freight.not_sea"),
        ({"freight": "900 USD", "net_kg": 0.0}, "freight.no_weight"),
        ({"freight": "900 EUR"}, "freight.currency"),
        ({"freight": "900 USD", "departure": "NO"}, "freight.no_route"),
    ],
)
def test_freight_that_cannot_be_compared_abstains_with_a_reason(
    scorer: TabularScorer, declared: Declared, given: dict[str, Any], reason: str
) -> None:
    """Freight belongs to the route from the country of departure, by sea."""
    evidence = scorer.score([declared(**given)])[0][1]
    assert evidence.abstained
    assert evidence.message.id == reason
    assert render(evidence.message, "en")
    assert render(evidence.message, "ko")


def test_a_panel_without_freight_has_one_check_that_speaks(
    panel: Panel, toy_config: FlagshipConfig, declared: Declared
) -> None:
    """The other abstains and has no columns."""
    rows = dataclasses.replace(panel.rows, freight=np.full(len(panel.rows), np.nan))
    scorer = fit(Panel(rows), dataclasses.replace(toy_config, epochs=1))
    assert scorer.score([declared(freight="900 USD")])[0][1].message.id == "freight.no_panel"
    found = scorer.score_panel(rows)
    assert f"{FREIGHT}.p_value" not in found
    np.testing.assert_array_equal(found["surprise"], found[f"{PRICE}.surprise"])


def test_won_are_read_at_the_rate_of_the_month(scorer: TabularScorer, declared: Declared) -> None:
    """The same value in another currency is the same unit value."""
    won = scorer.score([declared(value="130000000 KRW")])[0][0]
    assert won.observed == pytest.approx(10.0)


def test_a_new_country_leans_on_the_item_and_a_new_item_on_its_heading(
    scorer: TabularScorer, declared: Declared
) -> None:
    """Backing off is said in the sentence."""
    country = scorer.score([declared(origin="NO")])[0][0]
    item = scorer.score([declared(hsk="0303990000")])[0][0]
    assert country.message.id.endswith(".item")
    assert item.message.id.endswith(".heading")
    assert "0303" in render(item.message, "en")


def test_a_case_without_a_line_abstains_on_both_checks(scorer: TabularScorer) -> None:
    """A scan looked at by itself has no price."""
    found = scorer.score([Case(subject="scan")])[0]
    assert [e.check for e in found] == list(CHECKS)
    assert all(e.abstained for e in found)


def test_a_case_scores_the_same_alone_and_in_a_batch(scorer: TabularScorer, declared: Declared) -> None:
    """Nothing leaks from case to case, and the order is kept."""
    cases = [
        declared(value=f"{v} USD", freight=f"{f} USD")
        for v, f in zip((5e3, 2e5, 9e4), (900, 80, 2), strict=True)
    ]
    together = scorer.score(cases)
    assert together == [scorer.score([case])[0] for case in cases]
    assert len({e[0].observed for e in together}) == 3


def test_what_was_saved_scores_the_same(
    scorer: TabularScorer, declared: Declared, tmp_path: Path, panel: Panel
) -> None:
    """load(save(x)) is x, for lines and for panels."""
    scorer.save(tmp_path / "m")
    again = TabularScorer.load(tmp_path / "m")
    cases = [declared(freight="1500 USD"), declared(origin="NO"), declared(hsk="8703231000")]
    assert again.score(cases) == scorer.score(cases)
    pd.testing.assert_frame_equal(
        pd.DataFrame(again.score_panel(panel.rows)), pd.DataFrame(scorer.score_panel(panel.rows))
    )


def test_a_damaged_artefact_is_refused(scorer: TabularScorer, tmp_path: Path) -> None:
    """One changed byte in the history is enough."""
    scorer.save(tmp_path / "m")
    bank = tmp_path / "m" / "history.parquet"
    data = bytearray(bank.read_bytes())
    data[len(data) // 2] ^= 1
    bank.write_bytes(bytes(data))
    with pytest.raises(DamagedArtefact, match="sha256"):
        TabularScorer.load(tmp_path / "m")


def test_a_panel_keeps_its_order(scorer: TabularScorer, panel: Panel) -> None:
    """Shuffled rows get the same scores, shuffled."""
    order = np.random.default_rng(0).permutation(len(panel.rows))
    straight = scorer.score_panel(panel.rows)["surprise"]
    shuffled = scorer.score_panel(panel.rows.take(order))["surprise"]
    np.testing.assert_allclose(shuffled, straight[order], rtol=1e-6)


def test_a_row_is_not_judged_by_later_months(scorer: TabularScorer, panel: Panel) -> None:
    """Changing the last months leaves the scores of earlier ones as they were."""
    last = panel.rows.month.max()
    later = panel.rows.month > last - 6
    value = np.where(later, panel.rows.value * 7.0, panel.rows.value)
    before = scorer.score_panel(panel.rows)["surprise"]
    after = scorer.score_panel(dataclasses.replace(panel.rows, value=value))["surprise"]
    np.testing.assert_allclose(after[~later], before[~later], rtol=1e-5)
    assert not np.allclose(after[later], before[later])


def test_rows_that_cannot_be_scored_stay_with_a_reason(scorer: TabularScorer, panel: Panel) -> None:
    """Zero weight, zero value and an unknown heading are NaN with a reason each; the first months too."""
    rows = panel.rows.take(np.arange(len(panel.rows) - 4, len(panel.rows)))
    rows = dataclasses.replace(
        rows,
        weight=np.array([0.0, *rows.weight[1:]]),
        value=np.array([rows.value[0], 0.0, *rows.value[2:]]),
        hs=np.array([rows.hs[0], rows.hs[1], "8703231000", rows.hs[3]], dtype=object),
        freight=np.full(4, np.nan),
    )
    found = scorer.score_panel(rows)
    assert np.isfinite(found["p_value"]).tolist() == [False, False, False, True]
    assert ["weight" in found["reason"][0], "value" in found["reason"][1]] == [True, True]
    assert "heading" in found["reason"][2]
    assert found["reason"][3] is None


def test_training_is_deterministic_for_a_seed(panel: Panel, toy_config: FlagshipConfig) -> None:
    """Same seed, same weights; another seed, others."""
    quick = dataclasses.replace(toy_config, epochs=1)
    first, second, other = (fit(panel, quick, seed=s).price.network.state_dict() for s in (3, 3, 4))
    assert all(np.array_equal(first[k].numpy(), second[k].numpy()) for k in first)
    assert not np.array_equal(first["out.weight"].numpy(), other["out.weight"].numpy())


def test_the_proposals_model_scores_too(panel: Panel, declared: Declared) -> None:
    """Model A gives an error and a p-value and owns up to having no expected range."""
    config = FlagshipConfig(goal="reconstruct", hidden=8, epochs=2, low_weight=1.0, flag_share=0.1)
    scorer = fit(panel, config)
    evidence = scorer.score([declared()])[0][0]
    assert evidence.expected is None
    assert evidence.message.id == "price.pattern"
    assert scorer.score([declared(hsk="8703231000")])[0][0].abstained
    found = scorer.score_panel(panel.rows)
    recent = panel.rows.month > panel.rows.month.max() - 6
    assert 0.02 < found["flagged"][recent].mean() < 0.3
    assert np.isnan(found["expected_low"]).all()


@pytest.mark.parametrize(
    "given",
    [
        {"epochs": 0},
        {"window": 1},
        {"window": 20},
        {"learning_rate": 0.0},
        {"flag_share": 1.0},
        {"hidden": -3},
    ],
)
def test_a_configuration_that_cannot_be_is_refused(given: dict[str, Any]) -> None:
    """The error names the key."""
    with pytest.raises(InvalidConfig) as caught:
        FlagshipConfig(**given)
    assert caught.value.problems[0].field == f"config.{next(iter(given))}"


def test_a_device_that_is_not_here_is_one_clear_error(panel: Panel, toy_config: FlagshipConfig) -> None:
    """No traceback from the depths of a driver."""
    with pytest.raises(InvalidConfig, match="no 'abacus' here"):
        fit(panel, toy_config, device="abacus")


def test_both_checks_are_named_in_a_panels_columns(scorer: TabularScorer, panel: Panel) -> None:
    """The command line's columns are those of the design."""
    found = scorer.score_panel(panel.rows)
    wanted = {"surprise", "p_value", "flagged", "expected_low", "expected_high", "unit_value", "reason"}
    wanted |= {f"{check}.{part}" for check in (PRICE, FREIGHT) for part in ("surprise", "p_value")}
    assert wanted <= set(found)
    assert all(len(v) == len(panel.rows) for v in found.values())
