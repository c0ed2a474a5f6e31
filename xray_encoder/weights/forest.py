"""Trees as plain arrays, and how alike two scans are to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Forest:
    """Extremely randomised trees (Geurts, Ernst and Wehenkel, 2006), each grown without one part of the rows.

    roots: first node of each tree (trees,); column, cut, right: by node; the left child is the next node,
    a leaf has `right` −1 and a value goes left where it is ≤ `cut`. rows: leaf of each fitted row in each
    tree (rows, trees), −1 where the tree has not seen the row.
    """

    roots: Ints
    column: npt.NDArray[np.int16]
    cut: Features
    right: Ints
    rows: Ints

    @classmethod
    def fit(
        cls, x: Features, y: Array, part: npt.NDArray[np.int64], *, trees: int, columns: float, seed: int
    ) -> Forest:
        """`trees` trees for each part, grown on the rows of all other parts. y: (rows,) target."""
        from sklearn.ensemble import ExtraTreesRegressor

        roots: list[int] = []
        nodes: list[tuple[npt.NDArray, npt.NDArray, npt.NDArray]] = []
        rows: list[Ints] = []
        start = 0
        for k in range(int(part.max()) + 1):
            seen = part != k
            model = ExtraTreesRegressor(
                trees, max_features=columns, random_state=(seed * 7919 + k) % 2**31, n_jobs=1
            )
            model.fit(x[seen], y[seen])
            for estimator in model.estimators_:
                tree = estimator.tree_
                leaf = tree.children_left < 0
                inner = np.flatnonzero(~leaf)
                # the arrays rely on this order of growing, so a library that changes it must be noticed
                if not np.array_equal(tree.children_left[inner], inner + 1):
                    raise RuntimeError("scikit-learn no longer grows its trees depth first")
                where = np.where(leaf, -1, tree.children_right + start)
                nodes.append((np.where(leaf, 0, tree.feature), _floor(tree.threshold), where))
                at = np.full(len(x), -1, dtype=np.int32)
                at[seen] = tree.apply(x[seen]) + start
                rows.append(at)
                roots.append(start)
                start += tree.node_count
        column, cut, right = (np.concatenate(parts) for parts in zip(*nodes, strict=True))
        return cls(
            np.asarray(roots, dtype=np.int32),
            column.astype(np.int16),
            cut.astype(np.float32),
            right.astype(np.int32),
            np.stack(rows, axis=1),
        )

    def leaves(self, x: Features, trees: slice = slice(None)) -> Ints:
        """Leaf of each row of x in each of the trees (rows, trees)."""
        at = np.tile(self.roots[trees], (len(x), 1))
        moving = np.ones(at.shape, dtype=bool)
        while moving.any():
            i, t = np.nonzero(moving)
            node = at[i, t]
            right = self.right[node]
            low = x[i, self.column[node]] <= self.cut[node]
            at[i, t] = np.where(right < 0, node, np.where(low, node + 1, right))
            moving[i, t] = right >= 0
        return at

    def alike(self, leaves: Ints) -> Array:
        """Share of one scan's forecast that each fitted row makes up (rows,), from its leaves (trees,)."""
        first, count, row = self._members
        counts = count[leaves]
        ends = np.cumsum(counts)
        index = np.repeat(first[leaves] - (ends - counts), counts) + np.arange(ends[-1])
        shares = np.repeat(1.0 / np.maximum(counts, 1), counts)
        found = np.bincount(row[index], weights=shares, minlength=len(self.rows))
        return np.asarray(found / len(leaves))

    @cached_property
    def _members(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For each node the place of its first row, how many rows it has, and the rows in node order."""
        row, tree = np.nonzero(self.rows >= 0)
        node = self.rows[row, tree]
        count = np.bincount(node, minlength=len(self.right))
        return np.cumsum(count) - count, count, row[np.argsort(node, kind="stable")]

    def tensors(self) -> dict[str, npt.NDArray]:
        """All arrays, to be kept."""
        return {name: getattr(self, name) for name in ("roots", "column", "cut", "right", "rows")}


def _floor(cut: Array) -> Features:
    """The largest float32 at or below each float64: a float32 value compares alike with both."""
    near = cut.astype(np.float32)
    return np.where(near > cut, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)
