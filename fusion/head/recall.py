"""A forest that remembers: labels by how frequent they are, figures as they are, trees grown to the last row.

Beside the rates, which tell what a combination is worth, it finds the few past declarations that a new one is
most like (Breiman, "Random forests", Machine Learning 45, 2001). scikit-learn grows the trees; what is kept
are arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fusion.head.attributes import CODES, LABELS, Attributes, Floats, Hashes, Matrix

_NAMES = (*LABELS, *CODES)
_FIGURES = ("value", "net_kg", "unit_value", "duty_rate", "duty", "same_country")
_UNKNOWN = -1.0  # of a figure
_WALKERS = 16_384
_HALF = 0.5  # of a tree, so that no share is quite 0 or 1


@dataclass(frozen=True, eq=False)
class Ordinals:
    """Of each label: the hashes seen, in order, and how frequent each is: 1 the most, 0 for a new one."""

    tables: Mapping[str, tuple[Hashes, Floats]]

    @classmethod
    def fit(cls, rows: Attributes) -> Ordinals:
        """Count; labels of one frequency stand in the order in which they came."""
        tables = {}
        for name in _NAMES:
            known, first, count = np.unique(rows.labels[name], return_index=True, return_counts=True)
            place = np.empty(len(known))
            place[np.lexsort((first, -count))] = np.arange(1, len(known) + 1)
            tables[name] = (known, place)
        return cls(tables)

    def matrix(self, rows: Attributes) -> Matrix:
        """(n, labels + figures)."""
        columns: list[npt.NDArray] = []
        for name in _NAMES:
            known, place = self.tables[name]
            at = np.minimum(np.searchsorted(known, rows.labels[name]), len(known) - 1)
            columns.append(np.where(known[at] == rows.labels[name], place[at], 0.0))
        columns += [np.nan_to_num(rows.figures[name], nan=_UNKNOWN) for name in _FIGURES]
        return np.stack(columns, axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Recall:
    """The trees: a leaf has `right` −1; a value goes left, to the next node, where it is ≤ `cut`.

    roots: (trees,) first node of each; column, cut, right, share (of frauds in a leaf): by node.
    """

    ordinals: Ordinals
    roots: npt.NDArray[np.int32]
    column: npt.NDArray[np.int16]
    cut: Matrix
    right: npt.NDArray[np.int32]
    share: Matrix

    @classmethod
    def fit(cls, rows: Attributes, outcome: Floats, *, trees: int, seed: int) -> Recall:
        """Grow trees on inspected rows; outcome 0 or 1."""
        from sklearn.ensemble import RandomForestClassifier

        ordinals = Ordinals.fit(rows)
        model = RandomForestClassifier(trees, random_state=seed, n_jobs=1)
        model.fit(ordinals.matrix(rows), outcome.astype(np.int64))
        parts: list[tuple[npt.NDArray, ...]] = []
        roots, start = [], 0
        for one in model.estimators_:
            tree = one.tree_
            leaf = tree.children_left < 0
            inner = np.flatnonzero(~leaf)
            # the arrays rely on this order of growing, so a library that changes it must be noticed
            if not np.array_equal(tree.children_left[inner], inner + 1):
                raise RuntimeError("scikit-learn no longer grows its trees depth first")
            near = tree.threshold.astype(np.float32)
            floor = np.where(near > tree.threshold, np.nextafter(near, np.float32(-np.inf)), near)
            value = tree.value[:, 0, :]
            share = value[:, -1] / value.sum(axis=1)
            right = np.where(leaf, -1, tree.children_right + start)
            parts.append((np.where(leaf, 0, tree.feature), floor, right, share))
            roots.append(start)
            start += tree.node_count
        column, cut, right, share = (np.concatenate(some) for some in zip(*parts, strict=True))
        return cls(
            ordinals,
            np.asarray(roots, dtype=np.int32),
            column.astype(np.int16),
            cut.astype(np.float32),
            right.astype(np.int32),
            share.astype(np.float32),
        )

    def __call__(self, rows: Attributes) -> Floats:
        """(n,) log-odds of the share of frauds in the leaves, the mean over the trees."""
        x = self.ordinals.matrix(rows)
        n = len(x)
        total = np.zeros(n)
        # few rows walk through many trees at once, many rows through one after the other
        together = max(_WALKERS // max(n, 1), 1)
        for begin in range(0, len(self.roots), together):
            roots = self.roots[begin : begin + together]
            at = np.repeat(roots, n)
            row = np.tile(np.arange(n), len(roots))
            moving = np.arange(len(at))
            while len(moving):
                node = at[moving]
                right = self.right[node]
                inner = right >= 0
                moving, node, right = moving[inner], node[inner], right[inner]
                low = x[row[moving], self.column[node]] <= self.cut[node]
                at[moving] = np.where(low, node + 1, right)
            for share in self.share[at].reshape(len(roots), n):
                total += share
        trees = len(self.roots)
        return np.asarray(np.log((total + _HALF) / (trees - total + _HALF)))

    def tensors(self) -> dict[str, npt.NDArray]:
        """For the artefact."""
        found: dict[str, npt.NDArray] = {
            name: getattr(self, name) for name in ("roots", "column", "cut", "right", "share")
        }
        for name, (known, place) in self.ordinals.tables.items():
            found |= {f"known:{name}": known, f"place:{name}": place}
        return found

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> Recall:
        """Restore exactly."""
        tables = {name: (tensors[f"known:{name}"], tensors[f"place:{name}"]) for name in _NAMES}
        arrays = {name: tensors[name] for name in ("roots", "column", "cut", "right", "share")}
        return cls(Ordinals(tables), **arrays)
