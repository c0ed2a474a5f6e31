"""Uploaded images in a folder, each under the sha256 of its bytes; names never come from outside."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portcullis.store.trouble import is_uncertain

_NAME = re.compile(r"[0-9a-f]{64}")


class Images:
    """A folder of files `ab/abcdef…`; what is in it never changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def putting(self, *contents: bytes | None) -> Iterator[tuple[str | None, ...]]:
        """Put files beside a transaction; gives their names. An exception takes the new ones out.

        They stay where the connection was lost, for then the transaction may have been stored after all.
        """
        new: list[Path] = []
        names: list[str | None] = []
        try:
            for content in contents:
                names.append(None if content is None else self._put(content, new))
            yield tuple(names)
        except BaseException as error:
            if not is_uncertain(error):
                for path in new:
                    path.unlink(missing_ok=True)
            raise

    def read(self, name: str) -> bytes:
        """Contents by name; `KeyError` where there is none."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise KeyError(name) from None

    def names(self) -> list[str]:
        """All names, in order."""
        return sorted(p.name for p in self.folder.glob("??/*") if _NAME.fullmatch(p.name))

    def _put(self, content: bytes, new: list[Path]) -> str:
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        if path.exists():
            return name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, waiting = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(waiting, path)
        except BaseException:
            Path(waiting).unlink(missing_ok=True)
            raise
        new.append(path)
        return name

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise KeyError(name)
        return self.folder / name[:2] / name
