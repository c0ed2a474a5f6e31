"""Things planted into loads by physics, and the network that learns to find them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from customs.errors import DamagedArtefact, InvalidConfig, InvalidValue
from customs.physics.beam import transmission
from customs.scan import Scan
from xray_encoder.inserted.detect import Detector
from xray_encoder.inserted.network import CHANNELS, InsertedConfig, channels
from xray_encoder.inserted.plant import THINGS, let_through, plant
from xray_encoder.inserted.standouts import Standouts, peak
from xray_encoder.inserted.train import shallow
from xray_encoder.inserted.view import CELL_M, ROWS, DeepView, deep_view
from xray_encoder.reading import Crop

BEAMS = ("6MV", "9MV")
SMALL = InsertedConfig(widths=(6, 8, 8), columns=48, steps=45, batch=5, learning_rate=1e-2)
SHORT = replace(SMALL, steps=2)


def view_of(seed: int, columns: int = 96, beams: tuple[str, ...] = BEAMS, grams: float = 60.0) -> DeepView:
    """Smooth goods of about `grams` g/cm² below the upper quarter, seen with noise."""
    rng = np.random.default_rng(seed)
    areal = np.zeros((ROWS, columns))
    areal[ROWS // 4 :] = grams * rng.uniform(0.7, 1.3)
    areal[ROWS // 4 :, :: int(rng.integers(9, 15))] *= 0.8
    planes = []
    for beam in beams:
        t = transmission({"cellulose": areal}, beam).astype(np.float64)
        planes.append(t + np.sqrt(t / 8e5) * rng.standard_normal(t.shape))
    return DeepView(np.maximum(np.stack(planes), 0).astype(np.float32), beams, (0.0,) * len(beams), 7.6e-6)


def test_cells_are_as_wide_as_they_are_high_in_metres_whatever_the_pixels() -> None:
    """A 12 m load on 2.4 m of height has five times as many columns as rows, on square pixels or not."""
    for rows, columns, pitch in ((120, 600, (0.02, 0.02)), (240, 300, (0.01, 0.04)), (64, 320, None)):
        t = np.full((2, rows + 20, columns), 0.5, dtype=np.float32)
        box = (10, 0, rows + 10, columns)
        view = deep_view(Scan(t, BEAMS, 16, pitch), Crop(container=box, cargo=box, wall=0.0))
        assert view.planes.shape == (2, ROWS, 5 * ROWS)
        assert view.beams == BEAMS


def test_middle_energies_and_unnamed_beams_are_left_out() -> None:
    """Of three planes the lowest and the highest are kept; a plain picture's beam is unknown."""
    t = np.stack([np.full((64, 128), level, dtype=np.float32) for level in (0.2, 0.3, 0.4)])
    crop = Crop(container=(0, 0, 64, 128), cargo=(0, 0, 64, 128), wall=0.0)
    three = deep_view(Scan(t, ("4MV", "6MV", "9MV")), crop)
    assert three.beams == ("4MV", "9MV")
    assert three.planes[:, 0, 0] == pytest.approx([0.2, 0.4])
    assert deep_view(Scan(t[:1]), crop).beams == ("unknown",)


@pytest.mark.parametrize("material", ["steel", "polyethylene"])
@pytest.mark.parametrize("beam", BEAMS)
def test_what_a_thing_lets_through_is_that_of_goods_and_thing_one_behind_the_other(
    material: str, beam: str
) -> None:
    """Ten centimetres in 80 g/cm² of goods: as the ray sum has it, with and without goods making room."""
    goods, metres, density = 80.0, 0.1, 1.2
    alone = transmission({"cellulose": np.array([goods])}, beam).astype(np.float64)
    for displaces in (False, True):
        left = goods * (1 - metres / 2.35) if displaces else goods
        both = {"cellulose": np.array([left]), material: np.array([metres * 100 * density])}
        found = let_through(-np.log(alone), np.array([metres]), material, density, beam, displaces=displaces)
        assert np.log(found) == pytest.approx(np.log(transmission(both, beam) / alone), rel=0.03)


def test_a_planted_thing_has_its_litres_and_changes_nothing_beside_it() -> None:
    """The mask covers every changed cell; 30 litres of lead are seen; the clean view stays as it was."""
    view = view_of(0)
    before = view.planes.copy()
    for seed in range(20):
        planted = plant(view, np.random.default_rng(seed), material="lead", litres=30.0)
        changed = (planted.planes != before).any(axis=0)
        assert not changed[planted.mask == 0].any()
        assert planted.visible
        assert planted.seen > 0
        area = (planted.mask > 0).sum() * CELL_M**2
        assert area + 1e-9 >= 0.03 / 2.35
        assert area < 1.0
    assert (view.planes == before).all()


