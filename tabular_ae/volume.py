"""Whether more came in a month, or on one line, than usually comes in a month.

No network: a robust regression of ln(kg) about the series' own level on its season, its last months and what
the item did in other countries; a second one for how far such a month usually scatters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tabular_ae.history import History
from tabular_ae.robust import huber_ridge
from tabular_ae.rows import Floats, Ints, Rows
from tabular_ae.volume_usual import SHAPES, SHIFTS, usual_weight

_LEAST_ROWS = 200
# Prior standard deviations: of a coefficient of the level, and of one of the scale.
_SHIFT_SD, _SHAPE_SD = 0.5, 1.0
# Keeps the logarithm of an error of zero finite.
_OFFSET = 0.05
_LEAST_SCALE, _MOST_SCALE = 0.1, 4.0
_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class Volumes:
    """n weights against what usually comes in a month.

    score: by how many scales ln(kg) lies above the centre, below it less than zero: high = odder, low never
    is; NaN where nothing is known to compare with.
    centre: expected ln(kg) of the month, for a declared line that of the largest usual month; scale: of one
    step of the score. months: months of the series itself; group: the code group that filled in for them,
    "" where the series speaks for itself.
    """

    score: Floats
    centre: Floats
    scale: Floats
    months: Ints
    group: tuple[str, ...]


@dataclass(frozen=True)
class VolumeModel:
    """Coefficients by the names in `volume_usual`: of the shift from the level, and of the log scale."""

    shift: tuple[float, ...]
    shape: tuple[float, ...]

    @classmethod
    def fit(cls, history: History, rows: Rows) -> VolumeModel | None:
        """Learn on clean months; None where fewer than 200 have earlier months."""
        found = usual_weight(history, rows)
        target = rows.log_weight - found.level
        known = np.isfinite(target) & (found.months > 0)
        if known.sum() < _LEAST_ROWS:
            return None
        x, y = found.shifts[known], target[known]
        shift, _ = huber_ridge(x, y, np.full(x.shape[1], _SHIFT_SD**-2))
        error = y - x @ shift
        # months fall short by far more than they exceed: only what lies above tells how far a surge reaches
        above = error > 0
        error, shapes = error[above], found.shapes[known][above]
        shape, _ = huber_ridge(shapes, np.log(error + _OFFSET), np.full(shapes.shape[1], _SHAPE_SD**-2))
        # the regression is of the logarithm: bring the middle excess to that of a standard normal
        shape[0] += np.log(1.4826 * float(np.median(error / np.exp(shapes @ shape))))
        return cls(tuple(shift.tolist()), tuple(shape.tolist()))

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> Volumes:
        """Score rows against the months before them.

        A `consignment` row is one line: it is compared with the largest usual month, which is the largest of
        its series' own, no nearer than the expected month and no further than two scales above it. Scores of
        lines and of months share a scale, so that a line is as odd as a month that exceeds what is usual by
        as much; both are to be calibrated on months.
        """
        found = usual_weight(history, rows)
        scale = np.clip(np.exp(found.shapes @ np.array(self.shape)), _LEAST_SCALE, _MOST_SCALE)
        scale = np.hypot(scale, found.unsure)
        centre = found.level + found.shifts @ np.array(self.shift)
        if consignment:
            largest = np.where(np.isfinite(found.largest), found.largest, centre + scale)
            centre = np.clip(largest, centre, centre + 2.0 * scale)
        score = np.round((rows.log_weight - centre) / scale, _DECIMALS)
        return Volumes(score, centre, scale, found.months, found.group)

    def facts(self) -> dict[str, Any]:
        """State as JSON can hold it."""
        return {
            "shift": dict(zip(SHIFTS, self.shift, strict=True)),
            "shape": dict(zip(SHAPES, self.shape, strict=True)),
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any]) -> VolumeModel:
        """Read back what `facts` gave."""
        return cls(
            tuple(float(facts["shift"][name]) for name in SHIFTS),
            tuple(float(facts["shape"][name]) for name in SHAPES),
        )
