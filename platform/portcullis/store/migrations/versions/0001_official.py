"""Official tables: nomenclature, statistics, freight, macro series, declarations, rulings, imports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def _from_import() -> sa.Column[int]:
    return sa.Column("import_id", sa.Integer, sa.ForeignKey("official_import.id"), nullable=False, index=True)


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "official_import",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("file", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows_read", sa.Integer, nullable=False),
        sa.Column("rows_repaired", sa.Integer, nullable=False),
        sa.Column("rows_refused", sa.Integer, nullable=False),
        sa.Column("rows_stored", sa.Integer, nullable=False),
    )
    op.create_table(
        "official_hsk",
        sa.Column("digits", sa.String(10), primary_key=True),
        sa.Column("valid_from", sa.Date, primary_key=True),
        sa.Column("valid_to", sa.Date, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("name_ko", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("quantity_unit", sa.String(16)),
        sa.Column("weight_unit", sa.String(16)),
        _from_import(),
    )
    op.create_table(
        "official_trade",
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("hs", sa.String(10), primary_key=True),
        sa.Column("country", sa.String(100), primary_key=True),
        sa.Column("flow", sa.String(1), primary_key=True),
        sa.Column("value_usd", sa.Double, nullable=False),
        sa.Column("weight_kg", sa.Double, nullable=False),
        sa.Column("freight", sa.Double),
        sa.Column("freight_unit", sa.Text),
        _from_import(),
    )
    op.create_table(
        "official_freight",
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("route", sa.String(40), primary_key=True),
        sa.Column("krw_per_2teu", sa.BigInteger, nullable=False),
        _from_import(),
    )
    op.create_table(
        "official_macro",
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("series", sa.String(100), primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        _from_import(),
    )
    op.create_table(
        "official_declaration",
        sa.Column("declaration_id", sa.String(64), primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("date", sa.Date, nullable=False, index=True),
        sa.Column("office", sa.Text),
        sa.Column("mode", sa.String(8)),
        sa.Column("departure", sa.String(2)),
        sa.Column("origin", sa.String(2)),
        sa.Column("importer", sa.Text),
        sa.Column("declarant", sa.Text),
        sa.Column("seller", sa.Text),
        sa.Column("forwarder", sa.Text),
        sa.Column("hs", sa.String(10), nullable=False, index=True),
        sa.Column("name", sa.Text),
        sa.Column("net_kg", sa.Double, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("duty_rate", sa.Double),
        sa.Column("tax_type", sa.String(16)),
        sa.Column("origin_indicator", sa.String(16)),
        sa.Column("process_type", sa.String(16)),
        sa.Column("import_type", sa.String(16)),
        sa.Column("import_use", sa.String(16)),
        sa.Column("payment_type", sa.String(16)),
        sa.Column("fraud", sa.SmallInteger),
        sa.Column("critical_fraud", sa.SmallInteger),
        _from_import(),
    )
    op.create_table(
        "official_ruling",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("hs", sa.String(10), nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("reference", sa.String(64)),
        sa.Column("date", sa.Date),
        _from_import(),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("ruling", "declaration", "macro", "freight", "trade", "hsk", "import"):
        op.drop_table(f"official_{name}")
