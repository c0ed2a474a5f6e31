"""Mass attenuation of elements and of goods, 0.02 to 9 MeV.

Element values are NIST XCOM total attenuation with coherent scattering, cm²/g (M. J. Berger, J. H. Hubbell
et al., "XCOM: Photon Cross Sections Database", NIST Standard Reference Database 8). A mixture attenuates as
the sum of its elements by weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.physics.kilovolt import element_attenuation

ENERGIES_MEV = (
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.8,
    1.0,
    1.25,
    1.5,
    2.0,
    3.0,
    4.0,
    5.0,
    6.0,
    7.0,
    8.0,
    9.0,
)

LOWEST_MEV = 0.02  # below 0.1 MeV see `kilovolt`

# cm²/g at ENERGIES_MEV, one row for each element.
_XCOM = {
    "H": "0.29440 0.26510 0.24290 0.21120 0.18930 0.17290 0.15990 0.14050 0.12630 0.11290"
    " 0.10270 0.08769 0.06921 0.05807 0.05049 0.04498 0.04078 0.03746 0.03478",
    "C": "0.15140 0.13470 0.12290 0.10660 0.09547 0.08715 0.08058 0.07076 0.06362 0.05690"
    " 0.05179 0.04443 0.03563 0.03047 0.02708 0.02469 0.02291 0.02154 0.02047",
    "N": "0.15290 0.13530 0.12330 0.10680 0.09557 0.08719 0.08063 0.07081 0.06364 0.05693"
    " 0.05180 0.04450 0.03579 0.03074 0.02742 0.02511 0.02340 0.02209 0.02106",
    "O": "0.15510 0.13610 0.12370 0.10700 0.09566 0.08730 0.08070 0.07087 0.06372 0.05697"
    " 0.05185 0.04460 0.03597 0.03100 0.02777 0.02552 0.02388 0.02263 0.02166",
    "Na": "0.15850 0.13350 0.11990 0.10290 0.09186 0.08372 0.07736 0.06788 0.06100 0.05454"
    " 0.04968 0.04282 0.03488 0.03037 0.02753 0.02559 0.02421 0.02319 0.02241",
    "Mg": "0.16860 0.13940 0.12450 0.10650 0.09492 0.08647 0.07988 0.07008 0.06296 0.05629"
    " 0.05129 0.04426 0.03613 0.03159 0.02873 0.02681 0.02545 0.02445 0.02371",
    "Al": "0.17040 0.13780 0.12230 0.10420 0.09276 0.08445 0.07802 0.06841 0.06146 0.05496"
    " 0.05006 0.04324 0.03541 0.03106 0.02836 0.02655 0.02529 0.02437 0.02369",
    "Si": "0.18350 0.14480 0.12750 0.10820 0.09614 0.08748 0.08078 0.07082 0.06361 0.05688"
    " 0.05183 0.04481 0.03678 0.03240 0.02967 0.02788 0.02663 0.02574 0.02509",
    "S": "0.20200 0.15060 0.13020 0.10910 0.09665 0.08782 0.08102 0.07098 0.06373 0.05697"
    " 0.05193 0.04498 0.03715 0.03293 0.03037 0.02872 0.02760 0.02682 0.02628",
    "Cl": "0.20500 0.14800 0.12660 0.10540 0.09311 0.08453 0.07795 0.06826 0.06128 0.05478"
    " 0.04994 0.04328 0.03585 0.03188 0.02950 0.02798 0.02697 0.02628 0.02581",
    "K": "0.23450 0.15820 0.13190 0.10800 0.09495 0.08600 0.07922 0.06929 0.06216 0.05556"
    " 0.05068 0.04399 0.03666 0.03282 0.03055 0.02915 0.02825 0.02766 0.02728",
    "Ca": "0.25710 0.16740 0.13760 0.11160 0.09783 0.08851 0.08148 0.07122 0.06388 0.05709"
    " 0.05207 0.04524 0.03780 0.03395 0.03170 0.03035 0.02948 0.02892 0.02859",
    "Fe": "0.37170 0.19640 0.14600 0.10990 0.09400 0.08415 0.07704 0.06699 0.05995 0.05350"
    " 0.04883 0.04265 0.03621 0.03312 0.03146 0.03057 0.03011 0.02991 0.02987",
    "Cu": "0.45850 0.22170 0.15590 0.11190 0.09413 0.08363 0.07625 0.06606 0.05901 0.05261"
    " 0.04803 0.04205 0.03599 0.03318 0.03177 0.03108 0.03080 0.03074 0.03084",
    "Cd": "1.52400 0.55930 0.30390 0.15710 0.11290 0.09250 0.08065 0.06670 0.05826 0.05128"
    " 0.04673 0.04139 0.03698 0.03559 0.03536 0.03563 0.03620 0.03691 0.03770",
    "W": "4.43700 1.58100 0.78450 0.32380 0.19250 0.13780 0.10930 0.08066 0.06618 0.05576"
    " 0.05000 0.04433 0.04075 0.04038 0.04103 0.04210 0.04337 0.04472 0.04610",
    "Pb": "5.54900 2.01500 0.99860 0.40320 0.23230 0.16130 0.12480 0.08870 0.07102 0.05875"
    " 0.05222 0.04607 0.04234 0.04198 0.04272 0.04391 0.04528 0.04675 0.04823",
}

# Composition by weight. Foods: water, protein, fat, starch and ash in the shares of common food tables, as
# elements; the rest are chemical formulae or trade compositions. What matters at MeV energies is the
# hydrogen and the iron; the light elements attenuate alike.
_MATERIALS: dict[str, dict[str, float]] = {
    "air": {"N": 0.765, "O": 0.235},
    "water": {"H": 0.1119, "O": 0.8881},
    "fish": {
        "H": 0.105,
        "C": 0.125,
        "N": 0.031,
        "O": 0.725,
        "S": 0.003,
        "Na": 0.003,
        "K": 0.004,
        "Cl": 0.004,
    },
    "meat": {
        "H": 0.105,
        "C": 0.170,
        "N": 0.030,
        "O": 0.684,
        "S": 0.003,
        "K": 0.004,
        "Na": 0.002,
        "Cl": 0.002,
    },
    "fruit": {"H": 0.109, "C": 0.050, "N": 0.002, "O": 0.835, "K": 0.003, "Ca": 0.001},
    "starch": {"H": 0.065, "C": 0.405, "N": 0.015, "O": 0.508, "K": 0.004, "Ca": 0.003},
    "sugar": {"H": 0.0648, "C": 0.4211, "O": 0.5141},
    "nuts": {"H": 0.088, "C": 0.600, "N": 0.042, "O": 0.258, "K": 0.007, "S": 0.005},
    "meal": {"H": 0.068, "C": 0.420, "N": 0.076, "O": 0.406, "K": 0.022, "Ca": 0.004, "S": 0.004},
    "cellulose": {"H": 0.0622, "C": 0.4445, "O": 0.4933},
    "rubber": {"H": 0.085, "C": 0.755, "O": 0.015, "S": 0.015, "Fe": 0.130},
    "polyethylene": {"H": 0.1437, "C": 0.8563},
    "polyester": {"H": 0.0420, "C": 0.6250, "O": 0.3330},
    "textile": {"H": 0.055, "C": 0.520, "N": 0.010, "O": 0.415},
    "bottled": {"H": 0.072, "C": 0.030, "O": 0.720, "Na": 0.035, "Ca": 0.025, "Si": 0.118},
    "canned": {"H": 0.091, "C": 0.110, "N": 0.020, "O": 0.639, "Fe": 0.140},
    "glazed": {"O": 0.490, "Si": 0.310, "Al": 0.110, "K": 0.025, "Ca": 0.035, "Fe": 0.030},
    "granite": {"O": 0.485, "Si": 0.325, "Al": 0.075, "K": 0.040, "Na": 0.025, "Ca": 0.020, "Fe": 0.030},
    "steel": {"Fe": 0.990, "C": 0.010},
    "aluminium": {"Al": 1.0},
    "copper": {"Cu": 1.0},
    "lead": {"Pb": 1.0},
    "appliance": {"Fe": 0.560, "C": 0.280, "H": 0.035, "Cu": 0.040, "Al": 0.050, "O": 0.035},
    "electronics": {"C": 0.350, "H": 0.040, "O": 0.150, "Si": 0.120, "Al": 0.170, "Cu": 0.070, "Fe": 0.100},
    "vehicle": {"Fe": 0.680, "Al": 0.090, "C": 0.170, "H": 0.025, "Cu": 0.015, "O": 0.020},
    "furniture": {"H": 0.060, "C": 0.470, "N": 0.010, "O": 0.400, "Fe": 0.060},
}

MATERIALS: Mapping[str, Mapping[str, float]] = MappingProxyType(_MATERIALS)


def mass_attenuation(material: str, energies_mev: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """cm²/g of a material or element symbol at photon energies in MeV, log-log between the table's points.

    Energies outside 0.02…9 MeV are refused: the tables say nothing about them.

    >>> round(float(mass_attenuation("Fe", 1.0)), 5)
    0.05995
    """
    energies = np.asarray(energies_mev, dtype=np.float64)
    if energies.size and (energies.min() < LOWEST_MEV or energies.max() > ENERGIES_MEV[-1]):
        raise InvalidValue(
            f"energies run from {energies.min():g} to {energies.max():g} MeV",
            field="energy",
            remedy="stay in 0.02…9 MeV",
        )
    high = np.exp(np.interp(np.log(energies), np.log(ENERGIES_MEV), np.log(_table(material))))
    if not energies.size or energies.min() >= ENERGIES_MEV[0]:
        return high
    parts = {material: 1.0} if material in _XCOM else MATERIALS[material]
    total = sum(parts.values())
    low = sum(
        share / total * element_attenuation(element, 1000 * energies) for element, share in parts.items()
    )
    return np.where(energies < ENERGIES_MEV[0], low, high)


@lru_cache(maxsize=64)
def _table(material: str) -> npt.NDArray[np.float64]:
    if material in _XCOM:
        return np.array(_XCOM[material].split(), dtype=np.float64)
    if material not in MATERIALS:
        raise InvalidValue(
            f"there is no material {material!r}",
            field="material",
            remedy=f"choose from {', '.join(MATERIALS)}",
        )
    parts = MATERIALS[material]
    total = sum(parts.values())
    return np.asarray(sum(share / total * _table(element) for element, share in parts.items()))
