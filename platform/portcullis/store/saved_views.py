"""Saved views of the queue: a name for a filter, one's own or shared with all."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from customs.errors import CustomsError, InvalidValue
from portcullis.store.accounts import Account, account
from portcullis.store.audit import Act, Audit
from portcullis.store.engine import writing
from portcullis.store.metadata import metadata

MAX_NAME, MAX_QUERY, MAX_VIEWS = 80, 4_000, 100
saved_view = sa.Table(
    "saved_view",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(16), nullable=False, unique=True),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("name", sa.String(MAX_NAME), nullable=False),
    sa.Column("query", sa.Text, nullable=False),  # as it stands in the address, without `?`
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("is_default", sa.Boolean, nullable=False),  # of its owner
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("account_id", "name"),
)


class NoView(CustomsError):
    """There is no such view, or it is somebody else's."""


@dataclass(frozen=True)
class View:
    """A saved view; owner: the name of its account."""

    id: str
    name: str
    query: str
    shared: bool
    is_default: bool
    owner: str
    at: dt.datetime


class SavedViews:
    """The saved views of one store."""

    def __init__(self, engine: sa.Engine, audit: Audit, now: Callable[[], dt.datetime]) -> None:
        self.engine = engine
        self.audit = audit
        self.now = now

    def of(self, who: Account) -> list[View]:
        """One's own by name, then what others share."""
        mine = saved_view.c.account_id == who.id
        query = _views().where(sa.or_(mine, saved_view.c.shared))
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(sa.not_(mine), saved_view.c.name, saved_view.c.number))
            return [_view(row) for row in rows]

    def default(self, who: Account) -> View | None:
        """What the queue of an account begins with."""
        query = _views().where(saved_view.c.account_id == who.id, saved_view.c.is_default)
        with self.engine.connect() as connection:
            row = connection.execute(query.limit(1)).one_or_none()
        return None if row is None else _view(row)

    def save(
        self, who: Account, name: str, query: str, *, shared: bool = False, is_default: bool = False
    ) -> View:
        """Keep a filter under a name; the same name of the same account is replaced."""
        name = name.strip()
        _check(name, query)
        values = {"query": query, "shared": shared, "is_default": is_default, "at": self.now()}
        v = saved_view.c
        with writing(self.engine) as connection:
            earlier = connection.execute(
                sa.select(v.id).where(v.account_id == who.id, v.name == name)
            ).scalar_one_or_none()
            own = sa.select(sa.func.count()).select_from(saved_view).where(v.account_id == who.id)
            if earlier is None and int(connection.scalar(own) or 0) >= MAX_VIEWS:
                raise InvalidValue(
                    f"you have {MAX_VIEWS} views already",
                    field="name",
                    remedy="delete one that is not needed",
                )
            if is_default:
                connection.execute(saved_view.update().where(v.account_id == who.id).values(is_default=False))
            view_id = earlier or secrets.token_hex(8)
            if earlier is None:
                row = {"id": view_id, "account_id": who.id, "name": name, **values}
                connection.execute(saved_view.insert().values(row))
            else:
                connection.execute(saved_view.update().where(v.id == view_id).values(values))
            details = {"name": name, "query": query, "shared": shared, "default": is_default}
            self.audit.write(connection, Act(who.name, "view.save", view_id, details))
            return _view(connection.execute(_views().where(v.id == view_id)).one())

    def delete(self, who: Account, view_id: str) -> None:
        """Delete one's own view; `NoView` if it is not."""
        v = saved_view.c
        with writing(self.engine) as connection:
            done = connection.execute(saved_view.delete().where(v.id == view_id, v.account_id == who.id))
            if done.rowcount == 0:
                raise NoView(f"you have no view {view_id!r}", field="id", remedy="it may be somebody else's")
            self.audit.write(connection, Act(who.name, "view.delete", view_id, {}))


def _check(name: str, query: str) -> None:
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidValue(
            f"the name has {len(name)} characters", field="name", remedy=f"give 1 to {MAX_NAME} characters"
        )
    if len(query) > MAX_QUERY:
        raise InvalidValue(
            f"the filter has {len(query):,} characters",
            field="query",
            remedy=f"at most {MAX_QUERY:,} are kept",
        )


def _views() -> sa.Select[Any]:
    return sa.select(saved_view, account.c.name.label("owner")).join(
        account, account.c.id == saved_view.c.account_id
    )


def _view(row: Any) -> View:
    at = row.at.replace(tzinfo=dt.UTC)
    return View(row.id, row.name, row.query, row.shared, row.is_default, row.owner, at)
