"""Accounts in the store: who may sign in, with which role, and by which provider if not by a password."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from customs.errors import InvalidValue
from portcullis.store.audit import SYSTEM, Act, Audit
from portcullis.store.engine import writing
from portcullis.store.metadata import metadata
from portcullis.store.sessions import login_session

MAX_NAME = 64
NO_PASSWORD = ""  # no hash, so no password fits

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(MAX_NAME), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
)
account_identity = sa.Table(
    "account_identity",
    metadata,
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), primary_key=True),
    sa.Column("issuer", sa.String(255), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.UniqueConstraint("issuer", "subject"),
)


class Role(StrEnum):
    """What a person does with the platform."""

    INSPECTOR = "inspector"
    BROKER = "broker"
    ANALYST = "analyst"
    ADMIN = "admin"


@dataclass(frozen=True)
class Account:
    """A person who may sign in while the account is active."""

    id: int
    name: str
    role: Role
    password_hash: str
    active: bool
    created_at: dt.datetime

    @property
    def has_password(self) -> bool:
        """False of an account whose person signs in at a provider."""
        return self.password_hash != NO_PASSWORD


class Accounts:
    """The accounts of one store; every change and its audit entry are stored together.

    `by` is the name of the account that asks for a change; of the command line and of a provider it is
    `SYSTEM`.
    """

    def __init__(self, engine: sa.Engine, audit: Audit, now: Callable[[], dt.datetime]) -> None:
        self.engine = engine
        self.audit = audit
        self.now = now

    def add(self, name: str, password_hash: str, role: Role, by: str = SYSTEM) -> Account:
        """A new account; a name that is taken or cannot be one is an `InvalidValue`."""
        if not can_be_name(name):
            raise InvalidValue(
                f"{name!r} cannot be a name",
                field="name",
                remedy="give 1 to 64 characters without a colon or slash",
            )
        try:
            with writing(self.engine) as connection:
                self._insert(connection, name, password_hash, role, by)
        except IntegrityError:
            raise InvalidValue(f"{name!r} exists already", field="name", remedy="give another name") from None
        return self.named(name)

    def set_password(self, name: str, password_hash: str, by: str = SYSTEM) -> None:
        """Change a password; logins made with the old one end.

        An unknown name, or one whose person signs in at a provider, is an `InvalidValue`.
        """
        with writing(self.engine) as connection:
            found = self._locked(connection, name)
            if not found.has_password:
                raise InvalidValue(
                    f"{name} signs in at the provider", field="name", remedy="change the password there"
                )
            connection.execute(
                account.update().where(account.c.id == found.id).values(password_hash=password_hash)
            )
            _end_logins(connection, found)
            self.audit.write(connection, Act(by, "account.password", name, {}))

    def change(
        self, name: str, *, role: Role | None = None, active: bool | None = None, by: str = SYSTEM
    ) -> Account:
        """Give another role, disable or enable; what stays as it is, is not written down.

        The last active admin can neither be disabled nor lose the role: an `InvalidValue`, as
        an unknown name.
        """
        with writing(self.engine) as connection:
            admins = _admins(connection)
            found = self._locked(connection, name)
            if role is not None and role != found.role and not found.has_password:
                raise InvalidValue(
                    f"the provider says which role {name} has",
                    field="role",
                    remedy="change the person's groups there",
                )
            stays = (active is None or active) and (role is None or role is Role.ADMIN)
            if admins == {found.id} and not stays:
                raise InvalidValue(
                    f"{name} is the last active admin", field="name", remedy="make another admin first"
                )
            self._change(connection, found, role, active, by)
        return self.named(name)

    def from_provider(self, issuer: str, subject: str, role: Role, wish: str) -> Account:
        """The account of a person at a provider, made at the first login, with the role that they have there.

        `wish` becomes its name if no account has it; one that exists is never taken over.
        """
        i = account_identity.c
        query = sa.select(i.account_id).where(i.issuer == issuer, i.subject == subject)
        with writing(self.engine) as connection:
            account_id = connection.scalar(query)
            if account_id is None:
                name = _free_name(connection, wish)
                account_id = self._insert(connection, name, NO_PASSWORD, role, SYSTEM, issuer=issuer)
                connection.execute(
                    account_identity.insert().values(account_id=account_id, issuer=issuer, subject=subject)
                )
            else:
                row = connection.execute(
                    sa.select(account).where(account.c.id == account_id).with_for_update()
                ).one()
                self._change(connection, _account(row), role, None, SYSTEM)
        found = self.by_id(int(account_id))
        assert found is not None
        return found

    def linked(self, issuer: str, subject: str) -> Account | None:
        """The account of a person at a provider, or None before the first login."""
        i = account_identity.c
        query = (
            sa.select(account)
            .join(account_identity, account.c.id == i.account_id)
            .where(i.issuer == issuer, i.subject == subject)
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _account(row)

    def named(self, name: str) -> Account:
        """One account; an unknown name is an `InvalidValue`."""
        found = self.by_name(name)
        if found is None:
            raise _unknown(name)
        return found

    def by_name(self, name: str) -> Account | None:
        """One account, or None."""
        return self._one(account.c.name == name) if _may_exist(name) else None

    def by_id(self, account_id: int) -> Account | None:
        """One account, or None."""
        return self._one(account.c.id == account_id)

    def page(
        self, after: str = "", limit: int = 100, *, part: str = "", role: Role | None = None
    ) -> list[Account]:
        """Accounts by name, those behind `after`; with `part` in their name, of a role."""
        query = sa.select(account).where(account.c.name > after).order_by(account.c.name).limit(limit)
        if part:
            query = query.where(account.c.name.icontains(part, autoescape=True))
        if role is not None:
            query = query.where(account.c.role == role.value)
        with self.engine.connect() as connection:
            return [_account(row) for row in connection.execute(query)]

    def count(self) -> int:
        """How many there are."""
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(account)) or 0)

    def _insert(
        self,
        connection: sa.Connection,
        name: str,
        password_hash: str,
        role: Role,
        by: str,
        issuer: str | None = None,
    ) -> int:
        row = {
            "name": name,
            "password_hash": password_hash,
            "role": role.value,
            "created_at": self.now(),
            "active": True,
        }
        new_id = connection.execute(account.insert().values(row).returning(account.c.id)).scalar_one()
        details = {"role": role.value} | ({} if issuer is None else {"issuer": issuer})
        self.audit.write(connection, Act(by, "account.add", name, details))
        return int(new_id)

    def _change(
        self, connection: sa.Connection, found: Account, role: Role | None, active: bool | None, by: str
    ) -> None:
        values: dict[str, Any] = {}
        acts = []
        if role is not None and role != found.role:
            values["role"] = role.value
            details = {"before": found.role.value, "after": role.value}
            acts.append(Act(by, "account.role", found.name, details))
        if active is not None and active != found.active:
            values["active"] = active
            acts.append(Act(by, "account.enable" if active else "account.disable", found.name, {}))
        if values:
            connection.execute(account.update().where(account.c.id == found.id).values(values))
            self.audit.write(connection, *acts)
        if active is False:
            _end_logins(connection, found)

    def _locked(self, connection: sa.Connection, name: str) -> Account:
        if not _may_exist(name):
            raise _unknown(name)
        row = connection.execute(
            sa.select(account).where(account.c.name == name).with_for_update()
        ).one_or_none()
        if row is None:
            raise _unknown(name)
        return _account(row)

    def _one(self, condition: sa.ColumnElement[bool]) -> Account | None:
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(account).where(condition)).one_or_none()
        return None if row is None else _account(row)


def can_be_name(name: str) -> bool:
    """Whether an account may have this name: a colon would end it in HTTP Basic, a slash in an address."""
    return _may_exist(name) and "/" not in name and name not in (".", "..")


def _may_exist(name: str) -> bool:
    # what is not printable, such as NUL, no database is asked for
    return 0 < len(name) <= MAX_NAME and name.isprintable() and ":" not in name and name == name.strip()


def _unknown(name: str) -> InvalidValue:
    return InvalidValue(f"there is no account {name!r}", field="name", remedy="check the name")


def _admins(connection: sa.Connection) -> set[int]:
    """Active admins, locked: two of them cannot take the role from each other at once."""
    a = account.c
    query = sa.select(a.id).where(a.role == Role.ADMIN.value, a.active).order_by(a.id).with_for_update()
    return set(connection.scalars(query))


def _end_logins(connection: sa.Connection, found: Account) -> None:
    connection.execute(login_session.delete().where(login_session.c.account_id == found.id))


def _free_name(connection: sa.Connection, wish: str) -> str:
    base = "".join(c for c in wish if c.isprintable() and c not in ":/").strip()[: MAX_NAME - 6].strip()
    base = base if can_be_name(base) else "account"
    query = sa.select(account.c.name).where(account.c.name.startswith(base, autoescape=True))
    taken = set(connection.scalars(query))
    numbers = range(2, len(taken) + 3)
    return next(name for name in (base, *(f"{base}-{n}" for n in numbers)) if name not in taken)


def _account(row: Any) -> Account:
    return Account(
        row.id,
        row.name,
        Role(row.role),
        row.password_hash,
        bool(row.active),
        row.created_at.replace(tzinfo=dt.UTC),
    )
