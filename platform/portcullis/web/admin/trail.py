"""The audit log: who did what, filtered; checked on demand; taken along."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from portcullis.api.access import Serving
from portcullis.identity.permissions import Permission
from portcullis.store.audit import Entry, check_chain
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import AuditFrame, Pages, Showing

MOST, MOST_FAULTS = 100, 50
FAMILIES = (
    *("login", "logout", "account", "key", "policy", "models", "data", "webhook", "view", "selection"),
    *("assess", "decision", "outcome", "note", "assignment", "batch", "goods_list", "export", "backup"),
)
_ABOUT_CASES = ("assess", "decision", "outcome", "note", "assignment", "export")
router = APIRouter(include_in_schema=False)
_Text = Annotated[str, Query(max_length=80)]


@dataclass(frozen=True)
class EntryRow:
    """One entry; details: names and values, long ones cut; case: its subject is a case that may be seen."""

    number: int
    when: str
    actor: str
    action: str
    subject: str
    details: tuple[tuple[str, str], ...]
    case: bool


@dataclass(frozen=True)
class Checked:
    """The result of a check of the whole chain; head: of what was checked, to be written down elsewhere."""

    count: int
    head: str
    seconds: str
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AuditPage(Page):
    """Entries, newest first; more: the address of older ones."""

    template: ClassVar[str] = "admin/audit.html"
    entries: tuple[EntryRow, ...]
    actor: str
    action: str
    subject: str
    since: str
    until: str
    more: str
    families: tuple[str, ...] = FAMILIES
    checked: Checked | None = None


PAGES: tuple[type[Page], ...] = (AuditPage,)
PARTS: tuple[type[Part], ...] = ()


@router.get("/admin/audit")
def audit(
    request: Request,
    pages: Showing,
    frame: AuditFrame,
    actor: _Text = "",
    action: _Text = "",
    subject: _Text = "",
    since: _Text = "",
    until: _Text = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """Entries that fit."""
    found = _entries(pages, actor, action, subject, since, until, before)
    asked = (("actor", actor), ("action", action), ("subject", subject), ("since", since), ("until", until))
    kept = [(name, value) for name, value in asked if value]
    more = urlencode([*kept, ("before", found[MOST - 1].number)]) if len(found) > MOST else ""
    page = AuditPage(
        frame=frame,
        entries=_rows(pages, frame, found),
        actor=actor,
        action=action,
        subject=subject,
        since=since,
        until=until,
        more=more,
    )
    return pages.show(request, page)


@router.post("/admin/audit")
def check(request: Request, pages: Showing, service: Serving, frame: AuditFrame) -> Response:
    """Check every entry's hash and signature, from the first to the newest."""
    began = time.perf_counter()
    count, head, faults = 0, "", list[str]()

    def read() -> Iterator[Entry]:
        nonlocal count, head
        for entry in service.audit.entries():
            count, head = count + 1, f"{entry.number}:{entry.hash}"
            yield entry

    for fault in check_chain(read(), service.audit.public_key):
        if len(faults) < MOST_FAULTS:
            faults.append(str(fault))
    checked = Checked(count, head, f"{time.perf_counter() - began:.1f}", tuple(faults))
    return pages.show(request, _empty(pages, frame, checked))


@router.get("/admin/audit/export.jsonl")
def export(service: Serving, frame: AuditFrame) -> StreamingResponse:
    """The whole log, an entry a line, as `portcullis audit` reads it; sent while it is read."""

    def lines() -> Iterator[str]:
        for entry in service.audit.entries():
            yield json.dumps({**vars(entry), "details": entry.values}, ensure_ascii=False) + "\n"

    name = {"Content-Disposition": 'attachment; filename="portcullis-audit.jsonl"'}
    return StreamingResponse(lines(), media_type="application/x-ndjson", headers=name)


def _entries(
    pages: Pages, actor: str, action: str, subject: str, since: str, until: str, before: int | None
) -> list[Entry]:
    return pages.service.audit.newest(
        before,
        MOST + 1,
        actor=actor.strip(),
        action=action.strip(),
        subject=subject.strip(),
        since=_day(pages, since, 0),
        until=_day(pages, until, 1),
    )


def _day(pages: Pages, given: str, days: int) -> str:
    """The begin of a day of the office in UTC, as the log has it; nothing of what is no day."""
    try:
        day = dt.date.fromisoformat(given) + dt.timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    return dt.datetime.combine(day, dt.time(), pages.zone).astimezone(dt.UTC).isoformat()


def _empty(pages: Pages, frame: Frame, checked: Checked) -> AuditPage:
    found = _entries(pages, "", "", "", "", "", None)
    more = urlencode({"before": found[MOST - 1].number}) if len(found) > MOST else ""
    return AuditPage(
        frame=frame,
        entries=_rows(pages, frame, found),
        actor="",
        action="",
        subject="",
        since="",
        until="",
        more=more,
        checked=checked,
    )


def _rows(pages: Pages, frame: Frame, found: Sequence[Entry]) -> tuple[EntryRow, ...]:
    reads = frame.may(Permission.READ_CASES)
    return tuple(
        EntryRow(
            number=entry.number,
            when=f"{dt.datetime.fromisoformat(entry.at).astimezone(pages.zone):%Y-%m-%d %H:%M:%S}",
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            details=tuple((name, _short(value)) for name, value in entry.values.items()),
            case=reads and entry.action in _ABOUT_CASES,
        )
        for entry in found[:MOST]
    )


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    most = 12 if re.fullmatch("[0-9a-f]{64}", text) else 80  # of a hash only as much as the eye compares
    return text if len(text) <= most else f"{text[:most]}…"
