"""The store: SQLAlchemy tables, migrations and what is written; SQLite unless a URL names another."""

from portcullis.store.engine import open_engine, open_store, upgrade, writing
from portcullis.store.metadata import metadata

__all__ = ["metadata", "open_engine", "open_store", "upgrade", "writing"]
