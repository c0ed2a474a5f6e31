"""What the boosted trees see of a row: prices it can be measured against, and facts about it.

Only later months of the row's own series look ahead, and only as far as they are asked to. The moves of other
series in the row's own month leave the row's own series out. To a model that is fitted on the rows themselves
that is not enough: it can tell the group's sum from its neighbours and subtract. So rows that a model learns
from also leave out every series of their fold.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tabular_ae.history import History, median_of, own_codes, spread_of
from tabular_ae.inputs import Inputs
from tabular_ae.rows import Floats, Ints, Rows

FOLDS = 10
# Months that lags and medians reach back.
_REACH = 24
_AFTER = 6  # and that a row may look past its own
_LAGS = (1, 2, 3, 6, 12)
_MEDIANS = (3, 6, 12, 24)
_CLIP = 0.7
# Kilograms beyond this weigh no more in a mean of prices; and how many of its roots stand for no move at all.
_MOST_LN_KG, _CALM_ROOT_KG = 13.0, 200.0
# Months of log weight spread that count against a steep slope of price on weight.
_SLOPE_RIDGE = 2.0

# Prices in ln(USD/kg); the trees see them relative to the level.
REFERENCES = (
    *(f"month_{lag}" for lag in _LAGS),
    *(f"median_{length}" for length in _MEDIANS),
    "last",
    "mean_24",
    "mean_by_weight",
    "item",
    "heading",
    "others_now",
    "others_before",
    "others_by_weight",
    # known only of months that are not the newest
    "next_1",
    "next_2",
    "next_3",
    "next_median_3",
    "next_median_6",
    "around",
)
FACTS = (
    *(f"months_{length}" for length in _MEDIANS),
    *(f"spread_{length}" for length in (3, 6, 12)),
    "age",
    "spread",
    "item_spread",
    "heading_spread",
    "item_jitter",
    "weight",
    "weight_move",
    "weight_before",
    "weight_spread",
    "slope",
    "by_slope",
    "season",
    "strayed",
    "strayed_months",
    "strayed_most",
    "strayed_last",
    "strayed_year",
    "others_months",
    *(
        f"{group}_{what}"
        for group in ("item", "kin", "headings", "origin", "all", "item_weighed")
        for what in ("now", "before", "months")
    ),
    "country",
    "next_months_3",
    "next_months_6",
    "around_spread",
)
NAMES = (*REFERENCES, *FACTS)

# What features speak of, as the sentences name it; all others speak of the series' own months.
_DRIVERS = {
    **dict.fromkeys(("month_1", "last", "age", "strayed_last"), "last_month"),
    **dict.fromkeys(("season", "month_12", "strayed_year"), "season"),
    **dict.fromkeys(
        ("weight", "weight_move", "weight_before", "weight_spread", "slope", "by_slope"), "weight"
    ),
    **dict.fromkeys(("item", "item_spread", "item_jitter"), "item_level"),
    **dict.fromkeys(("heading", "heading_spread"), "heading"),
    "country": "country",
}
_DRIVERS_OF_GROUPS = {
    "kin_": "heading",
    "headings_": "heading",
    "others_": "other_countries",
    "item_": "other_countries",
    "origin_": "country",
    "all_": "all_goods",
}


def driver(feature: str) -> str:
    """What a feature speaks of.

    >>> driver("month_1"), driver("month_6"), driver("item_spread"), driver("item_now")
    ('last_month', 'own_months', 'item_level', 'other_countries')
    """
    groups = (name for start, name in _DRIVERS_OF_GROUPS.items() if feature.startswith(start))
    return _DRIVERS.get(feature) or next(groups, "own_months")


@dataclass(frozen=True, eq=False)
class Features:
    """n rows: prices (n, len(REFERENCES)) in ln(USD/kg), facts (n, len(FACTS)); NaN where unknown.

    level, spread: (n,) as `Inputs` has them.
    """

    prices: Floats
    facts: Floats
    level: Floats
    spread: Floats

    def matrix(self) -> Floats:
        """(n, len(NAMES)): prices relative to the level, then facts."""
        return np.concatenate([self.prices - self.level[:, None], self.facts], axis=1)

    def take(self, chosen: np.ndarray) -> Features:
        """The rows where a mask is true."""
        return Features(self.prices[chosen], self.facts[chosen], self.level[chosen], self.spread[chosen])


def features(
    history: History,
    rows: Rows,
    inputs: Inputs,
    countries: dict[str, int],
    *,
    weigh: bool = True,
    folds: Ints | None = None,
    later: Ints | None = None,
) -> Features:
    """Work out every feature of n rows.

    inputs: of the same rows; countries: number of each country that the model knows.
    weigh: False treats the row's own weight as usual, as in `prepare`.
    later: (n,) how many months after its own each row may see, at most six; None for none.
    folds: (n,) of `fold_of` for rows that a model is fitted on; None leaves only the row's own series out.
    """
    series, month = history.find_all(rows), rows.month
    past = history.window(history.unit, series, month, _REACH)  # (n, 24), oldest first
    found: dict[str, Floats] = {f"month_{lag}": past[:, -lag] for lag in _LAGS}
    for length in _MEDIANS:
        found[f"median_{length}"], count = median_of(past[:, -length:])
        found[f"months_{length}"] = count.astype(np.float64)
        found[f"spread_{length}"] = spread_of(past[:, -length:], found[f"median_{length}"])
    found["last"], found["age"] = _last(past)
    found |= _weights(history, rows, series, past, weigh)
    found |= _usual(history, rows)
    strayed = history.window(history.deviation, series, month, _REACH)
    known = np.isfinite(strayed)
    found |= {
        "spread": inputs.spread,
        "season": (month % 12).astype(np.float64),
        "strayed": spread_of(strayed, np.zeros(len(rows))),
        "strayed_months": known.sum(axis=1).astype(np.float64),
        "strayed_most": np.where(known.any(axis=1), np.abs(np.nan_to_num(strayed)).max(axis=1), np.nan),
        "strayed_last": strayed[:, -1],
        "strayed_year": strayed[:, -12],
        "country": np.array([countries.get(c, -1) for c in rows.country], dtype=np.float64),
    }
    found |= _moves(history, rows, series, folds)
    found |= _later(history, series, month, past, later)
    return Features(
        np.stack([found[name] for name in REFERENCES], axis=1),
        np.stack([found[name] for name in FACTS], axis=1),
        inputs.level,
        inputs.spread,
    )


def _later(
    history: History, series: Ints, month: Ints, past: Floats, later: Ints | None
) -> dict[str, Floats]:
    """Later months of the row's own series, as many as `later` lets each row see."""
    after = history.window(history.unit, series, month + _AFTER + 1, _AFTER)  # (n, _AFTER), nearest first
    seen = np.zeros(len(month), dtype=np.int64) if later is None else later
    after[np.arange(_AFTER)[None, :] >= seen[:, None]] = np.nan
    found = {f"next_{k}": after[:, k - 1] for k in (1, 2, 3)}
    for length in (3, 6):
        found[f"next_median_{length}"], count = median_of(after[:, :length])
        found[f"next_months_{length}"] = count.astype(np.float64)
    beside = np.concatenate([past[:, -3:], after[:, :3]], axis=1)
    found["around"], _ = median_of(beside)
    found["around_spread"] = spread_of(beside, found["around"])
    return found


