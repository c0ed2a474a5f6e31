"""Decisions, outcomes, notes and assignments (append-only), and the queue of cases."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from portcullis.store.append_only import protect

revision = "0006"
down_revision: str | None = "0005"

_EVENTS = ("decision", "outcome", "note", "assignment")
_PAGE = 500


def _create_event(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), nullable=False, index=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        *columns,
    )


def _number(of: str) -> sa.Column[int]:
    return sa.Column("number", sa.Integer, sa.ForeignKey(of), primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Create them, and enter what was assessed before into the queue."""
    _create_event(
        "decision",
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    _create_event(
        "outcome",
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("found_hs", sa.String(10)),
        sa.Column("note", sa.Text, nullable=False),
    )
    _create_event("note", sa.Column("text", sa.Text, nullable=False))
    _create_event("assignment", sa.Column("assignee_id", sa.Integer, sa.ForeignKey("account.id")))
    protect(op, *_EVENTS)
    tables = [
        op.create_table(
            "queue",
            _number("assessment.number"),
            sa.Column("assessment_id", sa.String(16), nullable=False, unique=True),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("date", sa.Date, nullable=False, index=True),
            sa.Column("declaration_id", sa.String(64), nullable=False, index=True),
            sa.Column("origin", sa.String(2), nullable=False, index=True),
            sa.Column("departure", sa.String(2)),
            sa.Column("mode", sa.String(8)),
            sa.Column("office", sa.Text),
            sa.Column("importer", sa.Text, nullable=False, index=True),
            sa.Column("declarant", sa.Text),
            sa.Column("goods", sa.Text, nullable=False),
            sa.Column("hs", sa.String(10), nullable=False),
            sa.Column("lines", sa.Integer, nullable=False),
            sa.Column("kinds", sa.Text, nullable=False),
            sa.Column("band", sa.String(16), nullable=False),
            sa.Column("lane", sa.String(8), nullable=False),
            sa.Column("surprise", sa.Double, nullable=False),
            sa.Column("chance", sa.Double),
            sa.Column("mismatch", sa.Boolean, nullable=False),
            sa.Column("has_scan", sa.Boolean, nullable=False),
            sa.Column("has_photo", sa.Boolean, nullable=False),
            sa.Column("status", sa.String(12), nullable=False),
            sa.Column("assignee_id", sa.Integer, sa.ForeignKey("account.id"), index=True),
            sa.Column("result", sa.String(16)),
            sa.Column("reason", sa.String(32)),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Index("ix_queue_surprise_number", "surprise", "number"),
            sa.Index("ix_queue_status_surprise", "status", "surprise"),
        ),
        op.create_table(
            "queue_line",
            _number("queue.number"),
            sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("hs", sa.String(10), nullable=False, index=True),
            sa.Column("usd_per_kg", sa.Double, index=True),
        ),
        op.create_table(
            "queue_kind",
            _number("queue.number"),
            sa.Column("kind", sa.String(40), primary_key=True, index=True),
        ),
    ]
    _enter_old(op.get_bind(), *tables)


def _enter_old(connection: sa.Connection, *tables: sa.Table) -> None:
    from portcullis.store.queue_projection import projection

    names = ("number", "id", "created_at", "declaration_id", "declaration", "band", "surprise", "report")
    columns: dict[str, Any] = dict.fromkeys((*names, "scan", "photo"), sa.Text)
    columns |= {"number": sa.Integer, "created_at": sa.DateTime(timezone=True), "surprise": sa.Double}
    columns |= {"declaration": sa.JSON, "report": sa.JSON}
    old = sa.table("assessment", *(sa.column(name, kind) for name, kind in columns.items()))
    after = 0
    while True:
        query = sa.select(old).where(old.c.number > after).order_by(old.c.number).limit(_PAGE)
        page = [dict(row._mapping) for row in connection.execute(query)]
        if not page:
            return
        for row in page:
            made = projection(row)
            for table, rows in zip(tables, ([made.row], made.lines, made.kinds), strict=True):
                # only the columns of this revision, whatever later ones add
                known = [{c.name: r[c.name] for c in table.columns} for r in rows]
                if known:
                    connection.execute(table.insert(), known)
        after = page[-1]["number"]


def downgrade() -> None:
    """Remove them."""
    for name in ("queue_kind", "queue_line", "queue", *reversed(_EVENTS)):
        op.drop_table(name)
