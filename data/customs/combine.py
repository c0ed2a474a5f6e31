"""Many p-values to one, however many spoke and however they depend on each other.

Cauchy combination: Liu and Xie, "Cauchy combination test", JASA 115 (2020) 393–402: the weighted mean of
tan((½ − p)π) is close to standard Cauchy in its tail under any dependence. Truncation from above: Fang,
Chang, Park and Tseng, Statistica Sinica 33 (2023) 1115–1142: a p-value close to one would otherwise
cancel a very small one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CAP = 0.9
# P-values above the cap keep their order within this much of the room that is left to one.
_SOFT = 0.02
# Below this p-value tan((½ − p)π) is 1/(pπ) to double precision.
_TINY = 1e-9
# Surprise from which on 10^−surprise is left alone; floats end at 308.
_FAR, _MOST = 250.0, 300.0

Floats = npt.NDArray[np.float64]


def cauchy_combination(
    p_values: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, cap: float = CAP
) -> Floats:
    """Combine over the first axis: (checks, …) p-values in (0, 1] to (…) in (0, 1); NaN is a silent check.

    `cap` bounds how reassuring one check can be beside others; one that speaks alone is itself. NaN where all
    are silent.

    >>> float(cauchy_combination([0.01]).round(4))
    0.01
    >>> float(cauchy_combination([0.001, 0.5, 0.5]).round(4))
    0.003
    """
    p, share, known = _aligned(p_values, weights)
    safe = np.where(known, p, 0.5)
    safe = np.where(safe > cap, cap + _SOFT * (safe - cap), safe)
    tangent = np.where(safe < _TINY, 1.0 / (np.maximum(safe, 1e-320) * np.pi), np.tan((0.5 - safe) * np.pi))
    mean = (share * tangent).sum(axis=0)
    large = mean > 1.0 / (_TINY * np.pi)
    out = np.where(large, 1.0 / (np.where(large, mean, 1.0) * np.pi), 0.5 - np.arctan(mean) / np.pi)
    out = np.where(known.sum(axis=0) == 1, np.where(known, p, 0.0).sum(axis=0), out)
    return np.where(known.any(axis=0), out, np.nan)


def combine_surprise(
    surprises: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, cap: float = CAP
) -> Floats:
    """The same on the −log10 scale, exact far beyond what a float probability can hold.

    >>> float(combine_surprise([400.0, 0.3]).round(2))
    399.7
    """
    s, share, known = _aligned(surprises, weights)
    near = -np.log10(
        cauchy_combination(np.where(known, 10.0 ** -np.clip(s, 0.0, _MOST), np.nan), weights, cap=cap)
    )
    worst = np.where(known, s, -np.inf).max(axis=0)
    # only terms of the same order count: Σ w·10^s/π in units of the largest
    scaled = np.where(known, 10.0 ** np.clip(s - np.where(np.isfinite(worst), worst, 0.0), -_MOST, 0.0), 0.0)
    far = worst + np.log10(np.maximum((share * scaled).sum(axis=0), 1e-320))
    alone = np.where(known, s, 0.0).sum(axis=0)
    return np.where(known.sum(axis=0) == 1, alone, np.where(worst > _FAR, far, near))


def _aligned(
    values: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Values, each check's share of the weight among those that spoke, and which spoke."""
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        raise ValueError("nothing to combine")
    known = np.isfinite(found)
    weight = np.ones(len(found)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = np.where(known, weight.reshape(-1, *[1] * (found.ndim - 1)), 0.0)
    return np.where(known, found, 0.0), share / np.maximum(share.sum(axis=0), 1e-300), known
