"""Logins of browsers: kept in the store, so that they can be ended; and what the audit log says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from portcullis.identity import AccountDisabled, LoginRefused, TooManyFailures
from portcullis.identity.session import COOKIE
from portcullis.models import Models
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.sessions import login_session

OWN = {"Sec-Fetch-Site": "same-origin"}


@contextmanager
def browser(address: str, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """A browser that signed in."""
    with httpx.Client(base_url=address, headers={**OWN, "Accept": "text/html"}, timeout=30) as client:
        form = {"name": make.name, "password": make.password}
        assert client.post("/login", data=form).status_code == 303
        yield client


def acts(service: Service, *actions: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Entries of the audit log of these kinds."""
    return [(e.actor, e.action, e.subject, e.values) for e in service.audit.entries() if e.action in actions]


def test_a_logout_ends_the_login_even_for_a_copy_of_the_cookie(address: str, make: SimpleNamespace) -> None:
    """What was copied before the logout opens nothing after it."""
    with browser(address, make) as client:
        copied = {COOKIE: client.cookies[COOKIE]}
        assert httpx.get(address + "/v1/account", cookies=copied).status_code == 200
        assert client.post("/logout").status_code == 303
    assert httpx.get(address + "/v1/account", cookies=copied).status_code == 401
    assert httpx.get(address + "/", cookies=copied).status_code == 303


@pytest.mark.parametrize("way", ["form", "api"])
def test_signing_out_everywhere_ends_all_logins_of_one_account_only(
    service: Service, address: str, make: SimpleNamespace, way: str
) -> None:
    """Of another account nothing ends."""
    lee = service.sessions.issue(service.login.add("lee", make.password, Role.ANALYST))
    with browser(address, make) as here, browser(address, make) as there:
        answer = (
            here.post("/logout", data={"everywhere": "true"})
            if way == "form"
            else here.delete("/v1/account/logins")
        )
        assert answer.status_code in (303, 204)
        for client in (here, there):
            assert client.get("/v1/account").status_code == 401
    assert service.sessions.read(lee) is not None
    assert acts(service, "logout") == [(make.name, "logout", make.name, {"logins": 2})]


def test_the_store_holds_only_the_hash_of_a_cookie(service: Service, account: Account) -> None:
    """Whoever reads the database cannot sign in with what is there."""
    cookie = service.sessions.issue(account)
    with service.accounts.engine.connect() as connection:
        row = connection.execute(sa.select(login_session)).one()
    assert row.token_hash == hashlib.sha256(cookie.encode()).hexdigest()
    assert cookie not in str(row)


def test_old_logins_are_removed_when_somebody_signs_in(
    service: Service, account: Account, clock: Any
) -> None:
    """The table does not grow for ever."""
    for _ in range(3):
        service.sessions.issue(account)
    clock.forward(hours=13)
    service.sessions.issue(account)
    with service.accounts.engine.connect() as connection:
        assert len(connection.execute(sa.select(login_session)).all()) == 1


def test_another_role_counts_at_once_and_a_disabled_account_is_out_for_good(
    service: Service, account: Account
) -> None:
    """A login that was ended by disabling does not come back with the account."""
    cookie = service.sessions.issue(account)
    service.accounts.change(account.name, role=Role.BROKER)
    found = service.sessions.read(cookie)
    assert found is not None
    assert found.role is Role.BROKER
    service.accounts.change(account.name, active=False)
    assert service.sessions.read(cookie) is None
    service.accounts.change(account.name, active=True)
    assert service.sessions.read(cookie) is None


def test_a_disabled_account_is_told_so_only_with_the_right_password(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """A remembered password does not help either."""
    assert service.login.check(account.name, make.password)
    service.accounts.change(account.name, active=False)
    for _ in range(2):
        with pytest.raises(AccountDisabled):
            service.login.check(account.name, make.password)
    service.login._remembered.clear()
    with pytest.raises(AccountDisabled):
        service.login.check(account.name, make.password)
    with pytest.raises(LoginRefused, match="wrong"):
        service.login.check(account.name, "wrong password")


def test_behind_https_cookies_are_bound_to_this_host(
    service: Service, by_hand: Models, make: SimpleNamespace
) -> None:
    """Secure, no domain, all paths: what the prefix __Host- asks for. The plain name is not read."""
    service.close()
    secure = Service.open(replace(service.settings, https=True), by_hand, now=service.accounts.now)
    with make.running(secure) as address:
        form = {"name": make.name, "password": make.password}
        answer = httpx.post(address + "/login", data=form, headers=OWN)
        cookie = answer.headers["set-cookie"]
        name = f"__Host-{COOKIE}"
        assert cookie.startswith(f"{name}=")
        for part in ("; Secure", "; HttpOnly", "; Path=/", "; SameSite=strict"):
            assert part in cookie
        assert "Domain" not in cookie
        token = cookie.split(";")[0].split("=", 1)[1]
        assert httpx.get(address + "/v1/account", headers={"Cookie": f"{name}={token}"}).status_code == 200
        assert httpx.get(address + "/v1/account", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 401
    secure.close()


def test_logins_logouts_and_locks_are_in_the_audit_log_but_not_each_failure(
    service: Service, address: str, make: SimpleNamespace
) -> None:
    """Wrong passwords come from anybody: they are counted; only the lock of an account is written."""
    with browser(address, make) as client:
        client.post("/logout")
    auth = (make.name, make.password)
    service.login._remembered.clear()
    for _ in range(3):
        assert httpx.get(address + "/v1/account", auth=auth).status_code == 200
    how = [(a, v.get("how")) for _, a, _, v in acts(service, "login", "logout")]
    assert how == [("login", "password"), ("logout", None), ("login", "basic")]
    before = service.audit.head()
    for name in (make.name, "nobody-1"):
        for _ in range(6):
            with pytest.raises(LoginRefused):
                service.login.check(name, "wrong password")
    assert acts(service, "login.locked") == [("-", "login.locked", make.name, {})]
    after = service.audit.head()
    assert before is not None
    assert after is not None
    assert after.number == before.number + 1
    with pytest.raises(TooManyFailures):
        service.login.check("nobody-1", make.password)


def test_no_password_and_no_token_is_in_the_audit_log(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """Nor a hash of one."""
    cookie = service.sessions.issue(account)
    service.accounts.set_password(account.name, service.login.hashed("another long one"))
    changed = service.accounts.named(account.name)
    written = "\n".join(entry.details for entry in service.audit.entries())
    for secret in (cookie, make.password, "another long one", account.password_hash, changed.password_hash):
        assert secret not in written
