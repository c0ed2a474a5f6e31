"""Who may call, and what: password, API key or login cookie, and the permission that each route names."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from starlette.exceptions import HTTPException

from customs.errors import Problem
from customs.sentences import Language
from portcullis.identity import LoginRefused
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.identity.session import COOKIE, cookie_name
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


@dataclass(frozen=True)
class Caller:
    """An account and what it may do with this request (an API key may do less than its account)."""

    account: Account
    permissions: frozenset[Permission]


def signed_in(request: Request, service: Serving) -> Caller:
    """The account that calls, unless it calls too often.

    A cookie counts for a changing request only when the browser says that our own page sent it.
    """
    caller = who_calls(request, service)
    known(request, caller.account)
    service.registry.rates.request(caller.account.id)
    return caller


Calling = Annotated[Caller, Depends(signed_in)]


def who_calls(request: Request, service: Service) -> Caller:
    """The account that calls; nothing is counted."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return Caller(*service.registry.keys.check(credentials.strip()))
        if scheme.lower() != "basic":
            raise LoginRefused("the Authorization header cannot be read")
        address = client_address(request, service)
        return caller_of(service.login.check(*_basic(credentials), address, how="basic"))
    account = cookie_account(request, service)
    if account is None:
        raise LoginRefused("nobody is signed in")
    if request.method not in _SAFE:
        require_own_page(request)
    return caller_of(account)


def known(request: Request, account: Account) -> Account:
    """The account, its number noted for the log."""
    request.state.account_id = account.id
    return account


def client_address(request: Request, service: Service) -> str:
    """Where a request comes from: the peer, or what the proxies that we trust say of theirs."""
    address = request.client.host if request.client else ""
    trusted = service.settings.trusted_proxies
    if not trusted:
        return address
    networks = [ip_network(part.strip()) for part in trusted.split(",")]
    hops = [hop.strip() for value in request.headers.getlist("x-forwarded-for") for hop in value.split(",")]
    while hops and _is_within(address, networks):
        address = hops.pop()
    return address


def _is_within(address: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def caller_of(account: Account) -> Caller:
    """Somebody with all permissions of their role."""
    return Caller(account, PERMISSIONS[account.role])


class Forbidden(HTTPException):
    """The account may not do this."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(403, f"this account may not do this: it lacks {permission.value}")
        remedy = "ask an administrator for a role or a key that has it"
        self.problems = (Problem(f"{permission.value} is missing", "Authorization", remedy),)


@dataclass(frozen=True)
class Allow:
    """The dependency by which a route names its permission: `account: Annotated[Account, Depends(Allow(…))]`.

    Every route under /v1 has one; `permission_of` reads it for the OpenAPI document and the tests.
    """

    permission: Permission

    def __call__(self, caller: Calling) -> Account:
        """The account, if it may."""
        if self.permission not in caller.permissions:
            raise Forbidden(self.permission)
        return caller.account


def permission_of(dependant: Dependant) -> Permission | None:
    """The permission that a route asks for; None if it asks for none."""
    return next((d.call.permission for d in _all(dependant) if isinstance(d.call, Allow)), None)


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all(inner)


Assessing = Annotated[Account, Depends(Allow(Permission.ASSESS))]
ReadingCases = Annotated[Account, Depends(Allow(Permission.READ_CASES))]
WorkingCases = Annotated[Account, Depends(Allow(Permission.WORK_CASES))]
RunningBatches = Annotated[Account, Depends(Allow(Permission.RUN_BATCHES))]
ReadingAlerts = Annotated[Account, Depends(Allow(Permission.READ_ALERTS))]
SuggestingCodes = Annotated[Account, Depends(Allow(Permission.SUGGEST_CODES))]
ReadingCodes = Annotated[Account, Depends(Allow(Permission.READ_CODES))]
ReadingSeries = Annotated[Account, Depends(Allow(Permission.READ_SERIES))]
ReadingModels = Annotated[Account, Depends(Allow(Permission.READ_MODELS))]
SwitchingModels = Annotated[Account, Depends(Allow(Permission.SWITCH_MODELS))]
WritingPolicies = Annotated[Account, Depends(Allow(Permission.WRITE_POLICIES))]
ImportingData = Annotated[Account, Depends(Allow(Permission.IMPORT_DATA))]
ManagingAccounts = Annotated[Account, Depends(Allow(Permission.MANAGE_ACCOUNTS))]
ManagingWebhooks = Annotated[Account, Depends(Allow(Permission.MANAGE_WEBHOOKS))]
ReadingAudit = Annotated[Account, Depends(Allow(Permission.READ_AUDIT))]
OwningAccount = Annotated[Account, Depends(Allow(Permission.OWN_ACCOUNT))]


def session_cookie(request: Request, service: Service) -> str | None:
    """The value of the login cookie, if there is one."""
    return request.cookies.get(cookie_name(COOKIE, service.settings.https))


def cookie_account(request: Request, service: Service) -> Account | None:
    """The account of the login cookie, if it is good."""
    cookie = session_cookie(request, service)
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


def _basic(credentials: str) -> tuple[str, str]:
    try:
        name, colon, password = base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")
        if not colon:
            raise ValueError
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise LoginRefused("the Authorization header cannot be read") from None
    return name, password
