"""Ray sums: what stands between the source and each detector pixel, kilogram by kilogram.

The picture plane lies in the middle of the container. Truck scanners build the picture column by column
with a vertical fan, so depth changes a thing's apparent height but not its length: a near slice looks
taller, a far one lower, and every top edge gets its soft gradient. Shapes are given by their mass, so that
a load always sums to what it weighs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_KG_PER_M2_IN_G_PER_CM2 = 0.1


@dataclass(frozen=True)
class Grid:
    """Pixels of the picture plane; x runs right from 0, y runs up from `bottom` (metres)."""

    width_m: float
    top: float
    bottom: float
    pitch: float

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return round((self.top - self.bottom) / self.pitch), round(self.width_m / self.pitch)

    @property
    def x(self) -> Floats:
        """Column centres, metres."""
        return np.asarray((np.arange(self.shape[1]) + 0.5) * self.pitch)

    @property
    def y(self) -> Floats:
        """Row centres, metres, row 0 on top."""
        return np.asarray(self.top - (np.arange(self.shape[0]) + 0.5) * self.pitch)


class RaySum:
    """Adds shapes to one areal-density plane (g/cm²) for each material."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.planes: dict[str, Plane] = {}
        self.lanes: dict[tuple[int, int], RaySum] = {}

    def lane(self, number: int, count: int) -> RaySum:
        """What stands in one of `count` lanes in depth, 0 the nearest; drawn by itself, added by `gather`."""
        if (number, count) not in self.lanes:
            self.lanes[number, count] = RaySum(self.grid)
        return self.lanes[number, count]

    def gather(self, matrices: Callable[[int, int], Plane] | None = None) -> RaySum:
        """Planes and lanes together in a new ray sum, each lane through its fan matrix where one is given."""
        whole = RaySum(self.grid)
        for part in (self, *self.lanes.values()):
            whole.absorb(part)
        if matrices is None:
            return whole
        whole = RaySum(self.grid)
        for (number, count), part in {(0, 1): self, **self.lanes}.items():
            matrix = matrices(number, count)
            for name, plane in part.planes.items():
                whole.plane(name)[...] += matrix @ plane
        return whole

    def plane(self, material: str) -> Plane:
        """The plane of a material, made empty when first asked for."""
        if material not in self.planes:
            self.planes[material] = np.zeros(self.grid.shape, dtype=np.float32)
        return self.planes[material]

    def mass_kg(self, material: str | None = None) -> float:
        """Kilograms drawn, of one material or of all."""
        planes = self.planes.values() if material is None else [self.plane(material)]
        area = self.grid.pitch**2
        return float(sum(p.sum(dtype=np.float64) for p in planes) / _KG_PER_M2_IN_G_PER_CM2 * area)

    def box(self, material: str, x: float, y: float, width: float, height: float, kg: float) -> None:
        """An upright box, lower left corner at (x, y); edges cover pixels by their exact share."""
        rows, columns = self._window(x, y, width, height)
        across = _cover(columns, self.grid.pitch, 0.0, x, x + width)
        up = _cover(rows, -self.grid.pitch, self.grid.top, y, y + height)
        self._add(material, rows, columns, np.outer(up, across), kg)

    def slab(self, material: str, x: float, y: float, width: float, height: float, g_cm2: float) -> None:
        """A box given by its areal density (g/cm²) instead of its mass."""
        self.box(material, x, y, width, height, g_cm2 / _KG_PER_M2_IN_G_PER_CM2 * width * height)

    def ellipse(
        self, material: str, x: float, y: float, width: float, height: float, kg: float, *, power: float = 0.5
    ) -> None:
        """A rounded body in the box at (x, y): thickness falls as (1 − r²)^power from its middle.

        0.5 is an ellipsoid, 0 a disc seen face on (a log's or drum's end).
        """
        rows, columns = self._window(x, y, width, height)
        u = (self._x(columns) - (x + width / 2)) / (width / 2)
        v = (self._y(rows) - (y + height / 2)) / (height / 2)
        rest = 1.0 - v[:, None] ** 2 - u[None, :] ** 2
        soft = self.grid.pitch / min(width, height) * 2
        shape = np.clip(rest, 0, None) ** power if power else np.clip(rest / soft + 0.5, 0, 1)
        self._add(material, rows, columns, shape, kg)

    def column(
        self,
        material: str,
        x: float,
        y: float,
        width: float,
        height: float,
        kg: float,
        *,
        dome: float = 0.0,
        roundness: float = 0.5,
        lean: float = 0.0,
        bulge: float = 0.0,
    ) -> None:
        """A standing column: a bag, a drum, a stack; lower left corner at (x, y).

        dome: height of the rounded top, metres; roundness: 0 square, 0.5 a cylinder seen from the side;
        lean: metres that the top is pushed right; bulge: share by which the waist is wider.
        """
        side = abs(lean) + bulge * width
        rows, columns = self._window(x - side, y, width + 2 * side, height)
        t = np.clip((self._y(rows) - y) / height, 0, 1)[:, None]
        half = width / 2 * (1 + bulge * np.sin(np.pi * t) - bulge / 2)
        u = (self._x(columns)[None, :] - (x + width / 2 + lean * t)) / half
        soft = self.grid.pitch / half
        inside = np.clip((1 - np.abs(u)) / soft + 0.5, 0, 1)
        shape = inside * np.clip(1 - u**2, 0.05, None) ** roundness
        shape = shape * _cover(rows, -self.grid.pitch, self.grid.top, y, y + height + dome + 1.0)[:, None]
        roof = height - dome * np.clip(u, -1, 1) ** 2
        shape = shape * np.clip((y + roof - self._y(rows)[:, None]) / self.grid.pitch + 0.5, 0, 1)
        if dome:  # the bag thins towards its shoulders and its crown
            depth = np.clip((y + roof - self._y(rows)[:, None]) / (1.2 * dome), 0.02, 1)
            shape = shape * np.sqrt(depth)
        self._add(material, rows, columns, shape, kg)

    def ring(
        self, material: str, x: float, y: float, outer: float, inner: float, kg: float, *, squash: float = 1.0
    ) -> None:
        """A ring such as a tyre around (x, y), radii in metres, `squash` flattens it vertically."""
        rows, columns = self._window(x - outer, y - outer * squash, 2 * outer, 2 * outer * squash)
        u = (self._x(columns) - x)[None, :]
        v = ((self._y(rows) - y) / squash)[:, None]
        r = np.sqrt(u**2 + v**2)
        edge = self.grid.pitch
        # sidewalls are thin, the tread at the rim is thick, the bead a wire
        wall = np.clip((outer - r) / edge + 0.5, 0, 1) * np.clip((r - inner) / edge + 0.5, 0, 1)
        tread = np.exp(-(((outer - 0.018 - r) / max(0.014, 0.6 * edge)) ** 2))
        bead = np.exp(-(((r - inner) / max(0.010, 0.6 * edge)) ** 2))
        self._add(material, rows, columns, wall * (0.5 + 1.1 * tread + 0.4 * bead), kg)

    def annulus(self, material: str, x: float, y: float, outer: float, inner: float, kg: float) -> None:
        """A disc with a hole around (x, y), equally thick all over: a coil seen along its eye; radii in m."""
        rows, columns = self._window(x - outer, y - outer, 2 * outer, 2 * outer)
        r = np.sqrt((self._x(columns) - x)[None, :] ** 2 + (self._y(rows) - y)[:, None] ** 2)
        edge = self.grid.pitch
        shape = np.clip((outer - r) / edge + 0.5, 0, 1) * np.clip((r - inner) / edge + 0.5, 0, 1)
        self._add(material, rows, columns, shape, kg)

    def profile(self, material: str, x: float, y: float, top: Floats, kg: float, width: float) -> None:
        """A heap: `top` gives its height above y (metres) at evenly spaced places over `width`."""
        rows, columns = self._window(x, y, width, float(top.max()) + self.grid.pitch)
        places = x + (np.arange(len(top)) + 0.5) / len(top) * width
        surface = np.interp(self._x(columns), places, top)
        up = np.clip((y + surface[None, :] - self._y(rows)[:, None]) / self.grid.pitch + 0.5, 0, 1)
        across = _cover(columns, self.grid.pitch, 0.0, x, x + width)
        floor = _cover(rows, -self.grid.pitch, self.grid.top, y, y + 9.0)
        self._add(material, rows, columns, up * across[None, :] * floor[:, None], kg)

    def texture(self, material: str, field: Plane) -> None:
        """Multiply a plane by `field`, keeping its mass."""
        for part in (self, *self.lanes.values()):
            if material not in part.planes:
                continue
            plane = part.planes[material]
            before = plane.sum(dtype=np.float64)
            plane *= field
            after = plane.sum(dtype=np.float64)
            if after > 0:
                plane *= before / after

    def spread(self, matrix: Plane) -> None:
        """Apply the fan's vertical `matrix` (rows × rows) to every plane."""
        for name, plane in self.planes.items():
            self.planes[name] = matrix @ plane

    def absorb(self, other: RaySum) -> None:
        """Add the planes of another ray sum on the same grid."""
        for name, plane in other.planes.items():
            self.plane(name)[...] += plane

    def copy(self) -> RaySum:
        """The same planes, its own to change; lanes are left out."""
        twin = RaySum(self.grid)
        twin.planes = {name: plane.copy() for name, plane in self.planes.items()}
        return twin

    def _window(self, x: float, y: float, width: float, height: float) -> tuple[slice, slice]:
        rows, columns = self.grid.shape
        pitch = self.grid.pitch
        left, right = int(np.floor(x / pitch)) - 1, int(np.ceil((x + width) / pitch)) + 1
        up = int(np.floor((self.grid.top - y - height) / pitch)) - 1
        down = int(np.ceil((self.grid.top - y) / pitch)) + 1
        return slice(max(up, 0), min(max(down, 1), rows)), slice(max(left, 0), min(max(right, 1), columns))

    def _x(self, columns: slice) -> Floats:
        return (np.arange(columns.start, columns.stop) + 0.5) * self.grid.pitch

    def _y(self, rows: slice) -> Floats:
        return self.grid.top - (np.arange(rows.start, rows.stop) + 0.5) * self.grid.pitch

    def _add(self, material: str, rows: slice, columns: slice, shape: npt.NDArray, kg: float) -> None:
        total = float(shape.sum())
        if total > 0 and kg > 0:
            scale = kg * _KG_PER_M2_IN_G_PER_CM2 / self.grid.pitch**2 / total
            self.plane(material)[rows, columns] += (shape * scale).astype(np.float32)


