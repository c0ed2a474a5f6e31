"""What was seen in each week of declaration, counted: how every check judged, what declarations lacked.

One cell is one thing that can be said of a case (`topic`, `said`) in one week. It is raised in the
transaction that stores the assessment, so a page about drift adds up a few thousand cells instead of reading
every report.
The cells repeat what `assessment` holds and may be made anew from it.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portcullis.store.metadata import metadata
from portcullis.store.official import hsk

weekly_count = sa.Table(
    "weekly_count",
    metadata,
    sa.Column("topic", sa.String(48), primary_key=True),
    sa.Column("said", sa.Text, primary_key=True),
    sa.Column("week", sa.Date, primary_key=True),  # its Monday
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("amount", sa.Double, nullable=False),  # of p-values: sum of 1 / size of their references
    # an example: number of an assessment; no foreign key, which would be looked up at every raise
    sa.Column("latest", sa.Integer, nullable=False),
    sqlite_with_rowid=False,  # the key is the table: half the pages to write
)

# Upper ends of the bins that p-values fall into; a p-value is in the first bin that it does not exceed.
P_EDGES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, *(round(0.05 * n, 2) for n in range(2, 21)))
SURPRISE_EDGES = tuple(0.25 * n for n in range(1, 21))  # what is above the last is in a bin of its own
ALL = "all"
CHECK = "check:"  # begins the topic of a check
SILENT = "-"  # begins what is said of a check that abstained; the id of the reason follows
_FIELDS_OF_CASE = ("departure", "mode", "office", "declarant", "seller", "container")
_FIELDS_OF_LINE = ("gross_kg", "packages", "freight", "insurance", "description")
FIELDS = ("scan", "photo", *_FIELDS_OF_LINE, *_FIELDS_OF_CASE)
_MANY = 500
_RAISE = (
    "INSERT INTO weekly_count (topic, said, week, count, amount, latest) VALUES ({}) "
    "ON CONFLICT (topic, said, week) DO UPDATE SET count = weekly_count.count + excluded.count, "
    "amount = weekly_count.amount + excluded.amount, latest = excluded.latest"
)


@dataclass(frozen=True)
class Cell:
    """One cell; latest: number of the newest assessment in it."""

    topic: str
    said: str
    week: dt.date
    count: int
    amount: float
    latest: int


def week_of(day: dt.date) -> dt.date:
    """Its Monday."""
    return day - dt.timedelta(days=day.weekday())


def count_in(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Within a transaction that has taken its turn: count new rows of the table `assessment`."""
    found = cells(connection, rows)
    if not found:
        return
    plain = connection.dialect.name == "sqlite"
    # in the driver's own words: SQLAlchemy takes five times as long over these many small rows
    rows_of = [
        (c.topic, c.said, c.week.isoformat() if plain else c.week, c.count, c.amount, c.latest) for c in found
    ]
    connection.exec_driver_sql(_RAISE.format(", ".join(("?" if plain else "%s",) * 6)), rows_of)


