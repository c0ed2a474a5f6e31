"""The flagship in time: what may and what may not change the score of a month, and of a declared line."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest

from customs import Case
from customs.sentences import LANGUAGES, render
from tabular_ae.checks import CHECKS, PRICE
from tabular_ae.data import Panel
from tabular_ae.flagship import Flagship
from tabular_ae.history import History
from tabular_ae.model import FlagshipConfig
from tabular_ae.rows import Rows, month_number
from tabular_ae.scorer import TabularScorer
from tabular_ae.train import fit

Declared = Callable[..., Case]


@pytest.fixture(scope="module")
def blind(panel: Panel, toy_config: FlagshipConfig) -> TabularScorer:
    """The toy model that never sees a later month."""
    return fit(panel, dataclasses.replace(toy_config, later_months=0))


def over(scorer: TabularScorer, rows: Rows) -> TabularScorer:
    """The same models with other rows as their history."""
    history = History(rows, memory=scorer.history.memory)
    return TabularScorer(scorer.models, history, scorer.calibrations, scorer.converter, macro=scorer.macro)


def changed(rows: Rows, chosen: np.ndarray) -> Rows:
    """Seven times the value, a third of the weight and one to four times the freight of some rows."""
    factor = 1.0 + np.arange(len(rows)) % 7 / 2.0
    return dataclasses.replace(
        rows,
        value=np.where(chosen, rows.value * 7.0, rows.value),
        weight=np.where(chosen, rows.weight / 3.0, rows.weight),
        freight=np.where(chosen, rows.freight * factor, rows.freight),
    )


def figures(found: dict[str, object]) -> dict[str, np.ndarray]:
    """The columns that are numbers."""
    return {k: np.asarray(v, dtype=np.float64) for k, v in found.items() if k != "reason"}


def test_without_a_look_ahead_later_months_change_nothing_before_them(
    blind: TabularScorer, panel: Panel
) -> None:
    """Every column of every check, bit by bit, when the last half year is another one."""
    later = panel.rows.month > panel.rows.month.max() - 6
    before = figures(blind.score_panel(panel.rows))
    after = figures(over(blind, changed(panel.rows, later)).score_panel(changed(panel.rows, later)))
    for name, values in before.items():
        np.testing.assert_array_equal(after[name][~later], values[~later], err_msg=name)
    for check in CHECKS:
        name = f"{check}.surprise"
        assert not np.array_equal(after[name][later], before[name][later], equal_nan=True), name


def test_without_a_look_ahead_a_month_is_judged_as_if_it_were_the_newest(
    blind: TabularScorer, panel: Panel
) -> None:
    """A panel cut after a month says the same of it as the whole panel does."""
    cut = panel.rows.month <= panel.rows.month.max() - 6
    whole = figures(blind.score_panel(panel.rows))
    short = figures(over(blind, panel.rows.take(cut)).score_panel(panel.rows.take(cut)))
    for name, values in short.items():
        np.testing.assert_array_equal(values, whole[name][cut], err_msg=name)


def test_a_panels_row_is_compared_with_later_months_of_its_own_series_alone(
    toy_scorer: TabularScorer, panel: Panel
) -> None:
    """Six of them: later ones and later months of other series leave its price as it was."""
    rows, row = panel.rows, 15
    own = (rows.hs == rows.hs[row]) & (rows.country == rows.country[row])
    after = rows.month - rows.month[row]
    before = figures(toy_scorer.score_panel(rows))

    def price_of(chosen: np.ndarray) -> float:
        other = changed(rows, chosen)
        return float(figures(over(toy_scorer, other).score_panel(other))[f"{PRICE}.surprise"][row])

    unmoved = before[f"{PRICE}.surprise"][row]
    assert price_of(own & (after > 0)) != unmoved
    assert price_of(~own & (after > 0)) == unmoved
    assert price_of(own & (after > 6)) == unmoved


@pytest.mark.parametrize("look", ["ahead", "blind"])
def test_a_declared_line_is_never_judged_by_its_own_month_or_a_later_one(
    look: str, toy_scorer: TabularScorer, blind: TabularScorer, panel: Panel, declared: Declared
) -> None:
    """Whatever the configuration lets rows of a panel see: every word of the evidence stays."""
    scorer = toy_scorer if look == "ahead" else blind
    date = dt.date(2022, 9, 20)
    month = month_number("2022-09")
    own = (panel.rows.hs == "0303670000") & (panel.rows.country == "VN")
    ahead = (panel.rows.month > month) | (own & (panel.rows.month == month))
    cases = [declared(date=date, value=value, freight="1700 USD") for value in ("4000 USD", "60000 USD")]
    before = scorer.score(cases)
    assert before[0][0].details
    assert over(scorer, changed(panel.rows, ahead)).score(cases) == before
    past = own & (panel.rows.month == month - 1)
    assert over(scorer, changed(panel.rows, past)).score(cases) != before


def test_a_line_of_another_origin_in_its_own_month_does_count(
    toy_scorer: TabularScorer, panel: Panel, declared: Declared
) -> None:
    """What the item did elsewhere in the month of the line is known when the line is judged."""
    date, month = dt.date(2022, 9, 20), month_number("2022-09")
    others = (panel.rows.hs == "0303670000") & (panel.rows.country != "VN") & (panel.rows.month == month)
    other = over(toy_scorer, changed(panel.rows, others))
    case = declared(date=date)
    assert other.score([case])[0][0].expected != toy_scorer.score([case])[0][0].expected


@pytest.mark.parametrize(
    ("date", "source"),
    [
        (dt.date(2023, 7, 3), "price.usual"),  # the month after the panel's last
        (dt.date(2023, 12, 31), "price.usual"),  # half a year after: the series still has months to compare
        (dt.date(2024, 6, 1), "price.usual"),  # one month is left
    ],
)
def test_a_line_after_the_panels_end_is_compared_with_the_months_within_reach(
    toy_scorer: TabularScorer, declared: Declared, date: dt.date, source: str
) -> None:
    """Fewer of them the later it is, and the sentence counts them."""
    middle = toy_scorer.score([declared(date=date)])[0][0].expected
    assert middle is not None
    price = float(np.sqrt(middle[0] * middle[1]))
    evidence = toy_scorer.score([declared(date=date, value=f"{10_000 * price:.2f} USD")])[0][0]
    assert evidence.message.id == source
    end = month_number("2023-06")
    assert evidence.message.params["months"] == 12 - (month_number(date.isoformat()) - end - 1)


def test_a_line_far_beyond_the_panel_abstains_on_every_check(
    toy_scorer: TabularScorer, declared: Declared
) -> None:
    """In a decade nothing that is known is recent, and each check says so in both languages."""
    row = toy_scorer.score([declared(date=dt.date(2033, 5, 1), freight="1700 USD")])[0]
    spoken = [evidence.check for evidence in row if not evidence.abstained]
    assert spoken == []
    assert row[0].message.id == "price.no_history"
    assert all(render(evidence.message, language) for evidence in row for language in LANGUAGES)


def test_a_line_from_before_the_panel_abstains_too(toy_scorer: TabularScorer, declared: Declared) -> None:
    """There is no earlier month."""
    row = toy_scorer.score([declared(date=dt.date(2020, 12, 1))])[0]
    assert row[0].message.id == "price.no_history"
    assert all(evidence.abstained for evidence in row)


# -- gaps ----------------------------------------------------------------------------------------------


def test_missing_months_leave_scores_and_widen_what_is_expected(
    toy_scorer: TabularScorer, panel: Panel, declared: Declared
) -> None:
    """Without ten of the last twelve months the item fills in; the sentence counts the two that are left."""
    own = (panel.rows.hs == "0303670000") & (panel.rows.country == "VN")
    back = month_number("2023-05") - panel.rows.month
    gap = own & (back >= 1) & (back <= 12) & ~np.isin(back, (3, 9))
    thin = over(toy_scorer, panel.rows.take(~gap))
    whole, some = (scorer.score([declared()])[0][0] for scorer in (toy_scorer, thin))
    assert whole.message.params["months"] == 12
    assert some.message.params["months"] == 2
    assert some.expected is not None
    found = thin.score_panel(panel.rows.take(~gap))
    assert np.isfinite(found["p_value"][panel.rows.take(~gap).month > panel.rows.month.min() + 3]).all()


def test_a_series_of_one_month_is_compared_with_its_item(toy_scorer: TabularScorer, panel: Panel) -> None:
    """A new country's only month has no months of its own, and a price all the same."""
    last = panel.rows.take(panel.rows.month == panel.rows.month.max())
    one = dataclasses.replace(last, country=np.full(len(last), "NZ", dtype=object))
    found = toy_scorer.score_panel(one)
    assert (found["months"] == 0).all()
    assert np.isfinite(found[f"{PRICE}.p_value"]).all()
    assert (found["expected_low"] < found["expected_high"]).all()
    far = dataclasses.replace(one, value=one.value / 50.0)
    odd = toy_scorer.score_panel(far)
    assert (odd[f"{PRICE}.p_value"] < found[f"{PRICE}.p_value"]).all()


