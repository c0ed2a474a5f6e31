"""Something compact that stands out of the load: a block denser than what is beside and above it.

Regular loads repeat along the container: what stands at one place stands, at the same height, a little
further left or right too. So a patch is compared with its neighbours at its own height, of which two may be
even denser (the next column, the other side of a step), and with what lies above it. How much goods of one
code stand out by themselves, a compressor in every refrigerator, is learned from clean scans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.scan import Scan
from xray_encoder.normality import prefixes
from xray_encoder.reading import Crop

SHAPE = (64, 192)  # rows, columns of the cargo box
_CAP = 11.0  # −ln T that a 16-bit scan can still tell from nothing
_PATCHES = ((5, 6), (7, 9), (10, 13))  # rows, columns: about 0.2, 0.3 and 0.4 m in a 40-foot container
_NEIGHBOURS = (1.3, 1.9, 2.6, 3.5, 4.6)  # to either side, in patch widths
_DENSER = 2  # neighbours that may be denser than what is called beside
_ABOVE = 1.2  # in patch heights
_RIM = 2  # pixels next to walls and floor, where steel shows
_LEAST = 3  # scans of a code before it speaks for itself
_PRIOR_MEAN, _PRIOR_SPREAD = 2.0, 4.0  # scans: weight of all goods in one code's own
_LEAST_SPREAD = 0.02
Map = npt.NDArray[np.float32]


def standout(scan: Scan, crop: Crop) -> Map:
    """By how much −ln T of the patch around each place exceeds that beside and above it: float32 `SHAPE`."""
    a = crop.canonical(scan, SHAPE, _CAP).astype(np.float64)
    rows, columns = a.shape
    found = np.full(a.shape, -_CAP)
    for height, width in _PATCHES:
        mean = _means(a, height, width)
        beside = np.stack(
            [
                mean[:, np.clip(np.arange(columns) + side * round(f * width), 0, columns - 1)]
                for side in (-1, 1)
                for f in _NEIGHBOURS
            ]
        )
        near = np.partition(beside, -1 - _DENSER, axis=0)[-1 - _DENSER]
        above = mean[np.clip(np.arange(rows) - round(_ABOVE * height), 0, rows - 1)]
        found = np.maximum(found, mean - np.maximum(near, above))
    found[:_RIM], found[-_RIM:], found[:, :_RIM], found[:, -_RIM:] = (-_CAP,) * 4
    return found.astype(np.float32)


def peak(values: Map) -> tuple[float, float, float]:
    """The largest standout, and where: shares of the cargo's length from the left and of its height."""
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    return float(values.max()), (float(column) + 0.5) / SHAPE[1], 1.0 - (float(row) + 0.5) / SHAPE[0]


@dataclass(frozen=True)
class Standouts:
    """How much clean scans stand out: prefix → (mean, spread) of the peak; `all` holds every scan."""

    of: Mapping[str, tuple[float, float]]

    @classmethod
    def fit(cls, peaks: Sequence[float], codes: Sequence[str]) -> Standouts:
        """Mean and spread of each prefix, shrunk to those of all scans."""
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
                mean = (sum(members) + _PRIOR_MEAN * centre) / (n + _PRIOR_MEAN)
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

    def heat(self, values: Map, code: str) -> Map:
        """Where it stands out most: 1 at the peak, 0 from a third of the way above the usual."""
        top = float(values.max())
        usual = min(self.usual(code)[0], top - _LEAST_SPREAD)
        low = usual + (top - usual) / 3
        return np.clip((values - low) / (top - low), 0, 1).astype(np.float32)


def _means(a: npt.NDArray, height: int, width: int) -> npt.NDArray[np.float64]:
    """Mean over a patch around each place, edges repeated; same shape as `a`."""
    up, left = height // 2, width // 2
    padded = np.pad(a, ((up + 1, height - 1 - up), (left + 1, width - 1 - left)), mode="edge")
    padded[0], padded[:, 0] = 0.0, 0.0
    total = padded.cumsum(axis=0).cumsum(axis=1)
    sums = (
        total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    )
    return np.asarray(sums / (height * width))
