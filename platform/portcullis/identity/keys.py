"""API keys for programs: `pck_<id>_<secret>`, shown once, for some of its account's permissions, for a time.

Only sha256 of the secret is stored. A slow hash such as argon2 protects passwords, which people choose and
others can guess; 256 random bits cannot be guessed, and a slow hash would only slow every request.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from customs.errors import InvalidValue
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.identity.refusals import AccountDisabled, KeyRefused
from portcullis.store.accounts import Account, Accounts
from portcullis.store.accounts import account as account_table
from portcullis.store.audit import Act, Audit
from portcullis.store.engine import writing
from portcullis.store.keys import api_key

PREFIX = "pck_"
MAX_DAYS = 366
MAX_KEYS = 50  # of one account that are neither revoked nor expired
_USED = dt.timedelta(hours=1)


@dataclass(frozen=True)
class ApiKey:
    """An API key without its secret; `last_used_at` is right to the hour."""

    id: str
    account: str
    name: str
    scopes: tuple[Permission, ...]
    created_at: dt.datetime
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None


class ApiKeys:
    """The API keys of one store."""

    def __init__(self, accounts: Accounts, audit: Audit, now: Callable[[], dt.datetime]) -> None:
        self.accounts = accounts
        self.audit = audit
        self.now = now

    def add(
        self,
        account: Account,
        name: str,
        scopes: Set[Permission],
        days: int,
        *,
        within: Set[Permission] | None = None,
        by: str,
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which nobody can read again.

        Args:
            account: whose key it is.
            name: what it is for.
            scopes: what it may do; only what `within` holds (all that the account may do, unless given).
            days: how long it lasts, 1 to 366.
            by: name of the account that asks for it.

        Raises:
            InvalidValue: one of them cannot be, or the account has too many keys.
        """
        _check(name, scopes, PERMISSIONS[account.role] if within is None else within, days)
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        now = self.now()
        row = {
            "id": key_id,
            "account_id": account.id,
            "name": name,
            "secret_hash": _hashed(secret),
            "scopes": sorted(scope.value for scope in scopes),
            "created_at": now,
            "expires_at": now + dt.timedelta(days=days),
        }
        details = {
            "key": key_id,
            "name": name,
            "scopes": row["scopes"],
            "expires": row["expires_at"].isoformat(),  # type: ignore[attr-defined]
        }
        k = api_key.c
        good = sa.select(sa.func.count()).where(
            k.account_id == account.id, k.revoked_at.is_(None), k.expires_at > now
        )
        with writing(self.accounts.engine) as connection:
            if int(connection.scalar(good) or 0) >= MAX_KEYS:
                raise InvalidValue(
                    f"{account.name} has {MAX_KEYS} keys",
                    field="name",
                    remedy="revoke those that nobody uses",
                )
            connection.execute(api_key.insert().values(row))
            self.audit.write(connection, Act(by, "key.add", account.name, details))
        found = self.get(key_id)
        assert found is not None
        return found, f"{PREFIX}{key_id}_{secret}"

    def check(self, text: str) -> tuple[Account, frozenset[Permission]]:
        """The account of a key, and what it may do with it now.

        Raises `KeyRefused` for a key that is unknown, revoked or expired, `AccountDisabled` of its account.
        """
        key_id, _, secret = text.removeprefix(PREFIX).partition("_")
        row = self._row(key_id) if text.startswith(PREFIX) and key_id.isalnum() and key_id.isascii() else None
        if row is None or not hmac.compare_digest(row.secret_hash, _hashed(secret)):
            raise KeyRefused("this API key is unknown")
        key = _key(row)
        if key.revoked_at is not None:
            raise KeyRefused(f"the API key {key.id} was revoked")
        now = self.now()
        if key.expires_at <= now:
            raise KeyRefused(f"the API key {key.id} has expired")
        account = self.accounts.by_id(row.account_id)
        if account is None or not account.active:
            raise AccountDisabled
        if key.last_used_at is None or now - key.last_used_at >= _USED:
            self._used(key.id, now)
        return account, PERMISSIONS[account.role] & frozenset(key.scopes)

    def page(self, account: Account | None = None, after: str = "", limit: int = 100) -> list[ApiKey]:
        """Keys by id, those behind `after`; of one account if given."""
        query = _KEYS.where(api_key.c.id > after).order_by(api_key.c.id).limit(limit)
        if account is not None:
            query = query.where(api_key.c.account_id == account.id)
        with self.accounts.engine.connect() as connection:
            return [_key(row) for row in connection.execute(query)]

    def get(self, key_id: str) -> ApiKey | None:
        """One key, or None."""
        row = self._row(key_id)
        return None if row is None else _key(row)

    def revoke(self, key: ApiKey, by: str) -> None:
        """End a key for good; one that was revoked stays as it is."""
        k = api_key.c
        with writing(self.accounts.engine) as connection:
            ended = connection.execute(
                api_key.update().where(k.id == key.id, k.revoked_at.is_(None)).values(revoked_at=self.now())
            )
            if ended.rowcount:
                details = {"key": key.id, "name": key.name}
                self.audit.write(connection, Act(by, "key.revoke", key.account, details))

    def _row(self, key_id: str) -> Any:
        with self.accounts.engine.connect() as connection:
            return connection.execute(_KEYS.where(api_key.c.id == key_id)).one_or_none()

    def _used(self, key_id: str, now: dt.datetime) -> None:
        with writing(self.accounts.engine) as connection:
            connection.execute(api_key.update().where(api_key.c.id == key_id).values(last_used_at=now))


_KEYS = sa.select(api_key, account_table.c.name.label("account")).join(
    account_table, account_table.c.id == api_key.c.account_id
)


def _check(name: str, scopes: Set[Permission], within: Set[Permission], days: int) -> None:
    if not (0 < len(name) <= 64 and name.isprintable() and name == name.strip()):
        raise InvalidValue(f"{name!r} cannot be a name", field="name", remedy="give 1 to 64 characters")
    if not scopes:
        raise InvalidValue("there is none", field="scopes", remedy=f"choose from {', '.join(sorted(within))}")
    if beyond := sorted(scope.value for scope in scopes - within):
        raise InvalidValue(
            f"the account may not do {', '.join(beyond)}",
            field="scopes",
            remedy=f"choose from {', '.join(sorted(within))}",
        )
    if not 1 <= days <= MAX_DAYS:
        raise InvalidValue(f"got {days}", field="days", remedy=f"give 1 to {MAX_DAYS}")


def _key(row: Any) -> ApiKey:
    def utc(time: dt.datetime | None) -> dt.datetime | None:
        return None if time is None else time.replace(tzinfo=dt.UTC)

    known = {p.value for p in Permission}
    return ApiKey(
        id=row.id,
        account=row.account,
        name=row.name,
        scopes=tuple(Permission(scope) for scope in row.scopes if scope in known),
        created_at=row.created_at.replace(tzinfo=dt.UTC),
        expires_at=row.expires_at.replace(tzinfo=dt.UTC),
        revoked_at=utc(row.revoked_at),
        last_used_at=utc(row.last_used_at),
    )


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
