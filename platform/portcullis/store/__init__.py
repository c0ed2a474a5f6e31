"""The store: SQLAlchemy tables, migrations and what is written; SQLite unless a URL names another."""

from portcullis.store.engine import Limits, downgrade, open_engine, open_store, upgrade, writing
from portcullis.store.metadata import metadata

__all__ = ["Limits", "downgrade", "metadata", "open_engine", "open_store", "upgrade", "writing"]
