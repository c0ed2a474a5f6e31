"""Countries of transit, what each stored scan looks like, and indexes for looking things up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    """Add them."""
    op.add_column("official_declaration", sa.Column("transit", sa.Text))
    op.create_index("ix_official_declaration_hs_date", "official_declaration", ["hs", "date"])
    op.create_index("ix_official_declaration_importer_date", "official_declaration", ["importer", "date"])
    op.drop_index("ix_official_declaration_hs", "official_declaration")  # the longer one does its work
    op.create_index("ix_official_trade_series", "official_trade", ["flow", "hs", "country", "month"])
    op.create_table(
        "scan_look",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), nullable=False, unique=True
        ),
        sa.Column("edition", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("code", sa.String(10), nullable=False),
        sa.Column("numbers", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("scan_look")
    op.drop_index("ix_official_trade_series", "official_trade")
    op.create_index("ix_official_declaration_hs", "official_declaration", ["hs"])
    op.drop_index("ix_official_declaration_importer_date", "official_declaration")
    op.drop_index("ix_official_declaration_hs_date", "official_declaration")
    op.drop_column("official_declaration", "transit")
