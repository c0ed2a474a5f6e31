"""Freight per kg against its route, and against oil."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabular_ae.freight import FreightModel, usual
from tabular_ae.history import History
from tabular_ae.macro import Macro
from tabular_ae.oil import NO_FREIGHT, NO_OIL, NO_ROUTE, OilModel
from tabular_ae.rows import Rows, month_number

FIRST = month_number("2019-01")
ITEMS = ("030364", "030617", "160521")


def rows(*lines: tuple[str, str, str, float, float, float]) -> Rows:
    """Rows from month, hs, country, value, weight, freight."""
    return Rows.of(
        pd.DataFrame(lines, columns=["month", "hs", "country", "value_usd", "weight_kg", "freight"])
    )


def oil_price(months: int, seed: int = 0) -> Macro:
    """Oil that walks, with a figure for every month and half a year before."""
    walk = np.cumsum(np.random.default_rng(seed).normal(0.0, 0.1, size=months + 6))
    return Macro(("dubai_usd_bbl",), FIRST - 6, 60.0 * np.exp(walk)[:, None])


def shipped(macro: Macro, months: int = 48, *, elasticity: float = 0.4, noise: float = 0.04) -> Rows:
    """Three items on three routes whose freight follows the oil of the month, in a walk of its own."""
    rng = np.random.default_rng(1)
    when = np.arange(months) + FIRST
    oil = np.log(macro.one("dubai_usd_bbl", when))
    parts = []
    for country, level in (("CN", 3.5), ("JP", 3.6), ("VN", 3.2)):
        rate = level + elasticity * (oil - oil[0]) + np.cumsum(rng.normal(0.0, noise, size=months))
        for i, hs in enumerate(ITEMS):
            freight = np.exp(rate + 0.1 * i)
            many = np.full(months, 1.0)
            parts.append(
                Rows(
                    np.array([hs] * months, dtype=object),
                    np.array([country] * months, dtype=object),
                    when,
                    1e4 * many,
                    2e3 * many,
                    freight,
                )
            )
    return Rows.concat(parts)


def at(given: Rows, month: int) -> Rows:
    return given.take(given.month == month)


def with_freight(given: Rows, freight: np.ndarray) -> Rows:
    return dataclasses.replace(given, freight=freight)


def test_a_series_is_no_yardstick_for_its_own_freight() -> None:
    """The route's rate leaves the row itself out."""
    given = rows(
        ("2020-01", "0303670000", "VN", 10.0, 5.0, 100.0),
        ("2020-01", "0303840000", "VN", 10.0, 5.0, 110.0),
        ("2020-01", "0306170000", "VN", 10.0, 5.0, 900.0),
    )
    expected, _ = usual(History(given), given)
    np.testing.assert_allclose(np.exp(expected), [np.sqrt(110 * 900), 300.0, np.sqrt(110 * 100)])


def test_a_route_without_a_rate_is_unknown_and_an_old_rate_serves_half_a_year() -> None:
    """Freight of last month is used, of last year not."""
    history = History(rows(("2020-01", "0303670000", "VN", 10.0, 5.0, 100.0)))
    asked = rows(*((month, "0303840000", c, 1.0, 1.0, 1.0) for month, c in
                   (("2020-06", "VN"), ("2021-06", "VN"), ("2020-06", "CN"))))  # fmt: skip
    expected, _ = usual(history, asked)
    np.testing.assert_allclose(np.exp(expected), [100.0, np.nan, np.nan])


def test_an_old_rate_of_the_route_is_a_wider_yardstick() -> None:
    """Half as much again is odd beside the others of the month, less so against a rate five months old."""
    given = shipped(oil_price(48), noise=0.15)
    model = FreightModel.fit(History(given), given)
    assert model is not None
    assert 0.1 < model.drift < 0.25
    stale = dataclasses.replace(at(given, FIRST + 47), month=at(given, FIRST + 47).month + 5)
    fresh = model.score(History(given), at(given, FIRST + 47)).scale
    np.testing.assert_allclose(
        model.score(History(given), stale).scale, np.sqrt(fresh**2 + 5 * model.drift**2), rtol=1e-9
    )
    again = FreightModel.restore(json.loads(json.dumps(model.facts())))
    np.testing.assert_array_equal(
        again.score(History(given), given).score, model.score(History(given), given).score
    )


