"""Alembic runs this file; connection and transaction belong to `portcullis.store.engine.upgrade`."""

from __future__ import annotations

from alembic import context

from portcullis.store.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
