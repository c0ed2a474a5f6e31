"""What the network sees of a row: the months before it, robustly scaled, with its own unit value hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabular_ae.history import History, median_of, prefixes, spread_of
from tabular_ae.rows import Floats, Ints, Rows, Texts

# (unit value, known?, weight, weight known?, market, sine and cosine of the month) then the facts of the row
STEP_CHANNELS = 7
ROW_CHANNELS = 6
CHANNELS = STEP_CHANNELS + ROW_CHANNELS

_LIMIT = 5.0
_YEAR = 2.0 * np.pi * np.arange(12) / 12.0
# Months of the item's own spread that the item group's spread counts for.
_SPREAD_MONTHS = 6.0
# Below these a spread says that a panel was rounded or made up, not that prices are exact.
_LEAST_SPREAD = 0.02
_LEAST_BETWEEN = 0.05
# With no clean month about its own median anywhere yet: unit values within a factor of 1.5, about.
_FIRST_SPREAD = 0.4


@dataclass(frozen=True, eq=False)
class Inputs:
    """n rows as the network reads them.

    x: float32 (n, window, CHANNELS), the last step being the row itself without its unit value.
    unit: (n, window) scaled log unit values to reconstruct, the last one the row's own; NaN where unknown.
    level: (n,) usual ln(USD/kg) before the row's month; spread: (n,) its scale; NaN where there is none.
    months: (n,) months of the row's own series that the level rests on; group: what filled in for them.
    """

    x: npt.NDArray[np.float32]
    unit: Floats
    level: Floats
    spread: Floats
    months: Ints
    group: tuple[str, ...]

    def take(self, chosen: npt.NDArray) -> Inputs:
        """The rows where a mask is true."""
        group = tuple(g for g, yes in zip(self.group, chosen, strict=True) if yes)
        return Inputs(
            self.x[chosen],
            self.unit[chosen],
            self.level[chosen],
            self.spread[chosen],
            self.months[chosen],
            group,
        )


def prepare(history: History, rows: Rows, window: int, *, weigh: bool = True) -> Inputs:
    """Scale each row's past by what was usual before its month.

    The level is the series' own median pooled with its item's by their precisions (partial pooling: Gelman
    and Hill, "Data Analysis Using Regression", 2007, chapter 12), so that a long series speaks for itself,
    a short one leans on its item, and a new one rests on its item or heading alone. `weigh=False` treats the
    row's own weight as usual: one consignment is not a month.
    """
    n, series = len(rows), history.find_all(rows)
    past = history.window(history.unit, series, rows.month, history.memory)  # (n, memory)
    own, months = median_of(past)
    own_spread = spread_of(past, own)
    prior, between, depth, group = _priors(history, rows)
    jitter = _jitters(history, rows)

    own_precision = np.where(
        months > 0, months / (1.5 * jitter**2), 0.0
    )  # 1.5: a median's variance over a mean's
    prior_precision = np.where(np.isfinite(prior), 1.0 / np.nan_to_num(between, nan=1.0) ** 2, 0.0)
    total = own_precision + prior_precision
    with np.errstate(invalid="ignore", divide="ignore"):
        level = (np.nan_to_num(own) * own_precision + np.nan_to_num(prior) * prior_precision) / total
        unsure = 1.0 / total
    own_part = np.where(months > 2, months, 0.0)
    spread2 = (own_part * np.nan_to_num(own_spread) ** 2 + _SPREAD_MONTHS * jitter**2) / (
        own_part + _SPREAD_MONTHS
    )
    spread = np.sqrt(np.maximum(spread2, _LEAST_SPREAD**2) + np.where(total > 0, unsure, 0.0))
    level[total <= 0] = np.nan

    before = history.window(history.unit, series, rows.month, window - 1)
    unit = (np.concatenate([before, rows.log_unit[:, None]], axis=1) - level[:, None]) / spread[:, None]
    hidden = unit.copy()
    hidden[:, -1] = np.nan
    kilograms = history.window(history.weight, series, rows.month, history.memory)
    usual_kilograms, _ = median_of(kilograms)
    last = rows.log_weight if weigh else usual_kilograms
    weight = np.concatenate([kilograms[:, kilograms.shape[1] - window + 1 :], last[:, None]], axis=1)
    weight = weight - np.where(np.isfinite(usual_kilograms), usual_kilograms, last)[:, None]
    market = history.market(rows.hs, series, rows.month, window) / spread[:, None]
    season = (rows.month[:, None] + np.arange(1 - window, 1)[None, :]) % 12  # month of the year, 0…11

    facts = np.stack(
        [
            np.log1p(months) - 1.5,
            np.log(spread) + 1.5,
            np.where(total > 0, np.sqrt(unsure), 1.0) / spread,
            (np.nan_to_num(np.where(np.isfinite(last), last, usual_kilograms), nan=9.0) - 9.0) / 3.0,
            np.where(
                months > 0,
                np.nan_to_num(own - prior) / np.maximum(np.nan_to_num(between, nan=1.0), 1e-3),
                0.0,
            ),
            depth,
        ],
        axis=1,
    )
    x = np.empty((n, window, CHANNELS), dtype=np.float32)
    x[..., 0], x[..., 1] = _filled(hidden), np.isfinite(hidden)
    x[..., 2], x[..., 3] = _filled(weight / 2.0), np.isfinite(weight)
    x[..., 4] = _filled(market)
    x[..., 5], x[..., 6] = np.sin(_YEAR)[season], np.cos(_YEAR)[season]
    x[..., STEP_CHANNELS:] = _filled(facts)[:, None, :]
    return Inputs(x, np.clip(unit, -4 * _LIMIT, 4 * _LIMIT), level, spread, months, group)


def _filled(values: Floats) -> Floats:
    return np.nan_to_num(np.clip(values, -_LIMIT, _LIMIT))


def _priors(history: History, rows: Rows) -> tuple[Floats, Floats, Floats, tuple[str, ...]]:
    """Level and spread of the nearest group above each row with three months, else of any with one."""
    number, codes, month = _item_months(rows)
    found = np.tile((np.nan, np.nan, 1.0), (len(month), 1))  # level, spread, depth
    group = np.full(len(month), "", dtype=object)
    waiting = np.ones(len(month), dtype=bool)
    for asked, groups in _upwards({code: prefixes(code) for code in set(codes)}, codes, waiting):
        middle, between, count = history.usual("level", groups, month[asked])
        better = (count > 0) & ((group[asked] == "") | (count >= 3))
        thin = 1.0 + 2.0 / np.maximum(count, 1)  # few months tell little of how far a group scatters
        depth = (6 - np.array([len(name) for name in groups])) / 4.0
        best = np.stack([middle, np.maximum(between, _LEAST_BETWEEN) * thin, depth], axis=1)
        found[asked[better]] = best[better]
        group[asked[better]] = groups[better]
        waiting[asked[count >= 3]] = False
    rest = found[number]
    return rest[:, 0], rest[:, 1], rest[:, 2], tuple(group[number])


def _jitters(history: History, rows: Rows) -> Floats:
    """Spread of a month about its series' level in the nearest group with 24 months to tell it from."""
    number, codes, month = _item_months(rows)
    found = np.full(len(month), _FIRST_SPREAD)
    waiting = np.ones(len(month), dtype=bool)
    for asked, groups in _upwards({c: (*prefixes(c), "all") for c in set(codes)}, codes, waiting):
        _, spread, count = history.usual("jitter", groups, month[asked])
        enough = count >= 24
        found[asked[enough]] = np.maximum(spread[enough], _LEAST_SPREAD)
        waiting[asked[enough]] = False
    return found[number]


def _item_months(rows: Rows) -> tuple[Ints, Texts, Ints]:
    """Each row's number among the different items and months (n,), and their codes and months (k,)."""
    item, codes = rows.items
    span = int(np.ptp(rows.month)) + 1 if len(rows) else 1
    _, first, number = np.unique(item * span + rows.month % span, return_index=True, return_inverse=True)
    return number, codes[item[first]], rows.month[first]


def _upwards(
    chains: Mapping[str, tuple[str, ...]], codes: Texts, waiting: npt.NDArray[np.bool_]
) -> Iterator[tuple[Ints, Texts]]:
    """Places of the codes that still wait (k,), with the group that each asks next, nearest first."""
    for step in range(max(map(len, chains.values()), default=0)):
        asked = [i for i in np.flatnonzero(waiting) if len(chains[codes[i]]) > step]
        if asked:
            yield (
                np.array(asked, dtype=np.int64),
                np.array([chains[codes[i]][step] for i in asked], dtype=object),
            )
