"""Draws that resemble those of kin: what one packer, or one lot, has in common besides its goods.

A packing template draws many things: how high each stack is, where the gap lies, how many heaps. Two
containers of one importer share some of these draws, two of one lot nearly all; each draw by itself keeps its
distribution, so that a picture alone does not tell whether it has kin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_LARGEST = 1500  # an array larger than that, or of more than one row, is grain: nobody's habit


class KinGenerator(np.random.Generator):
    """A generator whose draws correlate with those of kin.

    `kin` pairs a seed with a weight, the weights' sum at most 1; what is left comes from `own`. A normal draw
    is the sum of everybody's in proportion to the root of the weights; a uniform draw, a whole number and a
    choice are one of them, with the weight as its chance. Draws of other kinds, and arrays of more than one
    row, are its own.
    """

    def __init__(self, own: Sequence[int], kin: Sequence[tuple[Sequence[int], float]]) -> None:
        super().__init__(np.random.PCG64(list(own)))
        weights = np.array([weight for _, weight in kin], dtype=np.float64)
        assert weights.size == 0 or (weights.min() >= 0 and weights.sum() <= 1 + 1e-9), weights
        self._seeds = [list(seed) for seed, _ in kin]
        self._singles = [np.random.default_rng(seed) for seed in self._seeds]
        self._own = np.random.default_rng([*own, 1])
        self._shares = np.append(weights, max(1.0 - float(weights.sum()), 0.0))
        self._upto = np.cumsum(self._shares)
        self._calls = 0

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """As `numpy.random.Generator.standard_normal`."""
        if not _small(size) or out is not None or dtype is not np.float64:
            return super().standard_normal(size, dtype, out)
        draws = [source.standard_normal(size) for source in self._sources(size)]
        return sum(np.sqrt(share) * draw for share, draw in zip(self._shares, draws, strict=True))

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """As `numpy.random.Generator.normal`."""
        if size is None and (np.ndim(loc) or np.ndim(scale)):
            size = np.broadcast(loc, scale).shape
        return loc + scale * self.standard_normal(size)

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """As `numpy.random.Generator.random`."""
        if not _small(size) or out is not None or dtype is not np.float64:
            return super().random(size, dtype, out)
        draws = [source.random(size) for source in self._sources(size)]
        who = np.minimum(np.searchsorted(self._upto, self._own.random(size), side="right"), len(draws) - 1)
        if size is None:
            return float(draws[int(who)])
        return np.choose(who, draws)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """As `numpy.random.Generator.uniform`."""
        if size is None and (np.ndim(low) or np.ndim(high)):
            size = np.broadcast(low, high).shape
        return low + (np.asarray(high) - low)[()] * self.random(size)

    def integers(
        self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False
    ) -> Any:
        """As `numpy.random.Generator.integers`, for plain bounds."""
        if not _small(size) or np.ndim(low) or (high is not None and np.ndim(high)):
            return super().integers(low, high, size, dtype, endpoint)
        start, stop = (0, low) if high is None else (low, high)
        drawn = start + np.floor((stop + endpoint - start) * np.asarray(self.random(size)))
        return int(drawn) if size is None else drawn.astype(dtype)

    def choice(
        self,
        a: Any,
        size: Any = None,
        replace: bool = True,
        p: Any = None,
        axis: int = 0,
        shuffle: bool = True,
    ) -> Any:
        """As `numpy.random.Generator.choice`; several without replacement are its own."""
        if size is not None:
            return super().choice(a, size, replace, p, axis, shuffle)
        options = np.arange(a) if isinstance(a, int | np.integer) else np.asarray(a)
        chances = np.full(len(options), 1 / len(options)) if p is None else np.asarray(p, dtype=np.float64)
        at = int(np.searchsorted(np.cumsum(chances), float(self.random()), side="right"))
        return options[min(at, len(options) - 1)]

    def _sources(self, size: Any) -> list[np.random.Generator]:
        # single draws follow one another; an array has a stream of its own, so that its start agrees with
        # that of a longer one and what follows stays in step
        if size is None:
            return [*self._singles, self._own]
        self._calls += 1
        return [*(np.random.default_rng([*seed, self._calls]) for seed in self._seeds), self._own]


def _small(size: Any) -> bool:
    if size is None:
        return True
    if isinstance(size, int | np.integer):
        return int(size) <= _LARGEST
    return len(size) == 1 and int(size[0]) <= _LARGEST
