"""Small pictures of what was found on a scan: they show what they say, and say where they do not know."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from customs.evidence import HeatMap
from customs.scan import Scan
from customs.world.gallery import LOADS, gallery
from portcullis import maps
from xray_encoder.measure import DensityMap
from xray_encoder.reading import Crop

SHAPE = (60, 200)
CROP = Crop(container=(10, 10, 55, 190), cargo=(15, 20, 50, 180), wall=0.1, motor=(15, 10, 50, 20))


def scan(pitch: tuple[float, float] | None = None) -> Scan:
    t = np.ones((1, *SHAPE), dtype=np.float32)
    t[:, 30:50, 20:180] = 0.05
    return Scan(t, pixel_pitch_m=pitch)


def pixels(png: bytes) -> npt.NDArray[np.int64]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.int64)


def near(picture: npt.NDArray, colour: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Where a picture has a colour, up to what the palette rounds."""
    return np.asarray(np.abs(picture - np.asarray(colour)).max(axis=-1) <= 16)


def density(bound: bool) -> DensityMap:
    areal = np.zeros(SHAPE, dtype=np.float32)
    areal[30:50, 20:100], areal[30:50, 100:180] = 20.0, 90.0
    hidden = np.zeros(SHAPE, dtype=bool)
    hidden[30:50, 100:180] = bound
    return DensityMap(areal, hidden, np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, np.float32), None)


def test_air_is_white_goods_are_black_and_all_three_boxes_are_framed() -> None:
    """At the places where the crop says they are, scaled to the picture."""
    picture = pixels(maps.scan_map(scan(), CROP, 400))
    assert picture.shape == (120 + 24, 400, 3)
    assert picture[6, 200].min() > 240
    assert picture[80, 200].max() < 15
    assert near(picture[20], maps._CONTAINER).mean() > 0.8
    assert near(picture[30, 44:356], maps._CARGO).all()
    assert near(picture[34:96, 20], maps._MOTOR).all()


def test_without_a_cooling_unit_none_is_framed_or_named() -> None:
    crop = Crop(CROP.container, CROP.cargo, CROP.wall)
    assert not near(pixels(maps.scan_map(scan(), crop, 400)), maps._MOTOR).any()


def test_a_picture_has_square_metres() -> None:
    """Pixels twice as high as wide make it twice as high, and ten times as high no higher than it may be."""
    assert pixels(maps.scan_map(scan((0.02, 0.01)), CROP, 400)).shape == (240 + 24, 400, 3)
    assert pixels(maps.scan_map(scan((0.1, 0.01)), CROP, 400)).shape == (400 + 24, 133, 3)


def test_denser_goods_are_brighter_and_lower_bounds_are_hatched() -> None:
    """White lines over what is only a lower bound, none elsewhere."""
    plain = pixels(maps.density_map(scan(), CROP, density(False), 400))
    hatched = pixels(maps.density_map(scan(), CROP, density(True), 400))
    assert plain[80, 300].sum() > plain[80, 100].sum() + 100
    inside = np.s_[66:94, 204:354]
    lines = near(hatched[inside], (255, 255, 255)).mean()
    assert lines == pytest.approx(1 / maps._HATCH, rel=0.1)
    assert not near(plain[inside], (255, 255, 255)).any()
    assert not near(hatched[66:94, 44:196], (255, 255, 255)).any()


def test_the_scale_ends_at_a_round_number_above_the_densest_goods() -> None:
    assert [maps._nice(value) for value in (0.0, 1.2, 61.0, 99.9, 100.0, 130.0)] == [
        1.0,
        1.5,
        80.0,
        100.0,
        100.0,
        150.0,
    ]


def test_the_oddest_place_is_outlined_where_the_heat_map_has_it() -> None:
    """And nothing is outlined where nothing is odd."""
    values = np.zeros((35, 160), dtype=np.float32)
    quiet = pixels(maps.odd_map(scan(), CROP, HeatMap(values=values, box=CROP.cargo), "check", 400))
    values[20:26, 100:110] = 1.0
    odd = pixels(maps.odd_map(scan(), CROP, HeatMap(values=values.copy(), box=CROP.cargo), "check", 400))
    assert not near(quiet, maps._MARK).any()
    rows, columns = np.nonzero(near(odd, maps._MARK))
    assert 2 * (15 + 20) - 6 <= rows.min() <= rows.max() <= 2 * (15 + 26) + 6
    assert 2 * (20 + 100) - 6 <= columns.min() <= columns.max() <= 2 * (20 + 110) + 6


def test_a_sheet_holds_every_scan_two_in_a_row() -> None:
    """Three pictures take two rows; a fifth place would be white."""
    sheet = pixels(maps.sheet([("one", scan()), ("two", scan()), ("three", scan())], 400))
    tall = 196 * 60 // 200 + 1 + 24
    assert sheet.shape == (2 * tall, 400, 3)
    dark = [(sheet[y : y + tall - 24, x : x + 200] < 20).any() for y in (0, tall) for x in (0, 200)]
    assert dark == [True, True, True, False]


def test_the_gallery_is_the_same_for_a_seed_and_another_for_another() -> None:
    """And every load lets some of the beam through and stops some."""
    first, again, other = gallery(1), gallery(1), gallery(2)
    assert [name.replace(" ", "_") for name, _ in first] == list(LOADS)
    for (_, a), (_, b), (_, c) in zip(first, again, other, strict=True):
        assert np.array_equal(a.transmission, b.transmission)
        assert not np.array_equal(a.transmission, c.transmission)
        assert a.transmission.min() < 0.05 < 0.9 < a.transmission.max()
