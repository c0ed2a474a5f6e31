"""What each stored scan looks like, in numbers that no model decides: kept once, searched by any model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from portcullis.store.engine import writing
from portcullis.store.metadata import metadata
from portcullis.store.queue import queue

_OVERLAP = 100  # looks that are read again
_STORED = np.dtype("<f4")

scan_look = sa.Table(
    "scan_look",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), nullable=False, unique=True),
    sa.Column("edition", sa.String(16), nullable=False),  # of the numbers' names
    sa.Column("kind", sa.String(16), nullable=False),  # empty: the scan could not be read again
    sa.Column("code", sa.String(10), nullable=False),
    sa.Column("numbers", sa.LargeBinary, nullable=False),  # little-endian float32
)


@dataclass(frozen=True, eq=False)
class ScanLook:
    """numbers: float32 (n,), as the names of its edition say; kind: of picture, such as `16-bit`.

    code: digits declared for most of the load, "" for a mixed one.
    """

    edition: str
    kind: str
    code: str
    numbers: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StoredLook:
    """The look of a stored scan, and whose it is."""

    number: int
    assessment_id: str
    declaration_id: str
    importer: str
    date: dt.date
    look: ScanLook


class ScanLooks:
    """The looks of one store's scans."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def keep(self, assessment_id: str, look: ScanLook) -> None:
        """Keep one; it takes the place of that of an older edition."""
        with writing(self.engine) as connection:
            write_look(connection, assessment_id, look)

    def get(self, assessment_id: str, edition: str) -> ScanLook | None:
        """One look of this edition, or None."""
        s = scan_look.c
        query = sa.select(s.kind, s.code, s.numbers)
        query = query.where(s.assessment_id == assessment_id, s.edition == edition, s.kind != "")
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else ScanLook(edition, row.kind, row.code, _numbers(row.numbers))

    def after(self, number: int, edition: str) -> tuple[int, list[StoredLook]]:
        """Looks of this edition that were kept after this one, as they were kept, and the last one's number.

        Some that were kept shortly before it are among them: of two writers the one that began first may be
        the last to end.
        """
        q, s = queue.c, scan_look.c
        columns = (q.number, q.assessment_id, q.declaration_id, q.importer, q.date)
        query = (
            sa.select(*columns, s.kind, s.code, s.numbers, s.number.label("kept"))
            .join(scan_look, s.assessment_id == q.assessment_id)
            .where(s.number > number - _OVERLAP, s.edition == edition, s.kind != "")
            .order_by(s.number)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        looks = [
            StoredLook(*row[:5], ScanLook(edition, row.kind, row.code, _numbers(row.numbers))) for row in rows
        ]
        return rows[-1].kept if rows else number, looks

    def missing(self, edition: str, limit: int) -> tuple[int, Sequence[str]]:
        """How many scans have no look of this edition, and the ids of the newest of them."""
        q, s = queue.c, scan_look.c
        has = sa.exists().where(s.assessment_id == q.assessment_id, s.edition == edition)
        lacking = sa.and_(q.has_scan, ~has)
        scans = sa.select(sa.func.count()).select_from(queue).where(q.has_scan)
        looks = sa.select(sa.func.count()).select_from(scan_look).where(s.edition == edition)
        newest = sa.select(q.assessment_id).where(lacking).order_by(q.number.desc()).limit(limit)
        with self.engine.connect() as connection:
            # counting both is many times faster than looking for those that lack
            count = (connection.scalar(scans) or 0) - (connection.scalar(looks) or 0)
            return count, list(connection.scalars(newest)) if count else []


def write_look(connection: sa.Connection, assessment_id: str, look: ScanLook) -> None:
    """Within a transaction: keep a look; it takes the place of that of an older edition."""
    connection.execute(scan_look.delete().where(scan_look.c.assessment_id == assessment_id))
    connection.execute(
        scan_look.insert().values(
            assessment_id=assessment_id,
            edition=look.edition,
            kind=look.kind,
            code=look.code,
            numbers=look.numbers.astype(_STORED).tobytes(),
        )
    )


def _numbers(stored: bytes) -> npt.NDArray[np.float32]:
    return np.frombuffer(stored, dtype=_STORED).astype(np.float32)
