"""Monthly macro series: a month column and any number of numeric columns, with gaps."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd

from customs.errors import UnreadableFile
from customs.readers import fields
from customs.readers.report import Read
from customs.readers.sheet import Columns, normal, open_sheet
from customs.readers.source import Source

LONGEST_NAME = 100
# The figures every model asks for, and the headings of the official tables that mean them; the first that a
# file has wins. ECOS (Bank of Korea), KOSIS and Opinet name them so.
FIGURES = {
    "dubai_usd_bbl": ("두바이유", "두바이", "Dubai유", "두바이유가", "dubai", "dubai_oil"),
    "krw_per_usd": (
        "원/달러환율",
        "원달러환율",
        "원/미국달러",
        "대미환율",
        "미국달러환율",
        "원/달러",
        "usd_krw",
        "환율",
    ),
    "cpi": ("cpi_headline", "cpi_headline_2015", "cpi_headline_2020", "소비자물가지수", "소비자물가총지수"),
    "ppi": ("ppi_total", "ppi_total_2015", "ppi_total_2020", "생산자물가지수", "생산자물가총지수"),
}
# Consumer prices without farm goods and oil: the measure that goes on where the headline has stopped.
CORE_CPI = (
    "cpi_core",
    "cpi_core_exagri_oil_2020",
    "농산물및석유류제외지수",
    "근원물가지수",
    "근원소비자물가지수",
    "cpi_ex_food_energy_2020",
    "식료품및에너지제외지수",
)


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


def canonical(read: Read) -> Read:
    """The same figures with the names of `FIGURES` where a column is known to mean one; others keep theirs.

    `cpi` is the headline index; in months after its last one it moves as the core index does, set to the
    headline's level in the last month that both have. Without a headline it is the core index. A month that
    neither has stays a gap. The report's notes say what was renamed and where the core index stands in.
    """
    table, notes = read.table, list(read.report.notes)
    names = {normal(name): name for name in reversed(table.columns[1:])}
    renamed = {}
    for ours, aliases in FIGURES.items():
        theirs = next((names[normal(a)] for a in (ours, *aliases) if normal(a) in names), None)
        if theirs is not None and theirs != ours:
            renamed[theirs] = ours
            notes.append(f"{theirs} is {ours}")
    table = table.rename(columns=renamed)
    core = next((names[normal(a)] for a in CORE_CPI if normal(a) in names), None)
    if core is not None and ("cpi" not in table or table["cpi"].isna().all()):
        table = table.drop(columns="cpi", errors="ignore").rename(columns={core: "cpi"})
        notes.append(f"cpi is the core index {core}; the file has no headline")
    elif core is not None:
        table = _continued(table, core, notes)
    return Read(table, replace(read.report, notes=tuple(notes)))


def _continued(table: pd.DataFrame, core: str, notes: list[str]) -> pd.DataFrame:
    """With `cpi` carried on by the index `core` after its last month."""
    by_month = table.set_index("month")[["cpi", core]].sort_index()
    headline = by_month["cpi"].dropna()
    later = by_month[core][by_month.index > headline.index[-1]].dropna()
    if not len(later):
        return table
    both = by_month.dropna()
    if not len(both):
        notes.append(f"cpi ends with {headline.index[-1]}; {core} has no month in common to go on from")
        return table
    at = both.index[-1]
    level = both["cpi"].iloc[-1] / both[core].iloc[-1]
    carried = table["month"].map(later * level)
    notes.append(
        f"cpi has no headline after {headline.index[-1]}; {len(later)} months follow {core}, "
        f"set to the level of {at}"
    )
    return table.assign(cpi=table["cpi"].fillna(carried))


def _gaps(table: pd.DataFrame) -> list[str]:
    """Sentences on months without a row, and on each series' months without a value."""
    if table.empty:
        return []
    have = pd.PeriodIndex(table["month"], freq="M")
    every = pd.period_range(have.min(), have.max(), freq="M")
    notes = []
    if len(absent := every.difference(have)):
        notes.append(f"no row for {spans(absent)}")
    for name in table.columns[1:]:
        empty = have[table[name].isna().to_numpy()].sort_values()
        if len(empty):
            notes.append(f"{name} has no value for {len(empty)} months: {spans(empty)}")
    return notes


def spans(months: pd.PeriodIndex) -> str:
    """Ordered months in words: `2015-01…2019-12, 2024-07`."""
    found: list[list[pd.Period]] = []
    for month in months:
        if found and (month - found[-1][-1]).n == 1:
            found[-1][-1] = month
        else:
            found.append([month, month])
    return ", ".join(str(a) if a == b else f"{a}…{b}" for a, b in found)
