"""A consignment: what really travels, and what the papers say about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from customs.declaration import Declaration, Line, Mode
from customs.physics.packing.planted import Hidden, Planted
from customs.units import Country, Kilograms, Money
from customs.world.economy import START_MONTH, START_YEAR, Economy
from customs.world.goods import PIECES, Item
from customs.world.people import Importer, container_number, seller_name
from customs.world.texts import Wording, describe


@dataclass(frozen=True)
class Inside:
    """What really is in a container; kg with packing, 0 for an empty one.

    filling: how full its packages are, 1 as labelled, which thins the goods without changing their room.
    """

    goods: Item
    kg: float
    packages: int
    filling: float = 1.0


@dataclass(frozen=True)
class Consignment:
    """The truth (goods, kg, hidden) beside the papers (declared and all that follows).

    kg: gross weight without what is hidden, as bought; gross_kg and net_kg: as declared; value: USD;
    freight: KRW; index: which draw of the world this is, which seeds its scan and photo; lot: number of the
    purchase, where it filled several containers; travels: what is inside where that is not what was bought;
    planted: what else a scan would show.
    """

    index: int
    date: dt.date
    month: int
    importer: Importer
    origin: str
    mode: Mode
    goods: Item
    kg: float
    packages: int
    declared: Item
    wording: Wording
    gross_kg: float
    net_kg: float
    value: float
    freight: float
    office: str
    seller: str
    container: str | None
    has_scan: bool
    has_photo: bool
    preferential: bool
    hidden: Hidden | None = None
    lot: int | None = None
    travels: Inside | None = None
    planted: tuple[Planted, ...] = ()

    @property
    def inside(self) -> Inside:
        """What a scan shows, besides hidden and planted things."""
        return self.travels or Inside(self.goods, self.kg, self.packages)

    @property
    def things(self) -> tuple[Planted, ...]:
        """All that is hidden or planted, in the order of its drawing."""
        return (self.hidden, *self.planted) if self.hidden is not None else self.planted

    def declaration(self, number: str) -> Declaration:
        """The papers."""
        item = self.declared
        pieces = PIECES.get(item.family)
        line = Line(
            hsk=item.hsk,
            name=self.wording.name,
            description=self.wording.description,
            net_kg=Kilograms(self.net_kg),
            gross_kg=Kilograms(self.gross_kg),
            quantity=float(self.packages * pieces) if pieces else self.net_kg,
            unit="U" if pieces else "KG",
            packages=self.packages,
            value=_money(self.value, "USD", "0.01"),
            freight=_money(self.freight, "KRW", "1"),
            insurance=_money(self.value * 0.0015, "USD", "0.01"),
            duty_rate=round(item.duty * 0.4, 1) if self.preferential else item.duty,
            tax_type=f"F{self.origin}1" if self.preferential else "A",
        )
        return Declaration(
            id=number,
            date=self.date,
            office=self.office,
            mode=self.mode,
            departure=Country(self.origin),
            origin=Country(self.origin),
            importer=self.importer.name,
            declarant=self.importer.declarant,
            seller=self.seller,
            forwarder=self.importer.forwarder,
            container=self.container,
            lines=(line,),
        )


def consign(
    item: Item,
    months: range,
    economy: Economy,
    rng: np.random.Generator,
    *,
    index: int,
    importers: tuple[Importer, ...],
    scan_share: float,
    photo_share: float,
    force_scan: bool = False,
) -> Consignment:
    """An honest consignment of `item`, arriving in one of `months`."""
    importer = importers[int(rng.integers(0, len(importers)))]
    month = int(rng.integers(months.start, months.stop))
    origin = importer.favourite[item.hsk.digits]
    if rng.random() < 0.35:
        shares = np.array(list(item.origins.values()))
        origin = str(rng.choice(list(item.origins), p=shares / shares.sum()))
    mode = Mode.SEA if force_scan else _mode(item, rng)
    kg, packages = _quantity(item, importer, mode, rng)
    net = round(kg * (1 - item.packing_share), 1)
    unit_value = economy.unit_value(item.hsk.digits, origin, month)
    value = net * unit_value * np.exp(importer.price + 0.05 * rng.standard_normal())
    per_kg = economy.sea_freight(item, origin, month) * np.exp(0.07 * rng.standard_normal())
    if mode is not Mode.SEA:
        per_kg = per_kg * 6 + rng.uniform(1800, 3200)
    sea = mode is Mode.SEA
    return Consignment(
        index=index,
        date=_day(month, rng),
        month=month,
        importer=importer,
        origin=origin,
        mode=mode,
        goods=item,
        kg=kg,
        packages=packages,
        declared=item,
        wording=describe(item, rng),
        gross_kg=kg,
        net_kg=net,
        value=float(value),
        freight=float(per_kg * net),
        office=importer.office if sea else "040",
        seller=seller_name(origin, rng),
        container=container_number(rng) if sea else None,
        has_scan=sea and (force_scan or bool(rng.random() < scan_share)),
        has_photo=bool(rng.random() < photo_share),
        preferential=bool(rng.random() < 0.4),
    )


def _mode(item: Item, rng: np.random.Generator) -> Mode:
    air = {"chilled": 0.3, "machine": 0.18, "goods": 0.08}.get(item.family, 0.03)
    if item.bulk or item.packing in ("bars", "slabs", "logs", "lumber", "vehicles"):
        air = 0.0
    draw = rng.random()
    if draw < air:
        return Mode.AIR
    return Mode.POST if item.family == "goods" and draw < air + 0.04 else Mode.SEA


def _quantity(item: Item, importer: Importer, mode: Mode, rng: np.random.Generator) -> tuple[float, int]:
    """(gross kg, packages); a package weighs what the label says to a few per mille."""
    if mode is not Mode.SEA:
        packages = max(int(np.exp(rng.normal(3.0, 1.0))), 1)
        heavy = min(item.package_kg, 40.0)
        return round(packages * heavy * float(np.exp(0.004 * rng.standard_normal())), 1), packages
    wanted = item.capacity_kg * float(np.clip(importer.fill + 0.05 * rng.standard_normal(), 0.6, 1.0))
    if rng.random() < 0.12:  # a part load
        wanted *= rng.uniform(0.55, 0.85)
    if item.bulk:
        return round(wanted, 0), 1
    packages = max(int(wanted / item.package_kg), 1)
    return round(packages * item.package_kg * float(np.exp(0.004 * rng.standard_normal())), 1), packages


def _day(month: int, rng: np.random.Generator) -> dt.date:
    year, rest = divmod(START_YEAR * 12 + START_MONTH - 1 + month, 12)
    return dt.date(year, rest + 1, int(rng.integers(1, 29)))


def _money(amount: float, currency: str, step: str) -> Money:
    return Money(Decimal(repr(float(amount))).quantize(Decimal(step)), currency)
