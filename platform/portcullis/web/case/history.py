"""What happened to a case and to ones like it: pieces of its page, fetched when they are looked at."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.api.documents import Id
from portcullis.api.problems import status_of
from portcullis.insight.past import By
from portcullis.service import Service
from portcullis.store.casework import Noted
from portcullis.web.case.audit import AuditPart
from portcullis.web.case.past import PastPart
from portcullis.web.case.route import RoutePart
from portcullis.web.case.timeline import TimelinePart
from portcullis.web.case.trend import TrendPart
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import Pages, ReadingFrame, Showing, WorkingFrame

SHOWN = 50  # earlier cases
router = APIRouter(prefix="/assessments/{assessment_id}/parts", include_in_schema=False)
PAGES: tuple[type[Page], ...] = ()
PARTS: tuple[type[Part], ...] = (TimelinePart, PastPart, RoutePart, TrendPart, AuditPart)
Line = Annotated[int, Query(ge=1, le=999)]


@router.get("/timeline")
def timeline(
    request: Request, pages: Showing, service: Serving, frame: ReadingFrame, assessment_id: Id
) -> Response:
    """All that was done with the case."""
    return pages.show(request, _timeline(pages, service, frame, assessment_id))


@router.post("/timeline")
def note(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: WorkingFrame,
    assessment_id: Id,
    text: Annotated[str, Form()] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Write a note; what is wrong with it is said beside it, with the text as it was."""
    try:
        key = f"note:{once}" if once else None
        service.work(assessment_id, Noted(text=text.replace("\r\n", "\n")), frame.who, key=key)
    except CustomsError as error:
        part = _timeline(pages, service, frame, assessment_id, text=text, problems=error.problems)
        return pages.show(request, part, status_of(error))
    return pages.show(request, _timeline(pages, service, frame, assessment_id))


@router.get("/past")
def past(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ReadingFrame,
    assessment_id: Id,
    by: By = By.ITEM,
    line: Line = 1,
) -> Response:
    """Earlier cases of the same item, importer or route."""
    found = service.assessment(assessment_id)
    cases = service.insight.past.cases(found, by, line=line, limit=SHOWN)
    return pages.show(request, PastPart.of(found, cases, frame.language, line=line))


@router.get("/route")
def route(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ReadingFrame,
    assessment_id: Id,
    line: Line = 1,
) -> Response:
    """The way of the goods, and the usual ones."""
    found = service.assessment(assessment_id)
    way = service.insight.route.route(found, frame.language, line=line)
    return pages.show(request, RoutePart.of(found, way, frame.language, line=line))


@router.get("/trend")
def trend(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ReadingFrame,
    assessment_id: Id,
    line: Line = 1,
    everywhere: bool = False,
) -> Response:
    """The item's trade month by month, and where the declaration lies on it."""
    found = service.assessment(assessment_id)
    series = service.insight.series.of_lines(found, line, everywhere=everywhere)[0]
    return pages.show(request, TrendPart.of(found, series, frame.language, everywhere=everywhere))


@router.get("/audit")
def audit(
    request: Request, pages: Showing, service: Serving, frame: ReadingFrame, assessment_id: Id
) -> Response:
    """The audit log's entries about the case, each one checked now."""
    found = service.assessment(assessment_id)
    return pages.show(request, AuditPart.of(found.id, service.audit, frame.language, pages.zone))


def _timeline(
    pages: Pages,
    service: Service,
    frame: Frame,
    assessment_id: str,
    *,
    text: str = "",
    problems: tuple[Problem, ...] = (),
) -> TimelinePart:
    found = service.assessment(assessment_id)
    return TimelinePart.of(
        found,
        service.casework.history(found.id),
        service.alerting.alerts.about(found.id),
        service.audit.about(found.id),
        frame,
        pages.zone,
        once=secrets.token_hex(16),
        text=text,
        problems=problems,
    )
