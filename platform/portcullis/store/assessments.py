"""Assessments in the store: written once with their images, never changed."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from customs.declaration import Declaration
from customs.errors import CustomsError
from customs.scan import Scan
from fusion import RiskReport
from portcullis.drawing import heatmap_values_png
from portcullis.judge import Verdict
from portcullis.store.accounts import Account
from portcullis.store.accounts import account as account_table
from portcullis.store.alerts import Alerts
from portcullis.store.audit import Act, Audit, digest
from portcullis.store.engine import writing
from portcullis.store.images import Images
from portcullis.store.metadata import IMAGE, metadata
from portcullis.store.queue import put
from portcullis.store.scan_looks import write_look
from portcullis.store.scans import StoredScan
from portcullis.store.weekly import count_in

Box = tuple[int, int, int, int]

assessment = sa.Table(
    "assessment",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(16), nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
    sa.Column("declaration_id", sa.String(64), nullable=False, index=True),
    sa.Column("declaration", sa.JSON, nullable=False),
    sa.Column("band", sa.String(16), nullable=False),
    sa.Column("surprise", sa.Double, index=True),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("scan", sa.String(64), info=IMAGE),
    sa.Column("photo", sa.String(64), info=IMAGE),
    sa.Column("heatmap", sa.String(64), info=IMAGE),
    sa.Column("heatmap_box", sa.JSON),
    sa.Column("scan_details", sa.JSON),
)
idempotency_key = sa.Table(
    "idempotency_key",
    metadata,
    sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("body_sha256", sa.String(64), nullable=False),
    sa.Column("assessment_id", sa.String(16), sa.ForeignKey("assessment.id"), nullable=False),
)


class KeyUsedTwice(CustomsError):
    """One idempotency key came with two different bodies."""

    def __init__(self) -> None:
        super().__init__(
            "this key came before with another body",
            field="Idempotency-Key",
            remedy="send a new key, or the same body as before",
        )


@dataclass(frozen=True)
class Assessment:
    """A stored assessment; images by their names in the image store."""

    id: str
    created_at: dt.datetime
    account: str
    declaration: Declaration
    report: RiskReport
    scan: StoredScan | None = None
    photo: str | None = None
    heatmap: str | None = None
    heatmap_box: Box | None = None


@dataclass(frozen=True, eq=False)
class New:
    """A judged consignment that is to be stored; `scan` was read from `scan_files` (name, bytes)."""

    declaration: Declaration
    verdict: Verdict
    scan: Scan | None = None
    scan_files: Sequence[tuple[str, bytes]] = ()
    photo: bytes | None = None

    @cached_property
    def images(self) -> tuple[bytes | None, ...]:
        """What goes into the image store: photo, heat-map, the files of the scan."""
        drawn = self.verdict.heatmap
        heatmap = None if drawn is None else heatmap_values_png(drawn)
        return (self.photo, heatmap, *(data for _, data in self.scan_files))


class Assessments:
    """The assessments of one store."""

    def __init__(
        self,
        engine: sa.Engine,
        images: Images,
        audit: Audit,
        alerts: Alerts,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.engine = engine
        self.images = images
        self.audit = audit
        self.alerts = alerts
        self.now = now

    def add(self, new: New, account: Account, *, key: str | None = None, body_sha256: str = "") -> Assessment:
        """Store report and images together or not at all.

        If `key` was taken meanwhile by the same body, its assessment is returned and nothing is stored.
        """
        images = new.images  # drawn before anybody has to wait for the lock
        try:
            # the write lock comes first: images and row appear, or vanish, while nobody else writes
            with writing(self.engine) as connection, self.images.putting(connection, *images) as names:
                new_id = self.write(connection, account, [(new, names)])[0]
                if key is not None:
                    connection.execute(
                        idempotency_key.insert().values(
                            account_id=account.id, key=key, body_sha256=body_sha256, assessment_id=new_id
                        )
                    )
                connection.commit()
        except IntegrityError:
            earlier = None if key is None else self.by_key(account.id, key, body_sha256)
            if earlier is None:
                raise
            return earlier
        found = self.get(new_id)
        assert found is not None
        return found

    def write(
        self,
        connection: sa.Connection,
        account: Account,
        items: Sequence[tuple[New, Sequence[str | None]]],
    ) -> list[str]:
        """Within a `writing` transaction: rows, audit, alerts and queue of many at once; gives their ids.

        items: each with the names that `Images.putting` gave its `images`.
        """
        at = self.now()
        rows = [_row(new, names, account, at) for new, names in items]
        if not rows:
            return []
        numbers = connection.scalars(
            assessment.insert().returning(assessment.c.number, sort_by_parameter_order=True), rows
        )
        numbered = [{**row, "number": n} for row, n in zip(rows, numbers, strict=True)]
        put(connection, numbered)
        for (new, _), row in zip(items, rows, strict=True):
            if new.verdict.look is not None:
                write_look(connection, row["id"], new.verdict.look)
        acts = [
            Act(account.name, "assess", row["id"], {"sha256": digest_of(row), "band": row["band"]})
            for row in rows
        ]
        self.audit.write(connection, *acts)
        count_in(
            connection, numbered
        )  # behind the audit log, where writers take turns: all raise the same cells
        told = [
            one
            for row, (new, _) in zip(rows, items, strict=True)
            for one in self.alerts.of_assessment(row["id"], new.declaration.id, new.verdict.report)
        ]
        self.alerts.write(connection, *told)
        return [row["id"] for row in rows]

    def get(self, assessment_id: str) -> Assessment | None:
        """One assessment, or None."""
        query = (
            sa.select(assessment, account_table.c.name)
            .join(account_table)
            .where(assessment.c.id == assessment_id)
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Assessment(
            id=row.id,
            created_at=row.created_at.replace(tzinfo=dt.UTC),
            account=row.name,
            declaration=Declaration.from_dict(row.declaration),
            report=RiskReport.model_validate(row.report),
            scan=None if row.scan is None else StoredScan.read(row.scan, row.scan_details),
            photo=row.photo,
            heatmap=row.heatmap,
            heatmap_box=None if row.heatmap_box is None else _box(row.heatmap_box),
        )

    def by_key(self, account_id: int, key: str, body_sha256: str) -> Assessment | None:
        """The assessment stored under an idempotency key; `KeyUsedTwice` if its body was another."""
        k = idempotency_key.c
        query = sa.select(k.assessment_id, k.body_sha256).where(k.account_id == account_id, k.key == key)
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.body_sha256 != body_sha256:
            raise KeyUsedTwice
        return self.get(row.assessment_id)

    def count(self) -> int:
        """How many there are."""
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(assessment)) or 0)


# What the audit log vouches for: all that an assessment was stored with.
_VOUCHED = (
    "id",
    "created_at",
    "account_id",
    "declaration",
    "report",
    "scan",
    "scan_details",
    "photo",
    "heatmap",
    "heatmap_box",
)


def vouched(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit entry of a row of the table `assessment` vouches for, as JSON values."""
    values = {name: row[name] for name in _VOUCHED}
    values["created_at"] = row["created_at"].replace(tzinfo=dt.UTC).isoformat()
    return values


