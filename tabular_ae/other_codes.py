"""Whether a unit value fits another code of the chapter better than the declared one.

No network: each code's usual unit value in the row's country, pooled with the code's in all countries, gives
a Student-t density; the declared code's stands against the mixture of all the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tabular_ae.code_prices import Chapter, CodePrices, heading_price
from tabular_ae.history import History, median_of, prefixes
from tabular_ae.rows import Floats, Ints, Rows

# Codes offered instead.
TOP = 5
# Degrees of freedom: monthly unit values have far heavier tails than a normal has.
_FREEDOM = 4.0
# How much of the mixture the codes of the same heading hold, however little of them is traded.
_HEADING_SHARE = 0.5
# The ratio is cut here: beyond, it tells how thin the declared code's tail is and not how well others fit.
_FLOOR, _CEILING = -6.0, 12.0
_LEAST_ROWS, _BINS = 200, 8
_NARROWEST, _WIDEST = 0.3, 4.0
_DECIMALS = 4
_CHUNK = 2048
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class CodeFits:
    """n rows against the codes of their chapter.

    score: ln of how much likelier the other codes are than the declared one, cut to −6…12; higher = odder,
    NaN where the price, the declared code's usual price or any other code is unknown.
    centre, scale: the declared code's usual ln(USD/kg) and its spread; months: months of the row's own series
    that they rest on; group: the panel's code or heading that they are of, "" where there is none.
    codes: up to five others, likeliest first; probability: (n, 5) theirs among all codes of the chapter by
    price and share of trade alone, 0 where there are fewer; declared: (n,) that of the declared code.
    nearest: (n,) usual ln(USD/kg) of the likeliest other.
    """

    score: Floats
    centre: Floats
    scale: Floats
    months: Ints
    group: tuple[str, ...]
    codes: tuple[tuple[str, ...], ...]
    probability: Floats
    declared: Floats
    nearest: Floats


@dataclass(frozen=True)
class OtherCodesModel:
    """How much wider than usual prices scatter in rows of little weight, learned on clean months.

    weights: ln(kg), rising; widths: factor of the spread at each, interpolated. extra: standard deviation of
    ln(USD/kg) of one consignment about its month.
    """

    weights: tuple[float, ...] = (0.0,)
    widths: tuple[float, ...] = (1.0,)
    extra: float = 0.0

    @classmethod
    def fit(cls, history: History, rows: Rows) -> OtherCodesModel | None:
        """Learn widths on clean rows; None where fewer than 200 have a usual price to compare with."""
        found = cls().score(history, rows)
        z = np.abs(rows.log_unit - found.centre) / found.scale
        known = np.flatnonzero(np.isfinite(z) & (found.months > 0))
        if len(known) < _LEAST_ROWS:
            return None
        known = known[np.argsort(rows.log_weight[known], kind="stable")]
        bins = np.array_split(known, _BINS)
        widths = np.clip([1.4826 * np.median(z[members]) for members in bins], _NARROWEST, _WIDEST)
        weights = np.array([np.median(rows.log_weight[members]) for members in bins])
        return cls(tuple(weights.tolist()), tuple(widths.tolist()))

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> CodeFits:
        """Score rows against the months before them; a `consignment` row is one line, not a month."""
        width = self._widths(history, rows, consignment)
        extra = self.extra if consignment else 0.0
        parts: dict[tuple[str, int], list[int]] = {}
        for i, (hs, month) in enumerate(zip(rows.hs, rows.month.tolist(), strict=True)):
            parts.setdefault((hs[:2], month), []).append(i)
        n = len(rows)
        score, centre, scale, declared, nearest = (np.full(n, np.nan) for _ in range(5))
        months, probability = np.zeros(n, dtype=np.int64), np.zeros((n, TOP))
        codes: list[tuple[str, ...]] = [()] * n
        group = [""] * n
        for (name, month), members in parts.items():
            chapter = Chapter.of(history, name)
            for start in range(0, len(members), _CHUNK):
                at = np.array(members[start : start + _CHUNK], dtype=np.int64)
                some = _compare(history, chapter, month, rows.take(at), width[at], extra)
                score[at], centre[at], scale[at], months[at] = (
                    some.score,
                    some.centre,
                    some.scale,
                    some.months,
                )
                probability[at], declared[at], nearest[at] = some.probability, some.declared, some.nearest
                for i, place in enumerate(at.tolist()):
                    codes[place], group[place] = some.codes[i], some.group[i]
        return CodeFits(
            score, centre, scale, months, tuple(group), tuple(codes), probability, declared, nearest
        )

    def _widths(self, history: History, rows: Rows, consignment: bool) -> Floats:
        weight = rows.log_weight
        if consignment:  # the weight of a line says nothing of how much its month weighs
            series = history.find_all(rows)
            weight, _ = median_of(history.window(history.weight, series, rows.month, history.memory))
        middle = float(np.median(self.weights))
        return np.asarray(np.interp(np.nan_to_num(weight, nan=middle), self.weights, self.widths))

    def facts(self) -> dict[str, Any]:
        """State as JSON can hold it."""
        return {"weights": list(self.weights), "widths": list(self.widths), "extra": self.extra}

    @classmethod
    def restore(cls, facts: Mapping[str, Any]) -> OtherCodesModel:
        """Read back what `facts` gave."""
        return cls(tuple(facts["weights"]), tuple(facts["widths"]), float(facts["extra"]))


def _compare(
    history: History, chapter: Chapter, month: int, rows: Rows, width: Floats, extra: float
) -> CodeFits:
    """n rows of one chapter and month against its k codes."""
    countries, of_country = np.unique(rows.country.astype(str), return_inverse=True)
    prices = CodePrices.before(history, chapter, month, countries.tolist())
    level = prices.level[of_country]  # (n, k)
    spread = np.hypot(prices.spread[of_country] * width[:, None], extra)
    share = prices.share[of_country]
    centre, scale, months, group = _declared(history, chapter, month, rows, prices, of_country)
    scale = np.hypot(scale * width, extra)

    goods, of_goods = np.unique(rows.hs.astype(str), return_inverse=True)
    kin = np.array([chapter.kin(hs) for hs in goods]).reshape(len(goods), 2, len(chapter.codes))[of_goods]
    same, near = kin[:, 0], kin[:, 1]  # (n, k): the goods themselves are no alternative to themselves
    theirs = _parts(np.where(same, 0.0, share))
    beside = _parts(np.where(near, theirs, 0.0))
    part = np.where(beside.any(axis=1, keepdims=True), _HEADING_SHARE, 0.0)
    theirs = (1 - part) * theirs + part * beside  # trade share of each other code
    density = np.exp(_log_t(rows.log_unit[:, None], level, spread))
    mass = theirs * np.nan_to_num(density)
    mine = _log_t(rows.log_unit, centre, scale)
    known = np.isfinite(mine) & theirs.any(axis=1)
    score = np.clip(np.log(np.maximum(mass.sum(axis=1), _TINY)) - mine, _FLOOR, _CEILING)

    # a code hardly traded so far still has as good a claim as any one of the chapter's
    held = np.clip(np.where(same, share, 0.0).sum(axis=1), 1.0 / max(len(chapter.codes), 2), 0.99)
    mass *= 1.0 - held[:, None]
    fit = held * np.exp(np.where(known, mine, 0.0))
    total = np.maximum(mass.sum(axis=1) + fit, _TINY)
    top = _largest(mass, TOP)  # (n, up to TOP)
    probability = np.zeros((len(rows), TOP))
    probability[:, : top.shape[1]] = np.take_along_axis(mass, top, 1) / total[:, None]
    probability[~known] = 0.0
    first = np.take_along_axis(level, top[:, :1], 1) if top.shape[1] else np.full((len(rows), 1), np.nan)
    names = np.array(chapter.codes, dtype=object)[top]
    offered = (probability[:, : top.shape[1]] > 0).sum(axis=1)
    return CodeFits(
        score=np.where(known, np.round(score, _DECIMALS), np.nan),
        centre=centre,
        scale=scale,
        months=months,
        group=group,
        codes=tuple(tuple(row[:count]) for row, count in zip(names.tolist(), offered, strict=True)),
        probability=probability,
        declared=np.where(known, fit / total, np.nan),
        nearest=np.where(offered > 0, first[:, 0], np.nan),
    )


def _declared(
    history: History, chapter: Chapter, month: int, rows: Rows, prices: CodePrices, of_country: Ints
) -> tuple[Floats, Floats, Ints, tuple[str, ...]]:
    """Usual ln(USD/kg), spread and months of the declared codes, and the code or heading they are of."""
    found: dict[str, tuple[float, float, str, int]] = {}
    for hs in dict.fromkeys(rows.hs.tolist()):
        columns = [chapter.column.get(p, -1) for p in (hs, *prefixes(hs)) if len(p) >= 6 or p == hs]
        column = next((j for j in columns if j >= 0 and np.isfinite(prices.level[:, j]).all()), -1)
        if column >= 0:
            found[hs] = np.nan, np.nan, chapter.codes[column], column
        else:
            found[hs] = *heading_price(history, hs, month), -1
    rest = [found[hs] for hs in rows.hs.tolist()]
    columns_of = np.array([row[3] for row in rest], dtype=np.int64)
    centre, scale = (np.array([row[i] for row in rest], dtype=np.float64) for i in (0, 1))
    months = np.zeros(len(rows), dtype=np.int64)
    own = columns_of >= 0
    at = (of_country[own], columns_of[own])
    centre[own], scale[own], months[own] = prices.level[at], prices.spread[at], prices.months[at]
    return centre, scale, months, tuple(row[2] for row in rest)


def _log_t(value: Floats, level: Floats, spread: Floats) -> Floats:
    """Student-t log density up to a constant, which is the same for all codes."""
    z = (value - level) / spread
    return np.asarray(-np.log(spread) - 0.5 * (_FREEDOM + 1.0) * np.log1p(z * z / _FREEDOM))


def _parts(amounts: Floats) -> Floats:
    return amounts / np.maximum(amounts.sum(axis=1, keepdims=True), _TINY)


def _largest(values: Floats, count: int) -> Ints:
    """Places of the largest values of each row, largest first: (n, up to count)."""
    count = min(count, values.shape[1])
    if not count:
        return np.empty((len(values), 0), dtype=np.int64)
    top = np.argpartition(-values, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, top, 1), axis=1, kind="stable")
    return np.take_along_axis(top, order, 1)