def test_freight_that_follows_oil_is_learned_as_such() -> None:
    """The elasticity goes from the guess towards the truth, in all and on each route."""
    macro = oil_price(48)
    strong, weak = (
        OilModel.fit(History(given), given, macro)
        for given in (shipped(macro, elasticity=e, noise=0.02) for e in (0.6, 0.0))
    )
    assert strong is not None
    assert weak is not None
    for country in ("", "CN", "JP", "VN"):
        assert sum(strong.elasticity[country]) > 0.4
        assert sum(weak.elasticity[country]) < 0.12


@pytest.mark.parametrize("factor", [3.0, 1 / 3.0])
def test_freight_out_of_proportion_to_oil_stands_out(factor: float) -> None:
    """Three times too much or too little lies beyond every clean month."""
    macro = oil_price(48)
    given = shipped(macro)
    model = OilModel.fit(History(given), given.take(given.month < FIRST + 36), macro)
    assert model is not None
    clean = model.score(History(given), given)
    later = at(given, FIRST + 40)
    odd = model.score(History(given), with_freight(later, later.freight * factor))
    assert odd.score.min() > 4.0 + np.nanmax(clean.score)
    assert np.nanquantile(clean.score, 0.9) < 1.0


def test_a_boom_is_odd_while_it_begins_and_no_longer() -> None:
    """Freight of the only item on each route goes up fivefold and stays: three months on it is usual."""
    macro = oil_price(60)
    given = shipped(macro, 60)
    given = given.take(given.hs == ITEMS[0])
    boom = with_freight(given, np.where(given.month >= FIRST + 40, 5.0, 1.0) * given.freight)
    model = OilModel.fit(History(given), given.take(given.month < FIRST + 36), macro)
    assert model is not None
    first, later = (model.score(History(boom), at(boom, FIRST + m)).score for m in (40, 43))
    assert first.min() > 3.0
    assert later.max() == 0.0


def test_what_the_whole_route_does_is_no_oddity_of_its_rows() -> None:
    """A route that triples makes none of its rows odd; one that stays behind or goes beyond is."""
    macro = oil_price(48)
    given = shipped(macro)
    model = OilModel.fit(History(given), given.take(given.month < FIRST + 36), macro)
    assert model is not None
    now = given.month == FIRST + 40
    boom = with_freight(given, np.where(now & (given.country == "CN"), 3.0, 1.0) * given.freight)
    together = model.score(History(boom), boom.take(now))
    assert together.score.max() < 1.0
    one = now & (given.country == "CN") & (given.hs == ITEMS[0])
    further = with_freight(boom, np.where(one, 3.0, 1.0) * boom.freight)
    assert model.score(History(further), further.take(one)).score[0] > 5.0
    low = with_freight(boom, np.where(one, 1 / 9.0, 1.0) * boom.freight)
    assert model.score(History(low), low.take(one)).score[0] > 5.0


def test_the_first_row_of_a_month_may_be_as_far_as_its_route_may_move() -> None:
    """With nothing else of the route in the month, what is usual passes and five times it does not."""
    macro = oil_price(48)
    given = shipped(macro)
    model = OilModel.fit(History(given), given, macro)
    assert model is not None
    last = given.take((given.month == FIRST + 47) & (given.hs == ITEMS[0]))
    later = dataclasses.replace(last, month=last.month + 1)
    alone = [model.score(History(given), with_freight(later, later.freight * f)) for f in (1.0, 5.0)]
    assert alone[0].score.max() == 0.0
    assert alone[1].score.min() > 3.0
    np.testing.assert_allclose(alone[0].high - alone[0].centre, alone[0].centre - alone[0].low)


def test_an_oil_score_does_not_look_ahead() -> None:
    """Of its own month, oil and the rest of the route move what is expected, and nothing after it does."""
    macro = oil_price(48)
    given = shipped(macro)
    model = OilModel.fit(History(given), given, macro)
    assert model is not None
    asked = at(given, FIRST + 30)
    changed = with_freight(given, np.where(given.month >= FIRST + 30, 5.0, 1.0) * given.freight)
    before, after = (model.score(History(x), asked) for x in (given, changed))
    np.testing.assert_array_equal(before.centre, after.centre)
    np.testing.assert_array_equal(before.scale, after.scale)
    own = (given.month >= FIRST + 30) & ((given.month > FIRST + 30) | (given.hs == ITEMS[0]))
    mine = asked.take(asked.hs == ITEMS[0])
    changed_own = with_freight(given, np.where(own, 5.0, 1.0) * given.freight)
    np.testing.assert_array_equal(
        model.score(History(given), mine).high, model.score(History(changed_own), mine).high
    )
    early = OilModel.fit(History(given), given.take(given.month < FIRST + 30), macro)
    other = OilModel.fit(History(changed), changed.take(changed.month < FIRST + 30), macro)
    assert early is not None
    assert other is not None
    assert early.elasticity == other.elasticity


