"""A small clean panel and a toy network, made once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from customs import Case, Declaration
from tabular_ae.data import Panel
from tabular_ae.macro import Macro
from tabular_ae.model import FlagshipConfig
from tabular_ae.rows import Rows, month_number
from tabular_ae.scorer import TabularScorer
from tabular_ae.train import fit

ITEMS = ("0303670000", "0303840000", "0306170000", "0307430000", "0901110000", "0901210000")
COUNTRIES = ("CN", "JP", "US", "VN")
# Every part of the flagship, each as small as it can be and still work.
TOY = FlagshipConfig(
    hidden=8,
    epochs=3,
    batch=128,
    learning_rate=5e-3,
    folds=2,
    rounds=15,
    leaves=7,
    scale_rounds=10,
    odd_rounds=20,
)
# The same for the command line.
QUICK = {
    "hidden": "8",
    "epochs": "2",
    "batch": "128",
    "learning_rate": "5e-3",
    "rounds": "15",
    "leaves": "7",
    "scale_rounds": "10",
    "odd_rounds": "20",
}


def clean_panel(seed: int, months: int = 30, noise: float = 0.08) -> pd.DataFrame:
    """Six items from four countries: a level each, a common walk for the item, noise, freight by route."""
    rng = np.random.default_rng(seed)
    rows = []
    route = 200.0 * np.exp(np.cumsum(rng.normal(0.0, 0.05, size=(4, months)), axis=1))
    for hs in ITEMS:
        walk = np.cumsum(rng.normal(0.0, 0.03, size=months))
        item = rng.uniform(0.5, 3.0)
        for c, country in enumerate(COUNTRIES):
            level, kilograms = item + rng.normal(0.0, 0.2), np.exp(rng.uniform(8.0, 11.0))
            for m in range(months):
                weight = float(kilograms * np.exp(rng.normal(0.0, 0.3)))
                price = float(np.exp(level + walk[m] + rng.normal(0.0, noise)))
                month = f"{2021 + m // 12}-{m % 12 + 1:02d}"
                freight = float(route[c, m] * np.exp(rng.normal(0.0, 0.05)))
                rows.append((month, hs, country, price * weight, weight, freight))
    return pd.DataFrame(
        rows, columns=["month", "hs", "country", "value_usd", "weight_kg", "freight_krw_per_kg"]
    )


@pytest.fixture(scope="session")
def panel_table() -> pd.DataFrame:
    """The clean panel as a series file holds it."""
    return clean_panel(1)


@pytest.fixture(scope="session")
def panel_file(panel_table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clean panel on disk."""
    path = tmp_path_factory.mktemp("panel") / "series.csv"
    panel_table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def panel(panel_table: pd.DataFrame) -> Panel:
    """The clean panel with oil and a rate for every month."""
    rows = rows_from(panel_table)
    rates = {int(m): 1300.0 for m in np.unique(rows.month)}
    return Panel(rows, "krw_per_kg", krw_per_usd=rates, macro=oil_figures(months=30))


def oil_figures(months: int, price: float = 80.0) -> Macro:
    """Oil about a price from January 2021 on."""
    steps = np.random.default_rng(17).normal(0.0, 0.04, size=(months, 1))
    return Macro(("dubai_usd_bbl",), month_number("2021-01"), price * np.exp(np.cumsum(steps, axis=0)))


@pytest.fixture(scope="session")
def make_oil() -> Callable[..., Macro]:
    """`oil_figures`, for tests that need others."""
    return oil_figures


def rows_from(table: pd.DataFrame) -> Rows:
    """Rows of a table as `clean_panel` makes it."""
    return Rows.of(table.rename(columns={"freight_krw_per_kg": "freight"}))


@pytest.fixture(scope="session")
def toy_rows() -> Callable[[pd.DataFrame], Rows]:
    """`rows_from`, for tests."""
    return rows_from


@pytest.fixture(scope="session")
def toy_config() -> FlagshipConfig:
    """Two networks of eight units and a few small trees."""
    return TOY


@pytest.fixture(scope="session")
def quick() -> dict[str, str]:
    """Settings under which the command line trains in a second."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def toy_scorer(panel: Panel, toy_config: FlagshipConfig) -> TabularScorer:
    """A toy model of the clean panel, to be read and never changed."""
    return fit(panel, toy_config)


@pytest.fixture(scope="session")
def make_panel() -> Callable[..., pd.DataFrame]:
    """`clean_panel`, for tests that need another."""
    return clean_panel


@pytest.fixture(scope="session")
def declared() -> Callable[..., Case]:
    """Makes a case of one declared line."""

    def make(
        hsk: str = "0303670000",
        *,
        value: str = "100000 USD",
        net_kg: float = 10_000.0,
        origin: str = "VN",
        date: dt.date = dt.date(2023, 5, 10),
        freight: str | None = None,
        mode: str = "sea",
        departure: str | None = None,
    ) -> Case:
        line = {"hsk": hsk, "name": "frozen fish", "net_kg": net_kg, "value": value, "freight": freight}
        declaration = Declaration.from_dict(
            {
                "id": "D1",
                "date": date.isoformat(),
                "origin": origin,
                "mode": mode,
                "departure": departure or origin,
                "importer": "Hanbit Trading",
                "lines": [{k: v for k, v in line.items() if v is not None}],
            }
        )
        return Case.of(declaration)[0]

    return make
