"""Which candidate is the code: boosted trees over what the voices say, learned on texts they had not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hs_classifier.codes import Array

if TYPE_CHECKING:
    from hs_classifier.voices import Candidates

Ids = npt.NDArray[np.int64]
# Of the probability of a text, at least this and at most that goes to codes that no voice put forward.
_REST = (0.01, 0.3)


@dataclass(frozen=True)
class Ranker:
    """LightGBM models as their own texts: the mean probability that a candidate is the code of its text.

    Few columns are drawn for each tree and several models are averaged: voices err together, and trees that
    may always ask the best one learn to trust it alone.
    """

    texts: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        parts: Sequence[Candidates],
        truth: Sequence[Ids],
        weight: Sequence[npt.NDArray[np.float64]],
        *,
        rounds: int,
        models: int,
        seed: int,
    ) -> Ranker:
        """Learn from candidates of texts with their leaves (−1 where the tree lacks it) and weights."""
        import lightgbm as lgb

        x = np.concatenate([p.columns for p in parts])
        y = np.concatenate([(t[p.text] == p.leaf) for p, t in zip(parts, truth, strict=True)])
        w = np.concatenate([v[p.text] for p, v in zip(parts, weight, strict=True)])
        parameters = {
            "objective": "binary",
            "learning_rate": 0.07,
            "num_leaves": 15,
            "min_data_in_leaf": int(np.clip(len(y) // 3000, 5, 100)),
            "feature_fraction": 0.15,
            "lambda_l2": 20.0,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
            "num_threads": 1,
        }
        data = lgb.Dataset(x, y.astype(np.float32), weight=w)
        return cls(
            tuple(
                str(lgb.train({**parameters, "seed": seed * 101 + k}, data, rounds).model_to_string())
                for k in range(models)
            )
        )

    @cached_property
    def _models(self) -> tuple[Any, ...]:
        import lightgbm as lgb

        return tuple(lgb.Booster(model_str=text) for text in self.texts)

    def __call__(self, candidates: Candidates) -> Array:
        """(texts, leaves) log-probabilities; what no voice put forward shares what the candidates leave."""
        p: Array = np.mean([m.predict(candidates.columns, num_threads=1) for m in self._models], axis=0)
        total = np.add.reduceat(p, candidates.starts())  # (texts,)
        left = np.clip(1.0 - total, *_REST)
        found = candidates.rest.astype(np.float64)
        found[candidates.text, candidates.leaf] = 0.0
        found *= (left / np.maximum(found.sum(axis=1), 1e-12))[:, None]
        share = (1.0 - left) / np.maximum(total, 1e-12)
        found[candidates.text, candidates.leaf] = p * share[candidates.text]
        return np.asarray(np.log(np.maximum(found, 1e-12)))
