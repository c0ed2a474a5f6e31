"""The rules by which the proposal turned errors into flags, each fitted on validation scores alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from tabular_ae.rows import Floats, Ints, Rows

ThresholdKind = Literal["top5", "top10", "iqr", "dynamic"]
KINDS: tuple[ThresholdKind, ...] = ("top5", "top10", "iqr", "dynamic")

_SHARES = {"top5": 0.05, "top10": 0.10}
# Tukey, "Exploratory Data Analysis" (1977): beyond the upper quartile by this many quartile ranges.
_FENCE = 1.5
# The dynamic rule: standard deviations above the moving mean, errors of the series that move along, and how
# few of them leave it to all validation errors.
_DEVIATIONS = 3.0
_MOVING = 12
_FEWEST = 3

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Threshold:
    """One fitted rule. A row is flagged when its score lies above `level`, or above its series' moving one.

    level: the score to exceed; of `dynamic`, for series with fewer than three earlier errors.
    least: smallest spread believed of a series. tails: the last validation errors of each series (item,
    country) with their months, oldest first, that a `dynamic` rule goes on from.
    """

    kind: str
    level: float
    least: float = 0.0
    tails: Mapping[tuple[str, str], tuple[Ints, Floats]] = field(default_factory=dict)

    @classmethod
    def fit(cls, kind: ThresholdKind, validation_scores: Floats, validation_rows: Rows) -> Threshold:
        """Fit on held-out scores (n,), NaN left out, and their rows.

        Raises:
            InvalidValue: an unknown kind, or no score at all.
        """
        if kind not in KINDS:
            raise InvalidValue(f"got {kind!r}", field="threshold", remedy=f"choose from {', '.join(KINDS)}")
        known = np.isfinite(validation_scores)
        scores = np.asarray(validation_scores, dtype=np.float64)[known]
        if not len(scores):
            raise InvalidValue(
                "no validation score to fit on", field="threshold", remedy="hold out rows with earlier months"
            )
        if kind in _SHARES:
            return cls(kind, float(np.quantile(scores, 1.0 - _SHARES[kind], method="lower")))
        if kind == "iqr":
            low, high = np.quantile(scores, [0.25, 0.75])
            return cls(kind, float(high + _FENCE * (high - low)))
        rows = validation_rows.take(known)
        spread = _moving(scores, rows, {})[1]
        moved = spread[np.isfinite(spread)]
        return cls(
            kind,
            float(scores.mean() + _DEVIATIONS * scores.std()),
            float(np.median(moved)) if len(moved) else float(scores.std()),
            _tails(scores, rows),
        )

    def flag(self, scores: Floats, rows: Rows) -> Flags:
        """Which rows (n,) to flag; one without a score never is.

        The dynamic rule compares with errors of earlier months of the same series only.
        """
        level: Floats | float = self.level
        if self.kind == "dynamic":
            mean, spread = _moving(scores, rows, self.tails)
            moving = mean + _DEVIATIONS * np.maximum(spread, self.least)
            level = np.where(np.isfinite(moving), moving, self.level)
        return np.asarray(scores > level, dtype=np.bool_)


def tuned(validation_scores: Floats, planted: Flags) -> Threshold:
    """The threshold of the best F1 on validation rows in which anomalies were planted, never on test rows.

    validation_scores, planted: (n,). Of equal ones the highest threshold is taken.

    Raises:
        InvalidValue: no planted row has a score.
    """
    known = np.isfinite(validation_scores)
    scores, odd = np.asarray(validation_scores, dtype=np.float64)[known], np.asarray(planted)[known]
    if not odd.any():
        raise InvalidValue(
            "no planted validation row has a score", field="threshold", remedy="plant in rows that are scored"
        )
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(odd[order])
    flagged = np.arange(1, len(order) + 1)
    f1 = 2.0 * found / (flagged + int(odd.sum()))
    ordered = scores[order]
    f1[:-1][ordered[1:] == ordered[:-1]] = -1.0  # equal scores are flagged together
    best = int(np.argmax(f1))
    below = ordered[best + 1] if best + 1 < len(ordered) else np.nextafter(ordered[best], -np.inf)
    return Threshold("tuned", float(below))


def _moving(
    scores: Floats, rows: Rows, tails: Mapping[tuple[str, str], tuple[Ints, Floats]]
) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the up to twelve errors before each row: (n,), NaN where too few."""
    mean, spread = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    members: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(rows.hs, rows.country, strict=True)):
        members.setdefault(key, []).append(i)
    for key, places in members.items():
        mine = np.array(places)
        months, errors = tails.get(key, (np.empty(0, dtype=np.int64), np.empty(0)))
        known = mine[np.isfinite(scores[mine])]
        months = np.concatenate([months, rows.month[known]])
        errors = np.concatenate([errors, scores[known]])
        order = np.argsort(months, kind="stable")
        months, errors = months[order], errors[order]
        for i in mine:
            stop = int(np.searchsorted(months, rows.month[i], side="left"))
            past = errors[max(stop - _MOVING, 0) : stop]
            if len(past) >= _FEWEST:
                mean[i], spread[i] = past.mean(), past.std()
    return mean, spread


def _tails(scores: Floats, rows: Rows) -> dict[tuple[str, str], tuple[Ints, Floats]]:
    """The last twelve months and errors of each series, oldest first."""
    found: dict[tuple[str, str], list[int]] = {}
    for i in np.argsort(rows.month, kind="stable"):
        found.setdefault((rows.hs[i], rows.country[i]), []).append(int(i))
    return {key: (rows.month[i[-_MOVING:]], scores[i[-_MOVING:]]) for key, i in found.items()}
