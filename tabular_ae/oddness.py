"""From a price and what was expected to how odd it is: trees that have seen prices falsified on purpose.

Clean rows are shown as they are and with their unit value moved as a false declaration would move it; boosted
trees learn to tell the two apart from how far the price then lies from everything it can be measured against
(learning from made-up anomalies: Hendrycks, Mazeika and Dietterich, "Deep Anomaly Detection with Outlier
Exposure", ICLR 2019). So a small step in a calm series and a large one in a wild series are weighed by what
they are worth, not by a formula for the tail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from customs.trees import Forest, fit_one
from tabular_ae.features import FACTS, REFERENCES, Features
from tabular_ae.rows import Floats

# How false prices are thought to be made: mostly low, mostly by a little. Ranges of the share cut off, or of
# the factor; set beforehand, near the mixture that the proposal planted.
_LOW, _MILD = 0.75, 0.6
_MILD_CUT, _DEEP_CUT, _RAISE = (0.12, 0.35), (0.30, 0.80), (1.3, 8.0)
_COPIES, _HALVES = 6, 2
_PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "lambda_l2": 5.0,
    "monotone_constraints_method": "intermediate",
}
# How much more a price too low counts than one too high, where distance alone decides.
LOW_COUNTS = 1.3
# Trees end in steps: distance orders what stands on the same one, and what lies beyond all of them.
_SLOPE = 0.1
# Trees say the same of everything beyond what they were shown: a line at a third of the usual price would be
# no more surprising than one at two thirds. From this distance on, a line's distance counts on top of them.
_FAR, _FAR_SLOPE = 3.0, 2.0
# Prices that a price is measured against; the lags in between say the same.
_MEASURED = tuple(name for name in REFERENCES if name not in ("month_3", "month_6", "others_before"))
_COLUMNS = [REFERENCES.index(name) for name in _MEASURED]
_ITEM = REFERENCES.index("item")
_LEAST_SPREAD = 0.05


@dataclass(frozen=True, eq=False)
class Guess:
    """What one model expects of n rows: centre in ln(USD/kg) and ln of the scale, each (n,)."""

    centre: Floats
    log_scale: Floats


def distance(unit: Floats, guess: Guess) -> Floats:
    """(n,) how many scales ln(USD/kg) lies from what was expected, more for a low one; NaN where unknown."""
    z = (unit - guess.centre) / np.exp(guess.log_scale)
    return np.where(z < 0, -LOW_COUNTS * z, z)


@dataclass(frozen=True)
class Oddness:
    """Trees over the distances of a price."""

    forest: Forest

    @classmethod
    def fit(
        cls, seen: Features, unit: Floats, guesses: tuple[Guess, ...], rounds: int, seed: int
    ) -> tuple[Oddness, Floats]:
        """Learn on clean rows whose guesses come from models that have not seen them.

        Two forests, each of one half of the rows; also what the one that has not seen a row makes of it (n,).
        """
        rng = np.random.default_rng([seed, 5])
        half = rng.integers(0, _HALVES, len(unit))
        parts = [_matrix(seen, unit, guesses)]
        parts += [_matrix(seen, unit + false_step(rng, len(unit)), guesses) for _ in range(_COPIES)]
        free = len(guesses) + seen.facts.shape[1]  # columns that do not depend on the price
        parameters = {
            **_PARAMETERS,
            "monotone_constraints": [1] * (parts[0].shape[1] - free) + [0] * free,
        }
        unseen = np.zeros(len(unit))
        texts: list[str] = []
        for k in range(_HALVES):
            theirs = half != k
            x = np.concatenate([part[theirs] for part in parts])
            label = np.repeat([0.0, 1.0], [theirs.sum(), _COPIES * theirs.sum()])
            weight = np.where(label > 0, 1.0 / _COPIES, 1.0)
            one = Forest((fit_one(x, label, parameters, rounds, seed + k, weight),))
            unseen[~theirs] = one.predict(parts[0][~theirs])
            texts.extend(one.texts)
        return cls(Forest(tuple(texts))), unseen + _SLOPE * distance(unit, guesses[0])

    def __call__(self, seen: Features, unit: Floats, guesses: tuple[Guess, ...]) -> Floats:
        """(n,) log odds that the price was falsified, and a little of its distance; NaN where unknown."""
        away = distance(unit, guesses[0])
        known = np.isfinite(away)
        out = np.full(len(unit), np.nan)
        out[known] = self.forest.predict(_matrix(seen, unit, guesses)[known]) + _SLOPE * away[known]
        return out


def beyond(unit: Floats, guess: Guess) -> Floats:
    """(n,) what a distance that trees no longer tell apart adds to the log odds of a declared line."""
    return _FAR_SLOPE * np.maximum(distance(unit, guess) - _FAR, 0.0)


def false_step(rng: np.random.Generator, n: int) -> Floats:
    """(n,) by how much a false declaration moves ln(USD/kg): mostly down by an eighth to a third."""
    mild = np.log(1.0 - rng.uniform(*_MILD_CUT, n))
    deep = np.log(1.0 - rng.uniform(*_DEEP_CUT, n))
    raised = rng.uniform(float(np.log(_RAISE[0])), float(np.log(_RAISE[1])), n)
    low = np.where(rng.random(n) < _MILD, mild, deep)
    return np.where(rng.random(n) < _LOW, low, raised)


def _matrix(seen: Features, unit: Floats, guesses: tuple[Guess, ...]) -> Floats:
    """(n, k): distances below and above everything, then what does not depend on the price.

    A distance below and one above are two columns, neither of which may make a row less odd as it grows.
    """
    steps = [step for guess in guesses for step in _steps(unit, guess)]
    steps += [unit - seen.prices[:, i] for i in _COLUMNS]
    steps += [
        (unit - seen.prices[:, _ITEM]) / np.maximum(_item_spread(seen), _LEAST_SPREAD),
        unit - seen.level,
        (unit - seen.level) / seen.spread,
    ]
    away = np.stack(steps, axis=1)
    scales = np.stack([guess.log_scale for guess in guesses], axis=1)
    return np.concatenate([np.maximum(-away, 0.0), np.maximum(away, 0.0), scales, seen.facts], axis=1)


def _steps(unit: Floats, guess: Guess) -> tuple[Floats, Floats]:
    step = unit - guess.centre
    return step, step / np.exp(guess.log_scale)


def _item_spread(seen: Features) -> Floats:
    return seen.facts[:, FACTS.index("item_spread")]
