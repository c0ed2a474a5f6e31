"""The 2025 proposal's hundred anomalies, planted with a seed into clean rows, and a record of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tabular_ae.macro import Macro
from tabular_ae.rows import Floats, Rows, month_text

# Oil of an earlier month stands in for one that is not out yet, months.
_OIL_CARRY = 3
OIL, RATE = "dubai_usd_bbl", "krw_per_usd"


@dataclass(frozen=True)
class Kind:
    """One kind of anomaly: how many rows, which column, and what becomes of it.

    low, high: the column is multiplied by a factor between them; with `oil`, freight per kg *becomes* that
    many times Dubai oil. Both None: the row takes the mean unit value of the fifth of codes at the other end
    of the price scale, `dearer` saying which end.
    """

    name: str
    count: int
    low: float | None = None
    high: float | None = None
    dearer: bool = False
    column: Literal["value", "freight"] = "value"
    oil: bool = False


PRICE_KINDS: tuple[Kind, ...] = (
    Kind("drop 15–30 %", 30, 0.70, 0.85),
    Kind("drop 30–70 %", 10, 0.30, 0.70),
    Kind("drop 70–80 %", 10, 0.20, 0.30),
    Kind("cheap code at a dear price", 20, dearer=True),
    Kind("dear code at a cheap price", 10),
)
# The proposal gave oil in USD a barrel and freight in won: 20–30 × oil is read as that many KRW/kg.
FREIGHT_KINDS: tuple[Kind, ...] = (
    Kind("freight × 1.5", 10, 1.5, 1.5, column="freight"),
    Kind("freight 20–30 × oil", 5, 20.0, 30.0, column="freight", oil=True),
    Kind("route freight × 3", 5, 3.0, 3.0, column="freight"),
)
PROPOSAL: tuple[Kind, ...] = PRICE_KINDS + FREIGHT_KINDS


@dataclass(frozen=True)
class Change:
    """What was done to one row.

    row: its 0-based place; column: `value` (USD) or `freight` (per kg in the panel's unit); factor: after
    over before.
    """

    row: int
    hs: str
    country: str
    month: str
    kind: str
    column: str
    before: float
    after: float
    factor: float


@dataclass(frozen=True)
class Planted:
    """Rows with anomalies in them, and where.

    kind: its name for each row, empty where clean; changes: what was done, in the order of planting;
    left_out: kinds that this panel has nothing to plant in, with the reason.
    """

    rows: Rows
    kind: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def odd(self) -> npt.NDArray[np.bool_]:
        """(n,) bool."""
        return np.array([k != "" for k in self.kind], dtype=bool)

    def as_columns(self) -> dict[str, list[Any]]:
        """The changes as columns of a table, one line for each planted row."""
        return {f.name: [getattr(change, f.name) for change in self.changes] for f in fields(Change)}


def plant(
    rows: Rows,
    seed: int,
    kinds: Sequence[Kind] = PROPOSAL,
    *,
    macro: Macro | None = None,
    freight_unit: str | None = "krw_per_kg",
) -> Planted:
    """Change the value or the freight, never the weight, of rows drawn without replacement.

    A panel too small for the counts gets as many as a tenth of its rows in price anomalies and freight ones
    in the same proportion. Price kinds are drawn first, so that freight does not change what they hit.
    Freight kinds need rows with freight; the one against oil needs Dubai oil in `macro` too, and
    `freight_unit` in KRW, or in USD with the exchange rate in `macro`.
    """
    rng = np.random.default_rng(seed)
    usable = np.isfinite(rows.log_unit)
    with_freight = usable & np.isfinite(rows.log_freight)
    price_count = sum(kind.count for kind in kinds if kind.column == "value")
    freight_count = sum(kind.count for kind in kinds if kind.column == "freight")
    share = min(1.0, 0.1 * usable.sum() / max(price_count, 1))
    freight_share = min(share, 0.1 * with_freight.sum() / max(freight_count, 1))
    fifths = _fifths(rows, usable) if any(kind.low is None for kind in kinds) and usable.any() else None
    oil = _oil(rows, macro, freight_unit)
    columns = {"value": rows.value.copy(), "freight": rows.freight.copy()}
    names, changes, left_out = np.full(len(rows), "", dtype=object), [], []
    for kind in sorted(kinds, key=lambda k: k.column == "freight"):  # stable: price first
        free = (usable if kind.column == "value" else with_freight) & (names == "")
        if reason := _missing(kind, free, oil):
            left_out.append((kind.name, reason))
            continue
        if kind.oil:
            free &= np.isfinite(oil)
        elif kind.low is None:
            assert fifths is not None
            free &= fifths.cheap if kind.dearer else fifths.dear
        pool = np.flatnonzero(free)
        count = max(round(kind.count * (share if kind.column == "value" else freight_share)), 1)
        column = columns[kind.column]
        for row in rng.choice(pool, size=min(count, len(pool)), replace=False).tolist():
            before = float(column[row])
            if kind.low is None or kind.high is None:
                assert fifths is not None
                column[row] = rows.weight[row] * (fifths.dear_price if kind.dearer else fifths.cheap_price)
            else:
                factor = rng.uniform(kind.low, kind.high)
                column[row] = factor * (oil[row] if kind.oil else before)
            names[row] = kind.name
            after = float(column[row])
            changes.append(
                Change(
                    row,
                    str(rows.hs[row]),
                    str(rows.country[row]),
                    month_text(int(rows.month[row])),
                    kind.name,
                    kind.column,
                    before,
                    after,
                    after / before,
                )
            )
    return Planted(
        replace(rows, value=columns["value"], freight=columns["freight"]),
        tuple(names.tolist()),
        tuple(changes),
        tuple(left_out),
    )


def _missing(kind: Kind, free: npt.NDArray[np.bool_], oil: Floats) -> str:
    """Why a kind cannot be planted; empty if it can."""
    if not free.any():
        return "no row has freight" if kind.column == "freight" else "no row has a unit value"
    if kind.oil and not np.isfinite(oil[free]).any():
        return "no oil price for these months, or none in the unit of the freight"
    return ""


def _oil(rows: Rows, macro: Macro | None, freight_unit: str | None) -> Floats:
    """What one times Dubai oil is as freight per kg in the panel's unit: (n,), NaN where unknown."""
    if macro is None or freight_unit not in ("krw_per_kg", "usd_per_kg"):
        return np.full(len(rows), np.nan)
    oil = macro.one(OIL, rows.month, carry=_OIL_CARRY)
    return oil if freight_unit == "krw_per_kg" else oil / macro.one(RATE, rows.month, carry=_OIL_CARRY)


@dataclass(frozen=True)
class _Fifths:
    """Rows of the cheapest and of the dearest fifth of codes (n,), and the mean USD/kg of each."""

    cheap: npt.NDArray[np.bool_]
    dear: npt.NDArray[np.bool_]
    cheap_price: float
    dear_price: float


def _fifths(rows: Rows, usable: npt.NDArray[np.bool_]) -> _Fifths:
    codes, index = np.unique(rows.hs[usable].astype(str), return_inverse=True)
    price = np.bincount(index, np.exp(rows.log_unit[usable])) / np.bincount(index)
    low, high = np.quantile(price, [0.2, 0.8])
    place = {code: i for i, code in enumerate(codes)}
    of_row = np.array([price[place[hs]] if hs in place else np.nan for hs in rows.hs])
    return _Fifths(
        of_row <= low,
        of_row >= high,
        float(price[price <= low].mean()),
        float(price[price >= high].mean()),
    )
