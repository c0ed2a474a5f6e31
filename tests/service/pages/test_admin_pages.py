"""The administration: people, keys, webhooks, the audit log and the overview; and one's own account."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from portcullis.identity.permissions import Permission
from portcullis.identity.session import COOKIE
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import NO_PASSWORD, Account, Role
from portcullis.store.audit import audit
from portcullis.store.engine import writing

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
Client = Callable[..., httpx.Client]


@pytest.fixture
def client_of(address: str, service: Service, people: dict[Role, Account]) -> Iterator[Client]:
    """A client that is signed in as a role, in a language."""
    opened = []

    def make(role: Role, language: str = "en") -> httpx.Client:
        token = service.sessions.issue(people[role])
        cookies = {COOKIE: token, "portcullis_language": language}
        client = httpx.Client(base_url=address, headers=OWN, cookies=cookies, timeout=30)
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def admin(client_of: Client) -> httpx.Client:
    """Who runs the platform."""
    return client_of(Role.ADMIN)


def deeds(service: Service) -> list[tuple[str, str, str]]:
    """Actor, action and subject of every entry of the audit log, without the logins of the test itself."""
    return [(e.actor, e.action, e.subject) for e in service.audit.entries() if e.action != "login"]


def shown_once(page: str) -> str:
    found = re.search(r'<output id="once">([^<]+)</output>', page)
    assert found is not None
    return html.unescape(found[1])


def test_each_role_sees_the_tabs_that_it_may_open_and_no_others(client_of: Client) -> None:
    tabs = r'<nav class="tabs admin-tabs".*?</nav>'
    wanted = {
        Role.ADMIN: ["", "/people", "/keys", "/models", "/policies", "/imports", "/webhooks", "/audit"],
        Role.ANALYST: ["", "/models", "/policies", "/audit"],
    }
    for role, places in wanted.items():
        page = client_of(role).get("/admin").text
        found = re.search(tabs, page, re.S)
        assert found is not None
        assert re.findall(r'href="([^"]+)"', found[0]) == [f"/admin{place}" for place in places]
        assert re.findall(r'href="([^"]+)" aria-current="page"', found[0]) == ["/admin"]
    for role in (Role.INSPECTOR, Role.BROKER):
        client = client_of(role)
        for path in ("", "/people", "/people/kim", "/keys", "/webhooks", "/audit", "/audit/export.jsonl"):
            assert client.get(f"/admin{path}").status_code == 403, path


def test_the_overview_says_what_is_so_and_to_analysts_only_what_they_may_see(
    client_of: Client, service: Service
) -> None:
    page = client_of(Role.ADMIN).get("/admin").text
    assert "Ready for work." in page
    assert f"of {service.accounts.count()} accounts" in page
    theirs = client_of(Role.ANALYST).get("/admin").text
    assert service.policy.version in theirs
    assert "accounts" not in re.sub(r"<nav.*?</nav>", "", theirs, flags=re.S)
    assert client_of(Role.ANALYST).get("/admin/findings").status_code == 403


def test_the_overview_names_the_trouble_that_keeps_work_away(admin: httpx.Client, service: Service) -> None:
    with service.batcher.place():
        assert "1 requests in hand" in admin.get("/admin").text
    service.batcher.max_queue = 0
    page = admin.get("/admin").text
    assert "No work should be sent here now" in page
    assert "As much is in hand as can be answered soon" in page
    assert "Ready for work." not in page


def test_the_check_of_the_installation_finds_what_the_command_finds(
    admin: httpx.Client, service: Service
) -> None:
    """The secret of the test's store is made readable to others: one thing more is wrong."""
    before = admin.get("/admin/findings").text
    (service.settings.data / "secret").chmod(0o644)
    after = admin.get("/admin/findings").text
    assert "others may read or change" in after
    assert "others may read or change" not in before
    counted = [int(n) for page in (before, after) for n in re.findall(r"(\d+) things are wrong", page)]
    assert counted[-1] == (counted[0] if len(counted) == 2 else 0) + 1


def test_people_are_found_by_a_part_of_their_name_and_by_role(admin: httpx.Client, service: Service) -> None:
    for name in ("김영희", "50%_off", "lee"):
        service.accounts.add(name, "no hash", Role.BROKER)

    def found(**asked: str) -> list[str]:
        page = admin.get("/admin/people", params=asked).text
        return re.findall(r'<th scope="row"><a href="/admin/people/[^"]+">([^<]+)</a>', page)

    assert found(q="영") == ["김영희"]
    assert found(q="%_") == ["50%_off"]
    assert found(q="LEE") == ["lee"]
    assert found(role="broker") == ["50%_off", "an-broker", "lee", "김영희"]
    assert found(q="an-", role="admin") == ["an-admin"]
    assert found(q="zzz") == []
    assert "Nobody fits." in admin.get("/admin/people", params={"q": "zzz"}).text


