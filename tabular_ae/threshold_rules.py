"""What the proposal's threshold rules flag: fitted on held-out months, applied to the planted ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tabular_ae.plant import Planted, plant
from tabular_ae.rows import Rows
from tabular_ae.scorer import TabularScorer
from tabular_ae.thresholds import KINDS, Threshold, tuned


def flagged_by_rules(
    scorer: TabularScorer, learn: Rows, planted: Planted, seed: int
) -> dict[str, dict[str, float]]:
    """By rule: share of planted test rows flagged, anomalies `found` of `planted`, and precision.

    The rules see the raw errors of the months that the scorer held out of its training; `tuned` sees
    anomalies planted there with another seed, never those of the test.
    """
    months = np.unique(learn.month)
    share = scorer.price.config.calibration_share
    hold = learn.take(learn.month >= months[-max(1, round(share * len(months)))])
    clean = scorer.price.score(scorer.history, hold).score
    trial = plant(hold, seed + 10_000)
    trial_scores = scorer.price.score(scorer.history.with_rows(trial.rows), trial.rows).score
    rules: dict[str, Threshold] = {kind: Threshold.fit(kind, clean, hold) for kind in KINDS}
    if (np.isfinite(trial_scores) & trial.odd).any():
        rules["tuned"] = tuned(trial_scores, trial.odd)
    scores = scorer.price.score(scorer.history.with_rows(planted.rows), planted.rows).score
    return {name: _counted(rule.flag(scores, planted.rows), planted) for name, rule in rules.items()}


def _counted(flags: npt.NDArray[np.bool_], planted: Planted) -> dict[str, float]:
    odd = planted.odd
    found = int((flags & odd).sum())
    return {
        "flagged": float(flags.mean()),
        "found": float(found),
        "planted": float(odd.sum()),
        "precision": found / max(int(flags.sum()), 1),
    }
