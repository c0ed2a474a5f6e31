"""Official tables: concordances of editions of the tariff, duty rates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def _from_import() -> sa.Column[int]:
    return sa.Column("import_id", sa.Integer, sa.ForeignKey("official_import.id"), nullable=False, index=True)


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "official_concordance",
        sa.Column("old", sa.String(10), primary_key=True),
        sa.Column("new", sa.String(10), primary_key=True),
        sa.Column("from_revision", sa.String(4), primary_key=True),
        sa.Column("to_revision", sa.String(4), primary_key=True),
        sa.Column("valid_from", sa.Date),
        sa.Column("partly", sa.Boolean, nullable=False),
        _from_import(),
    )
    op.create_table(
        "official_rate",
        sa.Column("digits", sa.String(10), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("scope", sa.String(32), primary_key=True),
        sa.Column("country", sa.String(32), primary_key=True),
        sa.Column("use", sa.String(32), primary_key=True),
        sa.Column("valid_from", sa.Date, primary_key=True),
        sa.Column("valid_to", sa.Date, nullable=False),
        sa.Column("percent", sa.Text),
        sa.Column("amount", sa.Text),
        sa.Column("unit", sa.String(32)),
        sa.Column("base_price", sa.Text),
        _from_import(),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("rate", "concordance"):
        op.drop_table(f"official_{name}")
