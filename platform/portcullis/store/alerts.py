"""Alerts: what happened, written in the transaction in which it happened, numbered in the order of commits.

Nobody has to be listening: a stream, a list and the webhooks all read the same numbers afterwards. An alert
holds no names of importers, declarants or goods, so that it may leave the platform.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from fusion import RiskReport
from fusion.policy import BANDS, Band
from portcullis.store.audit import take_turns
from portcullis.store.deliveries import queue_deliveries
from portcullis.store.metadata import as_utc, metadata

alert = sa.Table(
    "alert",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(80), nullable=False),
    sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), index=True),
    sa.Column("band", sa.String(16)),
    sa.Column("details", sa.JSON, nullable=False),
)


class AlertKind(StrEnum):
    """What an alert tells."""

    ASSESSED = "assessed"  # a consignment was judged at or above the lowest band that is told
    DECIDED = "decided"
    OUTCOME = "outcome"
    ASSIGNED = "assigned"
    BATCH_FINISHED = "batch.finished"
    MODEL_SWITCHED = "model.switched"
    MODEL_SHADOWED = "model.shadowed"  # a model began to score in shadow
    WEBHOOK_OFF = "webhook.off"  # one that failed for days was switched off
    WEBHOOK_TEST = "webhook.test"


@dataclass(frozen=True)
class Alert:
    """Something to be told.

    subject: the id of the declaration, batch, model or webhook. details: values for machines and for the
    sentence; never a name of an importer, declarant or person other than an account.
    """

    kind: AlertKind
    subject: str
    details: Mapping[str, Any] = field(default_factory=dict)
    assessment: str | None = None
    band: Band | None = None


def batch_finished(batch: str, done: int, refused: int) -> Alert:
    """A batch came to its end with so many declarations judged and so many refused."""
    details = {"done": done, "refused": refused, "href": f"/v1/batches/{batch}"}
    return Alert(AlertKind.BATCH_FINISHED, batch, details)


def model_switched(module: str, before: str | None, after: str | None) -> Alert:
    """Another version of a model decides from now on."""
    return Alert(AlertKind.MODEL_SWITCHED, module, {"before": before, "after": after})


def model_shadowed(module: str, before: str | None, after: str | None) -> Alert:
    """A version of a model began to score beside the one that decides."""
    return Alert(AlertKind.MODEL_SHADOWED, module, {"before": before, "after": after})


@dataclass(frozen=True)
class StoredAlert:
    """An alert with its number and time."""

    number: int
    at: dt.datetime
    alert: Alert


class Alerts:
    """The alerts of one store; `lowest` is the lowest band whose assessments are told."""

    def __init__(self, engine: sa.Engine, now: Callable[[], dt.datetime], lowest: Band = "high") -> None:
        self.engine = engine
        self.now = now
        self.lowest = lowest

    def write(self, connection: sa.Connection, *alerts: Alert) -> list[StoredAlert]:
        """Append within a `writing` transaction, with a delivery for every webhook that wants to know.

        The deed, its alerts and their deliveries are stored together or not at all.
        """
        if not alerts:
            return []
        take_turns(connection)
        first = _head(connection) + 1
        at = self.now()
        stored = [StoredAlert(number, at, told) for number, told in enumerate(alerts, start=first)]
        connection.execute(
            alert.insert(),
            [
                {
                    "number": one.number,
                    "at": at,
                    "kind": one.alert.kind.value,
                    "subject": one.alert.subject[:80],
                    "assessment_id": one.alert.assessment,
                    "band": one.alert.band,
                    "details": dict(one.alert.details),
                }
                for one in stored
            ],
        )
        queue_deliveries(connection, [(s.number, s.alert.kind, s.alert.band) for s in stored], at)
        return stored

    def of_assessment(self, assessment_id: str, declaration_id: str, report: RiskReport) -> tuple[Alert, ...]:
        """What a new assessment has to tell: one alert, or none below the lowest band."""
        if BANDS.index(report.band) < BANDS.index(self.lowest):
            return ()
        declared = next((r.declared for r in (report, *report.lines) if r.declared is not None), None)
        details = {
            "hs": None if declared is None else declared.digits,
            "findings": list(dict.fromkeys(finding.kind for finding in report.findings)),
            "href": f"/v1/assessments/{assessment_id}",
        }
        return (Alert(AlertKind.ASSESSED, declaration_id, details, assessment_id, report.band),)

    def head(self) -> int:
        """Number of the newest alert; 0 if there is none."""
        with self.engine.connect() as connection:
            return _head(connection)

    def get(self, number: int) -> StoredAlert | None:
        """One alert, or None."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(alert).where(alert.c.number == number)).one_or_none()
        return None if row is None else _stored(row)

    def about(self, assessment_id: str) -> list[StoredAlert]:
        """All alerts of one assessment, oldest first."""
        query = sa.select(alert).where(alert.c.assessment_id == assessment_id).order_by(alert.c.number)
        with self.engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def page(
        self,
        after: int,
        limit: int = 100,
        kinds: Collection[AlertKind] | None = None,
        bands: Collection[str] = (),
    ) -> list[StoredAlert]:
        """Alerts behind number `after`, oldest first; only these kinds and bands, where some are given."""
        query = sa.select(alert).where(alert.c.number > after, *_of(kinds, bands)).order_by(alert.c.number)
        with self.engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query.limit(limit))]

    def latest(
        self, limit: int = 100, kinds: Collection[AlertKind] | None = None, bands: Collection[str] = ()
    ) -> list[StoredAlert]:
        """The newest alerts, oldest first."""
        query = sa.select(alert).where(*_of(kinds, bands)).order_by(alert.c.number.desc()).limit(limit)
        with self.engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query)][::-1]


def _of(kinds: Collection[AlertKind] | None, bands: Collection[str]) -> Sequence[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if kinds is not None:
        found.append(alert.c.kind.in_([kind.value for kind in kinds]))
    if bands:
        found.append(alert.c.band.in_(list(bands)))
    return found


def _head(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(sa.func.max(alert.c.number))) or 0)


def _stored(row: Any) -> StoredAlert:
    told = Alert(AlertKind(row.kind), row.subject, row.details, row.assessment_id, row.band)
    return StoredAlert(row.number, as_utc(row.at), told)
