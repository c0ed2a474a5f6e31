"""Scans and heat-maps as 8-bit pictures for people."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from customs.evidence import HeatMap
from customs.scan import Scan

# Warm colours (red, green, blue) from usual to oddest; usual is transparent.
_STOPS = np.array([[255, 214, 92], [245, 130, 40], [190, 20, 60]], dtype=np.float32)
_STRONGEST_ALPHA = 190


def scan_png(scan: Scan) -> bytes:
    """The scan as a grey picture with the usual look: air white, dense goods black, logarithmic."""
    dark = scan.attenuation().astype(np.float32)
    low, high = np.percentile(dark, (1.0, 99.5))
    grey = 1.0 - np.clip((dark - low) / max(float(high - low), 1e-6), 0.0, 1.0)
    return _png((grey * 255.0).round().astype(np.uint8), "L")


def heatmap_values_png(heatmap: HeatMap) -> bytes:
    """The values of a heat-map as an 8-bit grey picture, for keeping."""
    return _png((np.clip(heatmap.values, 0.0, 1.0) * 255.0).round().astype(np.uint8), "L")


def heatmap_png(scan: Scan, heatmap: HeatMap) -> bytes:
    """The scan with its odd places marked."""
    from PIL import Image

    values = (np.clip(heatmap.values, 0.0, 1.0) * 255.0).round().astype(np.uint8)
    marks = Image.open(io.BytesIO(overlay_png(values, heatmap.box, scan.height, scan.width)))
    picture = Image.open(io.BytesIO(scan_png(scan))).convert("RGBA")
    return _encoded(Image.alpha_composite(picture, marks).convert("RGB"))


def overlay_png(
    values: npt.NDArray[np.uint8], box: tuple[int, int, int, int], height: int, width: int
) -> bytes:
    """A heat-map stretched over its box of a height × width scan, transparent where all is usual."""
    from PIL import Image

    top, left, bottom, right = box
    size = (max(right - left, 1), max(bottom - top, 1))
    stretched = Image.fromarray(values).resize(size, Image.Resampling.BILINEAR)
    smooth = np.asarray(stretched, dtype=np.float32) / 255.0  # (rows, columns)
    place = smooth * (len(_STOPS) - 1)  # (rows, columns), position between colour stops
    below = np.minimum(place.astype(np.intp), len(_STOPS) - 2)
    share = (place - below)[..., None]
    colour = _STOPS[below] * (1 - share) + _STOPS[below + 1] * share  # (rows, columns, 3)
    alpha = np.clip((smooth - 0.35) / 0.65, 0.0, 1.0)[..., None] * _STRONGEST_ALPHA
    patch = np.concatenate([colour, alpha], axis=-1).round().astype(np.uint8)
    canvas = Image.new("RGBA", (width, height))
    canvas.paste(Image.fromarray(patch), (left, top))
    return _encoded(canvas)


def photo_png(pixels: npt.NDArray[np.uint8], longest: int = 640) -> bytes:
    """A photo encoded anew (nothing of the uploaded file but its pixels) and no larger than needed."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((longest, longest))
    return _encoded(picture)


def _png(pixels: npt.NDArray[np.uint8], mode: str) -> bytes:
    from PIL import Image

    return _encoded(Image.fromarray(pixels).convert(mode))


def _encoded(picture: object) -> bytes:
    from PIL import Image

    assert isinstance(picture, Image.Image)
    out = io.BytesIO()
    picture.save(out, format="PNG", compress_level=3)
    return out.getvalue()