def cells(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """What rows of the table `assessment`, with their numbers, add; the codes are looked up as of now."""
    codes = _Codes(connection, {line["hsk"] for row in rows for line in row["declaration"]["lines"]})
    added: dict[tuple[str, str, dt.date], tuple[int, float, int]] = {}
    for row in rows:
        day = dt.date.fromisoformat(row["declaration"]["date"])
        week, number = week_of(day), row["number"]
        for topic, said, amount in (*_of_case(row), *_of_lines(row, codes, day), *_of_checks(row)):
            count, total, latest = added.get((topic, said, week), (0, 0.0, 0))
            added[topic, said, week] = (count + 1, total + amount, max(latest, number))
    # in one order, so that two transactions never wait for each other crosswise
    return [Cell(*key, *added[key]) for key in sorted(added)]


def _of_case(row: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    declared = row["declaration"]
    yield "case", ALL, 0.0
    yield "band", row["band"], 0.0
    yield "surprise", _bin(SURPRISE_EDGES, row["surprise"]), 0.0
    yield "origin", declared["origin"], 0.0
    yield "chapter", declared["lines"][0]["hsk"][:2], 0.0
    yield "importer", declared["importer"], 0.0
    for module, version in row["report"].get("versions", {}).items():  # the first reports have none
        yield "version", f"{module} {version}", 0.0
    for name in FIELDS:
        if _lacks(row, name):
            yield "lacks", name, 0.0
    if row["scan"] is not None:
        yield "scan", ALL, 0.0
        details = row["scan_details"] or {}
        for name in dict.fromkeys((*details.get("degraded", ()), *details.get("orientation", ()))):
            yield "scan", name, 0.0
        if len(details.get("energies", ())) == 1:
            yield "scan", "one_energy", 0.0


def _lacks(row: Mapping[str, Any], name: str) -> bool:
    """A field of a line is lacking where any line lacks it."""
    if name in ("scan", "photo"):
        return row[name] is None
    if name in _FIELDS_OF_CASE:
        return row["declaration"].get(name) in (None, "")
    return any(line.get(name) in (None, "") for line in row["declaration"]["lines"])


def _of_lines(row: Mapping[str, Any], codes: _Codes, day: dt.date) -> Iterator[tuple[str, str, float]]:
    for line in row["declaration"]["lines"]:
        yield "code", codes.state(line["hsk"], day), 0.0


def _of_checks(row: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    for one in row["report"].get("evidence", ()):
        topic = CHECK + one["check"]
        if one["p_value"] is None:
            yield topic, SILENT + one["message"]["id"], 0.0
        else:
            size = (one.get("reference") or {}).get("size", 1)
            yield topic, _bin(P_EDGES, one["p_value"]), 1.0 / max(size, 1)


def _bin(edges: Sequence[float], value: float | None) -> str:
    """The number of a bin, as text; empty where there is no value."""
    return "" if value is None else str(bisect.bisect_left(edges, value))


class _Codes:
    """Which of some codes the imported table holds, and when they were valid."""

    def __init__(self, connection: sa.Connection, wanted: Iterable[str]) -> None:
        self.periods: dict[str, list[tuple[dt.date, dt.date]]] = {}
        given = sorted(wanted)
        for start in range(0, len(given), _MANY):
            some = hsk.c.digits.in_(given[start : start + _MANY])
            for digits, begins, ends in connection.execute(
                sa.select(hsk.c.digits, hsk.c.valid_from, hsk.c.valid_to).where(some)
            ):
                self.periods.setdefault(digits, []).append((begins, ends))
        self.imported = bool(self.periods) or (
            connection.scalar(sa.select(hsk.c.digits).limit(1)) is not None
        )

    def state(self, digits: str, day: dt.date) -> str:
        """`valid`, `not_valid` on that day, `unknown`, or `no_table` where none was imported."""
        if not self.imported:
            return "no_table"
        periods = self.periods.get(digits)
        if periods is None:
            return "unknown"
        return "valid" if any(begins <= day <= ends for begins, ends in periods) else "not_valid"


class Weekly:
    """Reads the cells of one store."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def last_week(self, today: dt.date) -> dt.date | None:
        """The latest week that has a case and does not lie in the future; None where there is none."""
        w = weekly_count.c
        query = sa.select(sa.func.max(w.week)).where(w.topic == "case", w.said == ALL, w.week <= today)
        with self.engine.connect() as connection:
            return connection.scalar(query)

    def between(self, first: dt.date, last: dt.date) -> list[Cell]:
        """The cells of these weeks (Mondays, both included), but for those of importers."""
        w = weekly_count.c
        query = sa.select(weekly_count).where(w.topic != "importer", w.week >= first, w.week <= last)
        with self.engine.connect() as connection:
            return [Cell(*row) for row in connection.execute(query)]

    def newcomers(self, topic: str, first: dt.date, last: dt.date) -> list[tuple[str, dt.date, int, int]]:
        """Of a topic: what was never said before these weeks, with its first week, count and an example."""
        w = weekly_count.c
        query = (
            sa.select(w.said, sa.func.min(w.week), sa.func.sum(w.count), sa.func.max(w.latest))
            .where(w.topic == topic, w.week <= last)
            .group_by(w.said)
            .having(sa.func.min(w.week) >= first)
        )
        with self.engine.connect() as connection:
            return [
                (said, week, int(count), latest) for said, week, count, latest in connection.execute(query)
            ]

    def span(self, topic: str) -> dict[str, tuple[dt.date, dt.date, int]]:
        """Of a topic: all that was ever said, with first week, last week and count."""
        w = weekly_count.c
        query = (
            sa.select(w.said, sa.func.min(w.week), sa.func.max(w.week), sa.func.sum(w.count))
            .where(w.topic == topic)
            .group_by(w.said)
        )
        with self.engine.connect() as connection:
            return {row[0]: (row[1], row[2], int(row[3])) for row in connection.execute(query)}
