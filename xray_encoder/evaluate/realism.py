"""The simulator's vendor pictures beside real ones of the same heading."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from customs.physics.realism import realism
from customs.scan import Scan
from xray_encoder.holdout import Reference
from xray_encoder.packing import CAP, SHAPE
from xray_encoder.reading import find_container

_PICTURES = 12  # simulated for each heading


def evaluate_realism(references: Sequence[Reference], seed: int = 0) -> dict[str, dict[str, float | None]]:
    """By heading: roughness, period, fill and histogram of real and simulated crops, see `realism`."""
    real: dict[str, list[npt.NDArray[np.float32]]] = {}
    for one in references:
        if one.look.kind == "8-bit":
            real.setdefault(one.code[:4], []).append(one.look.canonical)
    found = realism(real, _canonical, count=_PICTURES, seed=seed)
    return {
        heading: {name: value if math.isfinite(value) else None for name, value in row.items()}
        for heading, row in found.items()
    }


def _canonical(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    scan = Scan((picture.astype(np.float32) / 255.0)[None], bit_depth=8)
    return find_container(scan).canonical(scan, SHAPE, CAP)
