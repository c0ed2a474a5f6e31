"""Scores side by side over several plantings: means, bootstrap intervals by series, and ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from customs.progress import Progress, silent
from tabular_ae.metrics import BUDGETS, Labels, Ranking, bootstrap, interval, recall_by_kind, series_weights
from tabular_ae.plant import Planted
from tabular_ae.presets import DEFAULT
from tabular_ae.rows import Floats

KIND_BUDGET = 0.05
YARDSTICK = "rolling-median z"
RANDOM = "random"
BUDGET_KEYS = tuple(f"{budget:g}" for budget in BUDGETS)


class Contest:
    """Collects the scores of each planting; all scores of one planting share its rows."""

    def __init__(self) -> None:
        self._rankings: dict[str, list[Ranking]] = {}
        self._found: dict[str, list[dict[str, int]]] = {}
        self._kinds: dict[str, None] = {}  # in the order of planting
        self._planted: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._planted)

    def add(self, scores: Mapping[str, Floats], planted: Planted, columns: Sequence[str]) -> None:
        """One planting; anomalies of other columns than these count as ordinary rows."""
        counted = {change.row for change in planted.changes if change.column in columns}
        kind = [name if i in counted else "" for i, name in enumerate(planted.kind)]
        labels = Labels.of(planted.rows, np.array([name != "" for name in kind], dtype=bool))
        self._planted.append(len(counted))
        for name, score in scores.items():
            self._rankings.setdefault(name, []).append(Ranking(score, labels))
            self._found.setdefault(name, []).append(recall_by_kind(score, kind, KIND_BUDGET))
        self._kinds |= dict.fromkeys(change.kind for change in planted.changes if change.column in columns)

    def report(self, draws: int, seed: int, progress: Progress = silent) -> dict[str, Any]:
        """`planted`; by score the figures as `[mean, low, high]` and `by_kind`; `ratios` of ours to theirs.

        `found` counts anomalies: the recall at a budget times how many were planted.
        """
        planted = float(np.mean(self._planted))
        count = next(iter(self._rankings.values()))[0].labels.count
        weights = series_weights(count, draws, seed)
        means: dict[str, dict[str, float]] = {}
        sampled: dict[str, dict[str, Floats]] = {}
        for done, (name, rankings) in enumerate(self._rankings.items(), start=1):
            runs = [ranking.measure() for ranking in rankings]
            means[name] = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
            sampled[name] = bootstrap(rankings, weights)
            progress("resampling", done, len(self._rankings))
        scores = {}
        for name, figures in means.items():
            bars = {
                key: [value, *interval(sampled[name][key])] if draws else [value]
                for key, value in figures.items()
            }
            scores[name] = {
                "found": {key: [planted * value for value in bars[key]] for key in BUDGET_KEYS},
                "auc_pr": bars["auc_pr"],
                "vus_pr": bars["vus_pr"],
                "by_kind": self._by_kind(name),
            }
        return {"planted": planted, "scores": scores, "ratios": _ratios(means, sampled)}

    def _by_kind(self, name: str) -> dict[str, float]:
        runs = self._found[name]
        return {kind: float(np.mean([run.get(kind, 0) for run in runs])) for kind in self._kinds}


def _ratios(
    means: Mapping[str, Mapping[str, float]], sampled: Mapping[str, Mapping[str, Floats]]
) -> dict[str, dict[str, Any]]:
    """The default over the ten-line yardstick, and over whichever rival is best at each figure.

    The default's own variants are no rivals.
    """
    rivals = [name for name in means if not name.startswith(DEFAULT)]
    if DEFAULT not in means or not rivals:
        return {}
    best = {key: max(rivals, key=lambda name: means[name][key]) for key in means[DEFAULT]}
    found = {f"{DEFAULT} / best rival": {key: _ratio(means, sampled, key, best[key]) for key in best}}
    if YARDSTICK in means:
        found[f"{DEFAULT} / {YARDSTICK}"] = {key: _ratio(means, sampled, key, YARDSTICK) for key in best}
    return found


def _ratio(
    means: Mapping[str, Mapping[str, float]],
    sampled: Mapping[str, Mapping[str, Floats]],
    key: str,
    rival: str,
) -> dict[str, Any]:
    """Taken draw by draw, both on the same series."""
    theirs = means[rival][key]
    with np.errstate(divide="ignore", invalid="ignore"):
        of_draws = sampled[DEFAULT].get(key, np.empty(0)) / sampled[rival].get(key, np.empty(0))
    ratio = means[DEFAULT][key] / theirs if theirs else float("nan")
    return {"rival": rival, "ratio": [ratio, *interval(np.asarray(of_draws))] if len(of_draws) else [ratio]}
