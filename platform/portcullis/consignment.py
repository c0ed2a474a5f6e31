"""What a visitor hands in, and what it means once every part of it has been read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from customs.case import Case, Photo
from customs.declaration import Declaration
from customs.errors import CustomsError, TooLarge
from customs.scan import Scan

MAX_DECLARATION_BYTES = 2 * 1024 * 1024
# Of all files of a scan together; each by itself is held to the reader's own limit.
MAX_SCAN_BYTES = 128 * 1024 * 1024
_LONGEST_NAME = 200

NamedFile = tuple[str, bytes]


@dataclass(frozen=True)
class Upload:
    """Raw bytes as they came; nothing where a part was not sent (an empty file is sent and refused).

    scan: (name, bytes) of each file of the one scan: its energies, perhaps a material plane. Names tell which
        file holds which energy, so they are kept; folders and unprintable characters in them are not.
    """

    declaration: bytes
    scan: tuple[NamedFile, ...] = ()
    photo: bytes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "scan", tuple((_plain(name), data) for name, data in self.scan))

    @property
    def sha256(self) -> str:
        """Same parts, same digest; the name of a lone scan does not matter."""
        scan: list[bytes | None] = [data for _, data in self.scan]
        if len(scan) > 1:
            scan = [part for name, data in self.scan for part in (name.encode(), data)]
        total = hashlib.sha256()
        for part in (self.declaration, *(scan or [None]), self.photo):
            total.update(b"none\n" if part is None else f"{len(part)}\n".encode())
            total.update(part or b"")
        return total.hexdigest()


@dataclass(frozen=True, eq=False)
class Consignment:
    """A declaration with the scan and the photo that came with it, all valid."""

    declaration: Declaration
    scan: Scan | None = None
    photo: Photo | None = None

    @classmethod
    def read(cls, upload: Upload) -> Consignment:
        """Read every part; one `CustomsError` names the problems of all of them."""
        from customs.picture import read_photo
        from xray_encoder.reading import read_scans

        errors: list[CustomsError] = []
        declaration = scan = photo = None
        try:
            if len(upload.declaration) > MAX_DECLARATION_BYTES:
                raise TooLarge(
                    f"the declaration has {len(upload.declaration):,} bytes",
                    field="declaration",
                    remedy=f"send at most {MAX_DECLARATION_BYTES:,} bytes",
                )
            if not upload.declaration.strip():
                raise CustomsError(
                    "there is no declaration", field="declaration", remedy="send the declaration as JSON"
                )
            declaration = Declaration.from_json(upload.declaration)
        except CustomsError as error:
            errors.append(error)
        try:
            if upload.scan:
                total = sum(len(data) for _, data in upload.scan)
                if total > MAX_SCAN_BYTES:
                    raise TooLarge(
                        f"the {len(upload.scan)} files of the scan have {total:,} bytes together",
                        field="scan",
                        remedy=f"send at most {MAX_SCAN_BYTES:,} bytes",
                    )
                scan = read_scans(upload.scan, field="scan")
        except CustomsError as error:
            errors.append(error)
        try:
            if upload.photo is not None:
                photo = read_photo(upload.photo, field="photo")
        except CustomsError as error:
            errors.append(error)
        if declaration is None or errors:
            kind = TooLarge if all(isinstance(error, TooLarge) for error in errors) else CustomsError
            raise kind.of([problem for error in errors for problem in error.problems])
        return cls(declaration, scan, photo)

    @property
    def cases(self) -> list[Case]:
        """One case for each line."""
        photos = () if self.photo is None else (self.photo,)
        return Case.of(self.declaration, scan=self.scan, photos=photos)


def _plain(name: str) -> str:
    """The last part of a file's name, as far as it prints; its end tells energy and format and stays."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(letter for letter in last if letter.isprintable())[-_LONGEST_NAME:]
