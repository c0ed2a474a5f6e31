"""`/v1/assessments/{id}/…`: decide, record an outcome in two taps, note, assign, and what was done before."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from customs.evidence import Message
from customs.sentences import Language, render
from portcullis.api.access import ReadingCases, Serving, Speaking, WorkingCases
from portcullis.api.documents import Id, Text
from portcullis.api.problems import documented
from portcullis.service import Service
from portcullis.store.accounts import Account
from portcullis.store.casework import (
    DECISION_REASONS,
    MAX_NOTE,
    OUTCOME_REASONS,
    Assigned,
    Decided,
    Decision,
    Deed,
    Event,
    Found,
    Noted,
    Result,
)

router = APIRouter(prefix="/v1", tags=["casework"])
_ERRORS = documented(400, 401, 403, 404, 409, 422)
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
Note = Annotated[Text, Field(max_length=MAX_NOTE)]
Pixel = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _Body(BaseModel):
    """version: of the case as the officer saw it; another one is a 409. Null does not look."""

    model_config = ConfigDict(extra="forbid")
    version: int | None = Field(default=None, ge=0, le=2**31 - 1)


class DecisionBody(_Body):
    """What is to happen with the goods, and why."""

    decision: Decision
    reason: Annotated[Text, Field(max_length=32)]
    note: Note = ""


class OutcomeBody(_Body):
    """What looking at the goods brought: a result and its reason; found_hs: the code they really have."""

    result: Result
    reason: Annotated[Text, Field(max_length=32)]
    found_hs: Annotated[Text, Field(max_length=20)] | None = None
    note: Note = ""


class NoteBody(_Body):
    """A note; box: top, left, bottom, right of its place on the scan, pixels of the upright scan."""

    text: Annotated[Text, Field(min_length=1, max_length=MAX_NOTE)]
    box: Annotated[list[Pixel], Field(min_length=4, max_length=4)] | None = None


class AssignmentBody(_Body):
    """Who is to work on the case, by account name; null is nobody."""

    assignee: Annotated[Text, Field(min_length=1, max_length=64)] | None


class EventDocument(BaseModel):
    """One thing that was done with a case. sequence: the version of the case since then.

    box: the place on the scan that a note is about, as it was given.
    """

    model_config = ConfigDict(extra="forbid")
    id: str
    kind: str
    sequence: int
    at: dt.datetime
    account: str
    decision: str | None = None
    result: str | None = None
    reason: str | None = None
    reason_words: str | None = None
    found_hs: str | None = None
    note: str | None = None
    text: str | None = None
    box: Annotated[list[int], Field(min_length=4, max_length=4)] | None = None
    assignee: str | None = None


class CaseworkDocument(BaseModel):
    """Where a case stands, and all that was done with it, oldest first."""

    model_config = ConfigDict(extra="forbid")
    id: str
    status: str
    version: int
    assignee: str | None
    result: str | None
    reason: str | None
    events: list[EventDocument]


class ReasonDocument(BaseModel):
    """A reason code with its words."""

    code: str
    words: str


class ReasonsDocument(BaseModel):
    """The reason codes of every decision and every result, in the order in which a form shows them."""

    decisions: dict[str, list[ReasonDocument]]
    outcomes: dict[str, list[ReasonDocument]]


@router.get("/reasons", responses=documented(401, 403))
def reasons(account: ReadingCases, language: Speaking) -> ReasonsDocument:
    """Reason codes for decisions and outcomes."""

    def worded(codes: tuple[str, ...]) -> list[ReasonDocument]:
        return [ReasonDocument(code=code, words=reason_words(code, language)) for code in codes]

    return ReasonsDocument(
        decisions={d.value: worded(codes) for d, codes in DECISION_REASONS.items()},
        outcomes={r.value: worded(codes) for r, codes in OUTCOME_REASONS.items()},
    )


@router.get("/assessments/{assessment_id}/casework", responses=documented(401, 403, 404, 422))
def casework(
    service: Serving, account: ReadingCases, assessment_id: Id, language: Speaking
) -> CaseworkDocument:
    """Where the case stands and what was done with it."""
    case = service.case(assessment_id)
    return CaseworkDocument(
        id=case.id,
        status=case.status,
        version=case.version,
        assignee=case.assignee,
        result=case.result,
        reason=case.reason,
        events=[_event(event, language) for event in service.casework.history(case.id)],
    )


@router.post("/assessments/{assessment_id}/decisions", status_code=201, responses=_ERRORS)
def decide(
    service: Serving,
    account: WorkingCases,
    assessment_id: Id,
    body: DecisionBody,
    language: Speaking,
    key: Key = None,
) -> EventDocument:
    """Inspect, release or hold. A case whose outcome is known is not decided again."""
    deed = Decided(decision=body.decision, reason=body.reason, note=body.note)
    return _done(service, assessment_id, deed, account, body, key, language)


@router.post("/assessments/{assessment_id}/outcomes", status_code=201, responses=_ERRORS)
def record(
    service: Serving,
    account: WorkingCases,
    assessment_id: Id,
    body: OutcomeBody,
    language: Speaking,
    key: Key = None,
) -> EventDocument:
    """What looking at the goods brought; a later outcome corrects an earlier one, and both stay."""
    deed = Found(result=body.result, reason=body.reason, found_hs=body.found_hs, note=body.note)
    return _done(service, assessment_id, deed, account, body, key, language)


@router.post("/assessments/{assessment_id}/notes", status_code=201, responses=_ERRORS)
def write_note(
    service: Serving,
    account: WorkingCases,
    assessment_id: Id,
    body: NoteBody,
    language: Speaking,
    key: Key = None,
) -> EventDocument:
    """Write a note, of the whole case or of a place on its scan."""
    top, left, bottom, right = body.box or (0, 0, 0, 0)
    box = None if body.box is None else (top, left, bottom, right)
    return _done(service, assessment_id, Noted(text=body.text, box=box), account, body, key, language)


@router.post("/assessments/{assessment_id}/assignments", status_code=201, responses=_ERRORS)
def assign(
    service: Serving,
    account: WorkingCases,
    assessment_id: Id,
    body: AssignmentBody,
    language: Speaking,
    key: Key = None,
) -> EventDocument:
    """Give the case to somebody who may work on it, or to nobody."""
    assignee = None if body.assignee is None else service.officer(body.assignee)
    return _done(service, assessment_id, Assigned(assignee=assignee), account, body, key, language)


def reason_words(code: str, language: Language) -> str:
    """A reason code in words."""
    return render(Message(id=f"reason.{code}"), language)


def _done(
    service: Service,
    assessment_id: str,
    deed: Deed,
    account: Account,
    body: _Body,
    key: str | None,
    language: Language,
) -> EventDocument:
    done = service.work(assessment_id, deed, account, version=body.version, key=key)
    return _event(done, language)


def _event(event: Event, language: Language) -> EventDocument:
    reason = event.values.get("reason")
    return EventDocument(
        id=event.id,
        kind=event.kind,
        sequence=event.sequence,
        at=event.at,
        account=event.account,
        reason_words=None if reason is None else reason_words(reason, language),
        **event.values,
    )
