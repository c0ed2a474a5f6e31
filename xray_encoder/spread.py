"""How scans of one group differ among themselves, and how groups differ: the units of search and lots.

With few scans of a group its own covariance says nothing; what all groups share says much. The features are
turned so that scans of one group differ by one unit in every direction, the directions in which groups
differ most first (Fisher's discriminant; the two-covariance model of Ioffe, "Probabilistic Linear
Discriminant Analysis", ECCV 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue

KEEP = 32  # directions
_SHRINKAGE = 0.1  # share of the within-group covariance that is replaced by a multiple of the identity
_LEAST_SPREAD = 0.02  # features are scaled to about one: less than this is no difference
_ALONE = 0.25  # of the whole variance: what is taken as within a group where no group has two members
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spread:
    """centre: (d,); turn: (d, k), features less the centre to coordinates; between: (k,), the variance of
    group means in units of the variance within a group, largest first.
    """

    centre: npt.NDArray[np.float64]
    turn: Matrix
    between: npt.NDArray[np.float64]

    @classmethod
    def fit(
        cls, x: npt.ArrayLike, groups: Sequence[str], *, keep: int = KEEP, shrinkage: float = _SHRINKAGE
    ) -> Spread:
        """Learn from scans x (n, d); `groups` names each row's group, "" for a scan of none.

        `keep` bounds k, the number of directions. Raises `InvalidValue` for an empty or odd-shaped x.
        """
        rows = features(x)
        if len(rows) < 2 or len(groups) != len(rows):
            raise InvalidValue(
                f"{len(rows)} scans and {len(groups)} group names",
                field="features",
                remedy="give at least two scans and a group name for each, empty for none",
            )
        centre, scale = rows.mean(axis=0), rows.std(axis=0) + _LEAST_SPREAD
        z = (rows - centre) / scale
        total = z.T @ z / len(z)
        within = _within(z, np.asarray(groups, dtype=object))
        d = z.shape[1]
        if within is None:
            within = _ALONE * total
        floor = max(float(np.trace(within)) / d, 1e-6)
        within = (1 - shrinkage) * within + shrinkage * floor * np.eye(d)
        size, axes = np.linalg.eigh(within)
        whiten = axes / np.sqrt(size)
        ratio, turned = np.linalg.eigh(whiten.T @ total @ whiten)
        best = np.argsort(-ratio, kind="stable")[:keep]
        turn = (whiten @ turned[:, best]) / scale[:, None]
        return cls(centre, turn, np.maximum(ratio[best] - 1.0, 0.0))

    def __call__(self, x: npt.ArrayLike) -> Matrix:
        """Features (…, d) to coordinates (…, k); `InvalidValue` for another width or a NaN."""
        values = np.asarray(x, dtype=np.float64)
        if values.ndim == 0 or values.shape[-1] != len(self.centre):
            raise InvalidValue(
                f"feature vectors of shape {values.shape}",
                field="features",
                remedy=f"this model has {len(self.centre)} features; train it again after changing them",
            )
        if not np.isfinite(values).all():
            raise InvalidValue("a feature is not a number", field="features", remedy="leave that scan out")
        # row by row the same sum, whatever the batch
        return np.asarray(np.einsum("...d,dk->...k", values - self.centre, self.turn))

    def tensors(self) -> dict[str, npt.NDArray]:
        """Arrays for an artefact."""
        return {"spread_centre": self.centre, "spread_turn": self.turn, "spread_between": self.between}

    def about(self) -> dict[str, Any]:
        """JSON for an artefact; all of a spread is in its arrays."""
        return {}

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> Spread:
        """Restore what `tensors` and `about` gave."""
        return cls(tensors["spread_centre"], tensors["spread_turn"], tensors["spread_between"])


def features(x: npt.ArrayLike) -> Matrix:
    """Feature vectors as float64 (n, d); `InvalidValue` if they are something else."""
    rows = np.asarray(x, dtype=np.float64)
    if rows.ndim != 2 or 0 in rows.shape or not np.isfinite(rows).all():
        raise InvalidValue(
            f"features of shape {rows.shape}" + ("" if np.isfinite(rows).all() else ", not all numbers"),
            field="features",
            remedy="give finite numbers of shape (scans, features)",
        )
    return rows


def _within(z: Matrix, groups: npt.NDArray) -> Matrix | None:
    """Pooled covariance (d, d) within groups of two or more; None without one."""
    parts, freedom = [], 0
    _, group = np.unique(groups.astype(str), return_inverse=True)
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(rows) > 1 and groups[rows[0]]:
            parts.append(z[rows] - z[rows].mean(axis=0))
            freedom += len(rows) - 1
    if not parts:
        return None
    rest = np.concatenate(parts)
    return np.asarray(rest.T @ rest / freedom)
