"""Where a case stands, and what may be done with it in two taps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from customs.hs import HsCode
from customs.sentences import Language
from portcullis.api.casework import reason_words
from portcullis.store.casework import DECISION_REASONS, OUTCOME_REASONS, Event
from portcullis.store.queue import Summary
from portcullis.web.frame import Part

# In the order of a keyboard's upper row.
_KEYS = "1234567890-="


@dataclass(frozen=True)
class Reason:
    """A reason code, its words, and the key that taps it."""

    code: str
    words: str
    key: str


@dataclass(frozen=True)
class Choice:
    """A decision or a result: the first tap, and the reasons from which the second one picks."""

    value: str
    key: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class DeedRow:
    """Something that was done: kind and value are words of the template; text: a note's, or an assignee."""

    kind: str
    value: str
    reason: str
    text: str
    found_hs: str
    by: str
    when: str

    @classmethod
    def of(cls, event: Event, language: Language, zone: dt.tzinfo) -> DeedRow:
        """From the store's event."""
        values = event.values
        code = values.get("found_hs")
        return cls(
            kind=event.kind,
            value=values.get("decision") or values.get("result") or "",
            reason=reason_words(values["reason"], language) if values.get("reason") else "",
            text=values.get("text") or values.get("note") or values.get("assignee") or "",
            found_hs="" if code is None else str(HsCode(code)),
            by=event.account,
            when=event.at.astimezone(zone).strftime("%m-%d %H:%M"),
        )


@dataclass(frozen=True)
class Work:
    """Where a case stands.

    version: of the case as shown; lane: what its band recommends; decided, found: the latest decision and
    outcome; meanwhile: what others did since the version that somebody had before them, oldest first.
    """

    id: str
    version: int
    lane: str
    status: str
    assignee: str
    is_mine: bool
    decided: DeedRow | None
    found: DeedRow | None
    meanwhile: tuple[DeedRow, ...]
    decisions: tuple[Choice, ...]
    results: tuple[Choice, ...]

    @classmethod
    def of(
        cls,
        case: Summary,
        history: Sequence[Event],
        language: Language,
        zone: dt.tzinfo,
        *,
        me: str,
        seen: int | None = None,
    ) -> Work:
        """From the queue's row and what was done; seen: the version that the visitor had before."""

        def latest(kind: str) -> DeedRow | None:
            found = [event for event in history if event.kind == kind]
            return DeedRow.of(found[-1], language, zone) if found else None

        return cls(
            id=case.id,
            version=case.version,
            lane=case.lane,
            status=case.status,
            assignee=case.assignee or "",
            is_mine=case.assignee == me,
            decided=latest("decision"),
            found=latest("outcome"),
            meanwhile=tuple(
                DeedRow.of(event, language, zone)
                for event in history
                if seen is not None and event.sequence > seen
            ),
            decisions=_choices(DECISION_REASONS.items(), language),
            results=_choices(OUTCOME_REASONS.items(), language),
        )


@dataclass(frozen=True, kw_only=True)
class WorkPart(Part):
    """Where a case stands and what may be done, after something was done."""

    template: ClassVar[str] = "case/work_part.html"
    work: Work
    may_work: bool


def _choices(all_: Iterable[tuple[str, tuple[str, ...]]], language: Language) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            str(value),
            _KEYS[i],
            tuple(
                Reason(code, reason_words(code, language), key)
                for code, key in zip(codes, _KEYS, strict=False)
            ),
        )
        for i, (value, codes) in enumerate(all_)
    )
