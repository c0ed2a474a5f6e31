"""Why a line is odd: parts that sum to what is expected, and a price that would not have been."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from customs import Case
from customs.sentences import LANGUAGES, render
from tabular_ae.checks import PRICE, line_chain
from tabular_ae.data import Panel, rows_of
from tabular_ae.flagship import Flagship
from tabular_ae.inputs import STEP_CHANNELS
from tabular_ae.model import FlagshipConfig
from tabular_ae.rows import Rows, month_number
from tabular_ae.scorer import TabularScorer
from tabular_ae.train import fit
from tabular_ae.why import _CHANNEL_DRIVERS, Why, by_driver, explain

Declared = Callable[..., Case]
KILOGRAMS = 1_000_000.0


@pytest.fixture(scope="module", params=["both", "networks", "trees", "distance"])
def scorer(
    request: pytest.FixtureRequest, toy_scorer: TabularScorer, panel: Panel, toy_config: FlagshipConfig
) -> TabularScorer:
    """The flagship whole, without each of the parts that predict, and without the trees that judge."""
    change = {"networks": {"trees": False}, "trees": {"lstm": False}, "distance": {"exposure": False}}
    if request.param == "both":
        return toy_scorer
    return fit(panel, dataclasses.replace(toy_config, **change[request.param]))


def row_of(scorer: TabularScorer, case: Case) -> Rows:
    """A declared line as the models read it."""
    return rows_of([scorer.converter.line(case)])


def why_of(scorer: TabularScorer, case: Case) -> Why:
    """Its explanation."""
    assert isinstance(scorer.price, Flagship)
    row = row_of(scorer, case)
    clean = scorer.calibrations[PRICE].of(consignment=True)
    return explain(scorer.price, scorer.history, row, clean, line_chain(row.hs[0]))


@pytest.mark.parametrize(
    "given", [{}, {"origin": "NO"}, {"hsk": "0303990000"}, {"hsk": "0901110000", "origin": "JP"}]
)
def test_level_parts_and_the_rest_sum_to_what_is_expected(
    scorer: TabularScorer, declared: Declared, given: dict[str, str]
) -> None:
    """To a thousandth, with networks, with trees and with both; the rest is what moves every row alike."""
    case = declared(value="5000 USD", **given)
    why, model = why_of(scorer, case), scorer.price
    assert isinstance(model, Flagship)
    expected = model.expect(scorer.history, row_of(scorer, case), consignment=True)
    centre = float(expected.guesses[0].centre[0])
    assert np.log(why.level) + sum(part.effect for part in why.parts) + why.rest == pytest.approx(
        centre, abs=1e-3
    )
    assert why.level == pytest.approx(float(np.exp(expected.inputs.level[0])))


def test_the_rest_is_small_beside_the_parts_that_are_told(scorer: TabularScorer, declared: Declared) -> None:
    """An explanation that left most of the expectation unexplained would be none."""
    why = why_of(scorer, declared(value="5000 USD"))
    assert abs(why.rest) < 0.1


def test_parts_name_drivers_that_have_sentences_and_months_that_are_past(
    scorer: TabularScorer, declared: Declared
) -> None:
    """Largest first, each driver and month once; no part speaks of a month after the line's own."""
    why = why_of(scorer, declared(value="5000 USD"))
    keys = [(part.driver, part.month) for part in why.parts]
    assert len(set(keys)) == len(keys)
    sizes = [abs(part.effect) for part in why.parts]
    assert sizes == sorted(sizes, reverse=True)
    months = {part.month for part in why.parts if part.month is not None}
    assert months
    assert all("2021-05" <= month <= "2023-05" for month in months)
    sums = by_driver(why.parts)
    assert sum(effect for _, effect in sums) == pytest.approx(sum(part.effect for part in why.parts))
    assert len({name for name, _ in sums}) == len(sums)


def test_every_channel_of_the_network_has_a_driver() -> None:
    """One for each channel that differs from month to month."""
    assert len(_CHANNEL_DRIVERS) == STEP_CHANNELS


