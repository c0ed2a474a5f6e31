"""The raw form of one common vendor: `…high.img`, `…low.img`, `…material.img`, big-endian, upside down.

No public sample of it is known to us; what is assumed, beside the field notes (36-byte header, width at byte
2, height at byte 4, depth at byte 14, big-endian, rows bottom up):

- width, height and depth are unsigned 16-bit numbers; depth is the bits a pixel, 8 to 16;
- pixels follow the header row by row, one byte up to 8 bits, else two, with nothing after them;
- `low` and `high` are the energies, `material` the vendor's classes in the same size.

There is no magic number: a file is of this form if its length is exactly what its header promises.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from customs.errors import UnreadableFile
from xray_encoder.reading.limits import check_bytes, check_size
from xray_encoder.reading.names import MATERIAL, token_of
from xray_encoder.reading.raw import Raw

HEADER = 36
_WIDTH, _HEIGHT, _DEPTH = 2, 4, 14


def sniff(data: bytes) -> bool:
    """True if the length of the whole file is the one its header promises."""
    found = _header(data)
    if found is None:
        return False
    columns, rows, depth = found
    return columns > 0 and rows > 0 and len(data) == HEADER + columns * rows * _size(depth)


def read(data: bytes, name: str, field: str) -> Raw:
    """One file of the three; its name says which."""
    check_bytes(len(data), field)
    found = _header(data)
    if found is None or not sniff(data):
        raise UnreadableFile(
            "the length of the .img file is not what its header says", field=field, remedy="export it again"
        )
    columns, rows, depth = found
    check_size(rows, columns, 1, field)
    kind = np.dtype(np.uint8) if _size(depth) == 1 else np.dtype(">u2")
    flat = np.frombuffer(data, dtype=kind, offset=HEADER)
    plane = np.ascontiguousarray(flat.reshape(rows, columns)[::-1].astype(kind.newbyteorder("=")))
    token = token_of(name)
    if token is not None and token.label == MATERIAL:
        return Raw((), depth, material=plane.astype(np.float32))
    if int(plane.max()) >= 2**depth:
        raise UnreadableFile(
            f"a pixel has more than the {depth} bits of the header", field=field, remedy="export it again"
        )
    return Raw((plane,), depth)


def write(plane: npt.NDArray, depth: int) -> bytes:
    """Bytes of one such file: `plane` (height, width) upright, uint8 or uint16; for tests and exchanges."""
    head = bytearray(HEADER)
    rows, columns = plane.shape
    for offset, value in ((_WIDTH, columns), (_HEIGHT, rows), (_DEPTH, depth)):
        struct.pack_into(">H", head, offset, value)
    return bytes(head) + plane[::-1].astype(np.uint8 if _size(depth) == 1 else ">u2").tobytes()


def _header(data: bytes) -> tuple[int, int, int] | None:
    """Columns, rows and bits; None if this cannot be a header."""
    if len(data) < HEADER:
        return None
    columns, rows, depth = (struct.unpack_from(">H", data, at)[0] for at in (_WIDTH, _HEIGHT, _DEPTH))
    return (columns, rows, depth) if 8 <= depth <= 16 else None


def _size(depth: int) -> int:
    return 1 if depth == 8 else 2
