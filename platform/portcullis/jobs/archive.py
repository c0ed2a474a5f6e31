"""A ZIP of cases, read entry by entry and never unpacked to disk; a file that plays tricks is refused whole.

One layout: a folder for each case, which may all lie in one outer folder.

    D000123/declaration.json    needed
    D000123/scan*.tif           up to three: the energies of one scan, perhaps its material plane
    D000123/photo*.png          one
"""

from __future__ import annotations

import io
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from customs.errors import Problem, TooLarge, UnreadableFile
from portcullis.consignment import MAX_DECLARATION_BYTES, MAX_SCAN_BYTES

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # of one with entries, and of one without
MAX_ENTRIES = 65_535
MAX_ENTRY = MAX_SCAN_BYTES
MAX_RATIO = 500  # of an entry larger than `_LARGE`, packed to unpacked
MAX_NAME = 200
MAX_SCANS = 3
DECLARATION = "declaration.json"
_LARGE = 1 << 20
_END, _END64, _CENTRAL = b"PK\x05\x06", b"PK\x06\x07", b"PK\x01\x02"
_END_SIZE, _LOCATOR_SIZE, _LONGEST_COMMENT = 22, 20, 1 << 16
_LOCAL = 30  # bytes of an entry's own header before its name
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40
_REMEDY = "make it anew with an ordinary ZIP program: a folder for each case, no passwords, no links"


@dataclass(frozen=True)
class Packed:
    """One case of an archive: the names of its entries, or what is wrong with its folder.

    size: unpacked bytes of all of them.
    """

    name: str
    declaration: str | None = None
    scan: tuple[str, ...] = ()
    photo: str | None = None
    size: int = 0
    problems: tuple[Problem, ...] = ()


class Archive:
    """An archive whose list of entries is sound; contents are checked when they are read."""

    def __init__(self, data: bytes, *, most_bytes: int) -> None:
        """Check the list of entries.

        Args:
            data: the file.
            most_bytes: of all entries together, unpacked.

        Raises:
            UnreadableFile: it is no ZIP, or one of those that no ordinary program makes.
            TooLarge: it has too many entries, or they unpack to too much.
        """
        _check_end(data)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
            raise _refused("it is not a ZIP file that can be read") from None
        members = self._zip.infolist()
        _check_places(members, self._zip.start_dir)
        total = 0
        seen: set[str] = set()
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            _check(member)
            total += member.file_size
            if total > most_bytes:
                raise TooLarge(
                    f"its entries unpack to more than {most_bytes:,} bytes",
                    field="file",
                    remedy="split it into several",
                )
            same = unicodedata.normalize("NFC", member.filename).casefold()
            if same in seen:
                raise _refused(f"the entry {member.filename!r} is in it twice")
            seen.add(same)
            if not member.is_dir() and not _is_clutter(member.filename):
                self._members[member.filename] = member
        if not self._members:
            raise _refused("it holds no file")

    def holds(self, name: str) -> bool:
        """True if there is such an entry."""
        return name in self._members

    def cases(self) -> Iterator[Packed]:
        """Every case, in the order of the names of their folders."""
        folders: dict[str, list[tuple[str, str]]] = {}
        outer = self._outer_folder()
        for name in self._members:
            parts = name[len(outer) :].split("/")
            if len(parts) != 2:
                raise _refused(f"{name!r} does not lie in the folder of a case")
            folders.setdefault(parts[0], []).append((parts[1], name))
        for folder in sorted(folders):
            yield self._case(folder, sorted(folders[folder]))

    def read(self, name: str) -> bytes:
        """The contents of an entry; `UnreadableFile` where they are broken or not as long as they said."""
        member = self._members[name]
        try:
            with self._zip.open(member) as file:
                data = file.read(member.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError):
            data = None
        if data is None or len(data) != member.file_size:
            raise UnreadableFile(f"{name!r} is broken", field=_field(name), remedy="pack it again")
        return data

    def _outer_folder(self) -> str:
        """The one folder that all cases lie in, with its slash; empty where there is none."""
        tops = {name.split("/", 1)[0] for name in self._members}
        deep = all(name.count("/") == 2 for name in self._members)
        return f"{tops.pop()}/" if deep and len(tops) == 1 else ""

    def _case(self, folder: str, files: list[tuple[str, str]]) -> Packed:
        found: dict[str, list[str]] = {"declaration": [], "scan": [], "photo": []}
        problems: list[Problem] = []
        for file, name in files:
            kind = _kind(file)
            if kind is None:
                remedy = f"a case holds {DECLARATION}, scan… and photo…"
                problems.append(Problem(f"{file!r} is neither declaration, scan nor photo", "file", remedy))
            else:
                found[kind].append(name)
        for kind, most in (("declaration", 1), ("scan", MAX_SCANS), ("photo", 1)):
            if len(found[kind]) > most:
                problems.append(Problem(f"there are {len(found[kind])} of it", kind, f"send at most {most}"))
        if not found["declaration"]:
            problems.append(Problem(f"there is no {DECLARATION}", "declaration", "add it to the folder"))
        names = [name for own in found.values() for name in own]
        if problems:
            return Packed(folder, problems=tuple(problems))
        (declaration,) = found["declaration"]
        if self._members[declaration].file_size > MAX_DECLARATION_BYTES:
            said = f"it has {self._members[declaration].file_size:,} bytes"
            remedy = f"send at most {MAX_DECLARATION_BYTES:,}"
            return Packed(folder, problems=(Problem(said, "declaration", remedy),))
        return Packed(
            name=folder,
            declaration=declaration,
            scan=tuple(found["scan"]),
            photo=found["photo"][0] if found["photo"] else None,
            size=sum(self._members[name].file_size for name in names),
        )


