"""The scan of a consignment and the file it is kept in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from customs.physics.container import PITCH_M
from customs.physics.packing.planted import Packed, Pixels, picture_box
from customs.physics.packing.templates import loaded, packed
from customs.physics.scanner import Scanner
from customs.physics.vendor import vendor_picture
from customs.world.consignment import Consignment
from customs.world.gates import Gate
from customs.world.habits import habit, load_of, packer, template_of


@dataclass(frozen=True)
class Streams:
    """The seed of the world and the numbers of the streams that pictures draw from."""

    seed: int
    scans: int
    habits: int
    lots: int


@dataclass(frozen=True)
class Passage:
    """The gate a container is driven through, and whether only the vendor's picture of it is kept."""

    gate: Gate
    vendor: bool

    @property
    def suffix(self) -> str:
        """Of the scan's file."""
        return ".jpg" if self.vendor else ".tif"


@dataclass(frozen=True, eq=False)
class Taken:
    """A scan: grey levels uint16 (energies, height, width) of the whole container, and the scanner.

    picture: the vendor's, uint8 (height, width), where only that is kept; boxes: where each of the
    consignment's `things` is seen, (top, left, bottom, right) in pixels; removed_kg: goods that made room.
    """

    planes: npt.NDArray[np.uint16]
    scanner: Scanner
    boxes: tuple[Pixels, ...]
    removed_kg: float
    picture: npt.NDArray[np.uint8] | None


def passages(
    consignments: Iterable[Consignment], gates: Mapping[str, Sequence[Gate]], streams: Streams
) -> list[Passage | None]:
    """Which gate each consignment with a scan was driven through; None for the others."""
    return [_passage(c, gates[c.office], streams) if c.has_scan else None for c in consignments]


def _passage(c: Consignment, gates: Sequence[Gate], streams: Streams) -> Passage:
    rng = np.random.default_rng([streams.seed, streams.scans, c.index, 2])
    gate = gates[int(rng.integers(0, len(gates)))]
    return Passage(gate, bool(rng.random() < gate.vendor_share))


def goods_of(c: Consignment, streams: Streams, pitch: float = PITCH_M) -> Packed:
    """What is in the container, packed as this importer's supplier packs it; pixels of `pitch` metres."""
    lot = None if c.lot is None else (streams.seed, streams.lots, c.lot)
    found = habit(c, streams.seed, streams.habits)
    rng = packer(c, found, (streams.seed, streams.scans, c.index), lot)
    inside = c.inside
    load = load_of(inside, found, rng)
    template = template_of(inside.goods, found)
    return packed(template, load, inside.goods.container, rng, c.things, pitch=pitch)


def take(c: Consignment, way: Passage, streams: Streams) -> Taken:
    """Drive a container through a gate."""
    rng = np.random.default_rng([streams.seed, streams.scans, c.index, 1])
    doors_left = bool(rng.random() < 0.5)
    tilt = float(0.03 * rng.standard_normal())
    kind, scanner = c.goods.container, way.gate.scanner
    pitch = scanner.pitch
    found = goods_of(c, streams, pitch) if c.inside.kg > 0 else None
    goods = None if found is None else found.goods
    areal = loaded(goods, kind, rng, doors_left=doors_left, tilt=tilt, pitch=pitch)
    boxes = () if found is None else tuple(picture_box(kind, b, doors_left, tilt, pitch) for b in found.boxes)
    planes = scanner.expose(areal, rng)
    return Taken(
        planes,
        scanner,
        boxes,
        0.0 if found is None else found.removed_kg,
        vendor_picture(planes, rng) if way.vendor else None,
    )


def write_scan(path: Path, taken: Taken) -> None:
    """The vendor's picture as JPEG, or one TIFF page for each beam and a note that says what they are.

    Not compressed: noise does not pack.
    """
    if taken.picture is not None:
        Image.fromarray(taken.picture).save(path, format="JPEG", quality=90)
        return
    import tifffile

    note = json.dumps(
        {
            "energies": list(taken.scanner.beams),
            "pixel_pitch_m": [taken.scanner.pitch, taken.scanner.pitch],
            "scanner": taken.scanner.name,
            "view": "side",
        }
    )
    with tifffile.TiffWriter(path) as file:
        for number, plane in enumerate(taken.planes):
            file.write(
                plane,
                photometric="minisblack",
                description=note if number == 0 else "",
                metadata=None,
                software="",
                contiguous=False,
            )
