"""Monthly macro series: a month column and any number of numeric columns, with gaps."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from customs.errors import UnreadableFile
from customs.readers import fields
from customs.readers.report import Read
from customs.readers.sheet import Columns, Source, open_sheet

LONGEST_NAME = 100


def read(source: Source, *, today: dt.date | None = None) -> Read:
    """Read `month` and every other column as a series of numbers.

    Returns:
        A table with the column month (YYYY-MM, in the order of the file) and one float column for each series
        under its own header; NaN where the file has a gap, which the report's notes name.

    Raises:
        UnreadableFile: the file is no table, has no month, or no other column, or two of one name.
    """
    base = Columns({"month": ("기준년월", "년월", "기간", "date")}, required=("month",))
    sheet = open_sheet(source, base)
    names = {
        header.strip(): position
        for position, header in enumerate(sheet.header)
        if position != sheet.found["month"] and header.strip()
    }
    if len(names) + 1 != sum(bool(h.strip()) for h in sheet.header):
        raise UnreadableFile(f"{sheet.source} has a header twice", field="header", remedy="keep one of them")
    if not names:
        raise UnreadableFile(
            f"{sheet.source} has no column beside the month",
            field="header",
            remedy="add a column for each series",
        )
    if longest := [name for name in names if len(name) > LONGEST_NAME]:
        raise UnreadableFile(
            f"{sheet.source} has a header of {len(longest[0])} characters",
            field="header",
            remedy=f"name series in at most {LONGEST_NAME}",
        )
    intake = fields.Intake(sheet.with_columns(names))
    months = intake.column("month", fields.month(fields.last_month(today)))
    nan = float("nan")
    data = {name: intake.column(name, fields.optional(fields.number, nan), missing=nan) for name in names}
    intake.refuse_repeats(months, name="month")
    table = pd.DataFrame({"month": months, **data}).iloc[intake.kept()].reset_index(drop=True)
    intake.notes += _gaps(table)
    return Read(table, intake.report())


def _gaps(table: pd.DataFrame) -> list[str]:
    """Sentences on months without a row, and on each series' months without a value."""
    if table.empty:
        return []
    have = pd.PeriodIndex(table["month"], freq="M")
    every = pd.period_range(have.min(), have.max(), freq="M")
    notes = []
    if len(absent := every.difference(have)):
        notes.append(f"no row for {_spans(absent)}")
    for name in table.columns[1:]:
        empty = have[table[name].isna().to_numpy()].sort_values()
        if len(empty):
            notes.append(f"{name} has no value for {len(empty)} months: {_spans(empty)}")
    return notes


def _spans(months: pd.PeriodIndex) -> str:
    """`2015-01…2019-12, 2024-07`."""
    spans: list[list[pd.Period]] = []
    for month in months:
        if spans and (month - spans[-1][-1]).n == 1:
            spans[-1][-1] = month
        else:
            spans.append([month, month])
    return ", ".join(str(a) if a == b else f"{a}…{b}" for a, b in spans)
