"""The official HSK table: codes of all levels with their names and the days they are valid."""

from __future__ import annotations

from customs.readers import fields
from customs.readers.fields import Parsed, Refusal
from customs.readers.report import Read
from customs.readers.sheet import Columns, Source, open_sheet

COLUMNS = Columns(
    {
        "digits": ("HS부호", "HS코드", "품목번호"),
        "valid_from": ("적용시작일자",),
        "valid_to": ("적용종료일자",),
        "name_ko": ("한글품목명",),
        "name_en": ("영문품목명",),
        "quantity_unit": ("수량단위코드",),
        "weight_unit": ("중량단위코드",),
    },
    required=("digits", "valid_from", "valid_to", "name_ko", "name_en"),
)
LEVELS = range(2, 11)
LONGEST_UNIT = 16


def read(source: Source) -> Read:
    """Read the published table, CSV or XLSX.

    The table also has rows for groups of seven, eight and nine digits: a nine-digit code is a group here if
    ten-digit codes below it are in the table, and is refused if there are none, because then it is a code
    that lost its leading zero.

    Returns:
        A table with the columns digits (text of 2 to 10 digits), level (their number), valid_from, valid_to
        (dates, both included), name_ko, name_en ("" in the few rows without), quantity_unit, weight_unit
        (None where a group has none).

    Raises:
        UnreadableFile: the file is no table, or lacks a column.
    """
    sheet = open_sheet(source, COLUMNS)
    intake = fields.Intake(sheet)
    data = {
        "digits": intake.column("digits", _digits),
        "valid_from": intake.column("valid_from", fields.date),
        "valid_to": intake.column("valid_to", fields.date),
        "name_ko": intake.column("name_ko", fields.text),
        "name_en": [name or "" for name in intake.column("name_en", fields.plain)],
        "quantity_unit": intake.column("quantity_unit", _unit),
        "weight_unit": intake.column("weight_unit", _unit),
    }
    groups = {digits[:9] for digits in data["digits"] if digits and len(digits) == 10}
    for row, digits in enumerate(data["digits"]):
        if digits and len(digits) == 9 and digits not in groups:
            intake.refuse(
                row, "digits", digits, "a group without codes below it, or a code that lost its zero"
            )
        begins, ends = data["valid_from"][row], data["valid_to"][row]
        if begins and ends and begins > ends:
            intake.refuse(row, "valid_to", str(ends), f"it lies before valid_from, {begins}")
    intake.refuse_repeats(data["digits"], data["valid_from"], name="digits")
    table = intake.table(data)
    table.insert(1, "level", table["digits"].str.len())
    return Read(table, intake.report())


def _unit(value: str) -> Parsed:
    if len(value.strip()) > LONGEST_UNIT:
        raise Refusal(f"a unit has at most {LONGEST_UNIT} characters")
    return fields.plain(value)


def _digits(value: str) -> Parsed:
    digits = value.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise Refusal("the code is not made of digits only")
    if len(digits) not in LEVELS:
        raise Refusal(f"the code has {len(digits)} digits, not 2 to 10")
    if digits[:2] in ("00", "77"):
        raise Refusal(f"chapter {digits[:2]} does not exist")
    return digits, None
