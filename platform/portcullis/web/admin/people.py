"""People: who may sign in, with which role; and all API keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.api.accounts import made_up
from portcullis.api.problems import status_of
from portcullis.identity.keys import ApiKey
from portcullis.identity.login import MIN_PASSWORD
from portcullis.service import NotFound, Service
from portcullis.store.accounts import MAX_NAME, Account, Role
from portcullis.web.account.rows import KeyRow
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import ManagingFrame, Pages, Showing

MOST = 50
router = APIRouter(include_in_schema=False)
_Text = Annotated[str, Form(max_length=1000)]


@dataclass(frozen=True)
class Person:
    """One row of the list."""

    name: str
    role: str
    active: bool
    password: bool
    locked: bool
    logins: int
    since: str


@dataclass(frozen=True, kw_only=True)
class PeoplePage(Page):
    """The list, a search, and the form for a new account. least: characters of a password."""

    template: ClassVar[str] = "admin/people.html"
    people: tuple[Person, ...]
    wanted: str
    role: str
    more: str | None
    provider: bool
    least: int
    name: str = ""
    new_role: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PersonPage(Page):
    """One account, and what can be done with it. password: one that was made up, shown this once."""

    template: ClassVar[str] = "admin/person.html"
    person: Person
    keys: tuple[KeyRow, ...]
    me: bool
    least: int
    password: str = ""
    problems: tuple[Problem, ...] = ()
    done: str = ""


@dataclass(frozen=True, kw_only=True)
class KeysPage(Page):
    """API keys of everybody."""

    template: ClassVar[str] = "admin/keys.html"
    keys: tuple[KeyRow, ...]
    owner: str
    more: str | None
    done: str = ""


PAGES: tuple[type[Page], ...] = (PeoplePage, PersonPage, KeysPage)
PARTS: tuple[type[Part], ...] = ()


@router.get("/admin/people")
def people(
    request: Request,
    pages: Showing,
    frame: ManagingFrame,
    q: Annotated[str, Query(max_length=MAX_NAME)] = "",
    role: Annotated[str, Query(max_length=16)] = "",
    after: Annotated[str, Query(max_length=MAX_NAME)] = "",
) -> Response:
    """The list."""
    return pages.show(request, _people(pages, frame, q, role, after))


@router.post("/admin/people")
def add(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ManagingFrame,
    name: _Text = "",
    role: _Text = "",
    password: _Text = "",
) -> Response:
    """Add an account; without a password one is made up and shown once."""
    given = password or made_up()
    try:
        service.login.add(name.strip(), given, _role(role), by=frame.who.name)
    except CustomsError as error:
        page = _people(pages, frame, name=name, new_role=role, problems=error.problems)
        return pages.show(request, page, status_of(error))
    shown = "" if password else given
    return pages.show(request, _person(pages, frame, name.strip(), password=shown, done="added"), 201)


@router.get("/admin/people/{name}")
def person(
    request: Request,
    pages: Showing,
    frame: ManagingFrame,
    name: str,
    done: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """One account."""
    return pages.show(request, _person(pages, frame, name, done=done))


@router.post("/admin/people/{name}")
def change(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ManagingFrame,
    name: str,
    act: _Text = "",
    role: _Text = "",
    password: _Text = "",
) -> Response:
    """Do one thing with an account; the last active admin stays one."""
    found, by, shown = _named(service, name), frame.who.name, ""
    try:
        if act == "password":
            given = password or made_up()
            service.accounts.set_password(found.name, service.login.hashed(given), by=by)
            shown = "" if password else given
        elif act == "role":
            service.accounts.change(found.name, role=_role(role), by=by)
        elif act in ("enable", "disable"):
            service.accounts.change(found.name, active=act == "enable", by=by)
        elif act == "logins":
            service.sessions.end_all(found, by=by)
        elif act == "unlock":
            service.login.unlock(found.name, by=by)
        else:
            raise CustomsError(f"got {act!r}", field="act", remedy="use the buttons of the page")
    except CustomsError as error:
        page = _person(pages, frame, name, problems=error.problems)
        return pages.show(request, page, status_of(error))
    if shown:
        return pages.show(request, _person(pages, frame, name, password=shown, done="password"))
    return RedirectResponse(f"/admin/people/{quote(name, safe='')}?done={act}", 303)


@router.get("/admin/keys")
def keys(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: ManagingFrame,
    of: Annotated[str, Query(max_length=MAX_NAME)] = "",
    after: Annotated[str, Query(pattern=r"^[0-9a-f]{0,16}$")] = "",
    done: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """All API keys, or those of one account."""
    owner = service.accounts.by_name(of) if of else None
    found: list[ApiKey] = []
    if not of or owner is not None:
        found = service.registry.keys.page(owner, after, MOST + 1)
    page = KeysPage(
        frame=frame,
        keys=_rows(pages, found[:MOST]),
        owner=of,
        more=found[MOST - 1].id if len(found) > MOST else None,
        done=done,
    )
    return pages.show(request, page)


@router.post("/admin/keys/{key_id}")
def revoke(service: Serving, frame: ManagingFrame, key_id: str) -> Response:
    """End anybody's key for good."""
    found = service.registry.keys.get(key_id)
    if found is None:
        raise NotFound(f"there is no key {key_id}", field="key_id", remedy="see the list of keys")
    service.registry.keys.revoke(found, by=frame.who.name)
    return RedirectResponse("/admin/keys?done=revoked", 303)


