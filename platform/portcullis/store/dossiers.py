"""Dossiers: why a code was chosen for goods, as it stood on the day. Written once, never changed."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portcullis.store.accounts import Account
from portcullis.store.accounts import account as account_table
from portcullis.store.audit import Act, Audit, Entry, digest
from portcullis.store.engine import writing
from portcullis.store.images import Images
from portcullis.store.metadata import IMAGE, as_utc, metadata

ACTION = "dossier"
LONGEST_TITLE = 200

dossier = sa.Table(
    "dossier",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(16), nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("title", sa.String(LONGEST_TITLE), nullable=False),
    sa.Column("chosen", sa.String(10), nullable=False),
    sa.Column("photo", sa.String(64), info=IMAGE),
    sa.Column("document", sa.JSON, nullable=False),
)


@dataclass(frozen=True)
class Dossier:
    """A stored dossier.

    document: facts, suggestions, the chosen and the rejected codes, sources. photo: its name in the image
    store. digest: what the audit log vouches for; `audit verify` finds any later change by it.
    """

    id: str
    created_at: dt.datetime
    account: str
    title: str
    chosen: str
    photo: str | None
    document: dict[str, Any]
    digest: str


class Dossiers:
    """The dossiers of one store; each account reads its own."""

    def __init__(
        self, engine: sa.Engine, images: Images, audit: Audit, now: Callable[[], dt.datetime]
    ) -> None:
        self.engine = engine
        self.images = images
        self.audit = audit
        self.now = now

    def add(
        self,
        document: dict[str, Any],
        account: Account,
        *,
        title: str,
        chosen: str,
        photo: bytes | None = None,
    ) -> Dossier:
        """Store a dossier, its photo and its audit entry together or not at all."""
        with writing(self.engine) as connection, self.images.putting(connection, photo) as (name,):
            row = {
                "id": secrets.token_hex(8),
                "created_at": self.now(),
                "account_id": account.id,
                "title": title[:LONGEST_TITLE],
                "chosen": chosen,
                "photo": name,
                "document": document,
            }
            connection.execute(dossier.insert().values(row))
            details = {"sha256": digest(vouched(row)), "chosen": chosen}
            self.audit.write(connection, Act(account.name, ACTION, str(row["id"]), details))
            connection.commit()
        found = self.get(str(row["id"]), account)
        assert found is not None
        return found

    def get(self, dossier_id: str, account: Account) -> Dossier | None:
        """One dossier of an account, or None."""
        query = _query(account).where(dossier.c.id == dossier_id)
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _dossier(row)

    def page(
        self, account: Account, before: int | None = None, limit: int = 50
    ) -> tuple[list[Dossier], int | None]:
        """Dossiers of an account before number `before`, newest first, and the number to go on with."""
        query = _query(account).order_by(dossier.c.number.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(dossier.c.number < before)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        more = rows[limit - 1].number if len(rows) > limit else None
        return [_dossier(row) for row in rows[:limit]], more

    def entry(self, dossier_id: str) -> Entry | None:
        """The audit entry that vouches for a dossier."""
        return next((e for e in self.audit.about(dossier_id) if e.action == ACTION), None)


def vouched(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit entry of a row of the table `dossier` vouches for, as JSON values."""
    names = ("id", "account_id", "title", "chosen", "photo", "document")
    return {**{name: row[name] for name in names}, "created_at": as_utc(row["created_at"]).isoformat()}


def _query(account: Account) -> sa.Select[Any]:
    by = account_table.c.name.label("account")
    return sa.select(dossier, by).join(account_table).where(dossier.c.account_id == account.id)


def _dossier(row: Any) -> Dossier:
    return Dossier(
        id=row.id,
        created_at=as_utc(row.created_at),
        account=row.account,
        title=row.title,
        chosen=row.chosen,
        photo=row.photo,
        document=row.document,
        digest=digest(vouched(row._asdict())),
    )
