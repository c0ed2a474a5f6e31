"""What the demonstration's office has read in: codes, rates, rulings, statistics, freight and the economy."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from portcullis.service import Service

# Each with the reader of its kind, and where a world keeps it.
FILES: Mapping[str, str] = MappingProxyType(
    {
        "hsk": "hsk.csv",
        "rates": "official/rates.csv",
        "rulings": "texts.csv",
        "trade": "official/seafood_trade.csv",
        "freight": "official/sea_freight.csv",
        "macro": "official/macro.csv",
    }
)


def import_official(service: Service, world: Path) -> None:
    """Import the official files of a world's folder; once more changes nothing but the list of imports."""
    from portcullis.store.intake import store

    for kind, name in FILES.items():
        path = world / name
        read = importlib.import_module(f"customs.readers.{kind}").read(path)
        store(service.assessments.engine, kind, read, file=path.name, data=path.read_bytes())
