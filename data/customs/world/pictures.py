"""The scan of a consignment and the file it is kept in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from customs.physics.container import PITCH_M
from customs.physics.load import Load
from customs.physics.packing.templates import cargo, loaded
from customs.physics.scanner import Scanner
from customs.world.consignment import Consignment

SCANNER = Scanner()


def load_of(consignment: Consignment, rng: np.random.Generator) -> Load:
    """How this importer's supplier packs these goods; the truth, whatever was declared."""
    item = consignment.goods
    wide, tall = item.size
    return Load(
        material=item.material,
        kg=consignment.kg,
        packages=consignment.packages,
        density=item.density * float(np.exp(0.03 * rng.standard_normal())),
        size=(
            wide * float(np.exp(0.02 * rng.standard_normal())),
            tall * float(np.exp(0.02 * rng.standard_normal())),
        ),
        tidy=float(np.clip(consignment.importer.tidy + 0.08 * rng.standard_normal(), 0.2, 1.0)),
        block=consignment.importer.block,
    )


def scan(consignment: Consignment, rng: np.random.Generator) -> np.ndarray:
    """Grey levels uint16 (2, height, width) of the whole container."""
    item = consignment.goods
    load = load_of(consignment, rng)
    goods = cargo(item.packing, load, item.container, rng, consignment.hidden)
    areal = loaded(
        goods,
        item.container,
        rng,
        doors_left=bool(rng.random() < 0.5),
        tilt=float(0.03 * rng.standard_normal()),
    )
    return SCANNER.expose(areal, rng)


def write_scan(path: Path, planes: np.ndarray) -> None:
    """Two-page TIFF, not compressed (noise does not pack); the description says what the pages are."""
    import tifffile

    note = json.dumps(
        {
            "energies": list(SCANNER.beams),
            "pixel_pitch_m": [PITCH_M, PITCH_M],
            "scanner": SCANNER.name,
            "view": "side",
        }
    )
    with tifffile.TiffWriter(path) as file:
        for number, plane in enumerate(planes):
            file.write(
                plane,
                photometric="minisblack",
                description=note if number == 0 else "",
                metadata=None,
                software="",
                contiguous=False,
            )
