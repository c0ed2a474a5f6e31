"""One's own account: password, logins, API keys."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError, InvalidValue, Problem
from portcullis.api.access import Serving, client_address, session_cookie
from portcullis.api.problems import status_of
from portcullis.identity import LoginRefused, TooManyFailures
from portcullis.identity.keys import MAX_DAYS
from portcullis.identity.login import MAX_PASSWORD, MIN_PASSWORD
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.service import NotFound
from portcullis.web.account.rows import KeyRow
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import OwnFrame, Pages, Showing

router = APIRouter(include_in_schema=False)
_Text = Annotated[str, Form(max_length=MAX_PASSWORD)]


@dataclass(frozen=True)
class LoginRow:
    """A login of this account."""

    handle: str
    begun: str
    ends: str
    here: bool


@dataclass(frozen=True, kw_only=True)
class AccountPage(Page):
    """One's own account. key: the text of a key that was just made, shown this once.

    part: the form that `problems` are of; wait_minutes: after too many wrong passwords.
    """

    template: ClassVar[str] = "account/account.html"
    logins: tuple[LoginRow, ...]
    keys: tuple[KeyRow, ...]
    scopes: tuple[str, ...]
    zone: str
    least: int
    most_days: int
    key: str = ""
    key_name: str = ""
    days: str = "90"
    chosen: tuple[str, ...] = ()
    part: str = ""
    problems: tuple[Problem, ...] = ()
    wait_minutes: int | None = None
    done: str = ""


PAGES: tuple[type[Page], ...] = (AccountPage,)
PARTS: tuple[type[Part], ...] = ()


@router.get("/account")
def account(
    request: Request, pages: Showing, frame: OwnFrame, done: Annotated[str, Query(max_length=16)] = ""
) -> Response:
    """The page."""
    return pages.show(request, _page(request, pages, frame, done=done))


@router.post("/account/password")
def change_password(
    request: Request, pages: Showing, service: Serving, frame: OwnFrame, old: _Text = "", new: _Text = ""
) -> Response:
    """A new password; every login ends, so the visitor signs in again."""
    who = frame.who
    try:
        hashed = service.login.hashed(new)
        try:
            service.login.check(who.name, old, client_address(request, service))
        except TooManyFailures as error:
            minutes = math.ceil(error.seconds / 60)
            return pages.show(request, _page(request, pages, frame, wait_minutes=minutes), 429)
        except LoginRefused:
            raise InvalidValue("this is not the password", field="old", remedy="type it again") from None
        service.accounts.set_password(who.name, hashed, by=who.name)
    except CustomsError as error:
        page = _page(request, pages, frame, part="password", problems=error.problems)
        return pages.show(request, page, status_of(error))
    return RedirectResponse("/login?next=/account%3Fdone%3Dpassword", 303)


@router.post("/account/logins")
def end_login(
    request: Request, service: Serving, frame: OwnFrame, handle: Annotated[str, Form(max_length=16)] = ""
) -> Response:
    """End one login, or all but this one."""
    here = session_cookie(request, service) or ""
    for seen in service.sessions.seen(frame.who, here):
        if seen.handle == handle or (not handle and not seen.here):
            service.sessions.end_one(frame.who, seen.handle, by=frame.who.name)
    return RedirectResponse("/account?done=logins", 303)


@router.post("/account/keys")
def add_key(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: OwnFrame,
    scopes: Annotated[list[str] | None, Form(max_length=len(Permission))] = None,
    name: _Text = "",
    days: Annotated[str, Form(max_length=8)] = "90",
) -> Response:
    """A new key, shown this once."""
    chosen = tuple(scope for scope in scopes or () if scope in tuple(Permission))
    try:
        if not days.isdecimal():
            raise InvalidValue(f"got {days!r}", field="days", remedy=f"give 1 to {MAX_DAYS}")
        wanted = frozenset(Permission(scope) for scope in chosen)
        _, text = service.registry.keys.add(frame.who, name.strip(), wanted, int(days), by=frame.who.name)
    except CustomsError as error:
        page = _page(
            request,
            pages,
            frame,
            part="key",
            key_name=name,
            days=days,
            chosen=chosen,
            problems=error.problems,
        )
        return pages.show(request, page, status_of(error))
    return pages.show(request, _page(request, pages, frame, key=text), 201)


@router.post("/account/keys/{key_id}")
def revoke_key(service: Serving, frame: OwnFrame, key_id: str) -> Response:
    """End one of one's keys for good."""
    found = service.registry.keys.get(key_id)
    if found is None or found.account != frame.who.name:
        raise NotFound(f"there is no key {key_id}", field="key_id", remedy="see the list of keys")
    service.registry.keys.revoke(found, by=frame.who.name)
    return RedirectResponse("/account?done=revoked", 303)


def _page(
    request: Request,
    pages: Pages,
    frame: Frame,
    *,
    key: str = "",
    key_name: str = "",
    days: str = "90",
    chosen: tuple[str, ...] = (),
    part: str = "",
    problems: tuple[Problem, ...] = (),
    wait_minutes: int | None = None,
    done: str = "",
) -> AccountPage:
    service, who = pages.service, frame.who
    now = service.accounts.now()
    return AccountPage(
        frame=frame,
        logins=tuple(
            LoginRow(
                handle=one.handle,
                begun=f"{one.created_at.astimezone(pages.zone):%Y-%m-%d %H:%M}",
                ends=f"{one.expires_at.astimezone(pages.zone):%Y-%m-%d %H:%M}",
                here=one.here,
            )
            for one in service.sessions.seen(who, session_cookie(request, service) or "")
        ),
        keys=tuple(KeyRow.of(one, now, pages.zone) for one in service.registry.keys.page(who, "", 200)),
        scopes=tuple(p.value for p in Permission if p in PERMISSIONS[who.role]),
        zone=pages.zone.key,
        least=MIN_PASSWORD,
        most_days=MAX_DAYS,
        key=key,
        key_name=key_name,
        days=days,
        chosen=chosen,
        part=part,
        problems=problems,
        wait_minutes=wait_minutes,
        done=done,
    )
