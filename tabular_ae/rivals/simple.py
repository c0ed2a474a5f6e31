"""Scores of ten lines each, with nothing to fit. Higher = odder, NaN = no history."""

from __future__ import annotations

import numpy as np

from tabular_ae.history import History, median_of, spread_of
from tabular_ae.inputs import prepare
from tabular_ae.rivals.features import features
from tabular_ae.rows import Floats, Rows

_LEAST_SPREAD = 0.05
# Months that the spread of all series counts for beside a series' own.
_SPREAD_MONTHS = 6.0


def z_by_item(history: History, rows: Rows) -> Floats:
    """|z| of the log unit value among all earlier months of the same item, any country."""
    items = {hs: history.members.get(hs, np.empty(0, dtype=np.int64)) for hs in set(rows.hs)}
    known: dict[tuple[str, int], tuple[float, float, int]] = {}
    out = np.full(len(rows), np.nan)
    for i, (hs, month, unit) in enumerate(zip(rows.hs, rows.month.tolist(), rows.log_unit, strict=True)):
        if (hs, month) not in known:
            past = history.unit[items[hs], : max(month - history.first, 0)]
            past = past[np.isfinite(past)]
            known[hs, month] = (past.mean(), past.std(), len(past)) if len(past) else (np.nan, np.nan, 0)
        mean, spread, count = known[hs, month]
        if count > 1:
            out[i] = abs(unit - mean) / max(spread, _LEAST_SPREAD)
    return out


def robust_z(history: History, rows: Rows) -> Floats:
    """|z| by median and median absolute deviation of the row's own earlier months."""
    past = history.window(history.unit, history.find_all(rows), rows.month, history.months)
    middle, count = median_of(past)
    spread = np.maximum(spread_of(past, middle), _LEAST_SPREAD)
    return np.where(count > 1, np.abs(rows.log_unit - middle) / spread, np.nan)


def rolling_median_z(history: History, rows: Rows) -> Floats:
    """|z| about the six-month rolling median of the row's series, its spread shrunk to that of all series."""
    series = history.find_all(rows)
    middle, count = median_of(history.window(history.unit, series, rows.month, 6))
    past = history.window(history.deviation, series, rows.month, history.months)
    shrunk = _shrunk(past, _everyone(history, history.deviation, rows))
    return np.where(count > 0, np.abs(rows.log_unit - middle) / shrunk, np.nan)


def seasonal_naive(history: History, rows: Rows) -> Floats:
    """|z| about the same month of the year before, or the last known month where that is missing."""
    series = history.find_all(rows)
    past = history.window(history.unit, series, rows.month, 12)  # (n, 12), oldest first
    known = np.isfinite(past)
    newest = past.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    last = np.take_along_axis(past, newest[:, None], 1)[:, 0]
    expected = np.where(known[:, 0], past[:, 0], last)
    yearly = np.full(history.unit.shape, np.nan)
    yearly[:, 12:] = history.unit[:, 12:] - history.unit[:, :-12]
    if not np.isfinite(yearly).any():  # less than a year: months against the month before
        yearly[:, 1:] = np.diff(history.unit, axis=1)
    everyone = _everyone(history, yearly, rows)
    shrunk = _shrunk(history.window(yearly, series, rows.month, history.months), everyone)
    return np.where(known.any(axis=1), np.abs(rows.log_unit - expected) / shrunk, np.nan)


def hand_rules(history: History, rows: Rows) -> Floats:
    """What an officer would write down, and how strongly the worst broken rule is broken (1 = at its limit).

    More than 30 % off the median of the series' last three months; 50 % off its last month; 50 % off other
    countries in the same month; half or double the item's usual unit value. Rules about the series itself
    speak first; the two about the item count in full only where the series has no past.
    """
    seen = features(history, rows)
    strength = [
        np.abs(seen.unit - seen.medians[:, 0]) / np.log(1.3),
        np.abs(seen.unit - seen.lags[:, 0]) / np.log(1.5),
        np.abs(seen.unit - seen.others) / np.log(1.5),
        np.abs(seen.unit - seen.item) / np.log(2.0),
    ]
    new = seen.months == 0
    weights = np.stack([np.ones(len(rows))] * 2 + [np.where(new, 1.0, _ITEM_RULES)] * 2)
    broken = np.stack(strength) * weights  # (4, n)
    return np.where(np.isfinite(broken).any(axis=0), np.nan_to_num(broken, nan=-1.0).max(axis=0), np.nan)


# A country whose fish always costs twice the usual is no finding every month.
_ITEM_RULES = 0.5


def pooled_level_z(history: History, rows: Rows) -> Floats:
    """The default configuration without its network: |z| about the level that the network starts from."""
    inputs = prepare(history, rows, window=2)
    return np.asarray(np.abs(inputs.unit[:, -1]))


def freight_z(history: History, rows: Rows) -> Floats:
    """|z| of ln(freight per kg) about the route's median of the month over other items, else its own past."""
    rates: dict[tuple[str, int], Floats] = {}
    series = history.find_all(rows)
    now = rows.month - history.first
    centre = np.full(len(rows), np.nan)
    for i, (country, month) in enumerate(zip(rows.country, now.tolist(), strict=True)):
        if country not in history.routes or not 0 <= month < history.months:
            continue
        if (country, month) not in rates:
            column = history.freight[history.routes[country], month]
            rates[country, month] = np.sort(column[np.isfinite(column)])
        others = rates[country, month]
        own = history.freight[series[i], month] if series[i] >= 0 else np.nan
        if np.isfinite(own):
            others = np.delete(others, np.searchsorted(others, own))
        if len(others):
            centre[i] = np.median(others)
    past, count = median_of(history.window(history.freight, series, rows.month, 12))
    centre = np.where(np.isfinite(centre), centre, np.where(count > 1, past, np.nan))
    moves = np.diff(history.freight, axis=1, prepend=np.nan)
    return np.abs(rows.log_freight - centre) / _everyone(history, moves, rows)


def _everyone(history: History, deviations: Floats, rows: Rows) -> Floats:
    """Robust spread about zero of all series' deviations (series, months) before each row's month: (n,)."""
    of_month = {}
    for month in np.unique(rows.month).tolist():
        known = deviations[:, : max(month - history.first, 0)]
        known = known[np.isfinite(known)]
        of_month[month] = 1.4826 * float(np.median(np.abs(known))) if len(known) else _LEAST_SPREAD
    return np.array([max(of_month[month], _LEAST_SPREAD) for month in rows.month.tolist()], dtype=np.float64)


def _shrunk(past: Floats, everyone: Floats) -> Floats:
    """Spread of each row's deviations (n, months) about zero, drawn to that of all series (n,)."""
    spread, months = spread_of(past, np.zeros(len(past))), np.isfinite(past).sum(axis=1)
    return (months * np.nan_to_num(spread) + _SPREAD_MONTHS * everyone) / (months + _SPREAD_MONTHS)


SIMPLE = {
    "seasonal-naive": seasonal_naive,
    "z by item": z_by_item,
    "robust z": robust_z,
    "rolling-median z": rolling_median_z,
    "pooled level z": pooled_level_z,
    "hand rules": hand_rules,
}
