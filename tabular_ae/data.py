"""Training and scoring data: series files and worlds in, rows out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from customs.case import Case
from customs.declaration import Mode
from customs.errors import InvalidConfig, UnreadableFile
from tabular_ae.rows import Rows, month_number


@dataclass(frozen=True, eq=False)
class Panel:
    """Everything that the data folders and files hold.

    rows: all series rows; freight_unit: unit of their freight, such as `krw_per_kg`; None without freight.
    stop: first month (as `month_number`) that training may not use: that of a world's cutoff.
    krw_per_usd: rate by month. cases: clean declared lines from before the cutoff.
    """

    rows: Rows
    freight_unit: str | None = None
    stop: int | None = None
    krw_per_usd: Mapping[int, float] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
    refused: int = 0


@dataclass(frozen=True, eq=False)
class Series:
    """One series file: the rows that can be used, where in the file they stood, and why others were refused.

    place: (n,) 0-based input row of each of `rows`; length: rows in the file; reasons: by input row.
    """

    rows: Rows
    place: np.ndarray
    length: int
    reasons: Mapping[int, str]
    freight_unit: str | None


def read_series(path: Path, columns: Mapping[str, str] | None = None) -> Series:
    """Read a series file (CSV or parquet); `columns` maps our names to the file's."""
    from customs.readers import series

    read = series.read(path, columns, keep_refused=True)
    good = read.table["refused"].isna().to_numpy()
    refused = read.table.loc[~good, ["row", "refused"]]
    return Series(
        Rows.of(read.table[good]),
        read.table.loc[good, "row"].to_numpy(dtype=np.int64),
        len(read.table),
        dict(zip(refused["row"], refused["refused"], strict=True)),
        read.freight_unit,
    )


def read_panel(paths: Sequence[Path], columns: Mapping[str, str] | None = None) -> Panel:
    """Read and join worlds and series files."""
    if not paths:
        raise InvalidConfig(
            "there is no data", field="data", remedy="give --data FILE, a series file or a world"
        )
    parts = [_world(path) if path.is_dir() else _file(path, columns) for path in map(Path, paths)]
    units = {part.freight_unit for part in parts} - {None}
    if len(units) > 1:
        raise InvalidConfig(
            f"freight is in {' and '.join(sorted(map(str, units)))}",
            field="data",
            remedy="use one unit of freight",
        )
    stops = [part.stop for part in parts if part.stop is not None]
    return Panel(
        rows=Rows.concat([part.rows for part in parts]),
        freight_unit=units.pop() if units else None,
        stop=min(stops) if stops else None,
        krw_per_usd={k: v for part in parts for k, v in part.krw_per_usd.items()},
        cases=tuple(case for part in parts for case in part.cases),
        refused=sum(part.refused for part in parts),
    )


def _file(path: Path, columns: Mapping[str, str] | None) -> Panel:
    read = read_series(path, columns)
    if not len(read.rows):
        raise UnreadableFile(
            f"{path} has no usable row", field="data", remedy="see the reasons with portcullis import"
        )
    return Panel(read.rows, read.freight_unit, refused=read.length - len(read.rows))


def _world(path: Path) -> Panel:
    from customs.world import World

    world = World.open(path)
    series = _file(world.path("series.csv"), None)
    cases = tuple(case for declaration in world.declarations("past") for case in Case.of(declaration))
    return Panel(
        series.rows,
        series.freight_unit,
        stop=number_of(world.cutoff),
        krw_per_usd=_rates(world.path("official/macro.csv")),
        cases=cases,
    )


def _rates(path: Path) -> dict[int, float]:
    from customs.readers import macro

    table = macro.read(path).table
    known = table[table["krw_per_usd"].notna()]
    return {month_number(m): float(v) for m, v in zip(known["month"], known["krw_per_usd"], strict=True)}


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
