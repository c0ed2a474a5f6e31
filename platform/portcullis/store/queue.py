"""The queue of cases: one row for each assessment with what a list shows and filters by.

It repeats what `assessment` and the casework tables hold, in columns, and may be made anew from them.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from customs.errors import InvalidValue
from customs.hs import SEPARATORS
from fusion.policy import Band
from portcullis.store.accounts import account
from portcullis.store.metadata import metadata

UNKNOWN = -1.0  # surprise of a case that no check could judge: last in the order, and never lost from it
MAX_PAGE = 200
_MANY = 500  # values in one question: not every SQLite takes more than 999


def _number(of: str) -> sa.Column[int]:
    return sa.Column("number", sa.Integer, sa.ForeignKey(of), primary_key=True, autoincrement=False)


queue = sa.Table(
    "queue",
    metadata,
    _number("assessment.number"),
    sa.Column("assessment_id", sa.String(16), nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("date", sa.Date, nullable=False, index=True),
    sa.Column("declaration_id", sa.String(64), nullable=False, index=True),
    sa.Column("origin", sa.String(2), nullable=False, index=True),
    sa.Column("departure", sa.String(2)),
    sa.Column("mode", sa.String(8)),
    sa.Column("office", sa.Text),
    sa.Column("importer", sa.Text, nullable=False, index=True),
    sa.Column("declarant", sa.Text),
    sa.Column("goods", sa.Text, nullable=False),  # of the first line
    sa.Column("hs", sa.String(10), nullable=False),  # of the first line
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("kinds", sa.Text, nullable=False),  # of the findings, gravest first: JSON
    sa.Column("band", sa.String(16), nullable=False),
    sa.Column("lane", sa.String(8), nullable=False),
    sa.Column("surprise", sa.Double, nullable=False),
    sa.Column("chance", sa.Double),
    sa.Column("mismatch", sa.Boolean, nullable=False),
    sa.Column("has_scan", sa.Boolean, nullable=False),
    sa.Column("has_photo", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("assignee_id", sa.Integer, sa.ForeignKey("account.id"), index=True),
    sa.Column("result", sa.String(16)),
    sa.Column("reason", sa.String(32)),
    sa.Column("version", sa.Integer, nullable=False),  # how often somebody worked on the case
    sa.Index("ix_queue_surprise_number", "surprise", "number"),
    sa.Index("ix_queue_status_surprise", "status", "surprise"),
)
queue_line = sa.Table(
    "queue_line",
    metadata,
    _number("queue.number"),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),  # from 1
    sa.Column("hs", sa.String(10), nullable=False, index=True),
    sa.Column("usd_per_kg", sa.Double, index=True),  # unit value, where it can be told
)
queue_kind = sa.Table(
    "queue_kind",
    metadata,
    _number("queue.number"),
    sa.Column("kind", sa.String(40), primary_key=True, index=True),
)


class Lane(StrEnum):
    """What a band recommends until somebody decides."""

    INSPECT = "inspect"
    REVIEW = "review"
    RELEASE = "release"


class Status(StrEnum):
    """How far a case has come."""

    NEW = "new"
    HELD = "held"
    INSPECTING = "inspecting"
    RELEASED = "released"
    CLOSED = "closed"


class Order(StrEnum):
    """What comes first in a list; ties go to the newer case, so the order is total."""

    SURPRISE = "surprise"
    CHANCE = "chance"
    NEWEST = "newest"
    OLDEST = "oldest"


LANES: Mapping[Band, Lane] = {
    "critical": Lane.INSPECT,
    "high": Lane.INSPECT,
    "watch": Lane.REVIEW,
    "unknown": Lane.REVIEW,  # silence is no clearance
    "clear": Lane.RELEASE,
}


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
    mismatch: bool
    findings: tuple[str, ...]
    has_scan: bool
    has_photo: bool
    status: str
    assignee: str | None
    result: str | None
    reason: str | None
    version: int


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which cases are wanted; what is None or empty does not narrow.

    since, until: days of declaration, both included. hs: digits that the code of a line begins with. kinds:
    any of these findings. usd_per_kg_from, usd_per_kg_to: unit value of a line. top: only so large a share,
    the most surprising, of what all other fields leave. assignee: an account's name; "" is nobody.
    """

    since: dt.date | None = None
    until: dt.date | None = None
    origin: tuple[str, ...] = ()
    departure: tuple[str, ...] = ()
    hs: str | None = None
    kinds: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    lanes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    mode: str | None = None
    office: str | None = None
    importer: str | None = None
    declarant: str | None = None
    declaration_id: str | None = None
    usd_per_kg_from: float | None = None
    usd_per_kg_to: float | None = None
    least_surprise: float | None = None
    mismatch: bool | None = None
    has_scan: bool | None = None
    has_photo: bool | None = None
    assignee: str | None = None
    result: str | None = None
    top: float | None = None


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
        keys = _KEYS[order]
        conditions = _conditions(wanted)
        with self.engine.connect() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(queue).where(*conditions)) or 0
            if wanted.top is not None:
                total = min(max(math.ceil(wanted.top * total), 0), total)
                conditions = [*conditions, *_within(connection, conditions, total)]
            if cursor is not None:
                conditions.append(_behind(keys, _open(cursor, order)))
            query = (
                sa.select(queue, account.c.name.label("assignee"))
                .join(account, account.c.id == queue.c.assignee_id, isouter=True)
                .where(*conditions)
                .order_by(*(key.expression.desc() if key.falls else key.expression for key in keys))
                .limit(limit + 1)
            )
            rows = connection.execute(query).all()
        more = len(rows) > limit
        rows = rows[:limit]
        last = _closed(order, rows[-1]) if more and rows else None
        return Page(tuple(_summary(row) for row in rows), total, last)

    def get(self, assessment_id: str) -> Summary | None:
        """The row of one assessment."""
        query = (
            sa.select(queue, account.c.name.label("assignee"))
            .join(account, account.c.id == queue.c.assignee_id, isouter=True)
            .where(queue.c.assessment_id == assessment_id)
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _summary(row)

    def rows(self, assessment_ids: Sequence[str]) -> dict[str, Summary]:
        """The rows of some assessments, by their ids; those that do not exist are left out."""
        query = sa.select(queue, account.c.name.label("assignee")).join(
            account, account.c.id == queue.c.assignee_id, isouter=True
        )
        found: dict[str, Summary] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(assessment_ids), _MANY):
                some = queue.c.assessment_id.in_(assessment_ids[start : start + _MANY])
                found |= {row.assessment_id: _summary(row) for row in connection.execute(query.where(some))}
        return found


