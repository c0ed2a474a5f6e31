"""Declarations that are in memory already, as the table that a file of them would be."""

from __future__ import annotations

import json

import pandas as pd

from customs import Declaration
from customs.readers import declarations
from customs.readers.declarations import TABLE, table_of

LINE = {
    "hsk": "0306171090",
    "name": "냉동 새우",
    "net_kg": 20000,
    "value": "160000.5 USD",
    "duty_rate": 20.0,
    "tax_type": "A",
}
RAW = [
    {
        "id": "D1",
        "date": "2024-04-30",
        "office": "020",
        "mode": "sea",
        "departure": "VN",
        "transit": ["SG", "hk"],
        "origin": "VN",
        "importer": "한빛수산",
        "declarant": "관세사",
        "seller": "S1",
        "forwarder": "F1",
        "lines": [LINE, {**LINE, "hsk": "0303670000", "duty_rate": None}],
    },
    {"id": "D2", "date": "2024-05-01", "transit": [], "origin": "NA", "importer": "N", "lines": [LINE]},
]


def test_it_is_the_table_that_a_file_of_them_gives() -> None:
    """A row for each line, the same columns and types, nothing lost."""
    made = table_of([Declaration.from_dict(raw) for raw in RAW])
    text = "\n".join(json.dumps(raw, ensure_ascii=False) for raw in RAW)
    pd.testing.assert_frame_equal(made, declarations.read(text.encode()).table)
    assert made[["row", "line"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 1]]
    assert made["transit"].tolist() == ["SG HK", "SG HK", ""]
    assert made["origin"].tolist() == ["VN", "VN", "NA"]


def test_no_declarations_are_an_empty_table_of_the_same_columns() -> None:
    empty = table_of([])
    assert empty.columns.tolist() == list(TABLE)
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == table_of([Declaration.from_dict(RAW[0])]).dtypes.to_dict()
