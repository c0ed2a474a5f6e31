"""The usual outlier detectors on the row and its recent past, fitted on the same clean rows as the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from customs.errors import UnreadableFile
from tabular_ae.history import History
from tabular_ae.rivals.features import features, relative, usual_spread
from tabular_ae.rows import Floats, Rows

# Scaled values are cut here: a detector is to see that a row is far out, not how many powers of ten.
_LIMIT = 20.0
_LEAST_SCALE = 1e-3
# LOF compares with all rows it has learned: so many are enough and keep it quick. Of 100, 500 and 1500
# neighbours the last found most on months before the test.
_LOF_ROWS, _LOF_NEIGHBOURS = 6000, 1500
_FEWEST = 30
_DITHER = 1e-3


@dataclass(frozen=True, eq=False)
class Scaled:
    """Robust scaling learned on clean rows: (value − median) / spread, what is missing set to the median.

    middle, scale: (columns,).
    """

    middle: Floats
    scale: Floats

    @classmethod
    def fit(cls, values: Floats) -> Scaled:
        """Median and interquartile range / 1.35 of each column, NaN left out."""
        low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
        return cls(np.nan_to_num(middle), np.maximum(np.nan_to_num((high - low) / 1.35), _LEAST_SCALE))

    def __call__(self, values: Floats) -> Floats:
        """(n, columns), no NaN."""
        return np.clip(np.nan_to_num((values - self.middle) / self.scale), -_LIMIT, _LIMIT)


@dataclass(frozen=True, eq=False)
class Outliers:
    """Fitted detectors by name, each from scaled columns (n, columns) to a score (n,).

    everyone: usual spread of a series on the rows they learned.
    """

    everyone: float
    scaled: Scaled
    detectors: dict[str, Callable[[Floats], Floats]]

    def __call__(self, history: History, rows: Rows) -> dict[str, Floats]:
        """Scores by name; NaN where neither the row's past nor its item is known."""
        seen = features(history, rows)
        x = self.scaled(relative(seen, self.everyone))
        known = np.isfinite(seen.centre) & np.isfinite(seen.unit)
        return {name: np.where(known, score(x), np.nan) for name, score in self.detectors.items()}


def fit_outliers(history: History, rows: Rows, seed: int) -> Outliers:
    """PCA, Isolation Forest, LOF and Elliptic Envelope of scikit-learn on rows with any past."""
    from sklearn.covariance import EllipticEnvelope
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor

    seen = features(history, rows)
    everyone = usual_spread(seen)
    values = relative(seen, everyone)[np.isfinite(seen.centre) & np.isfinite(seen.unit)]
    if len(values) < _FEWEST:
        raise UnreadableFile(
            f"only {len(values)} rows have earlier months", field="data", remedy="give longer series"
        )
    scaled = Scaled.fit(values)
    rng = np.random.default_rng([seed, 4])
    # prices that never move would leave a column without spread, and LOF neighbours at no distance
    x = scaled(values) + rng.normal(0.0, _DITHER, size=values.shape)
    few = rng.choice(len(x), size=min(_LOF_ROWS, len(x)), replace=False)
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(x)
    neighbours = min(_LOF_NEIGHBOURS, len(few) // 4)
    lof = LocalOutlierFactor(n_neighbors=neighbours, novelty=True).fit(x[few])
    envelope = EllipticEnvelope(support_fraction=0.9, random_state=seed).fit(x)
    pca = PCA(random_state=seed).fit(x)
    return Outliers(
        everyone,
        scaled,
        {
            "PCA": lambda new: _pca_distance(pca, new),
            "Isolation Forest": lambda new: -forest.score_samples(new),
            "LOF": lambda new: -lof.score_samples(new),
            "Elliptic Envelope": lambda new: np.sqrt(envelope.mahalanobis(new)),
        },
    )


def _pca_distance(pca: Any, x: Floats) -> Floats:
    """Distance along all components, each in its own standard deviations, so that the small ones count."""
    return np.asarray(np.sqrt((pca.transform(x) ** 2 / (pca.explained_variance_ + 1e-9)).sum(axis=1)))
