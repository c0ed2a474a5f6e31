"""How often clean cases are flagged: of cases held out at random, and of later months."""

from __future__ import annotations

from typing import Any

import numpy as np

from customs.calibrate import MIN_GROUP
from fusion.data import Cases, Floats, joined, patterns
from fusion.evaluate.figures import alarms
from fusion.joint import Joint
from fusion.model import FusionConfig, aligned_to
from fusion.policy import Policy

NOMINAL = (0.05, 0.01, 0.001)
HELD_OUT, LATER = "held out at random", "later months"
_FOLDS = 5


def measured(
    settled: Cases, review: Cases, config: FusionConfig, policy: Policy, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """By how it was held out and by what was sent: the shares of clean cases flagged at nominal rates.

    settled, review: clean cases. Held out at random: every case of both against the other four fifths of all.
    Later months: those under review against those settled before them.
    """
    every = joined([settled, review])
    fold = np.random.default_rng(seed).integers(0, _FOLDS, len(every))
    p, surprise = np.full(len(every), np.nan), np.full(len(every), np.nan)
    for k in range(_FOLDS):
        away = fold == k
        p[away], surprise[away] = _judged(every.take(~away), every.take(away), config, policy)
    return {
        HELD_OUT: _by_pattern(every, p, surprise),
        LATER: _by_pattern(review, *_judged(settled, review, config, policy)),
    }


def _judged(known: Cases, other: Cases, config: FusionConfig, policy: Policy) -> tuple[Floats, Floats]:
    """P-values and surprises of cases by what others, known to be clean, look like."""
    joint = Joint.fit(known, policy, gamma=config.gamma)
    p, surprise, _ = joint.score(aligned_to(other, joint.checks))
    return p, surprise


def _by_pattern(cases: Cases, p: Floats, surprise: Floats) -> dict[str, Any]:
    came = np.array(patterns(cases.checks, np.isfinite(cases.surprise)))
    found = {}
    for name in sorted(set(came.tolist()) - {""}):
        mine = came == name
        if mine.sum() >= MIN_GROUP:
            found[name] = {
                f"{n}": {**alarms(surprise[mine] >= -np.log10(n)), "counted": float((p[mine] <= n).mean())}
                for n in NOMINAL
            }
    return found
