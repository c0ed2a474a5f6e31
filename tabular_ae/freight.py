"""What freight usually costs per kg on a route: the series' own premium over the route's rate of the month.

No network: the median rate of the other items on the route, in the month itself or in the nearest of the
months before, and the series' usual distance from it, shrunk to none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabular_ae.history import History, median_of, spread_of
from tabular_ae.rows import Floats, Ints, Rows

# How old a route's rate may be, months.
_STALE = 6
# Months of its own that a series needs for half its premium to be believed.
_PREMIUM_MONTHS = 3.0
_LEAST_SPREAD = 0.02
_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class Freights:
    """n scored freight rates: score (higher = odder, NaN without a route), expected ln(rate), scale."""

    score: Floats
    centre: Floats
    scale: Floats
    months: Ints


class FreightModel:
    """The spread of each route's freight about what is usual, learned on clean months.

    spreads: standard deviation of ln(rate) by country, and under `""` of all; extra: that of one consignment
    about its month.
    """

    def __init__(self, spreads: dict[str, float], *, extra: float = 0.0) -> None:
        self.spreads = spreads
        self.extra = extra

    @classmethod
    def fit(cls, history: History, rows: Rows) -> FreightModel | None:
        """Learn spreads on clean rows; None where no row has freight to compare."""
        residual = rows.log_freight - usual(history, rows)[0]
        known = np.isfinite(residual)
        if known.sum() < 30:
            return None
        spreads = {"": _spread(residual[known])}
        for country in sorted(set(rows.country[known])):
            mine = residual[known & (rows.country == country)]
            part = len(mine) / (len(mine) + 12.0)
            spreads[country] = float(part * _spread(mine) + (1 - part) * spreads[""])
        return cls(spreads)

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> Freights:
        """|ln rate − usual| in spreads of its route."""
        centre, months = usual(history, rows)
        scale = np.array([self.spreads.get(c, self.spreads[""]) for c in rows.country])
        if consignment:
            scale = np.sqrt(scale**2 + self.extra**2)
        return Freights(np.round(np.abs(rows.log_freight - centre) / scale, _DECIMALS), centre, scale, months)


def usual(history: History, rows: Rows) -> tuple[Floats, Ints]:
    """Expected ln(freight per kg) of each row, NaN without a route; the months its premium rests on."""
    series = history.find_all(rows)
    rate = _route_rates(history)
    now = _at(rate.without, series, rows.month - history.first)
    out = now.copy()
    for back in range(_STALE + 1):
        fallback = np.array(
            [
                rate.all[c][m] if c in rate.all and 0 <= m < history.months else np.nan
                for c, m in zip(rows.country, rows.month - history.first - back, strict=True)
            ],
            dtype=np.float64,
        )
        # a series that is its route's only one must not be its own yardstick in the month itself
        out = np.where(np.isfinite(out) | ((back == 0) & (series >= 0)), out, fallback)
    premium, months = median_of(
        history.window(history.freight - rate.without, series, rows.month, history.memory)
    )
    return out + np.nan_to_num(premium) * months / (months + _PREMIUM_MONTHS), months


@dataclass(frozen=True, eq=False)
class _Rates:
    without: Floats  # (series, months): the route's median without the series itself
    all: dict[str, Floats]  # country -> (months,)


def _route_rates(history: History) -> _Rates:
    if "freight" not in history.derived:
        without = np.full(history.freight.shape, np.nan)
        every: dict[str, Floats] = {}
        for country, members in history.routes.items():
            block = history.freight[members]  # (k, months)
            every[country] = median_of(block.T)[0]
            without[members] = _leave_one_out(block)
        history.derived["freight"] = _Rates(without, every)
    found = history.derived["freight"]
    assert isinstance(found, _Rates)
    return found


def _leave_one_out(block: Floats) -> Floats:
    """Median of each column without the row itself: (k, months), NaN where nothing is left."""
    order = np.argsort(block, axis=0, kind="stable")  # NaN last
    ranks = np.argsort(order, axis=0, kind="stable")
    ordered = np.take_along_axis(block, order, 0)
    mine = np.isfinite(block)
    count = np.isfinite(block).sum(axis=0)[None, :] - mine  # what is left
    rank = np.where(mine, ranks, block.shape[0])
    picks = []
    for middle in ((count - 1) // 2, count // 2):
        place = np.clip(middle + (rank <= middle), 0, block.shape[0] - 1)
        picks.append(np.take_along_axis(ordered, place, 0))
    return np.where(count > 0, 0.5 * (picks[0] + picks[1]), np.nan)


def _at(grid: Floats, series: Ints, column: Ints) -> Floats:
    inside = (series >= 0) & (column >= 0) & (column < grid.shape[1])
    out = np.full(len(series), np.nan)
    out[inside] = grid[series[inside], column[inside]]
    return out


def _spread(residual: Floats) -> float:
    return max(float(spread_of(residual[None, :], np.zeros(1))[0]), _LEAST_SPREAD)
