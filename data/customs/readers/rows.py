"""The rows of a CSV file or a workbook as texts, each with the 1-based line on which it begins."""

from __future__ import annotations

import csv
import datetime as dt
import io
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

from customs.errors import UnreadableFile
from customs.readers.source import EXPORT, Text

Row = tuple[int, list[str]]
MAX_UNPACKED = 1 << 30  # a workbook is a zip: a small file may unpack to anything
_END = "\x00end\x00"


def csv_rows(text: Text) -> Iterator[Row]:
    """Rows that are not empty, read as they are asked for; the first line tells the delimiter.

    Raises:
        UnreadableFile: a quotation mark is never closed, or a field is longer than the csv module reads.
    """
    first = next((line for line in text.lines("") if line.strip("\r\n")), "")
    reader = csv.reader(_ended(text.lines("")), delimiter=max(",\t;", key=first.count))
    begins = 1
    try:
        for fields in reader:
            if fields and fields[-1].endswith(_END):
                if fields == [_END]:
                    return
                raise UnreadableFile(
                    f"{text.file.name}: a quotation mark that opens on line {begins} is never closed",
                    field="file",
                    remedy="close it, or write it twice inside a quoted field",
                )
            if len(fields) > 1 or any(f.strip() for f in fields):  # an empty line is no row
                yield begins, fields
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(
            f"{text.file.name}, line {begins}: {error}", field="file", remedy="mend this line"
        ) from None


def _ended(lines: Iterator[str]) -> Iterator[str]:
    """The lines and one more, which is seen as a row of its own unless a quotation mark is still open."""
    yield from lines
    yield _END


def xlsx_rows(name: str, data: bytes) -> tuple[list[Row], str]:
    """The rows of the first sheet of a workbook that has any, all of one width, and a note on which it was.

    Raises:
        UnreadableFile: it is no workbook, or unpacks to too much.
    """
    import openpyxl

    broken = UnreadableFile(f"{name} is not an XLSX workbook that can be read", field="file", remedy=EXPORT)
    rows: list[Row] = []
    note = "read as XLSX"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(member.file_size for member in packed.infolist()) > MAX_UNPACKED:
                raise UnreadableFile(f"{name} unpacks to more than 1 GiB", field="file", remedy=EXPORT)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions, which carry no data
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a file claims of its size is often wrong
                rows = [
                    (line, [cell(v) for v in values])
                    for line, values in enumerate(sheet.iter_rows(values_only=True), start=1)
                ]
                rows = [(line, fields) for line, fields in rows if any(f.strip() for f in fields)]
                if rows:
                    note = f"read as XLSX, sheet {sheet.title!r} of {len(book.worksheets)}"
                    break
    except UnreadableFile:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise broken from error
    width = max((len(fields) for _, fields in rows), default=0)
    # a workbook leaves out empty cells at the end of a row
    return [(line, fields + [""] * (width - len(fields))) for line, fields in rows], note


def cell(value: Any) -> str:
    """A typed cell as the text a CSV would hold."""
    match value:
        case str():
            return value
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
