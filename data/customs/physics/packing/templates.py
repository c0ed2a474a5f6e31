"""All packing templates by name, and the one call that makes a scan's ray sum from goods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.physics.container import CONTAINERS, PITCH_M, Container, cargo_fan, chassis, shell
from customs.physics.load import Load, Room
from customs.physics.packing import bagged, hung, liquid, loose, rolled, shaped, stacked
from customs.physics.packing.planted import (
    DoubleFloor,
    Hidden,
    Metres,
    Packed,
    Planted,
    Swap,
    Void,
    put,
    seen,
)
from customs.physics.raysum import RaySum

__all__ = ["PLACED_IN_DEPTH", "TEMPLATES", "Hidden", "Template", "cargo", "loaded", "packed"]

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
            stacked.pallet_cartons,
            hung.carcasses,
            hung.clothes,
            rolled.rolls,
            rolled.coils,
            liquid.tanks,
            liquid.flexitank,
        )
    }
)

# Templates whose things stand at a depth of their own; the others spread evenly from wall to wall.
PLACED_IN_DEPTH = frozenset({"tyres"})


def cargo(
    template: str,
    load: Load,
    container: str,
    rng: np.random.Generator,
    hidden: Hidden | None = None,
    *,
    planted: Sequence[Planted] = (),
    pitch: float = PITCH_M,
) -> RaySum:
    """The goods alone as the fan sees them, weighing `load.kg`, with what is hidden or planted among them."""
    things = (*planted, hidden) if hidden is not None else tuple(planted)
    return packed(template, load, container, rng, things, pitch=pitch).goods


def packed(
    template: str,
    load: Load,
    container: str,
    rng: np.random.Generator,
    planted: Sequence[Planted] = (),
    *,
    pitch: float = PITCH_M,
) -> Packed:
    """Goods packed by a template, and where each planted thing is seen among them.

    Floors and swaps come first, whatever their place in `planted`: the goods stand on and beside them.
    """
    box = CONTAINERS[container]
    room = Room.of(box)
    boxes: dict[int, Metres] = {}
    fanned, added, removed = RaySum(box.grid_at(pitch)), 0.0, 0.0
    for number, thing in enumerate(planted):
        if isinstance(thing, DoubleFloor):
            layer = RaySum(fanned.grid)
            layer.box(thing.material, room.x, room.y, room.length, thing.height, thing.kg)
            layer.spread(cargo_fan(container, pitch))
            fanned.absorb(layer)
            boxes[number] = seen((room.x, room.y, room.length, thing.height), -room.depth / 2, room.depth / 2)
            room = replace(room, y=room.y + thing.height, height=room.height - thing.height)
            added += thing.kg
        elif isinstance(thing, Swap):
            taken = room.length * thing.share
            start = room.x + (room.length - taken if thing.at_doors else 0.0)
            part = replace(room, x=start, length=taken)
            _, other = _packed(thing.template, thing.load, box, part, rng, pitch)
            fanned.absorb(other)
            boxes[number] = seen(
                (
                    start,
                    room.y,
                    taken,
                    min(thing.load.kg / thing.load.density / taken / room.depth, room.height),
                ),
                -room.depth / 2,
                room.depth / 2,
            )
            room = replace(room, x=room.x + (0.0 if thing.at_doors else taken), length=room.length - taken)
            removed += load.kg * thing.share
            added += thing.load.kg
            load = replace(load, kg=load.kg * (1 - thing.share))
    plain, goods = _packed(template, load, box, room, rng, pitch)
    level = room.level(load)
    for number, thing in enumerate(planted):
        if isinstance(thing, Hidden | Void):
            boxes[number], less, more = put(thing, plain, goods, box, room, level)
            removed, added = removed + less, added + more
    goods.absorb(fanned)
    return Packed(goods, tuple(boxes[n] for n in range(len(planted))), removed, added)


def _packed(
    template: str, load: Load, box: Container, room: Room, rng: np.random.Generator, pitch: float
) -> tuple[RaySum, RaySum]:
    """The goods before and after the fan, weighing `load.kg` after it."""
    if template not in TEMPLATES:
        raise InvalidValue(
            f"there is no packing {template!r}", field="packing", remedy=f"choose from {', '.join(TEMPLATES)}"
        )
    drawn = RaySum(box.grid_at(pitch))
    TEMPLATES[template](drawn, load, room.without_doors(load), rng)
    plain = drawn.gather()
    fanned = (
        plain.copy() if template in PLACED_IN_DEPTH else drawn.gather(partial(cargo_fan, box.name, pitch))
    )
    seen_kg = fanned.mass_kg()  # the fan may push a sliver past the border, decks and bearers count as goods
    for both in (plain, fanned):
        for plane in both.planes.values():
            plane *= np.float32(load.kg / seen_kg)
    return plain, fanned


def loaded(
    goods: RaySum | None,
    container: str,
    rng: np.random.Generator,
    *,
    doors_left: bool = False,
    tilt: float = 0.0,
    pitch: float = PITCH_M,
) -> dict[str, npt.NDArray[np.float32]]:
    """Areal density (g/cm²) of each material in the picture: goods, container and chassis.

    tilt: metres by which the right end of the truck stands higher than the left; pitch: pixel size (m) of an
    empty container's picture (goods bring their own).
    """
    box = CONTAINERS[container]
    pitch = pitch if goods is None else goods.grid.pitch
    scene = RaySum(box.grid_at(pitch))
    scene.absorb(shell(container, pitch))
    chassis(scene, box, rng)
    if goods is not None:
        scene.absorb(goods)
    planes = {name: plane[:, ::-1] if doors_left else plane for name, plane in scene.planes.items()}
    return {name: _tilted(plane, tilt / pitch) for name, plane in planes.items()} if tilt else planes


def _tilted(plane: npt.NDArray[np.float32], rise: float) -> npt.NDArray[np.float32]:
    """Shift columns up by −rise/2…rise/2 pixels from left to right, in parts of a pixel."""
    rows, columns = plane.shape
    shift = np.linspace(-rise / 2, rise / 2, columns)
    whole = np.floor(shift).astype(int)
    part = (shift - whole).astype(np.float32)
    reach = int(max(abs(int(whole[0])), abs(int(whole[-1])))) + 2
    padded = np.pad(plane, ((reach, reach), (0, 0)), mode="edge")
    out = np.empty_like(plane)
    for step in np.unique(whole):  # columns of one shift lie side by side
        same = np.flatnonzero(whole == step)
        across = slice(same[0], same[-1] + 1)
        low = padded[reach + step : reach + step + rows, across]
        high = padded[reach + step + 1 : reach + step + 1 + rows, across]
        out[:, across] = low + (high - low) * part[across]
    return out
