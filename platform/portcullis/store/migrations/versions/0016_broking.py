"""Dossiers, and lists of goods with the answers to their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portcullis.store.append_only import protect

revision = "0016"
down_revision: str | None = "0015"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "dossier",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("chosen", sa.String(10), nullable=False),
        sa.Column("photo", sa.String(64)),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("ix_dossier_account_id", "dossier", ["account_id"])
    op.create_table(
        "goods_list",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("file", sa.String(64), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("text_column", sa.String(200)),
        sa.Column("description_column", sa.String(200)),
        sa.Column("state", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("items", "done", "refused")),
        sa.Column("versions", sa.JSON),
        sa.Column("word", sa.String(32)),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.String(500)),
    )
    op.create_index("ix_goods_list_account_id", "goods_list", ["account_id"])
    op.create_index("ix_goods_list_state", "goods_list", ["state"])
    op.create_table(
        "goods_answer",
        sa.Column("list_number", sa.Integer, sa.ForeignKey("goods_list.number"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
    )
    protect(op, "dossier", "goods_answer")


def downgrade() -> None:
    """Remove them."""
    for name in ("goods_answer", "goods_list", "dossier"):
        op.drop_table(name)
