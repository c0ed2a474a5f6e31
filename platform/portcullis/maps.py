"""What was found on a scan as small pictures with a caption: the scan, areal density, odd places, a sheet."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from customs.evidence import HeatMap
from customs.scan import Scan
from portcullis.drawing import overlay_png

if TYPE_CHECKING:
    from PIL.Image import Image, Resampling
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from xray_encoder.measure import DensityMap
    from xray_encoder.reading import Crop

WIDTH = 900  # pixels of every picture
_CAPTION = 24  # rows under a picture
_TEXT = 13
_GREYS, _COLOURS = 48, 160  # noise of more grey levels than eyes tell apart only makes files large
# Matplotlib's viridis (S. van der Walt and N. Smith, 2015, CC0) in eight even steps.
_VIRIDIS = np.array(
    [
        [68, 1, 84],
        [71, 45, 123],
        [59, 82, 139],
        [44, 114, 142],
        [33, 145, 140],
        [40, 174, 128],
        [94, 201, 98],
        [173, 220, 48],
        [253, 231, 37],
    ],
    dtype=np.float32,
)
_SHOWN = 1.0  # g/cm²: on less, it does not matter whether it is only a lower bound
_HATCH = 11  # pixels from one line to the next
_INK, _PAPER = (40, 40, 40), (255, 255, 255)
_CONTAINER, _CARGO, _MOTOR = (0, 150, 220), (240, 120, 0), (200, 0, 160)
_MARK, _OUTLINED = (210, 20, 30), 0.6 * 255  # what is that odd is outlined: it may be dark, and small
_COLUMNS = 2  # of a sheet
Colour = tuple[int, int, int]


def scan_map(scan: Scan, crop: Crop, width: int = WIDTH) -> bytes:
    """PNG: −ln(transmission) of the lowest beam, air white, windowed to the cargo, with the boxes found."""
    from PIL import Image

    size = _size(scan, width)
    picture = Image.fromarray(_grey(scan, crop.cargo, size)).convert("RGB")
    picture, draw = _captioned(picture)
    _boxes(draw, scan, crop, size)
    return _encoded(picture, _GREYS + 80)


def density_map(scan: Scan, crop: Crop, found: DensityMap, width: int = WIDTH) -> bytes:
    """PNG: areal density of the whole picture with its scale in g/cm²; hatched where it is at least that."""
    from PIL import Image

    size = _size(scan, width)
    top, left, bottom, right = crop.cargo
    areal = _resized(found.areal, size)
    most = _nice(float(np.percentile(found.areal[top:bottom, left:right], 99)))
    pixels = _colours(areal / most)
    bound = (_resized(found.bound.astype(np.float32), size) >= 0.5) & (areal > _SHOWN)
    pixels[bound & _lines(bound.shape)] = _PAPER
    picture, draw = _captioned(Image.fromarray(pixels))
    _boxes(draw, scan, crop, size)
    _bar(picture, draw, most, bool(bound.any()))
    return _encoded(picture, _COLOURS)


def odd_map(scan: Scan, crop: Crop, heat: HeatMap, caption: str, width: int = WIDTH) -> bytes:
    """PNG: the scan with what a check finds odd in warm colours, the oddest outlined; its name below."""
    from PIL import Image

    size = _size(scan, width)
    fx, fy = size[0] / scan.width, size[1] / scan.height
    top, left, bottom, right = heat.box
    box = (round(top * fy), round(left * fx), round(bottom * fy), round(right * fx))
    values = np.rint(np.clip(heat.values, 0, 1) * 255).astype(np.uint8)
    grey = Image.fromarray(_grey(scan, crop.cargo, size)).convert("RGBA")
    marks = Image.open(io.BytesIO(overlay_png(values, box, size[1], size[0])))
    picture = Image.alpha_composite(grey, marks).convert("RGB")
    outline = Image.new("L", size)
    stretched = Image.fromarray(values).resize(
        (max(box[3] - box[1], 1), max(box[2] - box[0], 1)), Image.Resampling.BILINEAR
    )
    outline.paste(Image.fromarray(_edge(np.asarray(stretched) >= _OUTLINED)), (box[1], box[0]))
    picture.paste(_MARK, mask=outline)
    picture, draw = _captioned(picture)
    _boxes(draw, scan, crop, size, caption=caption)
    return _encoded(picture, _COLOURS)


def _edge(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """A line of two pixels around a region, on its outside: 0 or 255, uint8 like `inside`."""
    wide = np.pad(inside, 2)
    near = np.zeros_like(inside)
    rows, columns = inside.shape
    for down in range(5):
        for across in range(5):
            near |= wide[down : down + rows, across : across + columns]
    return np.where(near & ~inside, 255, 0).astype(np.uint8)


def sheet(named: Sequence[tuple[str, Scan]], width: int = WIDTH) -> bytes:
    """PNG: scans side by side, two in a row, each with its name below; air white, no boxes."""
    from PIL import Image, ImageDraw

    each = width // _COLUMNS
    sizes = [_size(scan, each - 4) for _, scan in named]
    tall = [
        max(rows for _, rows in sizes[i : i + _COLUMNS]) + _CAPTION for i in range(0, len(named), _COLUMNS)
    ]
    paper = Image.new("RGB", (width, max(sum(tall), 1)), _PAPER)
    draw = ImageDraw.Draw(paper)
    for number, ((name, scan), size) in enumerate(zip(named, sizes, strict=True)):
        row, column = divmod(number, _COLUMNS)
        x, y = column * each + 2, sum(tall[:row])
        paper.paste(Image.fromarray(_grey(scan, (0, 0, scan.height, scan.width), size)), (x, y))
        draw.text((x + 2, y + size[1] + 4), name, _INK, font=_font())
    return _encoded(paper, _GREYS)


def _size(scan: Scan, width: int) -> tuple[int, int]:
    """Width and height of a picture in which a metre up is as long as one along; at most `width` high."""
    square = 1.0 if scan.pixel_pitch_m is None else scan.pixel_pitch_m[0] / scan.pixel_pitch_m[1]
    tall = scan.height * square / scan.width
    wide = width / max(tall, 1.0)
    return max(round(wide), 1), max(round(wide * tall), 1)


def _grey(scan: Scan, box: tuple[int, int, int, int], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Transmission averaged over the new pixels, its logarithm from white (air) to black (dense goods)."""
    dark = -np.log(np.maximum(_resized(scan.transmission[0], size), scan.floor))
    top, left, bottom, right = box
    high = float(np.percentile(scan.attenuation()[top:bottom, left:right], 99.5))
    low = float(np.percentile(dark, 1.0))
    share = np.clip((dark - low) / max(high - low, 1e-6), 0.0, 1.0)
    grey = np.rint((1.0 - share) * (_GREYS - 1)) * (255.0 / (_GREYS - 1))
    return np.asarray(np.rint(grey), dtype=np.uint8)


