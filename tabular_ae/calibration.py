"""Clean scores that nothing was fitted on, and the range that clean unit values keep to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from customs.calibrate import Conformal
from customs.combine import combine_surprise
from customs.errors import UnreadableFile
from tabular_ae.checks import BY_ROUTE, PRICE, VOLUME, WEIGHTS, Calibrations, Models, panel_chain
from tabular_ae.data import Line, rows_of
from tabular_ae.history import History
from tabular_ae.price import Prices
from tabular_ae.rows import Floats, Rows

# Fewer clean lines cannot give a p-value of one in a hundred: months judged as lines stand in for them.
LEAST_LINES = 99
# A row is scored in scales of its own already: a group of its own must be large enough to know its tail better
# than all rows do.
LEAST_GROUP = 1000
# Calibrations that are of no check: how far below and above its expected value a clean unit value lies, in
# scales, and the whole of all checks.
LOW, HIGH, WHOLE = "range.low", "range.high", "whole"
# Share of clean cases within the expected range; the rest is split between both sides.
WITHIN = 0.9


def calibrate(models: Models, history: History, hold: Rows, lines: Sequence[Line]) -> dict[str, Calibrations]:
    """Score clean months and clean lines that the models have not seen."""
    found: dict[str, Calibrations] = {}
    chains = [panel_chain(hs) for hs in hold.hs]
    surprises = []
    for check, model in models.by_check.items():
        months = model.score(history, hold)
        clean = conformal(months.score, hold)
        if clean is None:
            if check == PRICE:
                raise UnreadableFile(
                    "no held-out row has earlier months to compare with",
                    field="data",
                    remedy="give longer series",
                )
            continue
        declared = rows_of(lines, by_route=check in BY_ROUTE)
        alone, of = model.score(history, declared, consignment=True), declared
        enough = np.isfinite(alone.score).sum() >= LEAST_LINES
        if not enough:
            alone, of = model.score(history, hold, consignment=True), hold
        # a line's volume is put on the scale of months, and clean months of a panel are clean by definition
        found[check] = Calibrations(clean, None if check == VOLUME else conformal(alone.score, of))
        surprises.append((WEIGHTS[check], clean.many(months.score, chains)[1]))
        if check == PRICE:
            found |= _range(months, hold, alone, of)
    whole = combine_surprise([s for _, s in surprises], [w for w, _ in surprises])
    clean = conformal(whole, hold)
    assert clean is not None  # price alone has scores
    found[WHOLE] = Calibrations(clean)
    return found


def conformal(scores: Floats, rows: Rows) -> Conformal | None:
    """By code group; None without any score."""
    known = np.isfinite(scores)
    if not known.any():
        return None
    chains = [panel_chain(hs) for hs in rows.hs[known]]
    return Conformal.fit(scores[known], chains, min_group=LEAST_GROUP)


def _range(months: Prices, hold: Rows, lines: Prices, declared: Rows) -> dict[str, Calibrations]:
    """How far clean unit values lie below and above; nothing from a model that expects no value."""
    found = {}
    for name, sign in ((LOW, -1.0), (HIGH, 1.0)):
        parts = [
            conformal(sign * (rows.log_unit - prices.centre) / prices.scale, rows)
            for prices, rows in ((months, hold), (lines, declared))
        ]
        if parts[0] is not None:
            found[name] = Calibrations(parts[0], parts[1])
    return found


def expected_range(
    calibrations: dict[str, Calibrations],
    prices: Any,
    chains: Sequence[tuple[str, ...]],
    *,
    consignment: bool,
) -> tuple[Floats, Floats]:
    """Unit values (USD/kg) that `WITHIN` of clean cases keep to: low, high (n,); NaN without one."""
    if LOW not in calibrations:
        nothing = np.full(len(prices.centre), np.nan)
        return nothing, nothing
    reach = []
    for name in (LOW, HIGH):
        known = calibrations[name].of(consignment=consignment)
        groups = {chain: known.interval(chain, 0.5 + WITHIN / 2) for chain in set(chains)}
        reach.append(np.array([groups[chain] for chain in chains]))
    low = np.exp(prices.centre - np.maximum(reach[0], 0.0) * prices.scale)
    return low, np.exp(prices.centre + np.maximum(reach[1], 0.0) * prices.scale)
