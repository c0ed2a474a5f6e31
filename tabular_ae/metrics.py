"""Honest figures of a ranking: found at a fixed alert budget, area under precision–recall, and its volume.

Every figure is taken from the whole ranking; no threshold is tuned. Point-adjusted F1 and affiliation are
not here because a random score does well by them. Detection delay is not here either: an anomaly of this
panel lasts one month, so it is seen in that month or missed, and a flag in a later month is a false alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tabular_ae.rows import Floats, Ints, Rows

BUDGETS = (0.005, 0.01, 0.05, 0.10)
# An anomaly lasts one month, so the buffer reaches no further than one month to each side.
LONGEST_BUFFER = 1

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Labels:
    """What is odd among n rows, and which rows belong together.

    odd: (n,) bool; series: (n,) number of each row's series; month: (n,) as `month_number`.
    """

    odd: Bools
    series: Ints
    month: Ints

    @classmethod
    def of(cls, rows: Rows, odd: Bools) -> Labels:
        """Series are item × country."""
        known: dict[tuple[str, str], int] = {}
        keys = zip(rows.hs, rows.country, strict=True)
        series = np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)
        return cls(odd, series, rows.month)

    @cached_property
    def count(self) -> int:
        """Number of series."""
        return int(self.series.max()) + 1 if len(self.series) else 0

    @cached_property
    def soft(self) -> tuple[Floats, ...]:
        """Labels for each buffer length from 0 to `LONGEST_BUFFER`: (n,) in 0…1."""
        return tuple(soft_labels(self, length) for length in range(LONGEST_BUFFER + 1))

    @cached_property
    def segments(self) -> tuple[Ints, ...]:
        """For each buffer length, the anomaly that each row belongs to, −1 for none: (n,)."""
        return tuple(_segments(self, soft) for soft in self.soft)


def soft_labels(labels: Labels, length: int) -> Floats:
    """1 at an anomaly, √(1 − d / (length + 1)) at d ≤ `length` months from one of the same series, else 0.

    The buffer of Paparrizos et al., "Volume Under the Surface" (VLDB 2022), with its root decay, counted in
    whole calendar months on either side: their window of 2 · length + 2 samples. A missing month is no
    sample, but it does count as time.
    """
    place = {key: i for i, key in enumerate(zip(labels.series.tolist(), labels.month.tolist(), strict=True))}
    soft = labels.odd.astype(np.float64)
    for i in np.flatnonzero(labels.odd).tolist():
        for d in range(1, length + 1):
            for month in (int(labels.month[i]) - d, int(labels.month[i]) + d):
                j = place.get((int(labels.series[i]), month))
                if j is not None:
                    soft[j] = max(soft[j], float(np.sqrt(1.0 - d / (length + 1.0))))
    return soft


def _segments(labels: Labels, soft: Floats) -> Ints:
    """Runs of months of one series with a label above 0, numbered; −1 elsewhere."""
    out = np.full(len(soft), -1, dtype=np.int64)
    order = np.lexsort((labels.month, labels.series))
    order = order[soft[order] > 0]
    if len(order):
        same = np.diff(labels.series[order]) == 0
        new = ~(same & (np.diff(labels.month[order]) <= 1))
        out[order] = np.concatenate([[0], np.cumsum(new)])
    return out


class Ranking:
    """One score over labelled rows, sorted once, measured under any weights of the series.

    Rows without a score come last. Rows of equal score share a rank for the areas; at a budget the earlier
    row of the file goes first.
    """

    def __init__(self, score: Floats, labels: Labels) -> None:
        filled = np.nan_to_num(score, nan=-np.inf)
        self.labels = labels
        self.order = np.argsort(-filled, kind="stable")
        ranked = filled[self.order]
        self._odd = labels.odd[self.order].astype(np.float64)
        self._series = labels.series[self.order]
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])
        self._soft = tuple(soft[self.order] for soft in labels.soft)
        self._firsts = tuple(_firsts(segments[self.order]) for segments in labels.segments)

    def measure(self, weights: Floats | None = None) -> dict[str, float]:
        """Recall at each of `BUDGETS`, `auc_pr` and `vus_pr`; weights: (series,) how often each counts.

        NaN where the weights leave no anomaly.
        """
        w = np.ones(len(self.order)) if weights is None else weights[self._series]
        rows, hits = np.cumsum(w), np.cumsum(w * self._odd)
        total = hits[-1] if len(hits) else 0.0
        if not total > 0:
            return {**{f"{b:g}": np.nan for b in BUDGETS}, "auc_pr": np.nan, "vus_pr": np.nan}
        found = {}
        for budget in BUDGETS:
            allowed = round(budget * float(rows[-1]))
            last = int(np.searchsorted(rows, allowed, side="right")) - 1
            found[f"{budget:g}"] = float(hits[last] / total) if last >= 0 else 0.0
        ends = self._ends
        rows, hits = rows[ends], hits[ends]
        steps = np.diff(hits, prepend=0.0) / total
        auc = float((steps * hits / np.maximum(rows, 1e-12)).sum())
        volume = [
            self._range_auc(w, rows, total, soft, first)
            for soft, first in zip(self._soft, self._firsts, strict=True)
        ]
        return {**found, "auc_pr": auc, "vus_pr": float(np.mean(volume))}

    def _range_auc(self, w: Floats, rows: Floats, odd: float, soft: Floats, first: Floats) -> float:
        """Area under range precision and range recall at one buffer length (Paparrizos et al., 2022).

        Recall is the soft labels above the threshold over the mean of hard and soft label mass, at most 1,
        times the share of anomalies with any row above it.
        """
        gained = np.cumsum(w * soft)
        seen = np.cumsum(w * first)
        mass, anomalies = 0.5 * (odd + gained[-1]), seen[-1]
        gained, seen = gained[self._ends], seen[self._ends]
        recall = np.minimum(gained / mass, 1.0) * seen / anomalies
        precision = gained / np.maximum(rows, 1e-12)
        return float((np.diff(recall, prepend=0.0) * precision).sum())


def _firsts(segments: Ints) -> Floats:
    """1 where a segment is met for the first time from the top, else 0."""
    out = np.zeros(len(segments))
    known, at = np.unique(segments, return_index=True)
    out[at[known >= 0]] = 1.0
    return out


def recall_by_kind(score: Floats, kind: Sequence[str], budget: float) -> dict[str, int]:
    """How many anomalies of each kind are among the oddest `budget` of rows."""
    kinds = np.array(kind, dtype=object)
    order = np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")
    top = kinds[order[: round(budget * len(order))]]
    return {name: int((top == name).sum()) for name in dict.fromkeys(kind) if name}


def false_alarms(p: Floats, threshold: float = 0.01) -> float:
    """Rows with p ≤ threshold per 1,000 scored series-months; give it clean rows. NaN without a score."""
    known = p[np.isfinite(p)]
    return float(1000.0 * (known <= threshold).mean()) if len(known) else float("nan")


def series_weights(count: int, draws: int, seed: int) -> Floats:
    """Bootstrap by series: (draws, count), how often each series is drawn with replacement."""
    rng = np.random.default_rng([seed, 2])
    return rng.multinomial(count, np.full(count, 1.0 / count), size=draws).astype(np.float64)


def bootstrap(rankings: Sequence[Ranking], weights: Floats) -> dict[str, Floats]:
    """Each figure of the mean over `rankings` (one for each seed) under each row of `weights`: (draws,).

    The same weights serve every score, so that differences and ratios can be taken draw by draw.
    """
    draws: dict[str, list[float]] = {}
    for row in weights:
        runs = [ranking.measure(row) for ranking in rankings]
        for key in runs[0]:
            draws.setdefault(key, []).append(float(np.mean([run[key] for run in runs])))
    return {key: np.array(values) for key, values in draws.items()}


def interval(values: Floats, share: float = 0.95) -> tuple[float, float]:
    """The middle `share` of bootstrap values, NaN left out."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
