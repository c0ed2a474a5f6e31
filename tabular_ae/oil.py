"""Whether freight is out of proportion to oil: what a route's level of the last months and oil imply.

No network: ln(route rate) about its slow level is regressed, robustly, on ln(oil) about its own, with lags;
each route leans on all. The level moves with the route: a freight boom is no oddity of the years it lasts.
What the route as a whole does in a month is no oddity of one row in it, however far from what oil implies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tabular_ae.freight import premium_of, route_rates
from tabular_ae.history import History, median_of, spread_of
from tabular_ae.macro import Macro
from tabular_ae.robust import huber_ridge
from tabular_ae.rows import Floats, Ints, Rows

# Figures that stand for oil, the first that is known: USD/bbl.
OILS = ("dubai_usd_bbl", "brent_usd_bbl", "wti_usd_bbl")
LAGS = 4
# Why there is no score; "" where there is one.
NO_FREIGHT, NO_OIL, NO_ROUTE = "freight.oil.none", "freight.oil.no_oil", "freight.oil.no_route"
# Months that the level looks back, and how old a figure of oil that is not out yet may be.
_REACH, _CARRY = 12, 3
# Months after which a month counts for half in the level. Calm years would choose longer ones, and then take
# the years of a boom for odd: freight from China doubled around New Year 2021 and stayed there.
_HALF_LIVES = (0.5, 1.0)
# Elasticity before any data, spread over the lags: container freight rises with oil (UNCTAD, "Oil prices and
# maritime freight rates", 2010), and by less than it; our guess is a quarter. Prior deviations: of
# one lag for all routes, of one route about all. A few months say little of oil, and must not be made to.
_FIRST_ELASTICITY, _POOLED_SD, _ROUTE_SD = 0.25, 0.05, 0.05
# A route's rate moves by an eighth a month, about; months that this guess and a route's own past count for.
_FIRST_SPREAD, _SPREAD_MONTHS = 0.12, 12.0
# Recent months that widen a route's scale, and how far one of them may.
_RECENT, _MOST = 6, 3.0
_FIRST_BETWEEN = 0.7  # routes lie within a factor of two of their middle, where only one or two are known
_LEAST_MONTHS, _LEAST_SPREAD = 4, 0.02
# Of a route's scales: as far as one may move in a month in which nothing else of it is known.
_SHOCK = 3.0
_DECIMALS = 4
_NOTHING = np.nan, np.nan, 0, False


@dataclass(frozen=True, eq=False)
class OilFreights:
    """n freight rates against oil.

    score: by how many scales ln(rate) lies outside low…high, 0 within; higher = odder, NaN where `reason`
    says why not. centre: ln(rate) that the level and oil imply; low, high: the same and what the rest of the
    route does in the month, or could do where that is not known; scale: of one step of the score.
    months: of the route that the level rests on; oil: USD/bbl of the month, NaN where unknown.
    anywhere: bool (n,), the route has no recent months and the level is that of all routes.
    """

    score: Floats
    centre: Floats
    low: Floats
    high: Floats
    scale: Floats
    months: Ints
    oil: Floats
    anywhere: np.ndarray
    reason: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class OilModel:
    """Elasticities of a route's rate to oil and how far it strays, learned on clean months.

    macro: holds the price of oil; replace it to score later months.
    half_life: months after which a month counts for half in the level. elasticity: (LAGS,) by country, and
    under `""` of all routes. spreads: standard deviation by country likewise, of the route; within: of a row
    about its route; extra: of one consignment about its month.
    """

    macro: Macro
    half_life: float
    elasticity: dict[str, tuple[float, ...]]
    spreads: dict[str, float]
    within: float = _LEAST_SPREAD
    extra: float = 0.0

    @classmethod
    def fit(cls, history: History, rows: Rows, macro: Macro) -> OilModel | None:
        """Learn on clean rows; None without oil or with fewer than four months of freight to compare."""
        stop = int(rows.month.max()) + 1 if len(rows) else 0
        best: tuple[float, OilModel] | None = None
        for half_life in _HALF_LIVES:
            countries, x, y = _differences(history, macro, half_life, stop)
            if len(y) < _LEAST_MONTHS:
                return None
            # many labels may share one published route: it counts once for all
            once = np.unique(np.round(np.column_stack([x, y]), 9), axis=0, return_index=True)[1]
            pooled, spread = huber_ridge(
                x[once], y[once], np.full(LAGS, _POOLED_SD**-2), np.full(LAGS, _FIRST_ELASTICITY / LAGS)
            )
            if best is None or spread < best[0]:
                best = spread, cls(macro, half_life, *_by_route(countries, x, y, once, pooled))
        assert best is not None
        model = best[1]
        rate = _Routes(history, model)
        series = history.find_all(rows)
        premium, _ = premium_of(history, series, rows.month)
        about = rows.log_freight - premium - rate.at(rows.country, rows.month)
        known = about[np.isfinite(about)]
        within = float(spread_of(known[None, :], np.zeros(1))[0]) if len(known) else 0.0
        return cls(
            macro, model.half_life, model.elasticity, model.spreads, max(within, _LEAST_SPREAD), model.extra
        )

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> OilFreights:
        """Score rows against earlier months of their route, the rest of it in their month, and oil till then.

        A row is odd as far as it goes beyond both what oil implies and where the rest of its route stands.
        Where no other series of the route is known in the month, it may have moved by three of its scales.
        Clean rows mostly score 0: a route's months are few, and one move of it says nothing of its many rows.
        """
        routes = _Routes(history, self)
        oil = np.exp(_log_oil(self.macro, rows.month, 0))
        keys = list(
            zip(rows.country.tolist(), rows.month.tolist(), np.isfinite(rows.log_freight), strict=True)
        )
        expected = {key: routes.expect(key[0], key[1]) if key[2] else _NOTHING for key in set(keys)}
        found = [expected[key] for key in keys]
        level, spread, months = (np.array([f[i] for f in found], dtype=np.float64) for i in range(3))
        anywhere = np.array([f[3] for f in found], dtype=bool)
        series = history.find_all(rows)
        premium, _ = premium_of(history, series, rows.month)
        centre = level + premium
        moved = _rest_of_route(history, routes, rows, series) - level
        low = centre + np.where(np.isfinite(moved), np.minimum(moved, 0.0), -_SHOCK * spread)
        high = centre + np.where(np.isfinite(moved), np.maximum(moved, 0.0), _SHOCK * spread)
        scale = np.sqrt(spread**2 + self.within**2 + (self.extra**2 if consignment else 0.0))
        beyond = np.maximum(low - rows.log_freight, rows.log_freight - high)
        score = np.round(np.maximum(beyond, 0.0) / scale, _DECIMALS)
        why = np.where(np.isfinite(oil), NO_ROUTE, NO_OIL)
        why = np.where(np.isfinite(rows.log_freight), why, NO_FREIGHT)
        reason = tuple(np.where(np.isfinite(score), "", why).tolist())
        return OilFreights(score, centre, low, high, scale, months.astype(np.int64), oil, anywhere, reason)

    def facts(self) -> dict[str, Any]:
        """State as JSON can hold it, all but the macro figures."""
        return {
            "half_life": self.half_life,
            "elasticity": {country: list(lags) for country, lags in self.elasticity.items()},
            "spreads": self.spreads,
            "within": self.within,
            "extra": self.extra,
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], macro: Macro) -> OilModel:
        """Read back what `facts` gave."""
        return cls(
            macro,
            float(facts["half_life"]),
            {country: tuple(lags) for country, lags in facts["elasticity"].items()},
            dict(facts["spreads"]),
            float(facts["within"]),
            float(facts["extra"]),
        )


class _Routes:
    """What a model expects of each route of a history, worked out month by month as it is asked."""

    def __init__(self, history: History, model: OilModel) -> None:
        self.first, self.rates = history.first, route_rates(history).all
        self.model = model
        months = np.arange(-_REACH, history.months) + history.first
        self._log_oil = np.stack([_log_oil(model.macro, months, lag) for lag in range(LAGS)], axis=1)
        self._expected: dict[tuple[str, int], tuple[float, int, int]] = {}
        self._scales: dict[tuple[str, int], float] = {}

    def at(self, country: np.ndarray, month: Ints) -> Floats:
        """ln(rate) of each row's route in the month itself, NaN where unknown."""
        return np.array(
            [self._rate(c, m) for c, m in zip(country, month.tolist(), strict=True)], dtype=np.float64
        )

    def expect(self, country: str, month: int) -> tuple[float, float, int, bool]:
        """ln(rate) before premium, its spread, the months of the route, and whether all routes filled in."""
        level, months, age = self._level(country, month)
        if months:
            return level, self._scale(country, month) * np.sqrt(age), months, False
        others = [f for c in self.rates if (f := self._level(c, month))[1]]
        if not others:
            return _NOTHING
        levels = np.array([f[0] for f in others])
        middle, part = float(np.median(levels)), len(levels) / (len(levels) + 3.0)
        between = part * float(np.mean((levels - middle) ** 2)) + (1 - part) * _FIRST_BETWEEN**2
        return middle, float(np.sqrt(between + self.model.spreads[""] ** 2)), 0, True

    def _level(self, country: str, month: int) -> tuple[float, int, int]:
        """Expected ln(rate); how many months it rests on; how many months ago the last of them was."""
        key = country, month
        if key not in self._expected:
            elasticity = np.array(self.model.elasticity.get(country, self.model.elasticity[""]))
            weights = _weights(self.model.half_life)
            back = np.arange(1, _REACH + 1)
            past = np.array([self._rate(country, month - int(k)) for k in back])
            oil = np.array([self._oil(month - int(k)) @ elasticity for k in back])
            now = float(self._oil(month) @ elasticity)
            known = np.isfinite(past - oil)
            if known.any() and np.isfinite(now):
                weight = weights[known] / weights[known].sum()
                level = float(weight @ (past - oil)[known]) + now
                self._expected[key] = level, int(known.sum()), int(back[known][0])
            else:
                self._expected[key] = np.nan, 0, 0
        return self._expected[key]

    def _scale(self, country: str, month: int) -> float:
        """Spread of the route, wider where its last months strayed; calm months promise nothing."""
        key = country, month
        if key not in self._scales:
            usual = self.model.spreads.get(country, self.model.spreads[""])
            errors = [
                self._rate(country, m) - self._level(country, m)[0] for m in range(month - _RECENT, month)
            ]
            strayed = np.minimum([e * e for e in errors if np.isfinite(e)], (_MOST * usual) ** 2)
            recent = (_RECENT * usual**2 + strayed.sum()) / (_RECENT + len(strayed))
            self._scales[key] = float(np.sqrt(max(recent, usual**2)))
        return self._scales[key]

    def _rate(self, country: str, month: int) -> float:
        rate = self.rates.get(country)
        place = month - self.first
        return float(rate[place]) if rate is not None and 0 <= place < len(rate) else np.nan

    def _oil(self, month: int) -> Floats:
        """(LAGS,) ln(USD/bbl) of the month and those before it."""
        place = month - self.first + _REACH
        if 0 <= place < len(self._log_oil):
            return np.asarray(self._log_oil[place])
        one = np.array([month], dtype=np.int64)
        return np.array([_log_oil(self.model.macro, one, lag)[0] for lag in range(LAGS)])


