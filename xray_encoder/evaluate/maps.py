"""Measured areal density against a published map of the same scan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from customs.scan import Scan
from xray_encoder.measure import areal_density_map
from xray_encoder.reading import find_siblings, read_scan_files

MAP = "_lambda.npy"


def has_maps(folder: Path) -> bool:
    """True for a folder with scans beside `NAME_lambda.npy`, their areal density in g/cm²."""
    return folder.is_dir() and any(folder.glob(f"*{MAP}"))


def evaluate_maps(folder: Path) -> dict[str, Any]:
    """How far the sum of areal density is from the published map's, as a share, by scan and energies used."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob(f"*{MAP}")):
        published = np.load(path, allow_pickle=False).astype(np.float64)
        name = path.name.removesuffix(MAP)
        scan = read_scan_files(_planes(folder, name))
        rows: dict[str, float] = {}
        for energies, part in _parts(scan):
            rows[energies] = float(areal_density_map(part).total / published.sum() - 1.0)
        found[name] = rows
    return found


def _planes(folder: Path, name: str) -> list[Path]:
    first = next(p for p in sorted(folder.glob(f"{name}_*.tif")))
    return find_siblings(first)


def _parts(scan: Scan) -> Iterator[tuple[str, Scan]]:
    yield "+".join(scan.energies), scan
    if len(scan.energies) > 1:
        for i, energy in enumerate(scan.energies):
            yield (
                energy,
                Scan(
                    scan.transmission[i : i + 1].copy(),
                    energies=(energy,),
                    bit_depth=scan.bit_depth,
                    pixel_pitch_m=scan.pixel_pitch_m,
                    degraded=scan.degraded,
                ),
            )
