"""Policies (append-only), the report of each import and who asked for it, the reason of a switch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portcullis.store.append_only import protect

revision = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "policy_version",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    protect(op, "policy_version")
    op.add_column("official_import", sa.Column("rows_new", sa.Integer))
    op.add_column("official_import", sa.Column("actor", sa.String(80)))
    op.add_column("official_import", sa.Column("report", sa.JSON))
    op.add_column("model_choice", sa.Column("reason", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Remove them."""
    op.drop_column("model_choice", "reason")
    for column in ("report", "actor", "rows_new"):
        op.drop_column("official_import", column)
    op.drop_table("policy_version")
