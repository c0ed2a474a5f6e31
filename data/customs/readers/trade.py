"""Korean seafood trade statistics: imports and exports by month, HSK and country, in the official columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pandas as pd

from customs.readers import fields
from customs.readers.report import Read
from customs.readers.sheet import Columns, Source, open_sheet

COLUMNS = Columns(
    {
        "month": ("기준년월", "기준연월"),
        "country": ("국가코드",),
        "hs": ("HSK품목코드", "HS품목코드", "HS부호"),
        "flow": ("수출입구분코드",),
        "weight_kg": ("당월수출입중량", "당월중량"),
        "value_usd": ("당월수출입미화금액", "당월미화금액"),
        "year_weight_kg": ("당해누계중량", "당해수출입누계중량", "당해누계수출입중량"),
        "year_value_usd": (
            "당해누계미화금액",
            "당해누계금액",
            "당해수출입누계미화금액",
            "당해누계수출입미화금액",
        ),
        "country_name": ("국가명",),
        "bloc": ("경제권명",),
        "name": ("수산물수출입품목명", "품목명"),
        "region": ("지역",),
        "freight": ("운송비",),
    },
    required=("month", "country", "hs", "flow", "weight_kg", "value_usd"),
)
FLOWS = {"I": "I", "E": "E", "i": "I", "e": "E", "수입": "I", "수출": "E"}


def read(source: Source, columns: Mapping[str, str] | None = None, *, today: dt.date | None = None) -> Read:
    """Read the official file, CP949 or UTF-8 CSV or XLSX.

    Args:
        source: a path, or the contents of a file.
        columns: headers that differ from the official ones, our name to theirs.
        today: months after this day's are refused; the machine's date by default.

    Returns:
        A table with the columns month (YYYY-MM), hs (digits), country (alpha-2, or ZZ for none), flow
        (I imports, E exports), value_usd, weight_kg of the month, year_value_usd, year_weight_kg since January, country_name, bloc,
        name, region, freight; what the file has not is None or NaN. A month without trade is a row of zeros.

    Raises:
        UnreadableFile: the file is no table, or lacks a column.
        InvalidConfig: `columns` names a column that does not exist here.
    """
    sheet = open_sheet(source, COLUMNS, mapping=columns)
    intake = fields.Intake(sheet)
    nan = float("nan")
    data = {
        "month": intake.column("month", fields.month(fields.last_month(today))),
        "hs": intake.column("hs", fields.code((2, 4, 6, 10))),
        "country": intake.column("country", _country),
        "flow": intake.column("flow", fields.one_of(FLOWS, "a flow")),
        "value_usd": intake.column("value_usd", fields.at_least_zero, missing=nan),
        "weight_kg": intake.column("weight_kg", fields.at_least_zero, missing=nan),
    }
    for ours in ("year_value_usd", "year_weight_kg", "freight"):
        data[ours] = intake.column(ours, fields.optional(fields.at_least_zero, nan), missing=nan)
    for ours in ("country_name", "bloc", "name", "region"):
        data[ours] = intake.column(ours, fields.plain)
    intake.refuse_repeats(data["month"], data["hs"], data["country"], data["flow"], name="row")
    table = pd.DataFrame(data).iloc[intake.kept()].reset_index(drop=True)
    return Read(table, intake.report())


def _country(value: str) -> fields.Parsed:
    code = value.strip().upper()
    return (code, None) if code == fields.NO_COUNTRY else fields.country(code)
