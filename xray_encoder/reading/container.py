"""Where the container is on a scan, and where its cargo is: roof, walls and floor found from the picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from customs.scan import Scan
from xray_encoder.reading.motor import find_motor

# −ln(transmission) above which something stands in the beam; a container's two thin steel walls give 0.1–0.2.
SOLID = 0.06
# Shares of the container's length or height: the corner posts, and the roof with its corrugation.
_POST, _ROOF = 0.025, 0.03
# The floor and the rails below it, where no line of the floor can be made out.
_FLOOR = 0.06
# Of several containers none is shorter than this share of the longest; −ln(transmission) of a corner post.
_LEAST_LENGTH, _POST_DEPTH = 0.45, 0.4
# A 40-footer: its least length in metres, or in heights where pixels of unknown size may not be square.
_LONG_M, _LONG = 9.0, 1.6
_WORK_ROWS, _WORK_COLUMNS = 320, 960

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Crop:
    """Boxes are (top, left, bottom, right) in pixels, the last row and column not included.

    container: outer edges of the container, chassis and truck left out.
    cargo: the inside between roof, end walls and floor.
    wall: −ln(transmission) of the empty walls, subtracted from everything measured inside.
    motor: the cooling unit at one end of a reefer, left out of the cargo; None where none is found.
    """

    container: Box
    cargo: Box
    wall: float
    motor: Box | None = None

    def inside(self, scan: Scan, plane: int = 0) -> npt.NDArray[np.float32]:
        """−ln(transmission) of what is in the container, walls taken off: float32 (rows, columns) ≥ 0."""
        top, left, bottom, right = self.cargo
        t = np.clip(scan.transmission[plane, top:bottom, left:right], scan.floor, None)
        return np.maximum(-np.log(t) - np.float32(self.wall), 0, dtype=np.float32)

    def canonical(self, scan: Scan, shape: tuple[int, int], cap: float = 4.0) -> npt.NDArray[np.float32]:
        """The cargo on a grid of its own: float32 `shape`, −ln(transmission) without walls, 0…`cap`.

        Areas are averaged in transmission, as a coarser detector would; `cap` is what every scanner can see.
        """
        top, left, bottom, right = self.cargo
        t = resample(scan.transmission[0, top:bottom, left:right], shape)
        return np.clip(-np.log(np.clip(t, scan.floor, None)) - np.float32(self.wall), 0, cap).astype(
            np.float32
        )


def resample(plane: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Mean over areas on a grid of `shape` (rows, columns)."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BOX), dtype=np.float32)


def find_container(scan: Scan) -> Crop:
    """The longest container on a scan of a container alone or of a whole truck; see `find_containers`."""
    return max(find_containers(scan), key=lambda crop: crop.container[3] - crop.container[1])


def find_containers(scan: Scan) -> list[Crop]:
    """Every container on a scan, from left to right; the whole picture if nothing like one is there.

    Columns whose upper half is not air belong to a container (a cab or a chassis lies lower); a strip of air
    between two posts parts one from the next. The first row that is solid over most of them is the roof; the
    first row below the load through which air shows is under the chassis; the uppermost line that runs over
    most of the length near the bottom is the floor; a dense column of fittings between one end and the load
    is a cooling unit.
    """
    rows, columns = min(scan.height, _WORK_ROWS), min(scan.width, _WORK_COLUMNS)
    t = resample(scan.transmission[0], (rows, columns))
    a = -np.log(np.clip(t, max(scan.floor, 1e-4), None))
    return [_find(scan, a, first, last) for first, last in _windows(a)]


def _find(scan: Scan, whole: npt.NDArray, first: int, last: int) -> Crop:
    """The container between two columns of the picture."""
    a = whole[:, first:last]
    rows, columns = a.shape
    left, right = _walls(a)
    top = _roof(a, left, right)
    left, right = _walls(a[top:], 0.35) if top < rows // 2 else (left, right)
    bottom = _underside(a, top, left, right)
    floor = _floor(a, top, bottom, left, right)
    inner_top = top + max(round(_ROOF * (floor - top)), 1)
    post = max(round(_POST * (right - left)), 1)
    inner_left, inner_right = left + post, right - post
    if floor - inner_top < 8 or inner_right - inner_left < 8:  # nothing like a container: take everything
        top, left, bottom, right = inner_top, inner_left, floor, inner_right = 0, 0, rows, columns
    upper = a[inner_top : inner_top + max((floor - inner_top) // 4, 1), inner_left:inner_right]
    wall = float(np.clip(np.percentile(upper, 10), 0.0, 0.5))
    unit = None
    if _is_long(scan, (right - left) / whole.shape[1], (bottom - top) / rows):
        unit = find_motor(a[inner_top:floor, left:right] - wall)
    motor = None
    if unit is not None:
        motor = (inner_top, left + unit[0], floor, left + unit[1])
        if unit[0] == 0:
            inner_left = max(inner_left, motor[3])
        else:
            inner_right = min(inner_right, motor[1])

    def scaled(box: Box) -> Box:
        fy, fx = scan.height / rows, scan.width / whole.shape[1]
        return (
            round(box[0] * fy),
            round((box[1] + first) * fx),
            round(box[2] * fy),
            round((box[3] + first) * fx),
        )

    return Crop(
        container=scaled((top, left, bottom, right)),
        cargo=scaled((inner_top, inner_left, floor, inner_right)),
        wall=wall,
        motor=None if motor is None else scaled(motor),
    )


def _is_long(scan: Scan, length: float, height: float) -> bool:
    """True if a container of these shares of the picture can be a 40-footer, as nearly all reefers are."""
    if scan.pixel_pitch_m is not None:
        return length * scan.width * scan.pixel_pitch_m[1] >= _LONG_M
    return length * scan.width >= _LONG * max(height * scan.height, 1.0)


def _windows(a: npt.NDArray) -> list[tuple[int, int]]:
    """Columns (first, last + 1) that hold one container each; the whole width where there is but one."""
    runs = _solid_runs(a)
    if not runs:
        return [(0, a.shape[1])]
    longest = max(last - first for first, last in runs)
    top = _roof(a, *max(runs, key=lambda run: run[1] - run[0]))
    parts: list[tuple[int, int]] = []
    for first, last in runs:
        if last - first >= _LEAST_LENGTH * longest and abs(_roof(a, first, last) - top) <= 0.08 * len(a):
            parts += _parted(a, top, first, last)
    if len(parts) < 2:
        return [(0, a.shape[1])]
    cuts = [(left[1] + right[0]) // 2 for left, right in pairwise(parts)]
    return list(pairwise([0, *cuts, a.shape[1]]))


def _parted(a: npt.NDArray, top: int, first: int, last: int) -> list[tuple[int, int]]:
    """Parts of a run of solid columns with air from roof to floor between them and a post on either side."""
    inside = a[top + max(len(a) // 50, 2) : top + max(int(0.6 * (len(a) - top)), 3), first:last]
    if inside.shape[0] < 4:
        return [(first, last)]
    air = (inside > SOLID).mean(axis=0) < 0.1
    dense = np.median(inside, axis=0) > _POST_DEPTH
    reach = max((last - first) // 40, 3)
    parts, start = [], first
    for left, right in _runs(air):
        post_before = dense[max(left - reach, 0) : left].any()
        post_after = dense[right : right + reach].any()
        least = _LEAST_LENGTH * (last - first) / 2
        if post_before and post_after and first + left - start >= least and last - first - right >= least:
            parts.append((start, first + left))
            start = first + right
    return [*parts, (start, last)]


def _walls(a: npt.NDArray, depth: float = 0.5) -> tuple[int, int]:
    """First and last column of the longest run whose part down to `depth` of the height is mostly solid."""
    runs = _solid_runs(a, depth)
    if not runs:
        return 0, a.shape[1]
    left, right = max(runs, key=lambda run: run[1] - run[0])
    return (left, right) if right - left >= 0.1 * a.shape[1] else (0, a.shape[1])


def _solid_runs(a: npt.NDArray, depth: float = 0.5) -> list[tuple[int, int]]:
    """Runs of columns whose part down to `depth` of the height is mostly solid; narrow gaps are closed."""
    upper = a[: max(int(depth * len(a)), 1)]
    lower = a[int(0.2 * len(a)) : max(int(0.6 * len(a)), int(0.2 * len(a)) + 1)]
    solid = (upper > SOLID).mean(axis=0) > 0.5
    solid |= (lower > SOLID).mean(axis=0) > 0.9
    return _runs(_closed(solid, max(a.shape[1] // 60, 1)))


def _roof(a: npt.NDArray, left: int, right: int) -> int:
    """First row that is solid over most of the container's length."""
    share = (a[:, left:right] > SOLID).mean(axis=1)
    hits = np.flatnonzero(share[: int(0.6 * len(a))] > 0.6)
    return int(hits[0]) if len(hits) else 0


