"""Tables of official data: what `portcullis import` fills."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
)

from portcullis.store.metadata import metadata

# Days that stand for "without a limit", because a key cannot be empty.
ALWAYS, FOR_EVER = dt.date.min, dt.date.max
# Rows of a table marked so are replaced whole: what a new row lacks is meant to be empty.
WHOLE = {"whole": True}


def _from_import() -> Column[int]:
    return Column("import_id", Integer, ForeignKey("official_import.id"), nullable=False, index=True)


imports = Table(
    "official_import",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("file", String(255), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("rows_read", Integer, nullable=False),
    Column("rows_repaired", Integer, nullable=False),
    Column("rows_refused", Integer, nullable=False),
    Column("rows_stored", Integer, nullable=False),
    Column("rows_new", Integer),
    Column("actor", String(80)),  # none: the command line, or before this was written down
    Column("report", JSON),  # as `RepairReport.as_dict`, its remarks cut
)

hsk = Table(
    "official_hsk",
    metadata,
    Column("digits", String(10), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("valid_to", Date, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("name_ko", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("quantity_unit", String(16)),
    Column("weight_unit", String(16)),
    _from_import(),
)

concordance = Table(
    "official_concordance",
    metadata,
    Column("old", String(10), primary_key=True),  # empty: the new code had no predecessor
    Column("new", String(10), primary_key=True),  # empty: the old code has no successor
    Column("from_revision", String(4), primary_key=True),
    Column("to_revision", String(4), primary_key=True),
    Column("valid_from", Date),
    Column("partly", Boolean, nullable=False),
    _from_import(),
    info=WHOLE,
)

rates = Table(
    "official_rate",
    metadata,
    Column("digits", String(10), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("scope", String(32), primary_key=True),
    Column("country", String(32), primary_key=True),
    Column("use", String(32), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("valid_to", Date, nullable=False),
    Column("percent", Text),  # exact decimal texts
    Column("amount", Text),
    Column("unit", String(32)),
    Column("base_price", Text),
    _from_import(),
    info=WHOLE,
)

trade = Table(
    "official_trade",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("hs", String(10), primary_key=True),
    Column("country", String(100), primary_key=True),
    Column("flow", String(1), primary_key=True),  # I imports, E exports
    Column("value_usd", Double, nullable=False),
    Column("weight_kg", Double, nullable=False),
    Column("freight", Double),
    Column("freight_unit", Text),
    _from_import(),
    Index("ix_official_trade_series", "flow", "hs", "country", "month"),
)

freight = Table(
    "official_freight",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("route", String(40), primary_key=True),
    Column("krw_per_2teu", BigInteger, nullable=False),
    _from_import(),
)

macro = Table(
    "official_macro",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("series", String(100), primary_key=True),
    Column("value", Double, nullable=False),
    _from_import(),
)

declarations = Table(
    "official_declaration",
    metadata,
    Column("declaration_id", String(64), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("date", Date, nullable=False, index=True),
    Column("office", Text),
    Column("mode", String(8)),
    Column("departure", String(2)),
    Column("transit", Text),  # alpha-2 codes, a blank between two; empty: none was passed
    Column("origin", String(2)),
    Column("importer", Text),
    Column("declarant", Text),
    Column("seller", Text),
    Column("forwarder", Text),
    Column("hs", String(10), nullable=False),
    Column("name", Text),
    Column("net_kg", Double, nullable=False),
    Column("value", Text, nullable=False),  # exact decimal text: SQLite would make it a float
    Column("currency", String(3), nullable=False),
    Column("duty_rate", Double),  # per cent
    Column("tax_type", String(16)),
    Column("origin_indicator", String(16)),
    Column("process_type", String(16)),
    Column("import_type", String(16)),
    Column("import_use", String(16)),
    Column("payment_type", String(16)),
    Column("fraud", SmallInteger),
    Column("critical_fraud", SmallInteger),
    _from_import(),
    Index("ix_official_declaration_hs_date", "hs", "date"),
    Index("ix_official_declaration_importer_date", "importer", "date"),
)

rulings = Table(
    "official_ruling",
    metadata,
    Column(
        "key", String(64), primary_key=True
    ),  # sha256 of reference, code and text: rulings have no common number
    Column("hs", String(10), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("reference", String(64)),
    Column("date", Date),
    _from_import(),
)

TABLES = {
    "hsk": hsk,
    "concordance": concordance,
    "rates": rates,
    "trade": trade,
    "freight": freight,
    "macro": macro,
    "declarations": declarations,
    "rulings": rulings,
}
