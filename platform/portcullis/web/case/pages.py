"""One consignment on one page. A route parses, calls the service, renders."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from portcullis.api.access import Serving
from portcullis.identity.permissions import Permission
from portcullis.service import Service
from portcullis.web.case.contexts import CasePage
from portcullis.web.case.queue_place import QueuePlace
from portcullis.web.case.work import Work, WorkPart
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import Pages, ReadingFrame, Showing

router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = (CasePage,)
PARTS: tuple[type[Part], ...] = (WorkPart,)
Seen = Annotated[int | None, Query(ge=0, le=2**31 - 1)]


@router.get("/assessments/{assessment_id}")
def case(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ReadingFrame,
    assessment_id: str,
    line: Annotated[int | None, Query(ge=1, le=999)] = None,
    origin: Annotated[str | None, Query(alias="from")] = None,
) -> Response:
    """One case; line: the one that is looked at; from: the query of the queue that it was opened from."""
    found = service.assessment(assessment_id)
    page = CasePage.of(
        found,
        frame,
        pages.zone,
        wording=service.wording(found, frame.language),
        expected=service.insight.scans.expected_density(found) if found.scan else None,
        work=_work(service, pages, frame, found.id),
        line=line,
        place=QueuePlace.of(service, origin, found.id, frame.who.name),
    )
    return pages.show(request, page)


@router.get("/assessments/{assessment_id}/work")
def work(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ReadingFrame,
    assessment_id: str,
    seen: Seen = None,
) -> Response:
    """Where the case stands now, and what was done since the version that the visitor saw."""
    part = WorkPart(
        language=frame.language,
        work=_work(service, pages, frame, assessment_id, seen),
        may_work=frame.may(Permission.WORK_CASES),
    )
    return pages.show(request, part)


def _work(service: Service, pages: Pages, frame: Frame, assessment_id: str, seen: int | None = None) -> Work:
    case, history = service.case(assessment_id), service.casework.history(assessment_id)
    return Work.of(case, history, frame.language, pages.zone, me=frame.who.name, seen=seen)
