"""The container that is unlike the others of its lot.

Containers of one lot hold the same goods, packed by the same hands: they differ less than scans of one code
do. How much less, and in what, is learned from past lots (`Spread`); a scan is then asked whether it is
likelier as one more of this lot or as anything that comes through the port. With few others the lot's own
place is uncertain, which the model counts in: two containers must differ more than ten and one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from xray_encoder.spread import Spread, features

_FREEDOM = 3.0  # of the t-distribution: half-empty containers at the end of a lot are usual
_STEPS = 12  # of Weiszfeld's iteration for the spatial median
_LEAST_GROUPS = 2


@dataclass(frozen=True, eq=False)
class Lots:
    """How containers of one lot differ. groups, scans: how many lots of two or more it was learned from."""

    spread: Spread
    groups: int
    scans: int

    @classmethod
    def fit(cls, x: npt.ArrayLike, lots: Sequence[str]) -> Lots:
        """Learn from past scans x (n, d); `lots` names each row's lot, "" for a scan of none.

        Without lots in the data, importer and code together do: `f"{importer}/{code}"`.

        Raises:
            InvalidValue: fewer than two lots have two scans.
        """
        rows = features(x)
        counts: dict[str, int] = {}
        for name in lots:
            if name:
                counts[name] = counts.get(name, 0) + 1
        several = [count for count in counts.values() if count > 1]
        if len(several) < _LEAST_GROUPS:
            raise InvalidValue(
                f"{len(several)} lots have two scans or more",
                field="lots",
                remedy="give past scans of at least two lots of two containers each",
            )
        return cls(Spread.fit(rows, lots), len(several), sum(several))

    def oddness(self, x: npt.ArrayLike, others: npt.ArrayLike) -> float:
        """How much likelier the scan x (d,) is anything else than one more of its lot, in nats.

        others: (m, d), the lot's other containers. NaN if there are none.
        """
        rest = np.asarray(others, dtype=np.float64)
        if rest.size == 0:
            return float("nan")
        return self._odd(self.spread(x), self.spread(features(rest)))

    def each(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Oddness of every container of one lot x (m, d) against the others: (m,), NaN for a lot of one."""
        y = self.spread(features(x))
        if len(y) < 2:
            return np.full(len(y), np.nan)
        return np.asarray([self._odd(y[i], np.delete(y, i, axis=0)) for i in range(len(y))])

    def _odd(self, y: npt.NDArray, others: npt.NDArray) -> float:
        """Two-covariance likelihood ratio with t tails: y (k,), others (m, k)."""
        m, between = len(others), self.spread.between
        known = between / (between + 1.0 / m)  # how far the others tell where their lot lies
        place, doubt = known * centre_of(others), known / m
        same = _minus_log_t((y - place) ** 2 / (1.0 + doubt), 1.0 + doubt)
        anything = _minus_log_t(y**2 / (1.0 + between), 1.0 + between)
        return float(same - anything)

    def tensors(self) -> dict[str, npt.NDArray]:
        """Arrays for an artefact."""
        return self.spread.tensors()

    def about(self) -> dict[str, Any]:
        """JSON for an artefact."""
        return {"groups": self.groups, "scans": self.scans}

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> Lots:
        """Restore what `tensors` and `about` gave."""
        return cls(Spread.read(tensors, {}), int(about["groups"]), int(about["scans"]))


def centre_of(points: npt.NDArray) -> npt.NDArray[np.float64]:
    """Spatial median (k,) of points (m, k): up to half of them may lie anywhere; the mean of two."""
    if len(points) < 3:
        return np.asarray(points.mean(axis=0))
    centre = np.median(points, axis=0)
    for _ in range(_STEPS):
        weight = 1.0 / np.maximum(np.sqrt(((points - centre) ** 2).sum(axis=1)), 1e-3)
        centre = (weight[:, None] * points).sum(axis=0) / weight.sum()
    return np.asarray(centre)


def _minus_log_t(squares: npt.NDArray, variance: npt.NDArray) -> float:
    """−ln of a multivariate t density, less what does not depend on place or variance."""
    k = len(squares)
    return float(0.5 * (_FREEDOM + k) * np.log1p(squares.sum() / _FREEDOM) + 0.5 * np.log(variance).sum())
