"""Why a declaration stands where it does: what moved its score most, as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from customs.hs import HsCode
from customs.sentences import Language, catalogue
from fusion.head.attributes import CODES, FIGURES, Attributes, Floats, Key, Matrix
from fusion.head.encode import Encoder
from fusion.head.model import Head

SHOWN = 3
_LOOKED_AT = 12
# A part of the log-odds below which nothing is worth a sentence.
_LEAST = 0.05
_PRICE = ("unit_value", "unit_value_gap")
_COUNTED = 3.5  # a surprise from which "one in so many" would be a guess
_AMOUNTS = ("value", "net_kg", "duty")  # kept as ln(1 + x)


def reasons(
    head: Head, rows: Attributes, features: Matrix, contributions: Floats | Matrix, language: Language
) -> list[str]:
    """For each of n rows up to three sentences in one text, of what speaks most for an inspection.

    contributions: (n, features) or more columns, of the log-odds.
    """
    keys = list(head.encoder.rates)
    middle = 2 * len(keys)
    of_key = contributions[:, :middle].reshape(len(rows), len(keys), 2).sum(axis=2)
    weight = np.concatenate([of_key, contributions[:, middle : features.shape[1]]], axis=1)
    best = np.argsort(-weight, axis=1, kind="stable")[:, :_LOOKED_AT]
    enough = np.take_along_axis(weight, best, axis=1) >= _LEAST
    sets = [frozenset(key) for key in keys]
    found = []
    for i in range(len(rows)):
        said: list[str] = []
        spoken: list[frozenset[str]] = []
        for j, worth in zip(best[i].tolist(), enough[i].tolist(), strict=True):
            if not worth or len(said) == SHOWN:
                break
            if j >= len(keys):
                text = _figure(head.checks, features[i, middle:], j - len(keys), language)
            elif any(sets[j] <= other or other <= sets[j] for other in spoken):
                continue  # a combination says what those within it, and around it, say again
            else:
                spoken.append(sets[j])
                text = _rate(head.encoder, rows, features[i, 2 * j : 2 * j + 2], i, keys[j], language)
            if text not in said:
                said.append(text)
        found.append("; ".join(said))
    return found


def check_reason(check: str, surprise: float, language: Language) -> str:
    """How odd one check found a case; beyond what clean cases can be counted for, in words."""
    name = f"check.{check}"
    label = _say(name, language) if name in catalogue() else check
    if surprise > _COUNTED:
        return _say("reason.check.far", language, check=label)
    return _say("reason.check", language, check=label, one_in=10.0**surprise)


def nothing(language: Language) -> str:
    """What is said of a row of which there is nothing to say."""
    return _say("reason.nothing", language)


def unreadable(why: str, language: Language) -> str:
    """What is said of a row that could not be read."""
    return _say("reason.unreadable", language, why=why)


def _rate(encoder: Encoder, rows: Attributes, pair: Matrix, i: int, key: Key, language: Language) -> str:
    """What inspections of this combination found; pair: its rate and how many were inspected."""
    what = " × ".join(_label(name, rows.texts[name][i], language) for name in key)
    inspected = float(pair[1])
    if inspected < 1:
        return _say("reason.unseen", language, what=what)
    found = encoder.found_of(float(pair[0]), inspected)
    return _say("reason.rate", language, what=what, found=found, inspected=round(inspected))


def _figure(checks: Sequence[str], values: Matrix, at: int, language: Language) -> str:
    """values: of the figures and the checks of one row."""
    if at >= len(FIGURES):
        return check_reason(checks[at - len(FIGURES)], float(values[at]), language)
    name = FIGURES[at]
    gap = float(values[FIGURES.index("unit_value_gap")])
    if name in _PRICE and np.isfinite(gap):
        side = "below" if gap < 0 else "above"
        return _say(f"reason.price.{side}", language, times=float(np.exp(abs(gap))))
    figure = float(values[at])
    if name == "unit_value":
        figure = float(np.exp(figure))
    return _say(f"reason.{name}", language, figure=float(np.expm1(figure)) if name in _AMOUNTS else figure)


@lru_cache(maxsize=100_000)
def _label(name: str, text: str | None, language: Language) -> str:
    shown = "–" if text is None else str(HsCode(text)) if name in CODES else text
    return _say(f"attribute.{name}", language, value=shown)


def _say(name: str, language: Language, **params: str | int | float) -> str:
    """As `customs.sentences.render`, without a message in between: a million rows have three million."""
    return catalogue()[name][language].format_map(params)
