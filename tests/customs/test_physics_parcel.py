"""Parcels at 160 kVp: the tube, the attenuation tables below 100 keV, scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from customs.errors import InvalidValue
from customs.physics.attenuation import mass_attenuation
from customs.physics.beam import transmission
from customs.physics.kilovolt import element_attenuation
from customs.physics.packing.planted import Hidden
from customs.physics.parcel import KINDS, parcel, parcel_scanner
from customs.physics.tube import BEAMS_KV, bins, signal


def _ratio(material: str, areal: float) -> float:
    low, high = (float(np.log(transmission({material: np.array([areal])}, beam)[0])) for beam in BEAMS_KV)
    return low / high


def test_thirty_centimetres_of_frozen_fish_at_160_kilovolts() -> None:
    """27 g/cm² transmits .0055 and .0095, and the ratios of the logs are those that are known."""
    low, high = (float(transmission({"fish": np.array([27.0])}, beam)[0]) for beam in BEAMS_KV)
    assert low == pytest.approx(0.0055, rel=0.03)
    assert high == pytest.approx(0.0095, rel=0.03)
    assert _ratio("fish", 27.0) == pytest.approx(1.118, abs=0.01)
    assert _ratio("polyethylene", 27.0) == pytest.approx(1.091, abs=0.01)


@pytest.mark.parametrize("areal", [4.0, 10.0, 27.0])
def test_steel_stands_apart_from_organic_goods(areal: float) -> None:
    """Its ratio runs from 1.2 to 1.7, far above fish behind the same mass."""
    assert 1.2 <= _ratio("steel", areal) <= 1.7
    assert _ratio("steel", areal) > _ratio("fish", areal) + 0.08


@pytest.mark.parametrize("beam", sorted(BEAMS_KV))
@pytest.mark.parametrize(
    ("material", "areal"), [("fish", 5.0), ("fish", 27.0), ("steel", 3.0), ("glazed", 10.0)]
)
def test_the_few_bins_stand_for_the_whole_spectrum(beam: str, material: str, areal: float) -> None:
    """To 1e-3 of the open beam and 2 % of the signal."""
    edges = np.linspace(20.0, 160.0, 5601)
    energies = (edges[1:] + edges[:-1]) / 2
    weight = signal(energies, beam)
    exact = float(
        (weight * np.exp(-areal * mass_attenuation(material, energies / 1000))).sum() / weight.sum()
    )
    found = float(transmission({material: np.array([areal])}, beam)[0])
    assert found == pytest.approx(exact, abs=1e-3)
    assert found == pytest.approx(exact, rel=0.02)
    assert bins(beam)[1].sum() == pytest.approx(1.0)


def test_the_tables_meet_at_a_hundred_kilovolts() -> None:
    """Below and above 0.1 MeV come from two tables; there is no step between them."""
    for material in ("Fe", "fish", "lead", "W"):
        below, above = mass_attenuation(material, [0.0999, 0.1001])
        assert below == pytest.approx(above, rel=0.01)
    with pytest.raises(InvalidValue):
        mass_attenuation("Fe", 0.019)


def test_a_k_edge_is_a_step() -> None:
    """Tungsten attenuates four times as much just above 69.5 keV as just below."""
    below, above = element_attenuation("W", [69.4, 69.7])
    assert above > 4 * below


@pytest.mark.eval_data
def test_the_low_table_agrees_with_independent_xcom_tables(eval_data: Path) -> None:
    """Every element and energy from 20 to 200 keV, to three digits."""
    numbers = {
        "H": 1,
        "C": 6,
        "O": 8,
        "Al": 13,
        "Fe": 26,
        "Cu": 29,
        "Cd": 48,
        "I": 53,
        "Cs": 55,
        "W": 74,
        "Pb": 82,
    }
    checked = 0
    for symbol, number in numbers.items():
        text = (eval_data / "xray" / "mv_physics_tables" / f"{number:02d}.txt").read_text(encoding="utf-8")
        for line in text.splitlines():
            cells = line.split()[-8:]
            if len(cells) != 8 or not cells[0][0].isdigit():
                continue
            energy = float(cells[0]) * 1000
            if energy in (20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0, 200.0):
                assert float(element_attenuation(symbol, energy)) == pytest.approx(float(cells[6]), rel=2e-3)
                checked += 1
    assert checked == 9 * len(numbers)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_parcel_is_seen_and_weighed(kind: str) -> None:
    """The same for the same seed, weighing what its planes hold, more than air in two energies."""
    first, second = (parcel(kind, np.random.default_rng(4)) for _ in range(2))
    assert all(np.array_equal(first.areal[name], second.areal[name]) for name in first.areal)
    area = first.grid.pitch**2 * 10
    assert first.kg == pytest.approx(sum(float(p.sum()) for p in first.areal.values()) * area, rel=1e-3)
    assert 0.5 < first.kg < 40
    rng = np.random.default_rng(5)
    planes = parcel_scanner(rng).expose(first.areal, rng)
    assert planes.shape == (2, *first.grid.shape)
    assert 0.1 < (planes[0] < 60_000).mean() < 0.95
    assert planes[1].mean() > planes[0].mean()


def test_kinds_of_parcels_look_different() -> None:
    """Books are even and thick, electronics thin with dense specks."""
    spread = {}
    for kind in ("books", "electronics"):
        total = np.sum(list(parcel(kind, np.random.default_rng(2)).areal.values()), axis=0)
        inside = total[total > 0.3]
        spread[kind] = float(np.percentile(inside, 99) / np.median(inside))
    assert spread["electronics"] > 2 * spread["books"]


def test_what_is_hidden_in_a_parcel_is_where_it_is_told() -> None:
    """The difference that it makes lies in its box."""
    thing = Hidden("steel", 0.6, (0.4, 0.5), (0.12, 0.04), "cylinder")
    plain = parcel("clothes", np.random.default_rng(4))
    planted = parcel("clothes", np.random.default_rng(4), (thing,))
    difference = planted.areal["steel"] - plain.areal["steel"]
    top, left, bottom, right = planted.boxes[0]
    assert difference[top:bottom, left:right].sum() >= 0.999 * difference.sum() > 0
    assert planted.kg - plain.kg == pytest.approx(0.6, rel=1e-3)


def test_an_unknown_kind_is_refused() -> None:
    """With the known ones as the remedy."""
    with pytest.raises(InvalidValue, match="suitcase"):
        parcel("elephant", np.random.default_rng(0))