def test_what_cannot_be_compared_with_oil_says_why() -> None:
    """No freight, no oil, no route; a new route leans on all and says so."""
    macro = oil_price(48)
    given = shipped(macro)
    model = OilModel.fit(History(given), given, macro)
    assert model is not None
    line = at(given, FIRST + 47).take(np.array([0, 0, 0, 0]))
    line = dataclasses.replace(
        line,
        country=np.array(["CN", "CN", "US", "CN"], dtype=object),
        month=np.array([FIRST + 47, FIRST + 60, FIRST + 47, FIRST], dtype=np.int64),
        freight=np.array([np.nan, 30.0, 30.0, 30.0]),
    )
    found = model.score(History(given), line)
    assert found.reason == (NO_FREIGHT, NO_OIL, "", NO_ROUTE)
    assert np.isnan(found.score).tolist() == [True, True, False, True]
    assert found.anywhere.tolist() == [False, False, True, False]
    known = model.score(History(given), at(given, FIRST + 47))
    assert found.scale[2] > 2 * known.scale.max()


def test_a_month_whose_oil_is_not_out_yet_takes_the_last_known() -> None:
    """A line of next month is compared; without any oil there is no model."""
    macro = oil_price(48)
    given = shipped(macro)
    model = OilModel.fit(History(given), given, macro)
    assert model is not None
    last = at(given, FIRST + 47)
    later = dataclasses.replace(last, month=last.month + 1)
    found = model.score(History(given), later, consignment=True)
    np.testing.assert_allclose(found.oil, macro.one("dubai_usd_bbl", last.month))
    assert np.isfinite(found.score).all()
    assert OilModel.fit(History(given), given, Macro(("krw_per_usd",), FIRST, np.ones((48, 1)))) is None


def test_an_oil_model_survives_json() -> None:
    """The same scores after a round trip; the figures of oil come from elsewhere."""
    macro = oil_price(48)
    given = shipped(macro)
    model = OilModel.fit(History(given), given, macro)
    assert model is not None
    again = OilModel.restore(json.loads(json.dumps(model.facts())), macro)
    np.testing.assert_array_equal(
        again.score(History(given), given).score, model.score(History(given), given).score
    )


@pytest.mark.eval_data
def test_the_published_routes_are_usual_and_planted_freight_is_not(eval_data: Path) -> None:
    """KCS routes learned to 2020-02: no later year is odd; three times as much, and 20 × oil, always are."""
    from customs.readers import freight
    from tabular_ae.data import read_macro

    macro = read_macro(eval_data / "trade" / "macro_monthly.csv")
    table = freight.read(eval_data / "trade" / "kcs_sea_freight_thousand_krw_per_2teu.csv").table
    given = Rows.concat(
        [
            Rows(
                np.array([hs] * len(table), dtype=object),
                table["route"].to_numpy(dtype=object),
                np.array([month_number(m) for m in table["month"]], dtype=np.int64),
                np.full(len(table), 1e4),
                np.full(len(table), 2e3),
                table["krw_per_2teu"].to_numpy(dtype=np.float64) / 22_000.0,
            )
            for hs in ITEMS[:1]  # so that each route stands against its own past
        ]
    )
    history = History(given)
    model = OilModel.fit(history, given.take(given.month < month_number("2020-03")), macro)
    assert model is not None
    clean = model.score(history, given)
    assert np.nanmean(clean.score > 0.0) < 0.05
    for year in (2021, 2022, 2023):
        assert np.nanquantile(clean.score[given.month // 12 == year], 0.9) == 0.0
    later = given.take(given.month >= month_number("2020-03"))
    tripled = model.score(history, with_freight(later, later.freight * 3.0))
    by_oil = model.score(history, with_freight(later, model.score(history, later).oil * 20.0))
    assert np.mean(tripled.score > 3.0) > 0.95
    assert np.mean(by_oil.score > 3.0) == 1.0
