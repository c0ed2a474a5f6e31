"""Photos at the working size: small uint8 arrays, so that thousands fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from customs.case import Photo
from customs.errors import TooLarge, UnreadableFile
from customs.picture import MAX_BYTES, read_photo
from customs.progress import Progress, silent

Pixels = npt.NDArray[np.uint8]


def open_photo(photo: Path | Photo) -> Photo:
    """Decode a file; `UnreadableFile` names it where it is missing, too large or no picture."""
    if isinstance(photo, Photo):
        return photo
    try:
        if photo.stat().st_size > MAX_BYTES:
            raise TooLarge(
                f"{photo} has {photo.stat().st_size:,} bytes",
                field="photo",
                remedy=f"give photos of at most {MAX_BYTES:,} bytes",
            )
        return read_photo(photo.read_bytes(), str(photo))
    except OSError as error:
        raise UnreadableFile(
            f"{photo} cannot be read ({error.strerror or type(error).__name__})",
            field="photo",
            remedy="give the path of a PNG, JPEG or TIFF picture",
        ) from None
    except UnreadableFile as error:
        first = error.problems[0]
        if first.problem.startswith(str(photo)):
            raise
        raise type(error)(f"{photo}: {first.problem}", field=first.field, remedy=first.remedy) from None


def working_pixels(photo: Photo, size: int) -> Pixels:
    """(size, size, 3): the whole photo, its sides scaled apart, so that nothing is cut off."""
    from PIL import Image

    picture = Image.fromarray(photo.pixels)
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))


def decode(photos: Sequence[Path | Photo], size: int, progress: Progress = silent) -> Pixels:
    """(n, size, size, 3); each photo is decoded once, and only its small copy is kept."""
    found = np.empty((len(photos), size, size, 3), dtype=np.uint8)
    for i, photo in enumerate(photos):
        found[i] = working_pixels(open_photo(photo), size)
        progress("reading photos", i + 1, len(photos))
    return found
