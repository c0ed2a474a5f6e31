"""The planted hundred: counts, what each kind does, and the record of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tabular_ae.macro import Macro
from tabular_ae.plant import FREIGHT_KINDS, PRICE_KINDS, PROPOSAL, Kind, Planted, plant
from tabular_ae.rows import Rows, month_number

ToRows = Callable[[pd.DataFrame], Rows]
OIL = 80.0


@pytest.fixture(scope="module")
def macro() -> Macro:
    """Oil at 80 USD a barrel and 1,250 won a dollar throughout."""
    values = np.tile([OIL, 1250.0], (48, 1))
    return Macro(("dubai_usd_bbl", "krw_per_usd"), month_number("2021-01"), values)


@pytest.fixture(scope="module")
def large(make_panel: Callable[..., pd.DataFrame], toy_rows: ToRows) -> Rows:
    """Rows enough for all hundred."""
    return toy_rows(make_panel(2, months=36))


def counts(planted: Planted) -> dict[str, int]:
    """How many of each kind."""
    return {kind: planted.kind.count(kind) for kind in dict.fromkeys(planted.kind) if kind}


def test_a_large_panel_with_freight_and_oil_gets_the_proposals_hundred(large: Rows, macro: Macro) -> None:
    """30, 10, 10, 20, 10 and 10, 5, 5."""
    planted = plant(large, 0, macro=macro)
    assert counts(planted) == {kind.name: kind.count for kind in PROPOSAL}
    assert planted.odd.sum() == 100
    assert planted.left_out == ()


def test_the_same_seed_plants_the_same_and_weights_never_change(large: Rows, macro: Macro) -> None:
    """Another seed plants elsewhere."""
    first, again, other = (plant(large, seed, macro=macro) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.rows.value, again.rows.value)
    np.testing.assert_array_equal(first.rows.freight, again.rows.freight)
    assert first.kind == again.kind != other.kind
    np.testing.assert_array_equal(first.rows.weight, large.weight)


def test_freight_kinds_leave_the_price_kinds_where_they_were(large: Rows, macro: Macro) -> None:
    """Price is drawn first, so a panel's price anomalies do not depend on its freight."""
    alone, both = plant(large, 3, PRICE_KINDS), plant(large, 3, macro=macro)
    np.testing.assert_array_equal(alone.rows.value, both.rows.value)


@pytest.mark.parametrize(
    "kind", [k for k in PROPOSAL if k.low is not None and not k.oil], ids=lambda k: k.name
)
def test_a_factor_lies_where_its_kind_says(large: Rows, macro: Macro, kind: Kind) -> None:
    """The record, the rows and the kind agree."""
    assert kind.low is not None
    assert kind.high is not None
    planted = plant(large, 1, macro=macro)
    mine = [change for change in planted.changes if change.kind == kind.name]
    assert mine
    for change in mine:
        before = getattr(large, change.column)[change.row]
        after = getattr(planted.rows, change.column)[change.row]
        assert (change.before, change.after) == (before, after)
        assert change.factor == pytest.approx(after / before)
        assert kind.low - 1e-9 <= change.factor <= kind.high + 1e-9


def test_swapped_rows_take_the_mean_price_of_the_other_end(large: Rows) -> None:
    """All cheap rows get one unit value, all dear ones another, the first being the higher."""
    planted = plant(large, 2)
    unit = {
        name: planted.rows.unit_value[[c.row for c in planted.changes if c.kind == name]]
        for name in ("cheap code at a dear price", "dear code at a cheap price")
    }
    dear, cheap = unit.values()
    assert np.ptp(dear) < 1e-9 * dear[0]
    assert np.ptp(cheap) < 1e-9 * dear[0]
    assert dear[0] > cheap[0]


def test_freight_against_oil_is_twenty_to_thirty_times_dubai_in_the_panels_unit(
    large: Rows, macro: Macro
) -> None:
    """KRW/kg as the proposal had it; USD/kg at the rate of the month."""
    for unit, one in (("krw_per_kg", OIL), ("usd_per_kg", OIL / 1250.0)):
        planted = plant(large, 4, macro=macro, freight_unit=unit)
        rate = [c.after for c in planted.changes if "oil" in c.kind]
        assert len(rate) == 5
        assert all(20 * one <= r <= 30 * one for r in rate)


def test_kinds_that_a_panel_cannot_have_are_left_out_and_named(large: Rows, macro: Macro) -> None:
    """No oil: one kind fewer; no freight: three; prices are planted all the same."""
    no_oil = plant(large, 0)
    assert [name for name, _ in no_oil.left_out] == ["freight 20–30 × oil"]
    assert no_oil.odd.sum() == 95
    bare = dataclasses.replace(large, freight=np.full(len(large), np.nan))
    no_freight = plant(bare, 0, macro=macro)
    assert [name for name, _ in no_freight.left_out] == [kind.name for kind in FREIGHT_KINDS]
    assert no_freight.odd.sum() == 80
    assert np.isnan(no_freight.rows.freight).all()


def test_a_small_panel_gets_a_tenth_in_the_same_proportions(
    panel_table: pd.DataFrame, toy_rows: ToRows
) -> None:
    """72 price anomalies in 720 rows, freight in proportion."""
    given = toy_rows(panel_table)
    planted = plant(given, 5)
    price = [change for change in planted.changes if change.column == "value"]
    assert len(price) == pytest.approx(0.1 * len(given), abs=4)
    assert counts(planted)["drop 15–30 %"] == pytest.approx(27, abs=1)
    assert counts(planted)["freight × 1.5"] == 9


def test_no_row_is_planted_twice_and_rows_without_a_price_never(large: Rows, macro: Macro) -> None:
    """One anomaly for each row that can carry one."""
    weight = large.weight.copy()
    weight[::3] = 0.0
    planted = plant(dataclasses.replace(large, weight=weight), 0, macro=macro)
    places = [change.row for change in planted.changes]
    assert len(set(places)) == len(places) == planted.odd.sum()
    assert not planted.odd[::3].any()


def test_the_record_is_a_table(large: Rows, macro: Macro) -> None:
    """One line for each planted row, with what a reader needs to find it."""
    planted = plant(large, 0, macro=macro)
    record = pd.DataFrame(planted.as_columns())
    assert len(record) == 100
    assert set(record.columns) == {f.name for f in dataclasses.fields(planted.changes[0])}
    assert (large.hs[record["row"]] == record["hs"]).all()
