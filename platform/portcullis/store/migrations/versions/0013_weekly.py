"""Counts of what was seen in each week of declaration."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision: str | None = "0012"

_PAGE = 500


def upgrade() -> None:
    """Create the table, and count what was assessed before."""
    table = op.create_table(
        "weekly_count",
        sa.Column("topic", sa.String(48), primary_key=True),
        sa.Column("said", sa.Text, primary_key=True),
        sa.Column("week", sa.Date, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("amount", sa.Double, nullable=False),
        sa.Column("latest", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    _count_old(op.get_bind(), table)


def _count_old(connection: sa.Connection, table: sa.Table) -> None:
    from portcullis.store.weekly import cells

    columns: dict[str, Any] = dict.fromkeys(("band", "scan", "photo"), sa.Text)
    columns |= {"number": sa.Integer, "surprise": sa.Double}
    columns |= dict.fromkeys(("declaration", "report", "scan_details"), sa.JSON)
    old = sa.table("assessment", *(sa.column(name, kind) for name, kind in columns.items()))
    total: dict[tuple[Any, ...], dict[str, Any]] = {}
    after = 0
    while True:
        query = sa.select(old).where(old.c.number > after).order_by(old.c.number).limit(_PAGE)
        page = [dict(row._mapping) for row in connection.execute(query)]
        if not page:
            break
        for cell in cells(connection, page):
            key = (cell.topic, cell.said, cell.week)
            kept = total.setdefault(key, dict(zip(("topic", "said", "week"), key, strict=True)))
            kept["count"] = kept.get("count", 0) + cell.count
            kept["amount"] = kept.get("amount", 0.0) + cell.amount
            kept["latest"] = cell.latest
        after = page[-1]["number"]
    if total:
        connection.execute(table.insert(), list(total.values()))


def downgrade() -> None:
    """Remove it."""
    op.drop_table("weekly_count")
