"""Where a reefer's cooling unit stands: a dense, tall column of fittings between one end and the load."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Shares of a 40-footer's length: where the corner post ends, and where the unit (0.35 to 0.7 m deep) may end.
_POST, _LEAST, _MOST = 0.014, 0.025, 0.062
# −ln(transmission) over the walls: of every column of the unit, and of all of them on average. Door gear and
# corner posts seen at an angle, which real scans show at one end of dry boxes too, reach 1.0.
_COLUMN, _MEAN = 0.3, 1.05
# How sharply the unit ends, and the share of the height over which it is dense.
_STEP, _TALL = 1.6, 0.7
# Just under the roof, where loads seldom reach: the unit's −ln(transmission), and how many times the load's.
_UNDER_ROOF, _OVER_LOAD = 0.1, 1.8
# Where a load does reach up there: the most of its density that the unit has.
_LIGHTER = 0.65


@dataclass(frozen=True, slots=True)
class _Unit:
    """width: columns; plain: it stands out above the load and not only beside it."""

    width: int
    plain: bool


def find_motor(inside: npt.NDArray) -> tuple[int, int] | None:
    """Columns (first, last + 1) of the cooling unit at one end of `inside`, with its post; or None.

    inside: −ln(transmission) without walls, (rows, columns), of a 40-footer from roof to floor and from end
    to end. What looks alike at both ends is a load.
    """
    rows, columns = inside.shape
    if rows < 24 or columns < 96:
        return None
    left, right = _unit(inside), _unit(inside[:, ::-1])
    if left is not None and right is not None:
        if left.plain == right.plain:
            return None
        left, right = (left, None) if left.plain else (None, right)
    if left is not None:
        return 0, left.width
    return None if right is None else (columns - right.width, columns)


def _unit(inside: npt.NDArray) -> _Unit | None:
    """A unit at the left end."""
    rows, columns = inside.shape
    post, least, most = (max(round(share * columns), 2) for share in (_POST, _LEAST, _MOST))
    near = max(round(0.006 * columns), 2)
    a = np.minimum(inside[:, : most + 4 * near + 1], 5.0)
    band = np.median(a[int(0.2 * rows) : int(0.6 * rows)], axis=0)
    steps = [
        abs(np.log(max(band[at - near : at].mean(), 0.05) / max(band[at + 1 : at + 1 + near].mean(), 0.05)))
        for at in range(least, most + 1)
    ]
    end = least + int(np.argmax(steps))
    unit = band[post:end]
    if max(steps) < np.log(_STEP) or len(unit) < 2:
        return None
    mean = float(unit.mean())
    if mean < _MEAN or unit[: max(len(unit) - near, 1)].min() < _COLUMN:
        return None
    column = np.median(a[:, post:end], axis=1)[int(0.1 * rows) : int(0.9 * rows)]
    if (column > _COLUMN).mean() < _TALL:
        return None
    roof = np.median(a[int(0.03 * rows) : max(int(0.15 * rows), int(0.03 * rows) + 1)], axis=0)
    above = float(np.median(roof[post : max(end - near, post + 1)]))
    beside = float(np.median(roof[end + near : end + 4 * near]))
    if above >= _UNDER_ROOF and above >= _OVER_LOAD * beside:
        return _Unit(end, True)
    load = float(np.median(band[end + 1 :]))
    return _Unit(end, False) if beside >= _UNDER_ROOF and mean <= _LIGHTER * load else None
