"""Training and scoring data: series files and worlds in, rows out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from customs.case import Case
from customs.declaration import Mode
from customs.errors import InvalidConfig, UnreadableFile
from tabular_ae.macro import Macro
from tabular_ae.rows import Rows, month_number, month_text

if TYPE_CHECKING:
    import pandas as pd

    from customs.readers.series import SeriesRead

ROUTE_UNIT = "krw_per_kg"  # what route freight is in


@dataclass(frozen=True, eq=False)
class Panel:
    """Everything that the data folders and files hold.

    rows: all series rows; freight_unit: unit of their freight, such as `krw_per_kg`; None without freight.
    stop: first month (as `month_number`) that training may not use: that of a world's cutoff.
    krw_per_usd: rate by month. cases: clean declared lines from before the cutoff.
    macro: monthly figures of the files named for it and of the worlds, None without any.
    notes: sentences on what was refused and joined.
    """

    rows: Rows
    freight_unit: str | None = None
    stop: int | None = None
    krw_per_usd: Mapping[int, float] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
    refused: int = 0
    macro: Macro | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Series:
    """One series file: the rows that can be used, where in the file they stood, and why others were refused.

    place: (n,) 0-based input row of each of `rows`; length: rows in the file; reasons: by input row.
    notes: sentences on what was refused and joined.
    """

    rows: Rows
    place: np.ndarray
    length: int
    reasons: Mapping[int, str]
    freight_unit: str | None
    notes: tuple[str, ...] = ()


def read_series(
    path: Path, columns: Mapping[str, str] | None = None, *, freight: Path | None = None
) -> Series:
    """Read a series file (CSV or parquet); `columns` maps our names to the file's.

    freight: route freight as published, for the rows that have none of their own.
    """
    from customs.readers import series

    return _joined(
        series.read(path, columns, keep_refused=True), path, None if freight is None else _routes(freight)
    )


def read_panel(
    paths: Sequence[Path],
    columns: Mapping[str, str] | None = None,
    *,
    freight: Path | None = None,
    macro: Path | None = None,
) -> Panel:
    """Read and join worlds and series files.

    Args:
        paths: series files and folders of worlds.
        columns: the files' own headers, our name to theirs.
        freight: route freight as published; it fills rows without freight of their own, in KRW/kg.
        macro: monthly figures. Where it has none, those of the worlds stand.

    Raises:
        UnreadableFile: a file is no table, lacks a column, or has no usable row.
        InvalidConfig: there is no path, a mapping of an unknown column, or freight in two units.
    """
    if not paths:
        raise InvalidConfig(
            "there is no data", field="data", remedy="give --data FILE, a series file or a world"
        )
    figures = [] if macro is None else [read_macro(macro)]  # first: cheap to refuse
    rates = None if freight is None else _routes(freight)
    parts = [
        _world(path, rates) if path.is_dir() else _file(path, columns, rates) for path in map(Path, paths)
    ]
    units = {part.freight_unit for part in parts} - {None}
    if len(units) > 1:
        raise InvalidConfig(
            f"freight is in {' and '.join(sorted(map(str, units)))}",
            field="data",
            remedy="use one unit of freight",
        )
    stops = [part.stop for part in parts if part.stop is not None]
    figures += [part.macro for part in parts if part.macro is not None]
    return Panel(
        rows=Rows.concat([part.rows for part in parts]),
        freight_unit=units.pop() if units else None,
        stop=min(stops) if stops else None,
        krw_per_usd={m: rate for part in reversed(figures) for m, rate in part.known("krw_per_usd").items()},
        cases=tuple(case for part in parts for case in part.cases),
        refused=sum(part.refused for part in parts),
        macro=Macro.merge(figures) if figures else None,
        notes=tuple(note for part in parts for note in part.notes),
    )


def read_macro(path: Path) -> Macro:
    """All figures of a monthly file, with the names of `customs.readers.macro.FIGURES` where known.

    Raises:
        UnreadableFile: the file is no table, has no month, no figure, or no usable row.
    """
    from customs.readers import macro

    table = macro.canonical(macro.read(path)).table
    if not len(table):
        raise UnreadableFile(
            f"{path} has no usable month",
            field="macro",
            remedy="see the reasons with portcullis import macro",
        )
    months = [month_number(text) for text in table["month"]]
    return Macro.from_columns({"month": months, **{name: table[name].tolist() for name in table.columns[1:]}})


def _file(path: Path, columns: Mapping[str, str] | None, rates: pd.DataFrame | None) -> Panel:
    from customs.readers import series

    raw = series.read(path, columns, keep_refused=True)
    read = _joined(raw, path, rates)
    if not len(read.rows):
        why = next(iter(raw.report.reasons), "")
        raise UnreadableFile(
            f"{path} has no usable row; most often: {why}",
            field="data",
            remedy="mend the rows; portcullis import trade lists each reason",
        )
    return Panel(read.rows, read.freight_unit, refused=read.length - len(read.rows), notes=read.notes)


def _world(path: Path, rates: pd.DataFrame | None) -> Panel:
    from customs.world import World

    world = World.open(path)
    part = _file(world.path("series.csv"), None, rates)
    cases = tuple(case for declaration in world.declarations("past") for case in Case.of(declaration))
    return replace(
        part, stop=number_of(world.cutoff), cases=cases, macro=read_macro(world.path("official/macro.csv"))
    )


def _joined(read: SeriesRead, path: Path, rates: pd.DataFrame | None) -> Series:
    """The usable rows of a file, with the freight of their routes where `rates` has it."""
    good = read.table["refused"].isna().to_numpy()
    refused = read.table.loc[~good, ["row", "refused"]]
    rows, unit = Rows.of(read.table[good]), read.freight_unit
    notes = tuple(
        f"{path.name}: {n:,} rows refused: {why}" for why, n in refused["refused"].value_counts().items()
    )
    if rates is not None:
        rows, unit, said = _with_routes(rows, unit, rates)
        notes += tuple(f"{path.name}: {sentence}" for sentence in said)
    return Series(
        rows,
        read.table.loc[good, "row"].to_numpy(dtype=np.int64),
        len(read.table),
        dict(zip(refused["row"], refused["refused"], strict=True)),
        unit,
        notes,
    )


def _routes(path: Path) -> pd.DataFrame:
    from tabular_ae.routes import read_rates

    return read_rates(path)[0]


def _with_routes(
    rows: Rows, unit: str | None, rates: pd.DataFrame
) -> tuple[Rows, str | None, tuple[str, ...]]:
    """Rows with their route's freight where they have none, and its unit."""
    import pandas as pd

    from tabular_ae.official import FREIGHT, join_freight

    own = np.isfinite(rows.freight)
    if own.any() and unit != ROUTE_UNIT:
        raise InvalidConfig(
            f"the rows have freight {'in ' + unit if unit else 'without a unit'}, the routes in {ROUTE_UNIT}",
            field="freight",
            remedy=f"if it is that, say so with --map freight_{ROUTE_UNIT}=COLUMN; else leave out --freight",
        )
    months = {number: month_text(int(number)) for number in np.unique(rows.month)}
    table = pd.DataFrame(
        {
            "country": rows.country,
            "month": [months[number] for number in rows.month],
            FREIGHT: rows.freight,
        }
    )
    joined, step = join_freight(table, rates)
    freight = joined[FREIGHT].to_numpy(dtype=np.float64)
    return replace(rows, freight=freight), unit if not np.isfinite(freight).any() else ROUTE_UNIT, step.said


