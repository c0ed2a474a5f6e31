"""Where files are kept: a folder of this machine, or anything else that fsspec reaches."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from customs.errors import InvalidConfig


class Place(Protocol):
    """Files by a relative path with one folder in it (`ab/abcd…`); each is put whole or not at all."""

    def put(self, path: str, content: bytes) -> bool:
        """Keep contents; False where the path was there, which then counts as used just now."""
        ...

    def read(self, path: str) -> bytes:
        """Contents; `FileNotFoundError` where there are none."""
        ...

    def since(self, path: str) -> dt.datetime | None:
        """When it was last put; None where there is none."""
        ...

    def remove(self, path: str) -> None:
        """Take it out; nothing happens where there is none."""
        ...

    def files(self) -> Iterator[tuple[str, dt.datetime]]:
        """Last part of each path and when it was last put."""
        ...

    def clear(self, before: dt.datetime) -> int:
        """Remove what broken writes left before then; how many files."""
        ...


def open_place(place: str) -> Place:
    """A folder where `place` is a path or `file://` URL, else what fsspec knows under the URL.

    Raises:
        InvalidConfig: nobody knows such a URL, or what serves it is not installed.
    """
    protocol, slashes, rest = place.partition("://")
    if not slashes:
        return Folder(Path(place))
    if protocol in ("file", "local"):
        return Folder(Path(rest))
    import fsspec

    try:
        system, root = fsspec.url_to_fs(place)
    except (ValueError, ImportError) as error:
        install = "pip install 'portcullis[s3]'" if protocol in ("s3", "s3a") else "check the URL"
        raise InvalidConfig(f"{place}: {error}", field="images", remedy=install) from None
    return Remote(system, root, protocol)


class Folder:
    """A folder of this machine. What was put survives a crash of the machine: file and folder are synced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        return str(self.folder)

    def put(self, path: str, content: bytes) -> bool:
        """Write beside, sync, move into place, sync the folder."""
        target = self.folder / path
        with contextlib.suppress(FileNotFoundError):
            os.utime(target)
            return False
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(self.folder)
        handle, waiting = tempfile.mkstemp(dir=target.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(waiting, target)
        except BaseException:
            Path(waiting).unlink(missing_ok=True)
            raise
        _sync(target.parent)
        return True

    def read(self, path: str) -> bytes:
        """Read it whole."""
        return (self.folder / path).read_bytes()

    def since(self, path: str) -> dt.datetime | None:
        """Its time of change."""
        try:
            return _time((self.folder / path).stat().st_mtime)
        except FileNotFoundError:
            return None

    def remove(self, path: str) -> None:
        """Unlink it."""
        (self.folder / path).unlink(missing_ok=True)

    def files(self) -> Iterator[tuple[str, dt.datetime]]:
        """Everything one folder down."""
        for path in self.folder.glob("??/[!.]*"):
            with contextlib.suppress(FileNotFoundError):
                yield path.name, _time(path.stat().st_mtime)

    def clear(self, before: dt.datetime) -> int:
        """Remove files that were written beside their place and never moved there."""
        count = 0
        for path in self.folder.glob("??/.*"):
            with contextlib.suppress(FileNotFoundError):
                if _time(path.stat().st_mtime) < before:
                    path.unlink()
                    count += 1
        return count


class Remote:
    """A store of objects: putting one is a single request, so nobody sees half of it."""

    def __init__(self, system: Any, root: str, protocol: str) -> None:
        self.system = system
        self.root = root.rstrip("/")
        self.protocol = protocol

    def __str__(self) -> str:
        return f"{self.protocol}://{self.root.lstrip('/')}"

    def put(self, path: str, content: bytes) -> bool:
        """Put it even where it is: the same bytes, and a sweep sees that it is wanted."""
        before = self.since(path)
        if self.protocol == "memory":  # its folders have to be made
            self.system.makedirs(f"{self.root}/{path.rsplit('/', 1)[0]}", exist_ok=True)
        self.system.pipe_file(f"{self.root}/{path}", content)
        return before is None

    def read(self, path: str) -> bytes:
        """Fetch it whole."""
        content: bytes = self.system.cat_file(f"{self.root}/{path}")
        return content

    def since(self, path: str) -> dt.datetime | None:
        """Its time of change, asked for anew."""
        self.system.invalidate_cache()
        try:
            return _changed(self.system.info(f"{self.root}/{path}"))
        except FileNotFoundError:
            return None

    def remove(self, path: str) -> None:
        """Delete the object."""
        with contextlib.suppress(FileNotFoundError):
            self.system.rm_file(f"{self.root}/{path}")

    def files(self) -> Iterator[tuple[str, dt.datetime]]:
        """Folder by folder, so that a large store does not have to fit into memory."""
        self.system.invalidate_cache()
        try:
            folders = [f["name"] for f in self.system.ls(self.root, detail=True) if f["type"] == "directory"]
        except FileNotFoundError:
            return
        for folder in folders:
            for found in self.system.ls(folder, detail=True):
                if found["type"] == "file":
                    yield found["name"].rsplit("/", 1)[-1], _changed(found)

    def clear(self, before: dt.datetime) -> int:
        """Nothing: an object is there whole or not at all."""
        return 0


def _changed(info: dict[str, Any]) -> dt.datetime:
    for name in ("LastModified", "last_modified", "mtime", "created"):
        found = info.get(name)
        if isinstance(found, dt.datetime):
            return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
        if isinstance(found, int | float):
            return _time(found)
    return dt.datetime.now(dt.UTC)  # a store that does not tell: never old enough to be swept


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