def _kind(file: str) -> str | None:
    low = file.casefold()
    if low == DECLARATION:
        return "declaration"
    return next((kind for kind in ("scan", "photo") if low.startswith(kind)), None)


def _field(name: str) -> str:
    return _kind(PurePosixPath(name).name) or "file"


def _is_clutter(name: str) -> bool:
    """What desktops add to archives unasked."""
    parts = name.split("/")
    return parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1].casefold() == "thumbs.db"


def _check_end(data: bytes) -> None:
    """Look at the end record before the library does: it would read any number of entries into memory."""
    at = len(data) - _END_SIZE
    if at < 0 or data[at : at + 4] != _END or data[-2:] != b"\0\0":
        at = data.rfind(_END, max(0, len(data) - _END_SIZE - _LONGEST_COMMENT))
    if at < 0 or len(data) < at + _END_SIZE:
        raise _refused("it is not a ZIP file that can be read, perhaps it was cut off")
    if data[max(0, at - _LOCATOR_SIZE) :][:4] == _END64:
        raise _refused("it is in the ZIP64 format")
    size = int.from_bytes(data[at + 12 : at + 16], "little")
    begin = int.from_bytes(data[at + 16 : at + 20], "little")
    if begin + size != at:
        raise _refused("its list of entries is not where it says")
    if data.count(_CENTRAL, begin, at) > MAX_ENTRIES:
        raise TooLarge(
            f"it has more than {MAX_ENTRIES:,} entries", field="file", remedy="split it into several"
        )


def _check_places(members: list[zipfile.ZipInfo], end: int) -> None:
    """Entries that lie over each other are how a small file unpacks to a large one."""
    free = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < free:
            raise _refused("entries lie over each other")
        free = member.header_offset + _LOCAL + member.compress_size
    if free > end:
        raise _refused("an entry ends behind the end of the file")


def _check(member: zipfile.ZipInfo) -> None:
    name, original = member.filename, member.orig_filename
    shown = repr(original[:80])
    if "\0" in original or any(not c.isprintable() for c in original):
        raise _refused(f"the name {shown} holds a character that no name may hold")
    if len(original) > MAX_NAME:
        raise _refused(f"the name {shown} has more than {MAX_NAME} characters")
    parts = name.removesuffix("/").split("/")
    if (
        "\\" in original
        or ":" in original
        or name.startswith("/")
        or any(p in ("", ".", "..") for p in parts)
    ):
        raise _refused(f"the name {shown} leads out of the archive")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if member.is_dir() else stat.S_IFREG):
        raise _refused(f"{shown} is no ordinary file")
    if member.flag_bits & _ENCRYPTED:
        raise _refused(f"{shown} is encrypted")
    if member.compress_type not in _PLAIN:
        raise _refused(f"{shown} is packed in an unusual way")
    if member.is_dir() and member.file_size:
        raise _refused(f"{shown} is a folder with contents")
    if member.file_size > MAX_ENTRY:
        raise TooLarge(
            f"{shown} unpacks to {member.file_size:,} bytes",
            field="file",
            remedy=f"send at most {MAX_ENTRY:,} in one entry",
        )
    if member.file_size > _LARGE and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise _refused(f"{shown} unpacks to more than {MAX_RATIO} times its size")


def _refused(said: str) -> UnreadableFile:
    return UnreadableFile(said, field="file", remedy=_REMEDY)
