"""Assessments know every file of their scan, by name, and how it was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Add the column; rows from before keep their one file in `scan` (they may not be changed)."""
    op.add_column("assessment", sa.Column("scan_details", sa.JSON))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("assessment", "scan_details")
