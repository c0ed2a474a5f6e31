"""Earlier imports of official files, with the report on each; and a new one from an upload."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from customs.errors import UnreadableFile
from portcullis.importing import Kind, read_file
from portcullis.store.accounts import Account
from portcullis.store.audit import Act, Audit
from portcullis.store.intake import Stored, kept, store
from portcullis.store.official import imports

_i = imports.c


@dataclass(frozen=True)
class Import:
    """One import. actor: None of the command line; report: as `RepairReport.as_dict`, None if not kept."""

    id: int
    kind: str
    file: str
    sha256: str
    at: dt.datetime
    rows_read: int
    rows_repaired: int
    rows_refused: int
    rows_stored: int
    rows_new: int | None
    actor: str | None
    report: Mapping[str, Any] | None


@dataclass(frozen=True)
class Looked:
    """A file that was read and not stored. earlier: the import of the very same file, if there was one."""

    kind: Kind
    report: Mapping[str, Any]
    earlier: Import | None


class Imports:
    """The imports of one store."""

    def __init__(self, engine: sa.Engine, audit: Audit, now: Callable[[], dt.datetime]) -> None:
        self.engine = engine
        self.audit = audit
        self.now = now

    def page(self, before: int | None = None, limit: int = 50, kind: Kind | None = None) -> list[Import]:
        """Imports before number `before`, newest first, without their reports."""
        query = sa.select(*(c for c in _i if c is not _i.report), sa.null().label("report"))
        if before is not None:
            query = query.where(_i.id < before)
        if kind is not None:
            query = query.where(_i.kind == kind.value)
        with self.engine.connect() as connection:
            return [_import(row) for row in connection.execute(query.order_by(_i.id.desc()).limit(limit))]

    def get(self, number: int) -> Import | None:
        """One import with its report, or None."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(imports).where(_i.id == number)).one_or_none()
        return None if row is None else _import(row)

    def earlier(self, kind: Kind, sha256: str, before: int | None = None) -> Import | None:
        """The newest import of these very bytes as this kind, of those before a number, or None."""
        query = sa.select(imports).where(_i.kind == kind.value, _i.sha256 == sha256)
        if before is not None:
            query = query.where(_i.id < before)
        with self.engine.connect() as connection:
            row = connection.execute(query.order_by(_i.id.desc()).limit(1)).one_or_none()
        return None if row is None else _import(row)

    def look(self, kind: Kind, file: IO[bytes], name: str, columns: Mapping[str, str]) -> Looked:
        """Read a file and store nothing."""
        with tempfile.TemporaryDirectory() as folder:
            path, digest = _kept(file, name, Path(folder))
            read = read_file(kind, path, columns)
        return Looked(kind, kept(read.report), self.earlier(kind, digest))

    def take(
        self, kind: Kind, file: IO[bytes], name: str, columns: Mapping[str, str], account: Account
    ) -> Import:
        """Read a file into the store; the audit log says who did it.

        Raises:
            UnreadableFile: no row can be read; nothing is stored.
        """
        with tempfile.TemporaryDirectory() as folder:
            path, digest = _kept(file, name, Path(folder))
            read = read_file(kind, path, columns)

            def record(connection: sa.Connection, stored: Stored) -> None:
                details = {"kind": kind.value, "file": path.name, "sha256": digest, "rows": stored.rows}
                act = Act(account.name, "data.import", str(stored.import_id), details)
                self.audit.write(connection, act)

            stored = store(
                self.engine,
                kind.value,
                read,
                file=path.name,
                data=digest,
                record=record,
                actor=account.name,
            )
        found = self.get(stored.import_id)
        assert found is not None
        return found


def _kept(file: IO[bytes], name: str, folder: Path) -> tuple[Path, str]:
    """An upload as a file of its own name, since the name says of what kind it is; and its sha256."""
    plain = Path(name.replace("\\", "/")).name.replace("\0", "")[-120:]
    if not plain or plain in (".", ".."):
        raise UnreadableFile("no file was chosen", field="file", remedy="choose a file")
    path = folder / plain
    with path.open("wb") as out:
        shutil.copyfileobj(file, out, 1 << 20)
    with path.open("rb") as again:
        return path, hashlib.file_digest(again, "sha256").hexdigest()


def _import(row: Any) -> Import:
    values = {**row._mapping}
    return Import(**{**values, "at": row.at.replace(tzinfo=dt.UTC)})
