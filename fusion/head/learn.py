"""Learning the head: count rates week by week, grow trees, calibrate on the last weeks, learn from all."""

from __future__ import annotations

import dataclasses
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.progress import Progress, silent
from customs.trees import BASE, Forest
from fusion.head.attributes import Attributes, Floats, Matrix
from fusion.head.chances import Chances
from fusion.head.encode import Encoder, encode_unseen
from fusion.head.model import Head, HeadConfig, Profile, blended, feature_names, figures_of
from fusion.head.prices import UsualPrices
from fusion.head.recall import Recall

Bools = npt.NDArray[np.bool_]
LEAST_EACH = 20  # frauds, and clean ones, without which nothing can be learned or told
_LEAST_WEEKS = 4
_PROFILED = 2_000
_BUDGETS = (0.01, 0.05, 0.10)
# What a little more data than the holdout left allows in rounds.
_MORE = 1.1


def fit(
    rows: Attributes,
    outcome: Floats,
    config: HeadConfig,
    *,
    surprise: Floats | None = None,
    checks: tuple[str, ...] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Head:
    """Learn from inspected rows: outcome (n,) 1 fraud, 0 clean; surprise (n, checks), NaN where silent.

    Raises `InvalidValue` where there are too few frauds, clean ones or weeks to learn from and to measure on.
    """
    _refuse_too_few(outcome, "the data")
    early, late = split_weeks(rows, config.holdout)
    for part, name in ((early, "the earlier weeks"), (late, "the last weeks, which calibrate")):
        _refuse_too_few(outcome[part], name)
    given = None if surprise is None else np.nan_to_num(surprise)
    keys = config.keys()
    names = feature_names(keys, checks)
    rising = [1 if name.startswith("check:") else 0 for name in names]

    learner = _Learner(config, rising, seed)
    past, future = rows.take(early), rows.take(late)
    prices = UsualPrices.fit(past)
    encoder = Encoder.fit(past, outcome[early], keys, config.prior)
    x = _assemble(_unseen(past, outcome[early], config), past, prices, given, early)
    ahead = _assemble(encoder.encode(future), future, prices, given, late)
    texts, rounds = learner.stopped(x, outcome[early], ahead, outcome[late], progress)
    boosted, recalled = Forest(texts).predict(ahead), None
    if config.recall_trees:
        recalled = Recall.fit(past, outcome[early], trees=config.recall_trees, seed=seed)(future)
    blend = _blend(boosted, recalled, outcome[late])
    raw = blended(blend, boosted, recalled)
    chances = Chances(raw, outcome[late])
    importers = encoder.rates.get(("importer",))
    new = None if importers is None else importers.look_up(future.labels["importer"])[0] == 0
    figures = {
        "declarations": len(rows),
        "fraud_share": float(outcome.mean()),
        "rounds": rounds,
        **measured(raw, outcome[late], new),
    }

    prices = UsualPrices.fit(rows)
    everything = np.ones(len(rows), dtype=bool)
    x = _assemble(_unseen(rows, outcome, config), rows, prices, given, everything)
    forest = Forest(learner.grown(x, outcome, rounds, progress))
    recall = None
    if config.recall_trees:
        recall = Recall.fit(rows, outcome, trees=config.recall_trees, seed=seed)
    some = np.random.default_rng(seed).permutation(len(rows))[:_PROFILED]
    profile = Profile.fit(x[some], forest.contributions(x[some]))
    progress("head: what counts", 1, 1)
    encoder = Encoder.fit(rows, outcome, keys, config.prior)
    return Head(config, encoder, prices, forest, recall, blend, chances, checks, profile, figures)


def split_weeks(rows: Attributes, share: float) -> tuple[Bools, Bools]:
    """Masks of the earlier weeks and of the last ones, which hold at least `share` of the rows."""
    weeks, count = np.unique(rows.week, return_counts=True)
    if len(weeks) < _LEAST_WEEKS:
        raise InvalidValue(
            f"the outcomes span {len(weeks)} weeks",
            field="data",
            remedy=f"give at least {_LEAST_WEEKS} weeks, so that the last can be held out",
        )
    beyond = np.cumsum(count[::-1])[::-1] >= share * len(rows)
    first = weeks[max(int(np.flatnonzero(beyond)[-1]), 1)]
    late = rows.week >= first
    return ~late, late


def measured(raw: Floats, outcome: Floats, new: Bools | None = None) -> dict[str, Any]:
    """Precision and recall at budgets, the area under both curves; new importers apart."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    figures: dict[str, Any] = {}
    order = np.argsort(-raw, kind="stable")
    for budget in _BUDGETS:
        first = order[: max(round(budget * len(raw)), 1)]
        figures[f"precision_{budget:.0%}"] = float(outcome[first].mean())
        figures[f"recall_{budget:.0%}"] = float(outcome[first].sum() / max(outcome.sum(), 1.0))
    if 0 < outcome.sum() < len(outcome):
        figures["auroc"] = float(roc_auc_score(outcome, raw))
        figures["auc_pr"] = float(average_precision_score(outcome, raw))
    if new is not None and new.any():
        apart = measured(raw[new], outcome[new])
        figures["new_importers"] = {
            "share": float(new.mean()),
            "fraud_share": float(outcome[new].mean()),
            **apart,
        }
    return figures


def _blend(boosted: Floats, recalled: Floats | None, outcome: Floats) -> tuple[float, float, float]:
    """How much each voice counts on weeks that neither has seen; none counts against itself."""
    from sklearn.linear_model import LogisticRegression

    if recalled is None:
        return 1.0, 0.0, 0.0
    model = LogisticRegression(C=1.0).fit(np.stack([boosted, recalled], axis=1), outcome)
    first, second = model.coef_[0].tolist()
    if first <= 0 or second <= 0:  # one voice says nothing beside the other
        return (1.0, 0.0, 0.0) if first > 0 or second <= 0 else (0.0, 1.0, 0.0)
    return first, second, float(model.intercept_[0])


@dataclasses.dataclass(frozen=True)
class _Learner:
    config: HeadConfig
    rising: list[int]
    seed: int

    def stopped(
        self, x: Matrix, y: Floats, ahead: Matrix, after: Floats, progress: Progress
    ) -> tuple[tuple[str, ...], int]:
        """Models that stop where the later weeks gain nothing more, and how many rounds that took."""
        texts, rounds = [], []
        data = lgb.Dataset(x, y, free_raw_data=False)
        later = lgb.Dataset(ahead, after, reference=data, free_raw_data=False)
        for k in range(self.config.models):
            stop = lgb.early_stopping(self.config.patience, verbose=False)
            booster = lgb.train(self._parameters(k), data, self.config.rounds, [later], callbacks=[stop])
            rounds.append(booster.best_iteration or self.config.rounds)
            texts.append(str(booster.model_to_string(num_iteration=rounds[-1])))
            progress("head: held-out weeks", k + 1, self.config.models)
        return tuple(texts), int(np.mean(rounds))

    def grown(self, x: Matrix, y: Floats, rounds: int, progress: Progress) -> tuple[str, ...]:
        """Models of all rows."""
        texts = []
        data = lgb.Dataset(x, y, free_raw_data=False)
        for k in range(self.config.models):
            booster = lgb.train(self._parameters(k), data, max(round(rounds * _MORE), 10))
            texts.append(str(booster.model_to_string()))
            progress("head: all weeks", k + 1, self.config.models)
        return tuple(texts)

    def _parameters(self, model: int) -> dict[str, Any]:
        constraints = {"monotone_constraints": self.rising} if any(self.rising) else {}
        return {**BASE, **self.config.parameters(), **constraints, "seed": self.seed * 1000 + model}


def _unseen(rows: Attributes, outcome: Floats, config: HeadConfig) -> Matrix:
    """Rates of rows counted on other weeks than their own."""
    _, week = np.unique(rows.week, return_inverse=True)
    return encode_unseen(rows, outcome, week % config.folds, config.keys(), config.prior)


def _assemble(
    rates: Matrix, rows: Attributes, prices: UsualPrices, surprise: Floats | None, which: Bools
) -> Matrix:
    parts = [rates, figures_of(rows, prices)]
    if surprise is not None:
        parts.append(surprise[which])
    return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts], axis=1)


def _refuse_too_few(outcome: Floats, where: str) -> None:
    for count, what in ((int(outcome.sum()), "frauds"), (int((1 - outcome).sum()), "clean declarations")):
        if count < LEAST_EACH:
            raise InvalidValue(
                f"{where} hold {count} {what}",
                field="data",
                remedy=f"give inspected declarations with at least {LEAST_EACH} {what} early and late",
            )