def _resized(plane: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize(size, _resampling(plane.shape[1], size[0])), dtype=np.float32)


def _resampling(before: int, after: int) -> Resampling:
    """Means over areas for a smaller picture, straight lines between pixels for a larger one."""
    from PIL.Image import Resampling

    return Resampling.BOX if before > after else Resampling.BILINEAR


def _colours(share: npt.NDArray) -> npt.NDArray[np.uint8]:
    """Viridis of 0…1, in as many steps as the palette has: uint8 (rows, columns, 3)."""
    steps = np.linspace(0, len(_VIRIDIS) - 1, _COLOURS - 16)
    low = np.minimum(steps.astype(int), len(_VIRIDIS) - 2)
    part = (steps - low)[:, None]
    palette = np.rint(_VIRIDIS[low] * (1 - part) + _VIRIDIS[low + 1] * part).astype(np.uint8)
    return np.asarray(palette[np.rint(np.clip(share, 0, 1) * (len(palette) - 1)).astype(np.intp)])


def _lines(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Diagonal hatching."""
    return (np.arange(shape[0])[:, None] + np.arange(shape[1])[None, :]) % _HATCH == 0


def _nice(value: float) -> float:
    """The next round number, where a scale may end."""
    power = 10.0 ** math.floor(math.log10(max(value, 1.0)))
    return next(
        power * step for step in (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0) if power * step >= value
    )


def _captioned(picture: Image) -> tuple[Image, ImageDraw]:
    """The picture with an empty strip below, and what draws on it."""
    from PIL import Image, ImageDraw

    out = Image.new("RGB", (picture.width, picture.height + _CAPTION), _PAPER)
    out.paste(picture)
    return out, ImageDraw.Draw(out)


def _boxes(draw: ImageDraw, scan: Scan, crop: Crop, size: tuple[int, int], *, caption: str = "") -> None:
    """Container, cargo and cooling unit as thin frames; what they are called below, from the left."""
    x, y = 4.0, size[1] + 4.0
    if caption:
        draw.text((x, y), caption, _INK, font=_font())
        x += draw.textlength(caption, font=_font()) + 24
    framed: list[tuple[str, tuple[int, int, int, int] | None, Colour]] = [
        ("container", crop.container, _CONTAINER),
        ("cargo", crop.cargo, _CARGO),
        ("cooling unit", crop.motor, _MOTOR),
    ]
    fx, fy = size[0] / scan.width, size[1] / scan.height
    for name, box, colour in framed:
        if box is None:
            continue
        top, left, bottom, right = box[0] * fy, box[1] * fx, box[2] * fy, box[3] * fx
        draw.rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), outline=colour, width=1)
        draw.text((x, y), name, colour, font=_font())
        x += draw.textlength(name, font=_font()) + 16


def _bar(picture: Image, draw: ImageDraw, most: float, hatched: bool) -> None:
    """The scale of the density map, at the right of the caption."""
    from PIL import Image

    long, high = 240, 12
    x, y = picture.width - long - 110, picture.height - _CAPTION + 6
    colours = _colours(np.broadcast_to(np.linspace(0, 1, long), (high, long)))
    picture.paste(Image.fromarray(colours), (x, y))
    draw.text((x - 14, y - 2), "0", _INK, font=_font())
    unit = f"{most:,.0f} g/cm"
    draw.text((x + long + 6, y - 2), unit, _INK, font=_font())
    end = x + long + 7 + draw.textlength(unit, font=_font())
    draw.text((end, y - 4), "2", _INK, font=_font(9))  # Pillow's own font has no superscripts
    if hatched:
        swatch = _colours(np.full((high, 33), 0.6))
        swatch[_lines(swatch.shape[:2])] = _PAPER
        words = "at least"
        left = x - 40 - round(draw.textlength(words, font=_font()))
        picture.paste(Image.fromarray(swatch), (left - 38, y))
        draw.text((left, y - 2), words, _INK, font=_font())


@lru_cache(maxsize=2)
def _font(size: int = _TEXT) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _encoded(picture: Image, colours: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    # by coverage: the colour of a thin frame must not be lost among the greys
    few = picture.quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(out, format="PNG", optimize=True)
    return out.getvalue()
