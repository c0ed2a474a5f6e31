"""What a container carries, before anyone knows how it is packed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from customs.errors import InvalidValue
from customs.physics.container import Container

# (footprint along the container, height of the deck), metres; "none": goods stand on the floor.
PALLETS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "none": (0.0, 0.0),
        "wood": (1.2, 0.144),
        "euro": (0.8, 0.144),
        "plastic": (1.1, 0.12),
        "slip": (1.0, 0.01),
    }
)


@dataclass(frozen=True)
class Load:
    """Goods in one container.

    kg: with packing. packages: how many. density: kg/m³ as packed. size: (width, height) of a package in
    metres. tidy: 0 (thrown in) to 1 (stacked by a ruler), the packer's habit. block: how many packages the
    packer stacks side by side before leaving a gap. pattern: 0 columns, 1 bricks laid across each other's
    joints, in between by parts of a package. doors: metres left free by the doors. pallet: what cartons stand
    on, one of `PALLETS`.
    """

    material: str
    kg: float
    packages: int
    density: float
    size: tuple[float, float]
    tidy: float = 0.8
    block: int = 1
    pattern: float = 0.0
    doors: float = 0.0
    pallet: str = "none"

    def __post_init__(self) -> None:
        if self.pallet not in PALLETS:
            raise InvalidValue(
                f"there is no pallet {self.pallet!r}",
                field="pallet",
                remedy=f"choose from {', '.join(PALLETS)}",
            )
        if not (self.kg > 0 and self.density > 0 and min(self.size) > 0):
            raise InvalidValue(
                "a load needs mass, density and a package size above 0",
                field="load",
                remedy="leave the goods out for an empty container",
            )


@dataclass(frozen=True)
class Room:
    """The space a load may take: lower left corner, length, height and depth, metres."""

    x: float
    y: float
    length: float
    height: float
    depth: float

    @classmethod
    def of(cls, box: Container) -> Room:
        """All of a container's inside."""
        return cls(box.left, box.floor, box.inner_length, box.inner_height, box.inner_depth)

    def without_doors(self, load: Load) -> Room:
        """The room that the load's packer uses: at least three fifths of the length."""
        return replace(self, length=max(self.length - load.doors, 0.6 * self.length))

    def level(self, load: Load, share: float = 1.0) -> float:
        """Mean fill height (m) of `load` over `share` of the length, at most the room's height."""
        return min(load.kg / load.density / (self.length * share * self.depth), self.height)
