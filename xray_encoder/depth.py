"""What only a deep scan shows: the packing behind e⁻⁴, and how much of everything there is.

A vendor's 8-bit picture ends at five grey levels above black; 16 bits of a linac scan reach −ln T = 11. So
a 16-bit scan is described by the packing features of its deep crop too, and by 21 numbers of amount and
material. Linacs differ: the same goods attenuate a 4 MV beam a tenth more than a 6 MV one. So −ln T of every
named beam is given as that of as much light goods in a 6 MV beam; where two beams then differ, it is the
material.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from customs.physics.beam import BEAMS_MV, transmission
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
_COMMON = "6MV"
_LIGHT = "cellulose"

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
    """−ln T of the cargo without walls for the lowest and, if there is one, the highest beam, as of 6 MV.

    float16 (1 or 2, `packing.SHAPE`), 0…`DEEPEST`.
    """
    top, left, bottom, right = crop.cargo
    planes = (0,) if len(scan.transmission) == 1 else (0, len(scan.transmission) - 1)
    out = np.empty((len(planes), *SHAPE), dtype=np.float16)
    for i, plane in enumerate(planes):
        t = resample(scan.transmission[plane, top:bottom, left:right], SHAPE)
        a = common_beam(-np.log(np.clip(t, scan.floor, None)), scan.energies[plane])
        wall = float(np.clip(np.percentile(a[: len(a) // 4], 10), 0.0, 0.5))
        out[i] = np.clip(a - wall, 0, DEEPEST)
    return out


def common_beam(attenuation: npt.NDArray, energy: str) -> npt.NDArray[np.float64]:
    """−ln T that as much light goods would have in a 6 MV beam; of an unnamed beam as it is.

    >>> round(float(common_beam(np.array([1.43]), "6MV")[0]), 2)
    1.43
    """
    if energy not in BEAMS_MV or energy == _COMMON:
        return np.asarray(attenuation, dtype=np.float64)
    own, common = _curves(energy)
    return np.asarray(np.interp(attenuation, own, common))


@lru_cache(maxsize=8)
def _curves(energy: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """−ln T of one thickness after the other in this beam and in the common one, both increasing."""
    areal = {_LIGHT: np.linspace(0.0, 450.0, 901)}
    return tuple(-np.log(transmission(areal, beam).astype(np.float64)) for beam in (energy, _COMMON))  # type: ignore[return-value]


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
