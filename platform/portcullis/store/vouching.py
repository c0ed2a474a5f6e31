"""Which rows the audit log vouches for, and whether each row and its entry still agree."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from customs.progress import Progress, silent
from portcullis.store import assessments, casework, dossiers, selections
from portcullis.store.audit import START, Entry, Fault, Head, audit, check_chain, digest, entries_of
from portcullis.store.images import Images, LostImage
from portcullis.store.metadata import whole
from portcullis.store.selection_tables import selection, selection_case

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_CHUNK = 200  # rows that are in memory at once


@dataclass(frozen=True)
class Parts:
    """A table whose rows are parts of the rows of another one, whose id is in their column `key`.

    name: under which the list of them stands among the values of their row.
    """

    name: str
    table: sa.Table
    key: str

    def of(self, connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The parts of rows, by the rows' ids."""
        found: dict[str, list[dict[str, Any]]] = {row_id: [] for row_id in ids}
        query = sa.select(self.table).where(self.table.c[self.key].in_(ids))
        for row in connection.execute(query):
            found[row._mapping[self.key]].append(row._asdict())
        return found


@dataclass(frozen=True)
class Kind:
    """A table whose every row has one audit entry: with this action, and `details.sha256` over its values.

    values: what the digest is over. subject: the column that the entry is about. key: where the entry's
    details hold the row's id; empty where the subject is the id. parts: rows that belong to its rows.
    """

    action: str
    table: sa.Table
    values: Callable[[Mapping[str, Any]], dict[str, Any]]
    subject: str = "id"
    key: str = ""
    parts: Parts | None = None

    def row_id(self, entry: Entry) -> str:
        """The id of the row that an entry is about; `KeyError` or `ValueError` where it names none."""
        return str(entry.values[self.key]) if self.key else entry.subject

    @property
    def entries(self) -> sa.ScalarSelect[int]:
        """How many entries a row has, as a part of a query over the table."""
        # an expression over the action, so that only the index over the subject can be used
        theirs = [audit.c.action + "" == self.action, audit.c.subject == self.table.c[self.subject]]
        if self.key:
            quoted = sa.literal(f'"{self.key}":"') + self.table.c.id + sa.literal('"')
            theirs.append(audit.c.details.contains(quoted))
        return sa.select(sa.func.count()).select_from(audit).where(*theirs).scalar_subquery()


KINDS: tuple[Kind, ...] = (
    Kind("assess", assessments.assessment, assessments.vouched),
    *(
        Kind(name, table, partial(casework.vouched, name), subject="assessment_id", key="id")
        for name, table in casework.EVENTS.items()
    ),
    Kind(dossiers.ACTION, dossiers.dossier, dossiers.vouched),
    Kind(
        "selection.publish",
        selection,
        selections.vouched,
        parts=Parts(selections.CASES, selection_case, "selection_id"),
    ),
)


@dataclass
class Tally:
    """What was looked at: entries, the newest of them, rows of each table, image files."""

    entries: int = 0
    head: Head | None = None
    rows: dict[str, int] = field(default_factory=dict)
    images: int = 0


def check(
    connection: sa.Connection,
    key: Ed25519PublicKey,
    tally: Tally,
    *,
    head: Head | None = None,
    images: Images | None = None,
    progress: Progress = silent,
) -> Iterator[Fault]:
    """Every fault of the log and of the rows and files that it vouches for, as this transaction sees them.

    head: an earlier end of the chain that was written down elsewhere. images: also read every file.
    """
    total = int(connection.scalar(sa.select(sa.func.count()).select_from(audit)) or 0)
    last = START
    for chunk in chunks(entries_of(connection), _CHUNK):
        yield from check_chain(chunk, key, last)
        for kind in KINDS:
            yield from _check_entries(connection, kind, chunk, tally)
        last = tally.head = Head(chunk[-1].number, chunk[-1].hash)
        tally.entries += len(chunk)
        progress("entries", tally.entries, total)
    if head is not None:
        yield from _check_head(connection, head)
    for kind in KINDS:
        yield from _check_rows(connection, kind)
    if images is not None:
        yield from _check_images(image_names(connection), images, tally, progress)


def chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Lists of `size` entries, the last one shorter."""
    iterator = iter(entries)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def image_names(connection: sa.Connection) -> Iterator[str]:
    """Names of all image files that rows name; some more than once."""
    for column in _image_columns():
        query = sa.select(column).where(column.is_not(None)).execution_options(yield_per=_CHUNK)
        with connection.execute(query) as rows:
            yield from rows.scalars()
    details = assessments.assessment.c.scan_details
    with connection.execute(sa.select(details).execution_options(yield_per=_CHUNK)) as rows:
        for found in rows.scalars():
            if found is not None:
                yield from (file["sha256"] for file in found["files"])


def names_image(connection: sa.Connection, name: str) -> bool:
    """Whether any row names this file."""
    wanted = [column == name for column in _image_columns()]
    wanted.append(sa.cast(assessments.assessment.c.scan_details, sa.Text).contains(name))
    return any(connection.scalar(sa.select(sa.exists().where(condition))) for condition in wanted)


def _image_columns() -> list[sa.Column[str]]:
    return [c for table in whole().tables.values() for c in table.columns if c.info.get("image")]


def _check_head(connection: sa.Connection, head: Head) -> Iterator[Fault]:
    found = connection.scalar(sa.select(audit.c.hash).where(audit.c.number == head.number))
    if found is None:
        yield Fault(head.number, "it was written down as the head, and the log ends before it")
    elif found != head.hash:
        yield Fault(head.number, "it is not the one that was written down as the head")


def _check_entries(
    connection: sa.Connection, kind: Kind, chunk: list[Entry], tally: Tally
) -> Iterator[Fault]:
    """Every entry's row is there and says what the entry vouches for."""
    wanted: dict[str, Entry] = {}
    for entry in chunk:
        if entry.action == kind.action:
            try:
                wanted[kind.row_id(entry)] = entry
            except (KeyError, ValueError, TypeError):
                yield Fault(entry.number, f"it does not say which {kind.table.name} it is about")
    digests = _digests(connection, kind, list(wanted)) if wanted else {}
    for row_id, entry in wanted.items():
        if row_id not in digests:
            yield Fault(entry.number, f"the {kind.table.name} {row_id} that it is about is missing")
        elif digests[row_id] != _vouched(entry):
            yield Fault(entry.number, f"the {kind.table.name} {row_id} is not what it vouches for")
    tally.rows[kind.table.name] = tally.rows.get(kind.table.name, 0) + len(digests)


def _digests(connection: sa.Connection, kind: Kind, ids: list[str]) -> dict[str, str]:
    """Digests of rows by id; an empty one of a row that cannot be read any more."""
    query = sa.select(kind.table).where(kind.table.c.id.in_(ids))
    try:
        rows = {row.id: row._asdict() for row in connection.execute(query)}
        if kind.parts is not None:
            for row_id, parts in kind.parts.of(connection, list(rows)).items():
                rows[row_id][kind.parts.name] = parts
        return {row_id: digest(kind.values(row)) for row_id, row in rows.items()}
    except (ValueError, TypeError, AttributeError):
        if len(ids) == 1:
            return {ids[0]: ""}
        half = len(ids) // 2
        return {**_digests(connection, kind, ids[:half]), **_digests(connection, kind, ids[half:])}


def _vouched(entry: Entry) -> str | None:
    try:
        found: str = entry.values["sha256"]
    except (KeyError, ValueError, TypeError):
        return None
    return found


def _check_rows(connection: sa.Connection, kind: Kind) -> Iterator[Fault]:
    """Every row has exactly one entry."""
    count = kind.entries
    query = sa.select(kind.table.c.id, count.label("count")).where(count != 1).order_by(kind.table.c.number)
    for row in connection.execute(query):
        how = "no entry vouches for it" if row.count == 0 else f"{row.count} entries vouch for it"
        yield Fault(None, how, f"{kind.table.name} {row.id}")


def _check_images(names: Iterable[str], images: Images, tally: Tally, progress: Progress) -> Iterator[Fault]:
    wanted = sorted(set(names))
    for name in wanted:
        try:
            images.read(name)
        except LostImage as error:
            yield Fault(None, str(error), "images")
        tally.images += 1
        progress("images", tally.images, len(wanted))