def test_a_long_list_of_people_goes_on_where_it_stopped(admin: httpx.Client, service: Service) -> None:
    for n in range(60):
        service.accounts.add(f"p{n:02}", "no hash", Role.BROKER)
    page = admin.get("/admin/people", params={"q": "p", "role": "broker"}).text
    further = re.search(r'href="(/admin/people\?[^"]*after=[^"]+)"', page)
    assert further is not None
    rest = admin.get(html.unescape(further[1])).text
    listed = [re.findall(r">(p\d\d)</a>", text) for text in (page, rest)]
    assert listed == [[f"p{n:02}" for n in range(50)], [f"p{n:02}" for n in range(50, 60)]]


def test_an_account_is_added_with_a_password_that_is_shown_once_and_works(
    admin: httpx.Client, service: Service
) -> None:
    page = admin.post("/admin/people", data={"name": " 박민수 ", "role": "inspector"})
    assert page.status_code == 201
    password = shown_once(page.text)
    assert service.login.check("박민수", password).role is Role.INSPECTOR
    assert password not in admin.get("/admin/people/박민수").text
    assert ("an-admin", "account.add", "박민수") in deeds(service)
    given = admin.post("/admin/people", data={"name": "b", "role": "broker", "password": "long enough 1"})
    assert 'id="once"' not in given.text
    assert "long enough 1" not in given.text


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_wrong_account_is_told_beside_its_field_and_nothing_typed_is_lost(
    client_of: Client, service: Service, language: str
) -> None:
    client, before = client_of(Role.ADMIN, language), service.accounts.count()
    for wrong, field, said in (
        ({"name": "a:b", "role": "broker"}, "name", {"ko": "쌍점", "en": "without a colon"}),
        ({"name": "kim", "role": "broker"}, "name", {"ko": "사용되지 않은", "en": "exists already"}),
        ({"name": "park", "role": "king"}, "role", {"ko": "역할을 선택", "en": "Choose a role"}),
        (
            {"name": "park", "role": "broker", "password": "short"},
            "password",
            {"ko": "길이", "en": "too short"},
        ),
    ):
        answer = client.post("/admin/people", data=wrong)
        assert answer.status_code == 422
        beside = re.search(rf'id="wrong-{field}">(.*?)</p>', answer.text, re.S)
        assert beside is not None
        assert said[language] in beside[1]
        assert f'aria-describedby="wrong-{field}"' in answer.text
        assert f'value="{wrong["name"]}"' in answer.text
        assert wrong["role"] == "king" or f'value="{wrong["role"]}" selected' in answer.text
    assert service.accounts.count() == before


def test_what_is_done_with_an_account_is_done_and_written_down(admin: httpx.Client, service: Service) -> None:
    where = "/admin/people/an-broker"
    broker = service.accounts.named("an-broker")
    cookie = service.sessions.issue(broker)

    def act(**form: str) -> str:
        answer = admin.post(where, data=form)
        assert answer.status_code == 303, answer.text
        return admin.get(answer.headers["location"]).text

    assert "The role was changed." in act(act="role", role="analyst")
    assert service.accounts.named("an-broker").role is Role.ANALYST
    assert "All logins of the account have ended." in act(act="logins")
    assert service.sessions.read(cookie) is None
    assert "The account is disabled" in act(act="disable")
    assert not service.accounts.named("an-broker").active
    assert "active again" in act(act="enable")
    page = admin.post(where, data={"act": "password"}).text
    assert service.login.check("an-broker", shown_once(page)).name == "an-broker"
    done = [
        action for actor, action, subject in deeds(service) if (actor, subject) == ("an-admin", "an-broker")
    ]
    assert done == ["account.role", "logout", "account.disable", "account.enable", "account.password"]


def test_the_last_active_admin_stays_one(admin: httpx.Client, service: Service) -> None:
    for form in ({"act": "role", "role": "broker"}, {"act": "disable"}):
        answer = admin.post("/admin/people/an-admin", data=form)
        assert answer.status_code == 422
        assert "last active administrator" in answer.text
    assert service.accounts.named("an-admin").role is Role.ADMIN
    service.accounts.add("second", "no hash", Role.ADMIN)
    assert admin.post("/admin/people/an-admin", data={"act": "disable"}).status_code == 303
    assert admin.get("/admin/people").status_code == 303  # signed out with it


