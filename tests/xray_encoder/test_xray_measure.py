"""Areal density, mass and fill: closed forms, bounds, broken detectors, and two real scans."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from customs.errors import InvalidValue
from customs.physics.beam import transmission
from customs.scan import Scan
from xray_encoder.measure import Measurement, areal_density_map, measure
from xray_encoder.reading import Crop
from xray_encoder.weigh import ByCode, Scale

PAIR = ("6MV", "9MV")


def slab(
    goods: dict[str, float], shape: tuple[int, int] = (48, 64), energies: tuple[str, ...] = PAIR
) -> Scan:
    """A picture filled with slabs of materials (g/cm² each)."""
    areal = {name: np.full(shape, depth) for name, depth in goods.items()}
    planes = np.stack([transmission(areal, energy) for energy in energies])
    return Scan(planes, energies=energies, pixel_pitch_m=(0.02, 0.02))


@pytest.mark.parametrize(
    ("goods", "within"),
    [
        ({"cellulose": 40.0}, 0.003),
        ({"steel": 60.0}, 0.003),
        ({"cellulose": 50.0, "steel": 30.0}, 0.02),
        ({"fish": 60.0}, 0.05),
        ({"canned": 80.0}, 0.05),
    ],
)
def test_two_energies_give_a_slabs_density_whatever_it_is_made_of(
    goods: dict[str, float], within: float
) -> None:
    """The share of steel is found from how the energies differ; hydrogen in food costs a few per cent."""
    found = areal_density_map(slab(goods))
    true = sum(goods.values())
    assert found.areal.dtype == np.float32
    assert found.areal == pytest.approx(np.full((48, 64), true), rel=within)
    assert found.total == pytest.approx(true * 48 * 64, rel=within)
    assert found.mass_kg((0.02, 0.02)) == pytest.approx(true * 48 * 64 * 0.004, rel=within)
    assert not found.bound.any()
    assert found.agreement == pytest.approx(0.0, abs=0.03)


def test_the_share_of_steel_is_found_block_by_block() -> None:
    """A steel half beside a wooden half: each is read off its own curve."""
    areal = {"cellulose": np.full((128, 256), 50.0), "steel": np.zeros((128, 256))}
    areal["cellulose"][:, 128:], areal["steel"][:, 128:] = 0.0, 50.0
    planes = np.stack([transmission(areal, beam) for beam in PAIR])
    noise = np.random.default_rng(3).normal(1.0, 0.004, planes.shape).astype(np.float32)
    found = areal_density_map(Scan(planes * noise, energies=PAIR))
    assert float(found.heavy[:, :80].mean()) < 0.12
    assert float(found.heavy[:, 176:].mean()) > 0.88
    assert float(found.areal[:, :80].mean()) == pytest.approx(50.0, rel=0.01)
    assert float(found.areal[:, 176:].mean()) == pytest.approx(50.0, rel=0.01)


def test_one_energy_assumes_a_material_that_can_be_named() -> None:
    """A single energy cannot tell steel from wood: the caller may, otherwise a usual mix is taken."""
    scan = slab({"steel": 60.0}, energies=("4MV",))
    assert float(areal_density_map(scan, heavy=1.0).areal.mean()) == pytest.approx(60.0, rel=0.003)
    assert float(areal_density_map(scan, heavy=0.0).areal.mean()) < 58.0
    assert areal_density_map(scan).agreement is None
    assert float(areal_density_map(scan).areal.mean()) == pytest.approx(60.0, rel=0.1)
    with pytest.raises(InvalidValue, match="share"):
        areal_density_map(scan, heavy=1.5)


def test_what_lets_nothing_through_gives_a_bound() -> None:
    """Behind two metres of steel only scatter is left: the density there is marked as at least that."""
    areal = {"steel": np.full((48, 64), 20.0)}
    areal["steel"][:, 32:] = 500.0
    planes = np.stack([transmission(areal, beam) for beam in PAIR]) + np.float32(8e-5)
    found = areal_density_map(Scan(planes, energies=PAIR))
    assert found.bound[:, 32:].all()
    assert not found.bound[:, :32].any()
    assert 120.0 < float(found.areal[:, 32:].min()) < 500.0
    assert float(found.areal[:, :32].mean()) == pytest.approx(20.0, rel=0.01)


def test_a_beam_without_a_name_gives_only_a_bound() -> None:
    """A plain picture may have any energy."""
    plain = Scan(slab({"water": 30.0}).transmission[:1], energies=("unknown",))
    assert areal_density_map(plain).bound.all()
    named = Scan(slab({"water": 30.0}).transmission[:1], energies=("6 MeV",))
    assert not areal_density_map(named).bound.any()


def test_rows_of_a_broken_detector_weigh_nothing() -> None:
    """Clear and black by turns along a row is no cargo, a black row is."""
    planes = slab({"water": 30.0}, (48, 96)).transmission.copy()
    planes[:, 20, ::4] = planes[:, 20, 1::4] = 3e-5
    planes[:, 30] = 3e-5
    found = areal_density_map(Scan(planes, energies=PAIR))
    assert found.dead[20].all()
    assert found.dead.sum() == 96
    assert not found.areal[20].any()
    assert float(found.areal[30].min()) > 100.0


def test_fill_free_ends_and_rim_follow_the_load() -> None:
    """Half the height over the left three quarters of the box."""
    areal = {"cellulose": np.zeros((100, 200)), "steel": np.full((100, 200), 3.0)}
    areal["cellulose"][50:, :150] = 60.0
    planes = np.stack([transmission(areal, beam) for beam in PAIR])
    scan = Scan(planes, energies=PAIR, pixel_pitch_m=(0.02, 0.02))
    found = measure(scan, Crop((0, 0, 100, 200), (0, 0, 100, 200), 0.15))
    assert found.fill == pytest.approx(0.375, abs=0.02)
    assert found.free == pytest.approx((0.0, 0.25), abs=0.01)
    assert found.rim[1] < 0.05
    assert found.rim[2] == pytest.approx(2.0, rel=0.05)
    assert found.mass_kg == pytest.approx(60.0 * 50 * 150 * 0.004, rel=0.05)
    assert not found.bound


@pytest.mark.parametrize("name", ["im1", "im2"])
def test_mass_of_real_scans_is_that_of_the_published_map(eval_data: Path, name: str) -> None:
    """Two energies come within 5 % of the published map's own sum, either alone within 10 %."""
    folder = eval_data / "xray" / "dual_energy_scans"
    if not folder.is_dir():
        pytest.skip(f"no dual-energy scans in {folder}")
    planes = np.stack([np.exp(-np.load(folder / f"{name}_{energy}MeV.npy")) for energy in (4, 6)])
    published = float(np.load(folder / f"{name}_lambda.npy").sum(dtype=np.float64))
    both = areal_density_map(Scan(planes.astype(np.float32), energies=("4MV", "6MV")))
    assert both.total == pytest.approx(published, rel=0.05)
    for plane, energy in zip(planes, ("4MV", "6MV"), strict=True):
        alone = areal_density_map(Scan(plane[None].astype(np.float32), energies=(energy,)))
        assert alone.total == pytest.approx(published, rel=0.10)


