"""Published selections: which cases were chosen for inspection, why each, and what was expected of them.

A selection is written once, with a decision to inspect for each of its cases, in one transaction.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from customs.errors import CustomsError
from portcullis.store.accounts import Account, account
from portcullis.store.assessments import KeyUsedTwice
from portcullis.store.audit import Act, Audit, digest
from portcullis.store.casework import Casework, Decided, Decision
from portcullis.store.engine import writing
from portcullis.store.selection_tables import selection, selection_case

BY_LOT = ("random", "both")  # the arms that count as drawn, whatever their risk


@dataclass(frozen=True)
class Chosen:
    """A case of a selection. rank: 1 is the riskiest, 0 could not be judged; arm: risk, random or both."""

    assessment_id: str
    rank: int
    arm: str

    @property
    def reason(self) -> str:
        """The reason code of the decision: a case that was drawn is of the random arm, risky or not."""
        return "random" if self.arm in BY_LOT else "risk"


@dataclass(frozen=True)
class Selection:
    """A published selection. plan: as it was shown; refused: by assessment, when it was published."""

    id: str
    account: str
    at: dt.datetime
    plan: Mapping[str, Any]
    refused: Mapping[str, str] = field(default_factory=dict)


CASES = "cases"  # under this name the rows of `selection_case` stand among the values of their selection


def vouched(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit entry of a selection vouches for, as JSON values: its row, with its cases."""
    cases = sorted((case["assessment_id"], case["rank"], case["arm"]) for case in row[CASES])
    return {
        "kind": "selection",
        **{name: row[name] for name in ("id", "account_id", "plan")},
        "at": row["at"].replace(tzinfo=dt.UTC).isoformat(),
        CASES: [list(case) for case in cases],
    }


class Selections:
    """The selections of one store."""

    def __init__(
        self, engine: sa.Engine, audit: Audit, casework: Casework, now: Callable[[], dt.datetime]
    ) -> None:
        self.engine = engine
        self.audit = audit
        self.casework = casework
        self.now = now

    def publish(
        self, plan: Mapping[str, Any], cases: Sequence[Chosen], who: Account, *, key: str
    ) -> Selection:
        """Store it and decide to inspect each of its cases; the same key and plan are stored once.

        Raises:
            KeyUsedTwice: the key came before with another plan.
        """
        new_id = self.id_of(who, key)
        refused: dict[str, str] = {}
        with writing(self.engine) as connection:
            earlier = _read(connection, new_id)
            if earlier is not None:
                if json.dumps(earlier.plan, sort_keys=True) != json.dumps(dict(plan), sort_keys=True):
                    raise KeyUsedTwice
                return earlier
            row = {"id": new_id, "account_id": who.id, "at": self.now(), "plan": dict(plan)}
            connection.execute(selection.insert().values(row))
            rows = [
                {"selection_id": new_id, "assessment_id": c.assessment_id, "rank": c.rank, "arm": c.arm}
                for c in cases
            ]
            connection.execute(selection_case.insert(), rows)
            details = {"cases": len(rows), "sha256": digest(vouched({**row, CASES: rows}))}
            self.audit.write(connection, Act(who.name, "selection.publish", new_id, details))
            for case in sorted(cases, key=lambda c: c.assessment_id):
                deed = Decided(decision=Decision.INSPECT, reason=case.reason)
                told = self.casework.try_write(
                    connection, case.assessment_id, deed, who, key=f"selection:{new_id}"
                )
                if isinstance(told, CustomsError):
                    refused[case.assessment_id] = str(told)
            found = _read(connection, new_id)
        assert found is not None
        return Selection(found.id, found.account, found.at, found.plan, refused)

    def id_of(self, who: Account, key: str) -> str:
        """The id that this account's key always gives."""
        return hashlib.sha256(f"{who.id}\nselection\n{key}".encode()).hexdigest()[:16]

    def get(self, selection_id: str) -> Selection | None:
        """One selection, or None."""
        with self.engine.connect() as connection:
            return _read(connection, selection_id)

    def cases(self, selection_id: str) -> list[Chosen]:
        """Its cases, the riskiest first, those that could not be judged last."""
        c = selection_case.c
        query = sa.select(c.assessment_id, c.rank, c.arm).where(c.selection_id == selection_id)
        with self.engine.connect() as connection:
            return [Chosen(*row) for row in connection.execute(query.order_by(c.rank == 0, c.rank))]

    def latest(self, limit: int) -> list[Selection]:
        """The newest selections."""
        with self.engine.connect() as connection:
            rows = connection.execute(_selections().order_by(selection.c.number.desc()).limit(limit))
            return [_selection(row) for row in rows]


def _selections() -> sa.Select[Any]:
    return sa.select(selection, account.c.name.label("by")).join(
        account, account.c.id == selection.c.account_id
    )


def _read(connection: sa.Connection, selection_id: str) -> Selection | None:
    row = connection.execute(_selections().where(selection.c.id == selection_id)).one_or_none()
    return None if row is None else _selection(row)


def _selection(row: Any) -> Selection:
    return Selection(row.id, row.by, row.at.replace(tzinfo=dt.UTC), row.plan)
