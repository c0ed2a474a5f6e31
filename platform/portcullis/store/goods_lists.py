"""Lists of goods that are given codes row by row: the file, how far it is, and the answer to each row."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from portcullis.store.accounts import Account
from portcullis.store.accounts import account as account_table
from portcullis.store.audit import Act, Audit
from portcullis.store.casework import Conflict
from portcullis.store.engine import writing
from portcullis.store.images import Images
from portcullis.store.metadata import IMAGE, as_utc, metadata

LONGEST_NAME = 200
LONGEST_COLUMN = 200
_PAGE = 500


class ListState(StrEnum):
    """Where a list stands: draft until its column is chosen; paused and cancelled by its owner."""

    DRAFT = "draft"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


OPEN = (ListState.DRAFT, ListState.WAITING, ListState.RUNNING, ListState.PAUSED)

goods_list = sa.Table(
    "goods_list",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(16), nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("file", sa.String(64), nullable=False, info=IMAGE),
    sa.Column("language", sa.String(2), nullable=False),
    sa.Column("text_column", sa.String(LONGEST_COLUMN)),
    sa.Column("description_column", sa.String(LONGEST_COLUMN)),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False),
    sa.Column("versions", sa.JSON(none_as_null=True)),  # of the models that answered
    sa.Column("word", sa.String(32)),  # of whoever does it now
    sa.Column("until", sa.DateTime(timezone=True)),  # the end of their lease
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("reason", sa.String(500)),
)
goods_answer = sa.Table(
    "goods_answer",
    metadata,
    sa.Column("list_number", sa.Integer, sa.ForeignKey("goods_list.number"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("refused", sa.Boolean, nullable=False),
    sa.Column("answer", sa.JSON, nullable=False),
)


@dataclass(frozen=True)
class GoodsList:
    """A list and how far it is. items: rows of the file; done: answered ones, refused ones among them."""

    number: int
    id: str
    created_at: dt.datetime
    account: str
    name: str
    file: str
    language: str
    text_column: str | None
    description_column: str | None
    state: ListState
    items: int
    done: int
    refused: int
    versions: dict[str, str] | None
    finished_at: dt.datetime | None
    reason: str | None


@dataclass(frozen=True)
class Turn:
    """The right to do a list until the lease ends."""

    list: GoodsList
    word: str


class TurnLost(Exception):
    """The list was paused, cancelled, or taken over by somebody else."""


class GoodsLists:
    """The lists of one store; each account reads its own."""

    def __init__(
        self,
        engine: sa.Engine,
        images: Images,
        audit: Audit,
        lease: dt.timedelta,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.engine = engine
        self.images = images
        self.audit = audit
        self.lease = lease
        self.now = now

    def add(self, file: bytes, account: Account, *, name: str, items: int, language: str) -> GoodsList:
        """Keep a file as a draft."""
        new_id = secrets.token_hex(8)
        with writing(self.engine) as connection, self.images.putting(connection, file) as (sha256,):
            row = {
                **{"id": new_id, "created_at": self.now(), "account_id": account.id},
                **{"name": name[-LONGEST_NAME:], "file": sha256, "language": language},
                **{"state": ListState.DRAFT.value, "items": items, "done": 0, "refused": 0},
            }
            connection.execute(goods_list.insert().values(row))
            details = {"file": sha256, "items": items}
            self.audit.write(connection, Act(account.name, "goods_list.add", new_id, details))
            connection.commit()
        found = self.get(new_id, account)
        assert found is not None
        return found

    def get(self, list_id: str, account: Account) -> GoodsList | None:
        """One list of an account, or None."""
        query = _query().where(goods_list.c.id == list_id, goods_list.c.account_id == account.id)
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _list(row)

    def of(self, account: Account, limit: int = 50) -> list[GoodsList]:
        """The newest lists of an account."""
        query = _query().where(goods_list.c.account_id == account.id)
        query = query.order_by(goods_list.c.number.desc()).limit(limit)
        with self.engine.connect() as connection:
            return [_list(row) for row in connection.execute(query)]

    def open(self, account: Account) -> int:
        """How many lists of an account have not ended."""
        c = goods_list.c
        query = sa.select(sa.func.count()).where(c.account_id == account.id, c.state.in_(OPEN))
        with self.engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def start(self, list_id: str, account: Account, *, text: str, description: str | None) -> None:
        """Let a draft be done, with its texts in these columns; `Conflict` if it is none."""
        columns = {"text_column": text, "description_column": description}
        self._move(list_id, account, "start", (ListState.DRAFT,), ListState.WAITING, columns)

    def pause(self, list_id: str, account: Account) -> None:
        """Do nothing more until it is resumed; `Conflict` if it neither waits nor runs."""
        before = (ListState.WAITING, ListState.RUNNING)
        self._move(list_id, account, "pause", before, ListState.PAUSED, {"word": None, "until": None})

    def resume(self, list_id: str, account: Account) -> None:
        """Go on with the first row that has no answer; `Conflict` if it is neither paused nor failed."""
        before = (ListState.PAUSED, ListState.FAILED)
        cleared = {"reason": None, "finished_at": None}
        self._move(list_id, account, "resume", before, ListState.WAITING, cleared)

    def cancel(self, list_id: str, account: Account) -> None:
        """Do nothing more; what is answered stays. `Conflict` if it has ended."""
        values = {"word": None, "until": None, "finished_at": self.now()}
        self._move(list_id, account, "cancel", OPEN, ListState.CANCELLED, values)

    def claim(self) -> Turn | None:
        """The oldest list that waits, or that somebody left lying, for as long as the lease; None if none."""
        c, at, word = goods_list.c, self.now(), secrets.token_hex(8)
        left = sa.and_(c.state == ListState.RUNNING, c.until < at)
        wanted = sa.or_(c.state == ListState.WAITING, left)
        with self.engine.connect() as connection:  # most looks find nothing, and must not take the write lock
            if connection.scalar(sa.select(c.number).where(wanted).limit(1)) is None:
                return None
        with writing(self.engine) as connection:
            # the oldest turn first: a long list lets those that came after it have theirs
            query = sa.select(c.number).where(wanted)
            query = query.order_by(sa.func.coalesce(c.until, c.created_at), c.number).limit(1)
            number = connection.scalar(query.with_for_update(skip_locked=True))
            if number is None:
                return None
            values = {"state": ListState.RUNNING.value, "word": word, "until": at + self.lease}
            connection.execute(goods_list.update().where(c.number == number).values(values))
            row = connection.execute(_query().where(c.number == number)).one()
        return Turn(_list(row), word)

    def write(self, turn: Turn, answers: Sequence[tuple[int, bool, Any]], versions: dict[str, str]) -> None:
        """Store the next answers (number of the row, whether refused, document); `TurnLost`, nothing kept."""
        c = goods_list.c
        number = turn.list.number
        rows = [
            {"list_number": number, "number": at, "refused": refused, "answer": answer}
            for at, refused, answer in answers
        ]
        with writing(self.engine) as connection:
            changed = connection.execute(
                goods_list.update()
                .where(c.number == number, c.word == turn.word, c.state == ListState.RUNNING)
                .values(
                    done=c.done + len(rows),
                    refused=c.refused + sum(refused for _, refused, _ in answers),
                    versions=versions,
                    until=self.now() + self.lease,
                )
            ).rowcount
            if changed != 1:
                raise TurnLost(turn.list.id)
            if rows:
                connection.execute(goods_answer.insert(), rows)

    def end(self, turn: Turn, state: ListState, reason: str | None = None) -> None:
        """Finish a turn: done, failed with its reason, or waiting for the next turn."""
        c, ended, at = goods_list.c, state in (ListState.DONE, ListState.FAILED), self.now()
        values = {
            **{"state": state.value, "word": None, "reason": reason and reason[:500]},
            **{"until": None if ended else at, "finished_at": at if ended else None},
        }
        with writing(self.engine) as connection:
            mine = sa.and_(c.number == turn.list.number, c.word == turn.word)
            changed = connection.execute(goods_list.update().where(mine).values(values)).rowcount
            if changed and ended:
                details = {"state": state.value}
                act = Act(turn.list.account, "goods_list.end", turn.list.id, details)
                self.audit.write(connection, act)

    def answers(
        self, found: GoodsList, *, refused: bool | None = None, limit: int | None = None
    ) -> Iterator[tuple[int, bool, dict[str, Any]]]:
        """Number, whether refused, and document of each answered row, in the order of the file."""
        a, after, given = goods_answer.c, -1, 0
        while limit is None or given < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - given)
            query = sa.select(a.number, a.refused, a.answer)
            query = query.where(a.list_number == found.number, a.number > after).order_by(a.number)
            if refused is not None:
                query = query.where(a.refused == refused)
            with self.engine.connect() as connection:
                rows = connection.execute(query.limit(size)).all()
            for row in rows:
                yield row.number, row.refused, row.answer
            given += len(rows)
            if len(rows) < size:
                return
            after = rows[-1].number

    def _move(
        self,
        list_id: str,
        account: Account,
        deed: str,
        before: Sequence[ListState],
        state: ListState,
        values: dict[str, Any],
    ) -> None:
        c = goods_list.c
        with writing(self.engine) as connection:
            mine = sa.and_(c.id == list_id, c.account_id == account.id, c.state.in_(before))
            moved = goods_list.update().where(mine).values(state=state.value, **values)
            if connection.execute(moved).rowcount != 1:
                raise Conflict(
                    f"a list can be brought to {state.value} only from {' or '.join(before)}",
                    field="id",
                    remedy="load the page anew and look where it stands",
                )
            self.audit.write(connection, Act(account.name, f"goods_list.{deed}", list_id, {}))


def _query() -> sa.Select[Any]:
    return sa.select(goods_list, account_table.c.name.label("account")).join(account_table)


def _list(row: Any) -> GoodsList:
    return GoodsList(
        number=row.number,
        id=row.id,
        created_at=as_utc(row.created_at),
        account=row.account,
        name=row.name,
        file=row.file,
        language=row.language,
        text_column=row.text_column,
        description_column=row.description_column,
        state=ListState(row.state),
        items=row.items,
        done=row.done,
        refused=row.refused,
        versions=row.versions,
        finished_at=None if row.finished_at is None else as_utc(row.finished_at),
        reason=row.reason,
    )