def digest_of(row: Mapping[str, Any]) -> str:
    """sha256 of a row of the table `assessment`, as its audit entry holds it."""
    return digest(vouched(row))


def reports(engine: sa.Engine) -> Iterator[tuple[Declaration, RiskReport]]:
    """Every stored declaration with its report, oldest first, read as they are asked for."""
    query = sa.select(assessment.c.declaration, assessment.c.report).order_by(assessment.c.number)
    with engine.connect().execution_options(yield_per=200) as connection:
        for row in connection.execute(query):
            yield Declaration.from_dict(row.declaration), RiskReport.model_validate(row.report)


def _row(new: New, names: Sequence[str | None], account: Account, at: dt.datetime) -> dict[str, Any]:
    """A row of the table, but for its number."""
    report, drawn = new.verdict.report, new.verdict.heatmap
    kept = None
    if new.scan is not None:
        digests = [name for name in names[2:] if name is not None]
        kept = StoredScan.of([name for name, _ in new.scan_files], digests, new.scan)
    return {
        "id": secrets.token_hex(8),
        "created_at": at,
        "account_id": account.id,
        "declaration_id": new.declaration.id,
        "declaration": new.declaration.model_dump(mode="json", exclude_none=True),
        "band": report.band,
        "surprise": report.surprise,
        "report": report.model_dump(mode="json"),
        "scan": None if kept is None else kept.files[0].sha256,
        "scan_details": None if kept is None else kept.details,
        "photo": names[0],
        "heatmap": names[1],
        "heatmap_box": None if drawn is None else list(drawn.box),
    }


def _box(values: list[int]) -> Box:
    top, left, bottom, right = values
    return top, left, bottom, right
