"""Reading single values of official files, and bringing a sheet's columns into a table with a report.

A parser takes a text and answers the value and, where it put something right, the reason; it raises `Refusal`
with the reason where no value can be had.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from customs.errors import InvalidValue
from customs.hs import SEPARATORS, HsCode
from customs.readers.report import Remark, RepairReport, Tally
from customs.readers.sheet import Sheet
from customs.units import Country

Parsed = tuple[Any, str | None]
Parser = Callable[[str], Parsed]

BLANKS = frozenset({"", "-", "na", "n/a", "nan", "null", "none"})
FIRST_YEAR = 1950
TOO_MUCH = Decimal(10) ** 18
_MONTH = re.compile(r"(\d{4})(?:[-./]?(\d{2})|[-/](\d)|년\s?(\d{1,2})월)(?:[-./]?\d{2})?")
_DATE = re.compile(r"(\d{4})([-./]?)(\d{2})\2(\d{2})")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
_FLOAT_CODE = re.compile(r"(\d{5,})\.0+")
_EXPONENT = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")

NO_COUNTRY = "ZZ"  # of the codes that ISO 3166-1 leaves to users, the one customs files use for none
ZERO_RESTORED = "the leading zero that a spreadsheet lost was restored"


class Refusal(Exception):
    """Why a text is no value."""


def text(value: str) -> Parsed:
    """Any text but none."""
    value = value.strip()
    if not value:
        raise Refusal("it is empty")
    return value, None


def optional(parser: Parser, missing: Any = None) -> Parser:
    """`parser`, answering `missing` for an empty field and the usual signs for one."""

    def parse(value: str) -> Parsed:
        return (missing, None) if value.strip().casefold() in BLANKS else parser(value)

    return parse


def plain(value: str) -> Parsed:
    """A text that may be empty, which is None."""
    return value.strip() or None, None


def month(last: dt.date) -> Parser:
    """A month as YYYY-MM from 202404, 2024-04, 2024.04 or a date in it, not after `last`."""

    def parse(value: str) -> Parsed:
        match = _MONTH.fullmatch(value.strip())
        if not match:
            raise Refusal("it is not a month such as 2024-04")
        year, number = int(match[1]), int(match[2] or match[3] or match[4])
        if not year >= FIRST_YEAR or not 1 <= number <= 12:
            raise Refusal("there is no such month")
        if (year, number) > (last.year, last.month):
            raise Refusal("the month lies in the future")
        return f"{year:04}-{number:02}", None

    return parse


def date(value: str) -> Parsed:
    """A day from 2024-04-30, 2024.04.30, 2024/04/30 or 20240430."""
    match = _DATE.fullmatch(value.strip())
    if not match:
        raise Refusal("it is not a date such as 2024-04-30")
    try:
        found = dt.date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        raise Refusal("there is no such day") from None
    if found.year < FIRST_YEAR:
        raise Refusal(f"it lies before {FIRST_YEAR}")
    return found, None


def code(levels: Collection[int] = (4, 6, 8, 10)) -> Parser:
    """An HS code of one of `levels` digits, as digits; nine regain their zero where ten may stand."""

    def parse(value: str) -> Parsed:
        value = value.strip()
        if _EXPONENT.fullmatch(value) and re.search("[eE]", value):
            raise Refusal("a spreadsheet turned the code into a rounded number; format the column as text")
        repair = None
        if value.startswith("'"):
            value, repair = value.strip("'"), "the apostrophe that marks text in a spreadsheet was removed"
        if whole := _FLOAT_CODE.fullmatch(value):
            value, repair = whole[1], "the .0 that a spreadsheet added to the code was removed"
        digits = value.translate(SEPARATORS)
        if not (digits.isascii() and digits.isdigit()):
            raise Refusal("it is not an HS code" if digits else "it is empty")
        try:
            parsed = HsCode.from_statistics(digits) if 10 in levels else HsCode(digits)
        except InvalidValue as error:
            raise Refusal(error.problems[0].problem.replace(repr(digits), "the code", 1)) from None
        if parsed.level not in levels:
            wanted = " or ".join(map(str, sorted(levels)))
            raise Refusal(f"the code has {parsed.level} digits, not {wanted}")
        if len(parsed.digits) != len(digits):
            repair = ZERO_RESTORED
        return parsed.digits, repair

    return parse


def country(value: str) -> Parsed:
    """An ISO 3166-1 alpha-2 code."""
    try:
        return Country.parse(value).code, None
    except InvalidValue:
        raise Refusal("it is not an ISO 3166-1 alpha-2 country code") from None


def _number_text(value: str) -> tuple[str, str | None]:
    value = value.strip()
    if _NUMBER.fullmatch(value):
        return value, None
    if _THOUSANDS.fullmatch(value):
        return value.replace(",", ""), "the thousands separators were removed"
    if value.casefold() in BLANKS:
        raise Refusal("a number is missing")
    raise Refusal("it is not a number")


def number(value: str) -> Parsed:
    """Any finite number."""
    plain_text, repair = _number_text(value)
    found = float(plain_text)
    if not math.isfinite(found):
        raise Refusal("the number is too large")
    return found, repair


def at_least_zero(value: str) -> Parsed:
    """A finite number of zero or more."""
    found, repair = number(value)
    if found < 0:
        raise Refusal("it is negative")
    return found, repair


def above_zero(value: str) -> Parsed:
    """A finite number above zero."""
    found, repair = at_least_zero(value)
    if found == 0:
        raise Refusal("it is zero")
    return found, repair


def amount(value: str) -> Parsed:
    """An exact amount of money, zero or more."""
    plain_text, repair = _number_text(value)
    found = Decimal(plain_text)
    if found < 0:
        raise Refusal("it is negative")
    if found >= TOO_MUCH:
        raise Refusal("the number is too large")
    return found, repair


def whole(value: str) -> Parsed:
    """A whole number of zero or more."""
    found, repair = at_least_zero(value)
    if not found.is_integer():
        raise Refusal("it is not a whole number")
    return int(found), repair


def one_of(meanings: dict[str, Any], what: str) -> Parser:
    """A value of a closed list, by its code."""

    def parse(value: str) -> Parsed:
        try:
            return meanings[value.strip()], None
        except KeyError:
            raise Refusal(f"it is not {what} ({', '.join(meanings)})") from None

    return parse


def last_month(today: dt.date | None) -> dt.date:
    """The last day of the month of `today`, by default the machine's."""
    today = today or dt.date.today()
    return today.replace(day=calendar.monthrange(today.year, today.month)[1])


