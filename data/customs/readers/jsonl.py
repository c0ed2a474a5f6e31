"""JSON lines: one object a line, each line good or refused by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from customs.errors import UnreadableFile
from customs.readers.sheet import Columns, Sheet
from customs.readers.source import File, Source


def is_jsonl(source: Source) -> bool:
    """True if the file begins like a JSON object."""
    return File.of(source).first == b"{"


def lines(source: Source) -> Iterator[tuple[int, str]]:
    """The lines that are not blank with their 1-based numbers, read as they are asked for.

    Raises:
        UnreadableFile: the file is no text.
    """
    for number, line in enumerate(File.of(source).text().lines("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\n")


def open_jsonl(source: Source, known: Columns) -> Sheet:
    """The objects of a file as a sheet; a key that any object has is a column.

    Raises:
        UnreadableFile: the file is no text, or no object has a required key.
    """
    file = File.of(source).limited()
    name, numbered = file.name, list(lines(file))
    objects = [_object(line) for _, line in numbered]
    header = tuple(dict.fromkeys(key for o in objects if isinstance(o, dict) for key in o))
    found = known.find(header)
    for ours in known.required:
        if ours not in found:
            raise UnreadableFile(
                f"{name} has no object with {ours} ({' or '.join(known.aliases[ours])})",
                field=ours,
                remedy=f"the objects have {', '.join(header)[:300]!r}",
            )
    columns = [[_text(o.get(key)) if isinstance(o, dict) else "" for o in objects] for key in header]
    ragged = {i: o for i, o in enumerate(objects) if isinstance(o, str)}
    return Sheet(
        name, header, columns, [n for n, _ in numbered], found, ragged, notes=("read as JSON lines",)
    )


def fault(line: str) -> str | None:
    """Why a line's texts could not be stored, though it is JSON: escapes may spell what is no character."""
    if "\\u" not in line:
        return None
    try:
        spelled = json.dumps(json.loads(line), ensure_ascii=False)
        spelled.encode()
    except UnicodeEncodeError:
        return "a text holds half a character"
    except (ValueError, RecursionError):
        return None  # no JSON at all, which the caller finds out better
    return "a text holds a NUL character" if "\\u0000" in spelled else None


def _object(line: str) -> dict[str, Any] | str:
    """The object, or why there is none."""
    if said := fault(line):
        return said
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return "the line is not JSON"
    return value if isinstance(value, dict) else "the line is JSON, but no object"


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case list():
            return ", ".join(map(_text, _flat(value)))
    return json.dumps(value, ensure_ascii=False)


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        yield json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
