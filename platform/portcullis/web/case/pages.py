"""One consignment on one page. A route parses, calls the service, renders."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from portcullis.api.access import Serving
from portcullis.web.case.contexts import CasePage
from portcullis.web.frame import Page, Part
from portcullis.web.pages import ReadingFrame, Showing

router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = (CasePage,)
PARTS: tuple[type[Part], ...] = ()


@router.get("/assessments/{assessment_id}")
def case(
    request: Request, pages: Showing, service: Serving, frame: ReadingFrame, assessment_id: str
) -> Response:
    """One case."""
    found = service.assessment(assessment_id)
    wording = service.wording(found, frame.language)
    return pages.show(request, CasePage.of(found, frame, pages.zone, wording=wording))
