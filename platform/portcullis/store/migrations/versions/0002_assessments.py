"""Accounts, login attempts, assessments (append-only) and idempotency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "login_failure",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, index=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "assessment",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("declaration_id", sa.String(64), nullable=False, index=True),
        sa.Column("declaration", sa.JSON, nullable=False),
        sa.Column("band", sa.String(16), nullable=False),
        sa.Column("surprise", sa.Double, index=True),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("scan", sa.String(64)),
        sa.Column("photo", sa.String(64)),
        sa.Column("heatmap", sa.String(64)),
        sa.Column("heatmap_box", sa.JSON),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER assessment_no_{verb.lower()} BEFORE {verb} ON assessment "
                "BEGIN SELECT RAISE(ABORT, 'assessments are append-only'); END"
            )


def downgrade() -> None:
    """Remove them."""
    for name in ("idempotency_key", "assessment", "login_failure", "account"):
        op.drop_table(name)
