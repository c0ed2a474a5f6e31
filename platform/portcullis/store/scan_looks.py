"""What each stored scan looks like, in numbers that no model decides: kept once, searched by any model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite

from portcullis.store.assessments import assessment
from portcullis.store.engine import writing
from portcullis.store.metadata import metadata

_STORED = np.dtype("<f4")

scan_look = sa.Table(
    "scan_look",
    metadata,
    sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), primary_key=True),
    sa.Column("edition", sa.String(16), nullable=False),  # of the numbers' names
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("numbers", sa.LargeBinary, nullable=False),  # little-endian float32
)


@dataclass(frozen=True, eq=False)
class ScanLook:
    """numbers: float32 (n,), as the names of its edition say; kind: of picture, such as `16-bit`."""

    edition: str
    kind: str
    numbers: npt.NDArray[np.float32]


class ScanLooks:
    """The looks of one store's scans."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def write(self, connection: Connection, assessment_id: str, look: ScanLook) -> None:
        """Keep one; it takes the place of that of an older edition."""
        make = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name]
        statement = make(scan_look).values(
            assessment_id=assessment_id,
            edition=look.edition,
            kind=look.kind,
            numbers=look.numbers.astype(_STORED).tobytes(),
        )
        taken = {name: statement.excluded[name] for name in ("edition", "kind", "numbers")}
        connection.execute(statement.on_conflict_do_update(index_elements=["assessment_id"], set_=taken))

    def keep(self, assessment_id: str, look: ScanLook) -> None:
        """`write` in a transaction of its own."""
        with writing(self.engine) as connection:
            self.write(connection, assessment_id, look)

    def get(self, assessment_id: str, edition: str) -> ScanLook | None:
        """One look of this edition, or None."""
        s = scan_look.c
        query = sa.select(s.kind, s.numbers).where(s.assessment_id == assessment_id, s.edition == edition)
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else ScanLook(edition, row.kind, _numbers(row.numbers))

    def after(self, number: int, edition: str) -> Iterator[tuple[int, str, ScanLook]]:
        """Number and id of the assessments stored after `number`, oldest first, with their looks."""
        a, s = assessment.c, scan_look.c
        query = (
            sa.select(a.number, a.id, s.kind, s.numbers)
            .join(scan_look, s.assessment_id == a.id)
            .where(a.number > number, s.edition == edition)
            .order_by(a.number)
        )
        with self.engine.connect() as connection:
            for row in connection.execute(query):
                yield row.number, row.id, ScanLook(edition, row.kind, _numbers(row.numbers))

    def missing(self, edition: str, limit: int) -> tuple[int, Sequence[str]]:
        """How many scans have no look of this edition, and the ids of the newest of them."""
        a, s = assessment.c, scan_look.c
        has = sa.exists().where(s.assessment_id == a.id, s.edition == edition)
        lacking = sa.and_(a.scan.is_not(None), ~has)
        count = sa.select(sa.func.count()).select_from(assessment).where(lacking)
        newest = sa.select(a.id).where(lacking).order_by(a.number.desc()).limit(limit)
        with self.engine.connect() as connection:
            return int(connection.scalar(count) or 0), connection.scalars(newest).all()


def _numbers(stored: bytes) -> npt.NDArray[np.float32]:
    return np.frombuffer(stored, dtype=_STORED).astype(np.float32)
