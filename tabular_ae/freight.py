"""What freight usually costs per kg on a route: the series' own premium over the route's rate of the month.

No network: the median rate of the other items on the route, in the month itself or in the nearest of the
months before, and the series' usual distance from it, shrunk to none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tabular_ae.history import History, median_of, spread_of
from tabular_ae.rows import Floats, Ints, Rows

# How old a route's rate may be, months.
_STALE = 6
# Months of its own that a series needs for half its premium to be believed.
_PREMIUM_MONTHS = 3.0
_LEAST_SPREAD = 0.02
_LEAST_ROWS = 30
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
    about its month; drift: that of a route's rate from one month to the next, for rows whose route is only
    known of earlier months.
    """

    def __init__(self, spreads: dict[str, float], *, extra: float = 0.0, drift: float = 0.0) -> None:
        self.spreads = spreads
        self.extra = extra
        self.drift = drift

    @classmethod
    def fit(cls, history: History, rows: Rows) -> FreightModel | None:
        """Learn spreads on clean rows; None where no row has freight to compare."""
        centre, _, age = _usual(history, rows)
        residual = rows.log_freight - centre
        # the drift is told apart from the scatter within a month, where there is any such month to tell it
        known = np.isfinite(residual) & (age == 0)
        if known.sum() < _LEAST_ROWS:
            known = np.isfinite(residual)
        if known.sum() < _LEAST_ROWS:
            return None
        spreads = {"": _spread(residual[known])}
        for country in sorted(set(rows.country[known])):
            mine = residual[known & (rows.country == country)]
            part = len(mine) / (len(mine) + 12.0)
            spreads[country] = float(part * _spread(mine) + (1 - part) * spreads[""])
        return cls(spreads, drift=_drift(history, rows))

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> Freights:
        """|ln rate − usual| in spreads of its route."""
        centre, months, age = _usual(history, rows)
        scale = np.array([self.spreads.get(c, self.spreads[""]) for c in rows.country], dtype=np.float64)
        scale = np.sqrt(scale**2 + age * self.drift**2)
        if consignment:
            scale = np.sqrt(scale**2 + self.extra**2)
        return Freights(np.round(np.abs(rows.log_freight - centre) / scale, _DECIMALS), centre, scale, months)

    def facts(self) -> dict[str, Any]:
        """State as JSON can hold it."""
        return {"spreads": self.spreads, "extra": self.extra, "drift": self.drift}

    @classmethod
    def restore(cls, facts: Mapping[str, Any]) -> FreightModel:
        """Read back what `facts` gave."""
        return cls(dict(facts["spreads"]), extra=float(facts["extra"]), drift=float(facts.get("drift", 0.0)))


def usual(history: History, rows: Rows) -> tuple[Floats, Ints]:
    """Expected ln(freight per kg) of each row, NaN without a route; the months its premium rests on."""
    centre, months, _ = _usual(history, rows)
    return centre, months


def _usual(history: History, rows: Rows) -> tuple[Floats, Ints, Ints]:
    """The same, and how many months old the route's rate is."""
    series = history.find_all(rows)
    rate = route_rates(history)
    now = _at(rate.without, series, rows.month - history.first)
    out, age = now.copy(), np.zeros(len(rows), dtype=np.int64)
    for back in range(_STALE + 1):
        fallback = np.array(
            [
                rate.all[c][m] if c in rate.all and 0 <= m < history.months else np.nan
                for c, m in zip(rows.country, rows.month - history.first - back, strict=True)
            ],
            dtype=np.float64,
        )
        # a series that is its route's only one must not be its own yardstick in the month itself
        open_ = ~np.isfinite(out) & ((back > 0) | (series < 0)) & np.isfinite(fallback)
        out[open_], age[open_] = fallback[open_], back
    premium, months = premium_of(history, series, rows.month)
    return out + premium, months, age


def premium_of(history: History, series: Ints, month: Ints) -> tuple[Floats, Ints]:
    """Usual distance of each series' ln(rate) from the rest of its route, shrunk to none; its months."""
    apart = history.freight - route_rates(history).without
    premium, months = median_of(history.window(apart, series, month, history.memory))
    return np.nan_to_num(premium) * months / (months + _PREMIUM_MONTHS), months


@dataclass(frozen=True, eq=False)
class RouteRates:
    """The median ln(rate) of each route by month, NaN where no item on it has freight."""

    without: Floats  # (series, months): the route's median without the series itself
    all: dict[str, Floats]  # country -> (months,)


def route_rates(history: History) -> RouteRates:
    """The rates of a history's routes, worked out once."""

    def make() -> RouteRates:
        without = np.full(history.freight.shape, np.nan)
        every: dict[str, Floats] = {}
        for country, members in history.routes.items():
            block = history.freight[members]  # (k, months)
            every[country] = median_of(block.T)[0]
            without[members] = _leave_one_out(block)
        return RouteRates(without, every)

    return history.once("freight", RouteRates, make)


def _drift(history: History, rows: Rows) -> float:
    """Standard deviation of the month-to-month change of a route's ln(rate), over the months of the rows."""
    if not len(rows):
        return 0.0
    last = int(rows.month.max()) - history.first
    changes = [np.diff(rate[: last + 1]) for rate in route_rates(history).all.values()]
    known = np.concatenate(changes) if changes else np.empty(0)
    known = known[np.isfinite(known)]
    return _spread(known) if len(known) else 0.0


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
