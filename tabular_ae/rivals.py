"""What an autoencoder has to beat: scores of ten lines each. Higher = odder, NaN = no history."""

from __future__ import annotations

import numpy as np

from tabular_ae.history import History, median_of, spread_of
from tabular_ae.inputs import prepare
from tabular_ae.rows import Floats, Rows


def z_by_item(history: History, rows: Rows) -> Floats:
    """|z| of the log unit value among all earlier months of the same item, any country."""
    items = {hs: history.members.get(hs, np.empty(0, dtype=np.int64)) for hs in set(rows.hs)}
    out = np.full(len(rows), np.nan)
    for i, (hs, month, unit) in enumerate(zip(rows.hs, rows.month, rows.log_unit, strict=True)):
        known = history.unit[items[hs], : max(month - history.first, 0)]
        known = known[np.isfinite(known)]
        if len(known) > 1:
            out[i] = abs(unit - known.mean()) / max(known.std(), 0.05)
    return out


def robust_z(history: History, rows: Rows) -> Floats:
    """|z| by median and median absolute deviation of the row's own earlier months."""
    past = history.window(history.unit, history.find_all(rows), rows.month, history.months)
    middle, count = median_of(past)
    return np.where(
        count > 1, np.abs(rows.log_unit - middle) / np.maximum(spread_of(past, middle), 0.05), np.nan
    )


def rolling_median_z(history: History, rows: Rows) -> Floats:
    """|z| about the six-month rolling median of the row's series, its spread shrunk to that of all series."""
    series = history.find_all(rows)
    middle, count = median_of(history.window(history.unit, series, rows.month, 6))
    past = history.window(history.deviation, series, rows.month, history.months)
    spread, months = spread_of(past, np.zeros(len(rows))), np.isfinite(past).sum(axis=1)
    everyone = float(np.nanmedian(np.abs(history.deviation))) * 1.4826
    shrunk = (months * np.nan_to_num(spread) + 6.0 * everyone) / (months + 6.0)
    return np.where(count > 0, np.abs(rows.log_unit - middle) / shrunk, np.nan)


def pooled_level_z(history: History, rows: Rows) -> Floats:
    """The default configuration without its network: |z| about the level that the network starts from."""
    inputs = prepare(history, rows, window=2)
    return np.asarray(np.abs(inputs.unit[:, -1]))


RIVALS = {
    "z by item": z_by_item,
    "robust z": robust_z,
    "rolling-median z": rolling_median_z,
    "pooled level z": pooled_level_z,
}
