"""The proposal's panel from the files as published, or any other country's with a column map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from customs.errors import InvalidConfig, UnreadableFile
from customs.readers import macro as macro_reader
from customs.readers import trade as trade_reader
from customs.readers.report import RepairReport
from tabular_ae import official
from tabular_ae.countries import GROUPS
from tabular_ae.routes import read_rates


@dataclass(frozen=True, eq=False)
class Made:
    """A panel with the columns month, hs, country, value_usd, weight_kg, freight_krw_per_kg where there is
    freight, and one for each macro figure; the reports of the files read and of the steps taken, in order."""

    table: pd.DataFrame
    files: tuple[RepairReport, ...]
    steps: tuple[official.Step, ...]

    def write(self, out: Path) -> None:
        """As parquet, which `portcullis train tabular --data` reads."""
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            self.table.to_parquet(out, index=False, compression="zstd")
        except OSError as error:
            said = error.strerror or str(error)
            raise UnreadableFile(f"{out}: {said}", field="out", remedy="name a file to write") from None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rows": len(self.table),
            "columns": list(self.table.columns),
            "files": [report.as_dict() for report in self.files],
            "steps": [asdict(step) for step in self.steps],
        }

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.files, *self.steps)))


def make_panel(
    trade: Path,
    *,
    columns: Mapping[str, str] | None = None,
    freight: Path | None = None,
    macro: Path | None = None,
    partners: Sequence[str] = (),
    merge: Sequence[str] = (),
) -> Made:
    """Read the files and take every step of `tabular_ae.official` in the proposal's order.

    Args:
        trade: imports, or imports and exports, by month, code and country.
        columns: headers of the trade file that differ from the known ones, our name to theirs.
        freight: route freight as published; a file of monthly figures that carries the routes will do.
        macro: monthly figures.
        partners: countries to keep, by code or name; all if empty.
        merge: groups of `tabular_ae.countries.GROUPS` whose members become one country.

    Raises:
        UnreadableFile: a file is no table, or no row of it is left.
        InvalidConfig: an unknown group, a country without rows, or freight in another unit.
    """
    groups = {name: GROUPS[name] for name in map(_group, merge)}
    read = trade_reader.read(trade, columns)
    files: list[RepairReport] = [read.report]
    steps: list[official.Step] = []
    table = _own_freight(read.table, read.freight_unit, steps)
    for step in (official.imports_only, official.traded_only, official.coded_countries):
        table, done = step(table)
        steps.append(done)
    if groups:
        table, done = official.merge_members(table, groups)
        steps.append(done)
    if partners:
        table, done = official.keep_partners(table, partners)
        steps.append(done)
    if not len(table):
        raise UnreadableFile(
            f"{trade.name} has no row of an import with a value and a weight",
            field="trade",
            remedy="see the reasons with portcullis import trade",
        )
    table = table[[name for name in (*official.NEEDED, official.FREIGHT) if name in table]]
    if freight is not None:
        table = _with_freight(table, freight, files, steps)
    if macro is not None:
        figures = macro_reader.canonical(macro_reader.read(macro))
        files.append(figures.report)
        table, done = official.join_macro(table, figures.table)
        steps.append(done)
    table = table.sort_values(["month", "hs", "country"], kind="stable", ignore_index=True)
    return Made(table, tuple(files), tuple(steps))


def _group(name: str) -> str:
    if name.upper() not in GROUPS:
        raise InvalidConfig(
            f"there is no group {name!r}", field="merge", remedy=f"choose from {', '.join(GROUPS)}"
        )
    return name.upper()


def _own_freight(table: pd.DataFrame, unit: str | None, steps: list[official.Step]) -> pd.DataFrame:
    """The file's own freight under the panel's name, if it is in the panel's unit."""
    count = int(table["freight"].notna().sum())
    ours = official.FREIGHT.removeprefix("freight_")
    if count and unit not in (None, ours):
        raise InvalidConfig(
            f"freight is in {unit}, a panel's in {ours}",
            field="freight",
            remedy="convert the column, or name it otherwise and give --freight",
        )
    if count and unit is None:
        said = (
            f"freight of {count:,} rows has no unit and was left out; --map {official.FREIGHT}=COLUMN says it"
        )
        steps.append(official.Step("own freight", len(table), len(table), (said,)))
    if count and unit == ours:
        return table.rename(columns={"freight": official.FREIGHT})
    return table.drop(columns="freight")


def _with_freight(
    table: pd.DataFrame, path: Path, files: list[RepairReport], steps: list[official.Step]
) -> pd.DataFrame:
    rates, report, done = read_rates(path)
    joined, step = official.join_freight(table, rates)
    files.append(report)
    steps += [*done, step]
    return joined
