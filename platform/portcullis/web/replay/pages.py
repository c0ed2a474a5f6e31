"""The comparison of two settings over a past period. A route parses, calls the service, renders."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.api.problems import status_of
from portcullis.insight.replay import Comparison
from portcullis.store.replays import Period
from portcullis.web.frame import Page, Part
from portcullis.web.pages import BatchFrame, Showing
from portcullis.web.replay.asked import Asked
from portcullis.web.replay.contexts import ReplayPage

router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = (ReplayPage,)
PARTS: tuple[type[Part], ...] = ()


@router.get("/replay")
def replay(request: Request, pages: Showing, service: Serving, frame: BatchFrame) -> Response:
    """The comparison that the address asks for; what is wrong is shown beside its field."""
    desk = service.insight.replay
    asked = Asked.read(request.query_params, desk.bands())
    problems: tuple[Problem, ...] = ()
    found: Comparison | None = None
    period, status = Period(), 200
    try:
        question = asked.question
        period = question.period
        if asked.changed:
            found = desk.compare(period, *desk.settings(question), page=asked.page)
    except CustomsError as error:
        problems, status = error.problems, status_of(error)
    page = ReplayPage.of(
        frame,
        asked,
        in_force=desk.bands(),
        version=service.policy.version,
        shadows=desk.shadows(period),
        zone=pages.zone,
        problems=problems,
        found=found,
    )
    return pages.show(request, page, status)
