"""X-ray tubes of parcel scanners: the spectrum at 160 kVp and what a dual-energy detector makes of it.

Spectrum: Kramers' bremsstrahlung of a thick tungsten target (H. A. Kramers, Phil. Mag. 46 (1923) 836) with
tungsten's K lines, behind filters. Detector: two layers of caesium iodide with copper between them: the
thin one in front takes the soft part of the beam ("low"), the thick one behind it the hard part ("high"). The
copper is as thick as needed for 27 g/cm² of fish to transmit .0055 and .0096 (published: .0055 and .0095).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from customs.physics.kilovolt import element_attenuation

# name: (kilovolts, layer of the detector)
BEAMS_KV: Mapping[str, tuple[float, str]] = {"160kV-low": (160.0, "low"), "160kV-high": (160.0, "high")}

# keV and relative strength of tungsten's K lines: alpha 1 and 2, beta 1 and 2.
_LINES = ((59.32, 1.0), (57.98, 0.58), (67.24, 0.33), (69.1, 0.09))
_LINE_SHARE = 0.12  # of all photons, at 160 kVp before the filters
_ALUMINIUM_G_CM2 = 0.3 * 2.70
_COPPER_G_CM2 = 0.05 * 8.96
_FRONT_G_CM2 = 0.02 * 4.51
_BETWEEN_G_CM2 = 0.045 * 8.96
_BACK_G_CM2 = 0.4 * 4.51
_CSI = {"Cs": 0.5115, "I": 0.4885}
_FINE = 560
_BINS = 28


def photons(energies_kev: npt.ArrayLike, kilovolts: float) -> npt.NDArray[np.float64]:
    """Photons per keV of a filtered tube, up to a factor."""
    energies = np.asarray(energies_kev, dtype=np.float64)
    bremsstrahlung = np.where(energies < kilovolts, kilovolts / energies - 1.0, 0.0)
    total = kilovolts * np.log(kilovolts / 20.0) - (kilovolts - 20.0)  # its integral from 20 keV
    lines = np.zeros_like(energies)
    if kilovolts > 69.53:
        strength = sum(share for _, share in _LINES)
        for line, share in _LINES:
            width = 0.8
            lines += share / strength * np.exp(-0.5 * ((energies - line) / width) ** 2) / (width * 2.5066)
    raw = bremsstrahlung + lines * total * _LINE_SHARE / (1 - _LINE_SHARE)
    filters = _ALUMINIUM_G_CM2 * element_attenuation("Al", energies)
    filters = filters + _COPPER_G_CM2 * element_attenuation("Cu", energies)
    return np.asarray(raw * np.exp(-filters), dtype=np.float64)


def signal(energies_kev: npt.ArrayLike, beam: str) -> npt.NDArray[np.float64]:
    """Detector signal per keV of an open beam, one of `BEAMS_KV`, up to a factor."""
    kilovolts, layer = BEAMS_KV[beam]
    energies = np.asarray(energies_kev, dtype=np.float64)
    crystal = sum(share * element_attenuation(symbol, energies) for symbol, share in _CSI.items())
    crystal = np.asarray(crystal)
    if layer == "low":
        stopped = 1 - np.exp(-_FRONT_G_CM2 * crystal)
    else:
        before = _FRONT_G_CM2 * crystal + _BETWEEN_G_CM2 * element_attenuation("Cu", energies)
        stopped = np.exp(-before) * (1 - np.exp(-_BACK_G_CM2 * crystal))
    return np.asarray(photons(energies, kilovolts) * energies * stopped)


@lru_cache(maxsize=4)
def bins(beam: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A few photon energies (MeV) and their shares of the open signal that stand for the whole beam."""
    kilovolts, _ = BEAMS_KV[beam]
    edges = np.linspace(20.0, kilovolts, _FINE + 1)
    fine = (edges[1:] + edges[:-1]) / 2
    weight = signal(fine, beam)
    weight /= weight.sum()
    group = np.arange(_FINE) * _BINS // _FINE
    share = np.bincount(group, weights=weight, minlength=_BINS)
    centre = np.bincount(group, weights=weight * fine, minlength=_BINS) / np.maximum(share, 1e-300)
    kept = share > 1e-9
    return np.asarray(centre[kept] / 1000.0), np.asarray(share[kept] / share[kept].sum())
