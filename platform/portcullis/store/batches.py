"""Batches in the store: the manifest of chunks, every item with what became of it, and their progress.

`store.chunks` has the part that workers need: claiming a chunk and writing down what was done.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portcullis.store.accounts import Account
from portcullis.store.accounts import account as account_table
from portcullis.store.assessments import KeyUsedTwice, assessment
from portcullis.store.audit import Act, Audit
from portcullis.store.batch_tables import (
    OPEN,
    BatchState,
    ChunkState,
    ItemState,
    batch,
    batch_chunk,
    batch_item,
)
from portcullis.store.casework import Conflict
from portcullis.store.engine import writing
from portcullis.store.images import Images
from portcullis.store.metadata import as_utc

_PAGE = 1_000


@dataclass(frozen=True)
class ItemProblem:
    """What is wrong with an item; row: the line of the file where it stands."""

    row: int
    field: str | None
    problem: str
    remedy: str | None

    @property
    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {"row": self.row, "field": self.field, "problem": self.problem, "remedy": self.remedy}


@dataclass(frozen=True)
class NewItem:
    """A declaration of a file that is handed in: with what a worker needs, or with what is wrong.

    row: line of the file, or the number of the case in an archive, from 1; source: the case's folder there.
    size: bytes of its pictures.
    """

    row: int
    declaration_id: str
    source: str | None = None
    content: dict[str, Any] | None = None
    size: int = 0
    problems: tuple[ItemProblem, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What a file holds: its items in order, and for each the number of its chunk (None where refused)."""

    kind: str
    items: tuple[NewItem, ...]
    chunks: tuple[int | None, ...]


@dataclass(frozen=True)
class Batch:
    """A batch and how far it is.

    rate: declarations a second since it began; expected_end: None unless it is running and has a rate.
    """

    id: str
    name: str
    account: str
    kind: str
    state: BatchState
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    items: int
    assessed: int
    refused: int
    failed: int
    cancelled: int
    chunks: int
    chunks_done: int
    chunks_failed: int
    rate: float | None
    expected_end: dt.datetime | None

    @property
    def waiting(self) -> int:
        """Items still to be done."""
        return self.items - self.assessed - self.refused - self.failed - self.cancelled


@dataclass(frozen=True)
class Item:
    """One declaration of a batch and what became of it."""

    number: int
    row: int
    source: str | None
    declaration_id: str
    state: ItemState
    problems: tuple[ItemProblem, ...] = ()
    assessment: str | None = None
    band: str | None = None
    surprise: float | None = None


