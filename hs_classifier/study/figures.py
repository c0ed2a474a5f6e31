"""Shares of right answers over seeds, with an interval that does not flatter."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass
class Tally:
    """Right answers of one configuration: for each seed how many of how many."""

    first: dict[int, int] = field(default_factory=dict)
    among_three: dict[int, int] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)

    def add(self, seed: int, scores: npt.NDArray[np.floating], truth: npt.NDArray[np.int64]) -> None:
        """scores: (texts, classes), higher = likelier; truth: (texts,) columns."""
        # stable, so that equal scores (no neighbour at all) do not depend on the sort
        best = np.argsort(-scores, axis=1, kind="stable")[:, :3]
        right = best == truth[:, None]
        self.first[seed] = self.first.get(seed, 0) + int(right[:, 0].sum())
        self.among_three[seed] = self.among_three.get(seed, 0) + int(right.any(axis=1).sum())
        self.asked[seed] = self.asked.get(seed, 0) + len(truth)

    def figures(self) -> dict[str, float]:
        """Per cent: ours (top-1), low and high (its 95 % interval), top3."""
        seeds = list(self.asked)
        shares = np.array([self.first[s] / self.asked[s] for s in seeds])
        ours = float(shares.mean())
        half = half_width(shares, max(self.asked.values()))
        top3 = float(np.mean([self.among_three[s] / self.asked[s] for s in seeds]))
        found = {"ours": ours, "low": max(ours - half, 0.0), "high": min(ours + half, 1.0), "top3": top3}
        return {key: round(100 * value, 2) for key, value in found.items()}


def half_width(shares: npt.NDArray[np.float64], asked: int) -> float:
    """Half of a 95 % interval: the wider of what seeds show (Student's t) and what `asked` texts allow.

    Seeds share most of their texts, so agreement between them alone promises too much.
    """
    from scipy.stats import t

    p = float(shares.mean())
    sampling = 1.96 * float(np.sqrt(p * (1 - p) / asked))
    if len(shares) < 2:
        return sampling
    spread = float(t.ppf(0.975, len(shares) - 1)) * float(shares.std(ddof=1)) / len(shares) ** 0.5
    return max(sampling, spread)
