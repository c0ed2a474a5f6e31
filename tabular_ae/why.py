"""Why a declared unit value is odd: what makes the expectation, month by month, and what would not be odd."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from customs.calibrate import Conformal
from tabular_ae.features import NAMES, driver
from tabular_ae.flagship import Flagship
from tabular_ae.history import History
from tabular_ae.inputs import STEP_CHANNELS
from tabular_ae.rows import Floats, Rows, month_text

# Channels of the network's input: unit value, its mask, weight, its mask, other countries, season twice.
_CHANNEL_DRIVERS = (
    "own_months",
    "own_months",
    "weight",
    "weight",
    "other_countries",
    "season",
    "season",
)
# A value is unremarkable where at least this share of clean cases is as odd.
_UNREMARKABLE = 0.1
_TRIED = 48


@dataclass(frozen=True)
class Part:
    """What one driver adds to the expected ln(USD/kg); month: YYYY-MM where it is one month's doing."""

    driver: str
    month: str | None
    effect: float


@dataclass(frozen=True)
class Why:
    """level: the usual unit value, USD/kg; parts: what moves the expectation from it, largest first.

    rest: ln(USD/kg) that no driver accounts for, what the models expect of a row they know nothing about.
    nearest: the unit value (USD/kg) nearest to the declared one that would be unremarkable; None if none is.
    """

    level: float
    parts: tuple[Part, ...]
    rest: float
    nearest: float | None


def explain(
    model: Flagship, history: History, row: Rows, calibration: Conformal, chain: tuple[str, ...]
) -> Why:
    """Take apart what is expected of one declared line.

    The parts sum, with the logarithm of the level and the rest, to the expected ln(USD/kg): Shapley values of
    the trees and integrated gradients of the networks, each as much as it counts.
    """
    expected = model.expect(history, row, consignment=True)
    inputs, month = expected.inputs, int(row.month[0])
    sums: dict[tuple[str, str | None], float] = defaultdict(float)
    both = model.forecast is not None and model.centre is not None
    if model.forecast is not None:
        share = 0.5 if both else 1.0
        grid = model.forecast.contributions(inputs.x[0]) * float(inputs.spread[0]) * share
        shift = float(model.forecast(inputs.x, exact=True)[0, 0]) * float(inputs.spread[0]) * share
        for step in range(grid.shape[0]):
            when = month_text(month - (grid.shape[0] - 1 - step))
            for channel, name in enumerate(_CHANNEL_DRIVERS):
                sums[name, when] += float(grid[step, channel])
        sums["own_months", None] += float(grid[:, STEP_CHANNELS:].sum())
        sums["", None] += shift - float(grid.sum())
    if model.centre is not None:
        share = 0.5 if both else 1.0
        for name, effect in zip(
            (*NAMES, ""), model.centre.contributions(expected.seen.matrix())[0], strict=True
        ):
            sums[_key(name, month)] += share * float(effect)
    parts = [Part(name, when, effect) for (name, when), effect in sums.items() if name and effect]
    return Why(
        level=float(np.exp(inputs.level[0])),
        parts=tuple(sorted(parts, key=lambda part: -abs(part.effect))),
        rest=sums["", None],
        nearest=_nearest(model, history, row, float(expected.guesses[0].centre[0]), calibration, chain),
    )


def by_driver(parts: tuple[Part, ...]) -> list[tuple[str, float]]:
    """Drivers and what they add over all months, largest first."""
    sums: dict[str, float] = defaultdict(float)
    for part in parts:
        sums[part.driver] += part.effect
    return sorted(sums.items(), key=lambda pair: -abs(pair[1]))


def _key(feature: str, month: int) -> tuple[str, str | None]:
    if not feature:
        return "", None
    back = feature.removeprefix("month_")
    return driver(feature), month_text(month - int(back)) if back != feature else None


def _nearest(
    model: Flagship,
    history: History,
    row: Rows,
    centre: float,
    calibration: Conformal,
    chain: tuple[str, ...],
) -> float | None:
    """The first unremarkable value on the way from the declared one to the expected ln(USD/kg) `centre`."""
    path: Floats = np.linspace(float(row.log_unit[0]), centre, _TRIED)
    many = model.expect(history, row.take(np.zeros(_TRIED, dtype=np.int64)), consignment=True)
    p, _ = calibration.in_group(model.odds(many, path, consignment=True), calibration.group_for(chain))
    fine = np.flatnonzero(p > _UNREMARKABLE)
    return float(np.exp(path[fine[0]])) if len(fine) else None