def fold_of(history: History, rows: Rows) -> Ints:
    """(n,) in 0…FOLDS−1: all months of a series share a fold, the same in every history that holds it."""
    number, pairs = rows.pairs
    panel = history.pairs
    return np.array(
        [_fold(*panel[s]) if (s := history.find(*pair)) >= 0 else _fold(*pair) for pair in pairs],
        dtype=np.int64,
    )[number]


def _fold(hs: str, country: str) -> int:
    return zlib.crc32(f"{hs}|{country}".encode()) % FOLDS


def _last(past: Floats) -> tuple[Floats, Floats]:
    """The last known price of each row and how many months ago it was; NaN where there is none."""
    known = np.isfinite(past)
    back = known[:, ::-1].argmax(axis=1)
    none = ~known.any(axis=1)
    last = past[np.arange(len(past)), past.shape[1] - 1 - back]
    return np.where(none, np.nan, last), np.where(none, np.nan, back + 1.0)


def _weights(history: History, rows: Rows, series: Ints, past: Floats, weigh: bool) -> dict[str, Floats]:
    """The row's weight against its series' own, and what weight does to the price of the series."""
    weights = history.window(history.weight, series, rows.month, _REACH)
    year = weights[:, -12:]
    usual, _ = median_of(year)
    weight = rows.log_weight if weigh else np.where(np.isfinite(usual), usual, rows.log_weight)
    known = np.isfinite(past) & np.isfinite(weights)
    count = known.sum(axis=1)
    least = np.maximum(count, 1)
    mean_weight = np.where(known, weights, 0.0).sum(axis=1) / least
    mean_price = np.where(known, past, 0.0).sum(axis=1) / least
    a = np.where(known, weights - mean_weight[:, None], 0.0)
    b = np.where(known, past - mean_price[:, None], 0.0)
    slope = (a * b).sum(axis=1) / ((a * a).sum(axis=1) + _SLOPE_RIDGE)
    root = np.where(known[:, -12:], np.exp(0.5 * np.nan_to_num(year)), 0.0)
    heavy = root.sum(axis=1)
    some = count > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        by_weight = (np.nan_to_num(past[:, -12:]) * root).sum(axis=1) / heavy
    return {
        "mean_24": np.where(some, mean_price, np.nan),
        "mean_by_weight": np.where(heavy > 0, by_weight, np.nan),
        "weight": weight,
        "weight_move": weight - usual,
        "weight_before": weights[:, -1],
        "weight_spread": spread_of(year, usual),
        "slope": np.where(some, slope, np.nan),
        "by_slope": np.where(some, slope * (weight - mean_weight), np.nan),
    }


