"""Things planted into real scans by physics, so that a network can be shown what to look for.

Nobody has enough scans with something hidden in them. But what a thing does to a scan is known: the beam that
is left behind the load and the thing is that behind the load alone, times what the thing lets through of a
beam that the load has already hardened. Where the thing stands the goods do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from customs.physics.beam import BEAMS_MV, transmission
from xray_encoder.inserted.view import ASSUMED, CELL_M, DeepView

# What is hidden, and its density as packed, kg per litre.
THINGS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "steel": (3.0, 7.9),
        "copper": (4.0, 8.9),
        "lead": (5.0, 11.3),
        "aluminium": (1.3, 2.7),
        "electronics": (0.8, 1.8),
        "cellulose": (0.5, 1.1),
        "polyethylene": (0.6, 1.2),
        "sugar": (0.9, 1.5),
    }
)
SHAPES = ("block", "cylinder", "ellipsoid", "bag", "packets")
_GOODS = ("cellulose", "steel")  # how light and how heavy goods harden a beam
_INSIDE_M = 2.35  # depth of the load space
_GOODS_G, _THING_G = np.linspace(0.0, 450.0, 46), np.concatenate([[0.0], np.geomspace(1.0, 900.0, 40)])
_LITRES = (4.0, 200.0)
_SEEN = 0.03  # change of −ln T, mean over the thing, below which nobody could see it
_LOADED = 0.3
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Planted:
    """planes: float32 (beams, rows, columns), transmission with the thing; mask: 0…1 (rows, columns).

    seen: mean change of −ln T of the highest energy over the thing. A thing that displaces as much as it
    weighs, or stands where the beam is blocked, changes nothing and can teach nothing: `visible` is False.
    """

    planes: Floats
    mask: Floats
    material: str
    litres: float
    seen: float

    @property
    def visible(self) -> bool:
        """Whether the scan shows it at all."""
        return abs(self.seen) >= _SEEN


def plant(view: DeepView, rng: np.random.Generator, *, material: str = "", litres: float = 0.0) -> Planted:
    """One thing somewhere in the load of a clean scan; material and litres drawn unless given.

    It stands in the load or on top of it; six in ten take the place of goods, the others fill a gap.
    """
    material = material or str(rng.choice(list(THINGS)))
    litres = litres or float(np.exp(rng.uniform(*np.log(_LITRES))))
    low, high = THINGS[material]
    density = float(rng.uniform(low, high))
    metres = thickness(view.planes.shape[1:], view, litres, rng)
    displaces = bool(rng.random() < 0.6)
    scatter = float(rng.uniform(0.0, min(float(np.quantile(view.planes[-1], 0.002)), 4e-4)))
    rows, columns = np.nonzero(metres > 1e-4)
    if not len(rows):
        return Planted(view.planes, np.zeros(view.planes.shape[1:], np.float32), material, litres, 0.0)
    where = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    planes = view.planes.copy()
    part = metres[where]
    photons = float(np.exp(rng.uniform(np.log(2e5), np.log(4e6))))  # through an open cell
    goods = _GOODS[int(rng.random() < 0.25)]
    for number, beam in enumerate(view.beams):
        t = np.maximum(planes[number][where] - scatter, 0.0)
        factor = let_through(
            np.maximum(-np.log(np.maximum(t, 1e-6)) - view.walls[number], 0.0),
            part,
            material,
            density,
            beam if beam in BEAMS_MV else ASSUMED,
            displaces=displaces,
            goods=goods,
        )
        # fewer photons are noisier than the scaled noise of many
        sigma = np.sqrt(t * factor * np.maximum(1.0 - factor, 0.0) / photons)
        noisy = t * factor + scatter + sigma * rng.standard_normal(t.shape)
        planes[number][where] = np.maximum(noisy, 0.0)
    mask = np.zeros(metres.shape, dtype=np.float32)
    mask[where] = np.clip(part / max(0.35 * float(part.max()), 1e-6), 0.0, 1.0)
    floor = view.floor
    change = np.log(np.maximum(view.planes[-1][where], floor)) - np.log(np.maximum(planes[-1][where], floor))
    inside = mask[where] > 0.5
    return Planted(planes, mask, material, litres, float(change[inside].mean()))


def let_through(
    depth: npt.NDArray,
    metres: npt.NDArray,
    material: str,
    density: float,
    beam: str,
    *,
    displaces: bool,
    goods: str = "cellulose",
) -> npt.NDArray[np.float64]:
    """By what the transmission behind goods of −ln T `depth` is multiplied by `metres` of a thing, each cell.

    density in kg per litre. `displaces`: the goods where it stands are gone, a share metres ÷ inside depth.
    """
    logs, table = _table(beam, material, goods)
    before = np.interp(depth, logs, _GOODS_G)  # g/cm² of goods
    after = before * (1.0 - np.clip(metres / _INSIDE_M, 0, 1)) if displaces else before
    thing = metres * 100.0 * density
    row = np.clip(after / (_GOODS_G[1] - _GOODS_G[0]), 0, len(_GOODS_G) - 1.001)
    column = np.clip(np.interp(thing, _THING_G, np.arange(len(_THING_G))), 0, len(_THING_G) - 1.001)
    i, j = row.astype(int), column.astype(int)
    u, v = row - i, column - j
    behind = (1 - u) * ((1 - v) * table[i, j] + v * table[i, j + 1]) + u * (
        (1 - v) * table[i + 1, j] + v * table[i + 1, j + 1]
    )
    return np.asarray(np.exp(np.interp(before, _GOODS_G, logs) - behind))


@lru_cache(maxsize=64)
def _table(beam: str, material: str, goods: str) -> tuple[npt.NDArray, npt.NDArray]:
    """−ln T of goods alone, and (goods, thing) of both one behind the other."""
    first, second = np.meshgrid(_GOODS_G, _THING_G, indexing="ij")
    areal = {goods: first, material: second} if goods != material else {goods: first + second}
    table = -np.log(np.maximum(transmission(areal, beam).astype(np.float64), 1e-25))
    return table[:, 0], table


def thickness(
    shape: tuple[int, ...], view: DeepView, litres: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Metres of a thing along the beam, (rows, columns), of any of `SHAPES`, somewhere in the load."""
    kind = str(rng.choice(SHAPES))
    side = (litres / 1000.0) ** (1 / 3) / CELL_M  # cells
    wide, tall = side * np.exp(rng.uniform(-0.6, 0.6, 2))
    wide, tall = min(float(wide), 0.6 * shape[1]), min(float(tall), 0.6 * shape[0])
    row, column = _place(view, wide, tall, rng)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    if kind == "packets":
        found = np.zeros(shape)
        for _ in range(int(rng.integers(3, 7))):
            dy, dx = rng.uniform(-0.5, 0.5, 2) * (1.6 * tall, 1.6 * wide)
            found += _body(
                "block", (x - column - dx) / (0.5 * wide), (y - row - dy) / (0.5 * tall), tall, wide
            )
    else:
        angle = rng.uniform(-0.3, 0.3) if rng.random() < 0.4 else 0.0
        u = (np.cos(angle) * (x - column) + np.sin(angle) * (y - row)) / (0.5 * wide)
        v = (np.cos(angle) * (y - row) - np.sin(angle) * (x - column)) / (0.5 * tall)
        found = _body(kind, u, v, tall, wide)
    total = found.sum() * CELL_M**2
    return np.minimum(found * litres / 1000.0 / total, _INSIDE_M) if total > 0 else found


