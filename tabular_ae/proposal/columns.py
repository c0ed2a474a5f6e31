"""What the proposal's network reads of a row, unscaled: trade, the year so far, freight, macro, country.

Country is the proposal's category, as a number like its other label columns. Its month orders the rows and is
no column: as one it only marks when a row was learned, and every later month then looks odd.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabular_ae.history import History
from tabular_ae.macro import Macro
from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.rows import Floats, Ints, Rows, Texts

# kg, USD, both of the calendar year up to and with the month, USD/kg, the panel's freight per kg
TRADE = ("weight", "value", "weight_of_year", "value_of_year", "unit_value", "freight")
MACRO = ("dubai_usd_bbl", "krw_per_usd", "cpi", "ppi")
# Months that an older macro figure stands in for one that is not out yet.
_CARRY = 3


@dataclass(frozen=True, eq=False)
class Columns:
    """Which channels a model reads, in their order, and the countries it gives numbers to.

    names: c channels; countries: those of the training rows, numbered in this order; macro: the figures.
    """

    names: tuple[str, ...]
    countries: tuple[str, ...]
    macro: Macro | None

    @classmethod
    def choose(cls, config: ProposalConfig, learn: Rows, macro: Macro | None) -> Columns:
        """What a configuration asks for and the training rows have.

        A figure that is published only later is left out: it could not be scaled.
        """
        trade = TRADE if np.isfinite(learn.freight).any() else TRADE[:-1]
        known: tuple[str, ...] = ()
        if config.macro and macro is not None:
            figures = {name: macro.one(name, learn.month, carry=_CARRY) for name in MACRO}
            known = tuple(name for name, of_rows in figures.items() if np.isfinite(of_rows).any())
        labels = () if config.numeric_only else ("country",)
        countries = tuple(sorted(set(map(str, learn.country)))) if labels else ()
        return cls((*trade, *known, *labels), countries, macro if known else None)

    def of(self, history: History, rows: Rows) -> Floats:
        """The channels of each row: (n, c), NaN where unknown."""
        so_far = _before(history, rows)  # (n, 2)
        own = np.stack([rows.weight, rows.value], axis=1)
        own[~np.isfinite(rows.log_unit)] = np.nan
        trade = [own, so_far + own, rows.unit_value[:, None], rows.freight[:, None]]
        return self._joined(np.concatenate(trade, axis=1), rows.month[:, None], rows.country)[:, 0, :]

    def past(self, history: History, rows: Rows, length: int) -> Floats:
        """The channels of the `length` months of its series before each row: (n, length, c), oldest first.

        A month in which the series is silent is NaN throughout.
        """
        series = history.find_all(rows)
        grids = _grids(history)
        trade = np.stack([history.window(grid, series, rows.month, length) for grid in grids], axis=2)
        months = rows.month[:, None] + np.arange(-length, 0)[None, :]
        out = self._joined(trade.reshape(-1, len(TRADE)), months, rows.country)
        out[~np.isfinite(trade[:, :, 0])] = np.nan
        return out

    def _joined(self, trade: Floats, months: Ints, country: Texts) -> Floats:
        """Trade columns (n · w, 6) with those of the months (n, w) and countries (n,): (n, w, c)."""
        n, w = months.shape
        trade = trade.reshape(n, w, len(TRADE))
        place = {name: i for i, name in enumerate(self.countries)}
        number = np.array([place.get(str(c), np.nan) for c in country], dtype=np.float64)
        parts: list[Floats] = []
        for name in self.names:
            if name in TRADE:
                parts.append(trade[:, :, TRADE.index(name)])
            elif name == "country":
                parts.append(np.broadcast_to(number[:, None], (n, w)))
            else:
                assert self.macro is not None
                figures = self.macro.one(name, months.ravel(), carry=_CARRY)
                parts.append(figures.reshape(n, w))
        return np.stack(parts, axis=2)


def _grids(history: History) -> tuple[Floats, ...]:
    """`TRADE` of every series and month, each (series, months), NaN where the month is missing."""

    def make() -> tuple[Floats, ...]:
        weight, unit, freight = (np.exp(grid) for grid in (history.weight, history.unit, history.freight))
        value = unit * weight
        silent = ~np.isfinite(value)
        sums = [np.where(silent, np.nan, grid) for grid in _of_year(history, weight, value)]
        return (weight, value, *sums, unit, freight)

    return history.once("proposal", tuple, make)


def _of_year(history: History, *grids: Floats) -> list[Floats]:
    """Running totals since January of each grid (series, months), a missing month adding nothing."""
    year = (history.first + np.arange(history.months)) // 12
    out = [np.nan_to_num(grid) for grid in grids]
    for one in np.unique(year):
        for grid in out:
            grid[:, year == one] = np.cumsum(grid[:, year == one], axis=1)
    return out


def _before(history: History, rows: Rows) -> Floats:
    """kg and USD of each row's series from January to the month before: (n, 2), 0 where there is none."""
    totals: Floats = history.once(
        "proposal.year", np.ndarray, lambda: np.stack(_of_year(history, *_grids(history)[:2]), axis=2)
    )
    series = history.find_all(rows)
    # a month beyond the history goes on from the last one known
    column = np.minimum(rows.month - 1 - history.first, history.months - 1)
    inside = (series >= 0) & (column >= 0) & ((column + history.first) // 12 == rows.month // 12)
    out = np.zeros((len(rows), 2))
    out[inside] = totals[series[inside], column[inside]]
    return out
