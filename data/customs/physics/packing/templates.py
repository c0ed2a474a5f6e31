"""All packing templates by name, and the one call that makes a scan's ray sum from goods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.physics.container import CONTAINERS, cargo_fan, chassis, shell
from customs.physics.load import Load, Room
from customs.physics.packing import bagged, loose, shaped, stacked
from customs.physics.raysum import RaySum

Template = Callable[[RaySum, Load, Room, np.random.Generator], None]

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        function.__name__: function
        for function in (
            stacked.cartons,
            stacked.meat,
            stacked.crates,
            stacked.pallets,
            stacked.bales,
            stacked.garments,
            stacked.bottles,
            stacked.lumber,
            bagged.sacks,
            bagged.big_bags,
            loose.heap,
            loose.liner,
            loose.scrap,
            shaped.tyres,
            shaped.drums,
            shaped.logs,
            shaped.bars,
            shaped.slabs,
            shaped.machines,
            shaped.devices,
            shaped.vehicles,
            shaped.furniture,
        )
    }
)

# Templates whose things stand at a depth of their own; the others spread evenly from wall to wall.
PLACED_IN_DEPTH = frozenset({"tyres"})


@dataclass(frozen=True)
class Hidden:
    """Something that is not on the papers: a dense block somewhere inside the load.

    at: place along and up the load, 0…1 each; size: metres.
    """

    material: str
    kg: float
    at: tuple[float, float]
    size: tuple[float, float]


def cargo(
    template: str, load: Load, container: str, rng: np.random.Generator, hidden: Hidden | None = None
) -> RaySum:
    """The goods alone, weighing `load.kg` (and the hidden block), as the fan sees them."""
    if template not in TEMPLATES:
        raise InvalidValue(
            f"there is no packing {template!r}", field="packing", remedy=f"choose from {', '.join(TEMPLATES)}"
        )
    box = CONTAINERS[container]
    room = Room.of(box)
    rays = RaySum(box.grid)
    TEMPLATES[template](rays, load, room, rng)
    if template not in PLACED_IN_DEPTH:
        rays.spread(cargo_fan(container))
    drawn = rays.mass_kg()  # the fan may push a sliver past the border, decks and bearers count as goods
    for plane in rays.planes.values():
        plane *= load.kg / drawn
    if hidden is not None:
        level = max(room.level(load), hidden.size[1] + 0.05)
        x = room.x + hidden.at[0] * (room.length - hidden.size[0])
        y = room.y + hidden.at[1] * (level - hidden.size[1])
        rays.box(hidden.material, x, y, *hidden.size, hidden.kg)
    return rays


def loaded(
    goods: RaySum | None,
    container: str,
    rng: np.random.Generator,
    *,
    doors_left: bool = False,
    tilt: float = 0.0,
) -> dict[str, npt.NDArray[np.float32]]:
    """Areal density (g/cm²) of each material in the picture: goods, container and chassis.

    tilt: metres by which the right end of the truck stands higher than the left.
    """
    box = CONTAINERS[container]
    scene = RaySum(box.grid)
    scene.absorb(shell(container))
    chassis(scene, box, rng)
    if goods is not None:
        scene.absorb(goods)
    planes = {name: plane[:, ::-1] if doors_left else plane for name, plane in scene.planes.items()}
    return {name: _tilted(plane, tilt / box.grid.pitch) for name, plane in planes.items()} if tilt else planes


def _tilted(plane: npt.NDArray[np.float32], rise: float) -> npt.NDArray[np.float32]:
    """Shift columns up by 0…rise pixels from left to right, in parts of a pixel."""
    rows, columns = plane.shape
    shift = np.linspace(-rise / 2, rise / 2, columns)
    whole = np.floor(shift).astype(int)
    part = (shift - whole).astype(np.float32)
    at = np.arange(rows)[:, None] + whole[None, :]
    across = np.arange(columns)[None, :]
    low = plane[np.clip(at, 0, rows - 1), across]
    high = plane[np.clip(at + 1, 0, rows - 1), across]
    return low * (1 - part) + high * part
