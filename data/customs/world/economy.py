"""Five years of oil, exchange rate, prices, sea freight, and the monthly trade that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.physics.container import CONTAINERS
from customs.world.goods import Item

START_YEAR, START_MONTH, MONTHS = 2020, 5, 60
Series = npt.NDArray[np.float64]  # one value a month

# Routes of the official sea freight table and their level at the start, thousand KRW per 2 TEU.
ROUTES = {"us_west": 2400.0, "us_east": 2750.0, "eu": 2100.0, "cn": 850.0, "jp": 780.0, "vn": 720.0}
# Countries off those routes: the nearest route and how much dearer it is.
_NEAR = {
    **dict.fromkeys(("NO", "DE", "ES", "FR", "IT", "NL", "DK", "BE", "CZ", "GB", "TR"), ("eu", 1.0)),
    **dict.fromkeys(("TH", "ID", "MY", "PH", "SG", "BD"), ("vn", 1.15)),
    **dict.fromkeys(("AU", "NZ", "IN", "AE", "SA"), ("vn", 1.7)),
    **dict.fromkeys(("CL", "PE", "EC", "CO", "GT", "MX", "CA"), ("us", 1.15)),
    **dict.fromkeys(("BR", "AR"), ("us", 1.3)),
    **dict.fromkeys(("SN", "ET"), ("eu", 1.35)),
    "CN": ("cn", 1.0),
    "JP": ("jp", 1.0),
    "VN": ("vn", 1.0),
    "US": ("us", 1.0),
    "RU": ("jp", 1.1),
    "TW": ("cn", 1.1),
}
_REEFER = 1.7  # a powered box costs that much more


@dataclass(frozen=True, eq=False)
class Economy:
    """What everybody pays: months from `month_label(0)` on.

    price[hsk][country]: USD/kg net; freight[hsk][country]: KRW/kg net by sea; weight: kg a month, 0 = none.
    """

    macro: dict[str, Series]
    routes: dict[str, Series]
    price: dict[str, dict[str, Series]]
    freight: dict[str, dict[str, Series]]
    weight: dict[str, dict[str, Series]]

    def unit_value(self, hsk: str, country: str, month: int) -> float:
        """USD/kg; a country that does not usually sell this item asks the middle of the others' prices."""
        prices = self.price[hsk]
        if country in prices:
            return float(prices[country][month])
        return float(np.median([series[month] for series in prices.values()]))

    def sea_freight(self, item: Item, country: str, month: int) -> float:
        """KRW/kg net."""
        known = self.freight[item.hsk.digits]
        return float(
            known[country][month] if country in known else _freight(item, country, self.routes)[month]
        )


def month_label(month: int) -> str:
    """YYYY-MM of a month counted from the start."""
    year, rest = divmod(START_YEAR * 12 + START_MONTH - 1 + month, 12)
    return f"{year}-{rest + 1:02d}"


def make_economy(items: Sequence[Item], rng: np.random.Generator) -> Economy:
    """Draw the five years."""
    oil = 62 * np.exp(_walk(rng, 0.06, 0.93) + np.linspace(-0.45, 0.2, MONTHS) + 0.35 * _hump(24, 9))
    krw = 1190 * np.exp(_walk(rng, 0.012, 0.95) + np.linspace(0, 0.14, MONTHS))
    consumer = 99.5 * np.exp(np.cumsum(0.0024 + 0.0012 * rng.standard_normal(MONTHS)))
    producer = 99.0 * np.exp(np.cumsum(0.0025 + 0.003 * rng.standard_normal(MONTHS)) + 0.05 * _hump(26, 10))
    macro = {
        "dubai_usd_bbl": oil,
        "brent_usd_bbl": oil * np.exp(0.02 + 0.015 * rng.standard_normal(MONTHS)),
        "wti_usd_bbl": oil * np.exp(-0.04 + 0.02 * rng.standard_normal(MONTHS)),
        "gold_usd_oz": 1750 * np.exp(_walk(rng, 0.03, 0.97) + np.linspace(0, 0.45, MONTHS)),
        "krw_per_usd": krw,
        "cpi_core_exagri_oil_2020": consumer,
        "ppi_total_2020": producer,
    }
    surge = 0.9 * _hump(19, 8) + _walk(rng, 0.05, 0.9)
    routes = {
        name: level * np.exp(surge * rng.uniform(0.7, 1.1) + 0.35 * np.log(oil / 62) + _walk(rng, 0.06, 0.8))
        for name, level in ROUTES.items()
    }
    calendar = np.arange(MONTHS) + START_MONTH
    price: dict[str, dict[str, Series]] = {}
    freight: dict[str, dict[str, Series]] = {}
    weight: dict[str, dict[str, Series]] = {}
    for item in items:
        code = item.hsk.digits
        peak, amplitude = item.season
        season = amplitude * np.cos(2 * np.pi * (calendar - peak) / 12)
        common = np.log(item.price) + item.trend * np.arange(MONTHS) / 12 + season + 0.05 * np.log(oil / 62)
        common = common + _walk(rng, 0.03, 0.85)
        volume = np.exp(rng.normal(6.2, 0.7)) * (12 / (item.price + 4)) * 1000  # kg a month, all origins
        price[code], freight[code], weight[code] = {}, {}, {}
        for country, share in item.origins.items():
            price[code][country] = np.exp(common + 0.10 * rng.standard_normal() + _walk(rng, 0.02, 0.8))
            freight[code][country] = _freight(item, country, routes) * np.exp(0.08 * rng.standard_normal())
            flow = (
                volume
                * share
                * np.exp(-0.8 * season + 0.35 * rng.standard_normal(MONTHS) + _walk(rng, 0.08, 0.9))
            )
            idle = rng.random(MONTHS) < (0.02 + 0.25 * np.exp(-share * 12))
            weight[code][country] = np.where(idle, 0.0, np.maximum(np.round(flow), 40.0))
    return Economy(macro, routes, price, freight, weight)


def _freight(item: Item, country: str, routes: dict[str, Series]) -> Series:
    name, factor = _NEAR.get(country, ("eu", 1.2))
    route = (routes["us_west"] + routes["us_east"]) / 2 if name == "us" else routes[name]
    boxes = 2.0 if CONTAINERS[item.container].length < 7 else 1.0  # the table counts two short boxes
    payload = item.capacity_kg * 0.9 * boxes
    cooled = _REEFER if CONTAINERS[item.container].reefer else 1.0
    return route * 1000 * factor * cooled / payload


def _walk(rng: np.random.Generator, step: float, memory: float) -> Series:
    shocks = step * rng.standard_normal(MONTHS)
    out = np.zeros(MONTHS)
    for month in range(1, MONTHS):
        out[month] = memory * out[month - 1] + shocks[month]
    return out


def _hump(centre: float, width: float) -> Series:
    return np.exp(-(((np.arange(MONTHS) - centre) / width) ** 2))
