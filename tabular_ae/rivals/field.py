"""All rivals fitted at once on the same rows, each score with the p-value that its earlier months give it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from customs.calibrate import Conformal
from customs.progress import Progress, silent
from tabular_ae.history import History
from tabular_ae.rivals.boosted import fit_boosted
from tabular_ae.rivals.outliers import fit_outliers
from tabular_ae.rivals.simple import SIMPLE, freight_z
from tabular_ae.rows import Floats, Rows

# One or more scores by name, each (n,).
Scores = Callable[[History, Rows], dict[str, Floats]]
FREIGHT = "freight robust z"
_MEMORY = 12
_HELD_BACK = 0.2


@dataclass(frozen=True, eq=False)
class Field:
    """Fitted rivals and what each of them scores on clean months.

    clean: by rival, the scores of the learning period's last fifth under a fit of the months before it.
    """

    history: History
    fitted: tuple[Scores, ...]
    clean: dict[str, Conformal]

    def scores(self, rows: Rows) -> dict[str, Floats]:
        """Price scores by rival: (n,), higher = odder, NaN = no history."""
        history = self.history.with_rows(rows)
        return {name: s for score in self.fitted for name, s in score(history, rows).items()}

    def overall(self, rows: Rows, scores: dict[str, Floats]) -> dict[str, Floats]:
        """The larger of a rival's price surprise and the surprise of a plain freight z."""
        freight = np.nan_to_num(self._surprise(FREIGHT, freight_z(self.history.with_rows(rows), rows)), nan=0)
        out = {}
        for name, score in scores.items():
            price = self._surprise(name, score)
            out[name] = np.where(np.isfinite(price), np.maximum(price, freight), freight)
        return out

    def p_values(self, scores: dict[str, Floats]) -> dict[str, Floats]:
        """Conformal p-values of price scores, NaN without a score."""
        return {
            name: self.clean[name].many(score, [("all",)] * len(score))[0]
            for name, score in scores.items()
            if name in self.clean
        }

    def _surprise(self, name: str, score: Floats) -> Floats:
        if name not in self.clean:
            return np.full(len(score), np.nan)
        return self.clean[name].many(score, [("all",)] * len(score))[1]


def fit_field(learn: Rows, seed: int, progress: Progress = silent) -> Field:
    """Fit every rival on `learn`, and once more on its first four fifths to learn what clean months score."""
    months = np.unique(learn.month)
    start = months[-max(1, round(_HELD_BACK * len(months)))]
    early, late = learn.take(learn.month < start), learn.take(learn.month >= start)
    trial = _fit(early, seed, lambda stage, done, total: progress(stage, done, 2 * total))
    history = trial[0].with_rows(late)
    scores = {name: s for score in trial[1] for name, s in score(history, late).items()}
    scores[FREIGHT] = freight_z(history, late)
    clean = {}
    for name, score in scores.items():
        known = score[np.isfinite(score)]
        if len(known):
            clean[name] = Conformal.fit(known, [("all",)] * len(known))
    history, fitted = _fit(learn, seed, lambda stage, done, total: progress(stage, total + done, 2 * total))
    return Field(history, fitted, clean)


def _fit(rows: Rows, seed: int, progress: Progress) -> tuple[History, tuple[Scores, ...]]:
    history = History(rows, memory=_MEMORY)

    def simple(past: History, new: Rows) -> dict[str, Floats]:
        return {name: score(past, new) for name, score in SIMPLE.items()}

    outliers = fit_outliers(history, rows, seed)
    progress("fitting rivals", 1, 2)
    boosted = fit_boosted(history, rows, seed)
    progress("fitting rivals", 2, 2)
    return history, (simple, outliers, boosted)
