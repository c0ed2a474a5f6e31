"""Boosted trees fitted across folds: each row is predicted by a model that has not seen it.

LightGBM: Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from customs.errors import DamagedArtefact

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

# What all trees here share: mild, since neighbouring rows are much alike.
BASE: Mapping[str, Any] = {
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "verbose": -1,
    # the same rows and seed give the same trees, on any number of threads
    "deterministic": True,
    "force_row_wise": True,
    # threads that wait for each other on a busy machine cost ten times what they save on tables of this size
    "num_threads": 1,
}
# Rows from which on several threads are worth waking.
_MANY = 5_000


@dataclass(frozen=True)
class Forest:
    """Boosted models whose mean is the prediction, as LightGBM's own text."""

    texts: tuple[str, ...]

    @cached_property
    def _boosters(self) -> tuple[Any, ...]:
        try:
            return tuple(lgb.Booster(model_str=text) for text in self.texts)
        except lgb.basic.LightGBMError as error:
            raise DamagedArtefact(
                f"trees cannot be read: {error}", field="model", remedy="train the model again"
            ) from None

    def predict(self, x: Matrix) -> Floats:
        """(n, k) features to (n,): raw scores, the mean of the models."""
        if not len(x):
            return np.empty(0)
        x = np.ascontiguousarray(x, dtype=np.float32)
        threads = {"num_threads": 1} if len(x) < _MANY else {}
        return np.asarray(np.mean([b.predict(x, raw_score=True, **threads) for b in self._boosters], axis=0))

    def contributions(self, x: Matrix, *, models: int | None = None) -> Floats:
        """(n, k) features to (n, k + 1): what each adds to the prediction, the last column being the rest.

        models: how many of the models are asked, all by default; each takes milliseconds a row.

        Exact Shapley values of trees: Lundberg et al., "From local explanations to global understanding with
        explainable AI for trees", Nature Machine Intelligence 2 (2020).
        """
        x = np.ascontiguousarray(x, dtype=np.float32)
        asked = self._boosters[:models]
        return np.asarray(np.mean([b.predict(x, pred_contrib=True) for b in asked], axis=0))


def fit_one(
    x: Floats,
    y: Floats,
    parameters: Mapping[str, Any],
    rounds: int,
    seed: int,
    weight: Floats | None = None,
) -> str:
    """One boosted model of y (n,) on x (n, k), as text."""
    data = lgb.Dataset(np.ascontiguousarray(x, dtype=np.float32), y, weight=weight, free_raw_data=True)
    return str(lgb.train({**BASE, **parameters, "seed": seed}, data, rounds).model_to_string())


def cross_fit(
    x: Floats, y: Floats, fold: Ints, parameters: Mapping[str, Any], rounds: int, seed: int
) -> tuple[Forest, Floats]:
    """One model for each fold left out; also what each row is predicted to be by the one without it (n,)."""
    unseen = np.zeros(len(y))
    texts: list[str] = []
    for k in np.unique(fold):
        away = fold == k
        one = Forest((fit_one(x[~away], y[~away], parameters, rounds, seed + int(k)),))
        unseen[away] = one.predict(x[away])
        texts.extend(one.texts)
    return Forest(tuple(texts)), unseen


def as_columns(forests: Mapping[str, Forest]) -> dict[str, list[str]]:
    """The columns of an artefact table; none without trees."""
    pairs = [(name, text) for name, forest in forests.items() for text in forest.texts]
    if not pairs:
        return {}
    return {"forest": [name for name, _ in pairs], "trees": [text for _, text in pairs]}


def from_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, Forest]:
    """Read back what `as_columns` wrote."""
    texts: dict[str, list[str]] = {}
    for name, text in zip(columns["forest"], columns["trees"], strict=True):
        texts.setdefault(name, []).append(text)
    return {name: Forest(tuple(some)) for name, some in texts.items()}
