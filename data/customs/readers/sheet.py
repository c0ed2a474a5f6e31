"""Opening a table file of unknown quality: CSV in UTF-8 or CP949, XLSX or parquet, to rows of text.

Everything is kept as text with the line it came from, so that no code loses a zero and every complaint
can name its line.
"""

from __future__ import annotations

import itertools
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from customs.errors import InvalidConfig, UnreadableFile
from customs.readers.rows import Row, cell, csv_rows, xlsx_rows
from customs.readers.source import BLOCK, EXPORT, File, Source, contents

MAX_COLUMNS = 16_384  # what a spreadsheet can hold
HEADER_WITHIN = 20  # official downloads put a title and a date above the header
FEW = 256  # rows


@dataclass(frozen=True)
class Columns:
    """The columns a reader knows: our name, and the headers that mean it."""

    aliases: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    prefixes: Mapping[str, str] = field(default_factory=dict)  # a header that begins so will do, too
    exact: frozenset[str] = frozenset()  # names that a user mapped: only that header will do

    def mapped(self, mapping: Mapping[str, str] | None) -> Columns:
        """With a user's `our=theirs` in place of the known headers."""
        for ours in mapping or {}:
            if ours not in self.aliases:
                raise InvalidConfig(
                    f"there is no column {ours!r}",
                    field="map",
                    remedy=f"choose from {', '.join(self.aliases)}",
                )
        wanted = {ours: (theirs,) for ours, theirs in (mapping or {}).items()}
        required = (*self.required, *(ours for ours in wanted if ours not in self.required))
        return Columns({**self.aliases, **wanted}, required, self.prefixes, frozenset(wanted))

    def find(self, header: Sequence[str]) -> dict[str, int]:
        """Position of each of our columns that `header` has; the first alias that is there wins."""
        places: dict[str, list[int]] = {}
        for position, name in enumerate(header):
            places.setdefault(normal(name), []).append(position)
        found = {}
        for ours, aliases in self.aliases.items():
            for alias in aliases if ours in self.exact else (ours, *aliases):
                if hits := places.get(normal(alias)):
                    found[ours] = hits[0]
                    break
            else:
                prefix = None if ours in self.exact else self.prefixes.get(ours)
                begins = [i for i, h in enumerate(header) if prefix and h.strip().startswith(prefix)]
                if len(begins) > 1:
                    raise UnreadableFile(
                        f"the columns {' and '.join(header[i].strip() for i in begins)} both give the {ours}",
                        field=ours,
                        remedy=f"choose with --map {ours}=THEIRS",
                    )
                if begins:
                    found[ours] = begins[0]
        return found


@dataclass(frozen=True)
class Sheet:
    """A file's rows as columns of text.

    `lines[i]` is the 1-based line on which row i begins; `ragged` says of rows whose number of fields is not
    the header's what was wrong (their texts are then cut or filled up and must not be used). Row i is row
    `first` + i of the file, from 0, header and blank lines not counted.
    """

    source: str
    header: tuple[str, ...]
    columns: Sequence[Sequence[str]]
    lines: Sequence[int]
    found: Mapping[str, int]
    ragged: Mapping[int, str] = field(default_factory=dict)
    trimmed: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    first: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    def texts(self, ours: str) -> Sequence[str] | None:
        """One column by our name, or None if the file has none."""
        position = self.found.get(ours)
        return None if position is None else self.columns[position]

    def with_columns(self, positions: Mapping[str, int]) -> Sheet:
        """With more columns under names of their own."""
        return replace(self, found={**self.found, **positions})


def open_sheet(source: Source, known: Columns, *, mapping: Mapping[str, str] | None = None) -> Sheet:
    """Read a CSV, XLSX or parquet file whole and find the columns of `known` in it.

    Args:
        source: a path, or the contents of a file.
        known: columns with the headers that mean them.
        mapping: a user's own headers, our name to theirs.

    Raises:
        UnreadableFile: the file is missing, empty, of another kind or encoding, or lacks a column.
        InvalidConfig: `mapping` names a column that `known` has not.
    """
    return next(sheets(File.of(source).limited(), known, mapping=mapping))


