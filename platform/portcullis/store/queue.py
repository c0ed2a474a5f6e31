"""The queue of cases: one row for each assessment with what a list shows and filters by.

It repeats what `assessment` and the casework tables hold, in columns, and may be made anew from them.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sqlalchemy as sa

from fusion.data import Floats
from portcullis.store.accounts import account
from portcullis.store.queue_filter import Filter, TopBy, conditions_of, digits
from portcullis.store.queue_order import Key, Order, behind, closed, keys_of, opened
from portcullis.store.queue_projection import LANES, Lane, Projection, Status, projection, put
from portcullis.store.queue_tables import UNKNOWN, queue, queue_kind, queue_line

__all__ = [
    "LANES",
    "MAX_PAGE",
    "UNKNOWN",
    "Filter",
    "Lane",
    "Order",
    "Page",
    "Projection",
    "Queue",
    "Status",
    "Summary",
    "TopBy",
    "digits",
    "projection",
    "put",
    "queue",
    "queue_kind",
    "queue_line",
]
MAX_PAGE = 200
_FEW = 5_000
_MANY = 500  # values in one question: not every SQLite takes more than 999


@dataclass(frozen=True)
class Summary:
    """One row of the queue."""

    number: int
    id: str
    created_at: dt.datetime
    date: dt.date
    declaration_id: str
    importer: str
    origin: str
    departure: str | None
    goods: str
    hs: str
    lines: int
    band: str
    lane: str
    surprise: float | None
    chance: float | None
    duty_at_stake_usd: float | None
    mismatch: bool
    findings: tuple[str, ...]
    has_scan: bool
    has_photo: bool
    status: str
    assignee: str | None
    result: str | None
    reason: str | None
    version: int


@dataclass(frozen=True)
class Page:
    """Some rows, how many there are in all, and where the next page begins (None: this was the last)."""

    rows: tuple[Summary, ...]
    total: int
    next: str | None


class Queue:
    """Reads the queue of one store."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def page(
        self, wanted: Filter, *, order: Order = Order.SURPRISE, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """One page; a cursor that is none of ours is an `InvalidValue`."""
        worst = _worst(wanted.kinds)
        keys = keys_of(order, worst)
        with self.engine.connect() as connection:
            conditions, total = _narrowed(connection, wanted, worst)
            if cursor is not None:
                conditions.append(behind(keys, opened(cursor, order, keys)))
            if total == 0:
                return Page((), 0, None)
            query = _ranked(conditions, order, worst)
            rows = connection.execute(query.order_by(*_ways(keys, total)).limit(limit + 1)).all()
        more = len(rows) > limit
        rows = rows[:limit]
        last = closed(order, keys, rows[-1]) if more and rows else None
        return Page(tuple(_summary(row) for row in rows), total, last)

    def risks(self, wanted: Filter) -> tuple[Floats, Floats, Floats]:
        """Number, surprise and chance of all wanted cases, each (n,), by rising number; NaN: unknown."""
        with self.engine.connect() as connection:
            conditions = conditions_of(wanted)
            if wanted.top is not None:
                conditions, _ = _narrowed(connection, wanted, _worst(wanted.kinds))
            columns = (queue.c.number, queue.c.surprise, sa.func.coalesce(queue.c.chance, UNKNOWN))
            found = connection.execute(sa.select(*columns).where(*conditions))
            # straight from the driver: a hundred thousand rows as objects take longer than the question
            table = np.array(found.cursor.fetchall(), dtype=np.float64).reshape(-1, 3)
            found.close()
        table = table[np.argsort(table[:, 0])]
        known = np.where(table[:, 1:] == UNKNOWN, np.nan, table[:, 1:])
        return table[:, 0], known[:, 0], known[:, 1]

    def ids(self, numbers: Sequence[int]) -> dict[int, str]:
        """The ids of assessments by their numbers."""
        found: dict[int, str] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(numbers), _MANY):
                some = queue.c.number.in_(numbers[start : start + _MANY])
                query = sa.select(queue.c.number, queue.c.assessment_id).where(some)
                found |= {row.number: row.assessment_id for row in connection.execute(query)}
        return found

    def first(self, wanted: Filter, order: Order, limit: int) -> Iterator[Summary]:
        """The first cases in an order, up to `limit`, read as they are asked for."""
        worst = _worst(wanted.kinds)
        with self.engine.connect().execution_options(yield_per=_MANY) as connection:
            conditions, total = _narrowed(connection, wanted, worst)
            query = _ranked(conditions, order, worst)
            ways = _ways(keys_of(order, worst), min(total, limit))
            for row in connection.execute(query.order_by(*ways).limit(limit)):
                yield _summary(row)

    def kinds(self, wanted: Filter) -> dict[str, int]:
        """How many of the cases that are wanted have a finding of each kind."""
        with self.engine.connect() as connection:
            conditions, _ = _narrowed(connection, wanted, _worst(wanted.kinds))
            query = sa.select(queue_kind.c.kind, sa.func.count()).group_by(queue_kind.c.kind)
            if conditions:
                query = query.where(queue_kind.c.number.in_(sa.select(queue.c.number).where(*conditions)))
            return {kind: int(count) for kind, count in connection.execute(query)}

    def days(self) -> tuple[dt.date, dt.date] | None:
        """The earliest and the latest day of declaration; None of an empty store."""
        with self.engine.connect() as connection:
            first = connection.scalar(sa.select(sa.func.min(queue.c.date)))
            last = connection.scalar(sa.select(sa.func.max(queue.c.date)))
        return None if first is None or last is None else (first, last)

    def known(self, name: str) -> list[str]:
        """The values of a column that some case has, such as `origin`, most frequent first."""
        column = queue.c[name]
        query = sa.select(column).where(column.is_not(None)).group_by(column)
        with self.engine.connect() as connection:
            return list(connection.scalars(query.order_by(sa.func.count().desc(), column)))

    def get(self, assessment_id: str) -> Summary | None:
        """The row of one assessment."""
        query = _rows().where(queue.c.assessment_id == assessment_id)
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _summary(row)

    def rows(self, assessment_ids: Sequence[str]) -> dict[str, Summary]:
        """The rows of some assessments, by their ids; those that do not exist are left out."""
        query = _rows()
        found: dict[str, Summary] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(assessment_ids), _MANY):
                some = queue.c.assessment_id.in_(assessment_ids[start : start + _MANY])
                found |= {row.assessment_id: _summary(row) for row in connection.execute(query.where(some))}
        return found


