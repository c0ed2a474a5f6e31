"""All that was done with a case, oldest first, as a piece of its page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from customs.errors import Problem
from customs.evidence import Message
from customs.sentences import render
from portcullis.store.alerts import AlertKind, StoredAlert
from portcullis.store.assessments import Assessment
from portcullis.store.audit import Entry
from portcullis.store.casework import MAX_NOTE, Event
from portcullis.web.frame import Frame, Part

_EXPORT = "export"


@dataclass(frozen=True)
class Deed:
    """One thing that happened.

    kind: assessed, alert, decision, outcome, note, assignment or export; what: the band, decision, result or
    assignee; reason: in words; found: a code that the goods turned out to have.
    """

    kind: str
    at: dt.datetime
    when: str
    by: str
    what: str = ""
    reason: str = ""
    found: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class TimelinePart(Part):
    """What was done; text and problems: of a note that could not be stored."""

    template: ClassVar[str] = "case/parts/timeline.html"
    id: str
    deeds: tuple[Deed, ...]
    may_note: bool
    once: str
    longest: int
    text: str
    problems: tuple[Problem, ...]

    @classmethod
    def of(
        cls,
        found: Assessment,
        events: Sequence[Event],
        alerts: Sequence[StoredAlert],
        entries: Sequence[Entry],
        frame: Frame,
        zone: dt.tzinfo,
        *,
        once: str,
        text: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> TimelinePart:
        """From what the store holds of a case; deeds that were alerted too stand there once."""

        def when(at: dt.datetime) -> str:
            return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")

        def deed(event: Event) -> Deed:
            values = event.values
            what = values.get("decision") or values.get("result") or values.get("assignee") or ""
            reason = values.get("reason")
            return Deed(
                event.kind,
                event.at,
                when(event.at),
                event.account,
                what=what,
                reason="" if reason is None else render(Message(id=f"reason.{reason}"), frame.language),
                found=values.get("found_hs") or "",
                text=values.get("text") or values.get("note") or "",
            )

        told = [one for one in alerts if one.alert.kind is AlertKind.ASSESSED]
        taken = [(dt.datetime.fromisoformat(e.at), e.actor) for e in entries if e.action == _EXPORT]
        deeds = [
            Deed("assessed", found.created_at, when(found.created_at), found.account, what=found.report.band),
            *(Deed("alert", one.at, when(one.at), "", what=one.alert.band or "") for one in told),
            *(deed(event) for event in events),
            *(Deed(_EXPORT, at, when(at), actor) for at, actor in taken),
        ]
        deeds.sort(key=lambda one: one.at)
        return cls(
            language=frame.language,
            id=found.id,
            deeds=tuple(deeds),
            may_note=frame.may("cases.work"),
            once=once,
            longest=MAX_NOTE,
            text=text,
            problems=problems,
        )
