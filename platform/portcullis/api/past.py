"""`/v1/assessments/{id}/past` and `/route`: earlier cases with what was found, and the way the goods came."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from customs.evidence import Message
from customs.sentences import Language, render
from portcullis.api.access import ReadingCases, Serving, Speaking
from portcullis.api.documents import Id, Sentence
from portcullis.api.problems import documented
from portcullis.insight.past import MOST_PAST, By
from portcullis.store.past import Ended, PastLine

router = APIRouter(prefix="/v1/assessments", tags=["insight"])
Line = Annotated[int, Query(ge=1, le=999, description="Whose item is meant, from 1.")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Worded(_Document):
    """A reason code with its words."""

    code: str
    ko: str
    en: str


class OutcomeOfPast(_Document):
    """What was found: result as of outcomes; at: null where an imported file gave it."""

    result: str
    reason: Worded
    found_hs: str | None
    at: dt.datetime | None


class DecisionOfPast(_Document):
    """What was decided last."""

    decision: str
    reason: Worded


class PastDocument(_Document):
    """One line of an earlier case.

    source: assessment or import. id, href: of the assessment, null for an imported declaration. goods: name
    of the first line or of an imported one. unit: of the unit value.
    """

    source: str
    id: str | None
    href: str | None
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
    decision: DecisionOfPast | None
    outcome: OutcomeOfPast | None


class CauseCount(_Document):
    """How many discrepancies had this cause."""

    reason: Worded
    count: int


class PastCounts(_Document):
    """Of all earlier cases: inspected are those whose outcome is settled."""

    cases: int
    inspected: int
    discrepancies: int
    causes: list[CauseCount]


class PastCasesDocument(_Document):
    """Earlier cases, newest first.

    match: hsk; hs6, where no earlier case has the same ten digits; importer; route, or origin where the case
    declares no departure. value: the code, the importer, or the countries of the route.
    """

    by: By
    match: str
    value: str
    counts: PastCounts
    items: list[PastDocument]


class PlaceDocument(_Document):
    """A country and its middle in degrees, north and east positive."""

    code: str
    ko: str
    en: str
    latitude: float | None
    longitude: float | None


class LegDocument(_Document):
    """A part of the way between the middles of two countries, as the crow flies."""

    start: str
    end: str
    km: int


class UsualRouteDocument(_Document):
    """One route of earlier cases; share: of those whose departure is known."""

    origin: str | None
    departure: str | None
    count: int
    share: float


class UsualDocument(_Document):
    """How earlier cases of the item came.

    match: hsk or hs6. known: cases that name a departure; share: of same_route in them, null without any or
    where this case names none. same_origin, same_mode: of all cases.
    """

    item: str
    match: str
    cases: int
    known: int
    same_route: int
    share: float | None
    same_origin: int
    same_mode: int | None
    routes: list[UsualRouteDocument]


class RouteDocument(_Document):
    """The way of the goods to Korea.

    transit: null if it was not declared. way_km, direct_km: null where a country has no place on the map.
    facts: sentences on the way; none of them is an accusation.
    """

    origin: PlaceDocument
    departure: PlaceDocument | None
    transit: list[PlaceDocument] | None
    destination: PlaceDocument
    mode: str | None
    office: str | None
    container: str | None
    legs: list[LegDocument]
    way_km: int | None
    direct_km: int | None
    usual: UsualDocument
    facts: list[Sentence]


@router.get("/{assessment_id}/past", responses=documented(401, 403, 404, 422))
def past(
    service: Serving,
    account: ReadingCases,
    assessment_id: Id,
    by: By = By.ITEM,
    line: Line = 1,
    limit: Annotated[int, Query(ge=1, le=MOST_PAST)] = 20,
) -> PastCasesDocument:
    """Earlier cases of the same item, importer or route, assessed here or imported, with their outcomes."""
    found = service.insight.past.cases(service.assessment(assessment_id), by, line=line, limit=limit)
    counts = found.counts
    return PastCasesDocument(
        by=found.by,
        match=found.match,
        value=found.value,
        counts=PastCounts(
            cases=counts.cases,
            inspected=counts.inspected,
            discrepancies=counts.discrepancies,
            causes=[CauseCount(reason=reason_words(code), count=n) for code, n in counts.causes],
        ),
        items=[_line(one) for one in found.lines],
    )


@router.get("/{assessment_id}/route", responses=documented(401, 403, 404, 422))
def route(
    service: Serving, account: ReadingCases, assessment_id: Id, language: Speaking, line: Line = 1
) -> RouteDocument:
    """Origin, departure, transit where declared and Korea, with places to draw, and how usual the way is."""
    found = service.insight.route.route(service.assessment(assessment_id), language, line=line)
    facts = [sentence(fact, language) for fact in found.facts]
    names = [name for name in RouteDocument.model_fields if name != "facts"]
    return RouteDocument.model_validate({**{name: getattr(found, name) for name in names}, "facts": facts})


def sentence(message: Message, language: Language) -> Sentence:
    """A message with the sentence it makes."""
    return Sentence(id=message.id, params=message.params, sentence=render(message, language))


def reason_words(code: str) -> Worded:
    """A reason code in both languages."""
    message = Message(id=f"reason.{code}")
    return Worded(code=code, ko=render(message, "ko"), en=render(message, "en"))


def outcome_document(found: Ended | None) -> OutcomeOfPast | None:
    """An outcome with its cause in words."""
    if found is None:
        return None
    return OutcomeOfPast(
        result=found.result, reason=reason_words(found.reason), found_hs=found.found_hs, at=found.at
    )


def _line(found: PastLine) -> PastDocument:
    decided = found.decision
    return PastDocument(
        source=found.source,
        id=found.id,
        href=None if found.id is None else f"/v1/assessments/{found.id}",
        declaration_id=found.declaration_id,
        line=found.line,
        date=found.date,
        importer=found.importer,
        goods=found.goods,
        hs=found.hs,
        origin=found.origin,
        departure=found.departure,
        unit_value=found.unit_value,
        unit=found.unit,
        band=found.band,
        surprise=found.surprise,
        decision=None
        if decided is None
        else DecisionOfPast(decision=decided[0], reason=reason_words(decided[1])),
        outcome=outcome_document(found.outcome),
    )
