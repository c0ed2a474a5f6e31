"""Who may call: a login cookie or HTTP Basic; everything else is refused."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from customs.errors import Problem
from customs.sentences import Language
from portcullis.identity import LoginRefused
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LANGUAGE_COOKIE = "portcullis_language"


class OtherSite(HTTPException):
    """A page of another site sent this request with our visitor's cookie."""

    def __init__(self) -> None:
        super().__init__(403, "this request did not come from our own pages")
        remedy = "open the page anew and send again"
        self.problems = (Problem("the Origin header names another site", "Origin", remedy),)


def get_service(request: Request) -> Service:
    """The service of this application."""
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(get_service)]


def signed_in(request: Request, service: Serving) -> Account:
    """The account that calls.

    A cookie counts for a changing request only when the browser says that our own page sent it.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return service.login.check(*_basic(authorization))
    account = cookie_account(request, service)
    if account is None:
        raise LoginRefused("nobody is signed in")
    if request.method not in _SAFE:
        require_own_page(request)
    return account


Caller = Annotated[Account, Depends(signed_in)]


def cookie_account(request: Request, service: Service) -> Account | None:
    """The account of the login cookie, if it is good."""
    cookie = request.cookies.get(COOKIE)
    return None if cookie is None else service.sessions.read(cookie)


def require_own_page(request: Request) -> None:
    """Refuse a form that another site made the browser send."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise OtherSite
        return
    origin = request.headers.get("origin", "")
    if urlsplit(origin).netloc != request.headers.get("host"):
        raise OtherSite


def language_of(request: Request, service: Serving) -> Language:
    """`?lang=`, else the visitor's choice, else Accept-Language, else the setting."""
    from babel import negotiate_locale

    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in ("ko", "en"):
            return "ko" if asked == "ko" else "en"
    wanted = [
        part.split(";")[0].strip().replace("-", "_")
        for part in request.headers.get("accept-language", "").split(",")
    ]
    found = negotiate_locale([w for w in wanted if w], ["ko", "en"]) or service.settings.language
    return "ko" if found == "ko" else "en"


Speaking = Annotated[Language, Depends(language_of)]


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        name, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        if not colon:
            raise ValueError
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise LoginRefused("the Authorization header cannot be read") from None
    return name, password