def number_of(date: dt.date) -> int:
    """The month of a day, as `month_number`."""
    return date.year * 12 + date.month - 1


@dataclass(frozen=True)
class Line:
    """One declared line ready to be scored, or why a part of it cannot be.

    country: of origin, where the price is made; route: country of departure, where the freight is.
    value: USD; freight: per kg in the panel's unit. The reasons name sentences, empty where all is well.
    """

    hs: str
    country: str
    route: str
    month: int
    value: float
    weight: float
    freight: float
    no_price: str = ""
    no_freight: str = ""
    value_currency: str = ""
    freight_currency: str = ""


@dataclass(frozen=True)
class Converter:
    """Reads a case as a line in the panel's units.

    krw_per_usd: the rate by month; a month without one takes the last known before it, at most a year old.
    """

    freight_unit: str | None
    krw_per_usd: Mapping[int, float]

    def line(self, case: Case) -> Line:
        """The line of a case; a case without one gets a reason."""
        line, declaration = case.line, case.declaration
        if line is None or declaration is None:
            return Line("", "", "", 0, np.nan, np.nan, np.nan, "price.no_line", "freight.no_line")
        month, weight = number_of(declaration.date), float(line.net_kg)
        usd = self._to_usd(float(line.value), line.value.currency, month)
        no_price = "price.no_weight" if weight <= 0 else "price.currency" if usd is None else ""
        no_price = no_price or ("price.no_value" if usd == 0 else "")
        freight, no_freight = np.nan, ""
        if self.freight_unit is None:
            no_freight = "freight.no_panel"
        elif line.freight is None or float(line.freight) == 0:
            no_freight = "freight.none"
        elif declaration.mode not in (None, Mode.SEA):
            no_freight = "freight.not_sea"
        elif weight <= 0:
            no_freight = "freight.no_weight"
        else:
            rate = self._in_panel_unit(float(line.freight), line.freight.currency, month)
            freight, no_freight = (rate / weight, "") if rate is not None else (np.nan, "freight.currency")
        return Line(
            line.hsk.digits,
            declaration.origin.code,
            (declaration.departure or declaration.origin).code,
            month,
            np.nan if usd is None else usd,
            weight,
            freight,
            no_price,
            no_freight,
            line.value.currency,
            line.freight.currency if line.freight else "",
        )

    def _to_usd(self, amount: float, currency: str, month: int) -> float | None:
        if currency == "USD":
            return amount
        rate = self._rate(month)
        return amount / rate if currency == "KRW" and rate else None

    def _in_panel_unit(self, amount: float, currency: str, month: int) -> float | None:
        wanted = str(self.freight_unit).split("_")[0].upper()
        if currency == wanted:
            return amount
        rate = self._rate(month)
        if rate is None or {currency, wanted} != {"USD", "KRW"}:
            return None
        return amount * rate if wanted == "KRW" else amount / rate

    def _rate(self, month: int) -> float | None:
        return next(
            (self.krw_per_usd[m] for m in range(month, month - 13, -1) if m in self.krw_per_usd), None
        )


def rows_of(lines: Sequence[Line], *, by_route: bool = False) -> Rows:
    """Lines as rows to score, of their origin or their route; what cannot be scored is NaN in them."""
    return Rows(
        hs=np.array([line.hs for line in lines], dtype=object),
        country=np.array([line.route if by_route else line.country for line in lines], dtype=object),
        month=np.array([line.month for line in lines], dtype=np.int64),
        value=np.array([np.nan if line.no_price else line.value for line in lines], dtype=np.float64),
        weight=np.array([line.weight for line in lines], dtype=np.float64),
        freight=np.array([np.nan if line.no_freight else line.freight for line in lines], dtype=np.float64),
    )