def test_missing_freight_leaves_the_price_as_it_was(toy_scorer: TabularScorer, panel: Panel) -> None:
    """Rows without freight have no score of it; what freight says of the others is not theirs."""
    without = np.random.default_rng(0).random(len(panel.rows)) < 0.3
    rows = dataclasses.replace(panel.rows, freight=np.where(without, np.nan, panel.rows.freight))
    whole, some = toy_scorer.score_panel(panel.rows), toy_scorer.score_panel(rows)
    np.testing.assert_array_equal(some[f"{PRICE}.surprise"], whole[f"{PRICE}.surprise"])
    for check in ("freight.per_kg", "freight.vs_oil"):
        assert np.isnan(some[f"{check}.p_value"][without]).all()
        assert np.isfinite(some[f"{check}.p_value"][~without & (rows.month > rows.month.min() + 4)]).all()
    priced = np.isfinite(whole[f"{PRICE}.p_value"])
    assert np.isfinite(some["p_value"][without & priced]).all()


def test_a_new_country_and_a_new_item_back_off_and_say_so_on_every_check(
    toy_scorer: TabularScorer, declared: Declared
) -> None:
    """The group that filled in stands in the sentence."""
    country = {e.check: e for e in toy_scorer.score([declared(origin="NO", freight="1700 USD")])[0]}
    item = {e.check: e for e in toy_scorer.score([declared(hsk="0303990000", freight="1700 USD")])[0]}
    assert country[PRICE].message.id.endswith(".item")
    assert country["volume.surge"].message.id.endswith(".group")
    assert country["freight.per_kg"].message.id == "freight.no_route"
    assert country["freight.vs_oil"].message.id.endswith(".anywhere")
    assert item[PRICE].message.id.endswith(".heading")
    assert item["price.for_this_code"].message.id.endswith(".heading")
    assert item["volume.surge"].message.id.endswith(".group")
    for evidence in (*country.values(), *item.values()):
        for language in LANGUAGES:
            assert render(evidence.message, language)


