"""Something compact that stands out of the load: a block denser than what is beside and above it.

Regular loads repeat along the container: what stands at one place stands, at the same height, a little
further left or right too. So a patch is compared with its neighbours at its own height, of which two may be
even denser (the next column, the other side of a step), and with what lies above it. Nothing is learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from xray_encoder.holdout import Reference
from xray_encoder.inserted import Standouts, peak
from xray_encoder.look import Look
from xray_encoder.reading.container import resample
from xray_encoder.rivals.rival import Heat, Rival, check_references

SHAPE = (64, 192)  # rows, columns of the cargo box
_CAP = 11.0  # −ln T that a 16-bit scan can still tell from nothing
_PATCHES = ((5, 6), (7, 9), (10, 13))  # rows, columns: about 0.2, 0.3 and 0.4 m in a 40-foot container
_NEIGHBOURS = (1.3, 1.9, 2.6, 3.5, 4.6)  # to either side, in patch widths
_DENSER = 2  # neighbours that may be denser than what is called beside
_ABOVE = 1.2  # in patch heights
_RIM = 2  # pixels next to walls and floor, where steel shows
Map = npt.NDArray[np.float32]


class Contrast(Rival):
    """The peak of `standout` above what goods of the code usually have; it knows nothing of headings."""

    name = "contrast"

    def __init__(self, usual: Standouts) -> None:
        self.usual = usual

    @classmethod
    def fit(cls, references: Sequence[Reference], seed: int = 0) -> Self:
        """Learn how much each code's goods stand out by themselves."""
        check_references(references)
        peaks = [peak(_standout_of(r.look))[0] for r in references]
        return cls(Standouts.fit(peaks, [r.code for r in references]))

    def measure(self, look: Look) -> Mapping[str, float]:
        """Nothing."""
        return {}

    def inserted(self, look: Look, code: str) -> tuple[float, Heat | None]:
        """Spreads above the usual, and where it stands out."""
        values = _standout_of(look)
        return self.usual.oddness(peak(values)[0], code), self.usual.heat(values, code)


def _standout_of(look: Look) -> Map:
    a = look.canonical if look.deep is None else look.deep[0].astype(np.float32)
    return standout(-np.log(resample(np.exp(-a), SHAPE)))


def standout(depth: Map) -> Map:
    """By how much −ln T of the patch around each place exceeds that beside and above it: float32 `SHAPE`."""
    a = depth.astype(np.float64)
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
