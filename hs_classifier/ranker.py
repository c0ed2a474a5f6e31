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
    """A LightGBM model as its own text: the probability that a candidate is the code of its text."""

    text: str

    @classmethod
    def fit(
        cls,
        parts: Sequence[Candidates],
        truth: Sequence[Ids],
        weight: Sequence[npt.NDArray[np.float64]],
        *,
        rounds: int,
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
            "min_data_in_leaf": int(np.clip(len(y) // 3000, 5, 50)),
            "feature_fraction": 0.5,
            "lambda_l2": 5.0,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
            "num_threads": 1,
        }
        data = lgb.Dataset(x, y.astype(np.float32), weight=w)
        return cls(str(lgb.train(parameters, data, rounds).model_to_string()))

    @cached_property
    def _model(self) -> Any:
        import lightgbm as lgb

        return lgb.Booster(model_str=self.text)

    def __call__(self, candidates: Candidates) -> Array:
        """(texts, leaves) log-probabilities; what no voice put forward shares what the candidates leave."""
        p = np.asarray(self._model.predict(candidates.columns, num_threads=1), dtype=np.float64)
        total = np.add.reduceat(p, candidates.starts())  # (texts,)
        left = np.clip(1.0 - total, *_REST)
        found = candidates.rest.astype(np.float64)
        found[candidates.text, candidates.leaf] = 0.0
        found *= (left / np.maximum(found.sum(axis=1), 1e-12))[:, None]
        share = (1.0 - left) / np.maximum(total, 1e-12)
        found[candidates.text, candidates.leaf] = p * share[candidates.text]
        return np.asarray(np.log(np.maximum(found, 1e-12)))
