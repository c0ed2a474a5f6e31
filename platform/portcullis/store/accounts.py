"""Accounts and their failed logins in the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from customs.errors import InvalidValue
from portcullis.store.engine import writing
from portcullis.store.metadata import metadata

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)
login_failure = sa.Table(
    "login_failure",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, index=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)


class Role(StrEnum):
    """What a person does with the platform."""

    INSPECTOR = "inspector"
    BROKER = "broker"
    ANALYST = "analyst"
    ADMIN = "admin"


@dataclass(frozen=True)
class Account:
    """A person who may sign in."""

    id: int
    name: str
    role: Role
    password_hash: str


class Accounts:
    """The accounts of one store."""

    def __init__(self, engine: sa.Engine, now: Callable[[], dt.datetime]) -> None:
        self.engine = engine
        self.now = now

    def add(self, name: str, password_hash: str, role: Role) -> Account:
        """A new account; a name that is taken or cannot be one is an `InvalidValue`."""
        if not (0 < len(name) <= 64 and name.isprintable() and ":" not in name and name == name.strip()):
            raise InvalidValue(
                f"{name!r} cannot be a name", field="name", remedy="give 1 to 64 characters without a colon"
            )
        try:
            with writing(self.engine) as connection:
                connection.execute(
                    account.insert().values(
                        name=name, password_hash=password_hash, role=role.value, created_at=self.now()
                    )
                )
        except IntegrityError:
            raise InvalidValue(f"{name!r} exists already", field="name", remedy="give another name") from None
        found = self.by_name(name)
        assert found is not None
        return found

    def set_password(self, name: str, password_hash: str) -> None:
        """Change a password; logins made with the old one end. An unknown name is an `InvalidValue`."""
        with writing(self.engine) as connection:
            changed = connection.execute(
                account.update().where(account.c.name == name).values(password_hash=password_hash)
            )
        if changed.rowcount == 0:
            raise InvalidValue(f"there is no account {name!r}", field="name", remedy="check the name")

    def by_name(self, name: str) -> Account | None:
        """One account, or None."""
        return self._one(account.c.name == name)

    def by_id(self, account_id: int) -> Account | None:
        """One account, or None."""
        return self._one(account.c.id == account_id)

    def count(self) -> int:
        """How many there are."""
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(account)) or 0)

    def failed(self, name: str) -> None:
        """Remember a wrong password."""
        with writing(self.engine) as connection:
            connection.execute(login_failure.insert().values(name=name[:64], at=self.now()))

    def failures(self, name: str, within: dt.timedelta) -> list[dt.datetime]:
        """Times of the wrong passwords since `within` ago, oldest first."""
        f = login_failure.c
        query = sa.select(f.at).where(f.name == name[:64], f.at > self.now() - within).order_by(f.at, f.id)
        with self.engine.connect() as connection:
            return [at.replace(tzinfo=dt.UTC) for at in connection.scalars(query)]

    def succeeded(self, name: str) -> None:
        """Forget the wrong passwords before a right one."""
        with writing(self.engine) as connection:
            connection.execute(login_failure.delete().where(login_failure.c.name == name[:64]))

    def _one(self, condition: sa.ColumnElement[bool]) -> Account | None:
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(account).where(condition)).one_or_none()
        return None if row is None else Account(row.id, row.name, Role(row.role), row.password_hash)
