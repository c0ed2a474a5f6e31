"""The weight of a container from its grey levels, with an interval and the oddness of a declared weight."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.calibrate import Conformal
from customs.errors import DamagedArtefact, InvalidValue
from xray_encoder.weights.bins import Picture, pixel_counts, short
from xray_encoder.weights.forest import Array, Forest
from xray_encoder.weights.histograms import checked, features, weights

LEAST_SCANS = 50
_PARTS = 10  # each tenth of the scans is unseen by a tenth of the trees: that tenth judges them
_SHARPEN = 1.25  # for quantiles, likeness to a scan is raised to this: the nearest count a little more
_WIDTH, _FREEDOM = 0.15, 3.0  # of the Student-t put around each log weight: about 15 %, and heavy tails
# Without the mode, honest weights of goods that differ much are flagged most; with all of it, halved weights
# of such goods are missed.
_OF_MODE, _MODE_STEPS = 0.6, 64
_TAIL = 0.003  # density of a weight that nothing like it had: a label may be plainly wrong
_UNDER = np.log(np.asarray([0.4, 0.5, 0.6, 0.7, 0.8]))  # what under-declared weights are of true ones
_SHARE = 0.9  # of honest weights lie in the interval
_SIZES = (0.1, 0.3, 0.5, 0.7, 0.9)  # picture sizes tried for a picture of unknown scale


class Side(StrEnum):
    """Which wrong weights are looked for."""

    EITHER = "either"
    UNDER = "under"


@dataclass(frozen=True, slots=True)
class Weighing:
    """Gross cargo plus tare in kg: 90 % of honest weights lie between `low` and `high`."""

    low: float
    best: float
    high: float


@dataclass(frozen=True, eq=False)
class HistogramWeights:
    """A forest in log weight whose forecast for a scan is the weighted set of the scans like it.

    The median of that set is the weight: labels are declared weights, some plainly wrong, and many
    consignments come again with the same good in the same packing, so the mean of a leaf is worse than the
    median of the set. The oddness of a declared weight under `Side.EITHER` is minus the log density of the
    set there plus 0.6 of the log density at its mode (so it is normalised by how sure the set is); under
    `Side.UNDER` it is the log ratio of the density of its true weight being 1/0.8 … 1/0.4 of it to its own.
    `clean` holds the oddness of each fitted scan's own weight by the trees that have not seen it
    (cross-conformal; Vovk 2015), `widen` what makes the interval hold (conformalised quantiles; Romano,
    Patterson and Candès 2019). Width, power and share of the mode were chosen by five folds, two seeds.

    log_kg: (scans,); sizes: log pixel counts of fitted scans (scans,); valley: log pixel count between short
    and long containers; miss: log weight by the trees that have not seen a scan less its own (scans,).
    """

    forest: Forest
    log_kg: Array
    sizes: Array
    valley: float
    widen: float
    clean: Mapping[Side, Array]
    miss: Array

    @classmethod
    def fit(
        cls,
        counts: npt.ArrayLike,
        kg: npt.ArrayLike,
        *,
        seed: int = 0,
        trees: int = 400,
        columns: float = 0.1,
    ) -> HistogramWeights:
        """From pixel counts (scans, 15) and declared weights (scans,). Raises InvalidValue."""
        checked_counts = checked(counts)
        scans = len(checked_counts)
        log_kg = np.log(weights(kg, scans))
        if scans < LEAST_SCANS:
            raise InvalidValue(
                f"{scans} weighed scans", field="data", remedy=f"give {LEAST_SCANS} or more to learn from"
            )
        part = np.random.default_rng(seed).permutation(scans) % _PARTS
        each = max(1, math.ceil(trees / _PARTS))
        x = features(checked_counts)
        forest = Forest.fit(x, log_kg, part, trees=each, columns=columns, seed=seed)
        sizes = np.log(checked_counts.sum(axis=1))
        clean = {side: np.empty(scans) for side in Side}
        beyond, miss = np.empty(scans), np.empty(scans)
        for k in range(_PARTS):
            unseen = np.flatnonzero(part == k)
            leaves = forest.leaves(x[unseen], slice(k * each, (k + 1) * each))
            for i, row in zip(unseen, leaves, strict=True):
                like = _Like.of(forest.alike(row), log_kg)
                for side in Side:
                    clean[side][i] = like.oddness(float(log_kg[i]), side)
                low, best, high = like.quantiles()
                miss[i] = best - log_kg[i]
                beyond[i] = max(low - log_kg[i], log_kg[i] - high)
        rank = min(math.ceil(_SHARE * (scans + 1)), scans) - 1
        return cls(forest, log_kg, sizes, _valley(sizes), float(np.sort(beyond)[rank]), clean, miss)

    def weigh(self, counts: npt.ArrayLike) -> list[Weighing]:
        """The weight of each histogram (scans, 15)."""
        return [self._weighing(like) for like in self._likes(checked(counts))]

    def oddness(self, counts: npt.ArrayLike, kg: npt.ArrayLike, side: Side = Side.EITHER) -> Array:
        """How odd each declared weight is, in the shape of `kg`: (scans,) or (scans, weights to try).

        NaN where a weight is not a number above zero.
        """
        rows = checked(counts)
        declared = np.atleast_1d(np.asarray(kg, dtype=np.float64))
        if declared.ndim > 2 or len(declared) != len(rows):
            raise InvalidValue(
                f"{len(rows)} scans, weights {declared.shape}",
                field="kg",
                remedy="give a weight for each scan",
            )
        found = np.empty(declared.shape)
        for i, like in enumerate(self._likes(rows)):
            found[i] = np.reshape([_odd(like, kg, side) for kg in declared[i : i + 1].flat], found[i].shape)
        return found

    def calibration(self, side: Side = Side.EITHER) -> Conformal:
        """The oddness of honest weights, each judged by trees that had not seen it."""
        clean = self.clean[side]
        return Conformal.fit(clean, [("all",)] * len(clean))

    def kilograms(self, picture: Picture) -> tuple[float, float, float] | None:
        """(low, best, high) kg of an 8-bit picture cropped to its container; None where it cannot be weighed.

        The size of a pixel is unknown there, so the picture is weighed at the sizes that containers of its
        length had among the fitted ones, together.
        """
        like = self._picture(picture)
        if like is None:
            return None
        found = self._weighing(like)
        return found.low, found.best, found.high

    def picture_oddness(self, picture: Picture, kg: float, side: Side = Side.EITHER) -> float:
        """How odd a declared gross weight with tare is for a picture; NaN where it cannot be weighed."""
        like = self._picture(picture)
        return float("nan") if like is None else _odd(like, kg, side)

    def _likes(self, counts: Array) -> Iterable[_Like]:
        for row in counts:  # one by one: a scan alone and in a batch is then the same to the last bit
            leaves = self.forest.leaves(features(row[None]))
            yield _Like.of(self.forest.alike(leaves[0]), self.log_kg)

    def _picture(self, picture: Picture) -> _Like | None:
        counts = pixel_counts(picture)
        if counts is None:
            return None
        mine = self.sizes[(self.sizes < self.valley) == short(picture)]
        totals = np.exp(np.quantile(mine if len(mine) else self.sizes, _SIZES))
        x = features(counts[None] / counts.sum() * totals[:, None])
        return _Like.of(
            np.mean([self.forest.alike(leaves) for leaves in self.forest.leaves(x)], axis=0), self.log_kg
        )

    def _weighing(self, like: _Like) -> Weighing:
        low, best, high = like.quantiles()
        return Weighing(
            math.exp(min(low - self.widen, best)), math.exp(best), math.exp(max(high + self.widen, best))
        )

    def tensors(self) -> dict[str, npt.NDArray]:
        """All arrays, to be kept."""
        own = {"log_kg": self.log_kg, "sizes": self.sizes, "miss": self.miss}
        return self.forest.tensors() | own | {f"clean_{side}": v for side, v in self.clean.items()}

    def about(self) -> dict[str, Any]:
        """All other figures, to be kept as JSON."""
        return {"valley": self.valley, "widen": self.widen}

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> HistogramWeights:
        """What `tensors` and `about` gave. Raises DamagedArtefact."""
        try:
            forest = Forest(*(tensors[name] for name in ("roots", "column", "cut", "right", "rows")))
            clean = {side: tensors[f"clean_{side}"] for side in Side}
            return cls(
                forest,
                tensors["log_kg"],
                tensors["sizes"],
                float(about["valley"]),
                float(about["widen"]),
                clean,
                tensors["miss"],
            )
        except KeyError as error:
            raise DamagedArtefact(
                f"weights from histograms lack {error}", field="model", remedy="train it again"
            ) from error


@dataclass(frozen=True, slots=True, eq=False)
class _Like:
    """The log weights of the scans like one, in order (scans,), and how like each is (sums to 1)."""

    log_kg: Array
    share: Array

    @classmethod
    def of(cls, alike: Array, log_kg: Array) -> _Like:
        some = np.flatnonzero(alike > 0)
        some = some[np.argsort(log_kg[some], kind="stable")]
        return cls(log_kg[some], alike[some] / alike[some].sum())

    def quantiles(self) -> tuple[float, float, float]:
        """Log weights that leave 5 %, 50 % and 95 % below."""
        total = np.cumsum(self.share**_SHARPEN)
        levels = np.asarray([(1 - _SHARE) / 2, 0.5, (1 + _SHARE) / 2]) * total[-1]
        low, best, high = self.log_kg[np.searchsorted(total, levels)]
        return float(low), float(best), float(high)

    def log_density(self, log_kg: npt.ArrayLike) -> Array:
        """Log of the density of a log weight: Student-t around each one, above a thin floor."""
        z = (np.asarray(log_kg, dtype=np.float64)[..., None] - self.log_kg) / _WIDTH
        top = math.gamma(2.0) / (math.sqrt(_FREEDOM * math.pi) * math.gamma(1.5) * _WIDTH)
        kernel = top * (1 + z * z / _FREEDOM) ** (-(_FREEDOM + 1) / 2)
        return np.asarray(np.log(np.sum(kernel * self.share, axis=-1) + _TAIL))

    def oddness(self, log_kg: float, side: Side) -> float:
        """Of a declared log weight."""
        if side is Side.EITHER:
            steps = np.linspace(self.log_kg[0], self.log_kg[-1], _MODE_STEPS)
            return float(_OF_MODE * self.log_density(steps).max() - self.log_density(log_kg))
        own, *heavier = self.log_density(log_kg - np.concatenate([[0.0], _UNDER]))
        return float(np.logaddexp.reduce(heavier) - own)


def _odd(like: _Like, kg: float, side: Side) -> float:
    if not (math.isfinite(kg) and kg > 0):
        return float("nan")
    return like.oddness(math.log(kg), side)


def _valley(sizes: Array) -> float:
    """The log pixel count that best parts short from long containers (Otsu's least spread within)."""
    ordered = np.sort(sizes)
    n = len(ordered)
    count = np.arange(1, n)
    total = np.cumsum(ordered)
    between = (total[:-1] / count - total[-1] / n) ** 2 * count / (n - count)
    at = int(np.argmax(between))
    return float((ordered[at] + ordered[at + 1]) / 2)
