"""NumPy's .npy as scans, and what floats mean: transmission, −ln(transmission) or counts."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.errors import UnreadableFile
from xray_encoder.reading.limits import check_bytes, check_size
from xray_encoder.reading.raw import Raw, Scale

MAGIC = b"\x93NUMPY"
_MAX_HEADER = 4096
_SHAPES = "(rows, columns), (2, rows, columns) or (rows, columns, 2)"
_SAVE_REMEDY = f"save transmission (0…1), −ln(transmission) or counts with numpy.save as {_SHAPES}"
# Noise lifts open air a little above 1; more pixels than this share above _OVER are no transmission.
_OVER, _OVER_SHARE = 1.25, 0.0005
# −ln(transmission) of no scanner is above this; floats between it and _COUNTS are of another kind.
_DEEPEST, _COUNTS = 30.0, 1000.0


def sniff(head: bytes) -> bool:
    """True for the first bytes of a .npy file."""
    return head.startswith(MAGIC)


def read(data: bytes, name: str, field: str) -> Raw:
    """One array of numbers: uint8 or uint16 grey levels, or floats; nothing is unpickled.

    The header says how many bytes must follow; that is checked before they are looked at.
    """
    check_bytes(len(data), field)
    shape, fortran, dtype, start = _header(data, field)
    planes = _planes(shape, field)
    rows, columns = shape[1:] if planes == 2 and shape[0] == 2 else shape[:2]
    check_size(rows, columns, planes, field)
    promised = math.prod(shape) * dtype.itemsize
    if len(data) - start != promised:
        raise UnreadableFile(
            f"the header promises {promised:,} bytes of numbers, the file holds {len(data) - start:,}",
            field=field,
            remedy="save the array again",
        )
    array = np.frombuffer(data, dtype=dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    if array.ndim == 3 and shape[0] != 2:
        array = np.moveaxis(array, 2, 0)
    stack = array if array.ndim == 3 else array[None]
    pages = tuple(np.ascontiguousarray(page) for page in stack)
    if dtype.kind == "f":
        return raw_of_numbers(pages, field)
    least, most = min(int(page.min()) for page in pages), max(int(page.max()) for page in pages)
    if least < 0 or most > 65535:
        raise UnreadableFile(
            f"the numbers run from {least} to {most}", field=field, remedy="save grey levels of 0 to 65535"
        )
    depth = 8 if dtype.itemsize == 1 else 12 if most < 4096 else 16
    kind = np.uint8 if depth == 8 else np.uint16
    return Raw(tuple(page.astype(kind) for page in pages), depth)


def raw_of_numbers(pages: tuple[npt.NDArray, ...], field: str, **notes: Any) -> Raw:
    """Floats as a `Raw`: what they mean is found from their size, the same for all pages.

    Values within 0…1 are transmission; up to 30, −ln(transmission), where infinity is a saturated pixel (all
    below zero: ln(transmission)); from 1000 on, counts of a detector. Others are refused: maps of areal
    density or atomic number are no scans.
    """
    floats = []
    with np.errstate(over="ignore"):
        for page in pages:
            floats.append(page.astype(np.float32))
    if any(np.isnan(page).any() for page in floats):
        raise UnreadableFile("a pixel is not a number", field=field, remedy="export the scan again")
    finite = [np.where(np.isfinite(page), page, 0) for page in floats]
    least, most = min(float(page.min()) for page in finite), max(float(page.max()) for page in finite)
    if least < -1.0 and most <= 0.5 and least >= -_DEEPEST:
        floats, finite = [-page for page in floats], [-page for page in finite]
        least, most = -most, -least
    if any(np.isneginf(page).any() for page in floats):
        raise UnreadableFile("a pixel is infinite", field=field, remedy=_SAVE_REMEDY)
    over = max(float((page > _OVER).mean()) for page in finite)
    infinite = any(np.isinf(page).any() for page in floats)
    scale: Scale
    if most <= _DEEPEST and least >= -1.0 and (over > _OVER_SHARE or infinite):
        scale = "log"
        floats = [np.clip(page, 0, 2 * _DEEPEST) for page in floats]
    elif infinite:
        raise UnreadableFile("a pixel is infinite", field=field, remedy=_SAVE_REMEDY)
    elif most <= _DEEPEST and least >= -1.0:
        scale = "transmission"
    elif most > _COUNTS and least > -0.1 * most:
        scale = "grey"
    else:
        raise UnreadableFile(
            f"numbers from {least:.4g} to {most:.4g} are neither transmission nor −ln(transmission)",
            field=field,
            remedy=_SAVE_REMEDY,
        )
    return Raw(tuple(floats), 0, scale, **notes)


def _header(data: bytes, field: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, column-major or not, type, and where the numbers start."""
    stream = io.BytesIO(data[: 16 + _MAX_HEADER])
    try:
        version = np.lib.format.read_magic(stream)
        parse = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = parse(stream, max_header_size=_MAX_HEADER)
    except Exception as error:  # the header is Python text from a stranger: whatever breaks, it is broken
        raise UnreadableFile(
            f"the array's header is broken ({type(error).__name__})", field=field, remedy=_SAVE_REMEDY
        ) from None
    if dtype.kind not in "fui" or dtype.subdtype is not None or dtype.itemsize > 8:
        raise UnreadableFile(f"the array holds {dtype}"[:80], field=field, remedy=_SAVE_REMEDY)
    return tuple(int(n) for n in shape), bool(fortran), dtype, stream.tell()


def _planes(shape: tuple[int, ...], field: str) -> int:
    if len(shape) == 2 and min(shape) >= 0:
        return 1
    if len(shape) == 3 and min(shape) >= 0 and (shape[0] == 2) != (shape[2] == 2):
        return 2
    raise UnreadableFile(f"the array has shape {shape!r:.60}", field=field, remedy=_SAVE_REMEDY)
