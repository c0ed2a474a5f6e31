"""Decoding pictures from strangers: the size is known before a pixel is decoded."""

from __future__ import annotations

import io
import warnings

import numpy as np
import numpy.typing as npt

from customs.case import Photo
from customs.errors import TooLarge, UnreadableFile

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 40_000_000
_FORMATS = ("PNG", "JPEG", "TIFF")
_REMEDY = "upload a PNG, JPEG or TIFF picture"


def decode_picture(
    data: bytes, *, field: str, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = _FORMATS
) -> list[npt.NDArray]:
    """Decode every page: uint8 or uint16 or float32 arrays of shape (height, width[, channels]).

    `UnreadableFile` names `field` for what is empty, of another kind or truncated, `TooLarge` for more than
    `max_pixels` over all pages; nothing beyond the header is decoded before that is known.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not data:
        raise UnreadableFile("the file is empty", field=field, remedy=_REMEDY)
    if len(data) > MAX_BYTES:
        raise TooLarge(
            f"the file has {len(data):,} bytes", field=field, remedy=f"send at most {MAX_BYTES:,} bytes"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats) as image:
                pages: list[npt.NDArray] = []
                seen = 0
                for index in range(min(getattr(image, "n_frames", 1), 64)):
                    image.seek(index)
                    seen += image.width * image.height
                    if seen > max_pixels:
                        raise TooLarge(
                            f"the picture has {image.width:,} × {image.height:,} pixels or more",
                            field=field,
                            remedy=f"send at most {max_pixels:,} pixels",
                        )
                    pages.append(_array(ImageOps.exif_transpose(image)))
                return pages
    except UnidentifiedImageError:
        raise UnreadableFile("the file is not a picture", field=field, remedy=_REMEDY) from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        OverflowError,
        MemoryError,
        Image.DecompressionBombError,
    ) as error:
        raise UnreadableFile(
            f"the picture is broken ({type(error).__name__})",
            field=field,
            remedy="export it again, then upload it",
        ) from None


def read_photo(data: bytes, source: str = "", *, field: str = "photo") -> Photo:
    """Decode a product photo to RGB."""
    page = decode_picture(data, field=field)[0]
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
