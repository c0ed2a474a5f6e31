"""Frauds that a scan can show: the papers stay, what travels changes (or the declared packages do)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from customs.physics.container import CONTAINERS
from customs.physics.packing.planted import DoubleFloor, Hidden, Void
from customs.world.consignment import Consignment, Inside
from customs.world.frauds import Planted
from customs.world.goods import Item
from customs.world.habits import HANGING, IN_ROWS

SCAN_KINDS = (
    "inserted_object",
    "swapped_goods",
    "partial_load",
    "void",
    "wrong_packages",
    "double_floor",
    "short_weight",
)
# Inserted things: what they are, material, kg per litre as packed, shapes they come in.
_THINGS: tuple[tuple[str, str, tuple[float, float], tuple[str, ...]], ...] = (
    ("electronics", "electronics", (1.2, 1.6), ("block",)),
    ("steel tools", "steel", (3.5, 5.5), ("block", "cylinder")),
    ("lead", "lead", (6.0, 9.0), ("block", "cylinder")),
    ("aluminium parts", "aluminium", (1.5, 2.3), ("block", "cylinder")),
    ("packets of powder", "starch", (0.9, 1.3), ("block", "bag")),
    ("copper coil", "copper", (4.0, 6.0), ("cylinder", "block")),
)
# Share of its box (width × height × thickness) that a shape fills.
BODY = {"block": 1.0, "cylinder": 0.785, "bag": 0.72}
# Under a false floor: material, kg per litre.
_UNDERFLOOR = (("starch", 0.9), ("electronics", 1.1), ("copper", 2.5), ("cellulose", 0.7))
# Packings of few large pieces with air between them: no hollow can be cut into these.
_OPEN = frozenset({"vehicles", "machines", "bars", "logs", "lumber", "slabs", "scrap", "furniture"})
# Solid metal and stone, in which nothing can be put.
_SOLID = frozenset({"bars", "slabs"})
_COUNTED = IN_ROWS | {"pallets", "tyres", "drums", "machines", "devices", "bottles"}


def plant(
    clean: Consignment, kind: str, items: Sequence[Item], rng: np.random.Generator
) -> tuple[Consignment, Planted]:
    """Commit a fraud of one of `SCAN_KINDS`; the consignment has a scan and `suits` it."""
    guilty, detail = _HOW[kind](clean, items, rng)
    return guilty, Planted(kind, guilty.inside.goods.hsk.digits, detail)


def suits(kind: str, clean: Consignment, items: Sequence[Item]) -> bool:
    """Whether the goods allow it: a hollow needs a filled load, a false floor room above the goods."""
    if not clean.has_scan:
        return False
    goods, level = clean.goods, _level(clean)
    box = CONTAINERS[goods.container]
    match kind:
        case "inserted_object":
            return goods.packing not in _SOLID
        case "swapped_goods":
            return bool(_others(goods, items))
        case "void":
            return goods.packing not in _OPEN and level > 0.9
        case "double_floor":
            return level < 0.85 * box.inner_height - 0.2
        case "wrong_packages":
            hung = goods.hsk.digits[:4] in HANGING
            return goods.packing in _COUNTED and clean.packages >= 10 and not hung
    return True


def _insert(c: Consignment, items: Sequence[Item], rng: np.random.Generator) -> tuple[Consignment, str]:
    """5 to 60 litres anywhere in the load, which makes room for it."""
    what, material, density, shapes = _THINGS[int(rng.integers(0, len(_THINGS)))]
    litres = float(np.exp(rng.uniform(np.log(5.0), np.log(60.0))))
    shape = shapes[int(rng.integers(0, len(shapes)))]
    kg = round(litres * float(rng.uniform(*density)), 1)
    side = (litres / 1000 / BODY[shape]) ** (1 / 3)
    wider, taller = np.exp(rng.uniform(-0.35, 0.35, 2)).tolist()
    thick = side / wider / taller
    reach = (CONTAINERS[c.goods.container].inner_depth - thick) / 2
    hidden = Hidden(
        material,
        kg,
        at=(float(rng.uniform(0.02, 0.98)), float(rng.uniform(0.0, 1.0))),
        size=(side * wider, side * taller),
        shape=shape,
        depth=float(rng.uniform(-reach, reach)),
        thick=thick,
    )
    return dataclasses.replace(c, planted=(hidden,)), f"{kg:g} kg of {what} ({litres:.0f} litres)"


def _swap(c: Consignment, items: Sequence[Item], rng: np.random.Generator) -> tuple[Consignment, str]:
    """Other goods in a box of the same kind, as heavy as declared where they can be."""
    others = _others(c.goods, items)
    other = others[int(rng.integers(0, len(others)))]
    kg = round(min(c.kg, other.capacity_kg * float(rng.uniform(0.92, 1.0))), 1)
    packages = 1 if other.bulk else max(int(kg / other.package_kg), 1)
    inside = Inside(other, kg, packages)
    return dataclasses.replace(c, travels=inside), f"{kg:.0f} kg of {other.hsk.digits} travel instead"


def _part(c: Consignment, items: Sequence[Item], rng: np.random.Generator) -> tuple[Consignment, str]:
    """About half of the goods: the half by the doors is missing, or all is stacked lower, or nothing came."""
    form = rng.random()
    share = float(rng.uniform(0.4, 0.6))
    room = CONTAINERS[c.goods.container]
    if form < 0.15:
        return dataclasses.replace(c, travels=Inside(c.goods, 0.0, 0)), "declared full, travels empty"
    if form < 0.55 and c.goods.packing not in _OPEN:
        missing = Void(at=(1.0, 0.0), size=((1 - share) * room.inner_length, room.inner_height))
        return dataclasses.replace(c, planted=(missing,)), f"nothing in the {1 - share:.0%} by the doors"
    inside = Inside(c.goods, round(c.kg * share, 1), max(round(c.packages * share), 1))
    return dataclasses.replace(c, travels=inside), f"only {share:.0%} of the goods travel"


def _hollow(c: Consignment, items: Sequence[Item], rng: np.random.Generator) -> tuple[Consignment, str]:
    """A hollow of 0.3 to 2 m³ inside the load, from wall to wall or less."""
    volume = float(np.exp(rng.uniform(np.log(0.3), np.log(2.0))))
    box = CONTAINERS[c.goods.container]
    thick = float(rng.uniform(0.45, 1.0)) * box.inner_depth
    area = volume / thick
    tall = min(float(np.sqrt(area) * rng.uniform(0.75, 1.2)), 0.75 * _level(c))
    reach = (box.inner_depth - thick) / 2
    hollow = Void(
        at=(float(rng.uniform(0.05, 0.95)), float(rng.uniform(0.0, 0.8))),
        size=(area / tall, tall),
        depth=float(rng.uniform(-reach, reach)),
        thick=thick,
    )
    return dataclasses.replace(c, planted=(hollow,)), f"a hollow of {volume:.2f} m³"


def _floor(c: Consignment, items: Sequence[Item], rng: np.random.Generator) -> tuple[Consignment, str]:
    """A false floor with something under it."""
    box = CONTAINERS[c.goods.container]
    material, density = _UNDERFLOOR[int(rng.integers(0, len(_UNDERFLOOR)))]
    height = float(rng.uniform(0.08, 0.20))
    volume = box.inner_length * box.inner_depth * height
    kg = round(min(volume * 1000 * density * float(rng.uniform(0.35, 0.7)), rng.uniform(2000, 3000)), 0)
    floor = DoubleFloor(height, material, kg)
    return dataclasses.replace(
        c, planted=(floor,)
    ), f"{kg:.0f} kg of {material} under a floor {height:.2f} m up"


def _short(c: Consignment, items: Sequence[Item], rng: np.random.Generator) -> tuple[Consignment, str]:
    """The declared packages, each 15 to 40 % too light."""
    share = 1 - float(rng.uniform(0.15, 0.40))
    inside = Inside(c.goods, round(c.kg * share, 1), c.packages, filling=share)
    return dataclasses.replace(c, travels=inside), f"packages weigh {share:.0%} of what is declared"


def _recount(c: Consignment, items: Sequence[Item], rng: np.random.Generator) -> tuple[Consignment, str]:
    """15 to 40 % more or fewer packages declared than travel."""
    factor = 1 + float(rng.uniform(0.15, 0.40)) * (1 if rng.random() < 0.5 else -1)
    declared = max(round(c.packages * factor), 1)
    inside = Inside(c.goods, c.kg, c.packages)
    return (
        dataclasses.replace(c, packages=declared, travels=inside),
        f"{declared} packages declared, {c.packages} travel",
    )


_HOW: dict[str, Callable[[Consignment, Sequence[Item], np.random.Generator], tuple[Consignment, str]]] = {
    "inserted_object": _insert,
    "swapped_goods": _swap,
    "partial_load": _part,
    "void": _hollow,
    "wrong_packages": _recount,
    "double_floor": _floor,
    "short_weight": _short,
}


def _others(goods: Item, items: Sequence[Item]) -> list[Item]:
    """Goods of the same kind of box that are packed otherwise."""
    return [i for i in items if i.container == goods.container and i.packing != goods.packing]


def _level(c: Consignment) -> float:
    """Mean fill height, metres."""
    box = CONTAINERS[c.goods.container]
    return c.kg / c.goods.density / (box.inner_length * box.inner_depth)
