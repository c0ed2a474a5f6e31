"""The tabular scorer: order, calibration, abstention, keeping, words."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from customs import Case, Evidence, InvalidConfig, Scorer
from customs.sentences import render
from tabular_ae.checks import CHECKS, CODE, FREIGHT, OIL, PRICE, VOLUME
from tabular_ae.data import Panel
from tabular_ae.model import FlagshipConfig
from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.rows import Rows
from tabular_ae.scorer import TabularScorer
from tabular_ae.train import fit

Declared = Callable[..., Case]


@pytest.fixture
def scorer(toy_scorer: TabularScorer) -> TabularScorer:
    """A toy model of the clean panel."""
    return toy_scorer


def said_of(scorer: TabularScorer, case: Case) -> dict[str, Evidence]:
    """The evidence on one case by check."""
    return {evidence.check: evidence for evidence in scorer.score([case])[0]}


def usual(scorer: TabularScorer, case: Case, check: str = PRICE) -> float:
    """Middle of the expected interval of a line: USD/kg, or freight per kg."""
    expected = said_of(scorer, case)[check].expected
    assert expected is not None
    return float(np.sqrt(expected[0] * expected[1]))


def test_it_is_a_scorer(scorer: TabularScorer) -> None:
    """The protocol of the design holds."""
    assert isinstance(scorer, Scorer)
    assert scorer.checks == CHECKS


@pytest.mark.parametrize("share", [0.3, 0.5, 0.65])
def test_an_undervalued_line_stands_out(scorer: TabularScorer, declared: Declared, share: float) -> None:
    """Declaring a third to two thirds of the price is odd at one in a hundred, and is said to be low."""
    price = usual(scorer, declared())
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
    price = usual(scorer, declared())
    found = [
        scorer.score([declared(value=f"{10_000 * price * share:.2f} USD")])[0][0].surprise
        for share in (0.7, 0.5, 0.3, 0.1)
    ]
    assert all(a is not None and b is not None and a < b for a, b in itertools.pairwise(found))


def test_inflated_freight_stands_out(scorer: TabularScorer, declared: Declared) -> None:
    """Three times the rate is odd of its route and against oil; won say the same as dollars."""
    for check, high in ((FREIGHT, "freight.high"), (OIL, "freight.oil.high")):
        rate = usual(scorer, declared(freight="1700 USD"), check)
        won = said_of(scorer, declared(freight=f"{rate * 3 * 10_000:.0f} KRW"))[check]
        dollars = said_of(scorer, declared(freight=f"{rate * 3 * 10_000 / 1300:.2f} USD"))[check]
        assert won.p_value is not None
        assert won.p_value <= 0.02
        assert won.message.id == high
        assert dollars.observed == pytest.approx(won.observed, rel=1e-4)
        assert won.unit == "KRW/kg"


def test_a_surge_stands_out_and_a_small_line_never_does(scorer: TabularScorer, declared: Declared) -> None:
    """A hundred times what usually comes in a month is odd on one line; a little is trade."""
    largest = said_of(scorer, declared())[VOLUME].expected
    assert largest is not None
    surge = said_of(scorer, declared(net_kg=100 * largest[1]))[VOLUME]
    small = said_of(scorer, declared(net_kg=0.01 * largest[1]))[VOLUME]
    assert (surge.message.id, small.message.id) == ("volume.surge", "volume.usual")
    assert surge.p_value is not None
    assert surge.p_value <= 0.01
    assert small.p_value is not None
    assert small.p_value > 0.5


def test_the_price_of_another_code_points_to_that_code(
    scorer: TabularScorer, declared: Declared, panel: Panel
) -> None:
    """Cheap fish declared under the dearest code of its chapter: a cheaper one is offered first."""
    last = panel.rows.take(panel.rows.month == panel.rows.month.max())
    fish = np.array([hs.startswith("03") for hs in last.hs]) & (last.country == "VN")
    price = dict(zip(last.hs[fish], last.unit_value[fish], strict=True))
    cheap, dear = min(price, key=price.__getitem__), max(price, key=price.__getitem__)
    assert price[dear] > 2 * price[cheap]
    own = said_of(scorer, declared(hsk=dear, value=f"{10_000 * price[dear]:.2f} USD"))[CODE]
    swapped = said_of(scorer, declared(hsk=dear, value=f"{10_000 * price[cheap]:.2f} USD"))[CODE]
    assert swapped.message.id == "price.code.other"
    assert own.message.id == "price.code.this"
    assert price[str(swapped.alternatives[0].hs.digits)] == pytest.approx(price[cheap], rel=0.3)
    assert swapped.p_value is not None
    assert own.p_value is not None
    assert swapped.p_value < own.p_value


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
    evidence = said_of(scorer, declared(**given))[FREIGHT]
    assert evidence.abstained
    assert evidence.message.id == reason
    assert render(evidence.message, "en")
    assert render(evidence.message, "ko")


def test_a_panel_without_freight_says_so_and_still_judges_the_rest(
    panel: Panel, toy_config: FlagshipConfig, declared: Declared
) -> None:
    """Both checks of freight abstain, and their columns hold nothing; nor does freight change the others."""
    rows = dataclasses.replace(panel.rows, freight=np.full(len(panel.rows), np.nan))
    scorer = fit(Panel(rows, macro=panel.macro), dataclasses.replace(toy_config, epochs=1))
    said = said_of(scorer, declared(freight="900 USD"))
    assert said[FREIGHT].message.id == "freight.no_panel"
    assert [check for check in CHECKS if said[check].abstained] == [FREIGHT, OIL]
    found = scorer.score_panel(rows)
    for check in CHECKS:
        spoke = np.isfinite(found[f"{check}.p_value"])
        assert spoke.any() == (check not in (FREIGHT, OIL))
    with_freight = scorer.score_panel(panel.rows)
    np.testing.assert_array_equal(found["p_value"], with_freight["p_value"])


def test_without_oil_only_the_check_on_oil_is_silent(
    panel: Panel, toy_config: FlagshipConfig, declared: Declared
) -> None:
    """And it says what was missing."""
    scorer = fit(
        dataclasses.replace(panel, macro=None), dataclasses.replace(toy_config, lstm=False, exposure=False)
    )
    said = said_of(scorer, declared(freight="1700 USD"))
    assert [check for check in CHECKS if said[check].abstained] == [OIL]
    assert said[OIL].message.id == "freight.oil.no_model"


def test_a_line_without_weight_abstains_on_every_check(scorer: TabularScorer, declared: Declared) -> None:
    """Nothing per kilogram can be said; each check gives its reason."""
    said = said_of(scorer, declared(net_kg=0.0, freight="900 USD"))
    assert {check: evidence.message.id for check, evidence in said.items()} == {
        PRICE: "price.no_weight",
        CODE: "price.no_weight",
        FREIGHT: "freight.no_weight",
        OIL: "freight.no_weight",
        VOLUME: "volume.no_weight",
    }
    assert all(evidence.abstained for evidence in said.values())


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


def test_a_case_without_a_line_abstains_on_every_check(scorer: TabularScorer) -> None:
    """A scan looked at by itself has no price."""
    found = scorer.score([Case(subject="scan")])[0]
    assert [e.check for e in found] == list(CHECKS)
    assert all(e.abstained for e in found)


def test_a_case_scores_the_same_alone_and_in_a_batch(scorer: TabularScorer, declared: Declared) -> None:
    """Nothing leaks from case to case on any check, explanations included, and the order is kept."""
    cases = [
        declared(hsk=hsk, origin=origin, value=f"{v} USD", freight=f"{f} USD", net_kg=kg)
        for hsk, origin, v, f, kg in (
            ("0303670000", "VN", 5e3, 900, 10_000.0),
            ("0306170000", "CN", 2e5, 80, 10_000.0),
            ("0303670000", "NO", 9e4, 2, 5e6),
            ("0303990000", "JP", 9e4, 1700, 300.0),
            ("8703231000", "US", 9e4, 1700, 300.0),
        )
    ]
    together = scorer.score(cases)
    assert together == [scorer.score([case])[0] for case in cases]
    spoken = [{e.check for e in row if not e.abstained} for row in together]
    assert spoken[0] == set(CHECKS)
    assert len({e[0].observed for e in together}) >= 4
    assert together[0][0].details


def test_a_panel_keeps_its_order(scorer: TabularScorer, panel: Panel) -> None:
    """Shuffled rows get the same scores, shuffled."""
    order = np.random.default_rng(0).permutation(len(panel.rows))
    straight = scorer.score_panel(panel.rows)["surprise"]
    shuffled = scorer.score_panel(panel.rows.take(order))["surprise"]
    np.testing.assert_allclose(shuffled, straight[order], rtol=1e-6)


def unpriced(panel: Panel) -> Rows:
    """Zero weight, zero value, an unknown heading, and a row as it was; none with freight."""
    rows = panel.rows.take(np.arange(len(panel.rows) - 4, len(panel.rows)))
    return dataclasses.replace(
        rows,
        weight=np.array([0.0, *rows.weight[1:]]),
        value=np.array([rows.value[0], 0.0, *rows.value[2:]]),
        hs=np.array([rows.hs[0], rows.hs[1], "8703231000", rows.hs[3]], dtype=object),
        freight=np.full(4, np.nan),
    )


def test_rows_that_cannot_be_priced_say_why(scorer: TabularScorer, panel: Panel) -> None:
    """They are NaN, never zero, with a reason each."""
    found = scorer.score_panel(unpriced(panel))
    assert np.isfinite(found[f"{PRICE}.p_value"]).tolist() == [False, False, False, True]
    assert np.isfinite(found["p_value"])[[0, 2, 3]].tolist() == [False, False, True]
    assert "weight" in found["reason"][0]
    assert found["reason"][1] is None  # of no value, but its volume speaks
    assert "heading" in found["reason"][2]
    assert found["reason"][3] is None


def test_a_row_has_a_score_or_a_reason_and_never_both(scorer: TabularScorer, panel: Panel) -> None:
    """As the columns are documented."""
    found = scorer.score_panel(unpriced(panel))
    assert [reason is None for reason in found["reason"]] == np.isfinite(found["p_value"]).tolist()


def test_training_is_deterministic_for_a_seed(panel: Panel, toy_config: FlagshipConfig) -> None:
    """Same seed, same weights and trees; another seed, others."""
    quick = dataclasses.replace(toy_config, epochs=1)
    first, second, other = (fit(panel, quick, seed=s).price for s in (3, 3, 4))
    assert first.texts() == second.texts()
    assert first.texts() != other.texts()
    weights = [model.tensors() for model in (first, second, other)]
    assert all(np.array_equal(weights[0][k], weights[1][k]) for k in weights[0])
    assert not np.array_equal(weights[0]["0.out.weight"], weights[2]["0.out.weight"])


def test_training_leaves_the_global_generators_alone(panel: Panel, toy_config: FlagshipConfig) -> None:
    """Seeds go through arguments: what others draw afterwards does not depend on us."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    fit(panel, dataclasses.replace(toy_config, epochs=1, rounds=2, odd_rounds=2))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_proposals_model_scores_too(panel: Panel, declared: Declared) -> None:
    """Model A gives an error and a p-value and owns up to having no expected range."""
    scorer = fit(panel, ProposalConfig(window=6, hidden=8, epochs=2, learning_rate=5e-3))
    evidence = scorer.score([declared()])[0][0]
    assert evidence.expected is None
    assert evidence.message.id == "price.pattern"
    assert not evidence.details
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
        {"later_months": -1},
        {"folds": 1},
        {"tree_rate": 0.0},
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


def test_a_flagship_that_predicts_nothing_is_refused() -> None:
    """Neither networks nor trees."""
    with pytest.raises(InvalidConfig, match="nothing predicts the unit value"):
        FlagshipConfig(lstm=False, trees=False)


def test_every_check_is_named_in_a_panels_columns(scorer: TabularScorer, panel: Panel) -> None:
    """The command line's columns are those of the design."""
    found = scorer.score_panel(panel.rows)
    wanted = {"surprise", "p_value", "flagged", "expected_low", "expected_high", "unit_value", "reason"}
    wanted |= {f"{check}.{part}" for check in CHECKS for part in ("surprise", "p_value")}
    assert wanted <= set(found)
    assert all(len(v) == len(panel.rows) for v in found.values())
    recent = panel.rows.month == panel.rows.month.max()
    assert all(np.isfinite(found[f"{check}.p_value"][recent]).all() for check in CHECKS)
