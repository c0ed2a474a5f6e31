"""`/v1/account`: who one is, one's password, logins and API keys."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from customs.errors import InvalidValue
from portcullis.api.access import Calling, OwningAccount, Serving, client_address
from portcullis.api.problems import documented
from portcullis.identity import LoginRefused, TooManyFailures
from portcullis.identity.keys import MAX_DAYS, ApiKey
from portcullis.identity.login import MAX_PASSWORD, MIN_PASSWORD
from portcullis.identity.permissions import Permission
from portcullis.service import NotFound
from portcullis.store.accounts import Role

router = APIRouter(prefix="/v1/account", tags=["account"])
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="The part of a key behind `pck_`.")]
Limit = Annotated[int, Query(ge=1, le=500)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OwnAccountDocument(_Document):
    """Who asks, and what this request may do (a key may do less than its account).

    sign_in: password, or provider if the person signs in there; logins: browsers that are signed in.
    """

    name: str
    role: Role
    permissions: list[Permission]
    sign_in: str
    logins: int


class PasswordChange(_Document):
    """One's old password and the new one."""

    old: str = Field(min_length=1, max_length=MAX_PASSWORD)
    new: str = Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)


class KeyWanted(_Document):
    """A key to be made: what for, which permissions, for how many days."""

    name: str = Field(min_length=1, max_length=64)
    scopes: list[Permission] = Field(min_length=1, max_length=len(Permission))
    days: int = Field(default=90, ge=1, le=MAX_DAYS)


class KeyDocument(_Document):
    """An API key without its secret; last_used_at is right to the hour, and null if it never was."""

    id: str
    account: str
    name: str
    scopes: list[Permission]
    created_at: dt.datetime
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None


class NewKeyDocument(KeyDocument):
    """A key that was just made; `key` is its text, which is shown only now."""

    key: str


class KeysDocument(_Document):
    """Keys by id; `next` is what to give as `after` for the following ones, null at the end."""

    keys: list[KeyDocument]
    next: str | None


@router.get("", response_model=OwnAccountDocument)
def get(service: Serving, account: OwningAccount, caller: Calling) -> dict[str, Any]:
    """Who one is, and what one may do."""
    return {
        "name": account.name,
        "role": account.role,
        "permissions": sorted(caller.permissions),
        "sign_in": "password" if account.has_password else "provider",
        "logins": service.sessions.count(account),
    }


@router.post("/password", status_code=204, responses=documented(422))
def change_password(
    request: Request, service: Serving, account: OwningAccount, wanted: PasswordChange
) -> None:
    """Change one's own password; every login of the account ends, also this one."""
    try:
        service.login.check(account.name, wanted.old, client_address(request, service))
    except TooManyFailures:
        raise
    except LoginRefused:
        raise InvalidValue(
            "this is not the password", field="old", remedy="ask an administrator for a new one if it is lost"
        ) from None
    service.accounts.set_password(account.name, service.login.hashed(wanted.new), by=account.name)


@router.delete("/logins", status_code=204)
def sign_out_everywhere(service: Serving, account: OwningAccount) -> None:
    """End every login of one's account; API keys stay."""
    service.sessions.end_all(account, by=account.name)


@router.get("/keys", response_model=KeysDocument, responses=documented(422))
def keys(
    service: Serving,
    account: OwningAccount,
    after: Annotated[str, Query(pattern=r"^[0-9a-f]{0,16}$")] = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """One's API keys, also those that have ended."""
    return keys_document(service.registry.keys.page(account, after, limit + 1), limit)


@router.post("/keys", status_code=201, response_model=NewKeyDocument, responses=documented(422))
def add_key(service: Serving, account: OwningAccount, caller: Calling, wanted: KeyWanted) -> dict[str, Any]:
    """Make an API key for some of what this request may do; its text is shown only now."""
    key, text = service.registry.keys.add(
        account,
        wanted.name,
        frozenset(wanted.scopes),
        wanted.days,
        within=caller.permissions,
        by=account.name,
    )
    return {**key_document(key), "key": text}


@router.delete("/keys/{key_id}", status_code=204, responses=documented(404, 422))
def revoke_key(service: Serving, account: OwningAccount, key_id: KeyId) -> None:
    """End one of one's API keys at once and for good."""
    found = service.registry.keys.get(key_id)
    if found is None or found.account != account.name:
        raise no_key(key_id)
    service.registry.keys.revoke(found, by=account.name)


def key_document(key: ApiKey) -> dict[str, Any]:
    """An API key as it is answered."""
    return {
        "id": key.id,
        "account": key.account,
        "name": key.name,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }


def keys_document(found: list[ApiKey], limit: int) -> dict[str, Any]:
    """The first `limit` of what was found, and where the next begin."""
    more = len(found) > limit
    return {
        "keys": [key_document(key) for key in found[:limit]],
        "next": found[limit - 1].id if more else None,
    }


def no_key(key_id: str) -> NotFound:
    """There is no such key."""
    return NotFound(f"there is no key {key_id}", field="key_id", remedy="see the list of keys")
