"""The proposal's price anomalies, planted with a seed into clean rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tabular_ae.rows import Rows


@dataclass(frozen=True)
class Kind:
    """One kind of anomaly: how many rows, and what becomes of their unit value.

    low, high: the value falls to a share between them; both None: the row takes the mean unit value of the
    fifth of codes at the other end of the price scale, `dearer` saying which end.
    """

    name: str
    count: int
    low: float | None = None
    high: float | None = None
    dearer: bool = False


# The price part of the 2025 proposal's hundred anomalies, with its counts.
PROPOSAL: tuple[Kind, ...] = (
    Kind("drop 15–30 %", 30, 0.70, 0.85),
    Kind("drop 30–70 %", 10, 0.30, 0.70),
    Kind("drop 70–80 %", 10, 0.20, 0.30),
    Kind("cheap code at a dear price", 20, dearer=True),
    Kind("dear code at a cheap price", 10),
)


@dataclass(frozen=True)
class Planted:
    """Rows with anomalies in them, and where: `kind` names it for each row, empty where clean."""

    rows: Rows
    kind: tuple[str, ...]

    @property
    def odd(self) -> np.ndarray:
        """(n,) bool."""
        return np.array([k != "" for k in self.kind])


def plant(rows: Rows, seed: int, kinds: Sequence[Kind] = PROPOSAL) -> Planted:
    """Change the value, never the weight, of rows drawn without replacement.

    A panel too small for the counts gets as many as a tenth of its rows, in the same proportions.
    """
    rng = np.random.default_rng(seed)
    usable = np.isfinite(rows.log_unit)
    share = min(1.0, 0.1 * usable.sum() / sum(kind.count for kind in kinds))
    cheap, dear, cheap_price, dear_price = _fifths(rows, usable)
    value, names = rows.value.copy(), [""] * len(rows)
    for kind in kinds:
        free = usable & np.array([not name for name in names])
        if kind.low is None:
            free &= cheap if kind.dearer else dear
        pool = np.flatnonzero(free)
        for row in rng.choice(pool, size=min(max(round(kind.count * share), 1), len(pool)), replace=False):
            if kind.low is not None and kind.high is not None:
                value[row] *= rng.uniform(kind.low, kind.high)
            else:
                value[row] = rows.weight[row] * (dear_price if kind.dearer else cheap_price)
            names[row] = kind.name
    return Planted(replace(rows, value=value), tuple(names))


def _fifths(rows: Rows, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Rows of the cheapest and of the dearest fifth of codes, and the mean unit value (USD/kg) of each."""
    codes, index = np.unique(rows.hs[usable].astype(str), return_inverse=True)
    price = np.bincount(index, np.exp(rows.log_unit[usable])) / np.bincount(index)
    low, high = np.quantile(price, [0.2, 0.8])
    place = {code: i for i, code in enumerate(codes)}
    of_row = np.array([price[place[hs]] if hs in place else np.nan for hs in rows.hs])
    return (
        of_row <= low,
        of_row >= high,
        float(price[price <= low].mean()),
        float(price[price >= high].mean()),
    )
