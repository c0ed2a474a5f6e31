"""Accounts over HTTP: made, changed and disabled by admins, each deed in the audit log; and one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from customs.errors import InvalidValue
from portcullis.identity import Registry
from portcullis.identity.secret import signing_key
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store import open_store
from portcullis.store.accounts import Account, Role
from portcullis.store.audit import Audit

ACCOUNTS = "/v1/accounts"


@pytest.fixture
def admin(service: Service, address: str, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """A client of the only admin, who is called root."""
    service.login.add("root", make.password, Role.ADMIN)
    with httpx.Client(base_url=address, auth=("root", make.password), timeout=30) as client:
        yield client


@pytest.fixture
def registry(store_url: str, clock: Any) -> Iterator[Registry]:
    """Accounts of an empty store, on both databases."""
    engine = open_store(store_url)
    secret = b"0" * 64
    audit = Audit(engine, signing_key(secret), clock)
    yield Registry.open(engine, Settings(store_url=store_url), audit, secret, clock)
    engine.dispose()


def last(service: Service, name: str) -> tuple[str, str, dict[str, Any]]:
    """The newest entry about an account."""
    entry = service.audit.about(name)[-1]
    return entry.actor, entry.action, entry.values


def test_an_admin_adds_an_account_whose_password_is_shown_once(service: Service, admin: httpx.Client) -> None:
    """It works, and no later answer has it."""
    made = admin.post(ACCOUNTS, json={"name": "이수진", "role": "broker"})
    assert made.status_code == 201
    password = made.json()["password"]
    assert service.login.check("이수진", password).role is Role.BROKER
    assert password not in admin.get(f"{ACCOUNTS}/이수진").text
    assert last(service, "이수진") == ("root", "account.add", {"role": "broker"})
    given = admin.post(ACCOUNTS, json={"name": "park", "role": "analyst", "password": "a long password"})
    assert given.json()["password"] is None
    assert service.login.check("park", "a long password")


def test_an_account_that_cannot_be_is_refused(admin: httpx.Client) -> None:
    """A name that is taken, or that no address or login could carry."""
    cannot_be = [
        {"name": "kim", "role": "broker"},
        {"name": "a/b", "role": "broker"},
        {"name": "..", "role": "broker"},
        {"name": "a\u0000b", "role": "broker"},
        {"name": "a\ud800", "role": "broker"},
        {"name": "lee", "role": "emperor"},
        {"name": "lee", "role": "broker", "password": "short"},
        {"name": "lee"},
    ]
    for wanted in cannot_be:
        # httpx would refuse to write half a character
        body = json.dumps(wanted).encode()
        answer = admin.post(ACCOUNTS, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, wanted
        assert answer.headers["content-type"] == "application/problem+json"
    assert [a["name"] for a in admin.get(ACCOUNTS).json()["accounts"]] == ["kim", "root"]


def test_accounts_are_listed_in_pages(service: Service, admin: httpx.Client) -> None:
    """`next` leads to the end, and each is there once."""
    for i in range(5):
        service.accounts.add(f"user-{i}", "no hash", Role.BROKER)
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        page = admin.get(ACCOUNTS, params={"limit": 3, "after": after}).json()
        names += [a["name"] for a in page["accounts"]]
        after = page["next"]
    assert names == ["kim", "root", *(f"user-{i}" for i in range(5))]


def test_role_and_state_change_at_once_and_are_written_down(
    service: Service, account: Account, admin: httpx.Client, make: SimpleNamespace
) -> None:
    """What does not change is not written."""
    cookie = service.sessions.issue(account)
    changed = admin.patch(f"{ACCOUNTS}/kim", json={"role": "analyst", "active": False})
    assert (changed.json()["role"], changed.json()["active"]) == ("analyst", False)
    assert service.sessions.read(cookie) is None
    acts = [(e.actor, e.action, e.values) for e in service.audit.about("kim")[-2:]]
    assert acts == [
        ("root", "account.role", {"before": "inspector", "after": "analyst"}),
        ("root", "account.disable", {}),
    ]
    before = service.audit.head()
    assert admin.patch(f"{ACCOUNTS}/kim", json={"role": "analyst"}).status_code == 200
    assert service.audit.head() == before
    assert admin.patch(f"{ACCOUNTS}/nobody", json={"active": True}).status_code == 404


def test_a_new_password_from_an_admin_ends_what_the_old_one_opened(
    service: Service, account: Account, admin: httpx.Client, make: SimpleNamespace
) -> None:
    """Cookies, and HTTP Basic with the old password."""
    cookie = service.sessions.issue(account)
    made = admin.post(f"{ACCOUNTS}/kim/password", json={})
    assert service.login.check("kim", made.json()["password"])
    assert service.sessions.read(cookie) is None
    assert last(service, "kim")[:2] == ("root", "account.password")
    assert made.json()["password"] not in service.audit.about("kim")[-1].details


def test_the_last_active_admin_stays_one(
    service: Service, admin: httpx.Client, make: SimpleNamespace
) -> None:
    """Else nobody could make another."""
    changes: list[dict[str, Any]] = [
        {"active": False},
        {"role": "broker", "active": True},
        {"role": "broker"},
    ]
    for change in changes:
        refused = admin.patch(f"{ACCOUNTS}/root", json=change)
        assert refused.status_code == 422, change
        assert "last active admin" in refused.json()["detail"]
    service.login.add("second", make.password, Role.ADMIN)
    assert admin.patch(f"{ACCOUNTS}/second", json={"active": False}).status_code == 200
    assert admin.patch(f"{ACCOUNTS}/root", json=change).status_code == 422
    assert admin.patch(f"{ACCOUNTS}/second", json={"active": True}).status_code == 200
    assert admin.patch(f"{ACCOUNTS}/root", json=change).status_code == 200


def test_two_admins_who_take_each_others_role_leave_one(registry: Registry) -> None:
    """At the same time, on both databases."""
    for name in ("one", "two"):
        registry.accounts.add(name, "no hash", Role.ADMIN)

    def demote(name: str) -> bool:
        try:
            registry.accounts.change(name, role=Role.BROKER)
        except InvalidValue:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(demote, ["one", "two"])) == [False, True]


def test_accounts_logins_and_keys_are_the_same_on_both_databases(registry: Registry) -> None:
    """From the first login to the last key; times come back in UTC."""
    account = registry.login.add("kim", "a long password", Role.INSPECTOR)
    assert account.created_at == registry.accounts.now()
    assert registry.accounts.by_name("a\0b") is None
    assert registry.login.check("kim", "a long password") == account
    cookie = registry.sessions.issue(account)
    assert registry.sessions.read(cookie) == account
    assert registry.sessions.read("\0") is None
    assert registry.sessions.count(account) == 1
    from portcullis.identity.permissions import Permission

    key, text = registry.keys.add(account, "tests", {Permission.READ_CASES}, 1, by="kim")
    assert registry.keys.check(text) == (account, {Permission.READ_CASES})
    assert registry.keys.page(account)[0].created_at == key.created_at == registry.accounts.now()
    registry.accounts.change("kim", active=False)
    assert registry.sessions.read(cookie) is None
    with pytest.raises(InvalidValue, match="exists already"):
        registry.accounts.add("kim", "no hash", Role.BROKER)
    linked = registry.accounts.from_provider("https://id.example", "42", Role.ANALYST, "kim")
    assert (linked.name, linked.role, linked.has_password) == ("kim-2", Role.ANALYST, False)
    again = registry.accounts.from_provider("https://id.example", "42", Role.BROKER, "other")
    assert (again.id, again.name, again.role) == (linked.id, "kim-2", Role.BROKER)


def test_one_reads_ones_own_account(client: httpx.Client) -> None:
    """Name, role and what this request may do."""
    own = client.get("/v1/account").json()
    assert (own["name"], own["role"], own["sign_in"], own["logins"]) == ("kim", "inspector", "password", 0)
    assert "cases.work" in own["permissions"]
    assert "accounts.manage" not in own["permissions"]


def test_one_changes_ones_own_password_with_the_old_one(
    service: Service, client: httpx.Client, account: Account, make: SimpleNamespace
) -> None:
    """A wrong old one is a mistake in a field, not a lost login; too many of them wait as at the door."""
    cookie = service.sessions.issue(account)
    wrong = client.post("/v1/account/password", json={"old": "not this one", "new": "another long one"})
    assert wrong.status_code == 422
    assert wrong.json()["problems"][0]["field"] == "old"
    short = client.post("/v1/account/password", json={"old": make.password, "new": "short"})
    assert short.status_code == 422
    right = client.post("/v1/account/password", json={"old": make.password, "new": "another long one"})
    assert right.status_code == 204
    assert service.sessions.read(cookie) is None
    assert client.get("/v1/account").status_code == 401
    client.auth = httpx.BasicAuth(make.name, "another long one")
    assert client.get("/v1/account").status_code == 200
    tries = [
        client.post("/v1/account/password", json={"old": "not this one", "new": "another long one"})
        for _ in range(6)
    ]
    assert [t.status_code for t in tries] == [422] * 5 + [429]
    assert int(tries[-1].headers["retry-after"]) > 0
