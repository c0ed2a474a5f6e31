"""What fused risk and learned head must beat, in the same run and on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from customs.combine import combine_surprise
from fusion.data import Cases, Floats, Matrix
from fusion.head.attributes import CODES, LABELS, attributes
from fusion.head.encode import Rates
from fusion.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

ODD = 2.0  # a check is flagged from one in a hundred
_LEVELS = 250  # labels beyond the most frequent are one
Ranker = Callable[["pd.DataFrame", Floats, "pd.DataFrame", int], Floats]


def of_evidence(settled: Cases, review: Cases, policy: Policy, seed: int) -> dict[str, Floats]:
    """Combination → (n,) score of the cases under review, from what their checks said."""
    s = np.maximum(review.surprise, 0.0)
    spoke = np.isfinite(s)
    known = np.where(spoke, s, 0.0)
    weights = np.array([policy.weights.get(check, 1.0) for check in review.checks])
    return {
        "mean": known.sum(axis=1) / np.maximum(spoke.sum(axis=1), 1),
        "max": known.max(axis=1),
        "any flag": (known >= ODD).any(axis=1).astype(np.float64),
        "flags counted": (known >= ODD).sum(axis=1).astype(np.float64),
        "Fisher": _fisher(known, spoke),
        "Cauchy": np.nan_to_num(combine_surprise(np.where(spoke, s, np.nan).T, weights, cap=policy.cap)),
        "logistic on raw scores": _logistic_on_scores(settled, review, seed),
    }


def of_tables() -> dict[str, Ranker]:
    """Rival → how it ranks declarations after learning from others: (train, outcome, test, seed) → (n,)."""
    found: dict[str, Ranker] = {
        "random": lambda train, y, test, seed: np.random.default_rng(seed).random(len(test)),
        "rate of code and origin": lambda train, y, test, seed: _rate(train, y, test, ("hs6", "origin")),
        "rate of code, lane and tax type": lambda train, y, test, seed: _rate(
            train, y, test, ("hs6", "departure", "origin", "tax_type")
        ),
        "logistic": _logistic,
        "random forest": _forest,
        "LightGBM": _lightgbm,
    }
    if _has("xgboost"):
        found["XGBoost"] = _xgboost
    return found


def _fisher(known: Floats, spoke: np.ndarray) -> Floats:
    """−log10 of Fisher's combined p-value as if the checks were independent."""
    from scipy import stats

    statistic = 2.0 * np.log(10.0) * known.sum(axis=1)
    count = np.maximum(spoke.sum(axis=1), 1)
    return np.asarray(-stats.chi2.logsf(statistic, 2 * count) / np.log(10.0))


def _logistic_on_scores(settled: Cases, review: Cases, seed: int) -> Floats:
    """Regression on surprises and on which checks spoke, learned from outcomes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    outcome = settled.outcome
    known = np.isfinite(outcome)
    if not 0 < outcome[known].sum() < known.sum():
        return np.zeros(len(review))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, random_state=seed))
    model.fit(_with_silence(settled)[known], outcome[known])
    return np.asarray(model.decision_function(_with_silence(review)))


def _with_silence(cases: Cases) -> Floats:
    spoke = np.isfinite(cases.surprise)
    return np.concatenate([np.where(spoke, cases.surprise, 0.0), spoke.astype(np.float64)], axis=1)


def _rate(train: pd.DataFrame, y: Floats, test: pd.DataFrame, key: tuple[str, ...]) -> Floats:
    """Share found among inspected declarations of one combination, shrunk by two; new ones: the base rate."""
    inspected, found = Rates.count(attributes(train).hashes(key), y).look_up(attributes(test).hashes(key))
    return np.asarray((found + 2.0 * y.mean()) / (inspected + 2.0))


def ordinal(train: pd.DataFrame, test: pd.DataFrame) -> tuple[Matrix, Matrix, list[int]]:
    """Labels by how frequent they are, figures as they are; and which columns are labels."""
    import pandas as pd

    a, b = attributes(train), attributes(test)
    names = [*LABELS, *CODES]
    columns: list[tuple[Floats, Floats]] = []
    for name in names:
        counts = pd.Series(list(a.texts[name]), dtype=object).value_counts()
        place = {label: i + 1.0 for i, label in enumerate(counts.index)}
        columns.append(
            (
                np.array([place.get(t, 0.0) for t in a.texts[name]]),
                np.array([place.get(t, 0.0) for t in b.texts[name]]),
            )
        )
    figures = list(a.figures)
    columns += [(np.nan_to_num(a.figures[f]), np.nan_to_num(b.figures[f])) for f in figures]
    x, z = (np.stack([pair[k] for pair in columns], axis=1).astype(np.float32) for k in (0, 1))
    return x, z, list(range(len(names)))


def _logistic(train: pd.DataFrame, y: Floats, test: pd.DataFrame, seed: int) -> Floats:
    """Frequent labels one by one, figures scaled."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x, z, labels = ordinal(train, test)
    rest = list(range(len(labels), x.shape[1]))
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(max_categories=_LEVELS, handle_unknown="infrequent_if_exist"), labels),
            (StandardScaler(), rest),
        ),
        LogisticRegression(max_iter=1000, C=1.0, random_state=seed),
    )
    return np.asarray(model.fit(x, y).decision_function(z))


def _forest(train: pd.DataFrame, y: Floats, test: pd.DataFrame, seed: int) -> Floats:
    from sklearn.ensemble import RandomForestClassifier

    x, z, _ = ordinal(train, test)
    model = RandomForestClassifier(300, min_samples_leaf=2, random_state=seed, n_jobs=2)
    return np.asarray(model.fit(x, y).predict_proba(z)[:, 1])


def _lightgbm(train: pd.DataFrame, y: Floats, test: pd.DataFrame, seed: int) -> Floats:
    """As it comes, told which columns are labels."""
    import lightgbm as lgb

    x, z, labels = ordinal(train, test)
    x[:, labels], z[:, labels] = (np.where(m[:, labels] > _LEVELS * 20, 0, m[:, labels]) for m in (x, z))
    data = lgb.Dataset(x, y, categorical_feature=labels, params={"max_cat_threshold": 64})
    options = {"objective": "binary", "learning_rate": 0.05, "num_leaves": 63, "verbose": -1, "seed": seed}
    return np.asarray(lgb.train({**options, "num_threads": 2}, data, 400).predict(z))


def _xgboost(train: pd.DataFrame, y: Floats, test: pd.DataFrame, seed: int) -> Floats:
    import xgboost

    x, z, _ = ordinal(train, test)
    model = xgboost.XGBClassifier(
        n_estimators=400, learning_rate=0.1, max_depth=8, subsample=0.9, random_state=seed, n_jobs=2
    )
    return np.asarray(model.fit(x, y).predict_proba(z)[:, 1])


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


KNOWN: Mapping[str, str] = {"XGBoost": "xgboost-cpu"}
