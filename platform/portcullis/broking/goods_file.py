"""The CSV file of a list of goods: checked and counted when it comes, read again when it is done."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from customs.errors import TooLarge, UnreadableFile

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 200
PREVIEW = 5
_LONGEST_FIELD = 100_000
# What the column with the goods is often called, the likeliest first.
_NAMES = (
    "품명",
    "물품명",
    "상품명",
    "거래품명",
    "규격",
    "goods",
    "name",
    "product",
    "item",
    "description",
    "text",
)
_DESCRIPTIONS = ("설명", "상세", "description", "detail", "about")


@dataclass(frozen=True)
class GoodsFile:
    """A file as text. encoding: UTF-8 if the whole of it is, else CP949."""

    data: bytes

    @cached_property
    def text(self) -> str:
        """The file's text; `UnreadableFile` or `TooLarge` where it is none or too long."""
        if len(self.data) > MAX_BYTES:
            raise TooLarge(
                f"the file has {len(self.data):,} bytes", field="file", remedy=f"send at most {MAX_BYTES:,}"
            )
        if not self.data.strip():
            raise UnreadableFile("the file is empty", field="file", remedy="choose a CSV file with a header")
        if b"\0" in self.data:
            raise UnreadableFile("the file is not text", field="file", remedy="save the table as CSV")
        for encoding in ("utf-8-sig", "cp949"):
            try:
                return self.data.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise UnreadableFile(
            "the file is neither UTF-8 nor CP949", field="file", remedy="save it as CSV UTF-8"
        )

    @cached_property
    def header(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        first = next(self._reader(), [])
        names = tuple(name.strip() for name in first)
        if not any(names):
            raise UnreadableFile("there is no header row", field="file", remedy="name the columns in row 1")
        if len(names) > MAX_COLUMNS:
            raise UnreadableFile(
                f"there are {len(names)} columns", field="file", remedy=f"keep at most {MAX_COLUMNS}"
            )
        given = [name for name in names if name]
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise UnreadableFile(f"two columns are called {twice!r}", field="file", remedy="rename one")
        return names

    def rows(self) -> Iterator[list[str]]:
        """Rows behind the header, blank ones left out."""
        reader = self._reader()
        next(reader, None)
        return (row for row in reader if any(field.strip() for field in row))

    def count(self) -> int:
        """How many rows there are; an error where the file cannot be read to its end, or has too many."""
        count, _ = 0, self.header
        for count, _row in enumerate(self.rows(), 1):
            if count > MAX_ROWS:
                raise TooLarge(
                    f"the file has more than {MAX_ROWS:,} rows", field="file", remedy="split it into several"
                )
        if count == 0:
            raise UnreadableFile("there is no row behind the header", field="file", remedy="add the goods")
        return count

    def preview(self) -> list[list[str]]:
        """The first rows, as wide as the header."""
        width = len(self.header)
        return [(row + [""] * width)[:width] for row, _ in zip(self.rows(), range(PREVIEW), strict=False)]

    def column(self, name: str, field: str) -> int:
        """The place of a column; an error that names the columns there are."""
        if name not in self.header or not name:
            shown = ", ".join(n for n in self.header if n)[:300]
            raise UnreadableFile(f"there is no column {name!r}", field=field, remedy=f"choose from {shown}")
        return self.header.index(name)

    def guess(self) -> tuple[str, str]:
        """The columns that most likely hold the name and the description; empty where none looks like it."""
        name = _first(self.header, _NAMES, "")
        return name or next(n for n in self.header if n), _first(self.header, _DESCRIPTIONS, name)

    def _reader(self) -> Iterator[list[str]]:
        csv.field_size_limit(_LONGEST_FIELD)
        try:
            yield from csv.reader(io.StringIO(self.text, newline=""))
        except csv.Error as error:
            raise UnreadableFile(
                f"the table breaks off: {error}", field="file", remedy="save it anew"
            ) from None


def _first(header: Sequence[str], wanted: Sequence[str], taken: str) -> str:
    for word in wanted:
        for name in header:
            if name != taken and word in name.casefold():
                return name
    return ""
