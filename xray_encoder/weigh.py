"""Density and mass against what is usual and what is declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from xray_encoder.measure import Measurement
from xray_encoder.normality import prefixes

_LEAST = 3  # scans of a code before it speaks for itself
_LEAST_SPREAD = 0.03  # in log density: scanners do not agree better among themselves
_RIDGE = 1.0  # in squared terms summed over scans: how strongly the physics is held to be right
_LEAST_WEIGHED = 10  # scans with a known weight before a mass is given with an interval
_LEAST_PRIOR, _MOST_PRIOR = 0.02, 4.0  # scans: weight of a parent's correction in a code's own
_ROUNDS = 4  # of fitting the shape's and the codes' parts in turn
_OUTLIER = 0.5  # log: a reference that far from the rest is a wrong weight
_LEAST_ERROR = 0.01  # log: no weighbridge and no packing is better known
_PRIOR_FREEDOM = 6.0  # scans: weight of all codes' spread in a code's own

MASS_TERMS = ("area", "heavy", "heavy_square", "depth", "fill", "ends", "top", "bottom", "saturated")


class Weighed(Protocol):
    """What was measured on a scan; `xray_encoder.look.Look` is one."""

    @property
    def measurement(self) -> Measurement:
        """The cargo's density and mass as the ray sum has them."""


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

    def likely(self, log_density: float, count: int) -> list[tuple[str, float]]:
        """The headings that a density fits best and their probability if all were equally common."""
        known = {p: usual for p in self.of if len(p) == 4 and (usual := self.usual(p)) is not None}
        fits = {
            p: math.exp(-0.5 * ((log_density - mean) / s) ** 2) / s for p, (mean, s, _, _) in known.items()
        }
        total = sum(fits.values())
        best = sorted(fits.items(), key=lambda item: (-item[1], item[0]))[:count]
        return [(prefix, fit / total) for prefix, fit in best] if total > 0 else []


@dataclass(frozen=True)
class ByCode:
    """A number that differs from code to code: each prefix's mean, shrunk to its parent's.

    of: prefix → (shrunk mean, spread of a single scan around it, scans); "" stands for all codes.
    """

    of: Mapping[str, tuple[float, float, int]] = field(default_factory=dict)

    @classmethod
    def fit(cls, values: Sequence[float] | npt.NDArray, codes: Sequence[str]) -> ByCode:
        """One value and one code a scan; codes without digits count for all codes only."""
        by: dict[str, list[float]] = {"": [float(v) for v in values]}
        leaves: dict[str, list[float]] = {}
        for value, code in zip(values, codes, strict=True):
            leaves.setdefault(code, []).append(float(value))
            for prefix in prefixes(code):
                by.setdefault(prefix, []).append(float(value))
        if not by[""]:
            return cls()
        rest = [x - float(np.mean(own)) for own in leaves.values() for x in own]
        pooled = sum(r * r for r in rest) / max(len(rest) - len(leaves), 1)
        total = float(np.var(by[""]))
        within = max(pooled if len(rest) > len(leaves) else total, _LEAST_ERROR**2)
        # codes that differ much among themselves say little about each other
        prior = float(np.clip(within / max(total - within, 1e-9), _LEAST_PRIOR, _MOST_PRIOR))
        out: dict[str, tuple[float, float, int]] = {}
        for prefix in sorted(by, key=len):
            own = np.asarray(by[prefix])
            parent = _parent(prefix, out)
            mean = float(own.mean())
            if parent is not None:
                mean = (len(own) * mean + prior * parent) / (len(own) + prior)
            square = float(((own - mean) ** 2).sum()) if prefix else total * len(own)
            expected = within if len(prefix) >= 6 else max(total, within)
            spread = math.sqrt((square + _PRIOR_FREEDOM * expected) / (len(own) + _PRIOR_FREEDOM))
            out[prefix] = (mean, max(spread, _LEAST_ERROR), len(own))
        return cls(out)

    def usual(self, code: str) -> tuple[float, float]:
        """Mean and spread of the most specific prefix that is known; (0, 0) if nothing was fitted."""
        for prefix in (*prefixes(code), ""):
            if prefix in self.of:
                mean, spread, count = self.of[prefix]
                return mean, spread * math.sqrt(1 + 1 / (count + 1))
        return 0.0, 0.0

    def about(self) -> dict[str, list[float]]:
        """As JSON."""
        return {prefix: list(found) for prefix, found in self.of.items()}

    @classmethod
    def read(cls, about: Mapping[str, Sequence[float]]) -> ByCode:
        """What `about` wrote."""
        return cls({p: (float(m), float(s), int(n)) for p, (m, s, n) in about.items()})


