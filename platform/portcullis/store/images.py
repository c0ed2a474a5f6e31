"""Uploaded images, each under the sha256 of its bytes, in a folder or any store that fsspec reaches.

Names never come from outside, and what a name holds never changes: every read compares it with its name.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from portcullis.store.places import Place, open_place
from portcullis.store.trouble import is_uncertain

_NAME = re.compile(r"[0-9a-f]{64}")
_LOCK = 0x496D6167  # of PostgreSQL: the first half of a lock for each name


class LostImage(Exception):
    """A file that the store vouches for is missing or is not what it was: nobody's input, our loss."""


@dataclass(frozen=True)
class Stray:
    """A file in the image store that no row names, and since when nobody touched it."""

    name: str
    since: dt.datetime


class Images:
    """Files `ab/abcdef…` below a folder or a URL such as `s3://bucket/prefix`."""

    def __init__(self, place: Path | str) -> None:
        self.place: Place = open_place(str(place))

    @contextmanager
    def putting(self, connection: sa.Connection, *contents: bytes | None) -> Iterator[tuple[str | None, ...]]:
        """Put files beside a `writing` transaction; gives their names. An exception takes the new ones out.

        Until the transaction ends no other one can put, take out or sweep the same files: on SQLite because
        there is one writer, on PostgreSQL by a lock for each name.
        """
        names = [None if content is None else name_of(content) for content in contents]
        hold(connection, *(name for name in names if name is not None))
        new: list[str] = []
        try:
            for name, content in zip(names, contents, strict=True):
                if name is not None and content is not None and self.place.put(_path(name), content):
                    new.append(name)
            yield tuple(names)
        except BaseException as error:
            if not is_uncertain(error):
                for name in new:
                    self.place.remove(_path(name))
            raise  # where the server was lost at the commit, nobody knows: `portcullis images sweep` will

    def add(self, content: bytes) -> bool:
        """Put one file while nothing else uses the store; False where it was there."""
        return self.place.put(_path(name_of(content)), content)

    def read(self, name: str) -> bytes:
        """Contents by name; `LostImage` where they are missing or are not those of the name."""
        try:
            content = self.place.read(_path(name))
        except FileNotFoundError:
            raise LostImage(f"the image {name} is missing from {self.place}") from None
        if name_of(content) != name:
            raise LostImage(f"the image {name} in {self.place} was changed")
        return content

    def has(self, name: str) -> bool:
        """Whether there is a file of this name; it is not read."""
        return self.place.since(_path(name)) is not None

    def names(self) -> list[str]:
        """All names, in order."""
        return sorted(stray.name for stray in self.listing())

    def listing(self) -> Iterator[Stray]:
        """All files with the time of their last use by an upload, in no order."""
        for name, since in self.place.files():
            if _NAME.fullmatch(name):
                yield Stray(name, since)

    def remove(self, name: str) -> None:
        """Take a file out; nothing happens where there is none."""
        self.place.remove(_path(name))

    def clear(self, before: dt.datetime) -> int:
        """Take out what writes that broke off before then have left; how many files."""
        return self.place.clear(before)

    def since(self, name: str) -> dt.datetime | None:
        """When an upload last used it; None where there is no such file."""
        return self.place.since(_path(name))


def name_of(content: bytes) -> str:
    """The name that contents are kept under."""
    return hashlib.sha256(content).hexdigest()


def hold(connection: sa.Connection, *names: str) -> None:
    """Keep other transactions from putting or removing these files until this one ends."""
    if connection.dialect.name == "postgresql":
        keys = sorted({int.from_bytes(bytes.fromhex(name[:8]), "big", signed=True) for name in names})
        for key in keys:  # in order: two that want the same files do not wait for each other
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(:kind, :key)"), {"kind": _LOCK, "key": key}
            )


def _path(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise LostImage(f"{name[:80]!r} is not the name of an image")
    return f"{name[:2]}/{name}"
