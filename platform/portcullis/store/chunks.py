"""Chunks of batches as workers see them: claimed with a lease, and finished once.

A claim is a random word in the chunk's row. Whatever a worker writes down is in one transaction with the
check that its word is still there and its lease has not ended: a worker that was thought dead cannot write
over what its successor did.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from customs.errors import Problem
from fusion import RiskReport
from portcullis.store.accounts import Account, Accounts
from portcullis.store.alerts import Alerts, batch_finished
from portcullis.store.assessments import Assessments, New
from portcullis.store.audit import SYSTEM, Act, Audit
from portcullis.store.batch_tables import (
    OPEN,
    BatchState,
    ChunkState,
    ItemState,
    batch,
    batch_chunk,
    batch_item,
)
from portcullis.store.batches import ItemProblem
from portcullis.store.engine import writing

MAX_ATTEMPTS = 3
RETRY_AFTER = dt.timedelta(seconds=5)  # longer each time
_VANISHED = "its worker ended without a word, each time it was tried"


class ClaimLost(Exception):
    """The chunk is no longer this worker's: its lease ended, or the batch was cancelled."""


@dataclass(frozen=True)
class Task:
    """One declaration to be judged, with what the manifest holds of it."""

    number: int
    row: int
    content: dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A chunk that a worker has for itself until its lease ends.

    file: name of the batch's file in the image store.
    """

    batch_number: int
    batch_id: str
    chunk: int
    word: str
    attempt: int
    until: dt.datetime
    file: str
    kind: str
    account: Account
    tasks: tuple[Task, ...]


@dataclass(frozen=True, eq=False)
class Result:
    """What became of one task: judged, or refused or failed with its problems."""

    task: Task
    new: New | None = None
    problems: tuple[Problem, ...] = ()
    failed: bool = False

    @property
    def state(self) -> ItemState:
        """As it is stored."""
        if self.new is not None:
            return ItemState.ASSESSED
        return ItemState.FAILED if self.failed else ItemState.REFUSED


class Chunks:
    """The chunks of one store."""

    def __init__(
        self,
        engine: sa.Engine,
        accounts: Accounts,
        assessments: Assessments,
        audit: Audit,
        alerts: Alerts,
        lease: dt.timedelta,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.engine = engine
        self.accounts = accounts
        self.assessments = assessments
        self.audit = audit
        self.alerts = alerts
        self.lease = lease
        self.now = now

    def claim(self, worker: str) -> Claim | None:
        """The next chunk that nobody has, or whose worker let its lease end; None if there is none.

        A chunk that was tried three times is given up on the way.
        """
        while (taken := self._take(worker)) is not None:
            if taken.attempt <= MAX_ATTEMPTS:
                return taken
            self.fail(taken, _VANISHED)
        return None

    def idle(self) -> bool:
        """True if no chunk waits or runs, in whatever process."""
        query = sa.select(batch_chunk.c.number).where(
            batch_chunk.c.state.in_((ChunkState.WAITING, ChunkState.RUNNING))
        )
        with self.engine.connect() as connection:
            return connection.execute(query.limit(1)).one_or_none() is None

    def renew(self, claim: Claim) -> dt.datetime:
        """Begin the lease anew; its new end. `ClaimLost` if it had ended."""
        with writing(self.engine) as connection:
            until = self.now() + self.lease
            self._hold(connection, claim, until=until)
        return until

    def release(self, claim: Claim) -> None:
        """Give a chunk back as if it had not been claimed."""
        with writing(self.engine) as connection:
            self._hold(
                connection,
                claim,
                **_FREE,
                state=ChunkState.WAITING,
                attempts=claim.attempt - 1,
            )

    def finish(self, claim: Claim, results: Sequence[Result]) -> list[tuple[str, RiskReport]]:
        """Store what became of every task, and that the chunk is done: all of it or nothing.

        Gives the id and the report of each assessment that was stored.

        Raises:
            ClaimLost: the chunk is somebody else's now; nothing was stored.
        """
        judged = [result for result in results if result.new is not None]
        news = [result.new for result in judged if result.new is not None]
        images = [image for new in news for image in new.images]  # drawn before others wait for the lock
        states = [result.state for result in results]
        with writing(self.engine) as connection:
            done = self._count(
                connection,
                claim,
                chunks_done=1,
                **{s.value: states.count(s) for s in set(states)},
            )
            self._hold(connection, claim, **_FREE, state=ChunkState.DONE, finished_at=self.now())
            with self.assessments.images.putting(connection, *images) as names:
                left = list(names)
                items = [(new, [left.pop(0) for _ in new.images]) for new in news]
                ids = self.assessments.write(connection, claim.account, items)
                self._set_items(connection, claim, results, ids)
                self._complete(connection, claim, done)
                connection.commit()
        return [(one, new.verdict.report) for one, new in zip(ids, news, strict=True)]

    def fail(self, claim: Claim, reason: str) -> bool:
        """A chunk could not be done: it is tried again later, or given up; True if it was given up."""
        again = claim.attempt < MAX_ATTEMPTS
        if again:
            with writing(self.engine) as connection:
                later = self.now() + claim.attempt * RETRY_AFTER
                free = {**_FREE, "until": later}
                self._hold(connection, claim, **free, state=ChunkState.WAITING, reason=reason[:500])
            return False
        with writing(self.engine) as connection:
            done = self._count(connection, claim, chunks_failed=1, failed=len(claim.tasks))
            end = {"state": ChunkState.FAILED, "finished_at": self.now(), "reason": reason[:500]}
            self._hold(connection, claim, **_FREE, **end)
            remedy = "resume the batch when the cause is put right"
            problem = Problem(f"it was tried {MAX_ATTEMPTS} times: {reason}", None, remedy)
            results = [Result(task, problems=(problem,), failed=True) for task in claim.tasks]
            self._set_items(connection, claim, results, [])
            self._complete(connection, claim, done)
        return True

    def _take(self, worker: str) -> Claim | None:
        c, b = batch_chunk.c, batch.c
        now = self.now()
        waits = sa.and_(c.state == ChunkState.WAITING, sa.or_(c.until.is_(None), c.until <= now))
        left = sa.and_(c.state == ChunkState.RUNNING, c.until < now)
        # two workers never wait for each other: on PostgreSQL each skips rows that the other has locked, on
        # SQLite there is one writer at a time
        query = (
            sa.select(c.batch_number, c.number, c.attempts, c.started_at, b.id, b.file, b.kind, b.account_id)
            .select_from(batch_chunk.join(batch))
            .where(sa.or_(waits, left))
            .order_by(c.batch_number, c.number)
            .limit(1)
        )
        with self.engine.connect() as connection:
            # most looks find nothing, and need not make a writer of anybody
            if connection.execute(query).one_or_none() is None:
                return None
        with writing(self.engine) as connection:
            locked = query.with_for_update(skip_locked=True, of=batch_chunk)
            row = connection.execute(locked).one_or_none()
            if row is None:
                return None
            word, until = secrets.token_hex(16), now + self.lease
            connection.execute(
                batch_chunk.update()
                .where(c.batch_number == row.batch_number, c.number == row.number)
                .values(
                    state=ChunkState.RUNNING,
                    word=word,
                    worker=worker[:120],
                    until=until,
                    attempts=row.attempts + 1,
                    started_at=row.started_at or now,
                )
            )
            i = batch_item.c
            tasks = connection.execute(
                sa.select(i.number, i.row, i.content)
                .where(i.batch_number == row.batch_number, i.chunk == row.number)
                .where(i.state == ItemState.WAITING)
                .order_by(i.number)
            ).all()
        account = self.accounts.by_id(row.account_id)
        assert account is not None  # accounts are never deleted
        return Claim(
            batch_number=row.batch_number,
            batch_id=row.id,
            chunk=row.number,
            word=word,
            attempt=row.attempts + 1,
            until=until,
            file=row.file,
            kind=row.kind,
            account=account,
            tasks=tuple(Task(*task) for task in tasks),
        )

    def _hold(self, connection: sa.Connection, claim: Claim, **values: Any) -> None:
        """Change the chunk's row, if it is still this worker's."""
        c = batch_chunk.c
        held = connection.execute(
            batch_chunk.update()
            .where(c.batch_number == claim.batch_number, c.number == claim.chunk)
            .where(c.state == ChunkState.RUNNING, c.word == claim.word, c.until >= self.now())
            .values(**values)
        )
        if held.rowcount != 1:
            raise ClaimLost(f"chunk {claim.chunk} of batch {claim.batch_id}")

    def _count(self, connection: sa.Connection, claim: Claim, **more: int) -> bool:
        """Add to the batch's counts, which locks it, before the chunk; True if that was its last chunk."""
        b = batch.c
        row = connection.execute(
            batch.update()
            .where(b.number == claim.batch_number, b.state == OPEN)
            .values({name: b[name] + count for name, count in more.items()})
            .returning(b.chunks, b.chunks_done, b.chunks_failed)
        ).one_or_none()
        if row is None:
            raise ClaimLost(f"batch {claim.batch_id} was cancelled")
        return bool(row.chunks == row.chunks_done + row.chunks_failed)

    def _set_items(
        self, connection: sa.Connection, claim: Claim, results: Sequence[Result], ids: Sequence[str]
    ) -> None:
        """Write the states of the items; `ids` are of those that were judged, in order."""
        i = batch_item.c
        found = iter(ids)
        rows = [
            {
                "item": result.task.number,
                "state": result.state,
                "problems": [_problem(result.task, p) for p in result.problems] or None,
                "assessment_id": None if result.new is None else next(found),
                "content": result.task.content if result.failed else None,
            }
            for result in results
        ]
        if rows:
            connection.execute(
                batch_item.update()
                .where(i.batch_number == claim.batch_number, i.number == sa.bindparam("item"))
                .values({name: sa.bindparam(name) for name in rows[0] if name != "item"}),
                rows,
            )

    def _complete(self, connection: sa.Connection, claim: Claim, done: bool) -> None:
        """Note the end of a batch whose last chunk this was."""
        if not done:
            return
        b = batch.c
        row = connection.execute(
            batch.update()
            .where(b.number == claim.batch_number)
            .values(state=BatchState.DONE, finished_at=self.now())
            .returning(b.assessed, b.refused, b.failed)
        ).one()
        self.audit.write(connection, Act(SYSTEM, "batch.done", claim.batch_id, row._asdict()))
        self.alerts.write(connection, batch_finished(claim.batch_id, row.assessed, row.refused + row.failed))


_FREE: dict[str, Any] = {"word": None, "worker": None, "until": None}


def _problem(task: Task, problem: Problem) -> dict[str, Any]:
    return ItemProblem(task.row, problem.field, problem.problem, problem.remedy).values
