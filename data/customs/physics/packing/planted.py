"""What is not on the papers: things hidden in a load, hollows in it, a second floor under it, other goods.

Everything planted has a place in metres, so that what a picture holds can be written down exactly: `Packed`
says where each thing is seen, `picture_box` turns that into pixels of the finished picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from customs.errors import InvalidValue
from customs.physics.container import (
    CONTAINERS,
    PITCH_M,
    SLICES,
    SOURCE_DISTANCE_M,
    SOURCE_HEIGHT_M,
    Container,
    fan_scale,
)
from customs.physics.load import Load, Room
from customs.physics.raysum import Plane, RaySum, fan, moved

SHAPES = ("block", "cylinder", "ellipsoid", "bag")

# (left, bottom, width, height) in metres: from the picture's left border and the container's underside.
Metres = tuple[float, float, float, float]
# (top, left, bottom, right) in pixels, the last row and column not included.
Pixels = tuple[int, int, int, int]


@dataclass(frozen=True)
class Hidden:
    """Something dense or light somewhere inside the load.

    at: place along and up the load where it stands, 0…1 each; size: (width, height), metres; depth: metres
    behind the middle of the container (−: towards the source), which makes it look smaller (taller);
    thick: metres it takes in depth: so much of the load makes room for it (0: it is squeezed in).
    """

    material: str
    kg: float
    at: tuple[float, float]
    size: tuple[float, float]
    shape: str = "block"
    depth: float = 0.0
    thick: float = 0.0


@dataclass(frozen=True)
class Void:
    """A hollow in the load; `at`, `size`, `depth` as in `Hidden`; thick: metres in depth, None all of it."""

    at: tuple[float, float]
    size: tuple[float, float]
    depth: float = 0.0
    thick: float | None = None


@dataclass(frozen=True)
class DoubleFloor:
    """A layer under the goods, all along the floor; height in metres. The goods stand on it."""

    height: float
    material: str
    kg: float


@dataclass(frozen=True)
class Swap:
    """Other goods in a part of the length, away from the doors (or beside them).

    The declared goods fill what is left, as many kilograms less; `load` says all about the others.
    """

    template: str
    load: Load
    share: float = 0.5
    at_doors: bool = False


Planted = Hidden | Void | DoubleFloor | Swap


@dataclass(frozen=True, eq=False)
class Packed:
    """Goods with what was planted among them.

    goods: their ray sum as the fan sees it; boxes: where each planted thing is seen, in the order given;
    removed_kg: goods that made room for a hollow or a hidden thing; added_kg: hidden things and floors.
    """

    goods: RaySum
    boxes: tuple[Metres, ...] = ()
    removed_kg: float = 0.0
    added_kg: float = 0.0


def picture_box(
    container: str, box: Metres, doors_left: bool = False, tilt: float = 0.0, pitch: float = PITCH_M
) -> Pixels:
    """Where a box in metres lies on the picture that `loaded(…, doors_left, tilt)` makes."""
    grid = CONTAINERS[container].grid_at(pitch)
    rows, columns = grid.shape
    left, right = box[0] / pitch, (box[0] + box[2]) / pitch
    if doors_left:
        left, right = columns - right, columns - left
    rise = tilt / pitch
    shifts = [rise * (min(max(at, 0.0), columns) / max(columns, 1) - 0.5) for at in (left, right)]
    # the slope is drawn by mixing whole pixels, so it starts from whole ones
    top = math.floor((grid.top - box[1] - box[3]) / pitch + 1e-6) - max(shifts)
    bottom = math.ceil((grid.top - box[1]) / pitch - 1e-6) - min(shifts)
    return (
        min(max(math.floor(top + 1e-6), 0), rows - 1),
        min(max(math.floor(left + 1e-6), 0), columns - 1),
        min(max(math.ceil(bottom - 1e-6), 1), rows),
        min(max(math.ceil(right - 1e-6), 1), columns),
    )


def placed(
    container: str, at: tuple[float, float], size: tuple[float, float], level: float, depth: float = 0.0
) -> Metres:
    """Where a thing of `size` at `at` of a load filled up to `level` metres is seen."""
    room = Room.of(CONTAINERS[container])
    return seen(_spot(room, at, size, level), depth, depth)


def seen(box: Metres, nearest: float, farthest: float) -> Metres:
    """What the fan makes of a box that reaches from depth `nearest` to `farthest`, metres."""
    low = SOURCE_HEIGHT_M + (box[1] - SOURCE_HEIGHT_M) * fan_scale(farthest)
    high = SOURCE_HEIGHT_M + (box[1] + box[3] - SOURCE_HEIGHT_M) * fan_scale(nearest)
    return (box[0], low, box[2], high - low)


def put(
    thing: Hidden | Void, goods: RaySum, fanned: RaySum, box: Container, room: Room, level: float
) -> tuple[Metres, float, float]:
    """Put one thing into the load: returns where it is seen, the kilograms removed and those added.

    goods: the load before the fan, which tells what stands where the thing is to stand; fanned: the load as
    seen, which is changed; level: fill height to fall back on where no goods stand.
    """
    thick = room.depth if thing.thick is None else min(thing.thick, room.depth)
    reach = (room.depth - thick) / 2
    depth = min(max(thing.depth, -reach), reach)
    wide, tall = thing.size
    top = surface(goods, room, room.x + thing.at[0] * (room.length - wide), wide)
    spot = _spot(room, thing.at, thing.size, max(top if top > 0 else level, min(tall + 0.02, room.height)))
    scratch = RaySum(goods.grid)
    shape = thing.shape if isinstance(thing, Hidden) else "block"
    drawn = draw(scratch, shape, "water", spot, 1.0)
    removed = 0.0
    if thick > 0:
        cover = drawn / max(float(drawn.max()), 1e-12)
        before = fanned.mass_kg()
        _remove(goods, fanned, cover, box, depth, thick)
        removed = before - fanned.mass_kg()
    added = 0.0
    if isinstance(thing, Hidden):
        matrix = moved(goods.grid, SOURCE_HEIGHT_M, fan_scale(depth))
        columns = np.flatnonzero(drawn.any(axis=0))
        part = slice(columns[0], columns[-1] + 1) if len(columns) else slice(0, 0)
        fanned.plane(thing.material)[:, part] += matrix @ (drawn[:, part] * np.float32(thing.kg))
        added = thing.kg
    return seen(spot, depth - thick / 2, depth + thick / 2), removed, added


def draw(rays: RaySum, shape: str, material: str, box: Metres, kg: float) -> Plane:
    """Draw a body of one of `SHAPES` that just fits a box; returns the material's plane."""
    x, y, wide, tall = box
    if shape == "block":
        rays.box(material, x, y, wide, tall, kg)
    elif shape == "cylinder":
        rays.column(material, x, y, wide, tall, kg, roundness=0.5)
    elif shape == "ellipsoid":
        rays.ellipse(material, x, y, wide, tall, kg, power=0.5)
    elif shape == "bag":
        waist = wide / 1.06
        rays.column(
            material, x + (wide - waist) / 2, y, waist, tall, kg, dome=0.3 * tall, roundness=0.35, bulge=0.12
        )
    else:
        raise InvalidValue(
            f"there is no shape {shape!r}", field="shape", remedy=f"choose from {', '.join(SHAPES)}"
        )
    return rays.plane(material)