def _body(kind: str, u: npt.NDArray, v: npt.NDArray, tall: float, wide: float) -> npt.NDArray[np.float64]:
    """Thickness up to a factor; u, v run from −1 to 1 over the thing."""
    if kind == "ellipsoid":
        return np.sqrt(np.clip(1 - u**2 - v**2, 0, None))
    if kind == "bag":
        return np.clip(1 - np.abs(u) ** 2.5, 0, 1) * np.clip(1 - np.abs(v) ** 2.5, 0, 1)
    across = np.clip((1 - np.abs(u)) * wide / 2 + 0.5, 0, 1)
    up = np.clip((1 - np.abs(v)) * tall / 2 + 0.5, 0, 1)
    if kind == "cylinder":
        return np.sqrt(np.clip(1 - u**2, 0, None)) * up
    return across * up


def _place(view: DeepView, wide: float, tall: float, rng: np.random.Generator) -> tuple[float, float]:
    """Middle of the thing (row, column): in the load, or standing on it in one of six."""
    rows, columns = view.planes.shape[1:]
    loaded = view.depth[-1] > _LOADED
    where = np.flatnonzero(loaded)
    if not len(where):
        return float(rng.uniform(tall / 2, rows - tall / 2)), float(rng.uniform(wide / 2, columns - wide / 2))
    row, column = divmod(int(where[rng.integers(0, len(where))]), columns)
    middle = float(np.clip(column + 0.5, wide / 2, columns - wide / 2))
    if rng.random() < 1 / 6:
        first = int(np.argmax(loaded[:, column]))
        return float(np.clip(first - tall / 2 + 0.5, tall / 2, rows - tall / 2)), middle
    return float(np.clip(row + 0.5, tall / 2, rows - tall / 2)), middle
