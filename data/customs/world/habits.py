"""How an importer's goods are packed: what its containers have in common, and what its supplier adds."""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from customs.physics.container import CONTAINERS
from customs.physics.load import Load
from customs.world.consignment import Consignment, Inside
from customs.world.goods import Item
from customs.world.kin import KinGenerator
from customs.world.people import seller_name

# Packings that fill the depth row by row, so that what the picture shows times the rows is the package count.
IN_ROWS = frozenset({"cartons", "meat", "crates", "garments", "bales", "sacks", "big_bags"})
_PALLETS = ("wood", "euro", "plastic", "slip")
_ON_PALLETS = 0.35  # share of importers whose cartons come on pallets
# Clothes that may come on hangers.
HANGING = frozenset({"6203"})
# Metres between columns that the templates leave, which thin the load but not the packages.
_JOINT = {"cartons": 0.016, "meat": 0.022, "crates": 0.01}
# What two containers share of their draws: of one importer, of one supplier, of one lot (besides the others).
_IMPORTER, _SUPPLIER, _LOT = 0.25, 0.10, 0.60


@dataclass(frozen=True)
class Habit:
    """What an importer's supplier does with one item, every time.

    tidy, block, pattern, doors and pallet as in `Load`; hung: clothes hang instead of lying in cartons; size:
    factors of a package's width and height; seeds: of the importer's and the supplier's draws.
    """

    tidy: float
    block: int
    pattern: float
    doors: float
    pallet: str
    hung: bool
    size: tuple[float, float]
    seeds: tuple[tuple[int, ...], tuple[int, ...]]


def habit(c: Consignment, seed: int, stream: int) -> Habit:
    """The habit behind a consignment; `stream` keeps it apart from the world's other draws."""
    code = int(c.goods.hsk.digits)
    buyer = (seed, stream, _number(c.importer.name), code)
    seller = (seed, stream, _number(c.seller), code)
    theirs, ours = np.random.default_rng(seller), np.random.default_rng(buyer)
    wide, tall = (0.015 * ours.standard_normal(2) + 0.01 * theirs.standard_normal(2)).tolist()
    block = c.importer.block if ours.random() < 0.7 else int(theirs.integers(1, 4))
    tidy = c.importer.tidy + 0.06 * ours.standard_normal() + 0.05 * theirs.standard_normal()
    bricks = float(ours.uniform(0.4, 1.0)) if ours.random() < 0.35 else 0.0
    pallet = _PALLETS[int(theirs.integers(0, len(_PALLETS)))] if ours.random() < _ON_PALLETS else "none"
    return Habit(
        tidy=float(np.clip(tidy, 0.2, 1.0)),
        block=block,
        pattern=bricks,
        doors=float(max(ours.uniform(-0.3, 0.7), 0.0)),
        pallet=pallet,
        hung=bool(ours.random() < 0.3),
        size=(float(np.exp(wide)), float(np.exp(tall))),
        seeds=(buyer, seller),
    )


def packer(c: Consignment, found: Habit, own: Sequence[int], lot: Sequence[int] | None) -> KinGenerator:
    """The draws of one container's packing: alike within an importer, nearly the same within a lot."""
    kin: list[tuple[Sequence[int], float]] = [(found.seeds[0], _IMPORTER), (found.seeds[1], _SUPPLIER)]
    if lot is not None:
        kin.append((lot, _LOT))
    return KinGenerator(own, kin)


def load_of(inside: Inside, found: Habit, rng: np.random.Generator) -> Load:
    """How these goods are packed; the truth, whatever was declared."""
    item = inside.goods
    jitter = np.exp(0.008 * rng.standard_normal(2))
    wide, tall = (
        size * factor * float(own) for size, factor, own in zip(item.size, found.size, jitter, strict=True)
    )
    density = item.density * float(np.exp(0.025 * rng.standard_normal()))
    rows = rows_deep(item)
    if rows:  # packages of that size and weight, row behind row: their density follows
        widen = float(np.sqrt(_rows(item) / rows))
        wide, tall = wide * widen, tall * widen
        joint = 0.0 if found.pallet != "none" else _JOINT.get(item.packing, 0.0)
        depth = CONTAINERS[item.container].inner_depth
        density = item.package_kg * rows / ((wide + joint) * tall * depth)
    box = CONTAINERS[item.container]
    # a full load leaves no room for decks nor by the doors
    level = inside.kg / (density * inside.filling) / (box.inner_length * box.inner_depth)
    spare = 1 - level / (box.inner_height - 0.1)
    doors = min(found.doors * float(rng.uniform(0.8, 1.2)), max(spare - 0.05, 0.0) * box.inner_length)
    return Load(
        material=item.material,
        kg=inside.kg,
        packages=inside.packages,
        density=density * inside.filling,
        size=(wide, tall),
        tidy=float(np.clip(found.tidy + 0.04 * rng.standard_normal(), 0.2, 1.0)),
        block=found.block,
        pattern=found.pattern,
        doors=doors,
        pallet=found.pallet if spare > 0.2 + doors / box.inner_length else "none",
    )


def template_of(goods: Item, found: Habit) -> str:
    """The packing template that draws these goods."""
    return "clothes" if found.hung and goods.hsk.digits[:4] in HANGING else goods.packing


def rows_deep(item: Item) -> int:
    """Packages one behind the other from wall to wall; 0 where they do not stand in rows."""
    if item.packing not in IN_ROWS:
        return 0
    # bales fill the box up to its roof: rather a row more than a tier too many
    return math.ceil(_rows(item)) if item.packing == "bales" else max(round(_rows(item)), 1)


def visible_packages(inside: Inside, found: Habit) -> int | None:
    """Packages that a side view shows, None where they do not stand in rows."""
    rows = rows_deep(inside.goods) if template_of(inside.goods, found) in IN_ROWS else 0
    return -(-inside.packages // rows) if rows else None


def with_regular_seller(c: Consignment, seed: int, stream: int, rng: np.random.Generator) -> Consignment:
    """The same consignment, from one of the two firms there that sell these goods to this importer."""
    whose = (seed, stream, _number(c.importer.name), int(c.goods.hsk.digits), _number(c.origin))
    firms = np.random.default_rng(whose)
    names = [seller_name(c.origin, firms) for _ in range(2)]
    return dataclasses.replace(c, seller=names[int(rng.random() < 0.3)])


def _rows(item: Item) -> float:
    wide, tall = item.size
    return item.density * wide * tall * CONTAINERS[item.container].inner_depth / item.package_kg


def _number(text: str) -> int:
    return zlib.crc32(text.encode("utf-8"))
