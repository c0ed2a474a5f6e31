"""Columns on comparable scales, learned on training rows: smallest to largest, or median and quartiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tabular_ae.rows import Floats


@dataclass(frozen=True)
class Scaling:
    """What is taken off each of c channels, and what it is then divided by.

    MinMax takes the smallest value and the range, robust scaling the median and the distance between the
    quartiles, as scikit-learn's MinMaxScaler and RobustScaler do. Later values may leave the range.
    """

    centre: tuple[float, ...]
    width: tuple[float, ...]

    @classmethod
    def fit(cls, kind: Literal["minmax", "robust"], table: Floats) -> Scaling:
        """Learn from the training rows' channels (n, c), NaN left out; a constant channel keeps its unit."""
        centre, width = [], []
        for column in table.T:
            known = column[np.isfinite(column)]
            if not len(known):
                known = np.zeros(1)
            if kind == "minmax":
                low, middle, high = float(known.min()), float(known.min()), float(known.max())
            else:
                low, middle, high = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
            centre.append(middle)
            width.append(high - low if high > low else 1.0)
        return cls(tuple(centre), tuple(width))

    def __call__(self, values: Floats) -> Floats:
        """Scale channels along the last axis; NaN stays."""
        return (values - np.array(self.centre)) / np.array(self.width)

    def as_lists(self) -> dict[str, list[float]]:
        """For JSON, exact."""
        return {"centre": list(self.centre), "width": list(self.width)}

    @classmethod
    def from_lists(cls, lists: Mapping[str, Sequence[Any]]) -> Scaling:
        """Read back what `as_lists` wrote."""
        return cls(tuple(map(float, lists["centre"])), tuple(map(float, lists["width"])))
