"""Why a declaration stands where it does: what moved its score most, as sentences."""

from __future__ import annotations

import numpy as np

from customs.evidence import Message
from customs.hs import HsCode
from customs.sentences import Language, catalogue, render
from fusion.head.attributes import CODES, FIGURES, Attributes, Floats, Matrix
from fusion.head.model import Head

SHOWN = 3
# A part of the log-odds below which nothing is worth a sentence.
_LEAST = 0.05
# Whole packs of features speak of one thing: the rate of a combination and how often it was inspected.
_PRICE = ("unit_value", "unit_value_gap")


def reasons(
    head: Head,
    rows: Attributes,
    features: Matrix,
    contributions: Floats | Matrix,
    language: Language,
    *,
    raising: bool = True,
) -> list[str]:
    """For each of n rows up to three sentences in one text; contributions: (n, features), of the log-odds.

    raising: what speaks for an inspection; else what speaks most, either way.
    """
    keys = list(head.encoder.rates)
    of_key = contributions[:, : 2 * len(keys)].reshape(len(rows), len(keys), 2).sum(axis=2)
    parts = np.concatenate([of_key, contributions[:, 2 * len(keys) : features.shape[1]]], axis=1)
    weight = parts if raising else np.abs(parts)
    best = np.argsort(-weight, axis=1, kind="stable")[:, : 2 * SHOWN]
    found = []
    for i in range(len(rows)):
        said: list[str] = []
        for j in best[i].tolist():
            if weight[i, j] < _LEAST or len(said) == SHOWN:
                break
            text = render(_sentence(head, rows, features, i, j, keys, language), language)
            if text not in said:
                said.append(text)
        found.append("; ".join(said))
    return found


def _sentence(
    head: Head,
    rows: Attributes,
    features: Matrix,
    i: int,
    j: int,
    keys: list[tuple[str, ...]],
    language: Language,
) -> Message:
    if j < len(keys):
        return _rate(head, rows, features, i, j, keys[j], language)
    at = j - len(keys)
    if at >= len(FIGURES):
        check = head.checks[at - len(FIGURES)]
        surprise = float(features[i, 2 * len(keys) + at])
        name = f"check.{check}"
        label = render(Message(id=name), language) if name in catalogue() else check
        return Message(id="reason.check", params={"check": label, "one_in": 10.0 ** min(surprise, 9.0)})
    name = FIGURES[at]
    gap = float(features[i, 2 * len(keys) + FIGURES.index("unit_value_gap")])
    if name in _PRICE and np.isfinite(gap):
        side = "below" if gap < 0 else "above"
        return Message(id=f"reason.price.{side}", params={"times": float(np.exp(abs(gap)))})
    figure = float(features[i, 2 * len(keys) + at])
    if name in ("value", "net_kg", "duty", "unit_value"):
        figure = float(np.exp(figure)) if name == "unit_value" else float(np.expm1(figure))
    return Message(id=f"reason.{name}", params={"figure": figure})


def _rate(
    head: Head, rows: Attributes, features: Matrix, i: int, j: int, key: tuple[str, ...], language: Language
) -> Message:
    inspected = float(features[i, 2 * j + 1])
    named = [Message(id=f"attribute.{name}", params={"value": _value(rows, name, i)}) for name in key]
    what = " × ".join(render(message, language) for message in named)
    if inspected < 1:
        return Message(id="reason.unseen", params={"what": what})
    found = head.encoder.found_of(float(features[i, 2 * j]), inspected)
    return Message(id="reason.rate", params={"what": what, "found": found, "inspected": round(inspected)})


def _value(rows: Attributes, name: str, i: int) -> str:
    text = rows.texts[name][i]
    if text is None:
        return "–"
    return str(HsCode(text)) if name in CODES else str(text)
