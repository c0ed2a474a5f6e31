"""API keys: what they may do, how they end, and what is kept of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from customs.errors import InvalidConfig
from portcullis.identity import KeyRefused
from portcullis.identity.keys import MAX_KEYS
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.audit import Act, check_chain
from portcullis.store.keys import api_key

KEYS = "/v1/account/keys"


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}".strip()}


def new_key(service: Service, account: Account, *scopes: Permission, days: int = 30) -> str:
    """The text of a key that was just made."""
    return service.registry.keys.add(account, "tests", frozenset(scopes), days, by=account.name)[1]


def refused(address: str, key: str) -> str:
    """What a request with this key is refused with; it must be a 401."""
    answer = httpx.get(address + "/v1/account", headers=bearer(key))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith(("Bearer", "Basic"))
    return str(answer.json()["detail"])


def test_a_key_is_made_shown_once_used_listed_and_revoked(client: httpx.Client, address: str) -> None:
    """The whole life of one, over HTTP."""
    wanted = {"name": "nightly", "scopes": ["cases.read", "account.own"], "days": 7}
    made = client.post(KEYS, json=wanted)
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith(f"pck_{made.json()['id']}_")
    assert made.headers["cache-control"] == "no-store"
    own = httpx.get(address + "/v1/account", headers=bearer(key)).json()
    assert own["name"] == "kim"
    assert own["permissions"] == ["account.own", "cases.read"]
    listed = client.get(KEYS).json()["keys"]
    assert [k["name"] for k in listed] == ["nightly"]
    assert key not in client.get(KEYS).text
    assert client.delete(f"{KEYS}/{made.json()['id']}").status_code == 204
    assert "revoked" in refused(address, key)
    assert client.get(KEYS).json()["keys"][0]["revoked_at"] is not None


def test_a_key_may_do_what_both_its_scopes_and_the_role_allow(
    service: Service, account: Account, address: str
) -> None:
    """Another role narrows the keys that are there; a scope is never more than the role."""
    key = new_key(service, account, Permission.READ_CASES, Permission.READ_CODES)
    with httpx.Client(base_url=address, headers=bearer(key)) as program:
        assert program.get("/v1/assessments/0000000000000000").status_code == 404
        denied = program.get("/v1/account")
        assert denied.status_code == 403
        assert "account.own" in denied.json()["detail"]
        service.accounts.change(account.name, role=Role.BROKER)
        assert program.get("/v1/assessments/0000000000000000").status_code == 403
        # allowed, though this store has no table of codes to look into
        assert program.get("/v1/hs", params={"query": "0306"}).status_code == 503


def test_a_key_that_has_expired_is_refused(
    service: Service, account: Account, address: str, clock: Any
) -> None:
    """At the very second; before that it is good."""
    key = new_key(service, account, Permission.OWN_ACCOUNT, days=1)
    clock.forward(days=1, seconds=-1)
    assert httpx.get(address + "/v1/account", headers=bearer(key)).status_code == 200
    clock.forward(seconds=1)
    assert "expired" in refused(address, key)


def test_a_key_of_a_disabled_account_is_refused(service: Service, account: Account, address: str) -> None:
    """It is good again with the account."""
    key = new_key(service, account, Permission.OWN_ACCOUNT)
    service.accounts.change(account.name, active=False)
    assert "disabled" in refused(address, key)
    service.accounts.change(account.name, active=True)
    assert httpx.get(address + "/v1/account", headers=bearer(key)).status_code == 200


def test_a_key_that_is_none_is_refused_without_a_hint(
    service: Service, account: Account, address: str
) -> None:
    """A wrong secret of a key that was revoked is just as unknown."""
    key = new_key(service, account, Permission.OWN_ACCOUNT)
    other = new_key(service, account, Permission.OWN_ACCOUNT)
    wrong_end = key[:-1] + ("a" if key[-1] != "a" else "b")
    texts = (
        *("", "pck_", "x", wrong_end, key[:20] + other[20:], "pck_" + "0" * 16 + key[20:]),
        *("pck_%00" + key[5:], key.removeprefix("pck_")),
    )
    for text in texts:
        assert refused(address, text) == "this API key is unknown", text
    for made in service.registry.keys.page(account):
        service.registry.keys.revoke(made, by="-")
    assert refused(address, wrong_end) == "this API key is unknown"


def test_only_the_hash_of_the_secret_is_stored(service: Service, account: Account) -> None:
    """sha256 of 32 random bytes."""
    key = new_key(service, account, Permission.OWN_ACCOUNT)
    secret = key.split("_", 2)[2]
    assert len(secret) == 43
    with service.accounts.engine.connect() as connection:
        row = connection.execute(sa.select(api_key)).one()
    assert row.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(row)
    written = [(e.actor, e.action, e.subject, e.values) for e in service.audit.about(account.name)][-1]
    assert written[:3] == (account.name, "key.add", account.name)
    assert written[3]["scopes"] == ["account.own"]
    assert secret not in str(written)


def test_when_a_key_was_used_is_kept_to_the_hour(service: Service, account: Account, clock: Any) -> None:
    """Not with each request: that would be a write for each."""
    key = new_key(service, account, Permission.OWN_ACCOUNT)

    def used() -> dt.datetime | None:
        return service.registry.keys.page(account)[0].last_used_at

    assert used() is None
    service.registry.keys.check(key)
    first = clock()
    assert used() == first
    clock.forward(minutes=59)
    service.registry.keys.check(key)
    assert used() == first
    clock.forward(minutes=1)
    service.registry.keys.check(key)
    assert used() == first + dt.timedelta(hours=1)


def test_a_key_that_cannot_be_is_refused_with_the_field(client: httpx.Client) -> None:
    """And nothing is stored."""
    changes: list[tuple[dict[str, Any], str]] = [
        ({"scopes": ["accounts.manage"]}, "accounts.manage"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"days": 367}, "days"),
        ({"days": 0}, "days"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": " "}, "name"),
        ({"colour": "red"}, "colour"),
    ]
    for change, said in changes:
        wanted = {"name": "nightly", "scopes": ["cases.read"], "days": 7, **change}
        answer = client.post(KEYS, json=wanted)
        assert answer.status_code == 422, change
        assert said in answer.text
    assert client.get(KEYS).json()["keys"] == []


def test_a_key_cannot_make_a_key_that_may_do_more(service: Service, account: Account, address: str) -> None:
    """Else a narrow key would be as good as a wide one."""
    key = new_key(service, account, Permission.OWN_ACCOUNT, Permission.READ_CODES)
    with httpx.Client(base_url=address, headers=bearer(key)) as program:
        wanted = {"name": "wider", "scopes": ["cases.read"]}
        assert program.post(KEYS, json=wanted).status_code == 422
        assert program.post(KEYS, json={**wanted, "scopes": ["codes.read"]}).status_code == 201


def test_an_account_has_only_so_many_keys(service: Service, account: Account, clock: Any) -> None:
    """Those that have ended do not count."""
    for _ in range(MAX_KEYS):
        new_key(service, account, Permission.OWN_ACCOUNT, days=1)
    with pytest.raises(ValueError, match="revoke"):
        new_key(service, account, Permission.OWN_ACCOUNT)
    clock.forward(days=2)
    new_key(service, account, Permission.OWN_ACCOUNT)


def test_nobody_revokes_the_key_of_another_but_an_admin(
    service: Service, account: Account, address: str, make: SimpleNamespace
) -> None:
    """To others it does not exist."""
    lee = service.login.add("lee", make.password, Role.ADMIN)
    key = new_key(service, account, Permission.OWN_ACCOUNT)
    key_id = key.split("_")[1]
    own = new_key(service, lee, *PERMISSIONS[Role.ADMIN])
    with httpx.Client(base_url=address, headers=bearer(own)) as admin:
        assert admin.delete(f"{KEYS}/{key_id}").status_code == 404
        assert {k["account"] for k in admin.get("/v1/keys").json()["keys"]} == {"kim", "lee"}
        assert [k["id"] for k in admin.get("/v1/keys", params={"of": "kim"}).json()["keys"]] == [key_id]
        first = admin.get("/v1/keys", params={"limit": 1}).json()
        rest = admin.get("/v1/keys", params={"limit": 1, "after": first["next"]}).json()
        assert {first["keys"][0]["id"], rest["keys"][0]["id"]} == {key_id, own.split("_")[1]}
        assert rest["next"] is None
        assert admin.delete(f"/v1/keys/{key_id}").status_code == 204
    assert "revoked" in refused(address, key)
    assert service.audit.about("kim")[-1].values["key"] == key_id
    assert service.audit.about("kim")[-1].actor == "lee"


def command(*args: str) -> str:
    """What a command prints."""
    from typer.testing import CliRunner

    from portcullis.cli.app import app

    done = CliRunner().invoke(app, args, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_keys_and_accounts_are_managed_on_the_command_line(
    service: Service, account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The running service sees each change at once, and the audit log stays whole."""
    monkeypatch.setenv("PORTCULLIS_DATA", str(service.settings.data))
    key = command("key", "add", "kim", "--name", "nightly", "--scope", "cases.read", "--days", "300").strip()
    # the service's clock stands in 2025, the command's does not
    found, scopes = service.registry.keys.check(key)
    assert (found.name, scopes) == ("kim", {Permission.READ_CASES})
    listed = json.loads(command("key", "list", "kim", "--json"))
    assert [(k["name"], k["scopes"]) for k in listed] == [("nightly", ["cases.read"])]
    assert "nightly" in command("key", "list")
    assert command("key", "revoke", listed[0]["id"]).startswith("revoked")
    with pytest.raises(KeyRefused, match="revoked"):
        service.registry.keys.check(key)
    assert command("user", "role", "kim", "analyst") == "kim is analyst now\n"
    assert command("user", "disable", "kim") == "disabled kim\n"
    changed = service.accounts.named("kim")
    assert (changed.role, changed.active) == (Role.ANALYST, False)
    rows = json.loads(command("user", "list", "--json"))
    assert [(r["name"], r["role"], r["active"]) for r in rows] == [("kim", "analyst", False)]
    assert "disabled" in command("user", "list")
    command("user", "enable", "kim")
    assert service.accounts.named("kim").active


def test_a_service_with_another_secret_does_not_start(service: Service, tmp_path: Path) -> None:
    """Its entries would be taken for forged ones."""
    service.audit.add(Act("kim", "test", "kim", {}))
    with pytest.raises(InvalidConfig, match="did not sign"):
        Service.open(replace(service.settings, data=tmp_path / "elsewhere"), service.models)
    assert list(check_chain(service.audit.entries(), service.audit.public_key)) == []


def test_a_command_with_another_secret_does_not_break_the_audit_log(
    service: Service, account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It says which folder to name, and changes nothing."""
    service.audit.add(Act("kim", "test", "kim", {}))
    monkeypatch.setenv("PORTCULLIS_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(InvalidConfig, match="did not sign"):
        command("user", "disable", "kim", "--store", service.settings.store_url)
    assert service.accounts.named("kim").active
