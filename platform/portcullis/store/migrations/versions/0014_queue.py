"""Duty at stake, words and surprises of findings in the queue; saved views; published selections."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from portcullis.store.append_only import protect

revision = "0014"
down_revision: str | None = "0013"

_PAGE = 500


def upgrade() -> None:
    """Add them, and enter them for what was assessed before."""
    op.add_column("queue", sa.Column("duty_at_stake_usd", sa.Double))
    op.add_column("queue", sa.Column("words", sa.Text, nullable=False, server_default=""))
    op.add_column("queue_kind", sa.Column("surprise", sa.Double, nullable=False, server_default="0"))
    op.drop_index("ix_queue_status_surprise", "queue")  # the longer one does its work, here and below
    op.create_index("ix_queue_status_surprise_chance", "queue", ["status", "surprise", "chance"])
    op.drop_index("ix_queue_kind_kind", "queue_kind")
    op.create_index("ix_queue_kind_kind_surprise_number", "queue_kind", ["kind", "surprise", "number"])
    op.create_table(
        "selection",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plan", sa.JSON, nullable=False),
    )
    op.create_table(
        "selection_case",
        sa.Column("selection_id", sa.String(16), sa.ForeignKey("selection.id"), primary_key=True),
        sa.Column(
            "assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), primary_key=True, index=True
        ),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("arm", sa.String(8), nullable=False),
    )
    protect(op, "selection", "selection_case")
    op.create_table(
        "saved_view",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("account_id", "name"),
    )
    _enter(op.get_bind())


def _enter(connection: sa.Connection) -> None:
    from portcullis.store.queue_projection import projection

    names = ("number", "id", "created_at", "declaration_id", "declaration", "band", "surprise", "report")
    kinds: dict[str, Any] = dict.fromkeys((*names, "scan", "photo"), sa.Text)
    kinds |= {"number": sa.Integer, "created_at": sa.DateTime(timezone=True), "surprise": sa.Double}
    kinds |= {"declaration": sa.JSON, "report": sa.JSON}
    old = sa.table("assessment", *(sa.column(name, kind) for name, kind in kinds.items()))
    queue = sa.table("queue", *map(sa.column, ("number", "duty_at_stake_usd", "words")))
    found = sa.table("queue_kind", *map(sa.column, ("number", "kind", "surprise")))
    after = 0
    while True:
        query = sa.select(old).where(old.c.number > after).order_by(old.c.number).limit(_PAGE)
        page = [dict(row._mapping) for row in connection.execute(query)]
        if not page:
            return
        for row in page:
            made = projection(row)
            values = {name: made.row[name] for name in ("duty_at_stake_usd", "words")}
            connection.execute(queue.update().where(queue.c.number == row["number"]).values(values))
            for kind in made.kinds:
                same = sa.and_(found.c.number == row["number"], found.c.kind == kind["kind"])
                connection.execute(found.update().where(same).values(surprise=kind["surprise"]))
        after = page[-1]["number"]


def downgrade() -> None:
    """Remove them."""
    for name in ("saved_view", "selection_case", "selection"):
        op.drop_table(name)
    op.drop_index("ix_queue_kind_kind_surprise_number", "queue_kind")
    op.create_index("ix_queue_kind_kind", "queue_kind", ["kind"])
    op.drop_index("ix_queue_status_surprise_chance", "queue")
    op.create_index("ix_queue_status_surprise", "queue", ["status", "surprise"])
    op.drop_column("queue_kind", "surprise")
    op.drop_column("queue", "words")
    op.drop_column("queue", "duty_at_stake_usd")
