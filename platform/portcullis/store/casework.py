"""What people did with a case: decisions, outcomes, notes, assignments. Only added to, never changed.

The latest decision and the latest outcome count; the queue's row of the case follows them in the same
transaction.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar

import sqlalchemy as sa

from customs.errors import CustomsError, InvalidValue
from portcullis.store.accounts import Account
from portcullis.store.accounts import account as account_table
from portcullis.store.alerts import Alert, AlertKind, Alerts
from portcullis.store.assessments import Box, KeyUsedTwice
from portcullis.store.audit import Act, Audit, digest
from portcullis.store.engine import writing
from portcullis.store.metadata import metadata
from portcullis.store.queue import Status, queue

MAX_NOTE = 4_000


class Decision(StrEnum):
    """What is to happen with the goods."""

    INSPECT = "inspect"
    RELEASE = "release"
    HOLD = "hold"


class Result(StrEnum):
    """What looking at the goods brought."""

    AS_DECLARED = "as_declared"
    DISCREPANCY = "discrepancy"
    INCONCLUSIVE = "inconclusive"


# Reason codes, in the order in which a form shows them; their words are sentences `reason.…`.
DECISION_REASONS: Mapping[Decision, tuple[str, ...]] = MappingProxyType(
    {
        Decision.INSPECT: ("risk", "random", "intelligence", "request"),
        Decision.RELEASE: ("low_risk", "explained", "trusted_trader", "no_capacity"),
        Decision.HOLD: ("documents_missing", "rescan_needed", "expert_needed"),
    }
)
OUTCOME_REASONS: Mapping[Result, tuple[str, ...]] = MappingProxyType(
    {
        Result.AS_DECLARED: ("goods_match", "unusual_but_lawful", "data_error"),
        Result.DISCREPANCY: (
            "undervaluation",
            "overvaluation",
            "misclassification",
            "wrong_origin",
            "wrong_quantity",
            "undeclared_goods",
            "concealed_goods",
            "prohibited_goods",
            "counterfeit",
            "false_documents",
            "other",
        ),
        Result.INCONCLUSIVE: ("not_inspected", "goods_gone", "sample_pending"),
    }
)
_DECIDED = {
    Decision.INSPECT: Status.INSPECTING,
    Decision.RELEASE: Status.RELEASED,
    Decision.HOLD: Status.HELD,
}


def _event(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table of things done to cases: who, when, to which case, and columns of its own."""
    return sa.Table(
        name,
        metadata,
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), nullable=False, index=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),  # which deed on this case it was, from 1
        *columns,
    )


