"""The strong rival: a boosted prediction of ln(USD/kg) over a boosted prediction of its own error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tabular_ae.history import History
from tabular_ae.rivals.features import Features, features
from tabular_ae.rows import Floats, Rows

# Chosen by planting in 2019-01…06 of the US panel, learned to 2018-12, never on the months of the tables:
# squared error found one or two of 80 more in the top 1 % than absolute error or Huber; the size of leaves
# and slower learning made hardly any difference.
ROUNDS, SPREAD_ROUNDS, FOLDS = 400, 100, 5
PARAMETERS: dict[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
}
SPREAD_PARAMETERS: dict[str, Any] = {**PARAMETERS, "num_leaves": 15, "min_data_in_leaf": 60}
LOW_WEIGHT = 1.3
_LEAST_SPREAD = 0.03
NAMES = ("boosted residual", "boosted residual, low price counts more")


@dataclass(frozen=True, eq=False)
class Boosted:
    """Two LightGBM models: of the log unit value, and of the absolute error of the first.

    countries: number of each country that the models know; others are missing to them.
    """

    level: Any
    spread: Any
    countries: dict[str, int]

    def __call__(self, history: History, rows: Rows) -> dict[str, Floats]:
        """|residual| over expected |residual|, two-sided and with a low price counting 1.3 times."""
        seen = features(history, rows)
        x = matrix(seen, self.countries)
        z = (seen.unit - self.level.predict(x, num_threads=1)) / np.maximum(
            self.spread.predict(x, num_threads=1), _LEAST_SPREAD
        )
        # a row of which no past, item or other country is known has nothing to be judged by
        blind = ~np.isfinite(seen.centre) & ~np.isfinite(seen.others)
        z = np.where(blind, np.nan, z)
        return dict(zip(NAMES, (np.abs(z), np.where(z < 0, -LOW_WEIGHT * z, z)), strict=True))


def fit_boosted(history: History, rows: Rows, seed: int) -> Boosted:
    """Fit on clean rows; the error model learns from rows its level model has not seen.

    Folds are of whole items in a month: other countries' mean leaves the row itself out, and would give it
    away in reverse to a model that has seen the rest of the item's month.
    """
    seen = features(history, rows)
    known = np.isfinite(seen.unit)
    countries = {name: i for i, name in enumerate(sorted(set(rows.country.tolist())))}
    x, y = matrix(seen, countries)[known], seen.unit[known]
    groups = {key: i for i, key in enumerate(dict.fromkeys(zip(rows.hs, rows.month.tolist(), strict=True)))}
    group = np.array([groups[key] for key in zip(rows.hs, rows.month.tolist(), strict=True)])[known]
    fold = np.random.default_rng([seed, 3]).integers(0, FOLDS, size=len(groups))[group]
    residual = np.zeros(len(y))
    for k in range(FOLDS):
        away = fold == k
        model = _train(x[~away], y[~away], PARAMETERS, ROUNDS, seed)
        residual[away] = y[away] - model.predict(x[away], num_threads=1)
    spread = _train(x, np.abs(residual), SPREAD_PARAMETERS, SPREAD_ROUNDS, seed)
    return Boosted(_train(x, y, PARAMETERS, ROUNDS, seed), spread, countries)


def matrix(seen: Features, countries: dict[str, int]) -> Floats:
    """(n, 17): lags, rolling medians, spread, months, item, others, their move, weight, its change, country
    (a category), month."""
    country = np.array([countries.get(name, np.nan) for name in seen.country], dtype=np.float64)
    columns = [seen.spread, seen.months, seen.item, seen.others, seen.moved]
    columns += [seen.weight, seen.weight_change, country, seen.month]
    return np.concatenate([seen.lags, seen.medians, np.stack(columns, axis=1)], axis=1)


COUNTRY_COLUMN = 15


def _train(x: Floats, y: Floats, parameters: dict[str, Any], rounds: int, seed: int) -> Any:
    import lightgbm

    data = lightgbm.Dataset(
        x, y, categorical_feature=[COUNTRY_COLUMN], params={"verbosity": -1}, free_raw_data=True
    )
    settings = {
        **parameters,
        "seed": seed,
        "num_threads": 1,
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
    }
    return lightgbm.train(settings, data, num_boost_round=rounds)
