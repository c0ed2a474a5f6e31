"""The official table of codes: all levels with their names and, in a national one, their days of validity."""

from __future__ import annotations

from dataclasses import replace

from customs.readers import fields
from customs.readers.fields import Parsed, Refusal
from customs.readers.report import Read
from customs.readers.sheet import Columns, open_sheet
from customs.readers.source import Source

COLUMNS = Columns(
    {
        "digits": ("HS부호", "HS코드", "품목번호", "hscode", "hs_code"),
        "valid_from": ("적용시작일자", "적용시작일", "적용개시일"),
        "valid_to": ("적용종료일자", "적용종료일", "적용만료일"),
        "name_ko": ("한글품목명",),
        "name_en": ("영문품목명", "description"),
        "quantity_unit": ("수량단위코드",),
        "weight_unit": ("중량단위코드",),
    },
    required=("digits", "name_en"),
)
_NATIONAL = ("valid_from", "valid_to", "name_ko")
LEVELS = range(2, 11)
LONGEST_UNIT = 16


def read(source: Source) -> Read:
    """Read a published table, CSV or XLSX: the Korean one, or the international one in English.

    The Korean table has days of validity and names in both languages; the international one has a code and a
    description, and its rows are valid without a limit. A table with some of the national columns must
    have all three, so that a table of which a column went missing is not taken for the international one.

    The Korean table also has rows for groups of seven, eight and nine digits: a nine-digit code is a group
    here if ten-digit codes below it are in the table, and is refused if there are none, because then it is a
    code that lost its leading zero.

    Returns:
        A table with the columns digits (text of 2 to 10 digits), level (their number), valid_from, valid_to
        (dates, both included; None in the international table), name_ko ("" in the international table),
        name_en ("" in the few rows without), quantity_unit, weight_unit (None where a group has none).

    Raises:
        UnreadableFile: the file is no table, or lacks a column.
    """
    sheet = open_sheet(source, COLUMNS)
    national = [name for name in _NATIONAL if name in sheet.found]
    if national and len(national) < len(_NATIONAL):
        # the reader of sheets names the missing columns and the remedy
        sheet = open_sheet(source, replace(COLUMNS, required=(*COLUMNS.required, *_NATIONAL)))
    intake = fields.Intake(sheet)
    data = {
        "digits": intake.column("digits", _digits),
        "valid_from": intake.column("valid_from", fields.date),
        "valid_to": intake.column("valid_to", fields.date),
        "name_ko": intake.column("name_ko", fields.text, missing=None if national else ""),
        "name_en": [
            name or "" for name in intake.column("name_en", fields.plain if national else fields.text)
        ],
        "quantity_unit": intake.column("quantity_unit", _unit),
        "weight_unit": intake.column("weight_unit", _unit),
    }
    if not national:
        intake.notes.append("the table has no days of validity and no Korean names, as the international one")
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
    if digits.upper() == "TOTAL":
        raise Refusal("it stands for all goods, not for a code")
    if not (digits.isascii() and digits.isdigit()):
        raise Refusal("the code is not made of digits only")
    if len(digits) not in LEVELS:
        raise Refusal(f"the code has {len(digits)} digits, not 2 to 10")
    if digits[:2] in ("00", "77"):
        raise Refusal(f"chapter {digits[:2]} does not exist")
    return digits, None
