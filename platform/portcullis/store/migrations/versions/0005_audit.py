"""The audit log; on PostgreSQL, too, assessments can only be added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portcullis.store.append_only import protect

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Create it."""
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("action", sa.String(40), nullable=False, index=True),
        sa.Column("subject", sa.String(80), nullable=False, index=True),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False, unique=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("signature", sa.String(128), nullable=False),
    )
    protect(op, "audit")
    if op.get_bind().dialect.name == "postgresql":
        protect(op, "assessment")  # on SQLite it is since 0002


def downgrade() -> None:
    """Remove it."""
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        for trigger in ("assessment_append_only", "assessment_no_truncate"):
            op.execute(f"DROP TRIGGER {trigger} ON assessment")
        op.execute("DROP FUNCTION portcullis_append_only()")
