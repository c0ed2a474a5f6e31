"""Declarations filed in bulk: rows that belong together, and everything that is wrong with each."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest

from customs.errors import TooLarge, UnreadableFile
from customs.readers.filings import Filing, filings
from customs.world import World

HEAD = "declaration_id,line,date,origin,departure,importer,hs,name,net_kg,value,currency,freight\n"
GOOD = "A,1,2025-04-30,VN,,Hanbit,0306171090,냉동 새우,100,800,USD,12.50 EUR\n"
TODAY = dt.date(2025, 5, 1)


def read(text: str, most: int = 100) -> list[Filing]:
    """What a CSV file of these rows holds."""
    return list(filings((HEAD + text).encode(), most=most, today=TODAY))


def flaws(text: str) -> list[tuple[int, str, str]]:
    """Line, field and problem of all that is wrong with the only declaration."""
    (found,) = read(text)
    assert found.declaration is None
    return [(flaw.row, flaw.problem.field or "", flaw.problem.problem) for flaw in found.flaws]


def test_rows_of_one_declaration_are_its_lines_wherever_they_stand() -> None:
    """In the order of the file; other declarations may lie between them."""
    found = read(GOOD + GOOD.replace("A,1", "B,1") + GOOD.replace("A,1", "A,2").replace("800,USD", "900,"))
    assert [(f.row, f.id) for f in found] == [(2, "A"), (3, "B")]
    assert found[0].declaration is not None
    first, second = found[0].declaration.lines
    assert (first.value.amount, first.value.currency) == (Decimal(800), "USD")
    assert first.freight is not None
    assert str(first.freight) == "12.50 EUR"
    assert (second.value.amount, second.value.currency) == (Decimal(900), "KRW")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (GOOD.replace("0306171090", "030617"), (2, "hs", "the code has 6 digits, not 10")),
        (GOOD.replace("100,800", "-1,800"), (2, "net_kg", "it is negative")),
        (GOOD.replace(",냉동 새우", ","), (2, "name", "it is empty")),
        (GOOD.replace("2025-04-30", "2025-05-02"), (2, "date", "2025-05-02 lies in the future")),
        (GOOD.replace("VN,,", "XX,,"), (2, "origin", "'XX' is not a country")),
        (GOOD.replace("USD", "XXQ"), (2, "lines.0.value", "'XXQ' is not a currency")),
        (GOOD + GOOD.replace("Hanbit", "X"), (3, "importer", "line 2 of this declaration says Hanbit, here it is X")),  # noqa: E501
        (GOOD + GOOD, (3, "line", "line 1 of this declaration is already on line 2 of the file")),
        (GOOD[:20] + "\n", (2, "row", "it has 6 fields, the header has 12")),
        (GOOD.replace("A,1", ",1"), (2, "declaration_id", "it is empty")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_line_and_field(row: str, expected: tuple[int, str, str]) -> None:
    """So that somebody can find it in a spreadsheet."""
    assert flaws(row) == [expected]


def test_one_bad_line_refuses_its_declaration_and_no_other() -> None:
    """All of its bad lines are told at once."""
    bad = GOOD.replace("A,1", "A,2").replace("800", "x") + GOOD.replace("A,1", "A,3").replace("100", "y")
    found = read(GOOD + bad + GOOD.replace("A,1", "B,1"))
    assert [flaw.row for flaw in found[0].flaws] == [3, 4]
    assert found[1].declaration is not None


def test_namibia_is_a_country_and_zz_is_none() -> None:
    """As in the published files."""
    (found,) = read(GOOD.replace("VN,,", "NA,ZZ,"))
    assert found.declaration is not None
    assert found.declaration.origin.code == "NA"
    assert found.declaration.departure is None


def test_json_lines_hold_the_same_and_an_id_may_come_once(tiny_world: Path) -> None:
    """What a world holds comes back unchanged; the second of a pair is refused by its line."""
    declarations = World.open(tiny_world).declarations()[:20]
    text = "\n".join([*(d.to_json() for d in declarations), declarations[3].to_json()])
    found = list(filings(text.encode(), most=100))
    assert [f.declaration for f in found[:20]] == declarations
    assert found[20].declaration is None
    assert found[20].flaws[0].problem.problem == "this declaration is already on line 4"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{", "declaration"),
        ("[1]", "declaration"),
        ('{"id": "\\u0000"}', "declaration"),
        ('{"id": "\\ud800"}', "declaration"),
        ('{"a":' * 5_000, "declaration"),
        (json.dumps({"id": "X", "date": "2025-01-01"}), "origin"),
        ('{"id": "' + "x" * 3_000_000 + '"}', "declaration"),
    ],
)
def test_a_hostile_line_is_refused_and_the_next_is_read(line: str, field: str, tiny_world: Path) -> None:
    """NUL, half characters, deep nesting, a line of three megabytes."""
    good = World.open(tiny_world).declarations()[0]
    found = list(filings(f"{good.to_json()}\n{line}\n".encode(), most=10))
    assert found[0].declaration == good
    assert field in {flaw.problem.field for flaw in found[1].flaws}


def test_a_file_that_is_none_is_refused_whole() -> None:
    """One sentence each."""
    with pytest.raises(UnreadableFile, match="lacks the column"):
        list(filings(b"a,b\n1,2\n", most=10))
    with pytest.raises(UnreadableFile, match="PNG"):
        list(filings(b"\x89PNG\r\n\x1a\n1234", most=10))
    with pytest.raises(TooLarge, match="more than 2"):
        read("".join(GOOD.replace("A,1", f"A{i},1") for i in range(3)), most=2)
    assert len(read("".join(GOOD.replace("A,1", f"A,{i}") for i in range(3)), most=1)) == 1
