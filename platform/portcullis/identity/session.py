"""Logins of browsers: a random token in a cookie, of which the store keeps only the hash.

A logout therefore ends a login, whoever has copied the cookie; so do a new password and a disabled account.
sha256 is enough for the token: 256 random bits cannot be guessed, however quick the hash.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from portcullis.store.accounts import Account, Accounts
from portcullis.store.accounts import account as account_table
from portcullis.store.audit import Act, Audit
from portcullis.store.engine import writing
from portcullis.store.sessions import login_session

COOKIE = "portcullis_session"
_HANDLE = 16


@dataclass(frozen=True)
class Seen:
    """A login of an account; handle: names it without being of use to whoever reads it."""

    handle: str
    created_at: dt.datetime
    expires_at: dt.datetime
    here: bool


def cookie_name(name: str, https: bool) -> str:
    """The name of a cookie; behind HTTPS its prefix makes browsers take it from this very host only."""
    return f"__Host-{name}" if https else name


class Sessions:
    """The logins of one store."""

    def __init__(
        self, accounts: Accounts, audit: Audit, lasting: dt.timedelta, now: Callable[[], dt.datetime]
    ) -> None:
        self.accounts = accounts
        self.audit = audit
        self.lasting = lasting
        self.now = now

    def issue(self, account: Account, how: str = "password") -> str:
        """A cookie value for this account; the audit log says how the person signed in."""
        token = secrets.token_urlsafe(32)
        row = {
            "token_hash": _hashed(token),
            "account_id": account.id,
            "password_mark": _mark(account),
            "created_at": self.now(),
            "expires_at": self.now() + self.lasting,
        }
        with writing(self.accounts.engine) as connection:
            connection.execute(login_session.delete().where(login_session.c.expires_at <= self.now()))
            connection.execute(login_session.insert().values(row))
            self.audit.write(connection, Act(account.name, "login", account.name, {"how": how}))
        return token

    def read(self, cookie: str) -> Account | None:
        """The account of a cookie; None if the login has ended, is too old or never was.

        It ends with a logout, a new password and a disabled account; another role counts at once.
        """
        s = login_session.c
        query = (
            sa.select(s.account_id, s.password_mark)
            .join(account_table, account_table.c.id == s.account_id)
            .where(s.token_hash == _hashed(cookie), s.expires_at > self.now())
        )
        with self.accounts.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        found = None if row is None else self.accounts.by_id(row.account_id)
        if row is None or found is None or not found.active or row.password_mark != _mark(found):
            return None
        return found

    def end(self, cookie: str) -> None:
        """Sign out."""
        found = self.read(cookie)
        with writing(self.accounts.engine) as connection:
            ended = connection.execute(
                login_session.delete().where(login_session.c.token_hash == _hashed(cookie))
            )
            if found is not None and ended.rowcount:
                self.audit.write(connection, Act(found.name, "logout", found.name, {"logins": 1}))

    def end_all(self, account: Account, by: str) -> int:
        """End every login of an account; answers with how many there were."""
        with writing(self.accounts.engine) as connection:
            ended = connection.execute(
                login_session.delete().where(login_session.c.account_id == account.id)
            ).rowcount
            if ended:
                self.audit.write(connection, Act(by, "logout", account.name, {"logins": ended}))
        return int(ended)

    def end_one(self, account: Account, handle: str, by: str) -> bool:
        """End one login of an account; False where there is none of this handle."""
        s = login_session.c
        mine = (s.account_id == account.id, s.token_hash.startswith(handle, autoescape=True))
        if len(handle) != _HANDLE:
            return False
        with writing(self.accounts.engine) as connection:
            ended = connection.execute(login_session.delete().where(*mine)).rowcount
            if ended:
                self.audit.write(connection, Act(by, "logout", account.name, {"logins": ended}))
        return bool(ended)

    def seen(self, account: Account, cookie: str = "") -> list[Seen]:
        """The logins that an account has now, newest first; cookie: of the one that asks."""
        s = login_session.c
        query = (
            sa.select(login_session)
            .where(s.account_id == account.id, s.expires_at > self.now(), s.password_mark == _mark(account))
            .order_by(s.created_at.desc())
        )
        here = _hashed(cookie)
        with self.accounts.engine.connect() as connection:
            return [
                Seen(
                    row.token_hash[:_HANDLE],
                    row.created_at.replace(tzinfo=dt.UTC),
                    row.expires_at.replace(tzinfo=dt.UTC),
                    row.token_hash == here,
                )
                for row in connection.execute(query)
            ]

    def people(self) -> int:
        """How many active accounts are signed in now."""
        s = login_session.c
        query = (
            sa.select(sa.func.count(sa.distinct(s.account_id)))
            .join(account_table, account_table.c.id == s.account_id)
            .where(s.expires_at > self.now(), account_table.c.active)
        )
        with self.accounts.engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def count(self, account: Account) -> int:
        """How many logins an account has now."""
        s = login_session.c
        query = (
            sa.select(sa.func.count())
            .select_from(login_session)
            .where(s.account_id == account.id, s.expires_at > self.now(), s.password_mark == _mark(account))
        )
        with self.accounts.engine.connect() as connection:
            return int(connection.scalar(query) or 0)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _mark(account: Account) -> str:
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:16]
