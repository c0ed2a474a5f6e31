"""`/v1/accounts` and `/v1/keys`: all accounts and all API keys, for administrators."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from portcullis.api.access import ManagingAccounts, Serving
from portcullis.api.account import KeyId, KeysDocument, Limit, keys_document, no_key
from portcullis.api.problems import documented
from portcullis.identity.login import MAX_PASSWORD, MIN_PASSWORD
from portcullis.service import NotFound, Service
from portcullis.store.accounts import MAX_NAME, Account, Role

router = APIRouter(prefix="/v1", tags=["accounts"])
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, Path(min_length=1, max_length=MAX_NAME, pattern=_PRINTABLE)]
NewPassword = Annotated[str | None, Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountDocument(_Document):
    """An account; sign_in: password, or provider if the person signs in there."""

    name: str
    role: Role
    active: bool
    created_at: dt.datetime
    sign_in: str


class AccountsDocument(_Document):
    """Accounts by name; `next` is what to give as `after` for the following ones, null at the end."""

    accounts: list[AccountDocument]
    next: str | None


class AccountWanted(_Document):
    """An account to be made; without a password one is made up."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    role: Role
    password: NewPassword = None


class NewAccountDocument(AccountDocument):
    """An account that was just made; `password` is the one that was made up, shown only now."""

    password: str | None


class AccountChange(_Document):
    """What is to change; null leaves it as it is."""

    role: Role | None = None
    active: bool | None = None


class PasswordWanted(_Document):
    """A new password for somebody; without one it is made up."""

    password: NewPassword = None


class PasswordDocument(_Document):
    """The password that was made up, shown only now; null if it was given."""

    password: str | None


@router.get("/accounts", response_model=AccountsDocument, responses=documented(422))
def accounts(
    service: Serving,
    account: ManagingAccounts,
    after: Annotated[str, Query(max_length=MAX_NAME, pattern=_PRINTABLE)] = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """All accounts, by name."""
    found = service.accounts.page(after, limit + 1)
    return {
        "accounts": [_document(one) for one in found[:limit]],
        "next": found[limit - 1].name if len(found) > limit else None,
    }


@router.post("/accounts", status_code=201, response_model=NewAccountDocument, responses=documented(422))
def add(service: Serving, account: ManagingAccounts, wanted: AccountWanted) -> dict[str, Any]:
    """Add an account that signs in with a password."""
    password = wanted.password or made_up()
    made = service.login.add(wanted.name, password, wanted.role, by=account.name)
    return {**_document(made), "password": None if wanted.password else password}


@router.get("/accounts/{name}", response_model=AccountDocument, responses=documented(404, 422))
def get(service: Serving, account: ManagingAccounts, name: Name) -> dict[str, Any]:
    """One account."""
    return _document(_named(service, name))


@router.patch("/accounts/{name}", response_model=AccountDocument, responses=documented(404, 422))
def change(service: Serving, account: ManagingAccounts, name: Name, wanted: AccountChange) -> dict[str, Any]:
    """Give another role, disable or enable: it counts at once. The last active admin stays one."""
    found = _named(service, name)
    return _document(
        service.accounts.change(found.name, role=wanted.role, active=wanted.active, by=account.name)
    )


@router.post("/accounts/{name}/password", response_model=PasswordDocument, responses=documented(404, 422))
def set_password(
    service: Serving, account: ManagingAccounts, name: Name, wanted: PasswordWanted
) -> dict[str, Any]:
    """Give somebody a new password; every login of the account ends."""
    found = _named(service, name)
    password = wanted.password or made_up()
    service.accounts.set_password(found.name, service.login.hashed(password), by=account.name)
    return {"password": None if wanted.password else password}


@router.get("/keys", response_model=KeysDocument, responses=documented(404, 422))
def keys(
    service: Serving,
    account: ManagingAccounts,
    of: Annotated[
        str, Query(max_length=MAX_NAME, pattern=_PRINTABLE, description="Name of an account; empty: all.")
    ] = "",
    after: Annotated[str, Query(pattern=r"^[0-9a-f]{0,16}$")] = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """The API keys of everybody or of one account."""
    owner = _named(service, of) if of else None
    return keys_document(service.registry.keys.page(owner, after, limit + 1), limit)


@router.delete("/keys/{key_id}", status_code=204, responses=documented(404, 422))
def revoke(service: Serving, account: ManagingAccounts, key_id: KeyId) -> None:
    """End anybody's API key at once and for good."""
    found = service.registry.keys.get(key_id)
    if found is None:
        raise no_key(key_id)
    service.registry.keys.revoke(found, by=account.name)


def made_up() -> str:
    """A password that nobody guesses."""
    return secrets.token_urlsafe(12)


def _named(service: Service, name: str) -> Account:
    found = service.accounts.by_name(name)
    if found is None:
        raise NotFound(f"there is no account {name!r}", field="name", remedy="see the list of accounts")
    return found


def _document(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "active": account.active,
        "created_at": account.created_at,
        "sign_in": "password" if account.has_password else "provider",
    }
