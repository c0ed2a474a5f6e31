"""What is known about every series: a grid of series × months, and what is usual before a given month.

Nothing here looks ahead: every answer about month t rests on months before t, except the cross-section,
which also reads month t of *other* countries' series of the same item.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from tabular_ae.rows import Floats, Ints, Rows

# Shifts beyond this (e^0.7 = 2.0) say more about one series than about its market.
_CLIP = 0.7
_MAD_TO_SD = 1.4826
_CHUNK = 4096


def prefixes(hs: str) -> tuple[str, ...]:
    """The code and the levels above it down to its heading, most specific first.

    >>> prefixes("0303670000")
    ('0303670000', '03036700', '030367', '0303')
    """
    return tuple(hs[:n] for n in range(len(hs) - len(hs) % 2, 3, -2))


def _own(hs: str) -> tuple[str, ...]:
    """Codes under which a panel may keep this very item: itself, and coarser ones down to six digits."""
    return tuple(p for p in prefixes(hs) if len(p) >= 6 or p == hs)


class History:
    """Monthly unit value, weight and freight of every series, as logarithms.

    unit, weight, freight: float64 (series, months), NaN where a month is missing; rows that share a series
    and a month are added up. `memory` is how many months back "usual" reaches.
    """

    def __init__(self, rows: Rows, *, memory: int = 12) -> None:
        self.rows = rows
        self.memory = memory
        self.first = int(rows.month.min()) if len(rows) else 0
        self.months = int(rows.month.max()) - self.first + 1 if len(rows) else 1
        self.series: dict[tuple[str, str], int] = {}
        index = np.array(
            [
                self.series.setdefault(key, len(self.series))
                for key in zip(rows.hs, rows.country, strict=True)
            ],
            dtype=np.int64,
        )
        shape = (len(self.series), self.months)
        value, kilograms, freight, freight_kg = (np.zeros(shape) for _ in range(4))
        good = np.isfinite(rows.log_unit)
        at = (index[good], rows.month[good] - self.first)
        np.add.at(value, at, rows.value[good])
        np.add.at(kilograms, at, rows.weight[good])
        priced = good & np.isfinite(rows.log_freight)
        at = (index[priced], rows.month[priced] - self.first)
        np.add.at(freight, at, (rows.freight * rows.weight)[priced])
        np.add.at(freight_kg, at, rows.weight[priced])
        with np.errstate(divide="ignore", invalid="ignore"):
            self.unit: Floats = np.where(kilograms > 0, np.log(value / kilograms), np.nan)
            self.weight: Floats = np.where(kilograms > 0, np.log(kilograms), np.nan)
            self.freight: Floats = np.where(freight_kg > 0, np.log(freight / freight_kg), np.nan)
        # what other files work out of the grid once
        self.derived: dict[str, object] = {}
        self._cache: dict[tuple[str, str, int], tuple[float, float, int]] = {}

    # -- looking things up -------------------------------------------------------------------------

    def find(self, hs: str, country: str) -> int:
        """The series of this item and country, or of the nearest coarser code a panel holds; −1 if none."""
        return next((self.series[p, country] for p in _own(hs) if (p, country) in self.series), -1)

    def find_all(self, rows: Rows) -> Ints:
        """`find` for each row."""
        seen: dict[tuple[str, str], int] = {}
        keys = zip(rows.hs, rows.country, strict=True)
        return np.array(
            [seen[k] if k in seen else seen.setdefault(k, self.find(*k)) for k in keys], dtype=np.int64
        )

    def window(self, grid: Floats, series: Ints, month: Ints, length: int) -> Floats:
        """The `length` months before each month: (n, length), oldest first, NaN where nothing is known."""
        columns = (month - self.first)[:, None] + np.arange(-length, 0)[None, :]
        inside = (columns >= 0) & (columns < self.months) & (series >= 0)[:, None]
        out = np.full(columns.shape, np.nan)
        rows = np.broadcast_to(series[:, None], columns.shape)
        out[inside] = grid[rows[inside], columns[inside]]
        return out

    # -- what is usual -----------------------------------------------------------------------------

    @cached_property
    def deviation(self) -> Floats:
        """(series, months): how far each month lies from its own median over the `memory` months before."""
        out = np.full(self.unit.shape, np.nan)
        months = np.arange(self.months, dtype=np.int64) + self.first
        for start in range(0, len(self.unit), _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, len(self.unit)), dtype=np.int64)
            past = self.window(
                self.unit, np.repeat(rows, self.months), np.tile(months, len(rows)), self.memory
            )
            middle, count = median_of(past)
            middle[count < 2] = np.nan
            out[rows] = self.unit[rows] - middle.reshape(len(rows), self.months)
        return out

    @cached_property
    def members(self) -> dict[str, Ints]:
        """Series under each code prefix, and `all`."""
        found: dict[str, list[int]] = {"all": []}
        for (hs, _), i in self.series.items():
            found["all"].append(i)
            for prefix in prefixes(hs):
                found.setdefault(prefix, []).append(i)
        return {k: np.array(v, dtype=np.int64) for k, v in found.items()}

    @cached_property
    def routes(self) -> dict[str, Ints]:
        """Series of each country."""
        found: dict[str, list[int]] = {}
        for (_, country), i in self.series.items():
            found.setdefault(country, []).append(i)
        return {k: np.array(v, dtype=np.int64) for k, v in found.items()}

    def level(self, group: str, month: int) -> tuple[float, float, int]:
        """Median ln(USD/kg) of a code group over the months before, its spread, how many it rests on."""
        return self._usual("level", group, month, self.unit, self.members)

    def jitter(self, group: str, month: int) -> tuple[float, float, int]:
        """Median and spread of the group's series about their own medians."""
        return self._usual("jitter", group, month, self.deviation, self.members)

    def _usual(
        self, what: str, group: str, month: int, grid: Floats, members: dict[str, Ints]
    ) -> tuple[float, float, int]:
        key = (what, group, month)
        if key not in self._cache:
            stop = min(month - self.first, self.months)
            start = max(month - self.first - self.memory, 0)
            block = (
                grid[members[group], start:stop] if group in members and stop > start else np.empty((0, 0))
            )
            known = block[np.isfinite(block)]
            if len(known):
                middle = float(np.median(known))
                self._cache[key] = (middle, _MAD_TO_SD * float(np.median(np.abs(known - middle))), len(known))
            else:
                self._cache[key] = (np.nan, np.nan, 0)
        return self._cache[key]

    @cached_property
    def _market(self) -> tuple[dict[str, int], Floats, Floats]:
        """Per item: sum and count of its series' clipped deviations, (items, months)."""
        items: dict[str, int] = {}
        index = np.array([items.setdefault(hs, len(items)) for hs, _ in self.series], dtype=np.int64)
        known = np.isfinite(self.deviation)
        clipped = np.where(known, np.clip(self.deviation, -_CLIP, _CLIP), 0.0)
        total, count = np.zeros((len(items), self.months)), np.zeros((len(items), self.months))
        np.add.at(total, index, clipped)
        np.add.at(count, index, known.astype(np.float64))
        return items, total, count

    def market(self, hs: Iterable[str], series: Ints, month: Ints, length: int) -> Floats:
        """How the item moved in *other* countries: (n, length), the last column being the month itself.

        A mean of clipped deviations, shrunk to zero as if two more countries had not moved.
        """
        items, total, count = self._market
        item = np.array([next((items[p] for p in _own(h) if p in items), -1) for h in hs], dtype=np.int64)
        s = self.window(total, item, month + 1, length)
        n = self.window(count, item, month + 1, length)
        own = self.window(self.deviation, series, month + 1, length)
        mine = np.isfinite(own)
        s = np.nan_to_num(s) - np.where(mine, np.clip(np.nan_to_num(own), -_CLIP, _CLIP), 0.0)
        n = np.nan_to_num(n) - mine
        return np.asarray(s / (n + 2.0))

    # -- keeping and extending ---------------------------------------------------------------------

    def with_rows(self, rows: Rows) -> History:
        """A history in which `rows` take the place of what was known of their series and months."""
        theirs = set(zip(rows.hs, rows.country, rows.month, strict=True))
        known = zip(self.rows.hs, self.rows.country, self.rows.month, strict=True)
        kept = np.array([key not in theirs for key in known], dtype=bool)
        return History(Rows.concat([self.rows.take(kept), rows]), memory=self.memory)


def median_of(values: Floats) -> tuple[Floats, Ints]:
    """Median over the last axis without NaN, and how many values it rests on."""
    count = np.isfinite(values).sum(axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN last
    low = np.clip((count - 1) // 2, 0, None)[..., None]
    high = (count // 2).clip(max=values.shape[-1] - 1)[..., None]
    middle = 0.5 * (np.take_along_axis(ordered, low, -1) + np.take_along_axis(ordered, high, -1))[..., 0]
    return np.where(count > 0, middle, np.nan), count.astype(np.int64)


def spread_of(values: Floats, middle: Floats) -> Floats:
    """Median absolute deviation about `middle` on the scale of a standard deviation, without NaN."""
    return _MAD_TO_SD * median_of(np.abs(values - middle[..., None]))[0]