def test_nothing_is_seen_behind_what_blocks_the_beam() -> None:
    """A thing in a load that lets nothing through teaches nothing, and such a load is not judged."""
    blocked = view_of(1, grams=900.0)
    planted = [plant(blocked, np.random.default_rng(s), material="steel", litres=20.0) for s in range(20)]
    inside = [p for p in planted if not (p.mask[: ROWS // 4] > 0).any()]
    assert inside
    assert not any(p.visible for p in inside)
    assert blocked.blind > 0.95
    assert view_of(1).blind == 0.0


@pytest.mark.parametrize("beams", [BEAMS, ("9MV",), ("unknown",)])
def test_channels_are_finite_for_one_beam_and_two_and_for_darkness(beams: tuple[str, ...]) -> None:
    """Also where nothing comes through; a lone beam says that it knows nothing of hardness."""
    view = view_of(2, beams=tuple(b if b != "unknown" else "6MV" for b in beams))
    dark = view.planes.copy()
    dark[:, 30:40, 30:40] = 0.0
    x = channels(dark, beams, view.walls, view.floor)
    assert x.shape == (len(CHANNELS), ROWS, 96)
    assert np.isfinite(x).all()
    assert np.abs(x).max() <= 4
    assert x[CHANNELS.index("hardness_known")].all() == (len(beams) == 2)


def test_steel_is_harder_than_the_goods_around_it_and_plastic_is_not() -> None:
    """The two beams tell what one cannot: equal darkening, other matter."""
    view = view_of(3)
    at = CHANNELS.index("hardness")
    shown = {}
    for material, density in (("steel", 7.8), ("polyethylene", 7.8)):
        planes = view.planes.copy()
        for n, beam in enumerate(BEAMS):
            patch = planes[n, 40:48, 40:48]
            depth = -np.log(patch)
            patch *= let_through(depth, np.full(patch.shape, 0.08), material, density, beam, displaces=False)
        shown[material] = channels(planes, BEAMS, view.walls, view.floor)[at, 42:46, 42:46].mean()
    assert shown["steel"] < shown["polyethylene"] - 0.3


@pytest.fixture(scope="module")
def detector() -> Detector:
    """A toy network that has seen eight views of smooth goods."""
    return Detector.fit([view_of(s) for s in range(10)], SMALL, rows=range(8), seed=3)


def test_the_network_finds_what_is_planted_into_views_it_never_saw(detector: Detector) -> None:
    """Lead in goods stands out more than the goods by themselves, and the peak lies at it."""
    clean = [view_of(s) for s in range(100, 112)]
    found = 0
    for number, view in enumerate(clean):
        planted = plant(view, np.random.default_rng(number), material="lead", litres=40.0)
        shown = DeepView(planted.planes, view.beams, view.walls, view.floor)
        value, along, up = peak(detector.standout(shown))
        row, column = int((1 - up) * ROWS), int(along * view.planes.shape[2])
        near = planted.mask[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4].max() > 0
        found += value > peak(detector.standout(view))[0] and bool(near)
    assert found >= 10


def test_training_twice_with_one_seed_gives_one_network_and_another_seed_another() -> None:
    """Deterministic on one machine; only the rows it is given teach it, and they are written down."""
    views = [view_of(s) for s in range(6)]
    first, again = (Detector.fit(views, SHORT, rows=(0, 2, 4), seed=3) for _ in range(2))
    alone = Detector.fit(views[::2], SHORT, seed=3)
    other = Detector.fit(views, SHORT, rows=(0, 2, 4), seed=4)
    view = view_of(50)
    assert (again.standout(view) == first.standout(view)).all()
    assert (alone.standout(view) == first.standout(view)).all()
    assert (other.standout(view) != first.standout(view)).any()
    assert first.trained_on == (0, 2, 4)


def test_a_detector_is_the_same_after_it_was_written_and_read(detector: Detector) -> None:
    """Through JSON and arrays, to the last bit; views whose width is not a multiple of the strides too."""
    about = json.loads(json.dumps(detector.about()))
    again = Detector.read(detector.tensors(), about)
    for columns in (61, 96):
        view = view_of(9, columns)
        assert (again.standout(view) == detector.standout(view)).all()
        assert again.standout(view).shape == (ROWS, columns)
    assert again.trained_on == detector.trained_on


def test_an_8_bit_picture_keeps_one_beam_and_loses_what_is_below_a_grey_level() -> None:
    """What the 8-bit detector learns from: 4 % of transmission stays within steps, 0.01 % is gone."""
    planes = np.full((2, ROWS, 64), 0.04, dtype=np.float32)
    planes[:, :, 32:] = 1e-4
    planes[:, :8] = 1.0
    shown = shallow(DeepView(planes, BEAMS, (0.0, 0.0), 7.6e-6), np.random.default_rng(0))
    assert shown.planes.shape == (1, ROWS, 64)
    assert shown.beams == ("unknown",)
    assert 0.02 < shown.planes[0, 8:, :32].mean() < 0.12
    assert (shown.planes[0, 8:, 40:] < 0.006).all()
    config = replace(SHORT, bits=8)
    detector = Detector.fit([view_of(0)], config)
    assert Detector.read(detector.tensors(), detector.about()).config == config
    assert detector.standout(shown).shape == (ROWS, 64)


def test_damaged_tensors_and_no_scans_are_refused(detector: Detector) -> None:
    """One clear error each."""
    with pytest.raises(DamagedArtefact, match="do not fit"):
        Detector.read({"out.bias": np.zeros(1, np.float32)}, detector.about())
    with pytest.raises(InvalidValue, match="no clean scans"):
        Detector.fit([], SMALL)
    with pytest.raises(InvalidConfig, match="bits"):
        InsertedConfig(bits=12)


def test_loud_goods_are_measured_by_themselves_and_quiet_goods_by_all() -> None:
    """A peak of 6 is nothing in scrap; in quiet goods it is as odd as in usual ones, not odder."""
    standouts = Standouts({"all": (-1.0, 2.0), "7204": (6.0, 2.0), "0303": (-5.0, 0.1)})
    assert standouts.excess(6.0, "7204490000") == 0.0
    shy, bold = (
        Standouts.fit([6.0] * 4 + [0.0] * 8, ["7204"] * 4 + ["0303"] * 8, prior=p) for p in (0.0, 32.0)
    )
    assert shy.excess(6.0, "7204") == 0.0
    assert bold.excess(6.0, "7204") > 5.0
    assert standouts.excess(6.0, "0303670000") == standouts.excess(6.0, "8418101000") == 7.0


def test_every_thing_is_a_material_the_physics_knows() -> None:
    """Planting looks up attenuation by these names."""
    for material in THINGS:
        assert transmission({material: np.array([1.0])}, "6MV")[0] < 1