def put(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter new assessments, given as rows of the table `assessment` with their numbers."""
    if not rows:
        return
    projected = [projection(row) for row in rows]
    connection.execute(queue.insert(), [p.row for p in projected])
    connection.execute(queue_line.insert(), [line for p in projected for line in p.lines])
    kinds = [kind for p in projected for kind in p.kinds]
    if kinds:
        connection.execute(queue_kind.insert(), kinds)


@dataclass(frozen=True)
class Projection:
    """The rows that one assessment has in the queue's tables."""

    row: dict[str, Any]
    lines: list[dict[str, Any]]
    kinds: list[dict[str, Any]]


def projection(row: Mapping[str, Any]) -> Projection:
    """From a row of the table `assessment`."""
    declared, report, number = row["declaration"], row["report"], row["number"]
    kinds = tuple(dict.fromkeys(finding["kind"] for finding in report["findings"]))
    prices = _unit_values(declared, report)
    first = declared["lines"][0]
    return Projection(
        {
            "number": number,
            "assessment_id": row["id"],
            "created_at": row["created_at"],
            "date": dt.date.fromisoformat(declared["date"]),
            "declaration_id": row["declaration_id"],
            **{name: declared.get(name) for name in ("origin", "departure", "mode", "office")},
            **{name: declared.get(name) for name in ("importer", "declarant")},
            "goods": first["name"],
            "hs": first["hsk"],
            "lines": len(declared["lines"]),
            "kinds": json.dumps(kinds),
            "band": row["band"],
            "lane": LANES[row["band"]].value,
            "surprise": UNKNOWN if row["surprise"] is None else row["surprise"],
            "chance": report.get("chance"),
            "mismatch": any(kind.startswith("mismatch.") for kind in kinds),
            "has_scan": row["scan"] is not None,
            "has_photo": row["photo"] is not None,
            "status": Status.NEW.value,
            "assignee_id": None,
            "result": None,
            "reason": None,
            "version": 0,
        },
        [
            {"number": number, "line": i, "hs": line["hsk"], "usd_per_kg": price}
            for i, (line, price) in enumerate(zip(declared["lines"], prices, strict=True), start=1)
        ],
        [{"number": number, "kind": kind} for kind in kinds],
    )


def _unit_values(declared: Mapping[str, Any], report: Mapping[str, Any]) -> list[float | None]:
    """Of each line in USD/kg: as the price check observed it, else from a value in USD."""
    by_line = report["lines"] or [report]
    found: list[float | None] = []
    for line, judged in zip(declared["lines"], by_line, strict=True):
        price = next((e for e in judged["evidence"] if e["check"] == "price.unit_value"), None)
        if price is not None and price["observed"] is not None and price["unit"] == "USD/kg":
            found.append(price["observed"])
        elif line["value"]["currency"] == "USD" and line["net_kg"] > 0:
            found.append(float(line["value"]["amount"]) / line["net_kg"])
        else:
            found.append(None)
    return found


def _conditions(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    q = queue.c
    found: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(q.date >= wanted.since)
    if wanted.until is not None:
        found.append(q.date <= wanted.until)
    for column, values in (
        (q.origin, wanted.origin),
        (q.departure, wanted.departure),
        (q.band, wanted.bands),
        (q.lane, wanted.lanes),
        (q.status, wanted.statuses),
    ):
        if values:
            found.append(column.in_(values))
    for name in ("mode", "office", "declaration_id", "mismatch", "has_scan", "has_photo", "result"):
        if getattr(wanted, name) is not None:
            found.append(q[name] == getattr(wanted, name))
    for name in ("importer", "declarant"):
        if getattr(wanted, name):
            found.append(q[name].icontains(getattr(wanted, name), autoescape=True))
    if wanted.least_surprise is not None:
        found.append(q.surprise >= wanted.least_surprise)
    if wanted.assignee is not None:
        mine = sa.select(account.c.id).where(account.c.name == wanted.assignee)
        found.append(q.assignee_id.is_(None) if wanted.assignee == "" else q.assignee_id.in_(mine))
    if wanted.kinds:
        found.append(q.number.in_(sa.select(queue_kind.c.number).where(queue_kind.c.kind.in_(wanted.kinds))))
    of_line = []
    if wanted.hs:
        of_line.append(queue_line.c.hs.startswith(wanted.hs, autoescape=True))
    if wanted.usd_per_kg_from is not None:
        of_line.append(queue_line.c.usd_per_kg >= wanted.usd_per_kg_from)
    if wanted.usd_per_kg_to is not None:
        of_line.append(queue_line.c.usd_per_kg <= wanted.usd_per_kg_to)
    if of_line:
        found.append(q.number.in_(sa.select(queue_line.c.number).where(*of_line)))
    return found


def _within(
    connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]], count: int
) -> list[sa.ColumnElement[bool]]:
    """Conditions that only the `count` most surprising meet."""
    if count == 0:
        return [sa.false()]
    last = connection.execute(
        sa.select(queue.c.surprise, queue.c.number)
        .where(*conditions)
        .order_by(queue.c.surprise.desc(), queue.c.number.desc())
        .offset(count - 1)
        .limit(1)
    ).one_or_none()
    if last is None:
        return []
    above = queue.c.surprise > last.surprise
    return [sa.or_(above, sa.and_(queue.c.surprise == last.surprise, queue.c.number >= last.number))]


