"""Pages and roles: who sees which page, only our own pages change anything, and all HTML is strict."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from portcullis.api.app import make_app
from portcullis.api.shell import CONTENT_SECURITY_POLICY
from portcullis.identity.session import COOKIE
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Role

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


@pytest.fixture(scope="module")
def ground(
    tmp_path_factory: pytest.TempPathFactory, fresh: Path, by_hand: Models, make: SimpleNamespace
) -> Iterator[SimpleNamespace]:
    """A live service with an account for each role and one assessment."""
    folder = tmp_path_factory.mktemp("roles") / "data"
    shutil.copytree(fresh, folder)
    service = Service.open(Settings(data=folder, language="en"), by_hand)
    accounts = {role: service.accounts.add(f"a-{role}", "no hash", role) for role in Role}

    def signed_in(role: Role) -> dict[str, str]:
        return {"Cookie": f"{COOKIE}={service.sessions.issue(accounts[role])}"}

    with make.running(service) as address, httpx.Client(base_url=address, timeout=30) as client:
        parts = {"declaration": make.declaration()}
        headers = {**signed_in(Role.INSPECTOR), **OWN}
        seen = client.post("/desk", files=parts, headers=headers).headers["location"]
        yield SimpleNamespace(service=service, client=client, signed_in=signed_in, assessment=seen)
    service.close()


def pages(ground: SimpleNamespace) -> list[tuple[str, str]]:
    """Method and address of every page that the application has."""
    found = []
    for context in iter_route_contexts(make_app(ground.service).routes):
        route = context.route if hasattr(context, "route") else context
        if isinstance(route, APIRoute) and not route.include_in_schema:
            path = route.path.replace("{assessment_id}", ground.assessment.rsplit("/", 1)[1])
            found += [(method, path) for method in route.methods or ()]
    return found


@pytest.mark.parametrize(
    ("role", "desk", "assessment"),
    [
        (Role.INSPECTOR, 200, 200),
        (Role.ANALYST, 200, 200),
        (Role.BROKER, 403, 403),
        (Role.ADMIN, 403, 403),
    ],
)
def test_a_page_is_shown_to_the_roles_that_may_see_it(
    ground: SimpleNamespace, make: SimpleNamespace, role: Role, desk: int, assessment: int
) -> None:
    """The desk is for those who hand in, an assessment for those who read; handing in obeys as well."""
    headers = {**ground.signed_in(role), **OWN}
    assert ground.client.get("/desk", headers=headers).status_code == desk
    assert ground.client.get(ground.assessment, headers=headers).status_code == assessment
    before = ground.service.assessments.count()
    sent = ground.client.post("/desk", files={"declaration": make.declaration(id=role)}, headers=headers)
    assert sent.status_code == (303 if desk == 200 else 403)
    assert ground.service.assessments.count() == before + (desk == 200)


@pytest.mark.parametrize(
    ("language", "role", "said"),
    [
        ("ko", Role.BROKER, ["현재 역할: 관세사", "내 역할의 화면으로", "로그아웃"]),
        ("en", Role.BROKER, ["Your role is: Customs broker", "To the pages of your role", "Sign out"]),
        ("ko", Role.ADMIN, ["현재 역할: 관리자"]),
        ("en", Role.ADMIN, ["Your role is: Administrator"]),
    ],
)
def test_who_may_not_see_a_page_is_told_their_role_and_what_they_can_do(
    ground: SimpleNamespace, language: str, role: Role, said: list[str]
) -> None:
    """In the language of the visitor; and they can sign out there."""
    headers = {**ground.signed_in(role), **OWN}
    answer = ground.client.get("/desk", params={"lang": language}, headers=headers)
    assert answer.status_code == 403
    for words in said:
        assert words in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
    ids=str,
)
def test_no_page_changes_anything_for_another_site(
    ground: SimpleNamespace, make: SimpleNamespace, headers: dict[str, str]
) -> None:
    """Every changing page, also the login itself: nobody signs a visitor in as somebody else."""
    login = {"name": make.name, "password": make.password}
    changing = [(method, path) for method, path in pages(ground) if method not in ("GET", "HEAD")]
    assert {path for _, path in changing} >= {"/login", "/logout", "/desk"}
    cookie = ground.signed_in(Role.INSPECTOR)
    before = ground.service.assessments.count()
    for method, path in changing:
        sent = {"files": {"declaration": make.declaration()}} if path == "/desk" else {"data": login}
        answer = ground.client.request(method, path, headers={**headers, **cookie}, **sent)
        assert answer.status_code == 403, (method, path)
        assert "set-cookie" not in answer.headers
    assert ground.client.get("/v1/account", headers=cookie).status_code == 200
    assert ground.service.assessments.count() == before


class Strict(HTMLParser):
    """Collects what a strict policy would have to forbid."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Inline scripts and styles, handlers, and addresses elsewhere."""
        self.tags += 1
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(tag)
        for name, value in attrs:
            address = name in ("src", "href", "action") and value is not None
            if name == "style" or name.startswith("on"):
                self.found.append(f"{tag} {name}")
            elif address and str(value).strip().lower().startswith(("javascript:", "data:", "http", "//")):
                self.found.append(f"{tag} {name}={value}")


def test_every_page_carries_strict_headers_and_nothing_inline(
    ground: SimpleNamespace, make: SimpleNamespace
) -> None:
    """Pages for everybody, for each role, and those that say what is wrong."""
    inspector = ground.signed_in(Role.INSPECTOR)
    wrong = {"name": "nobody", "password": "wrong password"}
    asked = [("GET", path, {}) for method, path in pages(ground) if method == "GET"]
    asked += [(method, path, inspector) for method, path, _ in asked]
    asked += [("GET", "/desk", ground.signed_in(Role.BROKER)), ("GET", "/nowhere", inspector)]
    asked += [("POST", "/desk", inspector), ("GET", "/assessments/0000000000000000", inspector)]
    seen = set()
    answers = [ground.client.request(m, path, headers={**OWN, **more}) for m, path, more in asked]
    for language in ("ko", "en"):
        answers.append(ground.client.post("/login", params={"lang": language}, data=wrong, headers=OWN))
    for answer in answers:
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        if answer.headers.get("content-type", "").startswith("text/html"):
            page = Strict()
            page.feed(answer.text)
            assert page.found == [], answer.url
            assert page.tags > 10 or "<html" not in answer.text, answer.url  # a part of a page is small
            seen.add((answer.status_code, answer.url.path))
    assert {status for status, _ in seen} >= {200, 401, 403, 404, 422}
    assert "'unsafe" not in CONTENT_SECURITY_POLICY
