"""Extremely randomised trees over the packing features: which code the packing resembles.

Geurts, Ernst and Wehenkel, "Extremely randomized trees" (2006). scikit-learn grows the trees; what is kept
are arrays, so that an artefact holds numbers and nothing that is unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_FEATURE_SHARE = 0.3  # of the features, tried at each split
_LEAST_LEAF = 2


@dataclass(frozen=True, eq=False)
class Forest:
    """All trees' nodes one after another; a leaf has feature −1.

    codes: the classes, in the order of `share`. roots: (trees,) first node of each tree.
    feature, left, right: (nodes,) int32; threshold: (nodes,) float32; share: (nodes, codes) float16, of the
    training scans in a leaf.
    """

    codes: tuple[str, ...]
    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    share: npt.NDArray[np.float16]

    @classmethod
    def fit(cls, x: npt.NDArray, codes: Sequence[str], *, trees: int, seed: int) -> Forest:
        """x: (scans, features); codes name each row."""
        from sklearn.ensemble import ExtraTreesClassifier

        grown = ExtraTreesClassifier(
            trees,
            min_samples_leaf=_LEAST_LEAF,
            max_features=_FEATURE_SHARE,
            random_state=seed,
            n_jobs=1,
        ).fit(np.asarray(x, dtype=np.float32), np.asarray(codes, dtype=object))
        parts: dict[str, list[npt.NDArray]] = {}
        roots, start = [], 0
        for one in grown.estimators_:
            tree = one.tree_
            leaf = tree.children_left < 0
            value = tree.value[:, 0, :] / np.maximum(tree.value[:, 0, :].sum(axis=1, keepdims=True), 1e-12)
            for name, column in (
                ("feature", np.where(leaf, -1, tree.feature).astype(np.int32)),
                ("threshold", tree.threshold.astype(np.float32)),
                ("left", np.where(leaf, -1, tree.children_left + start).astype(np.int32)),
                ("right", np.where(leaf, -1, tree.children_right + start).astype(np.int32)),
                ("share", np.where(leaf[:, None], value, 0).astype(np.float16)),
            ):
                parts.setdefault(name, []).append(column)
            roots.append(start)
            start += tree.node_count
        columns = {name: np.concatenate(found) for name, found in parts.items()}
        return cls(tuple(str(c) for c in grown.classes_), np.asarray(roots, dtype=np.int32), **columns)

    def __call__(self, x: npt.NDArray) -> npt.NDArray[np.float64]:
        """Features (p,) to the probability of each code: (codes,)."""
        row = np.asarray(x, dtype=np.float32)
        at = self.roots.copy()
        while True:
            feature = self.feature[at]
            inner = feature >= 0
            if not inner.any():
                return np.asarray(self.share[at].mean(axis=0, dtype=np.float64))
            lower = row[np.maximum(feature, 0)] <= self.threshold[at]
            at = np.where(inner, np.where(lower, self.left[at], self.right[at]), at)

    def tensors(self) -> dict[str, npt.NDArray]:
        """For the artefact."""
        return {
            "roots": self.roots,
            "feature": self.feature,
            "threshold": self.threshold,
            "left": self.left,
            "right": self.right,
            "share": self.share,
        }

    def about(self) -> dict[str, Any]:
        """What is not an array."""
        return {"codes": list(self.codes)}

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> Forest:
        """Restore exactly."""
        return cls(tuple(about["codes"]), **tensors)