def _underside(a: npt.NDArray, top: int, left: int, right: int) -> int:
    """First row below the lower middle where air shows between chassis and wheels."""
    inset = max(int(0.04 * (right - left)), 1)
    start = top + int(0.55 * (len(a) - top))
    air = (a[start:, left + inset : right - inset] < SOLID).mean(axis=1)
    hits = np.flatnonzero(air > 0.06)
    return start + int(hits[0]) if len(hits) else len(a)


def _floor(a: npt.NDArray, top: int, bottom: int, left: int, right: int) -> int:
    """Uppermost row near the bottom that holds a dark line over most of the length."""
    inset = max(int(0.04 * (right - left)), 1)
    start = top + int(0.78 * (bottom - top))
    part = np.minimum(a[start:bottom, left + inset : right - inset], 5.0)
    reach = max(round(0.02 * (bottom - top)), 2)
    if len(part) <= 2 * reach + 1:
        return bottom - max(round(_FLOOR * (bottom - top)), 1)
    middle = part[reach:-reach]
    line = (middle > part[: -2 * reach] * 1.1 + 0.05) & (middle > part[2 * reach :] * 1.1 + 0.05)
    share = (line & (part[2 * reach :] < 3.0)).mean(axis=1)  # stripes of a blind detector are no floor
    hits = np.flatnonzero(share > 0.45)
    if not len(hits):
        return bottom - max(round(_FLOOR * (bottom - top)), 1)
    first = int(hits[0])
    last = first
    while last + 1 < len(share) and share[last + 1] > 0.45 and last - first < 2 * reach:
        last += 1
    strength = np.median(middle[first : last + 1], axis=1)
    return start + reach + first + int(strength.argmax())


def _closed(mask: npt.NDArray[np.bool_], gap: int) -> npt.NDArray[np.bool_]:
    """Fill gaps of up to `gap` columns."""
    out = mask.copy()
    edges = _runs(~mask)
    for first, last in edges:
        if last - first <= gap and first > 0 and last < len(mask):
            out[first:last] = True
    return out


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of true values as (first, last + 1)."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(i), int(j)) for i, j in zip(steps[::2], steps[1::2], strict=True)]
