"""Made-up declarations in the published Korean columns, for speed and for tests: no trader or price is real.

A fifth of the lanes (code, departure, origin, tax type) are bad ones, where most declarations are frauds.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HEADER = (
    *("Declaration ID", "Date", "Office ID", "Process Type", "Import Type", "Import Use", "Payment Type"),
    *("Mode of Transport", "Declarant ID", "Importer ID", "Seller ID", "Courier ID", "HS6 Code"),
    *("Country of Departure", "Country of Origin", "Tax Rate", "Tax Type", "Country of Origin Indicator"),
    *("Net Mass", "Item Price", "Fraud", "Critical Fraud"),
)
_COUNTRIES = ("CN", "JP", "US", "VN", "DE", "IT", "FR", "TH", "ID", "IN", "AU", "CL", "NL", "GB", "TW", "NA")
_LANES, _BAD, _HIGH, _LOW = 6_000, 0.2, 0.75, 0.08
_START = dt.date(2024, 1, 1)
_BLOCK = 20_000


def write_declarations(
    path: Path, rows: int, *, seed: int = 0, days: int = 366, first_id: int = 10_000_000
) -> None:
    """Write a CSV of `rows` declarations over `days`, labels included; all seeds share the lanes."""
    world = np.random.default_rng([0, 7])  # one world: what is learned from one file holds in another
    chapters = np.setdiff1d(np.arange(10, 97), [77])  # there is no chapter 77
    codes = world.choice(chapters, _LANES) * 10_000 + world.integers(100, 9_999, _LANES)
    lanes = world.integers(0, len(_COUNTRIES), (_LANES, 2))
    taxes = world.choice(["A", "C", "FCN1", "FEU1"], _LANES)
    prices = np.exp(world.normal(9.0, 1.2, _LANES))
    bad = world.random(_LANES) < _BAD
    often = world.pareto(1.2, _LANES) + 0.2
    rng = np.random.default_rng([seed, 1])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for start in range(0, rows, _BLOCK):
            count = min(_BLOCK, rows - start)
            lane = rng.choice(_LANES, count, p=often / often.sum())
            writer.writerows(_block(rng, lane, codes, lanes, taxes, prices, bad, days, first_id + start))


def _block(
    rng: np.random.Generator,
    lane: np.ndarray,
    codes: np.ndarray,
    lanes: np.ndarray,
    taxes: np.ndarray,
    prices: np.ndarray,
    bad: np.ndarray,
    days: int,
    first: int,
) -> Iterator[tuple[object, ...]]:
    n = len(lane)
    day = rng.integers(0, days, n)
    fraud = rng.random(n) < np.where(bad[lane], _HIGH, _LOW)
    importer, declarant, seller = (
        rng.integers(0, 9_000, n),
        rng.integers(0, 900, n),
        rng.integers(0, 7_000, n),
    )
    courier = np.where(rng.random(n) < 0.8, -1, rng.integers(0, 80, n))
    kg = np.exp(rng.normal(4.0, 2.0, n)).round(1)
    value = (prices[lane] * kg * np.exp(0.4 * rng.standard_normal(n))).round(1)
    rate = rng.choice([0.0, 6.5, 8.0, 13.0], n, p=[0.35, 0.1, 0.4, 0.15])
    modes, uses = rng.choice(["10", "40"], n), rng.choice(["21", "11"], n, p=[0.9, 0.1])
    for i in range(n):
        k = lane[i]
        yield (
            first + i,
            _START + dt.timedelta(days=int(day[i])),
            ("20", "40", "30", "16")[int(day[i]) % 4],
            "B",
            "11",
            uses[i],
            "11",
            modes[i],
            f"D{declarant[i]:04d}",
            f"I{importer[i]:05d}",
            f"S{seller[i]:05d}",
            "" if courier[i] < 0 else f"C{courier[i]:02d}",
            codes[k],
            _COUNTRIES[lanes[k, 0]],
            _COUNTRIES[lanes[k, 1]],
            rate[i],
            taxes[k],
            "EGYB"[k % 4],
            kg[i],
            value[i],
            int(fraud[i]),
            int(fraud[i]),
        )
