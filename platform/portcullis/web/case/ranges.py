"""A figure against its usual range, as a small drawing: where the range lies and where the figure stands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Side = Literal["below", "within", "above"]
# Room that is left beside a range, in ranges: a figure just outside is seen to be outside.
_BESIDE = 0.75
_LEAST = 0.02  # of the drawing: a range is never too narrow to be seen
_MARGIN = 0.03


@dataclass(frozen=True)
class RangeBar:
    """Places along a line, 0 to 100: the range begins at `left` and is `width` wide, the figure at `mark`."""

    left: float
    width: float
    mark: float
    side: Side

    @classmethod
    def of(cls, observed: float | None, expected: tuple[float, float] | None) -> RangeBar | None:
        """The drawing; None without a figure, without a range, or where one of them is no number.

        >>> RangeBar.of(12.0, (8.0, 12.0)).side, RangeBar.of(12.1, (8.0, 12.0)).side
        ('within', 'above')
        """
        if observed is None or expected is None or not all(map(math.isfinite, (observed, *expected))):
            return None
        low, high = expected
        if high < low:
            return None
        room = _BESIDE * (high - low) or max(abs(low), 1.0) * _BESIDE
        first, last = min(low - room, observed), max(high + room, observed)
        if min(low, observed) >= 0:  # nothing that is measured here falls below nothing
            first = max(first, 0.0)
        whole = last - first
        if not math.isfinite(whole) or whole <= 0:
            return None

        def at(value: float) -> float:
            return 100 * (_MARGIN + (1 - 2 * _MARGIN) * (value - first) / whole)

        width = max(at(high) - at(low), 100 * _LEAST)
        side: Side = "below" if observed < low else "above" if observed > high else "within"
        return cls(round(at(low), 2), round(width, 2), round(at(observed), 2), side)