def test_a_name_that_waits_after_wrong_passwords_is_marked_and_unlocked(
    admin: httpx.Client, service: Service, make: Any
) -> None:
    headers = {"Accept": "text/html", **OWN}
    for _ in range(service.settings.login_failures):
        httpx.post(f"{admin.base_url}/login", data={"name": "kim", "password": "wrong one"}, headers=headers)
    right = {"name": "kim", "password": make.password}
    assert httpx.post(f"{admin.base_url}/login", data=right, headers=headers).status_code == 429
    assert "Locked after wrong passwords" in admin.get("/admin/people").text
    page = admin.get("/admin/people/kim").text
    assert 'value="unlock"' in page
    answer = admin.post("/admin/people/kim", data={"act": "unlock"})
    assert "may sign in again" in admin.get(answer.headers["location"]).text
    assert 'value="unlock"' not in admin.get("/admin/people/kim").text
    assert httpx.post(f"{admin.base_url}/login", data=right, headers=headers).status_code == 303
    assert ("an-admin", "login.unlocked", "kim") in deeds(service)


def test_of_somebody_from_the_provider_neither_role_nor_password_is_offered(
    admin: httpx.Client, service: Service
) -> None:
    service.accounts.add("via-idp", NO_PASSWORD, Role.INSPECTOR)
    page = admin.get("/admin/people/via-idp").text
    assert 'value="disable"' in page
    assert 'value="role"' not in page
    assert 'value="password"' not in page
    answer = admin.post("/admin/people/via-idp", data={"act": "password"})
    assert answer.status_code == 422
    assert "signs in at your organisation" in answer.text


def test_an_unknown_act_or_person_changes_nothing(admin: httpx.Client, service: Service) -> None:
    before = deeds(service)
    assert admin.post("/admin/people/kim", data={"act": "delete"}).status_code == 422
    assert admin.post("/admin/people/nobody", data={"act": "disable"}).status_code == 404
    assert admin.get("/admin/people/nobody").status_code == 404
    assert admin.get("/admin/people/a%00b").status_code == 404
    assert deeds(service) == before


def test_keys_of_everybody_are_listed_by_owner_and_revoked(
    admin: httpx.Client, service: Service, people: dict[Role, Account], address: str
) -> None:
    keys = service.registry.keys
    codes = frozenset({Permission.READ_CODES})
    key, text = keys.add(people[Role.BROKER], "ERP 연동", codes, 30, by="an-broker")
    keys.add(people[Role.ANALYST], "nightly", codes, 30, by="an-analyst")
    page = admin.get("/admin/keys").text
    assert "ERP 연동" in page
    assert "nightly" in page
    assert text not in page
    only = admin.get("/admin/keys", params={"of": "an-broker"}).text
    assert "nightly" not in only
    assert "No key of this account." in admin.get("/admin/keys", params={"of": "nobody"}).text
    bearer = {"Authorization": f"Bearer {text}"}
    # the permission is not the key's: who asks is known all the same
    assert httpx.get(f"{address}/v1/account", headers=bearer).status_code == 403
    answer = admin.post(f"/admin/keys/{key.id}")
    assert "The key was revoked." in admin.get(answer.headers["location"]).text
    assert httpx.get(f"{address}/v1/account", headers=bearer).status_code == 401
    assert "Revoked" in admin.get("/admin/keys", params={"of": "an-broker"}).text
    assert ("an-admin", "key.revoke", "an-broker") in deeds(service)
    assert admin.post("/admin/keys/0000000000000000").status_code == 404


@pytest.fixture
def near(tmp_path: Path, fresh: Path, by_hand: Models, make: Any) -> Iterator[SimpleNamespace]:
    """A service whose webhooks may reach this machine, and who runs it, signed in."""
    shutil.copytree(fresh, tmp_path / "near")
    settings = Settings(
        data=tmp_path / "near", webhook_networks="127.0.0.0/8", webhook_http=True, language="en"
    )
    service = Service.open(settings, by_hand)
    admin = service.accounts.add("an-admin", "no hash", Role.ADMIN)
    cookies = {COOKIE: service.sessions.issue(admin), "portcullis_language": "en"}
    with (
        make.running(service) as address,
        httpx.Client(base_url=address, headers=OWN, cookies=cookies, timeout=30) as client,
    ):
        yield SimpleNamespace(service=service, client=client)
    service.close()


