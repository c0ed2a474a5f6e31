"""Declarations as they are filed in bulk: CSV with a row for each line of a declaration, or JSON lines.

`customs.readers.declarations` reads what customs publish, without names of goods; this reads all that a
`Declaration` can say, and answers each one by itself, good or refused with its problems.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from customs.declaration import Declaration
from customs.errors import CustomsError, InvalidDeclaration, Problem, TooLarge
from customs.readers import declarations, fields
from customs.readers.jsonl import fault, is_jsonl, lines
from customs.readers.sheet import Columns, Sheet, sheets
from customs.readers.source import File, Source

MAX_JSON = 2 * 1024 * 1024  # characters of one declaration
MAX_LINES = 999  # of one declaration
_MAX_PROBLEMS = 20  # told of one declaration
_ROWS = 5_000  # read at once

_GENERAL = (
    *("date", "office", "mode", "departure", "transit", "origin"),
    *("importer", "declarant", "seller", "forwarder", "container"),
)
_MONEY = ("value", "freight", "insurance")
_KNOWN = declarations.COLUMNS.aliases
COLUMNS = Columns(
    {
        **{ours: _KNOWN[ours] for ours in ("declaration_id", *_GENERAL[:-1])},
        "container": ("Container", "컨테이너번호"),
        "line": ("Line", "란번호"),
        "hs": (*_KNOWN["hs"], "HSK", "세번부호"),
        "name": ("Product Name", "품명"),
        "description": ("Description", "거래품명", "모델규격"),
        **{ours: _KNOWN[ours] for ours in ("net_kg", "duty_rate", "tax_type", "value")},
        "gross_kg": ("Gross Mass", "총중량"),
        "quantity": ("Quantity", "수량"),
        "unit": ("Unit", "수량단위"),
        "packages": ("Packages", "포장개수"),
        "currency": ("Currency", "결제통화단위"),
        "freight": ("Freight", "운임"),
        "insurance": ("Insurance", "보험료"),
    },
    required=("declaration_id", "date", "origin", "importer", "hs", "name", "net_kg", "value"),
)


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a filing, and on which 1-based line of the file."""

    row: int
    problem: Problem


@dataclass(frozen=True)
class Filing:
    """One declaration of a file: good, or None with what is wrong. row: the line on which it begins."""

    row: int
    id: str
    declaration: Declaration | None
    flaws: tuple[Flaw, ...] = ()


def filings(
    source: Source, columns: Mapping[str, str] | None = None, *, most: int, today: dt.date | None = None
) -> Iterator[Filing]:
    """Read every declaration of a file, in the order in which they begin.

    Rows of a CSV file with the same declaration id are lines of one declaration, wherever they stand; what is
    said of the whole declaration has to be the same in all of them. An amount is in the currency written
    behind it, else in that of the column currency, else in won, as customs publish it. Of JSON lines an id
    may come once.

    Args:
        source: a path, or the contents of a file: CSV in UTF-8 or CP949, or one `Declaration` as JSON a line.
        columns: headers that differ from those of `COLUMNS`, our name to theirs; not for JSON lines.
        most: declarations.
        today: later dates are refused; the machine's date by default.

    Raises:
        UnreadableFile: the file is no text, has no rows, or lacks a column.
        TooLarge: it holds more than `most` declarations.
    """
    today = today or dt.date.today()
    file = File.of(source)
    count = 0
    for filing in _of_lines(file, today) if is_jsonl(file) else _of_sheets(file, columns, most, today):
        if (count := count + 1) > most:
            raise _too_many(most)
        yield filing


def checked(text: str | bytes, row: int, today: dt.date) -> Filing:
    """One declaration from JSON with everything that is wrong with it."""
    if len(text) > MAX_JSON:
        remedy = f"send at most {MAX_JSON:,} characters for a declaration"
        return _refused(row, "", Problem(f"it has {len(text):,} characters", "declaration", remedy))
    try:
        written = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        return _refused(row, "", Problem("it is not UTF-8", "declaration", "save it as UTF-8"))
    if said := fault(written):
        return _refused(row, "", Problem(said, "declaration", "remove this character"))
    try:
        found = Declaration.from_json(written)
    except InvalidDeclaration as error:
        return _refused(row, _id_in(written), *error.problems)
    return _dated(Filing(row, found.id, found), today)


def _of_lines(file: File, today: dt.date) -> Iterator[Filing]:
    seen: dict[str, int] = {}
    for row, text in lines(file):
        found = checked(text, row, today)
        if found.declaration is not None and (before := seen.setdefault(found.id, row)) != row:
            found = _refused(row, found.id, repeated(f"line {before}"))
        yield found


def repeated(where: str) -> Problem:
    """That a declaration came before."""
    return Problem(f"this declaration is already on {where}", "id", "send each declaration once")


class _Group:
    """The rows of one declaration while a file is read."""

    __slots__ = ("flaws", "general", "lines", "numbers", "row")

    def __init__(self, row: int) -> None:
        self.row = row
        self.general: tuple[Any, ...] | None = None  # of the first good row
        self.lines: list[dict[str, Any]] = []
        self.numbers: dict[int, int] = {}  # of lines, with their rows
        self.flaws: list[Flaw] = []

    def flaw(self, row: int, problem: str, field: str, remedy: str) -> None:
        if len(self.flaws) < _MAX_PROBLEMS:
            self.flaws.append(Flaw(row, Problem(problem, field, remedy)))