def _rest_of_route(history: History, routes: _Routes, rows: Rows, series: Ints) -> Floats:
    """ln(rate) of the row's route in its month without the row's own series: (n,), NaN where unknown."""
    every = routes.at(rows.country, rows.month)
    column = rows.month - history.first
    inside = (series >= 0) & (column >= 0) & (column < history.months)
    out = np.where(series >= 0, np.nan, every)
    out[inside] = route_rates(history).without[series[inside], column[inside]]
    return out


def _differences(
    history: History, macro: Macro, half_life: float, stop: int
) -> tuple[np.ndarray, Floats, Floats]:
    """Route months before `stop` about their slow levels: country (n,), ln(oil) (n, LAGS), ln(rate) (n,)."""
    weights = _weights(half_life)
    months = np.arange(history.months, dtype=np.int64) + history.first
    oil = np.stack([_log_oil(macro, months, lag) for lag in range(LAGS)], axis=1)  # (months, LAGS)
    usable = np.isfinite(oil).all(axis=1) & (months < stop)
    countries, x, y = [], [], []
    for country, rate in route_rates(history).all.items():
        known = usable & np.isfinite(rate)
        for m in np.flatnonzero(known):
            back = m - np.arange(1, _REACH + 1)
            mine = (back >= 0) & known[np.maximum(back, 0)]
            if mine.any():
                weight = weights[mine] / weights[mine].sum()
                countries.append(country)
                x.append(oil[m] - weight @ oil[back[mine]])
                y.append(rate[m] - weight @ rate[back[mine]])
    return np.array(countries, dtype=object), np.array(x).reshape(len(x), LAGS), np.array(y, dtype=np.float64)