class Batches:
    """The batches of one store."""

    def __init__(
        self, engine: sa.Engine, images: Images, audit: Audit, now: Callable[[], dt.datetime]
    ) -> None:
        self.engine = engine
        self.images = images
        self.audit = audit
        self.now = now

    def add(
        self,
        manifest: Manifest,
        file: bytes,
        *,
        name: str,
        account: Account,
        body_sha256: str,
        key: str | None = None,
    ) -> Batch:
        """Keep the file and its manifest, together or not at all.

        If `key` was taken meanwhile by the same body, its batch is returned and nothing is stored.
        """
        new_id = secrets.token_hex(8)
        refused = sum(chunk is None for chunk in manifest.chunks)
        chunks = max((chunk for chunk in manifest.chunks if chunk is not None), default=0)
        try:
            with writing(self.engine) as connection, self.images.putting(connection, file) as (sha256,):
                row = {
                    "id": new_id,
                    "created_at": self.now(),
                    "account_id": account.id,
                    "name": name,
                    "file": sha256,
                    "kind": manifest.kind,
                    "key": key,
                    "body_sha256": body_sha256,
                    "state": OPEN,
                    "items": len(manifest.items),
                    "refused": refused,
                    "chunks": chunks,
                    **dict.fromkeys(("assessed", "failed", "cancelled", "chunks_done", "chunks_failed"), 0),
                }
                number = connection.scalar(batch.insert().values(row).returning(batch.c.number))
                assert number is not None
                connection.execute(batch_chunk.insert(), list(_chunk_rows(number, chunks)))
                connection.execute(batch_item.insert(), list(_item_rows(number, manifest)))
                details = {"file": sha256, "items": len(manifest.items), "refused": refused, "chunks": chunks}
                self.audit.write(connection, Act(account.name, "batch.submit", new_id, details))
                connection.commit()
        except IntegrityError:
            earlier = None if key is None else self.by_key(account.id, key, body_sha256)
            if earlier is None:
                raise
            return earlier
        found = self.get(new_id)
        assert found is not None
        return found

    def by_key(self, account_id: int, key: str, body_sha256: str) -> Batch | None:
        """The batch stored under an idempotency key; `KeyUsedTwice` if its body was another."""
        query = sa.select(batch.c.id, batch.c.body_sha256)
        with self.engine.connect() as connection:
            row = connection.execute(
                query.where(batch.c.account_id == account_id, batch.c.key == key)
            ).one_or_none()
        if row is None:
            return None
        if row.body_sha256 != body_sha256:
            raise KeyUsedTwice
        return self.get(row.id)

    def get(self, batch_id: str) -> Batch | None:
        """One batch, or None."""
        with self.engine.connect() as connection:
            row = connection.execute(_query().where(batch.c.id == batch_id)).one_or_none()
        return None if row is None else self._batch(row)

    def page(self, before: int | None = None, limit: int = 50) -> tuple[list[Batch], int | None]:
        """Batches handed in before number `before`, newest first, and the number to go on with."""
        query = _query().order_by(batch.c.number.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(batch.c.number < before)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        more = rows[limit - 1].number if len(rows) > limit else None
        return [self._batch(row) for row in rows[:limit]], more

    def items(
        self, batch_id: str, *, state: ItemState | None = None, after: int = 0, limit: int = 100
    ) -> tuple[list[Item], int | None]:
        """Items behind number `after` in the order of the file, and the number to go on with."""
        i, a = batch_item.c, assessment.c
        query = (
            sa.select(i.number, i.row, i.source, i.declaration_id, i.state, i.problems, i.assessment_id)
            .add_columns(a.band, a.surprise)
            .select_from(batch_item.join(batch).outerjoin(assessment, i.assessment_id == a.id))
            .where(batch.c.id == batch_id, i.number > after)
            .order_by(i.number)
            .limit(limit + 1)
        )
        if state is not None:
            query = query.where(i.state == state)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        more = rows[limit - 1].number if len(rows) > limit else None
        return [_item(row) for row in rows[:limit]], more

    def every_item(self, batch_id: str) -> Iterator[Item]:
        """All items in the order of the file, read as they are asked for."""
        after: int | None = 0
        while after is not None:
            found, after = self.items(batch_id, after=after, limit=_PAGE)
            yield from found

    def reasons(self, batch_id: str) -> list[tuple[int, str]]:
        """Number and reason of every chunk that failed."""
        c = batch_chunk.c
        query = (
            sa.select(c.number, c.reason)
            .select_from(batch_chunk.join(batch))
            .where(batch.c.id == batch_id, c.state == ChunkState.FAILED)
            .order_by(c.number)
        )
        with self.engine.connect() as connection:
            return [(row.number, row.reason) for row in connection.execute(query)]

    def cancel(self, batch_id: str, account: Account) -> None:
        """Do nothing more of a batch; what is done stays. `Conflict` if it has ended already."""
        with writing(self.engine) as connection:
            number = self._leave(connection, batch_id, OPEN, BatchState.CANCELLED)
            if number is None:
                raise Conflict(
                    "this batch has ended", field="id", remedy="only one that waits or runs can be cancelled"
                )
            of_batch = batch_chunk.c.batch_number == number
            connection.execute(
                batch_chunk.update()
                .where(of_batch, batch_chunk.c.state.in_((ChunkState.WAITING, ChunkState.RUNNING)))
                .values(state=ChunkState.CANCELLED, word=None, until=None)
            )
            stopped = connection.execute(
                batch_item.update()
                .where(batch_item.c.batch_number == number, batch_item.c.state == ItemState.WAITING)
                .values(state=ItemState.CANCELLED, content=None)
            ).rowcount
            connection.execute(
                batch.update()
                .where(batch.c.number == number)
                .values(cancelled=stopped, finished_at=self.now())
            )
            act = Act(account.name, "batch.cancel", batch_id, {"cancelled": stopped})
            self.audit.write(connection, act)

    def resume(self, batch_id: str, account: Account) -> None:
        """Try again all that failed; `Conflict` if nothing did, or the batch still runs."""
        i, c = batch_item.c, batch_chunk.c
        with writing(self.engine) as connection:
            number = self._leave(connection, batch_id, BatchState.DONE, OPEN)
            chunks: Sequence[int] = ()
            if number is not None:
                failed = sa.and_(i.batch_number == number, i.state == ItemState.FAILED)
                chunks = connection.scalars(sa.select(i.chunk).where(failed).distinct()).all()
            if number is None or not chunks:
                raise Conflict(
                    "there is nothing to try again",
                    field="id",
                    remedy="only what failed in a batch that has ended can be; see its items",
                )
            again = connection.execute(
                batch_item.update().where(failed).values(state=ItemState.WAITING, problems=None)
            ).rowcount
            of_chunks = sa.and_(c.batch_number == number, c.number.in_(chunks))
            gave_up = connection.scalar(
                sa.select(sa.func.count()).where(of_chunks, c.state == ChunkState.FAILED)
            )
            connection.execute(
                batch_chunk.update()
                .where(of_chunks)
                .values(state=ChunkState.WAITING, attempts=0, until=None, finished_at=None, reason=None)
            )
            b = batch.c
            connection.execute(
                batch.update()
                .where(b.number == number)
                .values(
                    failed=b.failed - again,
                    chunks_failed=b.chunks_failed - gave_up,
                    chunks_done=b.chunks_done - (len(chunks) - (gave_up or 0)),
                    finished_at=None,
                )
            )
            act = Act(account.name, "batch.resume", batch_id, {"items": again, "chunks": len(chunks)})
            self.audit.write(connection, act)

    def _leave(self, connection: sa.Connection, batch_id: str, state: str, new: str) -> int | None:
        """Bring a batch from one state to another; its number, or None if it is not in that state."""
        # the batch comes first and its chunks second, everywhere: no two transactions wait for each other
        return connection.scalar(
            batch.update()
            .where(batch.c.id == batch_id, batch.c.state == state)
            .values(state=new)
            .returning(batch.c.number)
        )

    def _batch(self, row: Any) -> Batch:
        started, finished = (t and as_utc(t) for t in (row.started_at, row.finished_at))
        state = BatchState(row.state) if row.state != OPEN else BatchState.WAITING
        if row.state == OPEN and started is not None:
            state = BatchState.RUNNING
        done = row.assessed + row.refused_later + row.failed
        elapsed = 0.0 if started is None else ((finished or self.now()) - started).total_seconds()
        rate = done / elapsed if done and elapsed > 0 else None
        left = row.items - row.assessed - row.refused - row.failed - row.cancelled
        running = state is BatchState.RUNNING and rate is not None
        return Batch(
            id=row.id,
            name=row.name,
            account=row.account,
            kind=row.kind,
            state=state,
            created_at=as_utc(row.created_at),
            started_at=started,
            finished_at=finished,
            items=row.items,
            assessed=row.assessed,
            refused=row.refused,
            failed=row.failed,
            cancelled=row.cancelled,
            chunks=row.chunks,
            chunks_done=row.chunks_done,
            chunks_failed=row.chunks_failed,
            rate=rate,
            expected_end=self.now() + dt.timedelta(seconds=left / rate) if running and rate else None,
        )


def _query() -> sa.Select[Any]:
    started = (
        sa.select(sa.func.min(batch_chunk.c.started_at))
        .where(batch_chunk.c.batch_number == batch.c.number)
        .scalar_subquery()
    )
    at_the_door = (
        sa.select(sa.func.count())
        .where(batch_item.c.batch_number == batch.c.number, batch_item.c.chunk.is_(None))
        .scalar_subquery()
    )
    return sa.select(
        batch,
        account_table.c.name.label("account"),
        started.label("started_at"),
        (batch.c.refused - at_the_door).label("refused_later"),
    ).join(account_table)


def _chunk_rows(number: int, chunks: int) -> Iterator[dict[str, Any]]:
    for chunk in range(1, chunks + 1):
        yield {"batch_number": number, "number": chunk, "state": ChunkState.WAITING, "attempts": 0}


def _item_rows(number: int, manifest: Manifest) -> Iterator[dict[str, Any]]:
    for at, (item, chunk) in enumerate(zip(manifest.items, manifest.chunks, strict=True), start=1):
        yield {
            "batch_number": number,
            "number": at,
            "chunk": chunk,
            "row": item.row,
            "source": item.source,
            "declaration_id": item.declaration_id,
            "state": ItemState.REFUSED if chunk is None else ItemState.WAITING,
            "content": item.content,
            "problems": [problem.values for problem in item.problems] or None,
        }


def _item(row: Any) -> Item:
    return Item(
        number=row.number,
        row=row.row,
        source=row.source,
        declaration_id=row.declaration_id,
        state=ItemState(row.state),
        problems=tuple(ItemProblem(**problem) for problem in row.problems or ()),
        assessment=row.assessment_id,
        band=row.band,
        surprise=row.surprise,
    )
