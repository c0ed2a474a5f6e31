"""From an uploaded file to the manifest of a batch: its kind, its declarations, and the chunks they make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from customs.errors import CustomsError, Problem, TooLarge, UnreadableFile
from customs.readers.filings import Filing, checked, filings, repeated
from customs.readers.jsonl import is_jsonl
from customs.readers.source import File
from portcullis.jobs.archive import MAGIC, Archive, Packed
from portcullis.store.batches import ItemProblem, Manifest, NewItem

CHUNK_BYTES = 64 << 20  # of pictures in one chunk, which are held until it is stored
_WORKBOOK = "[Content_Types].xml"


@dataclass(frozen=True)
class Limits:
    """What a batch may hold, and how it is cut.

    items: declarations; unpacked: bytes of an archive's entries; chunk: declarations done at a time.
    """

    items: int
    unpacked: int
    chunk: int


def read_manifest(data: bytes, limits: Limits, *, today: dt.date | None = None) -> Manifest:
    """Read an uploaded file.

    Args:
        data: CSV or JSON lines as of `customs.readers.filings`, or a ZIP as of `jobs.archive`.
        limits: what it may hold.
        today: later dates are refused; the machine's date by default.

    Raises:
        UnreadableFile: the file as a whole cannot be read, or none of its declarations can.
        TooLarge: it holds too much.
    """
    today = today or dt.date.today()
    if data.startswith(MAGIC):
        kind, items = "zip", list(_packed(data, limits, today))
    elif data[:4] == b"PAR1":
        raise UnreadableFile("this is a parquet file", field="file", remedy="send CSV or JSON lines")
    else:
        file = File.of(data)
        kind = "jsonl" if is_jsonl(file) else "csv"
        items = [_item(filing) for filing in filings(file, most=limits.items, today=today)]
    if all(item.content is None for item in items):
        raise _none_good(items)
    return Manifest(kind, tuple(items), tuple(_cut(items, limits.chunk)))


def _cut(items: Sequence[NewItem], size: int) -> Iterator[int | None]:
    """The number of the chunk of each item, from 1; None of those that are refused already."""
    chunk, count, held = 1, 0, 0
    for item in items:
        if item.content is None:
            yield None
            continue
        if count and (count == size or held + item.size > CHUNK_BYTES):
            chunk, count, held = chunk + 1, 0, 0
        count += 1
        held += item.size
        yield chunk


def _packed(data: bytes, limits: Limits, today: dt.date) -> Iterator[NewItem]:
    archive = Archive(data, most_bytes=limits.unpacked)
    if archive.holds(_WORKBOOK):
        raise UnreadableFile(
            "this is a workbook, not a ZIP of cases", field="file", remedy="save it as CSV in UTF-8"
        )
    seen: dict[str, str] = {}
    for number, case in enumerate(archive.cases(), start=1):
        if number > limits.items:
            raise TooLarge(
                f"the file holds more than {limits.items:,} cases", field="file", remedy="split it"
            )
        yield _unpacked(archive, case, number, seen, today)


def _unpacked(archive: Archive, case: Packed, number: int, seen: dict[str, str], today: dt.date) -> NewItem:
    """One case: its declaration is read now, its pictures when it is judged."""
    if case.declaration is None:
        return _refused(number, "", case.problems, case.name)
    try:
        text = archive.read(case.declaration)
    except UnreadableFile as error:
        return _refused(number, "", error.problems, case.name)
    filing = checked(text, number, today)
    if filing.declaration is not None and (before := seen.setdefault(filing.id, case.name)) != case.name:
        return _refused(number, filing.id, (repeated(f"folder {before!r}"),), case.name)
    pictures = {"scan": list(case.scan), "photo": case.photo}
    return _item(filing, case.name, pictures, case.size)


def _item(
    filing: Filing,
    source: str | None = None,
    pictures: dict[str, list[str] | str | None] | None = None,
    size: int = 0,
) -> NewItem:
    if filing.declaration is None:
        problems = tuple(_problem(flaw.row, flaw.problem) for flaw in filing.flaws)
        return NewItem(filing.row, filing.id, source, problems=problems)
    declared = filing.declaration.model_dump(mode="json", exclude_none=True)
    return NewItem(filing.row, filing.id, source, {"declaration": declared, **(pictures or {})}, size=size)


def _refused(row: int, found_id: str, problems: Sequence[Problem], source: str) -> NewItem:
    return NewItem(row, found_id, source, problems=tuple(_problem(row, problem) for problem in problems))


def _problem(row: int, problem: Problem) -> ItemProblem:
    return ItemProblem(row, problem.field, problem.problem, problem.remedy)


def _none_good(items: Sequence[NewItem]) -> CustomsError:
    item = items[0]
    first = item.problems[0]
    where = f"{item.source!r}" if item.source else f"line {first.row}"
    field = f"{first.field}: " if first.field else ""
    return UnreadableFile(
        f"none of its {len(items):,} declarations can be read; the first, {where}: {field}{first.problem}",
        field="file",
        remedy=first.remedy or "see the README for what a batch may hold",
    )
