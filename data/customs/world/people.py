"""Importers with habits, the brokers who declare for them, forwarders, sellers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from customs.world.goods import Item


def _words(text: str, separator: str = " ") -> tuple[str, ...]:
    return tuple(text.split(separator))


OFFICES = ("016", "020", "030", "040", "010")  # Pyeongtaek, Incheon, Busan, Incheon airport, Seoul
SEAPORTS = {"016": 0.2, "020": 0.25, "030": 0.55}  # with their share of the importers
_FIRST = _words(
    "한빛 대성 동해 남양 서광 청해 삼우 미래 가온 누리 바다 태평 금강 해든 새론 다온 우진 성일 유원 신명"
)
_SECOND = _words("수산 무역 상사 통상 인터내셔널 식품 물산 글로벌 유통 산업")
_FORWARDERS = _words(
    "Harbour Line,Blue Route,Han River,East Gate,Pine Coast,North Star,Sunrise,Four Seas", ","
)
_SELLERS = _words("Trading Exports Foods Industries Group Supply")


@dataclass(frozen=True)
class Importer:
    """A firm and its habits.

    price: how far its unit values lie from the market, log; tidy: how neatly its suppliers stack, 0…1;
    block: packages side by side before a gap; fill: share of a container it usually fills.
    """

    name: str
    items: tuple[Item, ...]
    favourite: dict[str, str]
    price: float
    tidy: float
    block: int
    fill: float
    office: str
    declarant: str
    forwarder: str


@dataclass(frozen=True)
class People:
    """Everybody; `of[hsk]` are the importers of an item."""

    importers: tuple[Importer, ...]
    of: dict[str, tuple[Importer, ...]]


def make_people(items: Sequence[Item], rng: np.random.Generator) -> People:
    """Two or three importers for each item, most of them with more than one item."""
    count = max(len(items), 6)
    names = [f"{a}{b}" for a in _FIRST for b in _SECOND]
    chosen = [names[n] for n in rng.permutation(len(names))[:count]]
    brokers = [f"관세법인 {name}" for name in _FIRST[:12]]
    held: list[list[Item]] = [[] for _ in range(count)]
    for item in items:
        for owner in rng.choice(count, size=3 if rng.random() < 0.6 else 2, replace=False):
            held[int(owner)].append(item)
    importers = []
    for name, own in zip(chosen, held, strict=True):
        favourite = {}
        for item in own:
            shares = np.array(list(item.origins.values()))
            favourite[item.hsk.digits] = str(rng.choice(list(item.origins), p=shares / shares.sum()))
        importers.append(
            Importer(
                name=name,
                items=tuple(own),
                favourite=favourite,
                price=float(0.06 * rng.standard_normal()),
                tidy=float(np.clip(0.75 + 0.15 * rng.standard_normal(), 0.3, 1.0)),
                block=int(rng.choice([1, 1, 2, 3])),
                fill=float(rng.uniform(0.86, 0.99)),
                office=str(rng.choice(list(SEAPORTS), p=list(SEAPORTS.values()))),
                declarant=str(rng.choice(brokers)),
                forwarder=f"{rng.choice(_FORWARDERS)} Forwarding",
            )
        )
    of = {item.hsk.digits: tuple(i for i in importers if item in i.items) for item in items}
    return People(tuple(importers), of)


def seller_name(country: str, rng: np.random.Generator) -> str:
    """A foreign firm."""
    return f"{rng.choice(_FORWARDERS)} {rng.choice(_SELLERS)} {country}-{int(rng.integers(1, 60)):02d}"


def container_number(rng: np.random.Generator) -> str:
    """A container number with the check digit of ISO 6346.

    >>> check_digit("CSQU305438")
    3
    """
    stem = str(rng.choice(["PCLU", "SIMU", "KPSU", "HDRU"])) + f"{int(rng.integers(0, 1_000_000)):06d}"
    return f"{stem}{check_digit(stem)}"


def check_digit(stem: str) -> int:
    """Check digit of four letters and six digits, ISO 6346."""
    values = {}
    value = 10
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        if value % 11 == 0:
            value += 1
        values[letter] = value
        value += 1
    total = sum((values[c] if c.isalpha() else int(c)) * 2**n for n, c in enumerate(stem))
    return total % 11 % 10
