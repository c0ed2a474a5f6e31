"""The inspector's desk: hand in a consignment. A route parses, calls the service, renders."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from customs.declaration import Mode
from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.api.problems import headers_of, status_of
from portcullis.api.upload import Filled, Gone
from portcullis.consignment import MAX_SCAN_BYTES
from portcullis.report import check_label
from portcullis.service import Service
from portcullis.store.queue import Filter, Order
from portcullis.web.desk.choices import countries, currencies, units
from portcullis.web.desk.contexts import DeskPage, LatestRow
from portcullis.web.desk.sample import Sample, declaration_json
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import AssessingFrame, Pages, Showing

LATEST = 14
router = APIRouter(include_in_schema=False)
PAGES: tuple[type[Page], ...] = (DeskPage,)
PARTS: tuple[type[Part], ...] = ()


@router.get("/desk")
def desk(request: Request, pages: Showing, service: Serving, frame: AssessingFrame) -> Response:
    """The desk."""
    return pages.show(request, _desk(pages, service, frame))


@router.post("/desk")
def assess(
    request: Request, pages: Showing, service: Serving, frame: AssessingFrame, form: Filled, gone: Gone
) -> Response:
    """Judge what was handed in; what is wrong is shown beside the form, with the text as it was."""
    upload = form.upload
    key = f"page:{form.fields.get('once', '')[:64]}:{upload.sha256}"
    try:
        found = service.assess(upload, frame.who, key, gone)
    except CustomsError as error:
        page = _desk(
            pages,
            service,
            frame,
            declaration=upload.declaration.decode("utf-8", errors="replace"),
            problems=error.problems,
            files_lost=bool(upload.scan) or upload.photo is not None,
        )
        answer = pages.show(request, page, status_of(error))
        answer.headers.update(headers_of(error))
        return answer
    return RedirectResponse(f"/assessments/{found.id}", 303)


@router.post("/desk/sample")
def assess_sample(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: AssessingFrame,
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Judge the sample consignment, for a browser that runs no scripts; others load it into the form."""
    upload = Sample.drawn().upload
    found = service.assess(upload, frame.who, f"page:{once}:{upload.sha256}" if once else None)
    return RedirectResponse(f"/assessments/{found.id}", 303)


@router.get("/desk/sample/declaration.json")
def sample_declaration(frame: AssessingFrame) -> Response:
    """The declaration of the sample consignment."""
    return Response(declaration_json(), media_type="application/json")


@router.get("/desk/sample/scan.tif")
def sample_scan(frame: AssessingFrame) -> Response:
    """The scan of the sample consignment: two energies of 16 bits."""
    return Response(Sample.drawn().scan, media_type="image/tiff")


def _desk(
    pages: Pages,
    service: Service,
    frame: Frame,
    *,
    declaration: str = "",
    problems: tuple[Problem, ...] = (),
    files_lost: bool = False,
) -> DeskPage:
    """The desk, with what was typed and what is wrong with it."""
    from xray_encoder.reading.names import SUFFIXES

    return DeskPage(
        frame=frame,
        countries=countries(frame.language),
        currencies=currencies(frame.language),
        units=units(frame.language),
        modes=tuple(mode.value for mode in Mode),
        today=dt.datetime.now(pages.zone).date().isoformat(),
        has_table=service.tariff.table() is not None,
        most_scan_bytes=MAX_SCAN_BYTES,
        most_body_bytes=service.settings.max_body_mb * 1024 * 1024,
        checks=tuple(check_label(check, frame.language) for check in service.models.checks),
        latest=tuple(
            LatestRow.of(found, frame.language, pages.zone)
            for found in service.queue.page(Filter(), order=Order.NEWEST, limit=LATEST).rows
        ),
        once=secrets.token_hex(16),
        scan_types=",".join(sorted(SUFFIXES)),
        declaration=declaration,
        problems=problems,
        files_lost=files_lost,
    )
