"""Policies in the store: all that were ever in force, who published them and why; the newest judges."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from customs.errors import InvalidConfig, InvalidValue
from fusion import Policy
from portcullis.store.accounts import Account, account
from portcullis.store.assessments import assessment
from portcullis.store.audit import SYSTEM, Act, Audit
from portcullis.store.engine import writing
from portcullis.store.metadata import metadata

MAX_REASON = 1_000
RECENT = 10_000  # assessments that a preview counts by band
READ = 300  # reports that it opens, to count findings

policy_version = sa.Table(
    "policy_version",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id")),  # none: by the command line
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("text", sa.Text, nullable=False),  # as a policy file has it
    sa.Column("reason", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class Published:
    """A policy that was put in force; `policy.version` stands in every report that it judged."""

    number: int
    at: dt.datetime
    account: str | None
    reason: str
    policy: Policy


@dataclass(frozen=True)
class Change:
    """What another policy would have said of recent assessments.

    counted: assessments by band, of those that were judged at all; unknown: those that no check could judge.
    opened: reports of which the single checks were looked at.
    """

    counted: int
    unknown: int
    bands: Mapping[str, tuple[int, int]]
    opened: int
    findings: Mapping[str, tuple[int, int]]


class Policies:
    """The policies of one store. pinned: a policy that was given at the start and stays in force."""

    def __init__(
        self,
        engine: sa.Engine,
        audit: Audit,
        now: Callable[[], dt.datetime],
        pinned: Policy | None = None,
    ) -> None:
        self.engine = engine
        self.audit = audit
        self.now = now
        self.pinned = pinned

    def in_force(self) -> Policy:
        """The policy that judges: pinned, else the newest, else the one that ships with Portcullis."""
        if self.pinned is not None:
            return self.pinned
        found = self.page(limit=1)
        return found[0].policy if found else Policy.default()

    def page(self, before: int | None = None, limit: int = 50) -> list[Published]:
        """Policies before number `before`, newest first."""
        p = policy_version.c
        query = _published().order_by(p.number.desc()).limit(limit)
        if before is not None:
            query = query.where(p.number < before)
        with self.engine.connect() as connection:
            return [_row(row) for row in connection.execute(query)]

    def get(self, number: int) -> Published | None:
        """One of them, or None."""
        with self.engine.connect() as connection:
            row = connection.execute(_published().where(policy_version.c.number == number)).one_or_none()
        return None if row is None else _row(row)

    def publish(self, policy: Policy, reason: str, by: Account | None) -> Published:
        """Put a policy in force; every worker follows within seconds.

        Raises:
            InvalidConfig: a policy was given at the start, or this one is in force already.
            InvalidValue: there is no reason.
        """
        if self.pinned is not None:
            raise InvalidConfig(
                "the service was started with a policy of its own",
                field="policy",
                remedy="start it without one to let the store decide",
            )
        reason = reason.strip()
        if not 0 < len(reason) <= MAX_REASON:
            raise InvalidValue(
                f"the reason has {len(reason)} characters",
                field="reason",
                remedy=f"say why, in 1 to {MAX_REASON} characters",
            )
        text = policy.written()
        again = Policy.parse(text.encode())
        actor = SYSTEM if by is None else by.name
        with writing(self.engine) as connection:
            newest = connection.execute(
                sa.select(policy_version).order_by(policy_version.c.number.desc()).limit(1)
            ).one_or_none()
            before = Policy.default() if newest is None else Policy.parse(newest.text.encode())
            if before.written() == text:
                raise InvalidConfig(
                    "this policy is in force already", field="policy", remedy="change a threshold first"
                )
            row = {
                "at": self.now(),
                "account_id": None if by is None else by.id,
                "version": again.version,
                "text": text,
                "reason": reason,
            }
            put = policy_version.insert().values(row).returning(policy_version.c.number)
            number = int(connection.execute(put).scalar_one())
            details = {
                "before": _thresholds(before),
                "after": _thresholds(again),
                "reason": reason,
            }
            self.audit.write(connection, Act(actor, "policy.publish", again.version, details))
        found = self.get(number)
        assert found is not None
        return found

    def compared(self, before: Policy, after: Policy) -> Change:
        """What `after` would have said of the newest assessments, beside `before`, which judges now.

        Exact for other thresholds: the combined surprise of an assessment does not depend on them.
        """
        a = assessment.c
        recent = sa.select(a.surprise).order_by(a.number.desc()).limit(RECENT).subquery()
        s = recent.c.surprise
        counts: list[sa.ColumnElement[int]] = [sa.func.count(s), sa.func.count()]
        edges = [policy.bands[band] for policy in (before, after) for band in policy.bands]
        counts += [sa.func.coalesce(sa.func.sum(sa.case((s >= edge, 1), else_=0)), 0) for edge in edges]
        reports = sa.select(a.report).order_by(a.number.desc()).limit(READ)
        with self.engine.connect() as connection:
            judged, every, *above = (int(n) for n in connection.execute(sa.select(*counts)).one())
            read = list(connection.scalars(reports))
        half = len(above) // 2
        old, new = _by_band(before, judged, above[:half]), _by_band(after, judged, above[half:])
        surprises = [pair for report in read for pair in _surprises(report)]
        severities = ("note", "warning", "alarm")
        found = {
            severity: tuple(
                sum(policy.severity(surprise, check) == severity for check, surprise in surprises)
                for policy in (before, after)
            )
            for severity in severities
        }
        return Change(
            counted=judged,
            unknown=every - judged,
            bands={band: (old[band], new[band]) for band in old},
            opened=len(read),
            findings={name: (pair[0], pair[1]) for name, pair in found.items()},
        )


def _by_band(policy: Policy, judged: int, above: list[int]) -> dict[str, int]:
    edges = [judged, *above, 0]
    names = ["clear", *policy.bands]
    return {name: edges[i] - edges[i + 1] for i, name in enumerate(names)}


def _surprises(report: Any) -> list[tuple[str, float]]:
    found = json.loads(report) if isinstance(report, str) else report
    said = found.get("evidence", ())
    return [(e["check"], e["surprise"]) for e in said if e.get("surprise") is not None]


def _thresholds(policy: Policy) -> dict[str, Any]:
    return {"version": policy.version, "bands": dict(policy.bands), "findings": dict(policy.findings)}


def _published() -> sa.Select[Any]:
    return sa.select(policy_version, account.c.name.label("published_by")).join(
        account, account.c.id == policy_version.c.account_id, isouter=True
    )


def _row(row: Any) -> Published:
    policy = Policy.parse(row.text.encode())
    return Published(row.number, row.at.replace(tzinfo=dt.UTC), row.published_by, row.reason, policy)
