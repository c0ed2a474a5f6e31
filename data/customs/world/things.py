"""What was planted in a load, as the evaluation reads it: one row of planted.csv."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from customs.physics.container import CONTAINERS
from customs.physics.packing.planted import DoubleFloor, Hidden, Pixels, Void
from customs.world.consignment import Consignment
from customs.world.frauds import HIDDEN_DENSITY
from customs.world.pictures import Taken
from customs.world.scan_frauds import BODY, SCAN_KINDS

COLUMNS = ("declaration_id", "fraud", "material", "kg", "litres", "top", "left", "bottom", "right")


@dataclass(frozen=True)
class Thing:
    """One planted thing.

    material: of what was added, "" where something is missing; kg: added or missing, None where no weight
    changed; litres: its room, None if it has none; box: (top, left, bottom, right) in pixels of the scan as
    kept, last row and column not included, None where it has no place.
    """

    fraud: str
    material: str = ""
    kg: float | None = None
    litres: float | None = None
    box: Pixels | None = None

    def row(self, declaration: str) -> tuple[object, ...]:
        """A row of planted.csv."""
        kg = "" if self.kg is None else f"{self.kg:.1f}"
        litres = "" if self.litres is None else f"{self.litres:.1f}"
        return (declaration, self.fraud, self.material, kg, litres, *(self.box or ("",) * 4))

    @classmethod
    def of_row(cls, row: Mapping[str, str]) -> Thing:
        """Read a row of planted.csv."""
        top, left, bottom, right = (row[name] for name in COLUMNS[5:])
        box = (int(top), int(left), int(bottom), int(right)) if top else None
        kg, litres = (float(row[name]) if row[name] else None for name in ("kg", "litres"))
        return cls(row["fraud"], row["material"], kg, litres, box)


def things_of(c: Consignment, taken: Taken, frauds: tuple[str, ...]) -> Iterator[Thing]:
    """All things behind those of `frauds` that a scan can show, in the order of drawing."""
    kind = next((name for name in frauds if name in SCAN_KINDS), None)
    for thing, box in zip(c.things, taken.boxes, strict=False):
        if thing is c.hidden and isinstance(thing, Hidden):
            litres = thing.kg / HIDDEN_DENSITY[thing.material] * 1000
            yield Thing("hidden_goods", thing.material, thing.kg, litres, box)
        elif kind is None:
            continue
        elif isinstance(thing, Hidden):
            litres = thing.size[0] * thing.size[1] * thing.thick * BODY[thing.shape] * 1000
            yield Thing(kind, thing.material, thing.kg, litres, box)
        elif isinstance(thing, Void):
            depth = CONTAINERS[c.goods.container].inner_depth
            thick = depth if thing.thick is None else thing.thick
            litres = thing.size[0] * thing.size[1] * thick * 1000
            yield Thing(kind, "", taken.removed_kg, litres, box)
        elif isinstance(thing, DoubleFloor):
            room = CONTAINERS[c.goods.container]
            litres = room.inner_length * room.inner_depth * thing.height * 1000
            yield Thing(kind, thing.material, thing.kg, litres, box)
    if kind is not None and not c.planted:
        inside = c.inside
        if kind == "swapped_goods":
            yield Thing(kind, inside.goods.material, inside.kg)
        else:
            missing = c.kg - inside.kg
            yield Thing(kind, "", missing if missing > 0 else None)
