"""The pages to sign in and out: by name and password, or at a provider."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from portcullis.api.access import Serving, client_address, require_own_page, session_cookie
from portcullis.identity import AccountDisabled, LoginRefused, TooManyFailures
from portcullis.identity.session import COOKIE, cookie_name
from portcullis.service import NotFound, Service
from portcullis.web.frame import Page, Part
from portcullis.web.pages import Pages, Showing, Visitor

NOTE_COOKIE = "portcullis_sign_in"
_RETURN = "/login/provider/return"
_LONGEST = 4_000
log = logging.getLogger("portcullis")
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class LoginPage(Page):
    """The form to sign in."""

    template: ClassVar[str] = "sign_in/login.html"
    name: str = ""
    trouble: str = ""  # a key of `trouble_words` in `_words.html`
    wait_minutes: int | None = None
    next: str = "/"
    provider: bool = False


@dataclass(frozen=True, kw_only=True)
class SignedInPage(Page):
    """Leads on to the page that was asked for, after a login at the provider."""

    template: ClassVar[str] = "sign_in/signed_in.html"
    next: str


PAGES: tuple[type[Page], ...] = (LoginPage, SignedInPage)
PARTS: tuple[type[Part], ...] = ()


@router.get("/login")
def login_form(
    request: Request,
    pages: Showing,
    next: Annotated[str, Query(max_length=500)] = "/",
) -> Response:
    """The form to sign in."""
    return pages.show(request, _form(request, pages, next=own_path(next)))


@router.post("/login")
def login(
    request: Request,
    pages: Showing,
    service: Serving,
    name: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Sign in with name and password."""
    require_own_page(request)
    target = own_path(next)
    try:
        account = service.login.check(name, password, client_address(request, service))
    except TooManyFailures as error:
        waiting = _form(request, pages, name=name, next=target, wait_minutes=-(-error.seconds // 60))
        answer = pages.show(request, waiting, 429)
        answer.headers["Retry-After"] = str(error.seconds)
        return answer
    except LoginRefused as error:
        trouble = "disabled" if isinstance(error, AccountDisabled) else "password"
        return pages.show(request, _form(request, pages, name=name, next=target, trouble=trouble), 401)
    welcome = RedirectResponse(target, 303)
    _keep(welcome, service, service.sessions.issue(account, "password"))
    return welcome


@router.post("/logout")
def logout(
    request: Request, service: Serving, account: Visitor, everywhere: Annotated[bool, Form()] = False
) -> Response:
    """Sign out, here or everywhere."""
    if everywhere:
        service.sessions.end_all(account, by=account.name)
    else:
        service.sessions.end(session_cookie(request, service) or "")
    goodbye = RedirectResponse("/login", 303)
    https = service.settings.https
    goodbye.delete_cookie(cookie_name(COOKIE, https), secure=https, httponly=True, samesite="strict")
    return goodbye


@router.get("/login/provider")
def to_provider(
    request: Request,
    pages: Showing,
    service: Serving,
    next: Annotated[str, Query(max_length=500)] = "/",
) -> Response:
    """Go to the provider; what has to come back with the browser is in a cookie that lasts ten minutes.

    The cookie is SameSite=Lax: the provider's site sends the browser back, and a strict cookie would stay
    behind.
    """
    from portcullis.identity.oidc import MINUTES, ProviderUnreachable

    if service.registry.oidc is None:
        raise _no_provider()
    try:
        departure = service.registry.oidc.begin(_return_address(request, service), own_path(next))
    except ProviderUnreachable as error:
        log.warning("the provider cannot be reached: %s", error)
        return pages.show(request, _form(request, pages, trouble="unreachable"), 503)
    answer = RedirectResponse(departure.url, 303)
    https = service.settings.https
    answer.set_cookie(
        cookie_name(NOTE_COOKIE, https),
        departure.note,
        max_age=MINUTES * 60,
        httponly=True,
        samesite="lax",
        secure=https,
    )
    return answer


@router.get(_RETURN)
def from_provider(request: Request, pages: Showing, service: Serving) -> Response:
    """Come back from the provider.

    The answer is a page that leads on by itself, not a redirect: that would still count as sent by the
    provider's site, and the browser would not show the new, strict login cookie at its target.
    """
    from portcullis.identity.oidc import NoRole, NotOurLogin, ProviderUnreachable

    if service.registry.oidc is None:
        raise _no_provider()
    https = service.settings.https
    note = request.cookies.get(cookie_name(NOTE_COOKIE, https))
    said = {name: value[:_LONGEST] for name, value in request.query_params.items()}
    troubles: dict[type[Exception], tuple[str, int]] = {
        NotOurLogin: ("again", 400),
        NoRole: ("role", 403),
        AccountDisabled: ("disabled", 403),
        LoginRefused: ("refused", 401),
        ProviderUnreachable: ("unreachable", 503),
    }
    try:
        arrival = service.registry.oidc.finish(note, said, _return_address(request, service))
    except tuple(troubles) as error:
        log.warning("a login at the provider failed: %s", error)
        trouble, status = next(found for kind, found in troubles.items() if isinstance(error, kind))
        answer = pages.show(request, _form(request, pages, trouble=trouble), status)
    else:
        page = SignedInPage(frame=pages.frame(request, arrival.account), next=arrival.next)
        answer = pages.show(request, page)
        _keep(answer, service, service.sessions.issue(arrival.account, "provider"))
    answer.delete_cookie(cookie_name(NOTE_COOKIE, https), secure=https, httponly=True, samesite="lax")
    return answer


def own_path(path: str) -> str:
    """A path on this site; anything that a browser could read as another site becomes `/`."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def _form(
    request: Request,
    pages: Pages,
    *,
    name: str = "",
    next: str = "/",
    trouble: str = "",
    wait_minutes: int | None = None,
) -> LoginPage:
    return LoginPage(
        frame=pages.frame(request),
        name=name,
        next=next,
        trouble=trouble,
        wait_minutes=wait_minutes,
        provider=pages.service.registry.oidc is not None,
    )


def _keep(answer: Response, service: Service, token: str) -> None:
    https = service.settings.https
    answer.set_cookie(
        cookie_name(COOKIE, https),
        token,
        max_age=int(service.sessions.lasting.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=https,
    )


def _return_address(request: Request, service: Service) -> str:
    base = service.settings.public_url.rstrip("/")
    if not base:
        base = f"{'https' if service.settings.https else 'http'}://{request.headers.get('host', '')}"
    return base + _RETURN


def _no_provider() -> NotFound:
    return NotFound("no provider is set", field="PORTCULLIS_OIDC_ISSUER", remedy="sign in with a password")
