"""Density and mass against what is usual and what is declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from xray_encoder.look import Look
from xray_encoder.normality import prefixes

_LEAST = 3  # scans of a code before it speaks for itself
_LEAST_SPREAD = 0.03  # in log density: scanners do not agree better among themselves
_RIDGE = 3.0  # scans: weight of "the physics is right" against the learned correction
_LEAST_WEIGHED = 10  # scans with a known weight before a mass is given with an interval

MASS_TERMS = ("one", "area", "wall_area", "heavy", "depth", "fill")


@dataclass(frozen=True)
class Densities:
    """Log of the mean areal density by code and parent, prefix → (mean, scans), and the spread within."""

    of: Mapping[str, tuple[float, int]]
    spread: float

    @classmethod
    def fit(cls, log_density: Sequence[float], codes: Sequence[str]) -> Densities:
        """Means by prefix; the spread is pooled within the most specific codes."""
        by: dict[str, list[float]] = {}
        leaf: dict[str, list[float]] = {}
        for value, code in zip(log_density, codes, strict=True):
            leaf.setdefault(code, []).append(value)
            for prefix in prefixes(code):
                by.setdefault(prefix, []).append(value)
        rest = [x - float(np.mean(members)) for members in leaf.values() for x in members]
        freedom = max(len(rest) - len(leaf), 1)
        spread = math.sqrt(sum(r * r for r in rest) / freedom) if rest else 1.0
        return cls(
            {p: (float(np.mean(v)), len(v)) for p, v in sorted(by.items())}, max(spread, _LEAST_SPREAD)
        )

    def usual(self, code: str) -> tuple[float, float, str, int] | None:
        """Mean, spread, group and size of the most specific group with enough scans; None without any."""
        for prefix in prefixes(code):
            mean, count = self.of.get(prefix, (0.0, 0))
            if count >= _LEAST:
                # a parent's codes differ among themselves: allow twice the spread within one
                wider = 1.0 if len(prefix) == len(code) else 2.0
                return mean, self.spread * wider * math.sqrt(1 + 1 / count), prefix, count
        return None

    def oddness(self, log_density: float, code: str) -> float:
        """Distance from the usual in spreads; NaN where nothing is known."""
        usual = self.usual(code)
        return float("nan") if usual is None else abs(log_density - usual[0]) / usual[1]


@dataclass(frozen=True)
class Scale:
    """Kilograms from a measurement: the ray sum corrected by what clean declarations weighed.

    The ray sum misses what lies behind posts and floor, and adds pallets and packing; both go with the
    shape of the load. `low` and `high` are the factors between which 90 % of held-out true weights lie.
    """

    weights: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(MASS_TERMS)))
    scans: int = 0
    low: float = 0.9
    high: float = 1.1

    @classmethod
    def fit(cls, looks: Sequence[Look], gross_kg: Sequence[float]) -> Scale:
        """Ridge regression of declared ÷ measured on the load's shape, around 1."""
        x = np.stack([_terms(look) for look in looks])
        y = np.asarray([kg / _mass(look) - 1.0 for kg, look in zip(gross_kg, looks, strict=True)])
        kept = np.abs(y - np.median(y)) < 0.5  # one wrong reference must not bend the scale
        penalty = np.diag([1e-6, *[_RIDGE * 0.01] * (len(MASS_TERMS) - 1)])
        return cls(np.linalg.solve(x[kept].T @ x[kept] + penalty, x[kept].T @ y[kept]), int(kept.sum()))

    @property
    def usable(self) -> bool:
        """True once enough clean weights were seen."""
        return self.scans >= _LEAST_WEIGHED

    def kilograms(self, look: Look) -> float | None:
        """Best estimate of the gross weight; None where the scan cannot be weighed."""
        if not weighable(look):
            return None
        return _mass(look) * min(max(1.0 + float(_terms(look) @ self.weights), 0.2), 5.0)


def weighable(look: Look) -> bool:
    """True if the scan shows a load and the beam, energy and pixel size to weigh it by."""
    m = look.measurement
    return m.mass_kg is not None and m.mass_kg > 1.0 and m.areal_density > 0 and not m.bound


def _mass(look: Look) -> float:
    assert look.measurement.mass_kg is not None
    return look.measurement.mass_kg


def _terms(look: Look) -> npt.NDArray[np.float64]:
    """What the ray sum is off by goes with the area of walls it looked through, and with the material."""
    m, mass = look.measurement, _mass(look)
    area = 100.0 * (m.area_m2 or 0.0) / mass  # about 0.1 for a full container, 1 for a light one
    return np.asarray(
        [
            1.0,
            area,
            area * 5.0 * look.crop.wall,
            (m.heavy or 0.0) - 0.2,
            math.log(max(m.areal_density, 1.0) / 80.0) / 2,
            float((look.canonical > 0.35).mean()) - 0.7,
        ]
    )
