"""The head: features of a declaration and its evidence, boosted trees, chances.

declaration ─ attributes ─ rates by label and pair ┐
                         ─ figures, price gap ──────┼─ LightGBM × models ─┐
evidence ─ surprise of every check, fused ──────────┘                     ├─ raw ─ isotonic ─ chance
declaration ─ labels by frequency ── forest that remembers ───────────────┘

What is learned never lets the score fall as a surprise grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.trees import Forest
from fusion.head.attributes import FIGURES, Attributes, Floats, Matrix
from fusion.head.chances import Chances
from fusion.head.encode import KEYS, Encoder
from fusion.head.prices import UsualPrices
from fusion.head.recall import Recall


@dataclass(frozen=True)
class HeadConfig:
    """How the head learns.

    prior: inspections that the overall rate counts for beside a combination's own; folds: of weeks, in which
    rates are counted on the others; holdout: share of the weeks, the last ones, that calibrate and measure;
    rounds, patience: most trees of a model, and how many without gain on the holdout end it; learning_rate,
    leaves, least_leaf, feature_share, l2: of LightGBM; models: of other seeds, averaged; recall_trees: of the
    forest that remembers, 0 for none. pairs, identities: whether rates of combinations and of firms are seen.
    """

    prior: float = 2.0
    folds: int = 5
    holdout: float = 0.2
    rounds: int = 400
    patience: int = 40
    learning_rate: float = 0.05
    leaves: int = 31
    least_leaf: int = 40
    feature_share: float = 0.4
    l2: float = 5.0
    models: int = 2
    recall_trees: int = 80
    pairs: bool = True
    identities: bool = True

    def parameters(self) -> dict[str, Any]:
        """For LightGBM."""
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least_leaf,
            "feature_fraction": self.feature_share,
            "lambda_l2": self.l2,
        }

    def keys(self) -> tuple[tuple[str, ...], ...]:
        """The labels and combinations whose rates are counted."""
        people = {"importer", "declarant", "seller", "forwarder"}
        return tuple(
            key
            for key in KEYS
            if (self.pairs or len(key) == 1) and (self.identities or not people & set(key))
        )


@dataclass(frozen=True, eq=False)
class Head:
    """Made by `learn.fit`; scores rows of declarations, with or without evidence.

    blend: weights of the boosted trees and of the recall, and what is added; learned on the held-out weeks.
    checks: whose surprises are features, in order, "fused" the last; empty for plain declarations.
    profile: of each feature what it adds to the raw score, on average, by its value (see `reasons`).
    """

    config: HeadConfig
    encoder: Encoder
    prices: UsualPrices
    forest: Forest
    recall: Recall | None
    blend: tuple[float, float, float]
    chances: Chances
    checks: tuple[str, ...]
    profile: Profile
    figures: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features, in order."""
        return feature_names(tuple(self.encoder.rates), self.checks)

    def features(self, rows: Attributes, surprise: Floats | None = None) -> Matrix:
        """(n, features) float32; surprise: (n, checks), 0 where a check said nothing."""
        parts = [self.encoder.encode(rows), figures_of(rows, self.prices)]
        if self.checks:
            given = np.zeros((len(rows), len(self.checks))) if surprise is None else surprise
            parts.append(np.nan_to_num(given))
        return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts], axis=1)

    def raw(self, rows: Attributes, features: Matrix) -> Floats:
        """(n,) raw scores of rows and their features: log-odds before calibration."""
        return blended(
            self.blend, self.forest.predict(features), None if self.recall is None else self.recall(rows)
        )

    def is_new_importer(self, rows: Attributes) -> npt.NDArray[np.bool_]:
        """(n,) True where no inspection of this importer was learned from."""
        rates = self.encoder.rates.get(("importer",))
        if rates is None:
            return np.zeros(len(rows), dtype=bool)
        return np.asarray(rates.look_up(rows.labels["importer"])[0] == 0)


@dataclass(frozen=True, eq=False)
class Profile:
    """Mean Shapley value by range of each feature: edges (features, bins − 1), rising; values (…, bins).

    base: the mean raw score, to which they add up roughly.
    """

    edges: Floats
    values: Floats
    base: float

    @classmethod
    def fit(cls, features: Matrix, contributions: Floats, bins: int = 32) -> Profile:
        """From rows (n, k) and their exact contributions (n, k + 1)."""
        k = features.shape[1]
        inner = np.linspace(0, 1, bins + 1)[1:-1]
        edges, values = np.empty((k, bins - 1)), np.zeros((k, bins))
        for j in range(k):
            known = features[:, j][np.isfinite(features[:, j])]
            edges[j] = np.quantile(known, inner) if len(known) else 0.0
            place = np.searchsorted(edges[j], features[:, j], side="right")
            total = np.bincount(place, contributions[:, j], bins)
            values[j] = total / np.maximum(np.bincount(place, minlength=bins), 1)
        return cls(edges, values, float(contributions[:, -1].mean()))

    def contributions(self, features: Matrix) -> Matrix:
        """(n, k) what each feature adds, roughly."""
        out = np.empty(features.shape, dtype=np.float32)
        for j in range(features.shape[1]):
            out[:, j] = self.values[j][np.searchsorted(self.edges[j], features[:, j], side="right")]
        return out


def blended(blend: tuple[float, float, float], boosted: Floats, recalled: Floats | None) -> Floats:
    """(n,) the two voices' log-odds as one."""
    more = 0.0 if recalled is None else blend[1] * recalled
    return np.asarray(blend[0] * boosted + more + blend[2])


def feature_names(keys: tuple[tuple[str, ...], ...], checks: tuple[str, ...]) -> tuple[str, ...]:
    """Of the columns of `Head.features`: `rate:hs6+origin`, `seen:hs6+origin`, `figure:value`, `check:…`."""
    rates = [f"{what}:{'+'.join(key)}" for key in keys for what in ("rate", "seen")]
    return (*rates, *(f"figure:{name}" for name in FIGURES), *(f"check:{name}" for name in checks))


def figures_of(rows: Attributes, prices: UsualPrices) -> Floats:
    """(n, figures) of `FIGURES`."""
    known = {**rows.figures, "unit_value_gap": prices.gap(rows)}
    return np.stack([known[name] for name in FIGURES], axis=1)
