"""The tables of the queue: one row for each case, its lines and its findings, to list and filter by."""

from __future__ import annotations

import sqlalchemy as sa

from portcullis.store.metadata import metadata

UNKNOWN = -1.0  # surprise of a case that no check could judge: last in the order, and never lost from it


def _number(of: str) -> sa.Column[int]:
    return sa.Column("number", sa.Integer, sa.ForeignKey(of), primary_key=True, autoincrement=False)


queue = sa.Table(
    "queue",
    metadata,
    _number("assessment.number"),
    sa.Column("assessment_id", sa.String(16), nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("date", sa.Date, nullable=False, index=True),
    sa.Column("declaration_id", sa.String(64), nullable=False, index=True),
    sa.Column("origin", sa.String(2), nullable=False, index=True),
    sa.Column("departure", sa.String(2)),
    sa.Column("mode", sa.String(8)),
    sa.Column("office", sa.Text),
    sa.Column("importer", sa.Text, nullable=False, index=True),
    sa.Column("declarant", sa.Text),
    sa.Column("goods", sa.Text, nullable=False),  # of the first line
    sa.Column("hs", sa.String(10), nullable=False),  # of the first line
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("kinds", sa.Text, nullable=False),  # of the findings, gravest first: JSON
    sa.Column("band", sa.String(16), nullable=False),
    sa.Column("lane", sa.String(8), nullable=False),
    sa.Column("surprise", sa.Double, nullable=False),
    sa.Column("chance", sa.Double),
    sa.Column("duty_at_stake_usd", sa.Double),  # see `queue_projection.duty_at_stake`; NULL: cannot be told
    sa.Column("mismatch", sa.Boolean, nullable=False),
    sa.Column("has_scan", sa.Boolean, nullable=False),
    sa.Column("has_photo", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("assignee_id", sa.Integer, sa.ForeignKey("account.id"), index=True),
    sa.Column("result", sa.String(16)),
    sa.Column("reason", sa.String(32)),
    sa.Column("version", sa.Integer, nullable=False),  # how often somebody worked on the case
    sa.Column("words", sa.Text, nullable=False, server_default=""),  # what free text looks in, folded
    sa.Index("ix_queue_surprise_number", "surprise", "number"),
    sa.Index("ix_queue_status_surprise_chance", "status", "surprise", "chance"),  # all that a plan reads
    sa.Index("ix_queue_result_surprise", "result", "surprise"),
)
queue_line = sa.Table(
    "queue_line",
    metadata,
    _number("queue.number"),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),  # from 1
    sa.Column("hs", sa.String(10), nullable=False),
    sa.Column("usd_per_kg", sa.Double),  # unit value, where it can be told
    sa.Index("ix_queue_line_hs_usd_per_kg_number", "hs", "usd_per_kg", "number"),
    sa.Index("ix_queue_line_usd_per_kg_number", "usd_per_kg", "number"),
)
queue_kind = sa.Table(
    "queue_kind",
    metadata,
    _number("queue.number"),
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("surprise", sa.Double, nullable=False, server_default="0"),  # of the case's oddest such finding
    sa.Index("ix_queue_kind_kind_surprise_number", "kind", "surprise", "number"),
)
