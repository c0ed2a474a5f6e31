"""What only a deep scan shows: the packing behind e⁻⁴, and how much of everything there is.

A vendor's 8-bit picture ends at five grey levels above black; 16 bits of a linac scan reach −ln T = 11. So
a 16-bit scan is described by the packing features of its deep crop too, and by 21 numbers of amount and
material.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from customs.scan import Scan
from xray_encoder.measure import Measurement
from xray_encoder.packing import CAP, FEATURES, SHAPE, packing_features
from xray_encoder.reading.container import Crop, resample

DEEPEST = 11.0  # −ln T that sixteen bits can still tell from nothing
_SCALE = 9.0  # −ln T that becomes the cap of the packing features
_LOADED = 1.0  # −ln T of the load's body, well above pallets and dunnage
_THROUGH = 7.0  # −ln T above which scatter, not the goods, makes the ratio of two beams
_LEAST = 64  # pixels to speak of a load
_PERCENTILES = (10, 25, 50, 75, 90)
_LAYERS = 8

AMOUNTS: tuple[str, ...] = (
    *(f"all_p{p}" for p in _PERCENTILES),
    *(f"load_p{p}_log" for p in _PERCENTILES),
    *(f"layer_{i}" for i in range(_LAYERS)),
    "beam_ratio",
    "heavy",
    "areal_density_log",
)
DESCRIPTION: tuple[str, ...] = (*FEATURES, *(f"deep_{name}" for name in FEATURES), *AMOUNTS)
Deep = npt.NDArray[np.float16]


def deep_crop(scan: Scan, crop: Crop) -> Deep:
    """−ln T of the cargo without walls for the lowest and, if there is one, the highest beam.

    float16 (1 or 2, `packing.SHAPE`), 0…`DEEPEST`.
    """
    top, left, bottom, right = crop.cargo
    planes = (0,) if len(scan.transmission) == 1 else (0, len(scan.transmission) - 1)
    out = np.empty((len(planes), *SHAPE), dtype=np.float16)
    for i, plane in enumerate(planes):
        t = resample(scan.transmission[plane, top:bottom, left:right], SHAPE)
        a = -np.log(np.clip(t, scan.floor, None))
        upper = a[: len(a) // 4]
        wall = crop.wall if plane == 0 else float(np.clip(np.percentile(upper, 10), 0.0, 0.5))
        out[i] = np.clip(a - np.float32(wall), 0, DEEPEST)
    return out


def describe(
    packing: npt.NDArray[np.float64], deep: Deep | None, measurement: Measurement
) -> npt.NDArray[np.float64]:
    """`DESCRIPTION` of one scan; what only a deep scan shows is zero for others."""
    if deep is None:
        return np.concatenate([packing, np.zeros(len(DESCRIPTION) - len(packing))])
    low = deep[0].astype(np.float32)
    behind = packing_features(low * np.float32(CAP / _SCALE))
    return np.concatenate([packing, behind, _amounts(low, deep, measurement)])


def _amounts(low: npt.NDArray[np.float32], deep: Deep, m: Measurement) -> npt.NDArray[np.float64]:
    load = low[low > _LOADED]
    load = load if load.size > _LEAST else np.asarray([0.5 * _LOADED], dtype=np.float32)
    through = (low > _LOADED) & (low < _THROUGH)
    ratio = 0.0
    if len(deep) > 1 and through.sum() > _LEAST:
        high = deep[-1][through].astype(np.float32)
        ratio = float(np.median(low[through] / np.maximum(high, 0.1)))
    return np.asarray(
        [
            *np.log1p(np.percentile(low, _PERCENTILES)),
            *np.log(np.percentile(load, _PERCENTILES)),
            *(np.log1p(part.mean()) for part in np.array_split(low, _LAYERS)),
            10 * ratio,
            3 * (m.heavy or 0.0),
            np.log(max(m.areal_density, 1.0)),
        ]
    )
