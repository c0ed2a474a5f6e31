"""Cases with an outcome, beside how they came to be inspected."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from portcullis.store.casework import decision, outcome
from portcullis.store.metadata import as_utc
from portcullis.store.queue import Status, queue


@dataclass(frozen=True)
class Concluded:
    """A case with its latest outcome.

    reasons: of the decisions to inspect that came before it; inspect_at: the first of them; decided_at: the
    first decision of any kind. chance: as it was predicted when the case was assessed.
    """

    id: str
    created_at: dt.datetime
    origin: str
    hs: str
    office: str | None
    chance: float | None
    kinds: tuple[str, ...]
    result: str
    reason: str
    at: dt.datetime
    reasons: frozenset[str]
    inspect_at: dt.datetime | None
    decided_at: dt.datetime | None

    @property
    def hit(self) -> bool:
        """Whether something was found."""
        return self.result == "discrepancy"


@dataclass(frozen=True)
class Waiting:
    """Cases that were sent to inspection and have no conclusive outcome; drawn: by lot."""

    all: int
    drawn: int


@lru_cache(maxsize=5_000)
def _kinds(stored: str) -> tuple[str, ...]:
    """Kinds of findings as the queue keeps them; few combinations come again and again."""
    return tuple(json.loads(stored))


class ConcludedCases:
    """Reads the cases with an outcome of one store."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def state(self) -> tuple[int, int]:
        """Changes whenever a decision or an outcome is added."""
        with self.engine.connect() as connection:
            last = [connection.scalar(sa.select(sa.func.max(t.c.number))) or 0 for t in (decision, outcome)]
        return last[0], last[1]

    def newest(self) -> dt.datetime | None:
        """When the latest outcome was recorded; None without any."""
        query = sa.select(outcome.c.at).order_by(outcome.c.number.desc()).limit(1)
        with self.engine.connect() as connection:
            found = connection.scalar(query)
        return None if found is None else as_utc(found)

    def between(self, begin: dt.datetime | None, end: dt.datetime | None) -> list[Concluded]:
        """Cases whose latest outcome was recorded from `begin` until before `end`, oldest first."""
        o, d, q = outcome.c, decision.c, queue.c
        latest = sa.select(sa.func.max(o.number)).group_by(o.assessment_id)
        wanted: list[sa.ColumnElement[bool]] = [o.number.in_(latest)]
        if begin is not None:
            wanted.append(o.at >= begin.astimezone(dt.UTC))
        if end is not None:
            wanted.append(o.at < end.astimezone(dt.UTC))
        cases = (
            sa.select(
                *(q.assessment_id, q.created_at, q.origin, q.hs, q.office, q.chance, q.kinds),
                *(o.result, o.reason, o.at, o.sequence),
            )
            .join(queue, q.assessment_id == o.assessment_id)
            .where(*wanted)
            .order_by(o.number)
        )
        decided = (
            sa.select(d.assessment_id, d.decision, d.reason, d.at, d.sequence)
            .where(d.assessment_id.in_(sa.select(o.assessment_id).where(*wanted)))
            .order_by(d.number)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(cases).all()
            decisions: dict[str, list[Any]] = {}
            for one in connection.execute(decided):
                decisions.setdefault(one.assessment_id, []).append(one)
        found = []
        for row in rows:
            before = [one for one in decisions.get(row.assessment_id, ()) if one.sequence < row.sequence]
            inspect = [one for one in before if one.decision == "inspect"]
            found.append(
                Concluded(
                    id=row.assessment_id,
                    created_at=as_utc(row.created_at),
                    origin=row.origin,
                    hs=row.hs,
                    office=row.office,
                    chance=row.chance,
                    kinds=_kinds(row.kinds),
                    result=row.result,
                    reason=row.reason,
                    at=as_utc(row.at),
                    reasons=frozenset(one.reason for one in inspect),
                    inspect_at=as_utc(inspect[0].at) if inspect else None,
                    decided_at=as_utc(before[0].at) if before else None,
                )
            )
        return found

    def waiting(self) -> Waiting:
        """Cases under inspection now."""
        q, d = queue.c, decision.c
        open_ = sa.select(q.assessment_id).where(q.status == Status.INSPECTING.value)
        drawn = sa.exists().where(
            d.assessment_id == q.assessment_id, d.decision == "inspect", d.reason == "random"
        )
        with self.engine.connect() as connection:
            counts = [
                int(connection.scalar(sa.select(sa.func.count()).select_from(part.subquery())) or 0)
                for part in (open_, open_.where(drawn))
            ]
        return Waiting(*counts)
