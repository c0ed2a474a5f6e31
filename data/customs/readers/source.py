"""Where a table comes from: a path or the contents of a file, read block by block and decoded on the way."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from customs.errors import UnreadableFile

MAX_BYTES = 2 << 30  # of a file that has to be held whole
MAX_LINE = 32 << 20  # characters; else a file without a line break would be held whole
BLOCK = 1 << 20  # bytes read at once
EXPORT = "save it as CSV in UTF-8 or as XLSX"
_BLANK = b" \t\r\n\xef\xbb\xbf"
_ENCODINGS = {"utf-8-sig": "UTF-8", "cp949": "CP949"}
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
class File:
    """A source that can be read as often as need be: the path of a regular file, or bytes.

    `magic` are its first four bytes, `first` is the first byte that is neither blank nor a byte-order mark.
    """

    name: str
    held: Path | bytes = field(repr=False)
    magic: bytes
    first: bytes

    @classmethod
    def of(cls, source: Source) -> File:
        """Open a source, refusing what is no readable file.

        Raises:
            UnreadableFile: it is missing, a folder, or empty.
        """
        if isinstance(source, File):
            return source
        held: Path | bytes = source if isinstance(source, bytes) else Path(source)
        name = "the file" if isinstance(held, bytes) else held.name
        try:
            if isinstance(held, Path) and not held.is_file():
                held = held.read_bytes()  # a pipe can be read only once
            magic = b""
            for block in _blocks(held):
                magic = magic or block[:4]
                if content := block.strip(_BLANK):
                    return cls(name, held, magic, content[:1])
        except IsADirectoryError:
            raise UnreadableFile(f"{source!s} is a folder", field="file", remedy="name a file") from None
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or error
            raise UnreadableFile(f"{source!s}: {said}", field="file", remedy="check the path") from None
        raise UnreadableFile(f"{name} is empty", field="file", remedy="name a file with a header and rows")

    def limited(self) -> File:
        """Itself, if it is small enough to be held whole."""
        if isinstance(self.held, Path) and self.held.stat().st_size > MAX_BYTES:
            raise UnreadableFile(
                f"{self.name} is larger than 2 GiB", field="file", remedy="split it by month"
            )
        return self

    def open(self) -> BinaryIO:
        """The bytes from the beginning."""
        return _open(self.held)

    def blocks(self) -> Iterator[bytes]:
        """The bytes from the beginning, `BLOCK` at once."""
        return _blocks(self.held)

    def text(self) -> Text:
        """The file as text: UTF-8 with or without a byte-order mark, else CP949.

        All bytes are decoded once to find out, so that a wrong one is told before the first row is answered.

        Raises:
            UnreadableFile: it is of another kind or encoding.
        """
        for magic, kind in _KINDS.items():
            if self.magic.startswith(magic):
                raise UnreadableFile(f"{self.name} is {kind}, not a CSV file", field="file", remedy=EXPORT)
        line = 0
        for encoding in _ENCODINGS:
            fault = self._fault(encoding)
            if fault is None:
                return Text(self, encoding)
            line = max(line, fault)  # of two encodings the file's own gets farther
        raise UnreadableFile(
            f"{self.name} is neither UTF-8 nor CP949 text (first seen on line {line})",
            field="file",
            remedy=EXPORT,
        )

    def _fault(self, encoding: str) -> int | None:
        """The 1-based line of the first byte that is not of `encoding`."""
        decoder = codecs.getincrementaldecoder(encoding)()
        line = 1
        try:
            for block in self.blocks():
                if b"\x00" in block:
                    raise UnreadableFile(
                        f"{self.name} is a binary file, not a CSV file", field="file", remedy=EXPORT
                    )
                decoder.decode(block)
                line += block.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return line + error.object.count(b"\n", 0, error.start)
        return None


Source = Path | str | bytes | File


@dataclass(frozen=True)
class Text:
    """A file whose bytes are known to be text of `encoding`."""

    file: File
    encoding: str

    def __str__(self) -> str:
        return _ENCODINGS[self.encoding]

    def lines(self, newline: str) -> Iterator[str]:
        r"""The lines with their ends; `newline` as in `open`: "\n" alone ends one, or with "" any end does.

        Raises:
            UnreadableFile: a line is longer than `MAX_LINE`, or the file changed since it was opened.
        """
        number = 0
        try:
            with io.TextIOWrapper(self.file.open(), self.encoding, newline=newline) as text:
                while line := text.readline(MAX_LINE):
                    number += 1
                    if len(line) == MAX_LINE:
                        raise UnreadableFile(
                            f"{self.file.name}, line {number} has more than {MAX_LINE:,} characters",
                            field="file",
                            remedy="write each row on a line of its own",
                        )
                    yield line
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableFile(
                f"{self.file.name} changed while it was read: {error}", field="file", remedy="read it again"
            ) from None


def contents(source: Source) -> tuple[str, bytes]:
    """Name and bytes of a source that has to be held whole.

    Raises:
        UnreadableFile: it is missing, a folder, empty, or larger than `MAX_BYTES`.
    """
    file = File.of(source).limited()
    return file.name, file.held if isinstance(file.held, bytes) else file.held.read_bytes()


def _open(held: Path | bytes) -> BinaryIO:
    return io.BytesIO(held) if isinstance(held, bytes) else held.open("rb")


def _blocks(held: Path | bytes) -> Iterator[bytes]:
    with _open(held) as opened:
        while block := opened.read(BLOCK):
            yield block
