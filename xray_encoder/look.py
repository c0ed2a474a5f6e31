"""What is computed once for each scan, whoever asks: container, canonical crop, packing, measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.scan import Scan
from xray_encoder.data import kind_of
from xray_encoder.inserted import standout
from xray_encoder.measure import Measurement, measure
from xray_encoder.packing import CAP, SHAPE, packing_features
from xray_encoder.reading import Crop, find_container


@dataclass(frozen=True, eq=False)
class Look:
    """canonical: float32 `SHAPE`, −ln T of the cargo; packing: (features,); kind: see `data.kind_of`.

    standout: see `inserted.standout`; None for pictures too shallow to see into a load.
    """

    crop: Crop
    canonical: npt.NDArray[np.float32]
    packing: npt.NDArray[np.float64]
    measurement: Measurement
    kind: str
    standout: npt.NDArray[np.float32] | None = None


def look_at(scan: Scan) -> Look:
    """Find the container and take its measure."""
    crop = find_container(scan)
    canonical = crop.canonical(scan, SHAPE, CAP)
    kind = kind_of(scan)
    deep = standout(scan, crop) if kind == "16-bit" else None
    return Look(crop, canonical, packing_features(canonical), measure(scan, crop), kind, deep)


def coarse(canonical: npt.NDArray[np.float32], rows: int, columns: int) -> npt.NDArray[np.float32]:
    """The canonical crop for the backbone: means over areas, (rows, columns)."""
    from xray_encoder.reading.container import resample

    return resample(canonical, (rows, columns))
