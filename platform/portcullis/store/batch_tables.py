"""Tables of batches, their chunks and items, and the states that these go through."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

from portcullis.store.metadata import IMAGE, metadata

LONGEST_NAME = 200


class BatchState(StrEnum):
    """Where a batch stands; the store keeps OPEN as what becomes WAITING or RUNNING when it is shown."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class ChunkState(StrEnum):
    """Where a chunk stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """What became of a declaration: refused is a fault of the file, failed one of ours."""

    WAITING = "waiting"
    ASSESSED = "assessed"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = "open"

batch = sa.Table(
    "batch",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(16), nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("file", sa.String(64), nullable=False, info=IMAGE),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("key", sa.String(255)),
    sa.Column("body_sha256", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("assessed", sa.Integer, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("cancelled", sa.Integer, nullable=False),
    sa.Column("chunks", sa.Integer, nullable=False),
    sa.Column("chunks_done", sa.Integer, nullable=False),
    sa.Column("chunks_failed", sa.Integer, nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("account_id", "key"),
)
batch_chunk = sa.Table(
    "batch_chunk",
    metadata,
    sa.Column("batch_number", sa.Integer, sa.ForeignKey("batch.number"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("word", sa.String(32)),  # of the claim
    sa.Column("worker", sa.String(120)),
    # of a running chunk the end of its lease, of a waiting one not before
    sa.Column("until", sa.DateTime(timezone=True)),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("reason", sa.String(500)),
    sa.Index("ix_batch_chunk_state", "state", "batch_number", "number"),
)
batch_item = sa.Table(
    "batch_item",
    metadata,
    sa.Column("batch_number", sa.Integer, sa.ForeignKey("batch.number"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("chunk", sa.Integer),  # none where it was refused before it came to chunks
    sa.Column("row", sa.Integer, nullable=False),
    sa.Column("source", sa.String(200)),
    sa.Column("declaration_id", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("content", sa.JSON(none_as_null=True)),  # until it is assessed
    sa.Column("problems", sa.JSON(none_as_null=True)),
    sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), unique=True),
    sa.Index("ix_batch_item_chunk", "batch_number", "chunk"),
    sa.Index("ix_batch_item_state", "batch_number", "state", "number"),
)
