"""What is to be sent to which webhook: one row for each alert and webhook, made with the alert."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from fusion.policy import BANDS
from portcullis.store.metadata import as_utc, metadata

webhook = sa.Table(
    "webhook",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("url", sa.String(2000), nullable=False),
    sa.Column("secret", sa.Text, nullable=False),  # sealed
    sa.Column("kinds", sa.JSON, nullable=False),  # empty: all
    sa.Column("lowest_band", sa.String(16)),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("removed_at", sa.DateTime(timezone=True)),
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("failing_since", sa.DateTime(timezone=True)),
    sa.Column("resume_at", sa.DateTime(timezone=True)),
)
webhook_delivery = sa.Table(
    "webhook_delivery",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("webhook_id", sa.String(16), sa.ForeignKey("webhook.id"), nullable=False),
    sa.Column("alert", sa.BigInteger, sa.ForeignKey("alert.number"), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("most_attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("lease", sa.String(16)),
    sa.Column("leased_until", sa.DateTime(timezone=True)),
    sa.Column("last_status", sa.Integer),
    sa.Column("last_error", sa.String(200)),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("webhook_id", "alert"),
    sa.Index("ix_webhook_delivery_state_next_at", "state", "next_at"),
)

# Seconds to wait after the first failure, the second and so on; then a delivery is dead.
WAITS = (5, 30, 120, 600, 3_600, 21_600, 86_400)


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # tried as often as it may be
    DROPPED = "dropped"  # its webhook was switched off first


@dataclass(frozen=True)
class Delivery:
    """One alert on its way to one webhook; id: the header `webhook-id` of every attempt."""

    id: str
    webhook: str
    alert: int
    state: State
    attempts: int
    most_attempts: int
    next_at: dt.datetime
    last_status: int | None = None
    last_error: str | None = None
    finished_at: dt.datetime | None = None
    lease: str | None = None


def queue_deliveries(
    connection: sa.Connection, alerts: Sequence[tuple[int, str, str | None]], at: dt.datetime
) -> None:
    """A delivery for each alert (number, kind, band) and each active webhook that asked for it."""
    w = webhook.c
    wanting = connection.execute(sa.select(w.id, w.kinds, w.lowest_band).where(w.active)).all()
    rows = [
        delivery_row(row.id, number, at)
        for row in wanting
        for number, kind, band in alerts
        if _wants(row.kinds, row.lowest_band, kind, band)
    ]
    if rows:
        connection.execute(webhook_delivery.insert(), rows)


def delivery_row(
    webhook_id: str, alert: int, at: dt.datetime, attempts: int = len(WAITS) + 1
) -> dict[str, Any]:
    """A row to insert: pending, due at once."""
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "webhook_id": webhook_id,
        "alert": alert,
        "state": State.PENDING.value,
        "attempts": 0,
        "most_attempts": attempts,
        "next_at": at,
    }


def delivery_of(row: Any) -> Delivery:
    """A row as it was read."""
    return Delivery(
        id=row.id,
        webhook=row.webhook_id,
        alert=row.alert,
        state=State(row.state),
        attempts=row.attempts,
        most_attempts=row.most_attempts,
        next_at=as_utc(row.next_at),
        last_status=row.last_status,
        last_error=row.last_error,
        finished_at=None if row.finished_at is None else as_utc(row.finished_at),
        lease=row.lease,
    )


def _wants(kinds: list[str], lowest: str | None, kind: str, band: str | None) -> bool:
    if kind == "webhook.test" or (kinds and kind not in kinds):
        return False  # a test goes to one webhook only
    return lowest is None or band is None or BANDS.index(band) >= BANDS.index(lowest)
