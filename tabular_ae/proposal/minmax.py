"""The 2025 proposal's preprocessing: every numeric column between 0 and 1, windows of one series.

The proposal mixed all countries of an item in one window; here a window never leaves its series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabular_ae.history import History
from tabular_ae.rows import Floats, Rows

# value, weight, unit value, freight per kg
MINMAX_CHANNELS = 4


@dataclass(frozen=True)
class MinMax:
    """Smallest and largest value of each channel on the training rows."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def fit(cls, rows: Rows) -> MinMax:
        """Learn the range of each channel; a channel without values becomes all zero."""
        columns = [c[np.isfinite(c)] for c in (rows.value, rows.weight, rows.unit_value, rows.freight)]
        return cls(
            tuple(float(c.min()) if len(c) else 0.0 for c in columns),
            tuple(float(c.max()) if len(c) else 1.0 for c in columns),
        )

    @classmethod
    def from_lists(cls, lists: dict[str, Sequence[float]]) -> MinMax:
        """Read back from JSON."""
        return cls(tuple(lists["low"]), tuple(lists["high"]))

    def windows(
        self, history: History, rows: Rows, window: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """x float32 (n, window, MINMAX_CHANNELS), 0 where unknown; known bool (n, window); the row last."""
        series = history.find_all(rows)
        unit, weight, freight = (
            np.exp(history.window(grid, series, rows.month, window - 1))
            for grid in (history.unit, history.weight, history.freight)
        )
        columns = [
            _with_last(unit * weight, rows.value),
            _with_last(weight, rows.weight),
            _with_last(unit, rows.unit_value),
            _with_last(freight, rows.freight),
        ]
        known = np.isfinite(columns[2])
        width = np.array(self.high) - np.array(self.low)
        x = (np.stack(columns, axis=2) - np.array(self.low)) / np.where(width > 0, width, 1.0)
        return np.nan_to_num(x).astype(np.float32), known


def _with_last(past: Floats, last: Floats) -> Floats:
    return np.concatenate([past, last[:, None]], axis=1)
