"""Indexes that answer for lines of the queue, and for results, without a look at the tables."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    """The longer ones do the work of the shorter ones."""
    op.drop_index("ix_queue_line_hs", "queue_line")
    op.drop_index("ix_queue_line_usd_per_kg", "queue_line")
    op.create_index("ix_queue_line_hs_usd_per_kg_number", "queue_line", ["hs", "usd_per_kg", "number"])
    op.create_index("ix_queue_line_usd_per_kg_number", "queue_line", ["usd_per_kg", "number"])
    op.create_index("ix_queue_result_surprise", "queue", ["result", "surprise"])


def downgrade() -> None:
    """As before."""
    op.drop_index("ix_queue_result_surprise", "queue")
    op.drop_index("ix_queue_line_usd_per_kg_number", "queue_line")
    op.drop_index("ix_queue_line_hs_usd_per_kg_number", "queue_line")
    op.create_index("ix_queue_line_usd_per_kg", "queue_line", ["usd_per_kg"])
    op.create_index("ix_queue_line_hs", "queue_line", ["hs"])