@dataclass(frozen=True)
class Seen:
    """A look of which only the measurement counts."""

    measurement: Measurement


def seen(mass_kg: float | None, *, bound: bool = False) -> Seen:
    """A load of so many kilograms by its ray sum."""
    return Seen(Measurement(60.0, mass_kg, 24.0, 0.5 if bound else 0.0, 0.1, bound, 0.7, (0.0, 0.0)))


def references() -> tuple[list[Seen], list[float], list[str]]:
    """Forty loads each of fish (weighing 0.95 of the ray sum) and of sugar (1.10), known to 1 %."""
    rng = np.random.default_rng(11)
    looks, kilograms, codes = [], [], []
    for code, factor in (("0303540000", 0.95), ("1701990000", 1.10)):
        for mass in rng.uniform(8_000, 24_000, 40):
            looks.append(seen(float(mass)))
            kilograms.append(float(mass * factor * math.exp(0.01 * rng.standard_normal())))
            codes.append(code)
    return looks, kilograms, codes


def test_the_codes_own_correction_is_learned_and_kept() -> None:
    """Fish and sugar of equal shape weigh differently; what was saved says the same."""
    scale = Scale.fit(*references())
    load = seen(15_000.0)
    assert scale.kilograms(load, "0303540000") == pytest.approx(14_250, rel=0.01)
    assert scale.kilograms(load, "1701990000") == pytest.approx(16_500, rel=0.01)
    # another fish is weighed as fish are, an unknown chapter as the average
    assert scale.kilograms(load, "0303670000") == pytest.approx(14_250, rel=0.02)
    assert scale.kilograms(load, "9401610000") == pytest.approx(15_375, rel=0.03)
    again = Scale.read(scale.tensors(), json.loads(json.dumps(scale.about())))
    assert again.kilograms(load, "1701990000") == scale.kilograms(load, "1701990000")
    low, best, high = scale.interval(load, "1701990000") or (0.0, 0.0, 0.0)
    assert low < best < high


