"""Opening a table file of unknown quality: CSV in UTF-8 or CP949, XLSX or parquet, to rows of text.

Everything is kept as text with the line it came from, so that no code loses a zero and every complaint
can name its line.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import unicodedata
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from customs.errors import InvalidConfig, UnreadableFile

Source = Path | str | bytes
MAX_BYTES = 2 << 30
MAX_COLUMNS = 16_384  # what a spreadsheet can hold
MAX_UNPACKED = 1 << 30  # a workbook is a zip: a small file may unpack to anything
HEADER_WITHIN = 20  # official downloads put a title and a date above the header
_END = "\x00end\x00"
_EXPORT = "save it as CSV in UTF-8 or as XLSX"
_KINDS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}


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
    the header's what was wrong (their texts are then cut or filled up and must not be used).
    """

    source: str
    header: tuple[str, ...]
    columns: Sequence[Sequence[str]]
    lines: Sequence[int]
    found: Mapping[str, int]
    ragged: Mapping[int, str] = field(default_factory=dict)
    trimmed: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

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
    """Read a CSV, XLSX or parquet file and find the columns of `known` in it.

    Args:
        source: a path, or the contents of a file.
        known: columns with the headers that mean them.
        mapping: a user's own headers, our name to theirs.

    Raises:
        UnreadableFile: the file is missing, empty, of another kind or encoding, or lacks a column.
        InvalidConfig: `mapping` names a column that `known` has not.
    """
    known = known.mapped(mapping)
    name, data = contents(source)
    if data[:4] == b"PAR1":
        return _parquet(name, data, known)
    notes: list[str] = []
    read = _xlsx(name, data, notes) if data[:4] == b"PK\x03\x04" else _csv(name, data, notes)
    top = list(itertools.islice(read, HEADER_WITHIN))  # what has no header is refused before the rest is read
    if not top:
        raise UnreadableFile(f"{name} is empty", field="file", remedy="name a file with a header and rows")
    if (width := max(len(fields) for _, fields in top)) > MAX_COLUMNS:
        raise UnreadableFile(f"{name} has {width:,} columns", field="file", remedy=_EXPORT)
    at = _header_at(name, [fields for _, fields in top], known)
    rows = [*top, *read]
    if at:
        notes.append(f"the header was found on line {rows[at][0]}; what stands above it was left out")
    header = _rstrip(rows[at][1])
    body = rows[at + 1 :]
    if not body:
        raise UnreadableFile(f"{name} has a header and no rows", field="file", remedy="name a file with rows")
    return _square(name, header, body, known.find(header), notes)


def contents(source: Source) -> tuple[str, bytes]:
    """Name and bytes of a source, refusing what is no readable file."""
    if isinstance(source, bytes):
        name, data = "the file", source
    else:
        path = Path(source)
        name = path.name
        try:
            if path.stat().st_size > MAX_BYTES:
                raise UnreadableFile(f"{name} is larger than 2 GiB", field="file", remedy="split it by month")
            data = path.read_bytes()
        except IsADirectoryError:
            raise UnreadableFile(f"{path} is a folder", field="file", remedy="name a file") from None
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or error
            raise UnreadableFile(f"{path}: {said}", field="file", remedy="check the path") from None
    if not data.strip(b" \t\r\n\xef\xbb\xbf"):
        raise UnreadableFile(f"{name} is empty", field="file", remedy="name a file with a header and rows")
    return name, data


def decode(name: str, data: bytes) -> tuple[str, str]:
    """Text and the name of its encoding: UTF-8 with or without a byte-order mark, else CP949."""
    for magic, kind in _KINDS.items():
        if data.startswith(magic):
            raise UnreadableFile(f"{name} is {kind}, not a CSV file", field="file", remedy=_EXPORT)
    if b"\x00" in data:
        raise UnreadableFile(f"{name} is a binary file, not a CSV file", field="file", remedy=_EXPORT)
    try:
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    try:
        return data.decode("cp949"), "CP949"
    except UnicodeDecodeError:
        raise UnreadableFile(
            f"{name} is neither UTF-8 nor CP949 text (first seen on line {line})",
            field="file",
            remedy=_EXPORT,
        ) from None


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


