"""The audit log: who did what, each entry bound to the one before it by its hash, and signed.

An entry is `number, at, actor, action, subject, details`. Its hash is sha256 over the hash before it and the
sha256 of its own canonical JSON, so an entry that is changed, removed or moved breaks the chain; and two
entries can be linked by the digests of those between, which tell nothing of their contents. A unique
constraint on the previous hash keeps two writers from forking it. The signature (Ed25519 over the hash) is
made with a key that is not in the database: whoever may write there still cannot make up a chain.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from customs.errors import InvalidConfig
from portcullis.store.engine import writing
from portcullis.store.metadata import metadata

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

GENESIS = "0" * 64
SYSTEM = "-"  # the actor where no account acted
_LOCK = 0x41756474  # of PostgreSQL: one writer appends at a time
_PAGE = 2_000
_MANY = 500  # values in one question: not every SQLite takes more than 999

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(32), nullable=False),  # ISO text: hashed as it is stored
    sa.Column("actor", sa.String(80), nullable=False),
    sa.Column("action", sa.String(40), nullable=False, index=True),
    sa.Column("subject", sa.String(80), nullable=False, index=True),
    sa.Column("details", sa.Text, nullable=False),  # canonical JSON
    sa.Column("previous", sa.String(64), nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("signature", sa.String(128), nullable=False),
)


@dataclass(frozen=True)
class Act:
    """Something that was done, to be written down: by whom, what, to what, and with which values."""

    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One entry as it is stored."""

    number: int
    at: str
    actor: str
    action: str
    subject: str
    details: str
    previous: str
    hash: str
    signature: str

    @property
    def body(self) -> str:
        """sha256 of what it says, which is what the chain links."""
        return _body(self.number, self.at, self.actor, self.action, self.subject, self.details)

    def expected_hash(self) -> str:
        """What its hash has to be."""
        return chained(self.previous, self.body)

    @property
    def values(self) -> dict[str, Any]:
        """The details as values."""
        found: dict[str, Any] = json.loads(self.details)
        return found


@dataclass(frozen=True)
class Head:
    """The end of the chain: write it down elsewhere, and nobody can cut the chain behind it."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: at which entry of the log, or with what else."""

    number: int | None
    problem: str
    subject: str = ""

    def __str__(self) -> str:
        place = self.subject if self.number is None else f"entry {self.number}"
        return f"{place}: {self.problem}"


START = Head(0, GENESIS)


def canonical(value: Any) -> str:
    """JSON that is the same text for the same value, whoever writes it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 of the canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def chained(previous: str, body: str) -> str:
    """The hash of an entry behind hash `previous`; `body` is the sha256 of its canonical JSON."""
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


def take_turns(connection: sa.Connection) -> None:
    """Until this `writing` transaction ends nobody else appends, so numbers follow the order of commits.

    On SQLite the write lock does that already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