@pytest.mark.parametrize("share", [0.1, 0.4, 6.0])
def test_the_price_that_would_have_been_unremarkable_is_unremarkable(
    scorer: TabularScorer, declared: Declared, share: float
) -> None:
    """Scored like any other line; it lies between the declared and the expected price."""
    middle = scorer.score([declared()])[0][0].expected
    assert middle is not None
    price = float(np.sqrt(middle[0] * middle[1])) * share
    odd = declared(value=f"{price * KILOGRAMS:.2f} USD", net_kg=KILOGRAMS)
    why = why_of(scorer, odd)
    assert why.nearest is not None
    low, high = sorted((price, float(np.sqrt(middle[0] * middle[1]))))
    assert 0.9 * low <= why.nearest <= 1.1 * high
    fine = scorer.score([declared(value=f"{why.nearest * KILOGRAMS:.2f} USD", net_kg=KILOGRAMS)])[0][0]
    assert fine.p_value is not None
    assert fine.p_value > 0.09
    assert not fine.details


def test_odd_lines_alone_are_explained(toy_scorer: TabularScorer, declared: Declared) -> None:
    """With sentences in both languages and figures; a usual line has neither."""
    middle = toy_scorer.score([declared()])[0][0].expected
    assert middle is not None
    price = float(np.sqrt(middle[0] * middle[1]))
    seen = set()
    for share in (0.1, 0.7, 0.85, 1.0, 1.2, 1.4, 8.0):
        evidence = toy_scorer.score([declared(value=f"{10_000 * price * share:.2f} USD")])[0][0]
        assert evidence.p_value is not None
        odd = evidence.p_value <= 0.05
        assert bool(evidence.details) == bool(evidence.contributions) == odd
        seen.add(odd)
    assert seen == {True, False}


def test_an_explanation_reads_in_both_languages(toy_scorer: TabularScorer, declared: Declared) -> None:
    """Level first, then at most three drivers, then what would not have been odd."""
    evidence = toy_scorer.score([declared(value="1000 USD")])[0][0]
    names = [message.id for message in evidence.details]
    assert names[0] == "price.level"
    assert names[-1] == "price.counterfactual"
    assert 1 <= len(names[1:-1]) <= 3
    assert all(name.startswith("price.driver.") for name in names[1:-1])
    for language in LANGUAGES:
        said = [render(message, language) for message in evidence.details]
        assert all(len(sentence) > 10 for sentence in said)
        assert len(set(said)) == len(said)
    nearest = evidence.details[-1].params["nearest"]
    assert f"{nearest:,.2f} USD/kg" in render(evidence.details[-1], "en")
    assert all(part.month is None or part.month <= "2023-05" for part in evidence.contributions)


def test_other_checks_are_not_explained_by_the_price(toy_scorer: TabularScorer, declared: Declared) -> None:
    """Details belong to the unit value."""
    row = toy_scorer.score([declared(value="1000 USD", freight="90000 USD")])[0]
    assert row[0].details
    assert not any(evidence.details or evidence.contributions for evidence in row[1:])


def test_a_raised_price_of_last_month_raises_what_is_expected_and_is_said_to(
    toy_scorer: TabularScorer, declared: Declared
) -> None:
    """Doubling the months before a line moves the parts of the series' own months, not those of others."""
    rows = toy_scorer.history.rows
    own = (rows.hs == "0303670000") & (rows.country == "VN")
    recent = own & (rows.month >= month_number("2023-02")) & (rows.month < month_number("2023-05"))
    raised = dataclasses.replace(rows, value=np.where(recent, rows.value * 1.5, rows.value))
    other = TabularScorer(
        toy_scorer.models,
        type(toy_scorer.history)(raised, memory=toy_scorer.history.memory),
        toy_scorer.calibrations,
        toy_scorer.converter,
        macro=toy_scorer.macro,
    )
    case = declared(value="5000 USD")
    before, after = (dict(by_driver(why_of(s, case).parts)) for s in (toy_scorer, other))
    own_drivers = ("own_months", "last_month")
    assert sum(after.get(d, 0.0) for d in own_drivers) > sum(before.get(d, 0.0) for d in own_drivers)
