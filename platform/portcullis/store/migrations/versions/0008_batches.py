"""Batches: the manifest of chunks, and every item with what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "batch",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("file", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("key", sa.String(255)),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in (
                *("items", "assessed", "refused", "failed", "cancelled"),
                *("chunks", "chunks_done", "chunks_failed"),
            )
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("account_id", "key"),
    )
    op.create_table(
        "batch_chunk",
        sa.Column("batch_number", sa.Integer, sa.ForeignKey("batch.number"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("word", sa.String(32)),
        sa.Column("worker", sa.String(120)),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.String(500)),
    )
    op.create_index("ix_batch_chunk_state", "batch_chunk", ["state", "batch_number", "number"])
    op.create_table(
        "batch_item",
        sa.Column("batch_number", sa.Integer, sa.ForeignKey("batch.number"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("chunk", sa.Integer),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("source", sa.String(200)),
        sa.Column("declaration_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("content", sa.JSON),
        sa.Column("problems", sa.JSON),
        sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), unique=True),
    )
    op.create_index("ix_batch_item_chunk", "batch_item", ["batch_number", "chunk"])
    op.create_index("ix_batch_item_state", "batch_item", ["batch_number", "state", "number"])


def downgrade() -> None:
    """Remove them."""
    for name in ("batch_item", "batch_chunk", "batch"):
        op.drop_table(name)