def _by_route(
    countries: np.ndarray, x: Floats, y: Floats, once: Ints, pooled: Floats
) -> tuple[dict[str, tuple[float, ...]], dict[str, float]]:
    """Elasticities and spreads by country and, under `""`, of all."""
    elasticity = {"": tuple(pooled.tolist())}
    spreads = {"": _shrunk((y - x @ pooled)[once], _FIRST_SPREAD)}
    for country in sorted(set(countries)):
        mine = countries == country
        own, _ = huber_ridge(x[mine], y[mine], np.full(LAGS, _ROUTE_SD**-2), pooled)
        elasticity[country] = tuple(own.tolist())
        spreads[country] = _shrunk(y[mine] - x[mine] @ own, spreads[""])
    return elasticity, spreads


def _shrunk(error: Floats, first: float) -> float:
    own, count = median_of(np.abs(error))
    part = float(count) / (float(count) + _SPREAD_MONTHS)
    return float(np.sqrt(part * (1.4826 * float(own)) ** 2 + (1 - part) * first**2))


def _weights(half_life: float) -> Floats:
    return np.asarray(0.5 ** (np.arange(1, _REACH + 1) / half_life))


def _log_oil(macro: Macro, month: Ints, lag: int) -> Floats:
    """ln(USD/bbl) `lag` months before each month, of the first kind of oil that the figures hold."""
    kinds = [oil for oil in OILS if oil in macro.names]
    held = [oil for oil in kinds if np.isfinite(macro.values[:, macro.names.index(oil)]).any()]
    price = macro.one(held[0] if held else OILS[0], month, lag=lag, carry=_CARRY)
    out = np.full(len(month), np.nan)
    np.log(price, out=out, where=np.isfinite(price) & (price > 0))
    return out
