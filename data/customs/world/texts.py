"""How brokers write goods down: Korean, English or both, long or short, now and then misspelt."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from customs.world.goods import Item


@dataclass(frozen=True)
class Wording:
    """A declared name and its description, "" for none."""

    name: str
    description: str


def describe(item: Item, rng: np.random.Generator) -> Wording:
    """One way of writing this item down."""
    words = _words()[item.family]
    korean = rng.random() < 0.45
    names, details, states = (
        (item.names_ko, item.details_ko, words["state_ko"])
        if korean
        else (item.names_en, item.details_en, words["state_en"])
    )
    name = _one(names, rng)
    form = rng.random()
    if form < 0.25:
        text = name
    elif form < 0.50:
        text = f"{name} {_one(details, rng)}" if korean else f"{name}, {_one(details, rng)}"
    elif form < 0.65:
        text = f"{name}; {_one(_words()['brands'], rng)}"
    elif form < 0.80:
        text = f"{name} ({_one(item.names_en if korean else item.names_ko, rng)})"
    elif form < 0.92:
        text = (
            f"{name} {_one(states, rng)}" if korean else f"{name} {_one(states, rng)}, {_one(details, rng)}"
        )
    else:
        text = f"{_one(details, rng)} {name}"
    if not korean and rng.random() < 0.35:
        text = text.upper()
    if rng.random() < 0.12:
        text = _misspell(text, rng)
    if rng.random() < 0.15:
        text = f"{text} {_lot(rng)}"
    return Wording(
        text, _description(item, korean, states, details, words["use_ko" if korean else "use_en"], rng)
    )


def _description(
    item: Item,
    korean: bool,
    states: list[str],
    details: tuple[str, ...],
    uses: list[str],
    rng: np.random.Generator,
) -> str:
    if rng.random() < 0.25:
        return ""
    name = _one(item.names_ko if korean else item.names_en, rng)
    order = rng.permutation(len(details))
    parts = [details[int(n)] for n in order[: 1 + int(rng.random() < 0.6)]]
    parts.append(_one(states, rng))
    weight = f"{item.package_kg:g} kg" if item.package_kg < 3000 else ("산물" if korean else "in bulk")
    if korean:
        body = f"{name}, {', '.join(parts)}, 포장단위 {weight}. 용도: {_one(uses, rng)}."
        return body if rng.random() < 0.7 else f"{body} {_one(_words()['brands'], rng)} 상표."
    body = f"{name[0].upper()}{name[1:]}: {', '.join(parts)}; package {weight}; {_one(uses, rng)}."
    return body if rng.random() < 0.7 else f"{body} Brand {_one(_words()['brands'], rng)}."


@lru_cache(maxsize=1)
def _words() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("wording.toml").read_text(encoding="utf-8"))


def _misspell(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(1, max(len(text) - 2, 2)))
    if rng.random() < 0.5:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]


def _lot(rng: np.random.Generator) -> str:
    return f"LOT {int(rng.integers(1000, 9999))}"


def _one(options: tuple[str, ...] | list[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(0, len(options)))]
