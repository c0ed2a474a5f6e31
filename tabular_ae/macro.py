"""Monthly figures that all series share: oil, exchange rate, price indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tabular_ae.rows import Floats, Ints


@dataclass(frozen=True, eq=False)
class Macro:
    """k figures by month.

    names: k of them, as `customs.readers.macro` names its columns; first: month of the first row, as
    `month_number`; values: float64 (months, k), NaN where a figure is not known.
    """

    names: tuple[str, ...]
    first: int
    values: Floats

    def at(self, month: Ints, *, lag: int = 0, carry: int = 0) -> Floats:
        """The figures of each month `lag` months earlier: (n, k), NaN where unknown.

        carry: how many months an older figure may stand in for one that is not out yet.
        """
        out = np.full((len(month), len(self.names)), np.nan)
        for back in range(carry + 1):
            place = month - self.first - lag - back
            inside = (place >= 0) & (place < len(self.values))
            older = np.full_like(out, np.nan)
            older[inside] = self.values[place[inside]]
            out = np.where(np.isfinite(out), out, older)
        return out

    def one(self, name: str, month: Ints, *, lag: int = 0, carry: int = 0) -> Floats:
        """One figure by name: (n,), NaN where unknown or where there is no such figure."""
        if name not in self.names:
            return np.full(len(month), np.nan)
        return self.at(month, lag=lag, carry=carry)[:, self.names.index(name)]

    def known(self, name: str) -> dict[int, float]:
        """One figure by month (`month_number`), only where it is known."""
        months = self.first + np.arange(len(self.values))
        figure = self.one(name, months)
        return {int(m): float(v) for m, v in zip(months, figure, strict=True) if np.isfinite(v)}

    @classmethod
    def merge(cls, parts: Sequence[Macro]) -> Macro:
        """All names and months of several; where two know a figure of a month, the earlier part's stands."""
        names = tuple(dict.fromkeys(name for part in parts for name in part.names))
        first = min(part.first for part in parts)
        values = np.full((max(part.first + len(part.values) for part in parts) - first, len(names)), np.nan)
        for part in reversed(parts):
            at = part.first - first
            for i, name in enumerate(part.names):
                own = part.values[:, i]
                here = values[at : at + len(own), names.index(name)]  # a view
                here[np.isfinite(own)] = own[np.isfinite(own)]
        return cls(names, first, values)

    def as_columns(self) -> dict[str, list[Any]]:
        """The columns of an artefact table, exact."""
        months = (self.first + np.arange(len(self.values))).tolist()
        return {
            "month": months,
            **{name: self.values[:, i].tolist() for i, name in enumerate(self.names)},
        }

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any]]) -> Macro:
        """Read back what `as_columns` wrote; months may have gaps and any order."""
        months = np.array(columns["month"], dtype=np.int64)
        names = tuple(name for name in columns if name != "month")
        first = int(months.min()) if len(months) else 0
        values = np.full((int(months.max()) - first + 1 if len(months) else 0, len(names)), np.nan)
        for i, name in enumerate(names):
            values[months - first, i] = np.array(columns[name], dtype=np.float64)
        return cls(names, first, values)
