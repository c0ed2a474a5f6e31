"""What usually comes in a month: the level of a series' weight, and what moves and scatters it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabular_ae.history import History, median_of, prefixes, spread_of
from tabular_ae.rows import Floats, Ints, Rows

# What the shift of a month from its level is explained by, and the log of its scale.
SHIFTS = ("always", "season", "own season", "others now", "last month", "last quarter")
SHAPES = ("always", "own spread", "item spread", "few months", "gaps", "silent", "small")
# Weights swing more than prices: a factor of 4.5 either way still says something of the market.
_CLIP = 1.5
# Pretended months without a shift that a group's mean is shrunk by.
_SHRINK = 3.0
_YEARS = 3
_SPREAD_MONTHS, _LEAST_SPREAD, _FIRST_SPREAD = 6.0, 0.1, 0.8
# Spread of series' levels within an item and country effect, where too few series tell.
_FIRST_BETWEEN, _BETWEEN_SERIES = 2.0, 3.0
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class UsualWeight:
    """n rows.

    level: usual ln(kg) of a month before the row's, NaN where nothing is known; unsure: standard deviation of
    the level itself where the series does not speak, else 0; shifts, shapes: what a model multiplies with its
    coefficients, (n, len(SHIFTS)) and (n, len(SHAPES)); largest: ln(kg) of the largest month of `memory`;
    months: of the series itself; group: the code group that filled in, "" where none had to.
    """

    level: Floats
    unsure: Floats
    shifts: Floats
    shapes: Floats
    largest: Floats
    months: Ints
    group: tuple[str, ...]


def usual_weight(history: History, rows: Rows) -> UsualWeight:
    """Everything before each row's month, and of that month only what the item did in other countries."""
    n, series = len(rows), history.find_all(rows)
    past = history.window(history.weight, series, rows.month, history.memory)  # (n, memory)
    known = np.isfinite(past)
    own, months = median_of(past)
    own_spread = spread_of(past, own)
    prior = [_prior(history, *key) for key in zip(rows.hs, rows.country, rows.month.tolist(), strict=True)]
    middle, between, jitter = (np.array([p[i] for p in prior], dtype=np.float64) for i in range(3))

    mine = np.where(months > 0, months / (1.5 * jitter**2), 0.0)
    theirs = np.where(np.isfinite(middle), 1.0 / between**2, 0.0)
    total = mine + theirs
    with np.errstate(invalid="ignore", divide="ignore"):
        level = (np.nan_to_num(own) * mine + np.nan_to_num(middle) * theirs) / total
        unsure = np.where(months > 0, 0.0, 1.0 / np.sqrt(total))
    level[total <= 0], unsure[total <= 0] = np.nan, np.nan
    part = np.where(months > 2, months, 0)
    spread = np.sqrt(
        (part * np.nan_to_num(own_spread) ** 2 + _SPREAD_MONTHS * jitter**2) / (part + _SPREAD_MONTHS)
    )

    item_season, others = _movements(history, rows, series)
    year_ago = history.window(deviation(history), series, rows.month - 11, 1)[:, 0]
    last = past[:, -1] - level
    quarter, _ = median_of(past[:, -3:])
    shifts = np.stack(
        [
            np.ones(n),
            item_season,
            _short(year_ago),
            others,
            _short(last),
            _short(quarter - level),
        ],
        axis=1,
    )
    length = past.shape[1]
    since = np.where(known.any(axis=1), np.argmax(known[:, ::-1], axis=1), length)
    shapes = np.stack(
        [
            np.ones(n),
            np.log(np.maximum(spread, _LEAST_SPREAD)),
            np.log(jitter),
            1.0 / (1.0 + months),
            1.0 - known.mean(axis=1),
            since / length,
            (np.nan_to_num(level, nan=9.0) - 9.0) / 3.0,
        ],
        axis=1,
    )
    largest = np.where(known, past, -np.inf).max(axis=1)
    return UsualWeight(
        level,
        unsure,
        shifts,
        shapes,
        np.where(months > 0, largest, np.nan),
        months,
        tuple("" if m else p[3] for m, p in zip(months, prior, strict=True)),
    )


def deviation(history: History) -> Floats:
    """(series, months): how far each month's ln(kg) lies from its median over the `memory` months before."""

    def make() -> Floats:
        out = np.full(history.weight.shape, np.nan)
        months = np.arange(history.months, dtype=np.int64) + history.first
        for start in range(0, len(out), _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, len(out)), dtype=np.int64)
            past = history.window(
                history.weight, np.repeat(rows, history.months), np.tile(months, len(rows)), history.memory
            )
            middle, count = median_of(past)
            middle[count < 2] = np.nan
            out[rows] = history.weight[rows] - middle.reshape(len(rows), history.months)
        return out

    return history.once("weight deviation", np.ndarray, make)


