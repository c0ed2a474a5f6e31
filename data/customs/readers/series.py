"""Monthly trade series: one row for a month, a code and a country, in whatever columns a file has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from customs.errors import CustomsError, UnreadableFile
from customs.readers import fields
from customs.readers.report import Read
from customs.readers.sheet import Columns, Sheet, normal, open_sheet
from customs.readers.source import Source

COLUMNS = Columns(
    {
        "month": ("기준년월", "기준연월"),
        "hs": ("hsk", "hs_code", "hs6", "HSK품목코드", "HS부호"),
        "country": ("국가코드", "country_code"),
        "value_usd": ("당월수출입미화금액", "당월미화금액"),
        "weight_kg": ("당월수출입중량", "당월중량"),
        "flow": ("수출입구분코드",),
        "freight": ("운송비",),
    },
    required=("month", "hs", "country", "value_usd", "weight_kg"),
    prefixes={"freight": "freight_"},
)
LONGEST_LABEL = 100
# Bounds of a month's value (USD), weight (kg) and freight. The whole world's goods trade of a year is some
# 2.5e13 USD and 1.2e13 kg; what lies outside is a slip, and sums and products of it would not be finite.
LEAST, MOST = 1e-6, 1e14


@dataclass(frozen=True, eq=False)
class SeriesRead(Read):
    """A series table and its report; `freight_unit` such as `krw_per_kg`, None if the file does not say."""

    freight_unit: str | None = None


def read(
    source: Source,
    columns: Mapping[str, str] | None = None,
    *,
    keep_refused: bool = False,
    today: dt.date | None = None,
) -> SeriesRead:
    """Read a series from CSV (UTF-8 or CP949), XLSX or parquet.

    Args:
        source: a path, or the contents of a file.
        columns: the file's own headers, our name to theirs: `{"hs": "hs6"}`. Known names are month, hs,
            country, value_usd, weight_kg, flow and freight; `freight_krw_per_kg` also tells the unit.
        keep_refused: keep every row of the file, for work that must answer each of them. The table then has a
            column `refused` with the reason, None for good rows; unreadable values are None or NaN.
        today: months after this day's are refused; the machine's date by default.

    Returns:
        A table with the columns row (0-based, in the order of the file), month (YYYY-MM), hs (4, 6, 8 or 10
        digits), country (label), value_usd, weight_kg, freight (NaN where there is none). Exports are
        refused: a series holds imports.

    Raises:
        UnreadableFile: the file is no table, or lacks a column.
        InvalidConfig: `columns` names a column that does not exist here.
    """
    mapping, unit = freight_mapping(columns or {})
    sheet = opened(source, COLUMNS, mapping)
    intake = fields.Intake(sheet)
    data = {
        "row": list(range(len(sheet))),
        "month": intake.column("month", fields.month(fields.last_month(today))),
        "hs": intake.column("hs", fields.code()),
        "country": intake.column("country", label),
        "value_usd": intake.column("value_usd", quantity, missing=float("nan")),
        "weight_kg": intake.column("weight_kg", quantity, missing=float("nan")),
        "freight": intake.column("freight", fields.optional(rate, float("nan")), missing=float("nan")),
    }
    intake.column("flow", _imports_only)
    intake.refuse_repeats(data["month"], data["hs"], data["country"], name="row")
    table = pd.DataFrame(data).astype({"value_usd": float, "weight_kg": float, "freight": float})
    if keep_refused:
        refused: list[str | None] = [intake.refused.get(row) for row in range(len(sheet))]
        table["refused"] = pd.Series(refused, dtype=object)
    else:
        table = table.iloc[intake.kept()].reset_index(drop=True)
    return SeriesRead(table, intake.report(), unit or freight_unit(sheet))


def opened(source: Source, known: Columns, mapping: Mapping[str, str]) -> Sheet:
    """`open_sheet`, where a parquet cell that no value can be made of is an error of the file."""
    try:
        return open_sheet(source, known, mapping=mapping)
    except CustomsError:
        raise
    except (ValueError, OverflowError) as error:  # pyarrow's own are ValueErrors
        raise UnreadableFile(
            f"a value cannot be read: {error}",
            field="file",
            remedy="write the file again with months as text and plain numbers",
        ) from None


def freight_mapping(columns: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
    """`freight_krw_per_kg=X` is `freight=X` with a unit."""
    mapping, unit = {}, None
    for ours, theirs in columns.items():
        if ours.startswith("freight_"):
            ours, unit = "freight", ours.removeprefix("freight_")
        mapping[ours] = theirs
    return mapping, unit


def freight_unit(sheet: Sheet) -> str | None:
    """What a header such as `freight_krw_per_kg` says."""
    if "freight" not in sheet.found:
        return None
    header = sheet.header[sheet.found["freight"]].strip()
    return header.removeprefix("freight_") if header.startswith("freight_") else None


def label(value: str) -> fields.Parsed:
    """A country's name or code as a file has it."""
    found, _ = fields.text(value)
    if len(found) > LONGEST_LABEL:
        raise fields.Refusal(f"a country's label has at most {LONGEST_LABEL} characters")
    return found, None


def quantity(value: str) -> fields.Parsed:
    """A number above zero that a month's trade can be."""
    found, repair = rate(value)
    if found == 0:
        raise fields.Refusal("it is zero")
    if found < LEAST:
        raise fields.Refusal("the number is too small to be real")
    return found, repair


def rate(value: str) -> fields.Parsed:
    """A number of zero or more that a month's freight can be."""
    found, repair = fields.at_least_zero(value)
    if found > MOST:
        raise fields.Refusal("the number is too large to be real")
    return found, repair


def _imports_only(value: str) -> fields.Parsed:
    match normal(value):
        case "i" | "수입" | "import":
            return "I", None
        case "e" | "수출" | "export":
            raise fields.Refusal("an export; a series holds imports")
    raise fields.Refusal("it is neither I (import) nor E (export)")