def _people(
    pages: Pages,
    frame: Frame,
    wanted: str = "",
    role: str = "",
    after: str = "",
    *,
    name: str = "",
    new_role: str = "",
    problems: tuple[Problem, ...] = (),
) -> PeoplePage:
    service = pages.service
    chosen = Role(role) if role in tuple(Role) else None
    found = service.accounts.page(after, MOST + 1, part=wanted.strip(), role=chosen)
    return PeoplePage(
        frame=frame,
        people=tuple(_row(pages, one) for one in found[:MOST]),
        wanted=wanted,
        role=role,
        more=found[MOST - 1].name if len(found) > MOST else None,
        provider=service.registry.oidc is not None,
        least=MIN_PASSWORD,
        name=name,
        new_role=new_role,
        problems=problems,
    )


def _person(
    pages: Pages,
    frame: Frame,
    name: str,
    *,
    password: str = "",
    problems: tuple[Problem, ...] = (),
    done: str = "",
) -> PersonPage:
    found = _named(pages.service, name)
    return PersonPage(
        frame=frame,
        person=_row(pages, found),
        keys=_rows(pages, pages.service.registry.keys.page(found, "", MOST)),
        me=found.id == frame.who.id,
        least=MIN_PASSWORD,
        password=password,
        problems=problems,
        done=done,
    )


def _row(pages: Pages, found: Account) -> Person:
    service = pages.service
    return Person(
        name=found.name,
        role=found.role.value,
        active=found.active,
        password=found.has_password,
        locked=service.registry.rates.is_locked(found.name),
        logins=service.sessions.count(found),
        since=f"{found.created_at.astimezone(pages.zone):%Y-%m-%d}",
    )


def _rows(pages: Pages, found: list[ApiKey]) -> tuple[KeyRow, ...]:
    now = pages.service.accounts.now()
    return tuple(KeyRow.of(key, now, pages.zone) for key in found)


def _role(given: str) -> Role:
    if given not in tuple(Role):
        raise CustomsError(f"got {given!r}", field="role", remedy=f"choose from {', '.join(Role)}")
    return Role(given)


def _named(service: Service, name: str) -> Account:
    found = service.accounts.by_name(name)
    if found is None:
        raise NotFound(f"there is no account {name!r}", field="name", remedy="see the list of accounts")
    return found
