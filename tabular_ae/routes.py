"""Route freight as published, brought to KRW/kg by month and country."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from customs.readers.report import RepairReport
from tabular_ae.countries import EU
from tabular_ae.official import Step

# The table's 2TEU is one forty-foot container. Seafood travels in refrigerated ones: ISO 668 lets them weigh
# 30,480 kg gross, and empty they weigh some 4,800 kg; the rest, rounded down, is taken as a full load.
# It is a constant over all months and routes: it sets the unit, never which freight stands out.
KG_PER_2TEU = 25_000.0
COASTS = ("us_west", "us_east")
_COUNTRIES = {"eu": EU, "cn": "CN", "jp": "JP", "vn": "VN"}


def mean_of_coasts(routes: pd.DataFrame) -> tuple[pd.DataFrame, Step]:
    """Routes as countries, the US being the mean of its two coasts.

    routes: month, route, krw_per_2teu, as `customs.readers.freight` reads them. A month with one coast alone
    has no figure for the US: the other coast's level would pass for a change of freight.

    Returns:
        month (YYYY-MM), country (alpha-2, or EU), krw_per_2teu.
    """
    coast = routes["route"].isin(COASTS)
    coasts = routes[coast].groupby("month", sort=False)["krw_per_2teu"].agg(["mean", "count"]).reset_index()
    both = coasts["count"] == len(COASTS)
    us = pd.DataFrame({"month": coasts["month"], "country": "US", "krw_per_2teu": coasts["mean"]})[both]
    others = routes[~coast].assign(country=routes["route"].map(_COUNTRIES))[
        ["month", "country", "krw_per_2teu"]
    ]
    out = pd.concat([us, others.dropna(subset="country")], ignore_index=True)
    said = []
    if both.any():
        said.append(f"{int(both.sum()):,} months of the US are the mean of the west and the east coast")
    if (~both).any():
        said.append(f"{int((~both).sum()):,} months with one coast alone were dropped")
    return out, Step("coasts", len(routes), len(out), tuple(said))


def krw_per_kg(routes: pd.DataFrame, payload_kg: float = KG_PER_2TEU) -> pd.DataFrame:
    """`krw_per_2teu` divided by the load of two TEU: a column `krw_per_kg` in its place."""
    return routes.drop(columns="krw_per_2teu").assign(krw_per_kg=routes["krw_per_2teu"] / payload_kg)


def read_rates(path: Path) -> tuple[pd.DataFrame, RepairReport, tuple[Step, ...]]:
    """The published file, or monthly figures with its routes: month, country, krw_per_kg; and the reports.

    Raises:
        UnreadableFile: the file is no table, or lacks the month or every route.
    """
    from customs.readers import freight

    read = freight.read(path)
    table, step = mean_of_coasts(read.table)
    unit = f"KRW per 2TEU was divided by {KG_PER_2TEU:,.0f} kg, the load of a forty-foot container"
    return krw_per_kg(table), read.report, (step, Step("unit", len(table), len(table), (unit,)))
