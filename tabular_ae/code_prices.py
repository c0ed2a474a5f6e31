"""What the codes of one chapter usually cost before a month in each country: a table of countries × codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabular_ae.history import History, median_of, prefixes, spread_of
from tabular_ae.rows import Floats, Ints

# Months of trade in all countries that one country's own choice of codes counts for.
_SHARE_MONTHS = 6.0
# As in `tabular_ae.inputs`: months that the item's spread counts for, and the least of the spreads.
_SPREAD_MONTHS, _LEAST_SPREAD, _LEAST_BETWEEN, _FIRST_SPREAD = 6.0, 0.05, 0.05, 0.4

Bools = npt.NDArray[np.bool_]


class Chapter:
    """The codes that a history holds in one chapter, whatever the month.

    codes: k of them; countries: each one's row in `series`; series: int64 (countries + 1, k), −1 where there
    is none, the last row being that of any other country.
    """

    def __init__(self, history: History, chapter: str) -> None:
        keys = [(key, i) for key, i in history.series.items() if key[0][:2] == chapter]
        self.codes = tuple(sorted({hs for (hs, _), _ in keys}))
        self.countries = {c: i for i, c in enumerate(sorted({c for (_, c), _ in keys}))}
        self.column = {code: j for j, code in enumerate(self.codes)}
        self.series = np.full((len(self.countries) + 1, len(self.codes)), -1, dtype=np.int64)
        for (hs, country), i in keys:
            self.series[self.countries[country], self.column[hs]] = i
        self._kin: dict[str, tuple[Bools, Bools]] = {}

    @classmethod
    def of(cls, history: History, chapter: str) -> Chapter:
        """That of a history, made once."""
        return history.once(f"chapter/{chapter}", cls, lambda: cls(history, chapter))

    def kin(self, hs: str) -> tuple[Bools, Bools]:
        """(k,) which codes are the same goods, finer or coarser; (k,) which are of the same heading."""
        if hs not in self._kin:
            same = np.array([c.startswith(hs) or hs.startswith(c) for c in self.codes], dtype=bool)
            near = np.array([c[:4] == hs[:4] for c in self.codes], dtype=bool)
            self._kin[hs] = same, near
        return self._kin[hs]


@dataclass(frozen=True, eq=False)
class CodePrices:
    """The k codes of a chapter before one month, u countries.

    level, spread: ln(USD/kg) (u, k), NaN for a code of no trade; share: of trade (u, k), each row adding up
    to one, 0 for a code of no trade; months: (u, k) months of the series itself.
    """

    level: Floats
    spread: Floats
    share: Floats
    months: Ints

    @classmethod
    def before(cls, history: History, chapter: Chapter, month: int, countries: Sequence[str]) -> CodePrices:
        """By partial pooling, as in `tabular_ae.inputs`: a long series speaks for itself."""
        seen = _seen(history, month)
        last = len(chapter.countries)
        series = chapter.series[[chapter.countries.get(c, last) for c in countries]]  # (u, k)
        mine = series >= 0
        months = np.where(mine, seen.months[series], 0)
        own = np.where(months > 0, seen.level[series], 0.0)
        own_spread = np.where(months > 2, seen.spread[series], 0.0)
        prior, between, jitter = _items(history, chapter, month)  # (k,) each

        own_precision = months / (1.5 * jitter**2)
        precision = np.where(np.isfinite(prior), 1.0 / between**2, 0.0)
        total = own_precision + precision
        with np.errstate(invalid="ignore", divide="ignore"):
            level = (own * own_precision + np.nan_to_num(prior) * precision) / total
            part = np.where(months > 2, months, 0)
            square = (part * own_spread**2 + _SPREAD_MONTHS * jitter**2) / (part + _SPREAD_MONTHS)
            spread = np.sqrt(np.maximum(square, _LEAST_SPREAD**2) + 1.0 / total)

        # by the square root: the most traded codes must not be every other code's better fit
        value = np.where(chapter.series >= 0, np.sqrt(seen.value[chapter.series]), 0.0)
        everywhere = value.sum(axis=0)  # (k,)
        here = np.where(mine, np.sqrt(seen.value[series]), 0.0)
        trust = months.sum(axis=1, keepdims=True) / (months.sum(axis=1, keepdims=True) + _SHARE_MONTHS)
        share = trust * _parts(here) + (1 - trust) * _parts(everywhere[None, :])
        traded = total > 0
        return cls(np.where(traded, level, np.nan), np.where(traded, spread, np.nan), share, months)


def heading_price(history: History, hs: str, month: int) -> tuple[float, float, str]:
    """Usual ln(USD/kg) and spread of a code that no trade is known of, from its heading; NaN without one."""
    middle, between, jitter = _item(history, hs[:4], month)
    return middle, float(np.hypot(between, jitter)), hs[:4] if np.isfinite(middle) else ""


@dataclass(frozen=True, eq=False)
class _Seen:
    """Every series in the months before one month: (series,) each."""

    level: Floats
    spread: Floats
    months: Ints
    value: Floats  # USD


def _seen(history: History, month: int) -> _Seen:

    def make() -> _Seen:
        every = np.arange(len(history.unit), dtype=np.int64)
        when = np.full(len(every), month, dtype=np.int64)
        unit = history.window(history.unit, every, when, history.memory)
        kilograms = history.window(history.weight, every, when, history.memory)
        level, months = median_of(unit)
        value = np.nansum(np.exp(unit + kilograms), axis=1)
        return _Seen(level, spread_of(unit, level), months, value)

    return history.once(f"seen@{month}", _Seen, make)


def _items(history: History, chapter: Chapter, month: int) -> Floats:
    """(3, k): `_item` of each code."""

    def make() -> Floats:
        rows = [_item(history, code, month) for code in chapter.codes]
        return np.array(rows, dtype=np.float64).reshape(len(rows), 3).T

    name = chapter.codes[0][:2] if chapter.codes else ""
    return history.once(f"items@{month}/{name}", np.ndarray, make)


def _item(history: History, group: str, month: int) -> tuple[float, float, float]:
    """Median of a code group in all countries, its spread, the spread of a month about its series."""
    middle, between, count = history.level(group, month)
    thin = 1.0 + 2.0 / max(count, 1)  # few months tell little of how far a group scatters
    spreads = (history.jitter(g, month) for g in (group, *prefixes(group), "all"))
    jitter = next((max(s, _LEAST_SPREAD) for _, s, n in spreads if n >= 24), _FIRST_SPREAD)
    return middle, max(between, _LEAST_BETWEEN) * thin if count else np.nan, jitter


def _parts(amounts: Floats) -> Floats:
    return amounts / np.maximum(amounts.sum(axis=1, keepdims=True), 1e-300)