def _square(
    name: str, header: list[str], body: list[tuple[int, list[str]]], found: dict[str, int], notes: list[str]
) -> Sheet:
    """Rows to columns; a row of another width is marked, not lost."""
    width = len(header)
    ragged: dict[int, str] = {}
    trimmed: set[int] = set()
    rows: list[list[str]] = []
    for i, (_, fields) in enumerate(body):
        if len(fields) > width and not any(f.strip() for f in fields[width:]):
            fields = fields[:width]
            trimmed.add(i)
        if len(fields) != width:
            ragged[i] = f"it has {len(fields)} fields, the header has {width}"
            fields = (fields + [""] * width)[:width]
        rows.append(fields)
    if len(trimmed) == len(rows):  # every row ends in a comma: a habit of the writer, not a fault of the rows
        trimmed.clear()
    columns = list(zip(*rows, strict=True))
    lines = [line for line, _ in body]
    return Sheet(name, tuple(header), columns, lines, found, ragged, frozenset(trimmed), tuple(notes))


def _rstrip(fields: Sequence[str]) -> list[str]:
    kept = list(fields)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _csv(name: str, data: bytes, notes: list[str]) -> Iterator[tuple[int, list[str]]]:
    text, encoding = decode(name, data)
    notes.append(f"read as CSV in {encoding}")
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    source = io.StringIO(text if text.endswith(("\n", "\r")) else text + "\n", newline="")

    def lines() -> Iterator[str]:
        yield from source
        yield _END  # seen as a row of its own, unless a quotation mark is still open

    reader = csv.reader(lines(), delimiter=delimiter)
    begins, fields = 1, []
    while True:
        begins = reader.line_num + 1
        try:
            fields = next(reader)
        except csv.Error as error:
            raise UnreadableFile(
                f"{name}, line {begins}: {error}", field="file", remedy="mend this line"
            ) from None
        if fields == [_END]:
            return
        if fields and fields[-1].endswith(_END):
            raise UnreadableFile(
                f"{name}: a quotation mark that opens on line {begins} is never closed",
                field="file",
                remedy="close it, or write it twice inside a quoted field",
            )
        if len(fields) > 1 or any(f.strip() for f in fields):  # an empty line is no row
            yield begins, fields


def _xlsx(name: str, data: bytes, notes: list[str]) -> Iterator[tuple[int, list[str]]]:
    import openpyxl

    broken = UnreadableFile(f"{name} is not an XLSX workbook that can be read", field="file", remedy=_EXPORT)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(member.file_size for member in packed.infolist()) > MAX_UNPACKED:
                raise UnreadableFile(f"{name} unpacks to more than 1 GiB", field="file", remedy=_EXPORT)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions, which carry no data
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a file claims of its size is often wrong
                rows = [
                    (line, [_cell(v) for v in values])
                    for line, values in enumerate(sheet.iter_rows(values_only=True), start=1)
                ]
                rows = [(line, fields) for line, fields in rows if any(f.strip() for f in fields)]
                if rows:
                    notes.append(f"read as XLSX, sheet {sheet.title!r} of {len(book.worksheets)}")
                    break
            else:
                rows = []
    except UnreadableFile:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise broken from error
    width = max((len(fields) for _, fields in rows), default=0)
    for line, fields in rows:  # a workbook leaves out empty cells at the end of a row
        yield line, fields + [""] * (width - len(fields))


def _parquet(name: str, data: bytes, known: Columns) -> Sheet:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError, ValueError):
        raise UnreadableFile(
            f"{name} is not a parquet file that can be read", field="file", remedy="write it again"
        ) from None
    header = table.column_names
    if not table.num_rows:
        raise UnreadableFile(f"{name} has no rows", field="file", remedy="name a file with rows")
    _header_at(name, [header], known)
    found = known.find(header)
    used = set(found.values())
    columns = [
        [_cell(v) for v in table.column(i).to_pylist()] if i in used else () for i in range(len(header))
    ]
    lines = range(1, table.num_rows + 1)
    return Sheet(name, tuple(header), columns, lines, found, notes=("read as parquet; lines are rows",))


def _cell(value: Any) -> str:
    """A typed cell as the text a CSV would hold."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            if value != value:
                return ""
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case dt.datetime():
            return value.date().isoformat()
        case dt.date():
            return value.isoformat()
    return str(value)
