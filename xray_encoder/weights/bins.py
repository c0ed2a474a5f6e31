"""From an 8-bit picture of a container to the histogram that weights are learned from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xray_encoder.weights.histograms import BINS, CUTS, Array

Picture = npt.NDArray[np.uint8]
# Width over height of a crop: 20-foot containers of the real pictures have 0.6 … 1.2, 40-foot ones 2.0 … 3.9.
_SHORT = 1.5
_LEAST_PIXELS = 400
_CHANNELS = (1, 2, 3, 4)
_STEP, _COLOURED = 4, 8.0  # every fourth pixel is asked; channels that differ more on average are colour


def pixel_counts(picture: Picture) -> Array | None:
    """Pixels in each of the 15 darker of 16 equal grey-level bins (15,); None for what is no such picture.

    picture: (height, width) or (height, width, channels), uint8, dark where the load is, cropped to the
    container. As AJNA does (`np.histogram(image, bins=16)` without its last bin, IvanBrasilico/padma), the
    bins span from the picture's own darkest to its brightest value, which is 0…255 in the pictures seen.
    The file's 15 bins must be these and not 15 over all: cut so, the 20 real pictures of
    `ajna_containers_by_hs4` lie as near to their nearest histogram of the file as those to one another
    (summed absolute difference of shares: 0.07 against 0.08); cut into 15 they do not (0.20).
    """
    levels = _levels(picture)
    if levels is None:
        return None
    seen = np.flatnonzero(levels)
    if levels.sum() < _LEAST_PIXELS or seen[0] == seen[-1]:
        return None
    range_ = (int(seen[0]), int(seen[-1]))
    return np.asarray(np.histogram(np.arange(256), bins=CUTS, range=range_, weights=levels)[0][:BINS])


def short(picture: Picture) -> bool:
    """Whether a picture shows a 20-foot container rather than a longer one."""
    return picture.shape[1] < _SHORT * picture.shape[0]


def _levels(picture: Picture) -> Array | None:
    """Pixels at each of the 256 grey levels; None where the picture is no 8-bit one or is coloured.

    Grey pictures kept in colours are counted over all channels, as AJNA's are.
    """
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.size == 0:
        return None
    planes = picture[..., None] if picture.ndim == 2 else picture
    if planes.shape[2] not in _CHANNELS:
        return None
    planes = planes[..., :3] if planes.shape[2] > 2 else planes[..., :1]  # the rest is transparency
    if np.ptp(planes[::_STEP, ::_STEP].astype(np.int16), axis=2).mean() > _COLOURED:
        return None  # pseudo-colour says something else than transmission
    return np.bincount(planes.ravel(), minlength=256) / planes.shape[2]