def _usual(history: History, rows: Rows) -> dict[str, Floats]:
    """Usual price of the item and of its heading in all countries."""
    number, names = rows.items
    items = np.array([_item(history, hs) for hs in names], dtype=object)[number]
    headings = np.array([hs[:4] for hs in names], dtype=object)[number]
    item, item_spread, _ = history.usual("level", items, rows.month)
    heading, heading_spread, _ = history.usual("level", headings, rows.month)
    _, jitter, _ = history.usual("jitter", items, rows.month)
    return {
        "item": item,
        "item_spread": item_spread,
        "heading": heading,
        "heading_spread": heading_spread,
        "item_jitter": jitter,
    }


def _item(history: History, hs: str) -> str:
    """The code under which the panel keeps the goods; the code itself where it does not."""
    return next((code for code in own_codes(hs) if code in history.members), hs)


# -- what others did in the same month -----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the series of each group and fold.

    group: number of each group; total, count: (groups, FOLDS, months); value, weight: (series, months), what
    each series adds: value × weight to the total, weight to the count.
    """

    group: dict[object, int]
    total: Floats
    count: Floats
    value: Floats
    weight: Floats


_GROUPS: dict[str, Callable[[str, str], object]] = {
    "item": lambda hs, country: hs,
    "kin": lambda hs, country: (hs[:4], country),
    "headings": lambda hs, country: hs[:4],
    "origin": lambda hs, country: country,
    "all": lambda hs, country: "",
    "item_weighed": lambda hs, country: hs,
    "others": lambda hs, country: hs,
    "others_weighed": lambda hs, country: hs,
}
# How many calm series, that had not moved at all, stand beside the ones that are known.
_CALM = {"item": 2.0, "kin": 1.0, "headings": 2.0, "origin": 2.0, "all": 2.0, "item_weighed": _CALM_ROOT_KG}


def _moves(history: History, rows: Rows, series: Ints, folds: Ints | None) -> dict[str, Floats]:
    number, pairs = rows.pairs
    items = [_item(history, hs) for hs, _ in pairs]
    found: dict[str, Floats] = {}
    for name, key in _GROUPS.items():
        sums = _sums(history, name)
        places = [sums.group.get(key(item, pair[1]), -1) for item, pair in zip(items, pairs, strict=True)]
        group = np.array(places, dtype=np.int64)[number]
        for when, back in (("now", 0), ("before", 1)):
            if name == "others_weighed" and back:
                continue
            total, count = _without(sums, group, series, rows.month - history.first - back, folds)
            if name.startswith("others"):
                label = "others_by_weight" if name == "others_weighed" else f"others_{when}"
                with np.errstate(invalid="ignore", divide="ignore"):
                    found[label] = np.where(count > 0, total / count, np.nan)
                if label == "others_now":
                    found["others_months"] = count
            else:
                found[f"{name}_{when}"] = total / (count + _CALM[name])
                if not back:
                    found[f"{name}_months"] = count
    return found


def _without(
    sums: _Sums, group: Ints, series: Ints, column: Ints, folds: Ints | None
) -> tuple[Floats, Floats]:
    """Sum and count of each row's group in a month, without its own series or without all of its fold."""
    months = sums.total.shape[2]
    inside = (group >= 0) & (column >= 0) & (column < months)
    g, c = np.where(inside, group, 0), np.where(inside, column, 0)
    total, count = sums.total[g, :, c].sum(axis=1), sums.count[g, :, c].sum(axis=1)
    if folds is None:
        mine = inside & (series >= 0)
        s = np.where(mine, series, 0)
        weight = np.where(mine, sums.weight[s, c], 0.0)
        total, count = total - np.where(mine, sums.value[s, c], 0.0) * weight, count - weight
    else:
        total, count = total - sums.total[g, folds, c], count - sums.count[g, folds, c]
    some = inside & (count > 1e-6)  # what is left of a difference of equal sums is no count
    return np.where(some, total, 0.0), np.where(some, count, 0.0)


def _sums(history: History, name: str) -> _Sums:
    return history.once(f"sums of {name}", _Sums, lambda: _summed(history, name))


def _summed(history: History, name: str) -> _Sums:
    pairs = history.pairs
    group: dict[object, int] = {}
    key = _GROUPS[name]
    of = np.array([group.setdefault(key(*pair), len(group)) for pair in pairs], dtype=np.int64)
    fold = np.array([_fold(*pair) for pair in pairs], dtype=np.int64)
    grid = history.unit if name.startswith("others") else np.clip(history.deviation, -_CLIP, _CLIP)
    known = np.isfinite(grid)
    weight = known.astype(np.float64)
    if name.endswith("weighed"):
        kilograms = np.clip(np.nan_to_num(history.weight), 0.0, _MOST_LN_KG)
        weight = np.where(known & np.isfinite(history.weight), np.exp(0.5 * kilograms), 0.0)
    value = np.where(known, grid, 0.0)
    total = np.zeros((len(group), FOLDS, history.months))
    count = np.zeros_like(total)
    np.add.at(total, (of, fold), value * weight)
    np.add.at(count, (of, fold), weight)
    return _Sums(group, total, count, value, weight)