def test_a_webhook_is_added_tested_switched_and_removed(near: SimpleNamespace, receiver: Any) -> None:
    admin, service = near.client, near.service
    refused = admin.post("/admin/webhooks", data={"url": "ftp://elsewhere", "kinds": ["decided"]})
    assert refused.status_code == 422
    assert 'id="wrong-url"' in refused.text
    assert 'value="ftp://elsewhere"' in refused.text
    assert 'value="decided" checked' in refused.text
    assert service.alerting.webhooks.all() == []
    form = {"url": receiver.url, "kinds": ["decided"], "lowest": "critical"}
    page = admin.post("/admin/webhooks", data=form)
    assert page.status_code == 201
    secret = shown_once(page.text)
    hook = service.alerting.webhooks.all()[0]
    where = f"/admin/webhooks/{hook.id}"
    assert secret not in admin.get(where).text
    listed = admin.get("/admin/webhooks").text
    assert receiver.url in listed
    assert "Critical risk" in listed
    assert "The test was delivered." in admin.post(where, data={"act": "test"}).text
    assert len(receiver.got) == 1
    receiver.answer = 500
    assert "The test could not be delivered." in admin.post(where, data={"act": "test"}).text
    assert "HTTP 500" in admin.get(where).text
    assert "Switched off" in admin.get(admin.post(where, data={"act": "off"}).headers["location"]).text
    admin.post(where, data={"act": "on"})
    assert service.alerting.webhooks.all()[0].active
    gone = admin.post(where, data={"act": "remove"})
    assert "The webhook was removed." in admin.get(gone.headers["location"]).text
    assert admin.get(where).status_code == 404
    assert [action for _, action, subject in deeds(service) if subject == hook.id] == [
        *("webhook.add", "webhook.test", "webhook.test"),
        *("webhook.change", "webhook.change", "webhook.remove"),
    ]


def test_the_audit_log_is_filtered_in_words_and_by_days_of_the_office(
    admin: httpx.Client, service: Service, clock: Any
) -> None:
    """The office is in Seoul: at 15:30 UTC its next day has begun."""
    service.accounts.change("an-broker", active=False, by="an-admin")
    clock.time = clock.time.replace(hour=15, minute=30)
    service.accounts.change("an-broker", active=True, by="an-analyst")

    def rows(**asked: str) -> list[str]:
        page = admin.get("/admin/audit", params=asked).text
        return [word for word in re.findall(r'<th scope="row">([^<]+)</th>', page) if "Account" in word]

    assert rows()[:2] == ["Account enabled", "Account disabled"]
    assert rows(actor="an-admin") == ["Account disabled"]
    assert rows(action="account", subject="an-broker")[:2] == ["Account enabled", "Account disabled"]
    assert rows(action="acc") == []
    assert rows(since="2025-05-02") == ["Account enabled"]
    assert "Account enabled" not in rows(until="2025-05-01")
    assert "Account disabled" in rows(until="2025-05-01")
    assert rows(action="webhook") == []
    assert "No entry fits." in admin.get("/admin/audit", params={"action": "webhook"}).text


def test_a_long_audit_log_goes_on_with_its_filter(admin: httpx.Client, service: Service) -> None:
    for n in range(120):
        service.accounts.change("an-broker", active=bool(n % 2), by="an-admin")
    page = admin.get("/admin/audit", params={"action": "account.disable"}).text
    assert len(re.findall(r'<th scope="row">', page)) == 60
    page = admin.get("/admin/audit", params={"actor": "an-admin", "action": "account"}).text
    older = re.search(r'href="(/admin/audit\?[^"]*before=\d+)"', page)
    assert older is not None
    rest = admin.get(html.unescape(older[1])).text
    assert len(re.findall(r'<th scope="row">', page)) == 100
    assert len(re.findall(r'<th scope="row">', rest)) == 20


def test_an_entry_that_was_changed_is_found_by_the_check_of_the_log(
    admin: httpx.Client, service: Service
) -> None:
    sound = admin.post("/admin/audit").text
    head = service.audit.head()
    assert "is signed, unchanged and in its place" in sound
    assert f"<code>{head}</code>" in sound
    with writing(service.accounts.engine) as connection:
        connection.execute(sa.text("DROP TRIGGER IF EXISTS audit_no_update"))
        connection.execute(audit.update().where(audit.c.number == 2).values(actor="somebody"))
    broken = admin.post("/admin/audit").text
    assert "entry 2: its contents were changed" in broken
    assert "is signed, unchanged" not in broken


def test_the_whole_audit_log_is_taken_along_as_it_is_stored(admin: httpx.Client, service: Service) -> None:
    answer = admin.get("/admin/audit/export.jsonl")
    assert "attachment" in answer.headers["content-disposition"]
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["hash"] for line in lines] == [entry.hash for entry in service.audit.entries()]
    assert lines[0]["details"] == next(service.audit.entries()).values


def test_an_analyst_reads_the_log_with_ways_to_its_cases_and_an_admin_without(
    client_of: Client, service: Service, account: Account, make: Any
) -> None:
    from portcullis.consignment import Upload

    case = service.assess(Upload(make.declaration()), account).id
    assert f'href="/assessments/{case}"' in client_of(Role.ANALYST).get("/admin/audit").text
    page = client_of(Role.ADMIN).get("/admin/audit").text
    assert case in page
    assert f'href="/assessments/{case}"' not in page
