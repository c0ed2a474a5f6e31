"""Parcels and suitcases as a cabin-size scanner sees them: small things at a depth nobody can tell.

The belt runs through a tunnel; the picture plane is the belt's middle and the fan's magnification over a
parcel's depth is a few per cent, so it is left out. The beams are those of `customs.physics.tube`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.physics.packing.planted import Hidden, Metres, Pixels, draw
from customs.physics.raysum import Grid, RaySum
from customs.physics.scanner import Scanner

PITCH_M = 0.002
_MARGIN = 0.04


@dataclass(frozen=True, eq=False)
class Parcel:
    """areal: g/cm² of each material, (rows, columns); grid: metres; kg: all of it, box and contents;
    boxes: pixels of what was planted, in the order given."""

    kind: str
    grid: Grid
    areal: Mapping[str, npt.NDArray[np.float32]]
    kg: float
    boxes: tuple[Pixels, ...] = ()


def parcel_scanner(rng: np.random.Generator | None = None, name: str = "parcel") -> Scanner:
    """A dual-energy cabinet at 160 kVp; settings of its own if `rng` is given."""
    beams = ("160kV-low", "160kV-high")
    if rng is None:
        return Scanner(name, beams, photons=8e4, scatter=2e-4, blur=0.5, dark=3e-5, pitch=PITCH_M)
    return Scanner(
        name,
        beams,
        photons=float(np.exp(rng.uniform(np.log(3e4), np.log(2e5)))),
        scatter=float(np.exp(rng.uniform(np.log(1e-4), np.log(6e-4)))),
        blur=float(rng.uniform(0.35, 0.8)),
        dark=float(np.exp(rng.uniform(np.log(1e-5), np.log(6e-5)))),
        drift=float(rng.uniform(0.0, 0.002)),
        reach=float(rng.uniform(0.02, 0.08)),
        pitch=PITCH_M,
    )


def parcel(
    kind: str, rng: np.random.Generator, planted: Sequence[Hidden] = (), *, pitch: float = PITCH_M
) -> Parcel:
    """A parcel with contents of one of `KINDS`, and what is hidden among them."""
    if kind not in KINDS:
        raise InvalidValue(
            f"there is no parcel of {kind!r}", field="kind", remedy=f"choose from {', '.join(KINDS)}"
        )
    suitcase = kind == "suitcase"
    wide = float(rng.uniform(0.55, 0.72) if suitcase else rng.uniform(0.30, 0.55))
    tall = float(rng.uniform(0.36, 0.46) if suitcase else rng.uniform(0.18, 0.35))
    deep = float(rng.uniform(0.20, 0.28) if suitcase else rng.uniform(0.15, 0.30))
    grid = Grid(wide + 2 * _MARGIN, tall + _MARGIN, -_MARGIN, pitch)
    rays = RaySum(grid)
    inside = (_MARGIN + 0.01, 0.01, wide - 0.02, tall - 0.02)
    _shell(rays, "polyester" if suitcase else "cellulose", (_MARGIN, 0.0, wide, tall), deep, suitcase)
    KINDS[kind](rays, inside, deep, rng)
    boxes = []
    for thing in planted:
        x = inside[0] + thing.at[0] * max(inside[2] - thing.size[0], 0.0)
        y = inside[1] + thing.at[1] * max(inside[3] - thing.size[1], 0.0)
        box = (x, y, *thing.size)
        draw(rays, thing.shape, thing.material, box, thing.kg)
        boxes.append(_pixels(grid, box))
    return Parcel(kind, grid, rays.planes, rays.mass_kg(), tuple(boxes))


def _pixels(grid: Grid, box: Metres) -> Pixels:
    rows, columns = grid.shape
    return (
        min(max(int((grid.top - box[1] - box[3]) / grid.pitch), 0), rows - 1),
        min(max(int(box[0] / grid.pitch), 0), columns - 1),
        min(max(int(np.ceil((grid.top - box[1]) / grid.pitch)), 1), rows),
        min(max(int(np.ceil((box[0] + box[2]) / grid.pitch)), 1), columns),
    )


def _shell(rays: RaySum, material: str, box: Metres, deep: float, suitcase: bool) -> None:
    """Two walls face on, four edge on; a suitcase has a frame, a telescopic handle and wheels."""
    x, y, wide, tall = box
    wall = 0.28 if suitcase else 0.12  # g/cm²
    rays.slab(material, x, y, wide, tall, 2 * wall)
    edge = 0.004
    for at in ((x, y, wide, edge), (x, y + tall - edge, wide, edge)):
        rays.slab(material, *at, wall * deep / edge)
    for at in ((x, y, edge, tall), (x + wide - edge, y, edge, tall)):
        rays.slab(material, *at, wall * deep / edge)
    if suitcase:
        for level in (0.32, 0.68):
            rays.slab("aluminium", x + 0.02, y + level * tall - 0.006, wide * 0.85, 0.012, 0.8)
        for level in (0.08, 0.86):
            rays.ellipse("rubber", x - 0.02, y + level * tall, 0.05, 0.05, 0.04)
            rays.box("steel", x - 0.002, y + level * tall + 0.02, 0.012, 0.012, 0.02)
        rays.slab("steel", x + 0.01, y + 0.49 * tall, wide - 0.02, 0.004, 1.2)  # the zip


def _filled(density: float, box: Metres, deep: float, share: float) -> float:
    return density * box[2] * box[3] * deep * share


def _clothes(rays: RaySum, box: Metres, deep: float, rng: np.random.Generator) -> None:
    kg = _filled(180.0, box, deep, float(rng.uniform(0.7, 0.95)))
    x, y, wide, tall = box
    for _ in range(24):
        w, h = wide * rng.uniform(0.25, 0.6), tall * rng.uniform(0.12, 0.35)
        rays.ellipse(
            "textile", x + rng.uniform(0, wide - w), y + rng.uniform(0, tall - h), w, h, kg / 26, power=0.2
        )
    rays.box("textile", *box, kg / 13)
    for _ in range(int(rng.integers(2, 9))):  # buttons and zips
        rays.ellipse(
            "steel", x + rng.uniform(0, wide - 0.02), y + rng.uniform(0, tall - 0.02), 0.014, 0.014, 0.002
        )


def _books(rays: RaySum, box: Metres, deep: float, rng: np.random.Generator) -> None:
    x, y, wide, tall = box
    at, kg = 0.0, _filled(620.0, box, deep, 0.8)
    while at < wide - 0.02:
        thick = min(rng.uniform(0.012, 0.05), wide - at)
        high = tall * rng.uniform(0.6, 0.95)
        mass = kg * thick / wide * high / tall
        rays.box("cellulose", x + at, y, thick * 0.94, high, mass * 0.9)
        rays.box("cellulose", x + at, y, 0.003, high, mass * 0.1)
        at += thick


def _electronics(rays: RaySum, box: Metres, deep: float, rng: np.random.Generator) -> None:
    x, y, wide, tall = box
    for _ in range(int(rng.integers(2, 5))):
        w, h = wide * rng.uniform(0.25, 0.5), tall * rng.uniform(0.3, 0.6)
        left, low = x + rng.uniform(0, wide - w), y + rng.uniform(0, tall - h)
        rays.slab("polyester", left, low, w, h, 0.6)
        rays.slab("electronics", left + 0.1 * w, low + 0.12 * h, 0.8 * w, 0.7 * h, 0.7)
        for _ in range(12):  # chips, connectors
            size = rng.uniform(0.006, 0.025, 2)
            rays.slab(
                "copper" if rng.random() < 0.4 else "electronics",
                left + rng.uniform(0.1, 0.8) * w,
                low + rng.uniform(0.15, 0.7) * h,
                float(size[0]),
                float(size[1]),
                float(rng.uniform(0.4, 1.6)),
            )
        rays.ellipse("copper", left + 0.15 * w, low + 0.2 * h, 0.04, 0.03, 0.09, power=0.2)
        rays.slab("aluminium", left + 0.5 * w, low + 0.2 * h, 0.3 * w, 0.35 * h, 1.3)  # a battery
    rays.box("polyethylene", *box, _filled(25.0, box, deep, 1.0))


def _food(rays: RaySum, box: Metres, deep: float, rng: np.random.Generator) -> None:
    x, y, wide, tall = box
    for _ in range(int(rng.integers(6, 13))):
        w, h = rng.uniform(0.06, 0.14), rng.uniform(0.06, 0.12)
        left, low = x + rng.uniform(0, max(wide - w, 0.01)), y + rng.uniform(0, max(tall - h, 0.01))
        kind = int(rng.integers(0, 3))
        if kind == 0:  # a can
            rays.column("canned", left, low, w * 0.7, h, 0.35 + 0.3 * rng.random(), roundness=0.5)
            rays.slab("steel", left, low, w * 0.7, 0.003, 2.0)
        elif kind == 1:  # a packet
            rays.ellipse("starch", left, low, w, h, 0.25 + 0.3 * rng.random(), power=0.3)
        else:
            rays.ellipse("fruit", left, low, h, h, 0.15 + 0.2 * rng.random(), power=0.5)


def _tools(rays: RaySum, box: Metres, deep: float, rng: np.random.Generator) -> None:
    x, y, wide, tall = box
    for _ in range(int(rng.integers(4, 10))):
        long, thick = wide * rng.uniform(0.25, 0.7), rng.uniform(0.008, 0.025)
        left, low = x + rng.uniform(0, wide - long), y + rng.uniform(0, tall - 0.05)
        rays.slab("steel", left, low, long * 0.6, thick, 7.8 * 100 * thick * 0.5)
        rays.slab("polyethylene", left + long * 0.6, low - 0.004, long * 0.4, thick + 0.01, 1.6)
    motor = (x + 0.2 * wide, y + 0.3 * tall)
    rays.ellipse("copper", *motor, 0.07, 0.07, 0.35)
    rays.box("steel", motor[0] + 0.06, motor[1] + 0.025, 0.10, 0.02, 0.20)


def _bottles(rays: RaySum, box: Metres, deep: float, rng: np.random.Generator) -> None:
    x, y, wide, tall = box
    at = 0.01
    while at < wide - 0.09:
        w, h = rng.uniform(0.055, 0.085), tall * rng.uniform(0.6, 0.85)
        glass = "glazed" if rng.random() < 0.5 else "polyester"
        rays.column(glass, x + at, y, w, h, 0.30 if glass == "glazed" else 0.05, roundness=0.1)
        litres = 1000 * np.pi / 4 * (w - 0.006) ** 2 * h * 0.85
        rays.column("water", x + at + 0.003, y, w - 0.006, h * 0.85, litres, roundness=0.5)
        rays.column(glass, x + at + w / 2 - 0.012, y + h, 0.024, 0.05, 0.03, roundness=0.2)
        at += w + rng.uniform(0.004, 0.03)


def _suitcase(rays: RaySum, box: Metres, deep: float, rng: np.random.Generator) -> None:
    _clothes(rays, box, deep, rng)
    x, y, wide, tall = box
    rays.column("water", x + 0.1 * wide, y + 0.1 * tall, 0.05, 0.14, 0.25, dome=0.02)
    rays.column("polyethylene", x + 0.24 * wide, y + 0.1 * tall, 0.04, 0.12, 0.12)
    for _ in range(2):  # shoes
        left = x + rng.uniform(0.3, 0.6) * wide
        rays.ellipse("rubber", left, y + rng.uniform(0.05, 0.3) * tall, 0.28, 0.035, 0.25, power=0.1)
    rays.slab("electronics", x + 0.55 * wide, y + 0.55 * tall, 0.16, 0.11, 1.1)


KINDS: Mapping[str, Callable[[RaySum, Metres, float, np.random.Generator], None]] = MappingProxyType(
    {
        "clothes": _clothes,
        "books": _books,
        "electronics": _electronics,
        "food": _food,
        "tools": _tools,
        "bottles": _bottles,
        "suitcase": _suitcase,
    }
)