def _movements(history: History, rows: Rows, series: Ints) -> tuple[Floats, Floats]:
    """Season of the item in the years before; what other countries' series do in the month: (n,) each."""
    items: dict[str, int] = {}
    index = np.array([items.setdefault(hs, len(items)) for hs, _ in history.series], dtype=np.int64)
    moved = deviation(history)
    known = np.isfinite(moved)
    clipped = np.where(known, np.clip(moved, -_CLIP, _CLIP), 0.0)
    total, count = (np.zeros((len(items), history.months)) for _ in range(2))
    np.add.at(total, index, clipped)
    np.add.at(count, index, known.astype(np.float64))
    item = np.array(
        [next((items[p] for p in (hs, *prefixes(hs)) if p in items), -1) for hs in rows.hs], dtype=np.int64
    )
    s, k = np.zeros(len(rows)), np.zeros(len(rows))
    for year in range(1, _YEARS + 1):
        s += np.nan_to_num(history.window(total, item, rows.month - 12 * year + 1, 1)[:, 0])
        k += np.nan_to_num(history.window(count, item, rows.month - 12 * year + 1, 1)[:, 0])
    own = history.window(moved, series, rows.month + 1, 1)[:, 0]
    s_now = np.nan_to_num(history.window(total, item, rows.month + 1, 1)[:, 0]) - _short(own)
    k_now = np.nan_to_num(history.window(count, item, rows.month + 1, 1)[:, 0]) - np.isfinite(own)
    return s / (k + _SHRINK), s_now / (k_now + _SHRINK)


def _short(values: Floats) -> Floats:
    return np.nan_to_num(np.clip(values, -_CLIP, _CLIP))


class _Before:
    """Levels of all series before one month: medians by code group, and what countries add to them."""

    def __init__(self, history: History, month: int) -> None:
        every = np.arange(len(history.weight), dtype=np.int64)
        when = np.full(len(every), month, dtype=np.int64)
        past = history.window(history.weight, every, when, history.memory)
        level, _ = median_of(past)
        spread = spread_of(past, level)
        several = np.isfinite(past).sum(axis=1) > 2
        self.level: dict[str, tuple[float, int]] = {}
        self.jitter: dict[str, float] = {}
        for group, members in history.members.items():
            known = level[members][np.isfinite(level[members])]
            if len(known):
                self.level[group] = float(np.median(known)), len(known)
            spreads = spread[members][several[members]]
            if len(spreads) >= 2 or (group == "all" and len(spreads)):
                self.jitter[group] = max(float(np.median(spreads)), _LEAST_SPREAD)
        # (series,): how far each lies from its item
        apart = np.array([level[i] - self.level.get(hs, (np.nan, 0))[0] for (hs, _), i in _keys(history)])
        self.country: dict[str, float] = {}
        for country, members in history.routes.items():
            known = apart[members][np.isfinite(apart[members])]
            self.country[country] = float(known.sum() / (len(known) + _SHRINK))
        effect = np.array([self.country[c] for (_, c), _ in _keys(history)])
        self.between: dict[str, float] = {}
        rest = np.abs(apart - effect)
        for group, members in history.members.items():
            known = rest[members][np.isfinite(rest[members])]
            near = 1.4826 * float(np.median(known)) if len(known) > 1 else _FIRST_BETWEEN
            part = len(known) / (len(known) + _BETWEEN_SERIES)
            self.between[group] = np.sqrt(part * near**2 + (1 - part) * _FIRST_BETWEEN**2)


def _prior(history: History, hs: str, country: str, month: int) -> tuple[float, float, float, str]:
    """Level of the nearest group above a row, its spread, spread of a month about its series, the group."""
    before = history.once(f"weights@{month}", _Before, lambda: _Before(history, month))
    groups = (hs, *prefixes(hs)) if hs not in prefixes(hs) else prefixes(hs)
    jitter = next((before.jitter[g] for g in (*groups, "all") if g in before.jitter), _FIRST_SPREAD)
    group = next((g for g in groups if g in before.level), "")
    if not group:
        return np.nan, _FIRST_BETWEEN, jitter, ""
    return (
        before.level[group][0] + before.country.get(country, 0.0),
        before.between[group],
        jitter,
        group,
    )


def _keys(history: History) -> list[tuple[tuple[str, str], int]]:
    return list(history.series.items())
