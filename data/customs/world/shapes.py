"""Outlines of goods: each draws itself around (x, y), about 2 s wide, in colour c."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import ImageDraw

Colour = tuple[int, int, int]
Shape = Callable[[ImageDraw.ImageDraw, float, float, float, Colour, np.random.Generator], None]


def shift(colour: Colour, by: int) -> Colour:
    """Brighter or darker."""
    return tuple(int(np.clip(c + by, 0, 255)) for c in colour)  # type: ignore[return-value]


def _oval(d: ImageDraw.ImageDraw, x: float, y: float, w: float, h: float, fill: Colour) -> None:
    d.ellipse((x - w, y - h, x + w, y + h), fill=fill, outline=shift(fill, -50))


def _rect(d: ImageDraw.ImageDraw, x: float, y: float, w: float, h: float, fill: Colour) -> None:
    d.rectangle((x - w, y - h, x + w, y + h), fill=fill, outline=shift(fill, -50))


def _fish(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _oval(d, x, y, s, s * 0.36, c)
    d.polygon(
        [(x - s * 0.9, y), (x - s * 1.35, y - s * 0.35), (x - s * 1.35, y + s * 0.35)], fill=shift(c, -20)
    )
    _oval(d, x, y + s * 0.2, s * 0.7, s * 0.14, shift(c, 55))
    _oval(d, x + s * 0.7, y - s * 0.08, s * 0.07, s * 0.07, (20, 20, 20))


def _eel(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    bend = rng.uniform(-6, 6)
    points = [(x - s * 1.4, y + bend), (x - s * 0.4, y - bend), (x + s * 0.5, y + bend), (x + s * 1.4, y)]
    d.line(points, fill=shift(c, -30), width=max(int(s * 0.34), 3), joint="curve")
    d.line(points, fill=c, width=max(int(s * 0.26), 2), joint="curve")


def _shrimp(
    d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator
) -> None:
    start = int(rng.uniform(0, 360))
    box = (x - s * 0.7, y - s * 0.7, x + s * 0.7, y + s * 0.7)
    d.arc(box, start, start + 230, fill=c, width=max(int(s * 0.4), 3))
    d.arc(box, start + 200, start + 235, fill=(200, 90, 60), width=max(int(s * 0.3), 2))


def _squid(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _oval(d, x, y - s * 0.3, s * 0.36, s * 0.7, c)
    d.polygon(
        [(x, y - s * 1.15), (x - s * 0.5, y - s * 0.55), (x + s * 0.5, y - s * 0.55)], fill=shift(c, -15)
    )
    for n in range(5):
        d.line(
            (x + (n - 2) * s * 0.13, y + s * 0.35, x + (n - 2) * s * 0.3, y + s), fill=shift(c, -35), width=3
        )


def _crab(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    for side in (-1, 1):
        for n in range(4):
            d.line(
                (x, y, x + side * s * 0.9, y - s * 0.5 + n * s * 0.35, x + side * s * 1.25, y + n * s * 0.3),
                fill=shift(c, -25),
                width=5,
            )
    _oval(d, x, y, s * 0.62, s * 0.5, c)


def _round(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _oval(d, x, y, s * 0.9, s * 0.85, c)
    _oval(d, x - s * 0.3, y - s * 0.3, s * 0.2, s * 0.15, shift(c, 60))


def _shell(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    d.pieslice((x - s, y - s * 0.7, x + s, y + s), 180, 360, fill=c, outline=shift(c, -60))
    for n in range(3):
        d.arc(
            (x - s * (0.8 - n * 0.2), y - s * (0.5 - n * 0.13), x + s * (0.8 - n * 0.2), y + s),
            180,
            360,
            fill=shift(c, -40),
        )


def _block(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _rect(d, x, y, s * 1.05, s * 0.62, c)
    for _ in range(14):
        px, py = x + rng.uniform(-s, s) * 0.9, y + rng.uniform(-s, s) * 0.5
        d.line((px, py, px + rng.uniform(4, 18), py + rng.uniform(-4, 4)), fill=shift(c, 70), width=2)


def _leg(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    d.line((x, y, x + s * 0.9, y + s * 0.7), fill=(238, 228, 214), width=max(int(s * 0.22), 3))
    _oval(d, x - s * 0.15, y - s * 0.1, s * 0.62, s * 0.48, c)


def _banana(
    d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator
) -> None:
    d.arc((x - s, y - s * 1.3, x + s, y + s * 0.7), 20, 160, fill=c, width=max(int(s * 0.4), 4))


def _beans(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _oval(d, x, y, s * 0.9, s * 0.62, c)
    d.line((x - s * 0.6, y, x + s * 0.6, y), fill=shift(c, -45), width=1)


def _pile(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    d.polygon(
        [
            (x - s * 1.3, y + s * 0.8),
            (x - s * 0.1, y - s * 0.8),
            (x + s * 0.2, y - s * 0.75),
            (x + s * 1.3, y + s * 0.8),
        ],
        fill=c,
    )
    for _ in range(160):
        u = rng.uniform(0, 1)
        px, py = x + rng.normal(0, 0.5) * s * u * 1.1, y - s * 0.7 + u * s * 1.45
        d.point((px, py), fill=shift(c, int(rng.choice([-40, 35]))))


def _bottle(
    d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator
) -> None:
    _rect(d, x, y + s * 0.3, s * 0.36, s * 0.8, c)
    _rect(d, x, y - s * 0.8, s * 0.13, s * 0.42, shift(c, 12))
    _rect(d, x, y + s * 0.35, s * 0.34, s * 0.3, _label(rng))


def _can(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _rect(d, x, y, s * 0.6, s * 0.42, c)
    _oval(d, x, y - s * 0.42, s * 0.6, s * 0.14, shift(c, 45))
    _rect(d, x, y + s * 0.05, s * 0.58, s * 0.2, _label(rng))


def _jar(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _rect(d, x, y + s * 0.15, s * 0.5, s * 0.5, c)
    _rect(d, x, y - s * 0.5, s * 0.42, s * 0.16, (245, 245, 245))


def _bag(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    d.polygon(
        [(x - s * 0.7, y - s), (x + s * 0.7, y - s), (x + s * 0.8, y + s), (x - s * 0.8, y + s)], fill=c
    )
    _rect(d, x, y, s * 0.5, s * 0.4, _label(rng))


def _tyre(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _oval(d, x, y, s, s, c)
    _oval(d, x, y, s * 0.56, s * 0.56, (205, 205, 205))
    for a in np.arange(0, 6.28, 0.35):
        d.line(
            (x + s * 0.86 * np.cos(a), y + s * 0.86 * np.sin(a), x + s * np.cos(a), y + s * np.sin(a)),
            fill=(90, 90, 90),
        )


def _log(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _oval(d, x, y, s * 0.95, s * 0.95, c)
    for r in (0.7, 0.45, 0.2):
        _oval(d, x, y, s * r, s * r, shift(c, 45))


def _plank(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _rect(d, x, y, s * 1.6, s * 0.42, c)
    for n in range(3):
        d.line((x - s * 1.5, y + (n - 1) * s * 0.2, x + s * 1.5, y + (n - 1) * s * 0.22), fill=shift(c, -30))


def _bars(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    d.line((8, y, 120, y + rng.uniform(-3, 3)), fill=c, width=5)
    for px in range(10, 120, 5):
        d.line((px, y - 2, px + 2, y + 2), fill=shift(c, -45))


def _shirt(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _rect(d, x, y + s * 0.15, s * 0.58, s * 0.85, c)
    for side in (-1, 1):
        d.polygon(
            [
                (x + side * s * 0.5, y - s * 0.7),
                (x + side * s * 1.15, y - s * 0.2),
                (x + side * s * 0.9, y + s * 0.1),
                (x + side * s * 0.5, y - s * 0.1),
            ],
            fill=shift(c, -12),
        )
    d.pieslice((x - s * 0.25, y - s * 0.95, x + s * 0.25, y - s * 0.5), 0, 180, fill=shift(c, -45))


def _trousers(
    d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator
) -> None:
    _rect(d, x, y - s * 0.85, s * 0.58, s * 0.22, shift(c, -10))
    for side in (-1, 1):
        d.polygon(
            [
                (x + side * s * 0.02, y - s * 0.65),
                (x + side * s * 0.58, y - s * 0.65),
                (x + side * s * 0.62, y + s * 1.1),
                (x + side * s * 0.22, y + s * 1.1),
            ],
            fill=c,
        )


def _tile(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    for n in range(5):
        _rect(d, x + n * 2, y + s * 0.7 - n * s * 0.3, s * 0.95, s * 0.14, shift(c, n * 4))


def _box(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _rect(d, x, y + s * 0.1, s * 0.55, s * 0.75, c)
    _oval(d, x, y - s * 0.65, s * 0.55, s * 0.2, shift(c, 25))
    _rect(d, x + s * 0.7, y - s * 0.3, s * 0.18, s * 0.06, (180, 120, 60))


def _fridge(
    d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator
) -> None:
    _rect(d, x, y, s * 0.62, s * 1.2, c)
    d.line((x, y - s * 1.2, x, y + s * 1.2), fill=shift(c, -70), width=2)
    for side in (-1, 1):
        _rect(d, x + side * s * 0.1, y, s * 0.03, s * 0.45, (90, 90, 95))


def _washer(
    d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator
) -> None:
    _rect(d, x, y, s * 0.85, s * 0.95, c)
    _oval(d, x, y + s * 0.15, s * 0.52, s * 0.52, (70, 76, 84))
    _oval(d, x, y + s * 0.15, s * 0.38, s * 0.38, (150, 170, 185))
    _rect(d, x + s * 0.3, y - s * 0.75, s * 0.4, s * 0.08, (60, 60, 66))


def _laptop(
    d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator
) -> None:
    _rect(d, x, y - s * 0.35, s * 0.95, s * 0.6, (30, 34, 40))
    _rect(d, x, y - s * 0.35, s * 0.85, s * 0.5, (90, 130, 180))
    d.polygon(
        [
            (x - s, y + s * 0.3),
            (x + s, y + s * 0.3),
            (x + s * 1.2, y + s * 0.75),
            (x - s * 1.2, y + s * 0.75),
        ],
        fill=c,
    )


def _phone(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    d.rounded_rectangle((x - s * 0.5, y - s, x + s * 0.5, y + s), radius=6, fill=c, outline=(120, 120, 124))
    _rect(d, x, y, s * 0.42, s * 0.85, (60, 90, 140))


def _car(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    d.polygon(
        [
            (x - s * 0.6, y - s * 0.15),
            (x - s * 0.35, y - s * 0.6),
            (x + s * 0.4, y - s * 0.6),
            (x + s * 0.75, y - s * 0.15),
        ],
        fill=shift(c, -10),
    )
    _rect(d, x, y + s * 0.1, s * 1.25, s * 0.27, c)
    for side in (-0.75, 0.75):
        _oval(d, x + side * s, y + s * 0.38, s * 0.26, s * 0.26, (25, 25, 25))


def _sofa(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    _rect(d, x, y - s * 0.2, s * 1.1, s * 0.4, shift(c, -12))
    for side in (-0.5, 0.5):
        _rect(d, x + side * s, y + s * 0.25, s * 0.5, s * 0.22, c)
    for side in (-1.15, 1.15):
        _rect(d, x + side * s, y + s * 0.12, s * 0.16, s * 0.42, shift(c, -22))


def _bear(d: ImageDraw.ImageDraw, x: float, y: float, s: float, c: Colour, rng: np.random.Generator) -> None:
    for side in (-1, 1):
        _oval(d, x + side * s * 0.42, y - s * 0.95, s * 0.2, s * 0.2, shift(c, -18))
        _oval(d, x + side * s * 0.65, y + s * 0.2, s * 0.22, s * 0.4, shift(c, -8))
        _oval(d, x + side * s * 0.4, y + s * 0.95, s * 0.28, s * 0.24, shift(c, -8))
    _oval(d, x, y + s * 0.35, s * 0.6, s * 0.65, c)
    _oval(d, x, y - s * 0.6, s * 0.5, s * 0.45, c)
    _oval(d, x, y - s * 0.48, s * 0.16, s * 0.12, shift(c, 55))


def _label(rng: np.random.Generator) -> Colour:
    return (int(rng.uniform(120, 250)), int(rng.uniform(120, 250)), int(rng.uniform(120, 250)))


_PLAIN = (
    _fish,
    _eel,
    _shrimp,
    _squid,
    _crab,
    _round,
    _shell,
    _block,
    _leg,
    _banana,
    _beans,
    _pile,
    _bottle,
    _can,
    _jar,
    _bag,
    _tyre,
    _log,
    _plank,
    _bars,
    _shirt,
    _trousers,
    _tile,
    _box,
    _fridge,
    _washer,
    _laptop,
    _phone,
    _car,
    _sofa,
    _bear,
)
SHAPES: dict[str, Shape] = {function.__name__[1:]: function for function in _PLAIN}
