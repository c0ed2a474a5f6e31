"""What the fitted rivals see of a row: the months before it, its item, other countries in the same month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabular_ae.history import History, median_of, spread_of
from tabular_ae.rows import Floats, Rows, Texts

LAGS = (1, 2, 3, 6, 12)
# Other countries count as if there were so many more that charge the item's usual level.
_OTHERS_PRIOR = 1.0
_LEAST_SPREAD = 0.05
_SPREAD_MONTHS = 6.0


@dataclass(frozen=True, eq=False)
class Features:
    """n rows; all prices are ln(USD/kg) and all weights ln(kg), NaN where unknown.

    lags: (n, 5) of `LAGS` months ago; medians: (n, 3) over 3, 6 and 12 months; spread: (n,) of the last
    twelve about their median; months: (n,) known among them; item: (n,) level of the item over the year
    before; others, moved: (n,) mean of other countries in the same month, and how far these are from their
    own usual; weight, weight_change: (n,), the latter from the usual of the year before; country: (n,) text;
    month: (n,) 1…12.
    """

    unit: Floats
    lags: Floats
    medians: Floats
    spread: Floats
    months: Floats
    item: Floats
    others: Floats
    moved: Floats
    weight: Floats
    weight_change: Floats
    country: Texts
    month: Floats

    @property
    def centre(self) -> Floats:
        """Where one would first look for the row: its six-month median, else its year's, else its item's."""
        centre = np.where(np.isfinite(self.medians[:, 1]), self.medians[:, 1], self.medians[:, 2])
        return np.where(np.isfinite(centre), centre, self.item)


def features(history: History, rows: Rows) -> Features:
    """Months before each row's own, and of its own month only other series."""
    series = history.find_all(rows)
    past = history.window(history.unit, series, rows.month, 12)  # (n, 12), oldest first
    medians = np.stack([median_of(past[:, -length:])[0] for length in (3, 6, 12)], axis=1)
    item = np.array(
        [history.level(hs, month)[0] for hs, month in zip(rows.hs, rows.month.tolist(), strict=True)],
        dtype=np.float64,
    )
    kilograms = median_of(history.window(history.weight, series, rows.month, 12))[0]
    return Features(
        unit=rows.log_unit,
        lags=past[:, [-lag for lag in LAGS]],
        medians=medians,
        spread=spread_of(past, medians[:, 2]),
        months=np.isfinite(past).sum(axis=1).astype(np.float64),
        item=item,
        others=_others(history, rows, item),
        moved=history.market(rows.hs, series, rows.month, 1)[:, 0],
        weight=rows.log_weight,
        weight_change=rows.log_weight - kilograms,
        country=rows.country,
        month=(rows.month % 12 + 1).astype(np.float64),
    )


def _others(history: History, rows: Rows, item: Floats) -> Floats:
    """Mean ln(USD/kg) of the item in the month over all other countries, drawn to the item's level."""
    total, count = _sums(history)
    index = {hs: i for i, hs in enumerate(_items(history))}
    code = np.array([index.get(hs, -1) for hs in rows.hs], dtype=np.int64)
    own = history.window(history.unit, history.find_all(rows), rows.month + 1, 1)[:, 0]
    s = np.nan_to_num(history.window(total, code, rows.month + 1, 1)[:, 0]) - np.nan_to_num(own)
    n = np.nan_to_num(history.window(count, code, rows.month + 1, 1)[:, 0]) - np.isfinite(own)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(
            np.isfinite(item),
            (s + _OTHERS_PRIOR * np.nan_to_num(item)) / (n + _OTHERS_PRIOR),
            s / n,
        )
    return np.where(n > 0, mean, np.nan)


def _items(history: History) -> list[str]:
    return list(dict.fromkeys(hs for hs, _ in history.series))


def _sums(history: History) -> tuple[Floats, Floats]:
    """Sum and count of ln(USD/kg) by item and month: (items, months)."""
    index = {hs: i for i, hs in enumerate(_items(history))}
    of_series = np.array([index[hs] for hs, _ in history.series], dtype=np.int64)
    total, count = np.zeros((len(index), history.months)), np.zeros((len(index), history.months))
    np.add.at(total, of_series, np.nan_to_num(history.unit))
    np.add.at(count, of_series, np.isfinite(history.unit).astype(np.float64))
    return total, count


def usual_spread(seen: Features) -> float:
    """The median of the rows' own spreads, ln(USD/kg), that a detector learns on clean rows."""
    known = seen.spread[np.isfinite(seen.spread)]
    return max(float(np.median(known)), _LEAST_SPREAD) if len(known) else _LEAST_SPREAD


def relative(seen: Features, everyone: float) -> Floats:
    """The row against its past for outlier detectors: (n, 3), each about 0 on an ordinary row.

    Its distance from where one would look for it, in spreads of its own past drawn to `everyone`'s and in
    ln(USD/kg), and its distance from its item. Windows of months were tried and were worse with each
    detector: an odd month of the past made the months after it odd. NaN where there is no centre.
    """
    known = np.where(np.isfinite(seen.spread), seen.months, 0.0)
    spread = (known * np.nan_to_num(seen.spread) + _SPREAD_MONTHS * everyone) / (known + _SPREAD_MONTHS)
    away = seen.unit - seen.centre
    item = np.where(np.isfinite(seen.item), seen.unit - seen.item, away)
    return np.stack([away / np.maximum(spread, _LEAST_SPREAD), away, item], axis=1)
