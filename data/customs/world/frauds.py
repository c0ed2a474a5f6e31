"""Planted frauds: the truth stays, the papers change (or something is added to the load)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from customs.physics.container import CONTAINERS
from customs.physics.packing.planted import Hidden
from customs.world.consignment import Consignment
from customs.world.economy import Economy
from customs.world.goods import Item
from customs.world.texts import describe

KINDS = ("under_invoicing", "wrong_code", "hidden_goods", "wrong_weight", "inflated_freight", "swapped_code")
# With the plainest of all: the goods are named as what they are, under a code that is taxed less.
QUEUE_KINDS = (*KINDS, "misclassified")
# What papers alone can show.
PAPER_KINDS = ("under_invoicing", "inflated_freight", "swapped_code", "misclassified")
# hidden things: material, density as packed in kg/m³
_HIDDEN = (
    ("steel", 4500.0),
    ("copper", 5200.0),
    ("lead", 7000.0),
    ("electronics", 1400.0),
    ("aluminium", 1900.0),
)
HIDDEN_DENSITY = dict(_HIDDEN)


@dataclass(frozen=True)
class Planted:
    """One fraud in one line: its kind, the true code and what was done, for the evaluation only."""

    fraud: str
    true_hsk: str
    detail: str


def plant(
    clean: Consignment, kind: str, items: Sequence[Item], economy: Economy, rng: np.random.Generator
) -> tuple[Consignment, list[Planted]]:
    """Commit a fraud of `kind`; two kinds bring a second with them in a third of the cases."""
    done: list[Planted] = []
    guilty = clean
    if kind == "wrong_code":
        guilty = _wrong_code(guilty, items, economy, rng, done)
        if rng.random() < 0.33:
            guilty = _under_invoice(guilty, rng, done)
    elif kind == "under_invoicing":
        guilty = _under_invoice(guilty, rng, done)
        if rng.random() < 0.33:
            guilty = _inflate_freight(guilty, rng, done)
    elif kind == "hidden_goods":
        guilty = _hide(guilty, rng, done)
    elif kind == "swapped_code":
        guilty = _swap_code(guilty, items, rng, done)
    elif kind == "misclassified":
        guilty = _misclassify(guilty, items, rng, done)
    elif kind == "wrong_weight":
        guilty = _wrong_weight(guilty, rng, done)
    else:
        guilty = _inflate_freight(guilty, rng, done)
    return guilty, done


def suits(kind: str, clean: Consignment, items: Sequence[Item]) -> bool:
    """Whether anything could tell: some frauds need a scan, a swapped code needs goods to be swapped with."""
    if kind == "swapped_code":
        return bool(_look_alikes(clean.goods, items))
    if kind == "misclassified":
        return bool(_less_taxed(clean.goods, items))
    return clean.has_scan or kind not in ("hidden_goods", "wrong_weight", "wrong_code")


def _under_invoice(c: Consignment, rng: np.random.Generator, done: list[Planted]) -> Consignment:
    factor = round(float(rng.uniform(0.30, 0.65)), 3)
    done.append(Planted("under_invoicing", c.goods.hsk.digits, f"value x {factor}"))
    return dataclasses.replace(c, value=c.value * factor)


def _inflate_freight(c: Consignment, rng: np.random.Generator, done: list[Planted]) -> Consignment:
    factor = round(float(rng.uniform(2.7, 3.3)), 2)
    done.append(Planted("inflated_freight", c.goods.hsk.digits, f"freight x {factor}"))
    return dataclasses.replace(c, freight=c.freight * factor)


def _wrong_weight(c: Consignment, rng: np.random.Generator, done: list[Planted]) -> Consignment:
    factor = round(float(rng.uniform(0.50, 0.75)), 3)
    done.append(Planted("wrong_weight", c.goods.hsk.digits, f"weight and value x {factor}"))
    return dataclasses.replace(
        c, gross_kg=round(c.gross_kg * factor, 1), net_kg=round(c.net_kg * factor, 1), value=c.value * factor
    )


def _wrong_code(
    c: Consignment, items: Sequence[Item], economy: Economy, rng: np.random.Generator, done: list[Planted]
) -> Consignment:
    true = c.goods
    cold = CONTAINERS[true.container].reefer
    # what a smuggler would write: cheaper or less taxed, in the same kind of box, and packed otherwise
    options = [
        i
        for i in items
        if i.hsk != true.hsk
        and CONTAINERS[i.container].reefer == cold
        and (i.packing, i.material) != (true.packing, true.material)
        and (i.duty < true.duty or i.price < 0.7 * true.price)
        and i.price > 0.1 * true.price
    ] or [i for i in items if i.hsk != true.hsk and i.packing != true.packing]
    declared = options[int(rng.integers(0, len(options)))]
    unit_value = economy.unit_value(declared.hsk.digits, c.origin, c.month)
    value = c.net_kg * unit_value * float(np.exp(c.importer.price + 0.05 * rng.standard_normal()))
    done.append(Planted("wrong_code", true.hsk.digits, f"declared as {declared.hsk.digits}"))
    per_kg = economy.sea_freight(declared, c.origin, c.month) * float(np.exp(0.07 * rng.standard_normal()))
    return dataclasses.replace(
        c, declared=declared, wording=describe(declared, rng), value=value, freight=per_kg * c.net_kg
    )


def _swap_code(
    c: Consignment, items: Sequence[Item], rng: np.random.Generator, done: list[Planted]
) -> Consignment:
    options = _look_alikes(c.goods, items)
    declared = options[int(rng.integers(0, len(options)))]
    done.append(
        Planted("swapped_code", c.goods.hsk.digits, f"declared as {declared.hsk.digits}, value as paid")
    )
    return dataclasses.replace(c, declared=declared, wording=describe(declared, rng))


def _misclassify(
    c: Consignment, items: Sequence[Item], rng: np.random.Generator, done: list[Planted]
) -> Consignment:
    """Another code, chosen for its duty; name, description, value and freight stay those of the goods."""
    options = _less_taxed(c.goods, items)
    declared = options[int(rng.integers(0, len(options)))]
    done.append(Planted("misclassified", c.goods.hsk.digits, f"declared as {declared.hsk.digits}"))
    return dataclasses.replace(c, declared=declared)


def _less_taxed(true: Item, items: Sequence[Item]) -> list[Item]:
    """Goods of another heading that travel in the same kind of box and are taxed less."""
    return [
        i
        for i in items
        if i.hsk.digits[:4] != true.hsk.digits[:4] and i.container == true.container and i.duty < true.duty
    ]


def _look_alikes(true: Item, items: Sequence[Item]) -> list[Item]:
    """Goods of the same chapter that are packed alike and cost at most half as much, or at least twice."""
    return [
        i
        for i in items
        if i.hsk != true.hsk
        and i.hsk.digits[:2] == true.hsk.digits[:2]
        and (i.packing, i.material, i.container) == (true.packing, true.material, true.container)
        and not 0.5 < i.price / true.price < 2.0
    ]


def _hide(c: Consignment, rng: np.random.Generator, done: list[Planted]) -> Consignment:
    material, density = _HIDDEN[int(rng.integers(0, len(_HIDDEN)))]
    kg = float(np.round(rng.uniform(350, 1400), 0))
    volume = kg / density
    height = float(np.clip(volume ** (1 / 3) * rng.uniform(0.8, 1.2), 0.25, 0.9))
    width = float(np.clip(volume / height / 0.8, 0.25, 1.6))
    hidden = Hidden(
        material, kg, (float(rng.uniform(0.05, 0.9)), float(rng.uniform(0.1, 0.9))), (width, height)
    )
    done.append(Planted("hidden_goods", c.goods.hsk.digits, f"{kg:.0f} kg of {material} inside the load"))
    return dataclasses.replace(c, hidden=hidden)
