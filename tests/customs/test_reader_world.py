"""The world writes official files; the readers read them, so the two agree on the published forms."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("reader", "file"),
    [
        ("series", "series.csv"),
        ("series", "official/seafood_trade.csv"),
        ("trade", "official/seafood_trade.csv"),
        ("freight", "official/sea_freight.csv"),
        ("macro", "official/macro.csv"),
        ("hsk", "hsk.csv"),
        ("declarations", "declarations.jsonl"),
        ("rulings", "texts.csv"),
    ],
)
def test_every_table_of_the_world_reads_without_a_refusal(tiny_world: Path, reader: str, file: str) -> None:
    """As many rows as the file has lines, header aside; the seafood file lacks zeros as the real one does."""
    found = importlib.import_module(f"customs.readers.{reader}").read(tiny_world / file)
    assert found.report.rows_refused == 0, str(found.report)
    assert len(found.table) >= found.report.rows_read > 0
    assert (found.report.rows_repaired > 0) == (file == "official/seafood_trade.csv")
