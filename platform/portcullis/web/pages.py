"""The pages: the desk, one assessment. A route parses, calls the service, renders."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from customs.errors import CustomsError, Problem
from customs.sentences import LANGUAGES, Language
from portcullis.api.access import (
    LANGUAGE_COOKIE,
    Serving,
    Speaking,
    cookie_account,
    known,
    language_of,
    require_own_page,
)
from portcullis.api.problems import headers_of, status_of
from portcullis.api.upload import Filled, Gone
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.report import check_label
from portcullis.service import Service
from portcullis.store.accounts import Account
from portcullis.store.queue import Filter, Order
from portcullis.web.contexts import AssessmentPage, DeskPage, ErrorPage, ForbiddenPage, LatestRow, Page
from portcullis.web.renderer import Renderer

STATIC = Path(__file__).with_name("static")
LATEST = 50
_YEAR = 365 * 24 * 3600
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class NotSignedIn(Exception):
    """A page that needs an account; the visitor is sent to the login page."""


class NotForThisRole(Exception):
    """A page that is not for this account's role."""

    def __init__(self, account: Account) -> None:
        super().__init__(account.role)
        self.account = account


class Pages:
    """What all pages share: the renderer and the address of the style sheet."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.renderer = Renderer()
        self.zone = ZoneInfo(service.settings.time_zone)

    @cached_property
    def style(self) -> str:
        """Address of the style sheet; it changes with its contents."""
        digest = hashlib.sha256((STATIC / "portcullis.css").read_bytes()).hexdigest()
        return f"/static/portcullis.css?{digest[:12]}"

    def show(self, request: Request, page: Page, status: int = 200) -> Response:
        """Render a page; a language asked for in the address is kept for the next pages."""
        answer = HTMLResponse(self.renderer.html(page), status)
        if request.query_params.get("lang") in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, page.language, max_age=_YEAR, samesite="lax", httponly=True)
        return answer

    def desk(
        self,
        account: Account,
        language: Language,
        *,
        declaration: str = "",
        problems: tuple[Problem, ...] = (),
        files_lost: bool = False,
    ) -> DeskPage:
        """The desk, with what was typed and what is wrong with it."""
        from xray_encoder.reading.names import SUFFIXES

        return DeskPage(
            language=language,
            account=account.name,
            style=self.style,
            checks=tuple(check_label(check, language) for check in self.service.models.checks),
            latest=tuple(
                LatestRow.of(found, language, self.zone)
                for found in self.service.queue.page(Filter(), order=Order.NEWEST, limit=LATEST).rows
            ),
            once=secrets.token_hex(16),
            scan_types=",".join(sorted(SUFFIXES)),
            declaration=declaration,
            problems=problems,
            files_lost=files_lost,
        )

    def error(self, request: Request, status: int, detail: str, problems: tuple[Problem, ...]) -> Response:
        """An error for people."""
        # a store in trouble must not be asked again for who looks at the page that says so
        asks = status not in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE)
        account = cookie_account(request, self.service) if asks else None
        page = ErrorPage(
            language=language_of(request, self.service),
            account=None if account is None else account.name,
            style=self.style,
            status=status,
            title=HTTPStatus(status).phrase,
            detail=detail,
            problems=problems,
        )
        return self.show(request, page, status)


def get_pages(request: Request) -> Pages:
    """The pages of this application."""
    pages: Pages = request.app.state.pages
    return pages


def visitor(request: Request, service: Serving) -> Account:
    """The account of the login cookie; changing requests must come from our own pages."""
    account = cookie_account(request, service)
    if account is None:
        raise NotSignedIn
    if request.method in _CHANGING:
        require_own_page(request)
    return known(request, account)


Visitor = Annotated[Account, Depends(visitor)]


@dataclass(frozen=True)
class Show:
    """The dependency by which a page names its permission, as `Allow` is of the API."""

    permission: Permission

    def __call__(self, account: Visitor) -> Account:
        """The account, if the page is for its role."""
        if self.permission not in PERMISSIONS[account.role]:
            raise NotForThisRole(account)
        return account


Showing = Annotated[Pages, Depends(get_pages)]
AssessingVisitor = Annotated[Account, Depends(Show(Permission.ASSESS))]
ReadingVisitor = Annotated[Account, Depends(Show(Permission.READ_CASES))]
router = APIRouter(include_in_schema=False)


@router.get("/")
def desk(request: Request, pages: Showing, account: AssessingVisitor, language: Speaking) -> Response:
    """The desk."""
    return pages.show(request, pages.desk(account, language))


@router.post("/")
def assess(
    request: Request,
    pages: Showing,
    service: Serving,
    account: AssessingVisitor,
    language: Speaking,
    form: Filled,
    gone: Gone,
) -> Response:
    """Judge what was handed in; what is wrong is shown beside the form, with the text as it was."""
    upload = form.upload
    key = f"page:{form.fields.get('once', '')[:64]}:{upload.sha256}"
    try:
        found = service.assess(upload, account, key, gone)
    except CustomsError as error:
        page = pages.desk(
            account,
            language,
            declaration=upload.declaration.decode("utf-8", errors="replace"),
            problems=error.problems,
            files_lost=bool(upload.scan) or upload.photo is not None,
        )
        answer = pages.show(request, page, status_of(error))
        answer.headers.update(headers_of(error))
        return answer
    return RedirectResponse(f"/assessments/{found.id}", 303)


@router.get("/assessments/{assessment_id}")
def assessment(
    request: Request,
    pages: Showing,
    service: Serving,
    account: ReadingVisitor,
    language: Speaking,
    assessment_id: str,
) -> Response:
    """One assessment."""
    found = service.assessment(assessment_id)
    page = AssessmentPage.of(
        found,
        language,
        pages.zone,
        account=account.name,
        style=pages.style,
        wording=service.wording(found, language),
    )
    return pages.show(request, page)


def add_pages(app: FastAPI) -> None:
    """Add the pages, their style sheet and their errors to the application."""
    app.state.pages = Pages(app.state.service)

    @app.exception_handler(NotSignedIn)
    def to_login(request: Request, error: NotSignedIn) -> Response:
        back = request.url.path if request.method == "GET" else "/"
        asked = request.query_params.get("lang")
        language = f"&lang={asked}" if asked in LANGUAGES else ""
        return RedirectResponse(f"/login?next={quote(back)}{language}", 303)

    @app.exception_handler(NotForThisRole)
    def not_for_you(request: Request, error: NotForThisRole) -> Response:
        pages = get_pages(request)
        page = ForbiddenPage(
            language=language_of(request, pages.service),
            account=error.account.name,
            style=pages.style,
            role=error.account.role.value,
        )
        return pages.show(request, page, 403)

    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