def sheets(
    source: Source, known: Columns, *, mapping: Mapping[str, str] | None = None, rows: int | None = None
) -> Iterator[Sheet]:
    """The same in sheets of at most `rows` rows, or in one; CSV and parquet are read as they are asked for.

    Raises:
        UnreadableFile: as `open_sheet`. What is wrong with the bytes or the header of a CSV file is told
            before its first sheet, an unclosed quotation mark when it is reached.
        InvalidConfig: `mapping` names a column that `known` has not.
    """
    known = known.mapped(mapping)
    file = File.of(source)
    if file.magic == b"PAR1":
        yield from _parquet(file, known, rows)
    elif file.magic == b"PK\x03\x04":
        whole, note = xlsx_rows(*contents(file))
        yield from _sheets(file.name, lambda: iter(whole), known, note, rows)
    else:
        text = file.text()
        yield from _sheets(file.name, lambda: csv_rows(text), known, f"read as CSV in {text}", rows)


def _sheets(
    name: str, begin: Callable[[], Iterator[Row]], known: Columns, note: str, size: int | None
) -> Iterator[Sheet]:
    """Sheets of the rows that `begin` gives from the first one on, each time that it is called."""
    rows = begin()
    top = list(itertools.islice(rows, HEADER_WITHIN))  # what has no header is refused before the rest is read
    if not top:
        raise UnreadableFile(f"{name} is empty", field="file", remedy="name a file with a header and rows")
    if (widest := max(len(fields) for _, fields in top)) > MAX_COLUMNS:
        raise UnreadableFile(f"{name} has {widest:,} columns", field="file", remedy=EXPORT)
    at = _header_at(name, [fields for _, fields in top], known)
    notes = [note]
    if at:
        notes.append(f"the header was found on line {top[at][0]}; what stands above it was left out")
    header = tuple(_rstrip(top[at][1]))
    found, width = known.find(header), len(header)
    body = itertools.chain(top[at + 1 :], rows)
    habit: bool | None = None
    first = 0
    while (square := _Square(body, width, size)).lines:
        if habit is None:
            # Every row ends in a comma: a habit of the writer, not a fault of the rows. That all do is known
            # only from a second look at the file, which ends at the first row that does not.
            rest = itertools.islice(begin(), at + 1, None)
            habit = 0 in square.trimmed and all(_overfull(fields, width) for _, fields in rest)
        trimmed = frozenset() if habit else frozenset(square.trimmed)
        columns, lines, ragged = square.columns, square.lines, square.ragged
        yield Sheet(name, header, columns, lines, found, ragged, trimmed, tuple(notes), first)
        first += len(square.lines)
    if not first:
        raise UnreadableFile(f"{name} has a header and no rows", field="file", remedy="name a file with rows")


def normal(header: str) -> str:
    """A header as compared: without case, blanks, underscores, hyphens and a unit in brackets.

    >>> normal("Declaration_ID"), normal(" 당월 수출입 중량(kg)")
    ('declarationid', '당월수출입중량')
    """
    text = unicodedata.normalize("NFKC", header).casefold()
    text = text.partition("(")[0] or text
    return "".join(c for c in text if not c.isspace() and c not in "_-·\ufeff")


