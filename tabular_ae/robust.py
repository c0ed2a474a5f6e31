"""Linear regression that a few wild months cannot bend."""

from __future__ import annotations

import numpy as np

from tabular_ae.rows import Floats

_MAD_TO_SD = 1.4826
# Errors beyond this many spreads count by their sign alone (95 % as good as least squares on clean normal
# errors: Huber, "Robust Statistics", 1981).
_HUBER = 1.345
_ROUNDS = 20
_LEAST_SPREAD = 1e-6


def huber_ridge(
    x: Floats, y: Floats, precision: Floats, centre: Floats | None = None
) -> tuple[Floats, float]:
    """Coefficients (k,) of y (n,) on x (n, k) and the spread of the errors, by reweighted least squares.

    precision: (k,) 1/sd² of a normal prior about `centre` (k,), by default zero. No column of ones is added.
    """
    start = np.zeros(x.shape[1]) if centre is None else centre
    coefficients = start.copy()
    spread = _spread(y - x @ coefficients)
    for _ in range(_ROUNDS):
        error = y - x @ coefficients
        spread = _spread(error)
        weight = np.minimum(1.0, _HUBER * spread / np.maximum(np.abs(error), 1e-12))
        gram = (x * weight[:, None]).T @ x / spread**2 + np.diag(precision)
        moment = (x * weight[:, None]).T @ y / spread**2 + precision * start
        coefficients = np.asarray(np.linalg.solve(gram, moment), dtype=np.float64)
    return coefficients, spread


def _spread(error: Floats) -> float:
    return max(_MAD_TO_SD * float(np.median(np.abs(error))), _LEAST_SPREAD) if len(error) else _LEAST_SPREAD