class Audit:
    """The audit log of one store."""

    def __init__(self, engine: sa.Engine, key: Ed25519PrivateKey, now: Callable[[], dt.datetime]) -> None:
        self.engine = engine
        self.key = key
        self.now = now

    def write(self, connection: sa.Connection, *acts: Act) -> None:
        """Append within a `writing` transaction: the deed and its entry are stored together or not at all."""
        take_turns(connection)
        last = head_of(connection)
        number, previous = (0, GENESIS) if last is None else (last.number, last.hash)
        at = self.now().isoformat()
        rows = []
        for act in acts:
            number += 1
            details = canonical(act.details)
            hashed = chained(previous, _body(number, at, act.actor, act.action, act.subject, details))
            rows.append(
                {
                    "number": number,
                    "at": at,
                    "actor": act.actor,
                    "action": act.action,
                    "subject": act.subject,
                    "details": details,
                    "previous": previous,
                    "hash": hashed,
                    "signature": self.key.sign(bytes.fromhex(hashed)).hex(),
                }
            )
            previous = hashed
        if rows:
            connection.execute(audit.insert(), rows)

    def add(self, *acts: Act) -> None:
        """Append in a transaction of its own."""
        with writing(self.engine) as connection:
            self.write(connection, *acts)

    def head(self) -> Head | None:
        """The newest entry; None of an empty log."""
        with self.engine.connect() as connection:
            return head_of(connection)

    def about(self, subject: str) -> list[Entry]:
        """All entries about one subject, oldest first."""
        query = sa.select(audit).where(audit.c.subject == subject).order_by(audit.c.number)
        with self.engine.connect() as connection:
            return [Entry(*row) for row in connection.execute(query)]

    def hashes(self, numbers: Collection[int]) -> dict[int, str]:
        """The stored hashes of these entries, by number; those that do not exist are left out."""
        wanted, found = sorted(numbers), dict[int, str]()
        with self.engine.connect() as connection:
            for start in range(0, len(wanted), _MANY):
                some = audit.c.number.in_(wanted[start : start + _MANY])
                rows = connection.execute(sa.select(audit.c.number, audit.c.hash).where(some))
                found |= {row.number: row.hash for row in rows}
        return found

    def page(
        self, after: int = 0, limit: int = 100, *, subject: str | None = None, action: str | None = None
    ) -> list[Entry]:
        """Entries behind number `after`, oldest first; all, or those about a subject or of an action."""
        query = sa.select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(limit)
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        if action is not None:
            query = query.where(audit.c.action == action)
        with self.engine.connect() as connection:
            return [Entry(*row) for row in connection.execute(query)]

    def newest(
        self,
        before: int | None = None,
        limit: int = 100,
        *,
        actor: str = "",
        action: str = "",
        subject: str = "",
        since: str = "",
        until: str = "",
    ) -> list[Entry]:
        """Entries before number `before`, newest first; action: it or a family such as `account`.

        since, until: ISO texts in UTC, from and below.
        """
        a = audit.c
        query = sa.select(audit).order_by(a.number.desc()).limit(limit)
        family = sa.or_(a.action == action, a.action.startswith(f"{action}.", autoescape=True))
        wanted = (
            (before is not None, a.number < (before or 0)),
            (bool(actor), a.actor == actor),
            (bool(action), family),
            (bool(subject), a.subject == subject),
            (bool(since), a.at >= since),
            (bool(until), a.at < until),
        )
        query = query.where(*(condition for asked, condition in wanted if asked))
        with self.engine.connect() as connection:
            return [Entry(*row) for row in connection.execute(query)]

    def entries(self) -> Iterator[Entry]:
        """All entries, oldest first, read as they are asked for."""
        with self.engine.connect() as connection:
            yield from entries_of(connection)

    def require_ours(self, folder: Path) -> None:
        """Refuse a store whose newest entry, if any, was signed with another key: ours would break the log.

        Raises:
            InvalidConfig: the secret in `folder`, from which our key comes, is not that of the store.
        """
        head = self.head()
        last = [] if head is None else self.page(head.number - 1, 1)
        if any(True for entry in last for _ in check_entry(entry, self.public_key)):
            raise InvalidConfig(
                f"the secret in {folder} did not sign this store's audit log",
                field="PORTCULLIS_DATA",
                remedy="name the data folder of the service whose store this is, or put its secret there",
            )

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The key that the signatures are checked with."""
        return self.key.public_key()


def entries_of(connection: sa.Connection) -> Iterator[Entry]:
    """All entries as this transaction sees them, oldest first, read as they are asked for."""
    query = sa.select(audit).order_by(audit.c.number).execution_options(yield_per=_PAGE)
    with connection.execute(query) as rows:
        for row in rows:
            yield Entry(*row)


def check_chain(entries: Iterable[Entry], key: Ed25519PublicKey, after: Head = START) -> Iterator[Fault]:
    """Every fault of a chain that begins behind `after`; by default of a whole one."""
    number, previous = after.number, after.hash
    for entry in entries:
        if entry.number != number + 1:
            yield Fault(entry.number, f"entries {number + 1} to {entry.number - 1} are missing")
        if entry.previous != previous:
            yield Fault(entry.number, "it does not follow the entry before it")
        yield from check_entry(entry, key)
        number, previous = entry.number, entry.hash


def check_entry(entry: Entry, key: Ed25519PublicKey) -> Iterator[Fault]:
    """Every fault that one entry has by itself."""
    from cryptography.exceptions import InvalidSignature

    if entry.hash != entry.expected_hash():
        yield Fault(entry.number, "its contents were changed")
    try:
        key.verify(bytes.fromhex(entry.signature), bytes.fromhex(entry.hash))
    except (InvalidSignature, ValueError):
        yield Fault(entry.number, "its signature is not of this installation")


def _body(number: int, at: str, actor: str, action: str, subject: str, details: str) -> str:
    fields: Sequence[Any] = (number, at, actor, action, subject, details)
    return digest(fields)


def head_of(connection: sa.Connection) -> Head | None:
    """The newest entry as this transaction sees it; None of an empty log."""
    query = sa.select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else Head(row.number, row.hash)
