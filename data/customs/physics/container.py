"""Containers as a side-view scanner sees them: shell, floor, posts, cooling unit, and the chassis below.

Outer sizes are those of ISO 668; inner sizes, tare and door details are typical of the trade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from customs.errors import InvalidValue
from customs.physics.raysum import Grid, Plane, RaySum, fan

PITCH_M = 0.02
# Lanes in depth that stand for goods spread from wall to wall.
SLICES = 24
# Truck scanners stand close and low: the far top rail shows a third below the near one, and the upper half of
# a load fades because its rays leave through the top.
SOURCE_HEIGHT_M = 0.0  # above the underside of the container
SOURCE_DISTANCE_M = 6.5  # source to the middle of the container
_MARGIN = 0.10
_BELOW = 0.30
_ABOVE = 0.72  # the near edge of the roof looks that much higher than the middle


@dataclass(frozen=True)
class Container:
    """A kind of container; metres and kilograms, `payload_kg` as roads allow it."""

    name: str
    length: float
    height: float
    inner_length: float
    inner_height: float
    inner_depth: float
    floor: float
    tare_kg: float
    payload_kg: float
    reefer: bool = False

    @property
    def grid(self) -> Grid:
        """The picture of this container with a margin of air and a strip of chassis."""
        return self.grid_at(PITCH_M)

    def grid_at(self, pitch: float) -> Grid:
        """The same picture with pixels of `pitch` metres."""
        if not 0.002 <= pitch <= 0.1:
            raise InvalidValue(
                f"pixels of {pitch:g} m are not a container scanner's",
                field="pitch",
                remedy="stay in 0.002…0.1 m",
            )
        return Grid(self.length + 2 * _MARGIN, self.height + _ABOVE, -_BELOW, pitch)

    @property
    def left(self) -> float:
        """Where the load room starts, metres from the left border of the picture."""
        rest = (
            self.length - self.inner_length
        )  # the cooling unit stands at the left end, the doors at the right
        return _MARGIN + (rest - 0.14 if self.reefer else rest / 2)


CONTAINERS: Mapping[str, Container] = MappingProxyType(
    {
        c.name: c
        for c in (
            Container("dry20", 6.058, 2.591, 5.90, 2.38, 2.35, 0.17, 2_230, 24_000),
            Container("dry40", 12.192, 2.591, 12.03, 2.38, 2.35, 0.17, 3_750, 26_500),
            Container("high40", 12.192, 2.896, 12.03, 2.68, 2.35, 0.17, 3_900, 26_500),
            Container("reefer40", 12.192, 2.896, 11.58, 2.45, 2.29, 0.25, 4_640, 26_500, reefer=True),
        )
    }
)


def fan_scale(depth: float) -> float:
    """How much taller a thing looks that stands `depth` metres behind (−: before) the picture plane."""
    return SOURCE_DISTANCE_M / (SOURCE_DISTANCE_M + depth)


@lru_cache(maxsize=64)
def cargo_fan(kind: str, pitch: float = PITCH_M, lane: int = 0, lanes: int = 1) -> Plane:
    """The fan matrix of goods spread over the depth of a container, or over one of `lanes` parts of it."""
    box = CONTAINERS[kind]
    at = (np.arange(SLICES) + 0.5) / SLICES * lanes
    weights = np.where((at >= lane) & (at < lane + 1), 1.0, 0.0)
    return fan(
        box.grid_at(pitch),
        SOURCE_HEIGHT_M,
        SOURCE_DISTANCE_M,
        box.inner_depth,
        slices=SLICES,
        weights=weights * (SLICES / weights.sum()),
    )


@lru_cache(maxsize=16)
def shell(kind: str, pitch: float = PITCH_M) -> RaySum:
    """The empty container, weighing its tare; treat as read-only."""
    box = CONTAINERS[kind]
    grid = box.grid_at(pitch)
    sides = RaySum(grid)
    x0, x1, top = _MARGIN, _MARGIN + box.length, box.height
    wall = "aluminium" if box.reefer else "steel"
    thickness = 1.3 if box.reefer else 2.9
    sides.slab(wall, x0, 0.12, box.length, top - 0.12, thickness)
    if box.reefer:  # foam
        sides.slab("polyethylene", x0, 0.12, box.length, top - 0.12, 0.7)
    for x in np.arange(x0 + 0.35, x1 - 0.3, 0.61 if box.reefer else 1.18):
        sides.slab(wall, x, 0.15, 0.04, top - 0.2, 1.4)
    sides.slab("steel", x0, top * 0.62, box.length, 0.02, 0.7)
    for x in (x0, x1 - 0.13):
        sides.slab("steel", x, 0.0, 0.13, top, 16.0)
        for y in (0.0, top - 0.12):
            sides.slab("steel", x - 0.01 if x == x0 else x - 0.02, y, 0.16, 0.12, 55.0)
    sides.slab("steel", x0, 0.0, box.length, 0.05, 7.0)
    sides.slab("steel", x0, top - 0.06, box.length, 0.06, 6.0)
    # locking bars and hinges of the doors on the right
    for y in np.arange(0.35, top - 0.25, 0.42):
        sides.slab("steel", x1 - 0.06, y, 0.05, 0.09, 30.0)
    across = RaySum(grid)
    for n in range(6):  # the roof sheet, pressed into shallow troughs across the box
        across.slab("steel", x0, top - 0.05 + 0.006 * n, box.length, 0.006, 60.0)
    for x in np.arange(x0 + 0.28, x1 - 0.2, 0.31):
        across.slab("steel", x, 0.02, 0.045, 0.11, 380.0)
    for x in (x0 + 0.04, x1 - 0.09):  # front wall and doors, edge on
        across.slab("steel", x, 0.12, 0.05, top - 0.2, 130.0)
    if box.reefer:  # aluminium T-floor over foam
        across.slab("aluminium", x0 + 0.1, 0.13, box.length - 0.2, 0.1, 60.0)
    else:
        across.slab("cellulose", x0 + 0.05, 0.13, box.length - 0.1, 0.035, 130.0)
    unit = RaySum(grid)
    if box.reefer:
        _cooling_unit(unit, x0 + 0.10, top)
    sides.spread(fan(grid, SOURCE_HEIGHT_M, SOURCE_DISTANCE_M, 2 * box.inner_depth, slices=2))
    across.spread(cargo_fan(kind, pitch))
    unit.spread(cargo_fan(kind, pitch))
    sides.absorb(unit)
    # sheets are as thick as drawn; floor, roof and end walls carry the rest of the tare
    scale = (box.tare_kg - sides.mass_kg()) / across.mass_kg()
    for plane in across.planes.values():
        plane *= scale
    sides.absorb(across)
    for plane in sides.planes.values():
        plane.flags.writeable = False
    return sides


def chassis(rays: RaySum, box: Container, rng: np.random.Generator) -> None:
    """Draw the trailer under the container: beams, cross members, the crowns of the wheels."""
    length = box.length
    rays.slab("steel", _MARGIN * 0.3, -0.16, length + 1.4 * _MARGIN, 0.13, 9.0)
    rays.slab("steel", _MARGIN * 0.3, -0.06, length + 1.4 * _MARGIN, 0.03, 22.0)
    start = rng.uniform(0.1, 0.5)
    for x in np.arange(start, length, rng.uniform(0.55, 0.95)):
        rays.slab("steel", x, -0.15, 0.07, 0.12, rng.uniform(10, 45))
    for _ in range(3):
        rays.slab(
            "steel",
            rng.uniform(0.3, length - 0.4),
            -_BELOW,
            rng.uniform(0.1, 0.4),
            rng.uniform(0.1, 0.2),
            18.0,
        )
    axle = rng.uniform(0.14, 0.3) * length
    for n in range(3 if length > 8 else 2):
        x = axle + 1.3 * n
        rays.ellipse("rubber", x, -0.95, 0.98, 0.85, 70, power=0.2)


def _cooling_unit(rays: RaySum, x: float, top: float) -> None:
    rays.box("steel", x, 0.25, 0.40, top - 0.4, 190)
    rays.ellipse("copper", x + 0.05, 0.55, 0.28, 0.38, 60)
    rays.ellipse("steel", x + 0.06, 1.15, 0.26, 0.26, 70)
    for y in (1.65, 2.1):
        rays.ellipse("aluminium", x + 0.04, y, 0.30, 0.34, 22)
    rays.box("copper", x + 0.32, 0.5, 0.05, 1.9, 40)