def surface(goods: RaySum, room: Room, x: float, wide: float) -> float:
    """Height (m above the floor) up to which goods stand between x and x + wide; 0 where there are none."""
    grid = goods.grid
    first = min(max(int(x / grid.pitch), 0), grid.shape[1] - 1)
    last = min(max(int(np.ceil((x + wide) / grid.pitch)), first + 1), grid.shape[1])
    column = np.zeros(grid.shape[0])
    for plane in goods.planes.values():
        column += plane[:, first:last].mean(axis=1)
    inside = (grid.y > room.y) & (grid.y < room.y + room.height)
    typical = float(np.percentile(column[inside], 75)) if inside.any() else 0.0
    solid = np.flatnonzero(inside & (column > 0.3 * typical)) if typical > 0 else np.array([], dtype=int)
    return float(grid.y[solid[0]] - room.y) if len(solid) else 0.0


def _spot(room: Room, at: tuple[float, float], size: tuple[float, float], level: float) -> Metres:
    wide, tall = size
    x = room.x + at[0] * (room.length - wide)
    return (x, room.y + at[1] * max(min(level, room.height) - tall, 0.0), wide, tall)


def _remove(goods: RaySum, fanned: RaySum, cover: Plane, box: Container, depth: float, thick: float) -> None:
    """Take out of the load as seen what stood under `cover`, between depth ± thick / 2."""
    columns = np.flatnonzero(cover.any(axis=0))
    if not len(columns):
        return
    part = slice(columns[0], columns[-1] + 1)
    edges = np.linspace(-box.inner_depth / 2, box.inner_depth / 2, SLICES + 1)
    share = np.clip(
        np.minimum(edges[1:], depth + thick / 2) - np.maximum(edges[:-1], depth - thick / 2), 0, None
    ) / np.diff(edges)
    matrix = fan(
        goods.grid,
        SOURCE_HEIGHT_M,
        SOURCE_DISTANCE_M,
        box.inner_depth,
        slices=SLICES,
        weights=np.asarray(share, dtype=np.float64),
    )
    for name, plane in goods.planes.items():
        rest = fanned.plane(name)[:, part] - matrix @ (plane[:, part] * cover[:, part])
        fanned.plane(name)[:, part] = np.maximum(rest, 0.0)