def _rows() -> sa.Select[Any]:
    """Rows of the queue with the name of whoever works on the case."""
    return sa.select(queue, account.c.name.label("assignee")).join(
        account, account.c.id == queue.c.assignee_id, isouter=True
    )


def _ranked(
    conditions: Sequence[sa.ColumnElement[bool]], order: Order, worst: sa.Subquery | None
) -> sa.Select[Any]:
    """Rows that meet the conditions, with what the order needs."""
    query = _rows().where(*conditions)
    if worst is None or order is not Order.FINDING:
        return query
    return query.join(worst, worst.c.number == queue.c.number).add_columns(worst.c.odd)


def _ways(keys: Sequence[Key], total: int) -> list[sa.ColumnElement[Any]]:
    """What to order by. Few cases are sorted: an order's index leads past nearly all others to them."""
    ways = [key.expression + 0 if total < _FEW else key.expression for key in keys]
    return [way.desc() if key.falls else way for key, way in zip(keys, ways, strict=True)]


def _worst(kinds: Sequence[str]) -> sa.Subquery | None:
    """Number of each case with a finding of these kinds, and the surprise (`odd`) of the oddest of them."""
    if not kinds:
        return None
    odd = sa.func.max(queue_kind.c.surprise).label("odd")
    query = sa.select(queue_kind.c.number, odd).where(queue_kind.c.kind.in_(kinds))
    return query.group_by(queue_kind.c.number).subquery("worst")


def _narrowed(
    connection: sa.Connection, wanted: Filter, worst: sa.Subquery | None
) -> tuple[list[sa.ColumnElement[bool]], int]:
    """All conditions, `top` included, and how many cases meet them."""
    conditions = conditions_of(wanted)
    if wanted.top is None:
        return conditions, _count(connection, conditions)
    by_kinds = wanted.top_by is TopBy.KINDS and worst is not None
    population = conditions_of(replace(wanted, kinds=())) if by_kinds else conditions
    count = math.ceil(wanted.top * _count(connection, population))
    if count == 0:
        return [sa.false()], 0
    odd: sa.ColumnElement[float] = worst.c.odd if by_kinds and worst is not None else queue.c.surprise
    ordered = sa.select(odd.label("odd"), queue.c.number).where(*conditions)
    if by_kinds and worst is not None:
        ordered = ordered.join(worst, worst.c.number == queue.c.number)
    ordered = ordered.order_by(odd.desc(), queue.c.number.desc())
    last = connection.execute(ordered.offset(count - 1).limit(1)).one_or_none()
    if last is None:  # fewer have such a finding than so large a share
        return conditions, _count(connection, conditions)
    if by_kinds and worst is not None:
        within = sa.or_(odd > last.odd, sa.and_(odd == last.odd, worst.c.number >= last.number))
        return [*conditions, queue.c.number.in_(sa.select(worst.c.number).where(within))], count
    within = sa.or_(odd > last.odd, sa.and_(odd == last.odd, queue.c.number >= last.number))
    # the first condition lets an index find the few rows that the second one chooses from
    return [*conditions, queue.c.surprise >= last.odd, within], count


def _count(connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]]) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(queue).where(*conditions)) or 0)


def _summary(row: Any) -> Summary:
    values = row._mapping
    same = {
        name: values[name]
        for name in Summary.__dataclass_fields__
        if name not in ("id", "created_at", "surprise", "findings")
    }
    return Summary(
        id=row.assessment_id,
        created_at=row.created_at.replace(tzinfo=dt.UTC),
        surprise=None if row.surprise == UNKNOWN else row.surprise,
        findings=tuple(json.loads(row.kinds)),
        **same,
    )
