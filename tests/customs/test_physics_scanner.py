"""Scanners of their own settings, and what vendors save."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from customs.errors import InvalidValue
from customs.physics.beam import transmission
from customs.physics.load import Load
from customs.physics.packing.templates import cargo, loaded
from customs.physics.scanner import Scanner
from customs.physics.speed import scans_per_second
from customs.physics.vendor import Tone, pseudo_colour, vendor_picture

FLAT = {"fish": np.full((200, 200), 30.0, dtype=np.float32)}


def _noise(scanner: Scanner) -> float:
    planes = scanner.expose(FLAT, np.random.default_rng(0)).astype(np.float64)
    return float(planes[0].var())


def test_twice_the_photons_halve_the_variance() -> None:
    """Counting statistics."""
    one = _noise(Scanner(photons=1e4, scatter=0.0, dark=0.0))
    two = _noise(Scanner(photons=2e4, scatter=0.0, dark=0.0))
    assert one / two == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("material", ["fish", "steel", "polyethylene"])
def test_a_harder_beam_comes_through_better_and_more_goods_worse(material: str) -> None:
    """Monotone in energy from 160 kVp to 9 MV, and in areal density for each."""
    thickness = np.linspace(0.5, 60.0, 40)
    through = [
        transmission({material: thickness}, beam) for beam in ("160kV-low", "160kV-high", "4MV", "6MV", "9MV")
    ]
    assert all((np.diff(plane) < 0).all() for plane in through)
    assert all((b > a).all() for a, b in pairwise(through))


def test_drawn_scanners_differ_and_the_same_seed_draws_the_same() -> None:
    """Settings spread over the range, beams over single and pairs."""
    drawn = [Scanner.draw(np.random.default_rng(seed)) for seed in range(60)]
    assert drawn[3] == Scanner.draw(np.random.default_rng(3))
    assert {scanner.beams for scanner in drawn} == {("6MV", "9MV"), ("4MV", "6MV"), ("6MV",), ("9MV",)}
    photons = [scanner.photons for scanner in drawn]
    assert max(photons) > 4 * min(photons)
    assert len({scanner.pitch for scanner in drawn}) == 3


def test_scatter_is_local_where_it_has_a_reach() -> None:
    """Behind a thick wall more light arrives beside the open beam than far from it."""
    wall = {"steel": np.zeros((200, 400), dtype=np.float32)}
    wall["steel"][:, 100:] = 200.0
    planes = Scanner(("s"), ("6MV",), photons=1e15, scatter=0.05, dark=0.0, reach=0.4).expose(
        wall, np.random.default_rng(0)
    )
    assert planes[0, 100, 120] > 1.2 * planes[0, 100, 380]
    even = Scanner(("s"), ("6MV",), photons=1e15, scatter=0.05, dark=0.0).expose(
        wall, np.random.default_rng(0)
    )
    assert abs(int(even[0, 100, 120]) - int(even[0, 100, 380])) <= 1


def test_drift_weak_elements_and_missed_pulses_leave_their_marks() -> None:
    """Stripes across, lines along, and a column twice."""
    quiet = Scanner(photons=1e15, dark=0.0, scatter=0.0)
    flat = quiet.expose(FLAT, np.random.default_rng(0))[0].astype(float)
    assert flat.std() < 1

    def marked(**mark: float) -> np.ndarray:
        scanner = Scanner(photons=1e15, dark=0.0, scatter=0.0, **mark)  # type: ignore[arg-type]
        return scanner.expose(FLAT, np.random.default_rng(0))[0].astype(float)

    drift = marked(drift=0.01)
    assert drift.mean(axis=0).std() / flat.mean() == pytest.approx(0.007, rel=0.4)
    assert drift.mean(axis=1).std() < 1
    weak = marked(weak=2).mean(axis=1) / flat.mean()
    assert 1 <= (weak < 0.98).sum() <= 2
    noisy = Scanner(photons=1e4, missed=1).expose(FLAT, np.random.default_rng(0))[0]
    assert (noisy[:, 1:] == noisy[:, :-1]).all(axis=0).sum() == 1


def test_too_much_gain_clips_air_white() -> None:
    """Open air is full scale, and so is what lies just below it."""
    thin = {"steel": np.full((20, 20), 0.1, dtype=np.float32)}
    planes = Scanner(photons=1e15, dark=0.0, scatter=0.0, gain=1.05).expose(thin, np.random.default_rng(0))
    assert (planes == 65535).all()


@pytest.mark.parametrize("bad", [{"beams": ("5MV",)}, {"beams": ()}, {"photons": 0.0}, {"blur": -1.0}])
def test_a_scanner_that_cannot_be_is_refused(bad: dict[str, object]) -> None:
    """Unknown beams, no photons."""
    with pytest.raises(InvalidValue):
        Scanner(**bad)  # type: ignore[arg-type]


def _raw() -> np.ndarray:
    rng = np.random.default_rng(5)
    load = Load("fish", 20_000.0, 900, 520.0, (0.4, 0.16))
    return Scanner().expose(loaded(cargo("cartons", load, "reefer40", rng), "reefer40", rng), rng)


def test_a_vendor_picture_keeps_the_order_of_greys_and_loses_the_depth() -> None:
    """8 bits, brighter where more comes through, a loaded core on a handful of levels."""
    raw = _raw()
    grey = vendor_picture(raw, np.random.default_rng(0), Tone(gamma=0.8))
    assert grey.dtype == np.uint8
    assert grey.shape == raw.shape[1:]
    order = np.argsort(raw[0].ravel(), kind="stable")
    assert (np.diff(grey.ravel()[order].astype(int)) >= 0).all()
    deep = raw[0] < 0.01 * 65535
    assert deep.sum() > 1000
    assert len(np.unique(grey[deep])) <= 8 < len(np.unique(raw[0][deep])) / 20


def test_local_contrast_sharpens_edges() -> None:
    """The step at an edge grows, far from it nothing changes."""
    step = np.full((1, 80, 80), 20_000, dtype=np.uint16)
    step[:, :, 40:] = 40_000
    plain = vendor_picture(step, np.random.default_rng(0), Tone()).astype(int)
    sharp = vendor_picture(step, np.random.default_rng(0), Tone(local=0.5)).astype(int)
    assert sharp[40, 40] - sharp[40, 39] > plain[40, 40] - plain[40, 39]
    assert sharp[40, 5] == plain[40, 5]


def test_pseudo_colours_tell_organic_from_metal() -> None:
    """Fish is orange, steel blue, air white, and lead wall black."""
    still = Scanner(photons=1e15, scatter=0.0, dark=0.0)
    layers = {
        "fish": np.zeros((40, 120), dtype=np.float32),
        "steel": np.zeros((40, 120), dtype=np.float32),
        "lead": np.zeros((40, 120), dtype=np.float32),
    }
    layers["fish"][:, :30] = 27.0
    layers["steel"][:, 30:60] = 27.0
    layers["lead"][:, 60:90] = 400.0
    picture = pseudo_colour(still.expose(layers, np.random.default_rng(0))).astype(int)
    red, _, blue = picture[20, 15]
    assert red > blue + 40
    red, _, blue = picture[20, 45]
    assert blue > red + 40
    assert picture[20, 75].max() < 10
    assert picture[20, 110].min() == 255


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint16), np.zeros((1, 4, 4), np.float32)])
def test_only_raw_planes_become_pictures(bad: np.ndarray) -> None:
    """Anything else is one clear error."""
    with pytest.raises(InvalidValue, match="uint16"):
        vendor_picture(bad, np.random.default_rng(0))
    with pytest.raises(InvalidValue, match="2 or more"):
        pseudo_colour(np.zeros((1, 4, 4), np.uint16))


def test_the_speed_is_a_number_of_scans() -> None:
    """What it measures is printed by the bench; here only that it makes its scans."""
    assert scans_per_second(0.0) > 0
