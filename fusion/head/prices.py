"""Usual unit values of codes and origins, from declarations alone: how much value a line may hide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusion.head.attributes import Attributes, Floats, Key
from fusion.head.encode import Rates

# Most specific first; a median needs that many lines.
LEVELS: tuple[Key, ...] = (("hs6", "origin", "currency"), ("hs6", "currency"), ("hs4", "currency"))
_LEAST = 5


@dataclass(frozen=True, eq=False)
class UsualPrices:
    """Of each level: the median ln(value per kg) of its combinations, but for those of few lines."""

    levels: tuple[Rates, ...]  # `inspected` holds how many lines, `found` the median

    @classmethod
    def fit(cls, rows: Attributes) -> UsualPrices:
        """Medians of the lines that have both a value and a weight."""
        known = np.isfinite(rows.figures["unit_value"])
        unit = rows.figures["unit_value"][known]
        found = []
        for key in LEVELS:
            hashes = rows.hashes(key)[known]
            order = np.lexsort((unit, hashes))
            names, first, count = np.unique(hashes[order], return_index=True, return_counts=True)
            enough = count >= _LEAST
            low, high = first + (count - 1) // 2, first + count // 2
            middle = (unit[order][low] + unit[order][high]) / 2 if len(unit) else np.empty(0)
            found.append(Rates(names[enough], count[enough].astype(np.float64), middle[enough]))
        return cls(tuple(found))

    def usual(self, rows: Attributes) -> Floats:
        """ln(value per kg) that is usual for each line, NaN where nothing like it was seen."""
        out = np.full(len(rows), np.nan)
        for key, level in zip(LEVELS, self.levels, strict=True):
            lines, middle = level.look_up(rows.hashes(key))
            out = np.where(np.isnan(out) & (lines > 0), middle, out)
        return out

    def gap(self, rows: Attributes) -> Floats:
        """ln of the declared unit value over the usual one, NaN where either is unknown."""
        return np.asarray(rows.figures["unit_value"] - self.usual(rows))


def value_gap(unit_gap: Floats, value: Floats) -> Floats:
    """What is missing to the usual value, in the declared currency; 0 where the price is usual or above.

    unit_gap: ln of declared over usual; value: declared. Unknown gaps count as none.
    """
    short = np.expm1(np.clip(-np.nan_to_num(unit_gap), 0.0, 20.0))
    return np.asarray(np.abs(value * short))