class Intake:
    """A sheet on its way into a table: parses columns, remembers every repair and refusal.

    Rows are numbered from 0 in the order of the sheet, header and blank lines not counted.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.refused: dict[int, str] = {}
        self.repaired: set[int] = set()
        self.notes = list(sheet.notes)
        self._tally = Tally()
        for row, reason in sheet.ragged.items():
            self.refuse(row, "row", self._whole(row), reason)
        for row in sheet.trimmed:
            self.repair(row, "row", self._whole(row), "empty fields at its end were removed")

    def column(self, ours: str, parser: Parser, *, missing: Any = None) -> list[Any]:
        """Values of one column; `missing` where the file lacks the column or the row's value was refused."""
        texts = self.sheet.texts(ours)
        if texts is None:
            return [missing] * len(self.sheet)
        # Most columns have few different texts, and few texts give rise to a remark.
        values: dict[str, Any] = {}
        odd: dict[str, Refusal | str] = {}
        for written in set(texts):
            try:
                if "\x00" in written:
                    raise Refusal("a text holds a NUL character")
                values[written], repair = parser(written)
            except Refusal as refusal:
                values[written], odd[written] = missing, refusal
            else:
                if repair:
                    odd[written] = repair
        if odd:
            for row, written in enumerate(texts):
                if (said := odd.get(written)) is not None:
                    if isinstance(said, Refusal):
                        self.refuse(row, ours, written, str(said))
                    else:
                        self.repair(row, ours, written, said)
        return list(map(values.__getitem__, texts))

    def refuse(self, row: int, name: str, got: str, reason: str) -> None:
        """Leave a row out; its first reason is told."""
        if row not in self.refused:
            self.refused[row] = f"{name}: {reason}"
            self._remark(row, name, got, reason, refused=True)

    def repair(self, row: int, name: str, got: str, reason: str) -> None:
        """Note that a value was put right."""
        if row not in self.refused:
            self.repaired.add(row)
            self._remark(row, name, got, reason, refused=False)

    def refuse_repeats(self, *keys: Sequence[Any], name: str, seen: dict[Any, int] | None = None) -> None:
        """Refuse every row but the first with the same key.

        `seen` has the keys of the sheets before this one with their lines, and gets those of this one.
        """
        seen = {} if seen is None else seen
        rows: Iterable[Any] = keys[0] if len(keys) == 1 else zip(*keys, strict=True)
        for row, (key, line) in enumerate(zip(rows, self.sheet.lines, strict=True)):
            if row in self.refused:
                continue
            before = seen.setdefault(key, line)
            if before != line:
                said = ", ".join(map(str, key)) if len(keys) > 1 else key
                self.refuse(row, name, f"{said} as on line {before}", "the row repeats an earlier one")

    def kept(self) -> list[int]:
        """Rows that were not refused, in order."""
        return [row for row in range(len(self.sheet)) if row not in self.refused]

    def table(self, data: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
        """Columns as a table of the rows kept; None stays None."""
        kept = self.kept()
        columns = {}
        for name, values in data.items():
            chosen = [values[row] for row in kept]
            columns[name] = pd.Series(chosen, dtype=object if None in chosen else None)
        return pd.DataFrame(columns)

    def report(self) -> RepairReport:
        """What happened."""
        return RepairReport(
            source=self.sheet.source,
            rows_read=len(self.sheet),
            rows_repaired=len(self.repaired - self.refused.keys()),
            rows_refused=len(self.refused),
            remarks=self._tally.remarks(),
            reasons=dict(self._tally.reasons.most_common()),
            notes=tuple(self.notes),
        )

    def _remark(self, row: int, name: str, got: str, reason: str, *, refused: bool) -> None:
        self._tally.add(Remark(self.sheet.lines[row], name, got, reason, refused))

    def _whole(self, row: int) -> str:
        return ",".join(column[row] for column in self.sheet.columns)
