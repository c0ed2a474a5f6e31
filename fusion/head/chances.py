"""From the head's raw score to the chance of a finding, by isotonic regression on held-out weeks.

Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fusion.head.attributes import Floats

# The rest of the scale keeps the order within a step of the isotonic curve.
_WITHIN = 1e-6
_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Chances:
    """Held-out raw scores and what was found there, (n,) each; the curve is drawn from them."""

    raw: Floats
    outcome: Floats

    @cached_property
    def _curve(self) -> tuple[Floats, Floats]:
        return _isotonic(self.raw, self.outcome)

    def __call__(self, raw: Floats) -> Floats:
        """(n,) raw scores to chances in (0, 1), strictly in the same order."""
        chance = _read(self._curve, raw)
        return np.asarray((1 - _WITHIN) * chance + _WITHIN / (1.0 + np.exp(-np.clip(raw, -700, 700))))

    def hits(self, raw: Floats, *, seed: int = 0, share: float = 0.9) -> tuple[float, float, float]:
        """Expected findings among rows with these scores, and an interval that holds `share` of the time.

        It spans both how uncertain the curve is (bootstrap of the held-out rows) and how chance falls.
        """
        if not len(raw):
            return 0.0, 0.0, 0.0
        rng = np.random.default_rng(seed)
        expected = float(_read(self._curve, raw).sum())
        totals = np.empty(_DRAWS)
        for draw in range(_DRAWS):
            rows = rng.integers(0, len(self.raw), len(self.raw))
            p = _read(_isotonic(self.raw[rows], self.outcome[rows]), raw)
            totals[draw] = p.sum() + np.sqrt((p * (1 - p)).sum()) * rng.standard_normal()
        low, high = np.quantile(totals, [(1 - share) / 2, (1 + share) / 2])
        return expected, float(max(low, 0.0)), float(min(high, len(raw)))


def _read(curve: tuple[Floats, Floats], raw: Floats) -> Floats:
    return np.asarray(np.interp(raw, *curve))


def _isotonic(raw: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Knots of a rising curve through the middle of each pooled step; no step is quite 0 or 1."""
    from sklearn.isotonic import IsotonicRegression

    order = np.argsort(raw, kind="stable")
    x, y = raw[order], outcome[order]
    fitted = IsotonicRegression(out_of_bounds="clip").fit_transform(x, y)
    steps, start, count = np.unique(fitted, return_index=True, return_counts=True)
    level = (steps * count + 0.5 * steps.mean()) / (count + 0.5)
    level = np.maximum.accumulate(np.clip(level, 0.5 / (len(x) + 1), 1 - 0.5 / (len(x) + 1)))
    middle: npt.NDArray[np.float64] = np.array(
        [x[s : s + c].mean() for s, c in zip(start, count, strict=True)], dtype=np.float64
    )
    return middle, level
