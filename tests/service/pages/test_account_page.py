"""One's own account: password, single logins, keys; and the questions that are asked before grave acts."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account, Role

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


@pytest.fixture
def me(address: str, service: Service, account: Account) -> Iterator[httpx.Client]:
    """The inspector of the test, who has a password, signed in."""
    cookies = {COOKIE: service.sessions.issue(account), "portcullis_language": "en"}
    with httpx.Client(base_url=address, headers=OWN, cookies=cookies, timeout=30) as client:
        yield client


def test_a_new_password_ends_every_login_and_works(
    me: httpx.Client, service: Service, account: Account, make: Any
) -> None:
    other = service.sessions.issue(account)
    answer = me.post("/account/password", data={"old": make.password, "new": "another good one"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")
    assert service.sessions.read(other) is None
    assert me.get("/account").status_code == 303
    assert service.login.check("kim", "another good one").name == "kim"
    me.post(answer.headers["location"], data={"name": "kim", "password": "another good one"})
    assert "The password was changed." in me.get("/account?done=password").text


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"old": "not it at all", "new": "another good one"}, "old"),
        ({"old": "correct horse battery", "new": "short"}, "password"),
    ],
)
def test_a_wrong_password_is_told_beside_its_field_and_changes_nothing(
    me: httpx.Client, service: Service, make: Any, form: dict[str, str], field: str
) -> None:
    answer = me.post("/account/password", data=form)
    assert answer.status_code == 422
    assert f'id="wrong-{field}"' in answer.text
    assert 'id="wrong-days"' not in answer.text
    assert me.get("/account").status_code == 200
    assert service.login.check("kim", make.password).name == "kim"


def test_who_tries_wrong_passwords_too_often_waits_on_this_page_too(
    me: httpx.Client, service: Service, make: Any
) -> None:
    form = {"old": "wrong one", "new": "another good one"}
    for _ in range(service.settings.login_failures):
        me.post("/account/password", data=form)
    answer = me.post("/account/password", data={**form, "old": make.password})
    assert answer.status_code == 429
    assert "Too many wrong passwords. Try again in" in answer.text


def test_single_logins_end_and_nobody_ends_those_of_another(
    me: httpx.Client, service: Service, account: Account, people: dict[Role, Account]
) -> None:
    one, two = service.sessions.issue(account), service.sessions.issue(account)
    foreign = service.sessions.issue(people[Role.BROKER])
    assert me.get("/account").text.count("This browser") == 1
    seen = {s.here for s in service.sessions.seen(account, one)}
    assert seen == {True, False}
    handle = next(s.handle for s in service.sessions.seen(account, one) if s.here)
    assert me.post("/account/logins", data={"handle": handle}).status_code == 303
    assert service.sessions.read(one) is None
    assert service.sessions.read(two) is not None
    stranger = service.sessions.seen(people[Role.BROKER])[0].handle
    me.post("/account/logins", data={"handle": stranger})
    me.post("/account/logins", data={"handle": "%"})
    assert service.sessions.read(foreign) is not None
    assert service.sessions.read(two) is not None
    answer = me.post("/account/logins")
    assert "The other logins were ended." in me.get(answer.headers["location"]).text
    assert service.sessions.read(two) is None
    assert [s.here for s in service.sessions.seen(account)] == [False]  # that of this client stays


def test_a_key_is_made_shown_once_used_and_revoked(me: httpx.Client, service: Service, address: str) -> None:
    form = {"name": "ERP", "days": "30", "scopes": ["codes.read", "account.own"]}
    page = me.post("/account/keys", data=form)
    assert page.status_code == 201
    found = re.search(r'<output id="once">(pck_[^<]+)</output>', page.text)
    assert found is not None
    key = html.unescape(found[1])
    bearer = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{address}/v1/account", headers=bearer).json()["permissions"] == [
        *("account.own", "codes.read"),
    ]
    assert key not in me.get("/account").text
    kept = service.registry.keys.page(service.accounts.named("kim"), "", 10)[0]
    me.post(f"/account/keys/{kept.id}")
    assert httpx.get(f"{address}/v1/account", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"days": "0"}, "days"),
        ({"days": "²"}, "days"),
        ({"days": "soon"}, "days"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["accounts.manage"]}, "scopes"),
        ({"name": "x" * 65}, "name"),
    ],
    ids=str,
)
def test_a_wrong_key_is_told_beside_its_field_and_nothing_typed_is_lost(
    me: httpx.Client, service: Service, account: Account, wrong: dict[str, Any], field: str
) -> None:
    answer = me.post("/account/keys", data={"name": "ERP", "days": "30", "scopes": ["codes.read"]} | wrong)
    assert answer.status_code == 422
    assert f'id="wrong-{field}"' in answer.text
    assert f'value="{wrong.get("name", "ERP")}"' in answer.text
    assert f'value="{wrong.get("days", "30")}"' in answer.text
    assert "scopes" in wrong or 'value="codes.read" checked' in answer.text
    assert service.registry.keys.page(account, "", 10) == []


def test_nobody_revokes_the_key_of_another(
    me: httpx.Client, service: Service, people: dict[Role, Account]
) -> None:
    from portcullis.identity.permissions import Permission

    scopes = frozenset({Permission.READ_CODES})
    key, _ = service.registry.keys.add(people[Role.BROKER], "theirs", scopes, 30, by="an-broker")
    assert me.post(f"/account/keys/{key.id}").status_code == 404
    found = service.registry.keys.get(key.id)
    assert found is not None
    assert found.revoked_at is None


@pytest.mark.browser
@pytest.mark.parametrize(("language", "theme"), [("ko", "light"), ("en", "dark")])
def test_an_admin_adds_somebody_and_disables_them_after_being_asked(
    open_as: Callable[..., Any], axe: Callable[[Any], None], service: Service, language: str, theme: str
) -> None:
    """Every page of the way is looked at; the question can be refused with the keyboard."""
    words = {
        "ko": {"add": "추가", "off": "사용 중지", "cancel": "취소", "check": "지금 점검", "copy": "복사"},
        "en": {"add": "Add", "off": "Disable", "cancel": "Cancel", "check": "Check now", "copy": "Copy"},
    }[language]
    page = open_as(Role.ADMIN, "/admin", language=language)
    page.context.add_cookies([{"name": "portcullis_theme", "value": theme, "url": page.url}])
    page.reload()
    page.get_by_role("button", name=words["check"]).click()
    page.locator("#findings table").wait_for()
    axe(page)
    page.locator("a[href='/admin/people']").first.click()
    page.locator("#name").fill("이수진")
    page.locator("#role").select_option("inspector")
    page.get_by_role("button", name=words["add"], exact=True).click()
    page.locator("#once").wait_for()
    assert service.login.check("이수진", page.locator("#once").inner_text()).role is Role.INSPECTOR
    page.get_by_role("button", name=words["copy"], exact=True).click()
    page.locator(".notice").wait_for()
    axe(page)
    page.get_by_role("button", name=words["off"], exact=True).click()
    dialog = page.locator("dialog.ask[open]")
    dialog.wait_for()
    axe(page)
    assert dialog.get_by_role("button", name=words["cancel"]).evaluate("e => e === document.activeElement")
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert service.accounts.named("이수진").active
    page.get_by_role("button", name=words["off"], exact=True).click()
    dialog.get_by_role("button", name=words["off"], exact=True).click()
    page.wait_for_url(re.compile("done=disable"))
    assert not service.accounts.named("이수진").active
    for path in ("/admin/people", "/admin/keys", "/admin/webhooks", "/admin/audit", "/account"):
        page.goto(httpx.URL(page.url).join(path).__str__())
        axe(page)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), path
