"""What is computed once for each scan, whoever asks: container, crops, packing, measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.scan import Scan
from xray_encoder.data import kind_of
from xray_encoder.depth import deep_crop, describe
from xray_encoder.inserted import standout
from xray_encoder.measure import Measurement, measure
from xray_encoder.packing import CAP, SHAPE, packing_features
from xray_encoder.reading import Crop, find_container


@dataclass(frozen=True, eq=False)
class Look:
    """canonical: float32 `SHAPE`, −ln T of the cargo; packing: (features,); kind: see `data.kind_of`.

    description: (numbers,), see `depth.DESCRIPTION`.
    deep: see `depth.deep_crop`, None for pictures too shallow.
    standout: see `inserted.standout`; None for pictures too shallow to see into a load.
    """

    crop: Crop
    canonical: npt.NDArray[np.float32]
    packing: npt.NDArray[np.float64]
    measurement: Measurement
    kind: str
    description: npt.NDArray[np.float64]
    deep: npt.NDArray[np.float16] | None = None
    standout: npt.NDArray[np.float32] | None = None


def look_at(scan: Scan) -> Look:
    """Find the container and take its measure."""
    crop = find_container(scan)
    canonical = crop.canonical(scan, SHAPE, CAP)
    kind = kind_of(scan)
    packing, measurement = packing_features(canonical), measure(scan, crop)
    deep = deep_crop(scan, crop) if kind == "16-bit" else None
    return Look(
        crop,
        canonical,
        packing,
        measurement,
        kind,
        describe(packing, deep, measurement),
        deep,
        standout(scan, crop) if deep is not None else None,
    )
