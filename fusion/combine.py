"""Many p-values to one, however many spoke and however they depend on each other.

Cauchy combination: Liu and Xie, "Cauchy combination test", JASA 115 (2020) 393–402: the weighted mean of
tan((½ − p)π) is close to standard Cauchy in its tail under any dependence. Truncation from above: Fang,
Chang, Park and Tseng, Statistica Sinica 33 (2023) 1115–1142: a p-value close to one would otherwise
cancel a very small one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LN10 = math.log(10.0)
# Below this p-value tan((½ − p)π) is 1/(pπ) to double precision.
_TINY = 1e-9


def cauchy_combination(
    p_values: Sequence[float], weights: Sequence[float] | None = None, *, cap: float = 0.9
) -> float:
    """One p-value in (0, 1) from one or more p-values in (0, 1]; `cap` bounds how reassuring one can be.

    >>> round(cauchy_combination([0.01]), 4)
    0.01
    >>> round(cauchy_combination([0.001, 0.5, 0.5]), 4)
    0.003
    """
    if not p_values:
        raise ValueError("nothing to combine")
    shares = weights if weights is not None else [1.0] * len(p_values)
    mean = sum(w * _cauchy(min(p, cap)) for p, w in zip(p_values, shares, strict=True)) / sum(shares)
    return 1.0 / (mean * math.pi) if mean > 1.0 / (_TINY * math.pi) else 0.5 - math.atan(mean) / math.pi


def combine_surprise(
    surprises: Sequence[float], weights: Sequence[float] | None = None, *, cap: float = 0.9
) -> float:
    """The same on the −log10 scale, exact far beyond what a float probability can hold.

    >>> round(combine_surprise([400.0, 0.3]), 2)
    399.7
    """
    shares = list(weights) if weights is not None else [1.0] * len(surprises)
    worst = max(surprises)
    if worst < 300:
        return -math.log10(cauchy_combination([10.0**-s for s in surprises], shares, cap=cap))
    # only terms of the same order count: Σ w·10^s/π in units of the largest
    mean = sum(w * 10.0 ** (s - worst) for s, w in zip(surprises, shares, strict=True)) / sum(shares)
    return worst + math.log10(mean)


def _cauchy(p: float) -> float:
    return 1.0 / (p * math.pi) if p < _TINY else math.tan((0.5 - p) * math.pi)
