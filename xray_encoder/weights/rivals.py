"""What others weigh containers by, on the same histograms."""

from __future__ import annotations

import numpy as np

from xray_encoder.weights.histograms import Array, features


def forest(counts: Array, kg: Array, other: Array, *, seed: int) -> Array:
    """AJNA's way: scikit-learn's random forest as it comes, on the 15 counts. other: (scans, 15) to weigh."""
    from sklearn.ensemble import RandomForestRegressor

    return np.asarray(RandomForestRegressor(random_state=seed, n_jobs=1).fit(counts, kg).predict(other))


def boosting(counts: Array, kg: Array, other: Array, *, seed: int) -> Array:
    """LightGBM on the absolute error, on the same features as ours."""
    import lightgbm as lgb

    parameters = {
        "objective": "regression_l1",
        "learning_rate": 0.04,
        "num_leaves": 15,
        "min_data_in_leaf": 8,
        "feature_fraction": 0.2,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }
    model = lgb.train(parameters, lgb.Dataset(features(counts), kg), 600)
    return np.asarray(model.predict(features(other), num_threads=1))


def mean_of_trees(counts: Array, kg: Array, other: Array, *, seed: int) -> Array:
    """Extremely randomised trees on the same features in log weight, by their mean, not the median."""
    from sklearn.ensemble import ExtraTreesRegressor

    model = ExtraTreesRegressor(200, max_features=0.1, random_state=seed, n_jobs=1)
    return np.asarray(np.exp(model.fit(features(counts), np.log(kg)).predict(features(other))))


RIVALS = {"random_forest": forest, "l1_boosting": boosting, "log_trees": mean_of_trees}
