"""The container of an evidence bundle: a ZIP of plain stored files, the same bytes for the same contents.

Nothing is compressed, so a bundle cannot unpack to more than it is, and the whole file can be built again and
compared: there is no byte in it, not even in a header, that could be changed unseen.
"""

from __future__ import annotations

import re
import struct
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from customs.errors import UnreadableFile

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
README, KEY = "README.txt", "public_key.pem"
ROW, DECLARATION, REPORT = "assessment.json", "declaration.json", "report.json"
ENTRIES, LINKS, VERSIONS = "audit.jsonl", "links.txt", "versions.json"
CASEWORK = ("decision", "outcome", "note", "assignment")  # a file for each, and the action of its entries
SIGNED = b"portcullis bundle\n"  # comes before the manifest where it is signed
FORMAT = 1
MAX_BYTES = 2**31 - 1
MAX_TEXT = 64 * 2**20
MAX_LINKS = 50_000
MAX_MEMBERS = 400
_PICTURE = r"[a-z0-9]{1,5}"
_NAME = re.compile(
    "|".join(re.escape(n) for n in (MANIFEST, SIGNATURE, README, KEY, ROW, DECLARATION, REPORT))
    + "|"
    + "|".join(re.escape(n) for n in (ENTRIES, LINKS, VERSIONS))
    + rf"|report\.(ko|en)\.html|photo\.{_PICTURE}|heatmap\.png"
    + rf"|casework/({'|'.join(CASEWORK)})\.jsonl|scan/[0-9]{{1,3}}-[A-Za-z0-9._-]{{1,80}}"
)
_FIXED = (1980, 1, 1, 0, 0, 0)
_END = struct.Struct("<4s4H2LH")
_BLOCK = 1 << 20


def write(file: IO[bytes], members: Iterable[tuple[str, bytes]]) -> None:
    """Write members in the order given."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(_info(name), content)


def in_order(names: Iterable[str]) -> list[str]:
    """The order of a bundle's members: what is signed first, then by name."""
    return sorted(names, key=lambda name: (name != MANIFEST, name != SIGNATURE, name))


def check_name(name: str) -> bool:
    """Whether a bundle may hold a file of this name; folders, `..` and links cannot."""
    return _NAME.fullmatch(name) is not None


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A bundle to read from.

    Raises:
        UnreadableFile: it is none: too large, cut off, compressed, or with names that no bundle has.
    """
    try:
        size = path.stat().st_size
        file = path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}", field="bundle", remedy="check the path") from None
    with file:
        if not _END.size <= size <= MAX_BYTES:
            raise _none(f"it has {size:,} bytes")
        file.seek(size - _END.size)
        magic, _, _, _, count, directory, _, _ = _END.unpack(file.read(_END.size))
        if magic != b"PK\x05\x06":
            raise _none("its end is missing: it was cut off, or is no ZIP")
        if count > MAX_MEMBERS or directory > MAX_MEMBERS * 512:
            raise _none(f"it lists {count:,} files")
        try:
            with zipfile.ZipFile(file) as archive:
                _check(archive)
                yield archive
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, struct.error) as error:
            raise _none(str(error) or "it cannot be read") from None


def is_canonical(archive: zipfile.ZipFile, path: Path) -> bool:
    """Whether the file is, byte for byte, what `write` makes of its members."""
    names = in_order(archive.namelist())
    with tempfile.TemporaryFile() as again, path.open("rb") as given:
        with zipfile.ZipFile(again, "w", zipfile.ZIP_STORED) as rebuilt:
            for name in names:
                info = _info(name)
                info.file_size = archive.getinfo(name).file_size
                with archive.open(name) as source, rebuilt.open(info, "w") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)
        again.seek(0)
        while True:
            mine, theirs = again.read(_BLOCK), given.read(_BLOCK)
            if mine != theirs:
                return False
            if not mine:
                return True


def _check(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if len(set(names)) != len(names):
        raise _none("it holds a name twice")
    for info in archive.infolist():
        if not check_name(info.filename):
            raise _none(f"it holds {info.filename[:100]!r}, which no bundle does")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise _none(f"{info.filename} is compressed")
        if info.flag_bits & 0x1:
            raise _none(f"{info.filename} is encrypted")
    for name in (MANIFEST, SIGNATURE, KEY, ROW, DECLARATION, REPORT, ENTRIES):
        if name not in names:
            raise _none(f"{name} is missing")


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _FIXED)
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    return info


def _none(why: str) -> UnreadableFile:
    return UnreadableFile(
        f"this is no intact evidence bundle: {why}", field="bundle", remedy="ask for the bundle again"
    )
