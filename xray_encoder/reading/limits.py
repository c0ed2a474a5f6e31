"""How much of a stranger's file is believed: sizes that are checked before anything is decoded."""

from __future__ import annotations

from customs.errors import TooLarge, UnreadableFile
from customs.picture import MAX_BYTES, MAX_PIXELS

# A container scan with fewer rows or columns shows nothing.
MIN_SIDE = 32
MAX_PLANES = 2
# Metres; a pixel is neither smaller than a hundredth of a millimetre nor larger than a metre.
PITCH_LIMITS = (1e-5, 1.0)

FORMATS = "PNG, TIFF, JPEG, .npy, DICOS or DICOM, or a vendor's high/low .img files"


def check_bytes(size: int, field: str) -> None:
    """Refuse a file of more bytes than any scan has, and an empty one."""
    if size == 0:
        raise UnreadableFile("the file is empty", field=field, remedy=f"send a scan as {FORMATS}")
    if size > MAX_BYTES:
        raise TooLarge(
            f"the file has {size:,} bytes", field=field, remedy=f"send at most {MAX_BYTES:,} bytes"
        )


def check_size(rows: int, columns: int, planes: int, field: str) -> None:
    """Refuse sizes no scan has; called with what the header promises, before pixels are read."""
    if rows < MIN_SIDE or columns < MIN_SIDE:
        raise UnreadableFile(
            f"the picture has {columns} × {rows} pixels",
            field=field,
            remedy=f"send the whole scan, at least {MIN_SIDE} pixels each way",
        )
    if rows * columns * max(planes, 1) > MAX_PIXELS:
        raise TooLarge(
            f"the picture has {columns:,} × {rows:,} pixels on {planes} planes",
            field=field,
            remedy=f"send at most {MAX_PIXELS:,} pixels",
        )


def pitch_of(vertical: object, horizontal: object) -> tuple[float, float] | None:
    """Pixel pitch in metres if both numbers can be one."""
    low, high = PITCH_LIMITS
    for value in (vertical, horizontal):
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            return None
    assert isinstance(vertical, int | float)
    assert isinstance(horizontal, int | float)
    return float(vertical), float(horizontal)


__all__ = ["FORMATS", "MAX_BYTES", "MAX_PIXELS", "MAX_PLANES", "check_bytes", "check_size", "pitch_of"]
