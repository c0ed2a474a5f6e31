"""Figures of merit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def auroc(clean: npt.ArrayLike, odd: npt.ArrayLike) -> float:
    """Chance that an odd case scores above a clean one, ties counting half.

    >>> auroc([0.0, 1.0], [1.0, 2.0])
    0.875
    """
    a, b = np.sort(np.asarray(clean, dtype=np.float64)), np.asarray(odd, dtype=np.float64)
    below, upto = np.searchsorted(a, b, side="left"), np.searchsorted(a, b, side="right")
    return float((below + upto).mean() / (2 * len(a)))


def interval(clean: npt.ArrayLike, odd: npt.ArrayLike, seed: int = 0, rounds: int = 500) -> list[float]:
    """2.5 and 97.5 % of the area under resampled cases."""
    rng = np.random.default_rng(seed)
    a, b = np.asarray(clean, dtype=np.float64), np.asarray(odd, dtype=np.float64)
    found = [
        auroc(a[rng.integers(0, len(a), len(a))], b[rng.integers(0, len(b), len(b))]) for _ in range(rounds)
    ]
    return [float(x) for x in np.quantile(found, [0.025, 0.975])]
