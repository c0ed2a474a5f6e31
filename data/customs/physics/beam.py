"""Linear-accelerator beams and what a detector makes of them: areal density in, transmission out.

Spectrum: Schiff's thin-target bremsstrahlung integrated over angle (H. W. Koch and J. W. Motz, Rev. Mod.
Phys. 31 (1959) 920, formula 3BS(e)), hardened by a tungsten target. Detector: the energy that a
cadmium tungstate crystal stops, current mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from customs.physics import tube
from customs.physics.attenuation import mass_attenuation

BEAMS_MV: Mapping[str, float] = {"4MV": 4.0, "6MV": 6.0, "9MV": 9.0}

_ELECTRON_MEV = 0.510999
_TUNGSTEN = 74
_TARGET_G_CM2 = 1.5  # about 0.8 mm of tungsten
_CRYSTAL_G_CM2 = 2.0 * 7.9  # 2 cm of CdWO4
_CRYSTAL = {"Cd": 0.312, "W": 0.510, "O": 0.178}
_FINE = 364
# Bins that the transmission of 0 to 300 g/cm² needs to stay within 1e-3 of the fine spectrum in -ln T.
_BINS = 14
_BLOCK = 8192


def schiff(energies_mev: npt.ArrayLike, endpoint_mev: float) -> npt.NDArray[np.float64]:
    """Photons per MeV, up to a factor, of bremsstrahlung with the given endpoint (kinetic) energy."""
    k = np.asarray(energies_mev, dtype=np.float64) / _ELECTRON_MEV
    start = endpoint_mev / _ELECTRON_MEV + 1.0
    end = np.maximum(start - k, 1e-9)
    screening = _TUNGSTEN ** (1 / 3) / 111.0
    b = 2 * start * end * screening / k
    log_m = -np.log((k / (2 * start * end)) ** 2 + screening**2)
    share = end / start
    first = (1 + share**2 - 2 * share / 3) * (log_m + 1 - 2 / b * np.arctan(b))
    second = share * (
        2 / b**2 * np.log1p(b**2) + 4 * (2 - b**2) / (3 * b**3) * np.arctan(b) - 8 / (3 * b**2) + 2 / 9
    )
    return np.where(k < start - 1.0, np.maximum(first + second, 0.0) / k, 0.0)


def signal(energies_mev: npt.ArrayLike, endpoint_mev: float) -> npt.NDArray[np.float64]:
    """Detector signal per MeV of an open beam, up to a factor."""
    energies = np.asarray(energies_mev, dtype=np.float64)
    hardened = schiff(energies, endpoint_mev) * np.exp(-_TARGET_G_CM2 * mass_attenuation("W", energies))
    crystal = sum(share * mass_attenuation(element, energies) for element, share in _CRYSTAL.items())
    return hardened * energies * (1 - np.exp(-_CRYSTAL_G_CM2 * np.asarray(crystal)))


@lru_cache(maxsize=8)
def bins(beam: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A few photon energies (MeV) and their shares of the open signal that stand for the whole beam."""
    if beam in tube.BEAMS_KV:
        return tube.bins(beam)
    endpoint = BEAMS_MV[beam]
    edges = np.geomspace(0.1, endpoint, _FINE + 1)
    fine = np.sqrt(edges[1:] * edges[:-1])
    weight = signal(fine, endpoint) * np.diff(edges)
    weight /= weight.sum()
    group = np.minimum(np.arange(_FINE) * _BINS // _FINE, _BINS - 1)
    share = np.bincount(group, weights=weight, minlength=_BINS)
    centre = np.bincount(group, weights=weight * fine, minlength=_BINS) / share
    return np.asarray(centre, dtype=np.float64), np.asarray(share, dtype=np.float64)


def transmission(areal: Mapping[str, npt.NDArray], beam: str) -> npt.NDArray[np.float32]:
    """Share of the open signal behind the materials `areal` (g/cm² each, arrays of one shape).

    >>> round(float(transmission({"fish": np.array([27.0])}, "6MV")[0]), 2)
    0.24
    """
    energies, share = bins(beam)
    names = list(areal)
    mu = np.stack([mass_attenuation(name, energies) for name in names]).astype(np.float32)  # materials, bins
    planes = [np.asarray(areal[name], dtype=np.float32) for name in names]
    shape = planes[0].shape
    flat = [plane.reshape(-1) for plane in planes]
    through, weights = -mu.T, share.astype(np.float32)
    out = np.empty(flat[0].size, dtype=np.float32)
    for start in range(0, out.size, _BLOCK):  # what fits the processor's cache
        part = slice(start, start + _BLOCK)
        depth = through @ np.stack([plane[part] for plane in flat])  # bins, pixels
        np.exp(depth, out=depth)
        np.matmul(weights, depth, out=out[part])
    return out.reshape(shape)
