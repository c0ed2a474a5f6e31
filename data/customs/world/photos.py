"""Product photos drawn with simple shapes: kind, colour and surface tell the goods, the rest varies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from customs.world.goods import Item
from customs.world.shapes import SHAPES, Colour, shift

SIZE = 128


def draw_photo(item: Item, rng: np.random.Generator) -> Image.Image:
    """An RGB picture of 128 × 128 pixels."""
    picture = Image.new("RGB", (SIZE, SIZE), _background(rng))
    canvas = ImageDraw.Draw(picture)
    table = int(rng.uniform(0.55, 0.8) * SIZE)
    canvas.rectangle((0, table, SIZE, SIZE), fill=shift(_background(rng), -25))
    shape = item.photo.shape
    count = _COUNT.get(shape, 1)
    spots = [(64 + rng.normal(0, 4), 66 + rng.normal(0, 4))] if count == 1 else _spots(count, rng)
    size = rng.uniform(0.85, 1.15) * (46 if count == 1 else 46 / count**0.38)
    for x, y in spots:
        SHAPES[shape](canvas, x, y, size * rng.uniform(0.9, 1.1), _vary(item.photo.colour, rng), rng)
    picture = picture.rotate(
        rng.uniform(-14, 14), resample=Image.Resampling.BILINEAR, fillcolor=picture.getpixel((2, 2))
    )
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    grain = rng.normal(0, _GRAIN.get(item.photo.texture, 4.0), (SIZE, SIZE, 1)) + rng.normal(
        0, 2, (SIZE, SIZE, 3)
    )
    light = np.linspace(rng.uniform(-18, 18), rng.uniform(-18, 18), SIZE)[None, :, None]
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32) + grain + light
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def write_photo(path: Path, picture: Image.Image) -> None:
    """PNG without a time stamp."""
    picture.save(path, format="PNG", compress_level=1)


_COUNT = {
    "fish": 3,
    "eel": 3,
    "shrimp": 9,
    "squid": 3,
    "shell": 14,
    "leg": 5,
    "round": 9,
    "beans": 60,
    "can": 3,
}
_COUNT |= {
    "bottle": 3,
    "jar": 3,
    "tyre": 2,
    "banana": 4,
    "log": 9,
    "plank": 6,
    "bars": 12,
    "phone": 2,
    "bag": 2,
}
_GRAIN = {
    "scales": 9.0,
    "marble": 10.0,
    "peel": 5.0,
    "beans": 7.0,
    "grains": 18.0,
    "fluff": 12.0,
    "crumbs": 20.0,
}
_GRAIN |= {"speckle": 22.0, "shards": 24.0, "grain": 8.0, "stripes": 8.0, "tread": 6.0, "ribs": 6.0}


def _spots(count: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    side = int(np.ceil(np.sqrt(count)))
    cells = [(i % side, i // side) for i in range(count)]
    step = 96 / side
    return [
        (22 + (c + 0.5) * step + rng.normal(0, 3), 26 + (r + 0.5) * step + rng.normal(0, 3)) for c, r in cells
    ]


def _background(rng: np.random.Generator) -> Colour:
    grey = rng.uniform(150, 245)
    return (int(grey), int(grey + rng.uniform(-8, 8)) % 256, int(min(grey + rng.uniform(-12, 12), 255)))


def _vary(colour: str, rng: np.random.Generator) -> Colour:
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    bright = rng.normal(0, 10)
    return tuple(int(np.clip(c + bright + rng.normal(0, 5), 0, 255)) for c in (r, g, b))  # type: ignore[return-value]
