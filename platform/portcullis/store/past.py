"""Earlier cases of the same item or importer: assessments stored here and declarations that were imported.

Earlier is by the day of declaration, of one day by the order of assessment; an imported line that was
assessed here too is listed once, as the assessment.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from portcullis.store import official
from portcullis.store.casework import decision, outcome
from portcullis.store.queue import UNKNOWN, queue, queue_line
from portcullis.store.trade import begins

_MANY = 500  # values in one question: not every SQLite takes more than 999
ASSESSED, IMPORTED = "assessment", "import"


@dataclass(frozen=True)
class Case:
    """The case that earlier ones are looked up for; it is never among them."""

    number: int
    declaration_id: str
    date: dt.date


@dataclass(frozen=True)
class OfItem:
    """Lines whose code begins with these digits."""

    prefix: str


@dataclass(frozen=True)
class OfImporter:
    """Lines of one importer, by the name as it is written."""

    name: str


@dataclass(frozen=True)
class OfRoute:
    """Lines from one origin by one country of departure; None: by any, also an unknown one."""

    origin: str
    departure: str | None


Wanted = OfItem | OfImporter | OfRoute


@dataclass(frozen=True)
class Ended:
    """What an inspection found; reason: its code, for imported lines `imported` or `imported_critical`.

    result: as of `casework.Result`; at: when it was recorded, None where a file gave it.
    """

    result: str
    reason: str
    found_hs: str | None = None
    at: dt.datetime | None = None


@dataclass(frozen=True)
class PastLine:
    """One line of an earlier case. id: of the assessment, None of an imported one.

    unit: of the unit value, such as `USD/kg`. surprise: None where no check could speak, or on imported ones.
    """

    source: str
    id: str | None
    number: int | None
    declaration_id: str
    line: int
    date: dt.date
    importer: str | None
    goods: str | None
    hs: str
    origin: str | None
    departure: str | None
    unit_value: float | None
    unit: str
    band: str | None
    surprise: float | None
    decision: tuple[str, str] | None
    outcome: Ended | None


@dataclass(frozen=True)
class Counts:
    """cases: declarations; inspected: those with a settled outcome; causes: reasons of discrepancies."""

    cases: int
    inspected: int
    discrepancies: int
    causes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Way:
    """How many earlier cases came this way."""

    origin: str | None
    departure: str | None
    mode: str | None
    count: int


class Past:
    """The earlier cases of one store."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def lines(self, wanted: Wanted, before: Case, limit: int) -> list[PastLine]:
        """The newest earlier lines."""
        with self.engine.connect() as connection:
            found = [
                *_assessed(connection, wanted, before, limit),
                *_imported(connection, wanted, before, limit),
            ]
        found.sort(
            key=lambda line: (line.date, line.number or 0, line.declaration_id, line.line), reverse=True
        )
        return found[:limit]

    def counts(self, wanted: Wanted, before: Case) -> Counts:
        """Of all earlier cases."""
        q, d = queue.c, official.declarations.c
        here = sa.select(q.result, q.reason, sa.func.count()).where(*_of_queue(wanted), *_earlier(before))
        there = sa.select(d.fraud, d.critical_fraud, sa.func.count(d.declaration_id.distinct()))
        there = there.where(*_of_import(wanted, before))
        cases = inspected = 0
        causes: Counter[str] = Counter()
        with self.engine.connect() as connection:
            for result, reason, count in connection.execute(here.group_by(q.result, q.reason)):
                cases += count
                inspected += count if result in ("as_declared", "discrepancy") else 0
                causes[reason] += count if result == "discrepancy" else 0
            for fraud, critical, count in connection.execute(there.group_by(d.fraud, d.critical_fraud)):
                cases += count
                ended = _ended(fraud, critical)
                inspected += count if ended is not None else 0
                if ended is not None and ended.result == "discrepancy":
                    causes[ended.reason] += count
        causes = +causes
        return Counts(cases, inspected, causes.total(), tuple(causes.most_common()))

    def ways(self, wanted: Wanted, before: Case) -> list[Way]:
        """How they came, the commonest first."""
        q, d = queue.c, official.declarations.c
        here = sa.select(q.origin, q.departure, q.mode, sa.func.count())
        here = here.where(*_of_queue(wanted), *_earlier(before)).group_by(q.origin, q.departure, q.mode)
        there = sa.select(d.origin, d.departure, d.mode, sa.func.count(d.declaration_id.distinct()))
        there = there.where(*_of_import(wanted, before)).group_by(d.origin, d.departure, d.mode)
        found: Counter[tuple[str | None, str | None, str | None]] = Counter()
        with self.engine.connect() as connection:
            for query in (here, there):
                for *way, count in connection.execute(query):
                    found[tuple(way)] += count
        return [Way(*way, count) for way, count in found.most_common()]

    def outcomes(self, assessment_ids: Iterable[str]) -> dict[str, Ended]:
        """The latest outcome of each assessment that has one."""
        ids = list(assessment_ids)
        with self.engine.connect() as connection:
            parts = [_outcomes(connection, ids[i : i + _MANY]) for i in range(0, len(ids), _MANY)]
        return {name: ended for part in parts for name, ended in part.items()}


