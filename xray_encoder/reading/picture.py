"""PNG, TIFF and JPEG: pages of grey levels, and the scanner's notes in a TIFF."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.errors import UnreadableFile
from customs.picture import decode_pages
from xray_encoder.reading.limits import MAX_PLANES, check_bytes, check_size, pitch_of
from xray_encoder.reading.numbers import raw_of_numbers
from xray_encoder.reading.raw import Raw

_MAX_DESCRIPTION = 65_536  # characters; more is not a scanner's note
_MAX_PAGES = 8
_REMEDY = (
    'write {"energies": ["6MV", "9MV"], "pixel_pitch_m": [0.02, 0.02], "scanner": "…", "view": "side", '
    '"air": "bright", "material": true} or a part of it to the TIFF\'s ImageDescription, or leave it out'
)


def sniff(head: bytes) -> bool:
    """True for the first bytes of a PNG, a JPEG or a TIFF."""
    return head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))


def read(data: bytes, name: str, field: str) -> Raw:
    """Decode one picture.

    One page is one energy, two equally large pages are two (smaller pages are previews). A TIFF may carry
    JSON in its ImageDescription: `energies` (one a page), `pixel_pitch_m` (vertical, horizontal; metres),
    `scanner`, `view`, `air` ("bright" or "dark"), and `material` (true: the page after the energies holds
    effective atomic numbers or the vendor's classes).
    """
    check_bytes(len(data), field)
    pages, description = decode_pages(data, field=field, max_pages=_MAX_PAGES)
    pages = [page for page in pages if page.shape[:2] == pages[0].shape[:2]]
    check_size(pages[0].shape[0], pages[0].shape[1], len(pages), field)
    notes = _notes(description, field)
    material = None
    if notes.pop("material", False):
        if len(pages) < 2 or pages[-1].ndim != 2:
            raise UnreadableFile(
                f"ImageDescription promises a material plane, but there are {len(pages)} grey pages",
                field=field,
                remedy=_REMEDY,
            )
        material = pages.pop().astype(np.float32)
        if not np.isfinite(material).all():
            raise UnreadableFile(
                "the material plane is not a number somewhere", field=field, remedy="export the scan again"
            )
    if len(pages) > MAX_PLANES:
        raise UnreadableFile(
            f"the file has {len(pages)} pages",
            field=field,
            remedy='send one page for each energy, at most two, and a third only with {"material": true} '
            "in the TIFF's ImageDescription",
        )
    energies = notes.get("energies")
    if energies is not None and len(energies) != len(pages):
        raise UnreadableFile(
            f"ImageDescription names energies {list(energies)!r:.80} for {len(pages)} pages",
            field=field,
            remedy=_REMEDY,
        )
    if pages[0].dtype.kind == "f":
        return raw_of_numbers(tuple(pages), field, material=material, **notes)
    depth, planes = _levels(pages)
    return Raw(planes, depth, material=material, **notes)


def _levels(pages: list[npt.NDArray]) -> tuple[int, tuple[npt.NDArray, ...]]:
    """Bits a pixel, and the pages: 12 bits are found in files of 16, at either end of the word."""
    if any(page.dtype == np.uint8 for page in pages):
        if all(page.dtype == np.uint8 for page in pages):
            return 8, tuple(pages)
        pages = [page.astype(np.uint16) * 257 if page.dtype == np.uint8 else page for page in pages]
    most = max(int(page.max()) for page in pages)
    if most < 4096:
        return 12, tuple(pages)
    used = int(np.bitwise_or.reduce([int(np.bitwise_or.reduce(page, axis=None)) for page in pages]))
    if used & 0xF == 0:  # twelve bits, shifted up to fill the word
        return 12, tuple(page >> 4 for page in pages)
    return 16, tuple(pages)


def _notes(text: str | None, field: str) -> dict[str, Any]:
    """Checked scanner notes as keywords of `Raw`, and `material`; empty where there are none."""
    if text is None or len(text) > _MAX_DESCRIPTION or not text.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    notes: dict[str, Any] = {}
    energies, pitch, air = found.get("energies"), found.get("pixel_pitch_m"), found.get("air")
    if energies is not None:
        if not isinstance(energies, list) or not all(isinstance(e, str) and e for e in energies):
            raise _wrong("energies", energies, field)
        notes["energies"] = tuple(e[:32] for e in energies)
    if pitch is not None:
        size = pitch_of(*pitch) if isinstance(pitch, list) and len(pitch) == 2 else None
        if size is None:
            raise _wrong("pixel_pitch_m", pitch, field)
        notes["pixel_pitch_m"] = size
    if air is not None:
        if air not in ("bright", "dark"):
            raise _wrong("air", air, field)
        notes["air_bright"] = air == "bright"
    if found.get("material") is not None:
        if not isinstance(found["material"], bool):
            raise _wrong("material", found["material"], field)
        notes["material"] = found["material"]
    for key in ("scanner", "view"):
        if isinstance(found.get(key), str):
            notes[key] = found[key][:64]
    return notes


def _wrong(key: str, value: object, field: str) -> UnreadableFile:
    return UnreadableFile(f"ImageDescription gives {key} {value!r:.80}", field=field, remedy=_REMEDY)
