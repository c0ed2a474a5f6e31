"""Alerts (append-only), webhooks and what is sent to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portcullis.store.append_only import protect

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "alert",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), index=True),
        sa.Column("band", sa.String(16)),
        sa.Column("details", sa.JSON, nullable=False),
    )
    protect(op, "alert")
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("kinds", sa.JSON, nullable=False),
        sa.Column("lowest_band", sa.String(16)),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("resume_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("webhook_id", sa.String(16), sa.ForeignKey("webhook.id"), nullable=False),
        sa.Column("alert", sa.BigInteger, sa.ForeignKey("alert.number"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("most_attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.String(16)),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", sa.String(200)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("webhook_id", "alert"),
        sa.Index("ix_webhook_delivery_state_next_at", "state", "next_at"),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("webhook_delivery", "webhook", "alert"):
        op.drop_table(name)
