"""From an 8-bit picture of a container to the histogram that weights are learned from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xray_encoder.weights.histograms import BINS, CUTS, Array

Picture = npt.NDArray[np.uint8]
# Width over height of a crop: 20-foot containers of the real pictures have 0.6 … 1.2, 40-foot ones 2.0 … 3.9.
_SHORT = 1.5
_LEAST_PIXELS = 400
_COLOURS = (3, 4)


def pixel_counts(picture: Picture) -> Array | None:
    """Pixels in each of the 15 darker of 16 equal grey-level bins (15,); None for what is no such picture.

    picture: (height, width) or (height, width, channels), uint8, dark where the load is, cropped to the
    container. As AJNA does (`np.histogram(image, bins=16)` without its last bin, IvanBrasilico/padma), the
    bins span from the picture's own darkest to its brightest value, which is 0…255 in the pictures seen.
    The file's 15 bins must be these and not 15 over all: cut so, the 20 real pictures of
    `ajna_containers_by_hs4` lie as near to their nearest histogram of the file as those to one another
    (summed absolute difference of shares: 0.07 against 0.08); cut into 15 they do not (0.20).
    """
    grey = _grey(picture)
    if grey is None or grey.size < _LEAST_PIXELS or grey.min() == grey.max():
        return None
    counts = np.histogram(grey, bins=CUTS)[0][:BINS].astype(np.float64)
    return counts if counts.sum() > 0 else None


def short(picture: Picture) -> bool:
    """Whether a picture shows a 20-foot container rather than a longer one."""
    return picture.shape[1] < _SHORT * picture.shape[0]


def _grey(picture: Picture) -> Array | None:
    """(height, width) grey levels; None where the picture is no 8-bit one or is coloured."""
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
        return None
    if picture.ndim == 2:
        return picture.astype(np.float64)
    if picture.shape[2] == 1:
        return picture[..., 0].astype(np.float64)
    colours = picture[..., :3].astype(np.int16)
    if picture.shape[2] not in _COLOURS or np.ptp(colours, axis=2).mean() > 8:
        return None  # pseudo-colour says something else than transmission
    return np.asarray(colours.mean(axis=2))
