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

# Fewer clean lines cannot give a p-value of one in a hundred: months stand in for them.
LEAST_LINES = 99
# A row is scored in scales of its own already: a group of its own must be large enough to know its tail
# better than all rows do.
LEAST_GROUP = 1000
# Months of the rows learned from that calibrate.
RECENT = 12
# Calibrations that are of no check: how far below and above its expected value a clean unit value lies, in
# scales, and the whole of all checks.
LOW, HIGH, WHOLE = "range.low", "range.high", "whole"
# Share of clean cases within the expected range; the rest is split between both sides.
WITHIN = 0.9


def calibrate_months(models: Models, history: History, rows: Rows) -> dict[str, Conformal]:
    """Clean months of every check, of the range and of the whole.

    rows: clean rows that the price model has not seen, or all it was fitted on where parts of it have not
    seen them (`PriceModel.unseen`): then the last year of them counts, which has the most months before it.
    The other models have a handful of parameters each, and nothing to remember a row by.
    """
    prices = models.price.unseen
    if prices is None:
        prices = models.price.score(history, rows)
    else:
        recent = rows.month > rows.month.max() - RECENT
        rows, prices = rows.take(recent), _taken(prices, recent)
    chains = [panel_chain(hs) for hs in rows.hs]
    found: dict[str, Conformal] = {}
    surprises: dict[str, Floats] = {}
    for check, model in models.by_check.items():
        score = prices.score if check == PRICE else model.score(history, rows).score
        clean = conformal(score, rows)
        if clean is not None:
            found[check] = clean
            surprises[check] = clean.many(score, chains)[1]
    if PRICE not in found:
        raise UnreadableFile(
            "no row to calibrate on has earlier months to compare with",
            field="data",
            remedy="give longer series",
        )
    found |= _range(prices, rows)
    whole = combine_surprise(list(surprises.values()), [WEIGHTS[check] for check in surprises])
    clean = conformal(whole, rows)
    assert clean is not None  # price alone has scores
    return {**found, WHOLE: clean}


def calibrate_lines(models: Models, history: History, lines: Sequence[Line]) -> dict[str, Conformal]:
    """Clean lines of every check and of the range; nothing of a check with too few, where months stand in.

    A line's volume is put on the scale of months, so that it has no calibration of its own.
    """
    found: dict[str, Conformal] = {}
    for check, model in models.by_check.items():
        if check == VOLUME or len(lines) < LEAST_LINES:
            continue
        rows = rows_of(lines, by_route=check in BY_ROUTE)
        scored = model.score(history, rows, consignment=True)
        clean = conformal(scored.score, rows)
        if clean is None or np.isfinite(scored.score).sum() < LEAST_LINES:
            continue
        found[check] = clean
        found |= _range(scored, rows) if check == PRICE else {}
    return found


def together(months: dict[str, Conformal], lines: dict[str, Conformal]) -> dict[str, Calibrations]:
    """Both sorts of clean scores by check."""
    return {name: Calibrations(clean, lines.get(name)) for name, clean in months.items()}


def conformal(scores: Floats, rows: Rows) -> Conformal | None:
    """By code group; None without any score."""
    known = np.isfinite(scores)
    if not known.any():
        return None
    chains = [panel_chain(hs) for hs in rows.hs[known]]
    return Conformal.fit(scores[known], chains, min_group=LEAST_GROUP)


def _range(prices: Prices, rows: Rows) -> dict[str, Conformal]:
    """How far clean unit values lie below and above; nothing from a model that expects no value."""
    away = (rows.log_unit - prices.centre) / prices.scale
    both = {LOW: conformal(-away, rows), HIGH: conformal(away, rows)}
    return {name: clean for name, clean in both.items() if clean is not None}


def _taken(prices: Prices, chosen: np.ndarray) -> Prices:
    group = tuple(g for g, yes in zip(prices.group, chosen, strict=True) if yes)
    return Prices(
        prices.score[chosen], prices.centre[chosen], prices.scale[chosen], prices.months[chosen], group
    )


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
