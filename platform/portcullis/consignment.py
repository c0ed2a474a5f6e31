"""What a visitor hands in, and what it means once every part of it has been read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from customs.case import Case, Photo
from customs.declaration import Declaration
from customs.errors import CustomsError, TooLarge
from customs.scan import Scan

MAX_DECLARATION_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """Raw bytes as they came; None where a part was not sent (an empty file is sent and refused)."""

    declaration: bytes
    scan: bytes | None = None
    photo: bytes | None = None
    scan_name: str = ""

    @property
    def sha256(self) -> str:
        """Same parts, same digest."""
        total = hashlib.sha256()
        for part in (self.declaration, self.scan, self.photo):
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
        from xray_encoder.reading import read_scan

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
            if upload.scan is not None:
                scan = read_scan(upload.scan, name=upload.scan_name, field="scan")
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
