"""How much goods of one code stand out by themselves: a compressor in every refrigerator is no contraband."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray_encoder.normality import prefixes

_LEAST = 3  # scans of a code before it speaks for itself
_PRIOR_MEAN, _PRIOR_SPREAD = 2.0, 4.0  # scans: weight of all goods in one code's own
_LEAST_SPREAD = 0.02
NETWORK_PRIOR = 32.0  # scans: a network knows most goods by itself
Map = npt.NDArray[np.float32]


def peak(values: Map) -> tuple[float, float, float]:
    """The largest standout, and where: shares of the cargo's length from the left and of its height."""
    rows, columns = values.shape
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    return float(values.max()), (float(column) + 0.5) / columns, 1.0 - (float(row) + 0.5) / rows


@dataclass(frozen=True)
class Standouts:
    """How much clean scans stand out: prefix → (mean, spread) of the peak; `all` holds every scan."""

    of: Mapping[str, tuple[float, float]]

    @classmethod
    def fit(cls, peaks: Sequence[float], codes: Sequence[str], *, prior: float = _PRIOR_MEAN) -> Standouts:
        """Mean and spread of each prefix, shrunk to those of all scans, which weigh as much as `prior` scans.

        For a network's log odds take `prior=NETWORK_PRIOR`.
        """
        everything = np.asarray(peaks, dtype=np.float64)
        centre = float(np.median(everything))
        spread = max(1.4826 * float(np.median(np.abs(everything - centre))), _LEAST_SPREAD)
        by: dict[str, list[float]] = {}
        for value, code in zip(peaks, codes, strict=True):
            for prefix in prefixes(code):
                by.setdefault(prefix, []).append(value)
        found = {"all": (centre, spread)}
        for prefix, members in sorted(by.items()):
            n = len(members)
            if n >= _LEAST:
                mean = (sum(members) + prior * centre) / (n + prior)
                squares = float(((np.asarray(members) - mean) ** 2).sum())
                own = np.sqrt((squares + _PRIOR_SPREAD * spread**2) / (n + _PRIOR_SPREAD))
                found[prefix] = (float(mean), max(float(own), _LEAST_SPREAD))
        return cls(found)

    def usual(self, code: str) -> tuple[float, float]:
        """Mean and spread of the most specific group that is known."""
        return next((self.of[p] for p in prefixes(code) if p in self.of), self.of["all"])

    def oddness(self, value: float, code: str) -> float:
        """Spreads above the usual."""
        mean, spread = self.usual(code)
        return (value - mean) / spread

    def excess(self, value: float, code: str) -> float:
        """By how much it exceeds the usual of its goods or of all goods, whichever is more.

        For a network's log odds: it knows most goods by itself, and quiet goods need no credit for being
        quiet (on planted scans, plain spreads above the usual lose two points of AUROC to this).
        """
        return value - max(self.usual(code)[0], self.of["all"][0])

    def heat(self, values: Map, code: str) -> Map:
        """Where it stands out most: 1 at the peak, 0 from a third of the way above the usual."""
        top = float(values.max())
        usual = min(self.usual(code)[0], top - _LEAST_SPREAD)
        low = usual + (top - usual) / 3
        return np.clip((values - low) / (top - low), 0, 1).astype(np.float32)