@dataclass(frozen=True)
class Scale:
    """Kilograms from a measurement: the ray sum corrected by what clean declarations weighed.

    The ray sum misses what lies behind posts and floor, and adds pallets and packing: both go with the shape
    of the load (`weights` of `MASS_TERMS`). Light goods differ in hydrogen, which weighs little and hides
    much: that goes with the code (`codes`). `low` and `high` are the factors between which 90 % of held-out
    true weights lie.
    """

    weights: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(MASS_TERMS)))
    scans: int = 0
    low: float = 0.9
    high: float = 1.1
    codes: ByCode = field(default_factory=ByCode)

    @classmethod
    def fit(cls, looks: Sequence[Weighed], gross_kg: Sequence[float], codes: Sequence[str] = ()) -> Scale:
        """Log of declared ÷ measured as a sum of the load's shape (ridge) and its code (shrunk means).

        codes: digits, one for each look; without them all looks count as one code. Loads that can only be
        weighed from below count for nothing.
        """
        named = list(codes) if len(codes) else [""] * len(looks)
        y = np.asarray([math.log(kg / _mass(look)) for kg, look in zip(gross_kg, looks, strict=True)])
        middle = float(np.median(y)) if len(y) else 0.0
        used = [i for i, look in enumerate(looks) if abs(y[i] - middle) < _OUTLIER and weighable(look)]
        if not used:
            return cls()
        x = np.stack([_terms(looks[i]) for i in used])
        y, own = y[used], [named[i] for i in used]
        weights: npt.NDArray[np.float64] = np.zeros(x.shape[1])
        by, part = ByCode(), np.zeros(len(y))
        for _ in range(_ROUNDS):
            rest = y - part
            middle = float(np.median(rest)) if not by.of else 0.0
            weights = np.asarray(
                np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ (rest - middle)),
                dtype=np.float64,
            )
            by = ByCode.fit(y - x @ weights, own)
            part = np.asarray([by.usual(code)[0] for code in own])
        return cls(weights, len(used), codes=by)

    @property
    def usable(self) -> bool:
        """True once enough clean weights were seen."""
        return self.scans >= _LEAST_WEIGHED

    def kilograms(self, look: Weighed, code: str = "") -> float | None:
        """Best estimate of the gross weight of a load of `code` (digits); None where it cannot be weighed."""
        return _mass(look) * self._factor(look, code) if weighable(look) else None

    def interval(self, look: Weighed, code: str = "") -> tuple[float, float, float] | None:
        """(low, best, high) in kg, wider for codes whose loads differ more; None if it cannot be weighed."""
        best = self.kilograms(look, code)
        if best is None:
            return None
        wider = self.spread(code) / self.spread("")
        return best * self.low**wider, best, best * self.high**wider

    def at_least(self, look: Weighed) -> float | None:
        """Kilograms that a load surely weighs of which parts let nothing through; None without pixel size."""
        m = look.measurement
        if m.mass_kg is None or not m.areal_density > 0:
            return None
        return m.mass_kg * min(self.low, 1.0) if self.usable else 0.8 * m.mass_kg

    def spread(self, code: str) -> float:
        """Usual error of the mass, in logs, for loads of a code."""
        return self.codes.usual(code)[1] or _LEAST_ERROR

    def oddness(self, look: Weighed, declared_kg: float, code: str = "") -> float:
        """How far a declared gross weight is from the measured one, in usual errors of the code's loads.

        Where the scan gives only a lower bound: how far the declared weight is below it (0 if it is not).
        NaN where the scan cannot be weighed at all or nothing was declared. The two kinds are told apart by
        `weighable`; calibrate them as groups of their own, bounds are nearly always 0.
        """
        if not declared_kg > 0:
            return float("nan")
        best = self.kilograms(look, code)
        if best is not None:
            return abs(math.log(declared_kg / best)) / self.spread(code)
        least = self.at_least(look)
        if least is None:
            return float("nan")
        return max(math.log(least / declared_kg), 0.0) / self.spread(code)

    def tensors(self) -> dict[str, npt.NDArray]:
        """Arrays to save."""
        return {"scale_weights": self.weights}

    def about(self) -> dict[str, Any]:
        """The rest, as JSON."""
        return {"scans": self.scans, "low": self.low, "high": self.high, "codes": self.codes.about()}

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> Scale:
        """What `tensors` and `about` wrote."""
        return cls(
            np.asarray(tensors["scale_weights"], dtype=np.float64),
            int(about["scans"]),
            float(about["low"]),
            float(about["high"]),
            ByCode.read(about["codes"]),
        )

    def _factor(self, look: Weighed, code: str) -> float:
        off = float(_terms(look) @ self.weights) + self.codes.usual(code)[0]
        return math.exp(min(max(off, -1.5), 1.5))


def weighable(look: Weighed) -> bool:
    """True if the scan shows a load and the beam, energy and pixel size to weigh it by."""
    m = look.measurement
    return m.mass_kg is not None and m.mass_kg > 1.0 and m.areal_density > 0 and not m.bound


def _parent(prefix: str, known: Mapping[str, tuple[float, float, int]]) -> float | None:
    for shorter in (*prefixes(prefix)[1:], "") if prefix else ():
        if shorter in known:
            return known[shorter][0]
    return None


def _mass(look: Weighed) -> float:
    assert look.measurement.mass_kg is not None
    return look.measurement.mass_kg


def _terms(look: Weighed) -> npt.NDArray[np.float64]:
    """What the ray sum is off by: walls looked through, material, and what continues behind the rim."""
    m, mass = look.measurement, _mass(look)
    heavy = m.heavy or 0.0
    ends, top, bottom = (min(share, 3.0) for share in m.rim)
    return np.asarray(
        [
            min(100.0 * (m.area_m2 or 0.0) / mass, 3.0),  # about 0.1 for a full container, 1 for a light one
            heavy,
            heavy * heavy,
            math.log(max(m.areal_density, 1.0) / 80.0) / 2,
            m.fill - 0.7,
            0.5 * (ends - 1.0),
            0.5 * (top - 0.5),
            0.5 * (bottom - 1.0),
            20.0 * m.saturated,
        ]
    )
