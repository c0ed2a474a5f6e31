"""What a container carries, before anyone knows how it is packed."""

from __future__ import annotations

from dataclasses import dataclass

from customs.physics.container import Container


@dataclass(frozen=True)
class Load:
    """Goods in one container.

    kg: with packing. packages: how many. density: kg/m³ as packed. size: (width, height) of a package in
    metres. tidy: 0 (thrown in) to 1 (stacked by a ruler), the packer's habit. block: how many packages the
    packer stacks side by side before leaving a gap.
    """

    material: str
    kg: float
    packages: int
    density: float
    size: tuple[float, float]
    tidy: float = 0.8
    block: int = 1


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

    def level(self, load: Load, share: float = 1.0) -> float:
        """Mean fill height (m) of `load` over `share` of the length, at most the room's height."""
        return min(load.kg / load.density / (self.length * share * self.depth), self.height)
