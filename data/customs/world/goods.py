"""The goods of the world: what they are called, cost, weigh and how they are packed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from customs.hs import HsCode
from customs.physics.container import CONTAINERS
from customs.physics.packing.templates import TEMPLATES

BULK = frozenset({"heap", "liner", "scrap"})
# Families counted in pieces, with the pieces in one package.
PIECES = {"machine": 1, "textile": 24, "goods": 12}
# Share of the gross weight that is packing, by template; what is not here has the first figure.
_PACKING_SHARE = {
    "": 0.05,
    "heap": 0.0,
    "liner": 0.004,
    "scrap": 0.0,
    "bars": 0.003,
    "logs": 0.0,
    "vehicles": 0.0,
}
_PACKING_SHARE |= {"crates": 0.09, "garments": 0.10, "bottles": 0.08, "sacks": 0.006, "big_bags": 0.004}
_PACKING_SHARE |= {
    "bales": 0.012,
    "tyres": 0.0,
    "lumber": 0.01,
    "slabs": 0.03,
    "devices": 0.13,
    "furniture": 0.14,
}


@dataclass(frozen=True)
class Photograph:
    """How goods look: a drawn shape, its colour (#rrggbb) and a surface."""

    shape: str
    colour: str
    texture: str


@dataclass(frozen=True)
class Item:
    """One HSK item.

    price: USD/kg net at the start; duty: per cent; season: (month of the peak 1…12, amplitude of the log
    price); trend: log price per year; density: kg/m³ as packed; size: package (width, height), metres;
    origins: ISO alpha-2 to its share of the trade.
    """

    hsk: HsCode
    en: str
    ko: str
    family: str
    packing: str
    material: str
    container: str
    package_kg: float
    density: float
    size: tuple[float, float]
    price: float
    duty: float
    season: tuple[int, float]
    trend: float
    origins: Mapping[str, float]
    photo: Photograph
    names_en: tuple[str, ...]
    names_ko: tuple[str, ...]
    details_en: tuple[str, ...]
    details_ko: tuple[str, ...]
    core: bool = False

    @property
    def bulk(self) -> bool:
        """True for goods without packages."""
        return self.packing in BULK

    @property
    def packing_share(self) -> float:
        """Share of the gross weight that is not goods."""
        return _PACKING_SHARE.get(self.packing, _PACKING_SHARE[""])

    @property
    def capacity_kg(self) -> float:
        """What one container takes: the road's limit or its room, whichever comes first."""
        box = CONTAINERS[self.container]
        if self.packing == "vehicles":
            return 3 * self.package_kg
        room = box.inner_length * box.inner_depth * (box.inner_height - 0.15) * self.density
        return min(box.payload_kg, room * 0.93)


@dataclass(frozen=True)
class Catalogue:
    """All items, in the order of the file, and the wording of the codes above them."""

    items: tuple[Item, ...]
    parents: Mapping[str, tuple[str, str]]

    @property
    def core(self) -> Catalogue:
        """The few items that a tiny world has: the packings of public real scans, and seafood."""
        return Catalogue(tuple(item for item in self.items if item.core), self.parents)


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Read and check goods.toml."""
    raw = tomllib.loads(Path(__file__).with_name("goods.toml").read_text(encoding="utf-8"))
    parents = {digits: (en, ko) for digits, (en, ko) in raw["parents"].items()}
    return Catalogue(tuple(_item(entry) for entry in raw["item"]), parents)


def _item(raw: Mapping[str, Any]) -> Item:
    values: dict[str, Any] = {
        **raw,
        "hsk": HsCode(raw["hsk"]),
        "season": (raw["season"]["peak"], raw["season"]["amplitude"]),
        "photo": Photograph(**raw["photo"]),
    }
    values |= {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    item = Item(**values)
    assert item.packing in TEMPLATES, item.packing
    assert item.container in CONTAINERS, item.container
    return item
