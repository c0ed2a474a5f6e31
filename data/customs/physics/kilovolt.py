"""Mass attenuation of elements from 20 to 200 keV, where the photoelectric effect counts.

NIST XCOM total attenuation with coherent scattering, cm²/g (M. J. Berger, J. H. Hubbell et al., "XCOM: Photon
Cross Sections Database", NIST Standard Reference Database 8). At a K edge both values are kept.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

_KEV = (20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0, 200.0)
_K_EDGES = {"Cd": 26.71, "I": 33.17, "Cs": 35.98, "W": 69.53, "Pb": 88.0}

# cm²/g at _KEV, with two values more where a K edge (below, above) lies between.
_XCOM = {
    "H": "0.3695 0.357 0.3458 0.3355 0.326 0.3091 0.2944 0.2651 0.2429",
    "C": "0.442 0.2562 0.2076 0.1871 0.1753 0.161 0.1514 0.1347 0.1229",
    "N": "0.6179 0.3066 0.2288 0.198 0.1817 0.1639 0.1529 0.1353 0.1233",
    "O": "0.8653 0.3779 0.2585 0.2133 0.1907 0.1679 0.1551 0.1361 0.1237",
    "Na": "2.057 0.7198 0.3969 0.2804 0.2268 0.1796 0.1585 0.1335 0.1199",
    "Mg": "2.763 0.9304 0.488 0.3292 0.257 0.1951 0.1686 0.1394 0.1245",
    "Al": "3.442 1.128 0.5684 0.3681 0.2778 0.2018 0.1704 0.1378 0.1223",
    "Si": "4.463 1.436 0.701 0.4385 0.3206 0.2228 0.1835 0.1448 0.1275",
    "S": "6.709 2.113 0.9872 0.5849 0.4052 0.2586 0.202 0.1506 0.1302",
    "Cl": "7.74 2.426 1.117 0.6483 0.4394 0.2696 0.205 0.148 0.1266",
    "K": "10.93 3.412 1.541 0.8678 0.5678 0.3251 0.2345 0.1582 0.1319",
    "Ca": "13.06 4.079 1.83 1.019 0.6579 0.3655 0.2571 0.1674 0.1376",
    "Fe": "25.68 8.176 3.629 1.957 1.205 0.5952 0.3717 0.1964 0.146",
    "Cu": "33.8 10.91 4.862 2.613 1.593 0.763 0.4585 0.2217 0.1559",
    "Cd": "19.2 8.811 50.65 37.65 17.78 9.778 5.977 2.751 1.524 0.5593 0.3039",  # K edge at 26.71 keV
    "I": "25.43 8.561 6.553 35.83 22.1 12.32 7.577 3.51 1.942 0.6978 0.3663",  # K edge at 33.17 keV
    "Cs": "28.22 9.508 5.862 31.43 23.81 13.4 8.25 3.836 2.124 0.759 0.3941",  # K edge at 35.98 keV
    "W": "65.72 22.73 10.67 5.95 3.713 2.552 11.23 7.809 4.437 1.581 0.7845",  # K edge at 69.53 keV
    "Pb": "86.37 30.32 14.36 8.042 5.02 2.419 1.91 7.684 5.549 2.015 0.9986",  # K edge at 88.00 keV
}


def element_attenuation(symbol: str, energies_kev: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """cm²/g of an element at energies within 20…200 keV, log-log between the table's points.

    Raises KeyError for an element that the table does not hold.
    """
    energies, values = _points(symbol)
    wanted = np.log(np.asarray(energies_kev, dtype=np.float64))
    return np.asarray(np.exp(np.interp(wanted, energies, values)), dtype=np.float64)


@lru_cache(maxsize=32)
def _points(symbol: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    energies = list(_KEV)
    edge = _K_EDGES.get(symbol)
    if edge is not None:
        energies = sorted([*energies, edge, edge * (1 + 1e-6)])
    values = [float(cell) for cell in _XCOM[symbol].split()]
    return np.log(np.asarray(energies)), np.log(np.asarray(values))
