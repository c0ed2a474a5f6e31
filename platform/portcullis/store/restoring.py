"""Bringing a backup back: into an empty store, all of it or nothing, checked before it counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from customs.errors import CustomsError, InvalidConfig
from customs.progress import Progress, silent
from portcullis.store.audit import Head
from portcullis.store.backup import Backup, damaged, opened
from portcullis.store.dumping import Sum, go_on_counting, lines_of, put, tables_of
from portcullis.store.engine import open_engine, revision_of, upgrade_in, writing
from portcullis.store.images import Images, LostImage
from portcullis.store.vouching import Tally, check

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_EMPTY = "give a new database, or remove this one first"


@dataclass(frozen=True)
class Restored:
    """What was put back, and the head that the audit chain was checked against."""

    rows: int
    images: int
    images_missing: int
    entries: int
    head: Head
    key: Ed25519PublicKey
    secret: bytes | None


def restore(
    path: Path,
    store_url: str,
    images: Images,
    *,
    bases: Sequence[Path] = (),
    without_images: bool = False,
    trusted: Ed25519PublicKey | None = None,
    passphrase: str | None = None,
    progress: Progress = silent,
) -> Restored:
    """Restore a backup; any error leaves neither a row nor a file behind.

    bases: earlier backups with the images that this one left out. trusted: the key that must have signed.
    """
    with ExitStack() as stack:
        backup = stack.enter_context(opened(path))
        backup.check()  # before anything is written
        others = [stack.enter_context(opened(base)) for base in bases]
        if trusted is not None and trusted != backup.key:
            raise CustomsError(
                "this backup was made by another installation than that of the key given",
                field="key",
                remedy="give its own key, or take the right backup",
            )
        secret = backup.secret(passphrase)
        engine = stack.enter_context(_new_store(store_url))
        added: list[str] = []
        try:
            with writing(engine) as connection:
                rows = _put_rows(connection, backup, progress)
                count, missing = _put_images(
                    images, [backup, *others], added, progress, without=without_images
                )
                upgrade_in(connection)
                tally = Tally()
                fault = next(
                    check(connection, backup.key, tally, head=_head(backup), progress=progress), None
                )
                if fault is not None:
                    raise damaged(str(fault))
        except BaseException:
            for name in added:
                images.remove(name)
            raise
    return Restored(rows, count, missing, tally.entries, backup.head, backup.key, secret)


@contextmanager
def _new_store(url: str) -> Iterator[sa.Engine]:
    """An engine; where an exception comes, a SQLite file that was not there before goes again."""
    engine = open_engine(url)
    name = engine.url.database
    file = Path(name) if engine.dialect.name == "sqlite" and name else None
    new = file is not None and not file.exists()
    try:
        yield engine
    except BaseException:
        engine.dispose()
        if file is not None and new:
            for suffix in ("", "-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
        raise
    engine.dispose()


def _put_rows(connection: sa.Connection, backup: Backup, progress: Progress) -> int:
    before = revision_of(connection)
    if before is not None:
        if any(_has_rows(connection, table) for table in tables_of(connection)):
            raise InvalidConfig("this store is not empty", field="store", remedy=_EMPTY)
        if before != backup.revision:
            raise InvalidConfig("this store has another schema than the backup", field="store", remedy=_EMPTY)
    elif tables_of(connection):
        raise InvalidConfig("this database holds tables of others", field="store", remedy=_EMPTY)
    else:
        upgrade_in(connection, backup.revision)
    tables = tables_of(connection)
    if {table.name for table in tables} != set(backup.manifest["tables"]):
        raise damaged("its tables are not those of its revision")
    for done, table in enumerate(tables, 1):
        put(connection, table, backup.lines(table.name))
        go_on_counting(connection, table)
        again = Sum()
        for line in lines_of(connection, table):
            again.add(line)
        if again.hex != backup.manifest["tables"][table.name]["sum"]:
            raise damaged(f"the rows of {table.name} are not what they were after they were put back")
        progress("tables", done, len(tables))
    return sum(table["rows"] for table in backup.manifest["tables"].values())


def _has_rows(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _put_images(
    images: Images, backups: Sequence[Backup], added: list[str], progress: Progress, *, without: bool
) -> tuple[int, int]:
    """Every image from a backup, or already in place; how many, and how many are nowhere."""
    needed = backups[0].image_names()
    missing = []
    for done, name in enumerate(needed, 1):
        content = next((c for c in (backup.image(name) for backup in backups) if c is not None), None)
        if content is not None:
            if images.add(content):
                added.append(name)
        else:
            try:
                images.read(name)
            except LostImage:
                missing.append(name)
        progress("images", done, len(needed))
    if missing and not without:
        raise CustomsError(
            f"{len(missing):,} of {len(needed):,} images are neither in this backup nor in {images.place}",
            field="images",
            remedy="give the earlier backup with --base, copy the image files, or say --without-images",
        )
    return len(needed) - len(missing), len(missing)


def _head(backup: Backup) -> Head | None:
    return backup.head if backup.head.number else None