def _header_at(name: str, rows: Sequence[Sequence[str]], known: Columns) -> int:
    missing_first: list[str] = []
    for at, fields in enumerate(rows):
        found = known.find(fields)
        missing = [ours for ours in known.required if ours not in found]
        if not missing:
            _refuse_repeats(name, fields, {known_at: ours for ours, known_at in found.items()})
            return at
        if at == 0:
            missing_first = missing
    wanted = "; ".join(
        f"{ours} ({' or '.join(dict.fromkeys(known.aliases[ours]))})" if known.aliases[ours] else ours
        for ours in missing_first
    )
    has = ", ".join(f.strip()[:40] for f in rows[0][:30])
    raise UnreadableFile(
        f"{name} lacks the column{'s' if len(missing_first) > 1 else ''} {wanted}",
        field=missing_first[0],
        remedy=f"the file has {has!r}; name the column with --map {missing_first[0]}=THEIRS",
    )


def _refuse_repeats(name: str, header: Sequence[str], used: Mapping[int, str]) -> None:
    for position, ours in used.items():
        if [normal(h) for h in header].count(normal(header[position])) > 1:
            raise UnreadableFile(
                f"{name} has the column {header[position].strip()!r} more than once",
                field=ours,
                remedy="keep one of them",
            )


def _overfull(fields: Sequence[str], width: int) -> bool:
    """True if a row has more fields than the header, but nothing in them."""
    return len(fields) > width and not any(f.strip() for f in fields[width:])


class _Square:
    """The next `size` rows, or all, as columns; a row of another width is marked, not lost."""

    def __init__(self, body: Iterator[Row], width: int, size: int | None) -> None:
        self.lines: list[int] = []
        self.columns: list[list[str]] = [[] for _ in range(width)]
        self.ragged: dict[int, str] = {}
        self.trimmed: set[int] = set()
        self._width = width
        held: list[dict[str, str]] = [{} for _ in range(width)]
        # Few rows at once, which fit into the processor's cache; of equal texts of a column one is held.
        for at in range(0, size or sys.maxsize, FEW):
            some = list(itertools.islice(body, FEW if size is None else min(FEW, size - at)))
            if not some:
                break
            self.lines += [line for line, _ in some]
            rows = [
                fields if len(fields) == width else self._cut(at + i, fields)
                for i, (_, fields) in enumerate(some)
            ]
            for column, known, texts in zip(self.columns, held, zip(*rows, strict=True), strict=True):
                column += map(known.setdefault, texts, texts)

    def _cut(self, row: int, fields: list[str]) -> list[str]:
        """A row made as wide as the header."""
        if _overfull(fields, self._width):
            self.trimmed.add(row)
        else:
            self.ragged[row] = f"it has {len(fields)} fields, the header has {self._width}"
        return (fields + [""] * self._width)[: self._width]


def _rstrip(fields: Sequence[str]) -> list[str]:
    kept = list(fields)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _parquet(file: File, known: Columns, size: int | None) -> Iterator[Sheet]:
    """Sheets of a parquet file; columns that are not known are left unread."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        held = pa.BufferReader(file.held) if isinstance(file.held, bytes) else str(file.held)
        # without a buffer all bytes of a row group, which may be the whole file, would be held
        table = pq.ParquetFile(held, buffer_size=BLOCK)
        header = table.schema_arrow.names
        if not table.metadata.num_rows:
            raise UnreadableFile(f"{file.name} has no rows", field="file", remedy="name a file with rows")
        _header_at(file.name, [header], known)
        found = known.find(header)
        used = {header[i]: i for i in found.values()}
        parts = table.iter_batches(size, columns=[*used]) if size else [table.read(columns=[*used])]
        first = 0
        for part in parts:
            columns: list[Sequence[str]] = [()] * len(header)
            for theirs, position in used.items():
                columns[position] = [cell(v) for v in part.column(theirs).to_pylist()]
            lines = range(first + 1, first + part.num_rows + 1)
            notes = ("read as parquet; lines are rows",)
            yield Sheet(file.name, tuple(header), columns, lines, found, notes=notes, first=first)
            first += part.num_rows
    except (pa.ArrowException, OSError, ValueError):
        raise UnreadableFile(
            f"{file.name} is not a parquet file that can be read", field="file", remedy="write it again"
        ) from None
