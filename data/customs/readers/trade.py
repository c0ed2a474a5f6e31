"""Trade statistics: the official Korean file of seafood imports and exports, or a plain series as imports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from customs.readers import fields, series
from customs.readers.sheet import Columns
from customs.readers.source import Source

COLUMNS = Columns(
    {
        **series.COLUMNS.aliases,
        "year_weight_kg": ("당해누계수출입중량", "당해누계중량"),
        "year_value_usd": ("당해누계수출입미화금액", "당해누계미화금액"),
        "country_name": ("국가명",),
        "bloc": ("경제권명",),
        "name": ("수산물수출입품목명", "품목명"),
        "region": ("지역",),
    },
    required=series.COLUMNS.required,
    prefixes=series.COLUMNS.prefixes,
)
FLOWS = {"I": "I", "E": "E", "i": "I", "e": "E", "수입": "I", "수출": "E"}


def read(
    source: Source, columns: Mapping[str, str] | None = None, *, today: dt.date | None = None
) -> series.SeriesRead:
    """Read the statistics from CSV (UTF-8 or CP949), XLSX or parquet.

    The official file says of each row whether it is an import or an export, and its countries must be ISO
    codes. A file that does not say so holds imports, and its countries may be any labels.

    Args:
        source: a path, or the contents of a file.
        columns: headers that differ from the known ones, our name to theirs, as in `series.read`.
        today: months after this day's are refused; the machine's date by default.

    Returns:
        A table with the columns month (YYYY-MM), hs (digits), country (alpha-2, ZZ for none, or a label),
        flow (I imports, E exports), value_usd and weight_kg of the month, year_value_usd and year_weight_kg
        since January, country_name, bloc, name, region, freight; what the file has not is None or NaN. A
        month without trade is a row of zeros.

    Raises:
        UnreadableFile: the file is no table, or lacks a column.
        InvalidConfig: `columns` names a column that does not exist here.
    """
    mapping, unit = series.freight_mapping(columns or {})
    sheet = series.opened(source, COLUMNS, mapping)
    intake = fields.Intake(sheet)
    official = "flow" in sheet.found
    nan = float("nan")
    data = {
        "month": intake.column("month", fields.month(fields.last_month(today))),
        "hs": intake.column("hs", fields.code((2, 4, 6, 8, 10))),
        "country": intake.column("country", _country if official else series.label),
        "flow": intake.column("flow", fields.one_of(FLOWS, "a flow"), missing=None if official else "I"),
        "value_usd": intake.column("value_usd", series.rate, missing=nan),
        "weight_kg": intake.column("weight_kg", series.rate, missing=nan),
    }
    for ours in ("year_value_usd", "year_weight_kg", "freight"):
        data[ours] = intake.column(ours, fields.optional(series.rate, nan), missing=nan)
    for ours in ("country_name", "bloc", "name", "region"):
        data[ours] = intake.column(ours, fields.plain)
    if not official:
        intake.notes.append("the file does not tell imports from exports; its rows were taken as imports")
    intake.refuse_repeats(data["month"], data["hs"], data["country"], data["flow"], name="row")
    table = intake.table(data)
    return series.SeriesRead(table, intake.report(), unit or series.freight_unit(sheet))


def _country(value: str) -> fields.Parsed:
    code = value.strip().upper()
    return (code, None) if code == fields.NO_COUNTRY else fields.country(code)