def _of_sheets(file: File, columns: Mapping[str, str] | None, most: int, today: dt.date) -> Iterator[Filing]:
    groups: dict[str, _Group] = {}
    nameless = 0
    for sheet in sheets(file, COLUMNS, mapping=columns, rows=_ROWS):
        for row, found_id, general, line, refusal in _rows(sheet):
            if not found_id:  # a row that belongs to nothing is refused by itself
                nameless += 1
                found_id = f"\0{nameless}"
            group = groups.get(found_id)
            if group is None:
                if len(groups) >= most:
                    raise _too_many(most)
                group = groups[found_id] = _Group(row)
            _join(group, row, general, line, refusal)
    for found_id, group in groups.items():
        yield _dated(_filing("" if found_id[0] == "\0" else found_id, group), today)


def _join(
    group: _Group, row: int, general: tuple[Any, ...], line: dict[str, Any], refusal: tuple[str, str] | None
) -> None:
    """Take a row into its declaration."""
    if refusal is not None:
        group.flaw(row, refusal[1], refusal[0], "correct this field")
        return
    if group.general is None:
        group.general = general
    for name, first, here in zip(_GENERAL, group.general, general, strict=True):
        if here != first:
            said = f"line {group.row} of this declaration says {first!s:.80}, here it is {here!s:.80}"
            group.flaw(row, said, name, "say the same in all rows of a declaration")
            return
    number = line.pop("line")
    before = row if number is None else group.numbers.setdefault(number, row)
    if before != row:
        said = f"line {number} of this declaration is already on line {before} of the file"
        group.flaw(row, said, "line", "number the lines of a declaration from 1")
    elif len(group.lines) == MAX_LINES:
        group.flaw(row, f"the declaration has more than {MAX_LINES} lines", "lines", "split it")
    else:
        group.lines.append(line)


def _filing(found_id: str, group: _Group) -> Filing:
    if group.flaws or group.general is None:
        return Filing(group.row, found_id, None, tuple(group.flaws))
    said = {k: v for k, v in zip(_GENERAL, group.general, strict=True) if v is not None}
    try:
        return Filing(
            group.row, found_id, Declaration.from_dict({"id": found_id, **said, "lines": group.lines})
        )
    except InvalidDeclaration as error:
        return _refused(group.row, found_id, *error.problems)


_Row = tuple[int, str, tuple[Any, ...], dict[str, Any], tuple[str, str] | None]


def _rows(sheet: Sheet) -> Iterator[_Row]:
    """For each row: its line in the file, the id, what is said of declaration and line, its refusal."""
    intake = fields.Intake(sheet)
    general = {name: intake.column(name, fields.plain) for name in _GENERAL}
    general["date"] = intake.column("date", fields.date)
    general["mode"] = intake.column("mode", fields.optional(declarations.means_of_transport))
    general["departure"] = intake.column("departure", declarations.country_or_none)
    transit = intake.column("transit", declarations.countries)
    general["transit"] = [None if way is None else tuple(way.split()) for way in transit]
    ids = intake.column("declaration_id", fields.text)
    currency = intake.column("currency", fields.plain)
    columns: dict[str, Sequence[Any]] = {
        "line": intake.column("line", fields.optional(fields.whole)),
        "hsk": intake.column("hs", fields.code((10,))),
        "name": intake.column("name", fields.text),
        "description": intake.column("description", fields.plain),
        "net_kg": intake.column("net_kg", fields.at_least_zero),
        "gross_kg": intake.column("gross_kg", fields.optional(fields.at_least_zero)),
        "quantity": intake.column("quantity", fields.optional(fields.at_least_zero)),
        "unit": intake.column("unit", fields.plain),
        "packages": intake.column("packages", fields.optional(fields.whole)),
        "duty_rate": intake.column("duty_rate", fields.optional(fields.at_least_zero)),
        "tax_type": intake.column("tax_type", fields.plain),
        "value": intake.column("value", _money),
        "freight": intake.column("freight", fields.optional(_money)),
        "insurance": intake.column("insurance", fields.optional(_money)),
    }
    names = tuple(columns)
    about = zip(*general.values(), strict=True)
    for at, (row, found_id, whole, values) in enumerate(
        zip(sheet.lines, ids, about, zip(*columns.values(), strict=True), strict=True)
    ):
        refused = intake.refused.get(at)
        field, _, reason = (refused or "").partition(": ")
        line = {k: v for k, v in zip(names, values, strict=True) if v is not None or k == "line"}
        for money in _MONEY:
            if money in line:
                amount, written = line[money]
                unit = written or currency[at] or declarations.CURRENCY
                line[money] = {"amount": str(amount), "currency": unit}
        yield row, found_id or "", whole, line, (field, reason) if refused else None


def _money(value: str) -> fields.Parsed:
    """An exact amount, and its currency where one is written behind it."""
    amount, _, currency = value.strip().rpartition(" ")
    if not (amount and currency.isalpha()):
        amount, currency = value, ""
    found, repair = fields.amount(amount)
    assert isinstance(found, Decimal)
    return (found, currency), repair


def _id_in(text: str) -> str:
    """The id of a declaration that is refused, as far as it has one."""
    import json

    try:
        found = json.loads(text).get("id")
    except (ValueError, RecursionError, AttributeError):
        return ""
    return found if isinstance(found, str) and len(found) <= declarations.LONGEST_ID else ""


def _dated(filing: Filing, today: dt.date) -> Filing:
    if filing.declaration is None or filing.declaration.date <= today:
        return filing
    said = Problem(f"{filing.declaration.date} lies in the future", "date", "correct the date")
    return _refused(filing.row, filing.id, said)


def _refused(row: int, found_id: str, *problems: Problem) -> Filing:
    return Filing(row, found_id, None, tuple(Flaw(row, problem) for problem in problems[:_MAX_PROBLEMS]))


def _too_many(most: int) -> CustomsError:
    return TooLarge(
        f"the file holds more than {most:,} declarations", field="file", remedy="split it by day or month"
    )