def fan(
    grid: Grid,
    source_height: float,
    distance: float,
    depth: float,
    slices: int = 5,
    weights: Floats | None = None,
) -> Plane:
    """What a vertical fan does to things spread over `depth` metres around the picture plane.

    source_height and distance (source to picture plane) in metres. weights: share of each slice (near to far)
    that is there, all of it if not given. Returns (rows × rows), columns summing to 1 away from the border:
    the slices' mean scale is 1, so mass is kept.
    """
    at = distance + (np.arange(slices) + 0.5) / slices * depth - depth / 2
    scales = distance / at
    scales /= scales.mean()
    there = np.ones(slices) if weights is None else weights
    total = np.zeros((grid.shape[0], grid.shape[0]), dtype=np.float32)
    for scale, share in zip(scales, there, strict=True):
        if share > 0:
            total += np.float32(share) * moved(grid, source_height, float(scale))
    return total / np.float32(slices)


def moved(grid: Grid, source_height: float, scale: float) -> Plane:
    """(rows × rows) what the fan does to things at one depth, seen `scale` times as tall from the source."""
    edges = grid.top - np.arange(grid.shape[0] + 1) * grid.pitch  # row borders from the top down
    shifted = source_height + (edges - source_height) * scale
    upper = np.minimum(edges[:-1, None], shifted[None, :-1])
    lower = np.maximum(edges[1:, None], shifted[None, 1:])
    return np.asarray(np.clip(upper - lower, 0, None) / grid.pitch, dtype=np.float32)


def _cover(part: slice, pitch: float, origin: float, low: float, high: float) -> Floats:
    edges = origin + np.arange(part.start, part.stop + 1) * pitch
    a, b = np.minimum(edges[:-1], edges[1:]), np.maximum(edges[:-1], edges[1:])
    return np.clip(np.minimum(b, high) - np.maximum(a, low), 0, None) / abs(pitch)
