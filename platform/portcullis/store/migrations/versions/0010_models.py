"""Which set of models is live and which is shadow (append-only), and what the shadow would have said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portcullis.store.append_only import protect

revision = "0010"
down_revision: str | None = "0009"

_TABLES = ("model_choice", "shadow_score")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "model_choice",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("role", sa.String(8), nullable=False, index=True),
        sa.Column("name", sa.String(40)),
        sa.Column("versions", sa.JSON, nullable=False),
    )
    op.create_table(
        "shadow_score",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), nullable=False, index=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, index=True),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("live_band", sa.String(16), nullable=False),
        sa.Column("band", sa.String(16), nullable=False),
        sa.Column("live_surprise", sa.Double),
        sa.Column("surprise", sa.Double),
        sa.Column("p_value", sa.Double),
    )
    protect(op, *_TABLES)


def downgrade() -> None:
    """Remove them."""
    for table in reversed(_TABLES):
        op.drop_table(table)
