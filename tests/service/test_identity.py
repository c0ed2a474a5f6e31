"""Passwords, waiting, sessions, and requests from other sites."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from customs.errors import CustomsError
from portcullis.identity import LoginRefused, TooManyFailures, read_secret
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account, Role


def sign_in(address: str, make: SimpleNamespace, **form: str) -> httpx.Response:
    """Send the login form as our own page would."""
    data = {"name": make.name, "password": make.password, **form}
    return httpx.post(f"{address}/login", data=data, headers={"Sec-Fetch-Site": "same-origin"})


def test_a_password_is_kept_as_an_argon2_hash(account: Account, make: SimpleNamespace) -> None:
    """The password itself is nowhere."""
    assert account.password_hash.startswith("$argon2id$")
    assert make.password not in account.password_hash


@pytest.mark.parametrize("name", ["", "a:b", " kim", "k" * 65, "a\nb", "kim"])
def test_a_name_that_cannot_be_one_or_is_taken_is_refused(
    service: Service, account: Account, make: SimpleNamespace, name: str
) -> None:
    """A colon would end the name in HTTP Basic."""
    with pytest.raises(CustomsError):
        service.login.add(name, make.password, Role.BROKER)


@pytest.mark.both_databases
def test_a_short_password_is_refused(service: Service) -> None:
    """Ten characters at least."""
    with pytest.raises(CustomsError, match="9 characters"):
        service.login.add("lee", "123456789", Role.BROKER)


@pytest.mark.both_databases
def test_an_account_waits_after_wrong_passwords(
    service: Service, account: Account, make: SimpleNamespace, clock: Any
) -> None:
    """Even the right password has to wait; a name that does not exist waits just the same."""
    for name in (make.name, "nobody"):
        for _ in range(5):
            with pytest.raises(LoginRefused):
                service.login.check(name, "wrong password")
        with pytest.raises(TooManyFailures) as waiting:
            service.login.check(name, make.password)
        assert waiting.value.seconds <= 15 * 60 + 1
    clock.forward(minutes=16)
    assert service.login.check(make.name, make.password) == account


@pytest.mark.both_databases
def test_a_right_password_forgets_the_wrong_ones(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """Four slips a day do not add up."""
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(LoginRefused):
                service.login.check(make.name, "wrong password")
        assert service.login.check(make.name, make.password)
        service.login._remembered.clear()


def test_a_remembered_password_ends_when_it_is_changed(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """HTTP Basic does not pay argon2 at each request, and still obeys at once."""
    service.login.check(make.name, make.password)
    service.accounts.set_password(make.name, service.login.hashed("another long one"))
    with pytest.raises(LoginRefused):
        service.login.check(make.name, make.password)


def test_a_login_cookie_is_strict_and_opens_the_desk(address: str, make: SimpleNamespace) -> None:
    """HttpOnly and SameSite=Strict; Secure only behind HTTPS."""
    answer = sign_in(address, make)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert httpx.get(address + "/desk", cookies=dict(answer.cookies)).status_code == 200


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/assessments/abc", "/assessments/abc"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_login_leads_only_to_our_own_pages(
    address: str, make: SimpleNamespace, asked: str, target: str
) -> None:
    """`next` is what a stranger may have written."""
    assert sign_in(address, make, next=asked).headers["location"] == target


@pytest.mark.both_databases
def test_a_wrong_password_keeps_the_name_in_the_form(address: str, make: SimpleNamespace) -> None:
    """And says what is wrong."""
    answer = sign_in(address, make, password="wrong password")
    assert answer.status_code == 401
    assert f'value="{make.name}"' in answer.text
    assert "wrong password" not in answer.text


@pytest.mark.both_databases
def test_too_many_wrong_passwords_are_told_with_the_time(address: str, make: SimpleNamespace) -> None:
    """429 and Retry-After."""
    for _ in range(5):
        sign_in(address, make, password="wrong password")
    answer = sign_in(address, make)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 901


def test_a_cookie_that_is_forged_old_or_from_before_a_new_password_counts_for_nothing(
    service: Service, account: Account, clock: Any
) -> None:
    """Each is simply not signed in."""
    cookie = service.sessions.issue(account)
    assert service.sessions.read(cookie) == account
    for forged in (cookie[:-2] + "xx", "", "\0", "é"):
        assert service.sessions.read(forged) is None
    old = service.sessions.issue(account)
    clock.forward(hours=12)
    assert service.sessions.read(old) is None
    fresh = service.sessions.issue(account)
    service.accounts.set_password(account.name, service.login.hashed("another long one"))
    assert service.sessions.read(fresh) is None


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_cookie_counts_for_a_change_only_from_our_own_pages(
    address: str, make: SimpleNamespace, headers: dict[str, str], allowed: bool
) -> None:
    """Another site can make a browser send a form, but not from here."""
    cookies = {COOKIE: sign_in(address, make).cookies[COOKIE]}
    parts = {"declaration": make.declaration()}
    for path in ("/v1/assessments", "/desk"):
        answer = httpx.post(address + path, files=parts, cookies=cookies, headers=headers)
        assert answer.status_code == ((201 if path != "/desk" else 303) if allowed else 403)
    own = httpx.post(address + "/v1/assessments", files=parts, cookies=cookies, headers={"Origin": address})
    assert own.status_code == 201


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    """Mode 0600, and the same at the next start."""
    secret = read_secret(tmp_path / "data")
    assert len(secret) == 64
    assert read_secret(tmp_path / "data") == secret
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
