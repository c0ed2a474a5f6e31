"""Files for people, put in place whole: an interrupted command leaves no half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from customs.errors import InvalidConfig


@contextmanager
def writing_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that is written beside `path` and takes its place at the end; an exception leaves nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, waiting = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InvalidConfig(
            f"{path} cannot be written ({error.strerror})", field="out", remedy="name another file"
        ) from None
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(waiting, path)
    except BaseException:
        Path(waiting).unlink(missing_ok=True)
        raise
