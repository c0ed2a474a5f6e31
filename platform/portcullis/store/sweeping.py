"""The image files against the rows that name them: what is missing, what was changed, what is left over."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from customs.progress import Progress, silent
from portcullis.store.engine import snapshot, writing
from portcullis.store.images import Images, LostImage, hold
from portcullis.store.vouching import image_names, names_image

GRACE = dt.timedelta(hours=1)  # an upload takes far less between its files and its row


@dataclass(frozen=True)
class Inspection:
    """How many files rows name, what is wrong with them, and which files no row names."""

    images: int
    faults: list[str]
    orphans: list[str]


def inspect(engine: sa.Engine, images: Images, *, progress: Progress = silent) -> Inspection:
    """Read every file that a row names."""
    # files first: what comes after them is not looked at, and rows that come after them count
    there = set(images.names())
    with snapshot(engine) as connection:
        wanted = sorted(set(image_names(connection)))
    faults = []
    for done, name in enumerate(wanted, 1):
        try:
            images.read(name)
        except LostImage as error:
            faults.append(str(error))
        progress("images", done, len(wanted))
    return Inspection(len(wanted), faults, sorted(there.difference(wanted)))


def sweep(
    engine: sa.Engine,
    images: Images,
    *,
    dry_run: bool = False,
    now: dt.datetime | None = None,
    grace: dt.timedelta = GRACE,
) -> tuple[list[str], int]:
    """Remove files that no row names and no upload used for `grace`: their names, and how many half ones."""
    before = (now or dt.datetime.now(dt.UTC)) - grace
    old = {stray.name for stray in images.listing() if stray.since < before}
    with snapshot(engine) as connection:
        old.difference_update(image_names(connection))
    if dry_run:
        return sorted(old), 0
    removed = []
    for name in sorted(old):
        # an upload of the same file meanwhile waits here, or was here before and is seen
        with writing(engine) as connection:
            hold(connection, name)
            since = images.since(name)
            if since is not None and since < before and not names_image(connection, name):
                images.remove(name)
                removed.append(name)
    return removed, images.clear(before)
