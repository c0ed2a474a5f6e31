"""The flagship: what the network and the trees expect of a unit value, and how odd its distance from that is.

    row ── inputs ──── LSTM autoencoders ── value, noise ─┐
     └──── features ── boosted trees ────── value ────────┴─ expected value, scale ── oddness

The level of the row is pooled from its series and its item (`inputs`); both predict the step from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from customs import trees
from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from customs.trees import Forest, cross_fit
from tabular_ae.features import Features, features, fold_of
from tabular_ae.forecast import Forecast
from tabular_ae.history import History
from tabular_ae.inputs import Inputs, prepare
from tabular_ae.model import FlagshipConfig
from tabular_ae.oddness import Guess, Oddness, beyond, distance
from tabular_ae.price import Prices
from tabular_ae.rows import Floats, Ints, Rows

_LEAST_ROWS = 100
_DECIMALS = 4
# Errors smaller than this are the panel's rounding.
_ROUNDING = 0.02
# Share of the rows learned from that see only some of the later months.
_BLINDED = 0.25
_CENTRE = {"objective": "huber", "alpha": 0.3}
_SCALE = {"objective": "regression"}


@dataclass(frozen=True, eq=False)
class Expected:
    """What a model expects of n rows, and from what.

    guesses: the one that counts first, then those of its parts; inputs, seen: of the rows.
    """

    guesses: tuple[Guess, ...]
    inputs: Inputs
    seen: Features


class Flagship:
    """The `PriceModel` of the default configuration.

    countries: number of each country the trees know; centre, scale: trees of the step from the level and of
    the logarithm of the error; oddness: None where the distance alone decides. unseen: after `fit`, the rows
    learned from as those parts score them that have not seen them; not kept.
    """

    def __init__(
        self,
        config: FlagshipConfig,
        countries: dict[str, int],
        forecast: Forecast | None,
        centre: Forest | None,
        scale: Forest | None,
        oddness: Oddness | None,
        *,
        extra: float = 0.0,
    ) -> None:
        self.config = config
        self.countries = countries
        self.forecast = forecast
        self.centre = centre
        self.scale = scale
        self.oddness = oddness
        self.extra = extra
        self.losses = forecast.losses if forecast is not None else []
        self.unseen: Prices | None = None

    @classmethod
    def fit(
        cls,
        history: History,
        learn: Rows,
        config: FlagshipConfig,
        *,
        seed: int = 0,
        device: str = "cpu",
        progress: Progress = silent,
    ) -> Self:
        """Fit on clean rows, each part on what the parts before it say of rows that they have not seen."""
        countries = {name: i for i, name in enumerate(sorted(set(learn.country.tolist())))}
        inputs = prepare(history, learn, config.window)
        fold = fold_of(history, learn)
        later = _later(len(learn), config.later_months, seed)
        seen = features(history, learn, inputs, countries, folds=fold, later=later)
        known = np.isfinite(inputs.level) & np.isfinite(inputs.unit[:, -1])
        if known.sum() < _LEAST_ROWS:
            raise InvalidConfig(
                f"only {known.sum()} rows have earlier months", field="data", remedy="give longer series"
            )
        months, group = inputs.months, inputs.group
        inputs, seen, fold, unit = inputs.take(known), seen.take(known), fold[known], learn.log_unit[known]

        forecast, guesses = None, []
        if config.lstm:
            forecast, unseen = Forecast.fit(inputs, fold, config, seed=seed, device=device, progress=progress)
            guesses.append(_guess(inputs, unseen))
        centre = scale = None
        if config.trees:
            progress("growing trees", 0, 3)
            parameters = {"num_leaves": config.leaves, "learning_rate": config.tree_rate}
            drawn = np.random.default_rng([seed, 3]).integers(0, config.folds, size=len(unit))
            x = seen.matrix()
            centre, step = cross_fit(
                x, unit - seen.level, drawn, {**parameters, **_CENTRE}, config.rounds, seed
            )
            progress("growing trees", 1, 3)
            mean, beside = _together(seen.level + step, guesses)
            error = np.log(np.abs(unit - mean) + _ROUNDING)
            scale, log_scale = cross_fit(
                np.concatenate([x, beside], axis=1),
                error,
                drawn,
                {**parameters, **_SCALE},
                config.scale_rounds,
                seed + config.folds,
            )
            progress("growing trees", 2, 3)
            guesses = _all(mean, seen.level + step, log_scale, guesses)
        oddness = None
        if config.exposure:
            oddness, odd = Oddness.fit(seen, unit, tuple(guesses), config.odd_rounds, seed)
            progress("growing trees", 3, 3)
        else:
            odd = distance(unit, guesses[0])
        found = cls(config, countries, forecast, centre, scale, oddness)
        found.unseen = Prices(
            _placed(known, np.round(odd, _DECIMALS)),
            _placed(known, guesses[0].centre),
            _placed(known, np.exp(guesses[0].log_scale)),
            months,
            group,
        )
        return found

    # -- scoring -----------------------------------------------------------------------------------

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> Prices:
        """Score rows against the months before them; a `consignment` row is one line, not a month."""
        expected = self.expect(history, rows, consignment=consignment)
        best = expected.guesses[0]
        score = np.round(self.odds(expected, rows.log_unit, consignment=consignment), _DECIMALS)
        inputs = expected.inputs
        return Prices(score, best.centre, np.exp(best.log_scale), inputs.months, inputs.group)

    def expect(self, history: History, rows: Rows, *, consignment: bool = False) -> Expected:
        """What is expected of rows, whatever their own value is."""
        return self.guess(*self.see(history, rows, consignment=consignment), consignment=consignment)

    def see(self, history: History, rows: Rows, *, consignment: bool = False) -> tuple[Inputs, Features]:
        """What the networks and the trees are shown of rows."""
        inputs = prepare(history, rows, self.config.window, weigh=not consignment)
        later = np.full(len(rows), 0 if consignment else self.config.later_months, dtype=np.int64)
        seen = features(history, rows, inputs, self.countries, weigh=not consignment, later=later)
        return inputs, seen

    def guess(self, inputs: Inputs, seen: Features, *, consignment: bool = False) -> Expected:
        """What networks and trees make of it."""
        guesses: list[Guess] = []
        if self.forecast is not None:
            guesses.append(_guess(inputs, self.forecast(inputs.x, exact=consignment)))
        if self.centre is not None and self.scale is not None:
            x = seen.matrix()
            own = seen.level + np.round(self.centre.predict(x), _DECIMALS)
            mean, beside = _together(own, guesses)
            log_scale = np.round(self.scale.predict(np.concatenate([x, beside], axis=1)), _DECIMALS)
            guesses = _all(mean, own, log_scale, guesses)
        if consignment:
            guesses = [_wider(guess, self.extra) for guess in guesses]
        return Expected(tuple(guesses), inputs, seen)

    def odds(self, expected: Expected, unit: Floats, *, consignment: bool = False) -> Floats:
        """(n,) how odd ln(USD/kg) is for rows of which this is expected."""
        if self.oddness is None:
            return distance(unit, expected.guesses[0])
        found = self.oddness(expected.seen, unit, expected.guesses)
        return found + beyond(unit, expected.guesses[0]) if consignment else found

    # -- keeping -----------------------------------------------------------------------------------

    def tensors(self) -> Mapping[str, npt.NDArray[Any]]:
        """Weights of the networks."""
        return self.forecast.tensors() if self.forecast is not None else {}

    def facts(self) -> dict[str, Any]:
        """What is neither weights nor trees."""
        return {"countries": self.countries, "extra": self.extra}

    def texts(self) -> dict[str, list[str]]:
        """The trees."""
        forests = {
            "centre": self.centre,
            "scale": self.scale,
            "oddness": self.oddness.forest if self.oddness is not None else None,
        }
        return trees.as_columns({name: forest for name, forest in forests.items() if forest is not None})

    @classmethod
    def restore(
        cls,
        config: FlagshipConfig,
        tensors: Mapping[str, npt.NDArray[Any]],
        facts: Mapping[str, Any],
        texts: Mapping[str, Any],
        device: str,
    ) -> Self:
        """Read back what `tensors`, `facts` and `texts` gave."""
        forests = trees.from_columns(texts) if texts else {}
        odd = forests.get("oddness")
        return cls(
            config,
            dict(facts["countries"]),
            Forecast.restore(config, tensors, device),
            forests.get("centre"),
            forests.get("scale"),
            Oddness(odd) if odd is not None else None,
            extra=float(facts["extra"]),
        )


def _placed(known: npt.NDArray[np.bool_], values: Floats) -> Floats:
    """Values at the rows that are known, NaN elsewhere."""
    out = np.full(len(known), np.nan)
    out[known] = values
    return out


def _later(n: int, most: int, seed: int) -> Ints:
    """How many later months each of n rows to learn from may see: some see fewer, as the newest rows will."""
    rng = np.random.default_rng([seed, 7])
    fewer = rng.integers(0, max(most, 1), n)
    return np.where(rng.random(n) < _BLINDED, fewer, most)


def _guess(inputs: Inputs, forecast: Floats) -> Guess:
    """The network's answers (n, 2) in ln(USD/kg)."""
    return Guess(inputs.level + forecast[:, 0] * inputs.spread, forecast[:, 1] + np.log(inputs.spread))


def _together(own: Floats, guesses: list[Guess]) -> tuple[Floats, Floats]:
    """The middle of the trees' value and the network's (n,), and what the scale sees of it (n, 0 or 2)."""
    if not guesses:
        return own, np.empty((len(own), 0))
    network = guesses[0]
    return 0.5 * (own + network.centre), np.stack([network.log_scale, network.centre - own], axis=1)


def _all(mean: Floats, own: Floats, log_scale: Floats, guesses: list[Guess]) -> list[Guess]:
    """The guess that counts, then those of its parts."""
    if not guesses:
        return [Guess(mean, log_scale)]
    return [Guess(mean, log_scale), Guess(own, log_scale), *guesses]


def _wider(guess: Guess, extra: float) -> Guess:
    return dataclasses.replace(guess, log_scale=0.5 * np.log(np.exp(2.0 * guess.log_scale) + extra**2))
