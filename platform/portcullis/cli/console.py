"""What the commands share: progress on stderr, JSON on stdout, one-line errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customs.errors import InvalidConfig
from customs.progress import Progress


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """One bar for each stage, on stderr, so that stdout stays machine-readable."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def overrides(pairs: Sequence[str]) -> dict[str, str]:
    """Split `key=value` options."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidConfig(f"got {pair!r}", field="set", remedy="write key=value")
        found[key.strip()] = value.strip()
    return found


def print_json(value: Any) -> None:
    """Machine-readable answer on stdout."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def read_bytes(path: Path, *, field: str) -> bytes:
    """Contents of a file that a user named."""
    from customs.errors import UnreadableFile

    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise UnreadableFile(f"{path} is a folder", field=field, remedy="name a file") from None
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}", field=field, remedy="check the path") from None


__all__ = ["overrides", "print_json", "progress_bars", "read_bytes"]