def test_no_rows_are_no_scores(toy_scorer: TabularScorer, panel: Panel) -> None:
    """Columns of length zero, and no evidence."""
    found = toy_scorer.score_panel(panel.rows.take(np.zeros(0, dtype=np.int64)))
    assert {len(values) for values in found.values()} == {0}
    assert toy_scorer.score([]) == []


# -- learning ------------------------------------------------------------------------------------------


def test_what_was_not_seen_is_scored_as_of_the_rows_learned_from(
    panel: Panel, toy_config: FlagshipConfig
) -> None:
    """One score for each row with earlier months; rows without have none."""
    model = Flagship.fit(History(panel.rows), panel.rows, toy_config)
    unseen = model.unseen
    assert unseen is not None
    first = panel.rows.month == panel.rows.month.min()
    assert np.isnan(unseen.score[first]).all()
    assert np.isfinite(unseen.score[panel.rows.month > panel.rows.month.min() + 1]).all()
    away = (panel.rows.log_unit - unseen.centre) / unseen.scale
    assert np.nanmedian(np.abs(away)) == pytest.approx(0.6745, abs=0.25)


def test_parts_that_have_not_seen_a_row_do_not_follow_it(panel: Panel, toy_config: FlagshipConfig) -> None:
    """A fifth of a value while learning moves what is expected of the row by a fiftieth of that."""
    config = dataclasses.replace(toy_config, exposure=False)
    row = 315
    value = panel.rows.value.copy()
    value[row] /= 5.0
    false = dataclasses.replace(panel.rows, value=value)
    before, after = (Flagship.fit(History(r), r, config).unseen for r in (panel.rows, false))
    assert before is not None
    assert after is not None
    assert abs(after.centre[row] - before.centre[row]) < 0.02 * np.log(5.0)
    assert after.score[row] > before.score[row] + 3


def test_too_few_months_are_one_clear_error(panel: Panel, toy_config: FlagshipConfig) -> None:
    """A fit needs a hundred rows with earlier months."""
    from customs import InvalidConfig

    few = panel.rows.take(panel.rows.month < panel.rows.month.min() + 4)
    with pytest.raises(InvalidConfig, match="only 72 rows have earlier months"):
        Flagship.fit(History(few), few, toy_config)