def test_a_declared_weight_far_from_the_measured_is_odd() -> None:
    """Oddness counts usual errors: the honest weight is within a few, two thirds of it far off."""
    scale = Scale.fit(*references())
    load = seen(15_000.0)
    assert scale.oddness(load, 14_250, "0303540000") < 1.5
    assert scale.oddness(load, 9_500, "0303540000") > 10
    assert scale.oddness(load, 22_000, "0303540000") > 10
    assert math.isnan(scale.oddness(seen(None), 14_250, "0303540000"))
    assert math.isnan(scale.oddness(load, 0.0, "0303540000"))


def test_a_bound_speaks_only_against_weights_below_it() -> None:
    """A load that lets nothing through may weigh anything above what is seen."""
    scale = Scale.fit(*references())
    dark = seen(15_000.0, bound=True)
    assert scale.kilograms(dark, "0303540000") is None
    assert scale.oddness(dark, 24_000, "0303540000") == 0.0
    assert scale.oddness(dark, 15_000, "0303540000") == 0.0
    assert scale.oddness(dark, 6_000, "0303540000") > 10


def test_a_code_with_one_scan_leans_on_its_parents() -> None:
    """A shrunk mean lies between the scan's own value and the heading's; what is known less strays more."""
    rng = np.random.default_rng(5)
    codes = [f"03030{i}0000" for i in range(8) for _ in range(6)]
    values = [0.1 + 0.02 * rng.standard_normal() for _ in codes]
    by = ByCode.fit([*values, 0.2], [*codes, "0303990000"])
    mean, spread = by.usual("0303990000")
    assert 0.1 < mean < 0.2
    assert spread > by.usual("0303010000")[1]
    assert ByCode().usual("0303990000") == (0.0, 0.0)


def test_a_finer_scan_of_the_same_goods_weighs_the_same() -> None:
    """Large scans are measured on larger pixels: neither mass nor density changes."""
    areal = np.zeros((160, 400))
    areal[60:, 20:380] = 50.0
    pictures = []
    for times in (1, 3):
        planes = np.stack(
            [transmission({"cellulose": np.kron(areal, np.ones((times, times)))}, b) for b in PAIR]
        )
        pitch = 0.02 / times
        scan = Scan(planes, energies=PAIR, pixel_pitch_m=(pitch, pitch))
        box = (0, 0, 160 * times, 400 * times)
        pictures.append(measure(scan, Crop(box, box, 0.0)))
    coarse, fine = pictures
    assert fine.mass_kg == pytest.approx(coarse.mass_kg, rel=0.01)
    assert fine.areal_density == pytest.approx(coarse.areal_density, rel=0.01)
    assert fine.fill == pytest.approx(coarse.fill, abs=0.01)