def _assessed(connection: sa.Connection, wanted: Wanted, before: Case, limit: int) -> list[PastLine]:
    q, of = queue.c, queue_line.c
    of_line = begins(of.hs, wanted.prefix) if isinstance(wanted, OfItem) else _of_queue(wanted)
    query = (
        sa.select(queue, of.line, of.hs.label("declared"), of.usd_per_kg)
        .join(queue_line, of.number == q.number)
        .where(*of_line, *_earlier(before))
        .order_by(q.date.desc(), q.number.desc(), of.line)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    ids = [row.assessment_id for row in rows]
    decided, ended = _decisions(connection, ids), _outcomes(connection, ids)
    return [
        PastLine(
            ASSESSED,
            row.assessment_id,
            row.number,
            row.declaration_id,
            row.line,
            row.date,
            row.importer,
            row.goods if row.line == 1 else None,
            row.declared,
            row.origin,
            row.departure,
            row.usd_per_kg,
            "USD/kg",
            row.band,
            None if row.surprise == UNKNOWN else row.surprise,
            decided.get(row.assessment_id),
            ended.get(row.assessment_id),
        )
        for row in rows
    ]


def _imported(connection: sa.Connection, wanted: Wanted, before: Case, limit: int) -> list[PastLine]:
    d = official.declarations.c
    query = (
        sa.select(official.declarations)
        .where(*_of_import(wanted, before))
        .order_by(d.date.desc(), d.declaration_id.desc(), d.line)
        .limit(limit)
    )
    return [
        PastLine(
            IMPORTED,
            None,
            None,
            row.declaration_id,
            row.line,
            row.date,
            row.importer,
            row.name,
            row.hs,
            row.origin,
            row.departure,
            float(Decimal(row.value)) / row.net_kg if row.net_kg > 0 else None,
            f"{row.currency}/kg",
            None,
            None,
            None,
            _ended(row.fraud, row.critical_fraud),
        )
        for row in connection.execute(query)
    ]


def _of_queue(wanted: Wanted) -> Sequence[sa.ColumnElement[bool]]:
    if isinstance(wanted, OfImporter):
        return (queue.c.importer == wanted.name,)
    if isinstance(wanted, OfRoute):
        return _on(wanted, queue.c)
    numbers = sa.select(queue_line.c.number).where(*begins(queue_line.c.hs, wanted.prefix))
    return (queue.c.number.in_(numbers),)


def _on(route: OfRoute, columns: Any) -> Sequence[sa.ColumnElement[bool]]:
    by = () if route.departure is None else (columns.departure == route.departure,)
    return (columns.origin == route.origin, *by)


def _earlier(before: Case) -> Sequence[sa.ColumnElement[bool]]:
    q = queue.c
    same_day = sa.and_(q.date == before.date, q.number < before.number)
    return (sa.or_(q.date < before.date, same_day), q.declaration_id != before.declaration_id)


def _of_import(wanted: Wanted, before: Case) -> Sequence[sa.ColumnElement[bool]]:
    d = official.declarations.c
    of: Sequence[sa.ColumnElement[bool]]
    match wanted:
        case OfImporter():
            of = (d.importer == wanted.name,)
        case OfRoute():
            of = _on(wanted, d)
        case OfItem():
            of = begins(d.hs, wanted.prefix)
    assessed_too = sa.exists().where(queue.c.declaration_id == d.declaration_id)
    return (*of, d.date < before.date, d.declaration_id != before.declaration_id, ~assessed_too)


def _decisions(connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    c = decision.c
    query = sa.select(c.assessment_id, c.decision, c.reason).where(c.assessment_id.in_(ids))
    return {
        row.assessment_id: (row.decision, row.reason) for row in connection.execute(query.order_by(c.number))
    }


def _outcomes(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Ended]:
    c = outcome.c
    query = sa.select(c.assessment_id, c.result, c.reason, c.found_hs, c.at).where(c.assessment_id.in_(ids))
    return {
        row.assessment_id: Ended(row.result, row.reason, row.found_hs, row.at.replace(tzinfo=dt.UTC))
        for row in connection.execute(query.order_by(c.number))
    }


def _ended(fraud: Any, critical: Any) -> Ended | None:
    """The outcome of an imported line; None where its file gives none."""
    if fraud is None:
        return None
    if not fraud:
        return Ended("as_declared", "imported")
    return Ended("discrepancy", "imported_critical" if critical else "imported")
