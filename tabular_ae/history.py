"""What is known about every series: a grid of series × months, and what is usual before a given month.

Nothing here looks ahead: every answer about month t rests on months before t, except the cross-section,
which also reads month t of *other* countries' series of the same item.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from tabular_ae.rows import Floats, Ints, Rows, Texts, numbered

# Shifts beyond this (e^0.7 = 2.0) say more about one series than about its market.
_CLIP = 0.7
_MAD_TO_SD = 1.4826
_CHUNK = 512
# Groups of much the same size are worked out together: at most this many values, and this much larger.
_VALUES, _ALIKE = 500_000, 1.5

Usual = Literal["level", "jitter"]
T = TypeVar("T")


def prefixes(hs: str) -> tuple[str, ...]:
    """The code and the levels above it down to its heading, most specific first.

    >>> prefixes("0303670000")
    ('0303670000', '03036700', '030367', '0303')
    """
    return tuple(hs[:n] for n in range(len(hs) - len(hs) % 2, 3, -2))


def own_codes(hs: str) -> tuple[str, ...]:
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
        index, pairs = rows.pairs
        self.series: dict[tuple[str, str], int] = {pair: i for i, pair in enumerate(pairs)}
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
        self.pairs = pairs  # item and country of each series
        self._derived: dict[str, object] = {}
        # per group and month: middle, spread, count; a count below zero is not worked out yet
        self._tables: dict[tuple[Usual, str], Floats] = {}

    def once(self, key: str, kind: type[T], make: Callable[[], T]) -> T:
        """What other files work out of the grid, made when first asked for; `key` is its name."""
        if key not in self._derived:
            self._derived[key] = make()
        found = self._derived[key]
        assert isinstance(found, kind)
        return found

    # -- looking things up -------------------------------------------------------------------------

    def find(self, hs: str, country: str) -> int:
        """The series of this item and country, or of the nearest coarser code a panel holds; −1 if none."""
        return next((self.series[p, country] for p in own_codes(hs) if (p, country) in self.series), -1)

    def find_all(self, rows: Rows) -> Ints:
        """`find` for each row."""
        number, pairs = rows.pairs
        return np.array([self.find(*pair) for pair in pairs], dtype=np.int64)[number]

    def window(self, grid: Floats, series: Ints, month: Ints, length: int) -> Floats:
        """The `length` months before each month: (n, length), oldest first, NaN where nothing is known."""
        columns = (month - self.first)[:, None] + np.arange(-length, 0)[None, :]
        if not grid.size:
            return np.full(columns.shape, np.nan)
        outside = (columns < 0) | (columns >= self.months) | (series < 0)[:, None]
        columns += (series * grid.shape[1])[:, None]  # places in the grid laid flat: one look-up, not two
        columns[outside] = 0
        out = grid.reshape(-1)[columns]
        out[outside] = np.nan
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
        return self._usual("level", group, month)

    def jitter(self, group: str, month: int) -> tuple[float, float, int]:
        """Median and spread of the group's series about their own medians."""
        return self._usual("jitter", group, month)

    def _usual(self, what: Usual, group: str, month: int) -> tuple[float, float, int]:
        column = int(self._column(month))
        table = self._tables.get((what, group))
        if table is None or table[2, column] < 0:
            # who asks for one month by itself will ask for the others
            self._work_out(what, {group: np.arange(self.months + self.memory + 1)})
            table = self._tables[what, group]
        return float(table[0, column]), float(table[1, column]), int(table[2, column])

    def usual(self, what: Usual, groups: Texts, month: Ints) -> tuple[Floats, Floats, Ints]:
        """`level` or `jitter` of many groups (n) and months (n,) at once: middles, spreads, counts (n,)."""
        number, names = numbered(groups)
        column = self._column(month)
        wanted = np.zeros((len(names), self.months + self.memory + 1), dtype=bool)
        wanted[number, column] = True
        self._work_out(what, {name: np.flatnonzero(wanted[i]) for i, name in enumerate(names)})
        if not len(names):
            return np.empty(0), np.empty(0), np.empty(0, dtype=np.int64)
        found = np.stack([self._tables[what, name] for name in names])[number, :, column]  # (n, 3)
        return found[:, 0], found[:, 1], found[:, 2].astype(np.int64)

    def _column(self, month: npt.ArrayLike) -> Ints:
        """Months as columns of the tables; at both ends nothing is known."""
        return np.clip(np.asarray(month, dtype=np.int64) - self.first, 0, self.months + self.memory)

    def _work_out(self, what: Usual, columns: dict[str, Ints]) -> None:
        """Fill the groups' tables at these columns where they are not filled yet."""
        missing: list[tuple[int, str, Ints]] = []  # size, group, columns
        for group, wanted in columns.items():
            if (what, group) not in self._tables:
                table = np.full((3, self.months + self.memory + 1), np.nan)
                table[2] = -1.0 if len(self.members.get(group, ())) else 0.0
                self._tables[what, group] = table
            wanted = wanted[self._tables[what, group][2, wanted] < 0]
            if len(wanted):
                missing.append((len(self.members[group]), group, wanted))
        missing.sort(key=lambda entry: entry[0])
        grid = self.unit if what == "level" else self.deviation
        while missing:
            most = int(missing[0][0] * _ALIKE)
            taken = next((i for i, entry in enumerate(missing) if entry[0] > most), len(missing))
            batch, missing = missing[:taken], missing[taken:]
            self._fill(what, grid, [entry[1] for entry in batch], [entry[2] for entry in batch])

    def _fill(self, what: Usual, grid: Floats, groups: list[str], columns: list[Ints]) -> None:
        """Middle, spread and count of groups of much the same size, `_VALUES` values at a time."""
        size = max(len(self.members[group]) for group in groups)
        members = np.full((len(groups), size), -1, dtype=np.int64)  # −1: a series with nothing known
        for i, group in enumerate(groups):
            members[i, : len(self.members[group])] = self.members[group]
        owner = np.repeat(np.arange(len(groups)), [len(c) for c in columns])
        column = np.concatenate(columns)
        step = max(_VALUES // (size * self.memory), 1)
        for start in range(0, len(column), step):
            at, mine = column[start : start + step], owner[start : start + step]
            series = members[mine].ravel()
            known = self.window(grid, series, np.repeat(at, size) + self.first, self.memory)
            known = known.reshape(len(at), size * self.memory)
            middle, count = median_of(known)
            found = np.stack([middle, spread_of(known, middle), count.astype(np.float64)])  # (3, columns)
            for i in range(int(mine[0]), int(mine[-1]) + 1):
                self._tables[what, groups[i]][:, at[mine == i]] = found[:, mine == i]

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

    def market(self, hs: Texts, series: Ints, month: Ints, length: int) -> Floats:
        """How the item moved in *other* countries: (n, length), the last column being the month itself.

        A mean of clipped deviations, shrunk to zero as if two more countries had not moved.
        """
        items, total, count = self._market
        number, codes = numbered(hs)
        places = [next((items[p] for p in own_codes(code) if p in items), -1) for code in codes]
        item = np.array(places, dtype=np.int64)[number]
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
        both = Rows.concat([self.rows, rows])
        pair, _ = both.pairs
        span = int(np.ptp(both.month)) + 1 if len(both) else 1
        key = pair * span + both.month % span  # one number for each series and month
        kept = np.ones(len(both), dtype=bool)
        kept[: len(self.rows)] = ~np.isin(key[: len(self.rows)], key[len(self.rows) :])
        return History(both.take(kept), memory=self.memory)


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
