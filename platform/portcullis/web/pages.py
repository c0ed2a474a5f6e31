"""What all pages share: how they are rendered, who may see them, and what is shown when they cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, ClassVar
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from customs.errors import Problem
from customs.sentences import LANGUAGES
from portcullis.api.access import (
    LANGUAGE_COOKIE,
    Serving,
    cookie_account,
    known,
    language_of,
    require_own_page,
)
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.service import Service
from portcullis.store.accounts import Account
from portcullis.web.built import STATIC, require_built
from portcullis.web.files import PackedFiles
from portcullis.web.frame import Frame, Page, Part, Theme
from portcullis.web.renderer import Renderer

THEME_COOKIE = "portcullis_theme"
_YEAR = 365 * 24 * 3600
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_THEMES: dict[str | None, Theme] = {"light": "light", "dark": "dark"}


class NotSignedIn(Exception):
    """A page that needs an account; the visitor is sent to the login page."""


class NotForThisRole(Exception):
    """A page that is not for this account's role."""

    def __init__(self, account: Account) -> None:
        super().__init__(account.role)
        self.account = account


@dataclass(frozen=True, kw_only=True)
class ForbiddenPage(Page):
    """A page that is not for this role."""

    template: ClassVar[str] = "forbidden.html"
    role: str


@dataclass(frozen=True, kw_only=True)
class ErrorPage(Page):
    """Something that cannot be shown."""

    template: ClassVar[str] = "error.html"
    status: int
    title: str
    detail: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Pages:
    """What all pages share."""

    service: Service
    renderer: Renderer = field(default_factory=Renderer)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Where the office is."""
        return ZoneInfo(self.service.settings.time_zone)

    def frame(self, request: Request, account: Account | None = None) -> Frame:
        """What surrounds the page that this request asks for."""
        return Frame(
            language=language_of(request, self.service),
            here=request.url.path,
            query=tuple(request.query_params.multi_items()),
            theme=_THEMES.get(request.cookies.get(THEME_COOKIE), "system"),
            account=account,
        )

    def show(self, request: Request, page: Page | Part, status: int = 200) -> Response:
        """Render a page; a language asked for in the address is kept for the next pages."""
        answer = HTMLResponse(self.renderer.html(page), status)
        asked = request.query_params.get("lang")
        if asked in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, asked, max_age=_YEAR, samesite="lax", httponly=True)
        return answer

    def error(self, request: Request, status: int, detail: str, problems: tuple[Problem, ...]) -> Response:
        """An error for people."""
        # a store in trouble must not be asked again for who looks at the page that says so
        asks = status not in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE)
        account = cookie_account(request, self.service) if asks else None
        page = ErrorPage(
            frame=self.frame(request, account),
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


Showing = Annotated[Pages, Depends(get_pages)]
Visitor = Annotated[Account, Depends(visitor)]


@dataclass(frozen=True)
class Show:
    """The dependency by which a page names its permission, as `Allow` is of the API."""

    permission: Permission

    def __call__(self, request: Request, pages: Showing, account: Visitor) -> Frame:
        """What surrounds the page, if it is for the visitor's role."""
        if self.permission not in PERMISSIONS[account.role]:
            raise NotForThisRole(account)
        return pages.frame(request, account)


AssessingFrame = Annotated[Frame, Depends(Show(Permission.ASSESS))]
ReadingFrame = Annotated[Frame, Depends(Show(Permission.READ_CASES))]
WorkingFrame = Annotated[Frame, Depends(Show(Permission.WORK_CASES))]
BatchFrame = Annotated[Frame, Depends(Show(Permission.RUN_BATCHES))]
AlertsFrame = Annotated[Frame, Depends(Show(Permission.READ_ALERTS))]
SuggestingFrame = Annotated[Frame, Depends(Show(Permission.SUGGEST_CODES))]
ModelsFrame = Annotated[Frame, Depends(Show(Permission.READ_MODELS))]
SwitchingFrame = Annotated[Frame, Depends(Show(Permission.SWITCH_MODELS))]
PolicyFrame = Annotated[Frame, Depends(Show(Permission.WRITE_POLICIES))]
ImportFrame = Annotated[Frame, Depends(Show(Permission.IMPORT_DATA))]
WebhookFrame = Annotated[Frame, Depends(Show(Permission.MANAGE_WEBHOOKS))]
AuditFrame = Annotated[Frame, Depends(Show(Permission.READ_AUDIT))]
ManagingFrame = Annotated[Frame, Depends(Show(Permission.MANAGE_ACCOUNTS))]
OwnFrame = Annotated[Frame, Depends(Show(Permission.OWN_ACCOUNT))]
PAGES: tuple[type[Page], ...] = (ForbiddenPage, ErrorPage)
PARTS: tuple[type[Part], ...] = ()


def add_errors(app: FastAPI) -> None:
    """Lead strangers to the login, say to others what is not for them, and serve what pages load."""
    require_built()
    app.state.pages = Pages(app.state.service)

    @app.exception_handler(NotSignedIn)
    def to_login(request: Request, error: NotSignedIn) -> Response:
        back = "/"
        if request.method == "GET" and "hx-request" not in request.headers:
            kept = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
            back = request.url.path + (f"?{urlencode(kept)}" if kept else "")
        asked = request.query_params.get("lang")
        language = f"&lang={asked}" if asked in LANGUAGES else ""
        address = f"/login?next={quote(back)}{language}"
        if "hx-request" in request.headers:  # a piece of a page: the whole window has to go there
            return Response(status_code=204, headers={"HX-Redirect": address})
        return RedirectResponse(address, 303)

    @app.exception_handler(NotForThisRole)
    def not_for_you(request: Request, error: NotForThisRole) -> Response:
        pages = get_pages(request)
        frame = pages.frame(request, error.account)
        return pages.show(request, ForbiddenPage(frame=frame, role=error.account.role.value), 403)

    app.mount("/static", PackedFiles(directory=STATIC), name="static")
