"""What the network sees of a row: the months before it, robustly scaled, with its own unit value hidden."""

from __future__ import annotations

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
    prior, between, depth, group = _priors(history, rows.hs, rows.month)
    jitter = _jitters(history, rows.hs, rows.month)

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
    season = 2.0 * np.pi * ((rows.month[:, None] + np.arange(1 - window, 1)[None, :]) % 12) / 12.0

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
    x = np.concatenate(
        [
            _filled(hidden),
            np.isfinite(hidden)[..., None],
            _filled(weight / 2.0),
            np.isfinite(weight)[..., None],
            _filled(market),
            np.sin(season)[..., None],
            np.cos(season)[..., None],
            np.repeat(_filled(facts)[:, None, :, 0], window, axis=1),
        ],
        axis=2,
    ).astype(np.float32)
    assert x.shape == (n, window, CHANNELS)
    return Inputs(x, np.clip(unit, -4 * _LIMIT, 4 * _LIMIT), level, spread, months, group)


def _filled(values: Floats) -> Floats:
    return np.nan_to_num(np.clip(values, -_LIMIT, _LIMIT))[..., None]


def _priors(history: History, codes: Texts, month: Ints) -> tuple[Floats, Floats, Floats, tuple[str, ...]]:
    """Level and spread of the nearest group above each row with three months, else of any with one."""
    found: dict[tuple[str, int], tuple[float, float, float, str]] = {}
    for key in zip(codes, map(int, month), strict=True):
        if key in found:
            continue
        best = (np.nan, np.nan, 1.0, "")
        for group in prefixes(key[0]):
            middle, between, count = history.level(group, key[1])
            if count and (not best[3] or count >= 3):
                thin = 1.0 + 2.0 / count  # few months tell little of how far a group scatters
                best = (middle, max(between, _LEAST_BETWEEN) * thin, (6 - len(group)) / 4.0, group)
            if count >= 3:
                break
        found[key] = best
    rows = [found[key] for key in zip(codes, map(int, month), strict=True)]
    numbers = np.array([row[:3] for row in rows], dtype=np.float64).reshape(len(rows), 3)
    return numbers[:, 0], numbers[:, 1], numbers[:, 2], tuple(row[3] for row in rows)


def _jitters(history: History, codes: Texts, month: Ints) -> Floats:
    """Spread of a month about its series' level in the nearest group with 24 months to tell it from."""
    found: dict[tuple[str, int], float] = {}
    for key in zip(codes, map(int, month), strict=True):
        if key not in found:
            spreads = ((history.jitter(group, key[1])) for group in (*prefixes(key[0]), "all"))
            found[key] = next(
                (max(s, _LEAST_SPREAD) for _, s, count in spreads if count >= 24), _FIRST_SPREAD
            )
    return np.array([found[key] for key in zip(codes, map(int, month), strict=True)], dtype=np.float64)
