"""Decoding pictures from strangers: the size is known before a pixel is decoded."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.case import Photo
from customs.errors import CustomsError, TooLarge, UnreadableFile

MAX_BYTES = 64 * 1024 * 1024
# Decoding and judging takes up to 16 bytes a pixel: no stranger's file may take more than some 250 MB.
MAX_PIXELS = 16_000_000
# A telephone's JPEG may have more: it is decoded at half its size. A progressive one is held whole meanwhile.
_MAX_JPEG, _MAX_PROGRESSIVE = 52_000_000, 26_000_000
_FORMATS = ("PNG", "JPEG", "TIFF")
_REMEDY = "upload a PNG, JPEG or TIFF picture"
MAX_PAGES = 64
_IMAGE_DESCRIPTION, _ORIENTATION = 270, 274  # TIFF 6.0
# A directory holds a few dozen tags; a tag a value for each strip or tile, or a text, profile or thumbnail.
_MAX_TAGS, _MAX_VALUES, _MAX_TEXT = 512, 100_000, 16 * 1024 * 1024
_BYTE_TYPES = (1, 2, 6, 7)


def decode_picture(
    data: bytes, *, field: str, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = _FORMATS
) -> list[npt.NDArray]:
    """Decode every page: uint8 or uint16 or float32 arrays of shape (height, width[, channels]).

    `UnreadableFile` names `field` for what is empty, of another kind or truncated, `TooLarge` for more than
    `max_pixels` over all pages; nothing beyond the header is decoded before that is known.
    """
    return decode_pages(data, field=field, max_pixels=max_pixels, formats=formats)[0]


def decode_pages(
    data: bytes,
    *,
    field: str,
    max_pixels: int = MAX_PIXELS,
    max_pages: int = MAX_PAGES,
    formats: tuple[str, ...] = _FORMATS,
    halve: bool = False,
) -> tuple[list[npt.NDArray], str | None]:
    """As `decode_picture`, and a TIFF's ImageDescription; `UnreadableFile` for more than `max_pages`.

    halve: a JPEG with more pixels, as telephones make them, is decoded at half its width and height.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not data:
        raise UnreadableFile("the file is empty", field=field, remedy=_REMEDY)
    if len(data) > MAX_BYTES:
        raise TooLarge(
            f"the file has {len(data):,} bytes", field=field, remedy=f"send at most {MAX_BYTES:,} bytes"
        )
    try:
        _check_tiff(data, max_pixels, field)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats) as image:
                pages: list[npt.NDArray] = []
                seen = 0
                count = getattr(image, "n_frames", 1)
                if count > max_pages:
                    raise UnreadableFile(
                        f"the file has {count} pages", field=field, remedy=f"send at most {max_pages} pages"
                    )
                tags = getattr(image, "tag_v2", None)
                description = None if tags is None else tags.get(_IMAGE_DESCRIPTION)
                for index in range(count):
                    image.seek(index)
                    if halve and image.width * image.height > max_pixels:
                        _halve(image)
                    seen += image.width * image.height
                    if seen > max_pixels:
                        raise TooLarge(
                            f"the picture has {image.width:,} × {image.height:,} pixels or more",
                            field=field,
                            remedy=f"send at most {max_pixels:,} pixels",
                        )
                    turned = image.getexif().get(_ORIENTATION, 1) != 1  # a picture that is not, is not copied
                    pages.append(_array(ImageOps.exif_transpose(image) if turned else image))
                return pages, description if isinstance(description, str) else None
    except CustomsError:
        raise
    except UnidentifiedImageError:
        raise UnreadableFile("the file is not a picture", field=field, remedy=_REMEDY) from None
    except Exception as error:  # a decoder on a stranger's bytes: whatever it trips over, the file is broken
        raise UnreadableFile(
            f"the picture is broken ({type(error).__name__})",
            field=field,
            remedy="export it again, then upload it",
        ) from None


def _halve(image: Any) -> None:
    """Have a large JPEG decoded at half its size; what is larger still keeps its size, and is refused."""
    most = _MAX_PROGRESSIVE if image.info.get("progressive") else _MAX_JPEG
    if image.format == "JPEG" and image.width * image.height <= most:
        image.draft(image.mode, (-(-image.width // 2), -(-image.height // 2)))


def _check_tiff(data: bytes, max_pixels: int, field: str) -> None:
    """Walk a TIFF's directories by hand (TIFF 6.0, section 2; BigTIFF) before a library trusts them.

    Libraries make lists of what a tag promises, and a buffer for each tile: both are bounded here.
    """
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return
    order = "<" if data[:1] == b"I" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    count_form, entry_form, offset_form = ("Q", "HHQQ", "Q") if big else ("H", "HHII", "I")
    entry_size, offset_size = (20, 8) if big else (12, 4)
    (at,) = struct.unpack_from(order + offset_form, data, 8 if big else 4)
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) >= MAX_PAGES:
            raise UnreadableFile(
                f"the TIFF has more than {MAX_PAGES} directories or a loop of them",
                field=field,
                remedy="export it again",
            )
        seen.add(at)
        (entries,) = struct.unpack_from(order + count_form, data, at)
        at += struct.calcsize(order + count_form)
        if entries > _MAX_TAGS:
            raise UnreadableFile(f"the TIFF has {entries:,} tags", field=field, remedy="export it again")
        values: dict[int, int] = {}
        for index in range(entries):
            place = at + index * entry_size
            tag, kind, count, value = struct.unpack_from(order + entry_form, data, place)
            if count > (_MAX_TEXT if kind in _BYTE_TYPES else _MAX_VALUES):
                raise UnreadableFile(
                    f"a TIFF tag promises {count:,} values", field=field, remedy="export it again"
                )
            if kind == 3:  # one short lies in the first two bytes of the field
                (value,) = struct.unpack_from(order + "H", data, place + entry_size - offset_size)
            values[tag] = value
        columns, rows = values.get(256, 0), values.get(257, 0)
        if columns * rows > max_pixels or values.get(322, 0) * values.get(323, 0) > max_pixels:
            raise TooLarge(
                f"the picture has {columns:,} × {rows:,} pixels or more",
                field=field,
                remedy=f"send at most {max_pixels:,} pixels",
            )
        (at,) = struct.unpack_from(order + offset_form, data, at + entries * entry_size)


def read_photo(data: bytes, source: str = "", *, field: str = "photo") -> Photo:
    """Decode a product photo to RGB; a large JPEG at half its size."""
    page = decode_pages(data, field=field, halve=True)[0][0]
    if page.dtype == np.uint16:
        page = (page >> 8).astype(np.uint8)
    elif page.dtype != np.uint8:
        raise UnreadableFile("a product photo has 8 or 16 bits a channel", field=field, remedy=_REMEDY)
    if page.ndim == 2:
        page = np.repeat(page[:, :, None], 3, axis=2)
    return Photo(np.ascontiguousarray(page[:, :, :3]), source)


def _array(image: object) -> npt.NDArray:
    from PIL import Image

    assert isinstance(image, Image.Image)
    match image.mode:
        case "L" | "RGB":
            return np.asarray(image)
        case "I;16" | "I;16L" | "I;16B":
            return np.asarray(image).astype(np.uint16)
        case "I":
            wide = np.asarray(image)
            if wide.min() < 0 or wide.max() > 65535:
                raise ValueError("more than 16 bits")
            return wide.astype(np.uint16)
        case "F":
            return np.asarray(image, dtype=np.float32)
        case "1" | "LA":
            return np.asarray(image.convert("L"))
        case _:
            return np.asarray(image.convert("RGB"))