@dataclass(frozen=True)
class _Key:
    """One thing that a list is ordered by."""

    expression: sa.ColumnElement[Any]
    name: str
    falls: bool = True


_CHANCE = sa.func.coalesce(queue.c.chance, UNKNOWN)
_KEYS = {
    Order.SURPRISE: (_Key(queue.c.surprise, "surprise"), _Key(queue.c.number, "number")),
    Order.CHANCE: (
        _Key(_CHANCE, "chance"),
        _Key(queue.c.surprise, "surprise"),
        _Key(queue.c.number, "number"),
    ),
    Order.NEWEST: (_Key(queue.c.number, "number"),),
    Order.OLDEST: (_Key(queue.c.number, "number", falls=False),),
}


def _behind(keys: Sequence[_Key], values: Sequence[float]) -> sa.ColumnElement[bool]:
    """True for rows that come after those values in the order of the keys."""
    ways = []
    for i, (key, value) in enumerate(zip(keys, values, strict=True)):
        same = [k.expression == v for k, v in zip(keys[:i], values[:i], strict=True)]
        ways.append(sa.and_(*same, key.expression < value if key.falls else key.expression > value))
    return sa.or_(*ways)


def _closed(order: Order, row: Any) -> str:
    """The cursor behind a row."""
    values = [UNKNOWN if (v := getattr(row, key.name)) is None else v for key in _KEYS[order]]
    return base64.urlsafe_b64encode(json.dumps([order.value, *values]).encode()).decode().rstrip("=")


def _open(cursor: str, order: Order) -> list[float]:
    try:
        name, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        numbers = [float(v) for v in values]
        if name != order.value or len(numbers) != len(_KEYS[order]) or not all(map(math.isfinite, numbers)):
            raise ValueError
        return [*numbers[:-1], int(_in_range(numbers[-1]))]
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InvalidValue(
            "this cursor is not of such a list",
            field="cursor",
            remedy="send `next` of the page before, with the same order",
        ) from None


def _in_range(number: float) -> float:
    if not 0 <= number < 2**31:
        raise ValueError
    return number


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


def digits(text: str) -> str:
    """Digits of a code or of its beginning, as a filter takes them; dots and dashes fall away."""
    plain = text.strip().translate(SEPARATORS)
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 10):
        raise InvalidValue(f"got {text!r}", field="hs", remedy="give up to ten digits, such as 0303")
    return plain
