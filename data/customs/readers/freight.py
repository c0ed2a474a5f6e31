"""KCS sea freight as published: a row for each month, a column for each route, thousand KRW per 2 TEU.

A file of monthly figures that carries the routes among others (`sea_in_cn`) will do, too.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd

from customs.errors import UnreadableFile
from customs.readers import fields
from customs.readers.macro import spans
from customs.readers.report import Read
from customs.readers.sheet import Columns, normal, open_sheet
from customs.readers.source import Source

ROUTES = {
    "us_west": ("미국서부", "sea_in_usw"),
    "us_east": ("미국동부", "sea_in_use"),
    "eu": ("유럽연합", "EU", "sea_in_eu"),
    "cn": ("중국", "sea_in_cn"),
    "jp": ("일본", "sea_in_jp"),
    "vn": ("베트남", "sea_in_vn"),
}
COLUMNS = Columns({"month": ("기간", "기준년월", "년월"), **ROUTES}, required=("month",))
HIGHEST = 100_000  # thousand KRW, far above any month on record: a higher figure must be in KRW


def read(source: Source, *, today: dt.date | None = None) -> Read:
    """Read the published file, CSV or XLSX.

    Returns:
        A table with the columns month (YYYY-MM), route (a key of `ROUTES`) and krw_per_2teu (KRW, int), one
        row for each figure; a figure that is missing is named in the report's notes.

    Raises:
        UnreadableFile: the file is no table, or lacks the month or every route.
    """
    sheet = open_sheet(source, COLUMNS)
    routes = [route for route in ROUTES if route in sheet.found]
    if not routes:
        raise UnreadableFile(
            f"{sheet.source} lacks every route",
            field="route",
            remedy=f"expected columns such as {', '.join(names[0] for names in ROUTES.values())}",
        )
    intake = fields.Intake(sheet)
    months = intake.column("month", fields.month(fields.last_month(today)))
    figures = {route: intake.column(route, fields.optional(_thousand_krw)) for route in routes}
    intake.refuse_repeats(months, name="month")
    known = set(sheet.found.values())
    for position, header in enumerate(sheet.header):
        if position not in known and normal(header):
            intake.notes.append(f"the column {header.strip()!r} is no known route and was left out")
    rows = []
    empty: dict[str, list[str]] = {route: [] for route in routes}
    for row in intake.kept():
        for route in routes:
            if figures[route][row] is None:
                empty[route].append(months[row])
            else:
                rows.append((months[row], route, figures[route][row]))
    for route, gaps in empty.items():
        if gaps:
            count = f"{len(gaps)} months: " if len(gaps) > 1 else ""
            when = spans(pd.PeriodIndex(sorted(gaps), freq="M"))
            intake.notes.append(f"{ROUTES[route][0]} has no figure for {count}{when}")
    table = pd.DataFrame(rows, columns=["month", "route", "krw_per_2teu"])
    return Read(table, intake.report())


def _thousand_krw(value: str) -> fields.Parsed:
    found, repair = fields.above_zero(value)
    if found > HIGHEST:
        raise fields.Refusal("it is too high for thousand KRW per 2 TEU; it may be in KRW")
    return round(found * 1000), repair