decision = _event(
    "decision",
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)
outcome = _event(
    "outcome",
    sa.Column("result", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("found_hs", sa.String(10)),
    sa.Column("note", sa.Text, nullable=False),
)
note = _event(
    "note",
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("box", sa.JSON(none_as_null=True)),  # top, left, bottom, right on the scan; NULL: no place
)
assignment = _event(
    "assignment",
    sa.Column("assignee_id", sa.Integer, sa.ForeignKey("account.id")),  # NULL: nobody
)
EVENTS = MappingProxyType({t.name: t for t in (decision, outcome, note, assignment)})


class Conflict(CustomsError):
    """Somebody else worked on the case meanwhile, or its state does not allow this."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A decision about a case."""

    table: ClassVar[str] = "decision"
    decision: Decision
    reason: str
    note: str = ""

    def __post_init__(self) -> None:
        _check_reason(self.reason, DECISION_REASONS[self.decision])
        _check_text(self.note, "note")


@dataclass(frozen=True, kw_only=True)
class Found:
    """The outcome of an inspection: two taps, a result and its reason.

    found_hs: the code that the goods turned out to have, digits, where it was another.
    """

    table: ClassVar[str] = "outcome"
    result: Result
    reason: str
    found_hs: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _check_reason(self.reason, OUTCOME_REASONS[self.result])
        _check_text(self.note, "note")
        if self.found_hs is not None:
            from customs.hs import HsCode

            object.__setattr__(self, "found_hs", HsCode.parse(self.found_hs).digits)


@dataclass(frozen=True, kw_only=True)
class Noted:
    """A note on a case. box: the place on the scan that it is about, pixels of the upright scan."""

    table: ClassVar[str] = "note"
    text: str
    box: Box | None = None

    def __post_init__(self) -> None:
        if self.box is not None:
            _check_box(self.box)
        _check_text(self.text, "text")
        if not self.text.strip():
            raise InvalidValue("the note is empty", field="text", remedy="write something")


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """Who is to work on a case; None is nobody."""

    table: ClassVar[str] = "assignment"
    assignee: Account | None


Deed = Decided | Found | Noted | Assigned


@dataclass(frozen=True)
class Event:
    """Something that somebody did with a case. values: the columns of its own, an assignee by name.

    sequence: which deed on its case it was, from 1; the case's version since then.
    """

    id: str
    kind: str
    sequence: int
    at: dt.datetime
    account: str
    values: Mapping[str, Any]


class Casework:
    """What people did with the cases of one store."""

    def __init__(
        self, engine: sa.Engine, audit: Audit, alerts: Alerts, now: Callable[[], dt.datetime]
    ) -> None:
        self.engine = engine
        self.audit = audit
        self.alerts = alerts
        self.now = now

    def add(
        self,
        assessment_id: str,
        deed: Deed,
        account: Account,
        *,
        version: int | None = None,
        key: str | None = None,
    ) -> Event:
        """Store a deed, its audit entry, its alert and the case's new state together.

        version: that of the case which the officer saw; if somebody else worked on it meanwhile, nothing is
        stored. key: the same key with the same deed is stored once.

        Raises:
            KeyError: there is no such assessment.
            Conflict: the version is another, or the case is closed and would be decided anew.
        """
        with writing(self.engine) as connection:
            return self.write(connection, assessment_id, deed, account, version=version, key=key)

    def add_all(
        self, deeds: Mapping[str, Deed], account: Account, *, key: str | None = None
    ) -> dict[str, Event | CustomsError]:
        """Store one deed for each of many cases in one transaction; a case that refuses keeps no other back.

        key: the same key with the same deeds is stored once. Gives by assessment the event, or why there is
        none.
        """
        done: dict[str, Event | CustomsError] = {}
        with writing(self.engine) as connection:
            for assessment_id in sorted(deeds):  # everybody locks cases in the same order
                done[assessment_id] = self.try_write(
                    connection, assessment_id, deeds[assessment_id], account, key=key
                )
        return done

    def try_write(
        self, connection: sa.Connection, assessment_id: str, deed: Deed, account: Account, *, key: str | None
    ) -> Event | CustomsError:
        """As `write`, with what the case refuses as an answer; nothing was written then."""
        own = None if key is None else f"{key}:{assessment_id}"
        try:
            return self.write(connection, assessment_id, deed, account, key=own)
        except KeyError:
            return InvalidValue(f"there is no assessment {assessment_id!r}", field="ids", remedy="load anew")
        except (Conflict, KeyUsedTwice) as error:
            return error

    def write(
        self,
        connection: sa.Connection,
        assessment_id: str,
        deed: Deed,
        account: Account,
        *,
        version: int | None = None,
        key: str | None = None,
    ) -> Event:
        """As `add`, within a `writing` transaction."""
        table = EVENTS[deed.table]
        values = _columns(deed)
        event_id = _id_of(account, key)
        case = connection.execute(
            sa.select(queue.c.number, queue.c.status, queue.c.version, queue.c.declaration_id, queue.c.band)
            .where(queue.c.assessment_id == assessment_id)
            .with_for_update()
        ).one_or_none()
        # not before the case is locked: of two taps at the same moment the second one sees the first
        if key is not None and (earlier := _by_id(connection, event_id)) is not None:
            _check_same(earlier, assessment_id, table, values)
            return _event_of(connection, table, event_id)
        if case is None:
            raise KeyError(assessment_id)
        _check_state(case, deed, version)
        row = {
            "id": event_id,
            "assessment_id": assessment_id,
            "account_id": account.id,
            "at": self.now(),
            "sequence": case.version + 1,
            **values,
        }
        connection.execute(table.insert().values(row))
        connection.execute(
            queue.update()
            .where(queue.c.number == case.number)
            .values(version=case.version + 1, **_state(deed))
        )
        details = {"id": event_id, "sha256": digest_of(table.name, row)}
        self.audit.write(connection, Act(account.name, table.name, assessment_id, details))
        self.alerts.write(connection, *_told(assessment_id, case, deed))
        return _event_of(connection, table, event_id)

    def history(self, assessment_id: str) -> list[Event]:
        """All that was done with a case, oldest first."""
        with self.engine.connect() as connection:
            events = [e for table in EVENTS.values() for e in _events(connection, table, assessment_id)]
        return sorted(events, key=lambda event: event.sequence)


def vouched(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit entry of a row of one of these tables vouches for, as JSON values."""
    table = EVENTS[kind]
    values = {column.name: row[column.name] for column in table.columns if column.name != "number"}
    values["at"] = row["at"].replace(tzinfo=dt.UTC).isoformat()
    if values.get("box", ...) is None:
        del values["box"]  # entries of notes from before notes had places still vouch for them
    return {"kind": kind, **values}


def digest_of(kind: str, row: Mapping[str, Any]) -> str:
    """sha256 of a row of one of these tables, as its audit entry holds it."""
    return digest(vouched(kind, row))


def _columns(deed: Deed) -> dict[str, Any]:
    match deed:
        case Decided():
            return {"decision": deed.decision.value, "reason": deed.reason, "note": deed.note}
        case Found():
            return {
                "result": deed.result.value,
                "reason": deed.reason,
                "found_hs": deed.found_hs,
                "note": deed.note,
            }
        case Noted():
            return {"text": deed.text, "box": None if deed.box is None else list(deed.box)}
        case Assigned():
            return {"assignee_id": None if deed.assignee is None else deed.assignee.id}


def _state(deed: Deed) -> dict[str, Any]:
    """What changes in the queue's row."""
    match deed:
        case Decided():
            return {"status": _DECIDED[deed.decision].value}
        case Found(result=Result.INCONCLUSIVE):
            # nothing is known yet: the case stays open with what was tried
            return {"result": deed.result.value, "reason": deed.reason}
        case Found():
            return {"status": Status.CLOSED.value, "result": deed.result.value, "reason": deed.reason}
        case Noted():
            return {}
        case Assigned():
            return {"assignee_id": None if deed.assignee is None else deed.assignee.id}


def _told(assessment_id: str, case: Any, deed: Deed) -> tuple[Alert, ...]:
    """What others are told of it: never what somebody wrote in their own words."""
    values: dict[str, Any]
    match deed:
        case Decided():
            kind, values = AlertKind.DECIDED, {"decision": deed.decision.value, "reason": deed.reason}
        case Found():
            kind = AlertKind.OUTCOME
            values = {"result": deed.result.value, "reason": deed.reason, "found_hs": deed.found_hs}
        case Assigned():
            name = None if deed.assignee is None else deed.assignee.name
            kind, values = AlertKind.ASSIGNED, {"assignee": name}
        case Noted():
            return ()
    details = {**values, "href": f"/v1/assessments/{assessment_id}"}
    return (Alert(kind, case.declaration_id, details, assessment_id, case.band),)


def _check_state(case: Any, deed: Deed, version: int | None) -> None:
    if version is not None and version != case.version:
        raise Conflict(
            "somebody else worked on this case meanwhile",
            field="version",
            remedy="load the case anew, look at what was done, and decide again",
        )
    if isinstance(deed, Decided) and case.status == Status.CLOSED:
        raise Conflict(
            "this case is closed: its outcome is known",
            field="decision",
            remedy="record another outcome if the first one was wrong",
        )


def _check_same(earlier: Any, assessment_id: str, table: sa.Table, values: Mapping[str, Any]) -> None:
    found, row = earlier
    same = found is table and row["assessment_id"] == assessment_id
    if not same or any(row[name] != value for name, value in values.items()):
        raise KeyUsedTwice


def _id_of(account: Account, key: str | None) -> str:
    """A new id, or the one that this account's key always gives."""
    if key is None:
        return secrets.token_hex(8)
    return hashlib.sha256(f"{account.id}\n{key}".encode()).hexdigest()[:16]


def _by_id(connection: sa.Connection, event_id: str) -> tuple[sa.Table, Mapping[str, Any]] | None:
    for table in EVENTS.values():
        row = connection.execute(sa.select(table).where(table.c.id == event_id)).one_or_none()
        if row is not None:
            return table, dict(row._mapping)
    return None


def _event_of(connection: sa.Connection, table: sa.Table, event_id: str) -> Event:
    return next(_read(connection, table, table.c.id == event_id))


def _events(connection: sa.Connection, table: sa.Table, assessment_id: str) -> list[Event]:
    return list(_read(connection, table, table.c.assessment_id == assessment_id))


def _read(connection: sa.Connection, table: sa.Table, wanted: sa.ColumnElement[bool]) -> Any:
    by = account_table.alias("by")
    query = sa.select(table, by.c.name.label("by")).join(by, by.c.id == table.c.account_id)
    if table is assignment:
        to = account_table.alias("to")
        query = query.add_columns(to.c.name.label("assignee")).join(
            to, to.c.id == table.c.assignee_id, isouter=True
        )
    common = {"number", "id", "assessment_id", "account_id", "at", "sequence", "by", "assignee_id"}
    for row in connection.execute(query.where(wanted).order_by(table.c.number)):
        values = {name: value for name, value in row._mapping.items() if name not in common}
        yield Event(row.id, table.name, row.sequence, row.at.replace(tzinfo=dt.UTC), row.by, values)


def _check_reason(reason: str, known: tuple[str, ...]) -> None:
    if reason not in known:
        raise InvalidValue(f"got {reason!r}", field="reason", remedy=f"give one of {', '.join(known)}")


def _check_box(box: Box) -> None:
    top, left, bottom, right = box
    if not (0 <= top < bottom and 0 <= left < right):
        raise InvalidValue(
            f"got {list(box)}",
            field="box",
            remedy="give top, left, bottom, right with top above bottom and left before right",
        )


def _check_text(text: str, field: str) -> None:
    if len(text) > MAX_NOTE:
        raise InvalidValue(
            f"the text has {len(text):,} characters", field=field, remedy=f"write at most {MAX_NOTE:,}"
        )
