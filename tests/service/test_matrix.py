"""Every route with every role, read from the OpenAPI document: routes that come later are covered, too."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

import portcullis
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.identity.session import COOKIE
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role

METHODS = ("get", "post", "put", "patch", "delete")
README = Path(portcullis.__file__).with_name("README.md")


@dataclass(frozen=True)
class Operation:
    """One method of one path, and what it asks for."""

    method: str
    path: str
    permission: Permission
    described: dict[str, Any]

    def ask(self, client: httpx.Client, document: dict[str, Any], **sent: Any) -> int:
        """Send the least that fits the description; answers with the status, the body is not awaited."""
        body = self.described.get("requestBody", {}).get("content", {})
        if "multipart/form-data" in body:
            sent["files"] = {"unknown": b""}
        elif "application/json" in body:
            sent["json"] = {}
        with client.stream(self.method.upper(), self._filled(document), **sent) as answer:
            return answer.status_code

    def _filled(self, document: dict[str, Any]) -> str:
        path = self.path
        for parameter in self.described.get("parameters", ()):
            if parameter["in"] == "path":
                kind = parameter["schema"].get("type")
                value = "1" if kind in ("integer", "number") else "0123456789abcdef"
                path = path.replace(f"{{{parameter['name']}}}", value)
        return re.sub(r"\{\w+\}", "x", path)

    def may_answer(self, status: int) -> bool:
        """No mistake of ours: a 5xx only where the description says when."""
        return status < 500 or str(status) in self.described["responses"]


@dataclass(frozen=True)
class Ground:
    """A live service with an account for each role, and a key for each permission."""

    client: httpx.Client
    document: dict[str, Any]
    operations: tuple[Operation, ...]
    service: Service
    accounts: dict[Role, Account]
    keys: dict[frozenset[Permission], str]

    def cookie(self, role: Role) -> str:
        """A login of this role that nobody ended yet."""
        return f"{COOKIE}={self.service.sessions.issue(self.accounts[role])}"


@pytest.fixture(scope="module")
def ground(
    tmp_path_factory: pytest.TempPathFactory, fresh: Path, by_hand: Models, make: SimpleNamespace
) -> Iterator[Ground]:
    """Made once: the tests only ask."""
    folder = tmp_path_factory.mktemp("matrix") / "data"
    shutil.copytree(fresh, folder)
    service = Service.open(Settings(data=folder, requests_per_minute=0), by_hand)
    accounts = {role: service.accounts.add(f"a-{role}", "no hash", role) for role in Role}
    owners = {p: next(a for r, a in accounts.items() if p in PERMISSIONS[r]) for p in Permission}

    def key(permission: Permission, *scopes: Permission) -> str:
        owner = owners[permission]
        return service.registry.keys.add(owner, "matrix", frozenset(scopes), 1, by="-")[1]

    keys = {}
    for permission, owner in owners.items():
        keys[frozenset({permission})] = key(permission, permission)
        others = PERMISSIONS[owner.role] - {permission}
        keys[frozenset(Permission) - {permission}] = key(permission, *others)
    with make.running(service) as address, httpx.Client(base_url=address, timeout=30) as client:
        document = client.get("/openapi.json").json()
        operations = tuple(
            Operation(method, path, Permission(described["x-permission"]), described)
            for path, methods in document["paths"].items()
            if path.startswith("/v1/")
            for method, described in methods.items()
            if method in METHODS
        )
        yield Ground(client, document, operations, service, accounts, keys)
    service.close()


def test_the_document_names_a_permission_for_every_operation(ground: Ground) -> None:
    """And each way to sign in; what the pages ask for is all there."""
    assert len(ground.operations) >= 25
    used = {operation.permission for operation in ground.operations}
    assert used >= {Permission.ASSESS, Permission.WORK_CASES, Permission.MANAGE_ACCOUNTS}
    for operation in ground.operations:
        assert operation.described["security"] == [{"basic": []}, {"bearer": []}, {"cookie": []}]
        assert {"401", "403", "429"} <= set(operation.described["responses"]), operation.path


def test_nobody_gets_a_401_from_every_operation(ground: Ground) -> None:
    """Neither without anything nor with what is worth nothing."""
    for operation in ground.operations:
        for headers in ({}, {"Authorization": "Bearer pck_0123456789abcdef_x"}, {"Authorization": "Basic !"}):
            status = operation.ask(ground.client, ground.document, headers=headers)
            assert status == 401, (operation.method, operation.path, headers)


@pytest.mark.parametrize("role", Role)
def test_a_role_gets_a_403_exactly_where_it_lacks_the_permission(ground: Ground, role: Role) -> None:
    """With a login cookie, as our own page sends it."""
    for operation in ground.operations:
        status = operation.ask(
            ground.client,
            ground.document,
            headers={"Cookie": ground.cookie(role), "Sec-Fetch-Site": "same-origin"},
        )
        allowed = operation.permission in PERMISSIONS[role]
        assert (status not in (401, 403)) if allowed else (status == 403), (
            operation.method,
            operation.path,
            status,
        )
        assert operation.may_answer(status), (operation.method, operation.path, status)


def test_a_key_gets_a_403_exactly_where_it_lacks_the_scope(ground: Ground) -> None:
    """One that has only this scope, and one that has all others of its account."""
    for operation in ground.operations:
        only = frozenset({operation.permission})
        for scopes, allowed in ((only, True), (frozenset(Permission) - only, False)):
            status = operation.ask(
                ground.client, ground.document, headers={"Authorization": f"Bearer {ground.keys[scopes]}"}
            )
            assert (status not in (401, 403)) if allowed else (status == 403), (
                operation.method,
                operation.path,
                allowed,
                status,
            )
            assert operation.may_answer(status), (operation.method, operation.path, status)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_changes_nothing_with_a_visitors_cookie(ground: Ground, site: str) -> None:
    """Every changing operation refuses what another site made the browser send; reading one's own is left."""
    for operation in ground.operations:
        if operation.method == "get" or operation.permission not in PERMISSIONS[Role.ADMIN]:
            continue
        headers = {"Cookie": ground.cookie(Role.ADMIN), "Sec-Fetch-Site": site}
        status = operation.ask(ground.client, ground.document, headers=headers)
        assert status == 403, (operation.method, operation.path)


def test_the_readme_has_the_table_of_roles_and_permissions() -> None:
    """As `permissions.py` has it: a row for each permission, a column for each role."""
    rows = re.findall(r"^\| `([a-z]+\.[a-z]+)` \| (.*) \|$", README.read_text(encoding="utf-8"), re.M)
    written = {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}
    expected = {p.value: ["✓" if p in PERMISSIONS[role] else "" for role in Role] for p in Permission}
    assert {name: cells[1:] for name, cells in written.items()} == expected
    assert all(cells[0] for cells in written.values())
