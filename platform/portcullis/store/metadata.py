"""The one `MetaData` that every table of the store belongs to."""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil

from sqlalchemy import MetaData

# Constraints get the same name on every database, so that a migration can alter them by name.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# `info` of a column whose values name files of the image store: they are backed up, and never swept.
IMAGE = {"image": True}


def whole() -> MetaData:
    """The metadata with all tables in it, whichever modules were needed so far."""
    from portcullis import store

    for module in pkgutil.iter_modules(store.__path__, "portcullis.store."):
        if not module.ispkg:
            importlib.import_module(module.name)
    return metadata


def as_utc(value: dt.datetime) -> dt.datetime:
    """A time as it was read: SQLite gives UTC without saying so, PostgreSQL the session's own time zone."""
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
