"""Attenuation, beams, ray sums and scanners against closed forms and against published tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from customs.errors import InvalidValue
from customs.physics.attenuation import ENERGIES_MEV, MATERIALS, mass_attenuation
from customs.physics.beam import BEAMS_MV, bins, signal, transmission
from customs.physics.container import CONTAINERS, shell
from customs.physics.load import Load
from customs.physics.packing.templates import TEMPLATES, Hidden, cargo, loaded
from customs.physics.raysum import Grid, RaySum, fan
from customs.physics.scanner import Scanner

GRID = Grid(width_m=4.0, top=2.5, bottom=-0.5, pitch=0.02)


@pytest.mark.parametrize(
    ("element", "energy", "expected"),
    [("H", 1.0, 0.1263), ("C", 0.5, 0.08715), ("O", 3.0, 0.03597), ("Fe", 6.0, 0.03057), ("Pb", 0.1, 5.549)],
)
def test_elements_have_the_published_xcom_values(element: str, energy: float, expected: float) -> None:
    """Points of the NIST XCOM tables, cm²/g."""
    assert float(mass_attenuation(element, energy)) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("material", sorted(MATERIALS))
def test_a_material_lies_between_its_elements(material: str) -> None:
    """A mixture by weight cannot attenuate more or less than all of its parts."""
    parts = [mass_attenuation(element, ENERGIES_MEV) for element in MATERIALS[material]]
    mixed = mass_attenuation(material, ENERGIES_MEV)
    assert (mixed <= np.max(parts, axis=0) * (1 + 1e-9)).all()
    assert (mixed >= np.min(parts, axis=0) * (1 - 1e-9)).all()
    assert sum(MATERIALS[material].values()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("bad", [("vibranium", 1.0), ("Fe", 0.01), ("Fe", 20.0)])
def test_what_the_table_does_not_know_is_refused(bad: tuple[str, float]) -> None:
    """No extrapolation, no unknown material."""
    with pytest.raises(InvalidValue):
        mass_attenuation(*bad)


@pytest.mark.parametrize("beam", sorted(BEAMS_MV))
@pytest.mark.parametrize("material", ["fish", "steel", "polyethylene", "lead"])
@pytest.mark.parametrize("areal", [1.0, 27.0, 100.0])
def test_a_slab_transmits_what_the_integral_over_the_spectrum_says(
    beam: str, material: str, areal: float
) -> None:
    """The few bins agree with a fine integral to 1e-3 of the open beam, and to 1 % of the signal."""
    edges = np.geomspace(0.1, BEAMS_MV[beam], 8001)
    energies = np.sqrt(edges[1:] * edges[:-1])
    weight = signal(energies, BEAMS_MV[beam]) * np.diff(edges)
    exact = float((weight * np.exp(-areal * mass_attenuation(material, energies))).sum() / weight.sum())
    found = float(transmission({material: np.array([areal])}, beam)[0])
    assert found == pytest.approx(exact, abs=1e-3)
    assert found == pytest.approx(exact, rel=0.01)


def test_a_simulated_slab_reads_as_its_closed_form() -> None:
    """A slab drawn as a box and exposed without noise transmits the closed form to 1e-3, layers too."""
    rays = RaySum(GRID)
    rays.slab("fish", 1.0, 0.5, 1.0, 1.0, 27.0)
    rays.slab("steel", 1.0, 0.5, 1.0, 1.0, 3.0)
    energies, share = bins("6MV")
    exact = float(
        (
            share * np.exp(-27 * mass_attenuation("fish", energies) - 3 * mass_attenuation("steel", energies))
        ).sum()
    )
    still = Scanner(photons=1e15, scatter=0.0, blur=0.2, dark=0.0)
    planes = still.expose(rays.planes, np.random.default_rng(0))
    row, column = round((GRID.top - 1.0) / GRID.pitch), round(1.5 / GRID.pitch)
    assert planes[0, row, column] / 65535 == pytest.approx(exact, abs=1e-3)
    assert planes[0, 2, 2] == 65535


@pytest.mark.parametrize(
    ("material", "low", "high"),
    [("fish", 0.240, 0.306), ("polyethylene", 0.232, 0.300), ("steel", 0.270, 0.318)],
)
def test_thirty_centimetres_of_frozen_fish_transmit_what_is_known(
    material: str, low: float, high: float
) -> None:
    """27 g/cm² at 6 and 9 MV: known values are met within 0.01."""
    layer = {material: np.array([27.0])}
    assert float(transmission(layer, "6MV")[0]) == pytest.approx(low, abs=0.01)
    assert float(transmission(layer, "9MV")[0]) == pytest.approx(high, abs=0.01)


def test_two_beams_tell_steel_from_fish() -> None:
    """The ratio of the logs is 1.20 for light goods and 1.14 for steel at 27 g/cm²."""
    ratio = {}
    for name in ("fish", "steel"):
        low, high = (
            float(np.log(transmission({name: np.array([27.0])}, beam)[0])) for beam in ("6MV", "9MV")
        )
        ratio[name] = low / high
    assert ratio["fish"] == pytest.approx(1.204, abs=0.01)
    assert ratio["steel"] == pytest.approx(1.141, abs=0.01)


@pytest.mark.parametrize(
    "draw",
    [
        lambda r: r.box("fish", 0.513, 0.207, 1.111, 0.777, 500.0),
        lambda r: r.ellipse("fish", 0.5, 0.2, 1.0, 0.7, 500.0),
        lambda r: r.column("fish", 0.5, 0.2, 0.8, 1.5, 500.0, dome=0.2, lean=0.1, bulge=0.1),
        lambda r: r.ring("fish", 1.5, 1.0, 0.5, 0.3, 500.0),
        lambda r: r.profile("fish", 0.5, 0.0, np.linspace(0.1, 1.5, 50), 500.0, 2.0),
    ],
    ids=["box", "ellipse", "column", "ring", "profile"],
)
def test_every_shape_weighs_what_it_was_given(draw: Callable[[RaySum], None]) -> None:
    """Mass is what a scan must keep."""
    rays = RaySum(GRID)
    draw(rays)
    assert rays.mass_kg("fish") == pytest.approx(500.0, rel=1e-4)
    assert rays.plane("fish").min() >= 0


def test_the_fan_keeps_mass_and_softens_only_what_is_far_above_the_source() -> None:
    """A slab's top edge spreads, its lower edge beside the source height stays sharp."""
    rays = RaySum(GRID)
    rays.slab("fish", 1.0, 0.1, 1.0, 1.8, 30.0)
    before = rays.mass_kg()
    rays.spread(fan(GRID, 0.1, 9.0, 2.35, slices=9))
    assert rays.mass_kg() == pytest.approx(before, rel=1e-4)
    column = rays.plane("fish")[:, 75]
    soft = ((column > 1.0) & (column < 29.0)).nonzero()[0]
    assert len(soft[soft < 60]) >= 8
    assert len(soft[soft > 100]) <= 2


@pytest.mark.parametrize("kind", sorted(CONTAINERS))
def test_an_empty_container_weighs_its_tare(kind: str) -> None:
    """Shell, floor and cooling unit sum to the tare."""
    assert shell(kind).mass_kg() == pytest.approx(CONTAINERS[kind].tare_kg, rel=1e-3)
    assert min(float(plane.min()) for plane in shell(kind).planes.values()) >= 0


@pytest.mark.parametrize("kind", sorted(CONTAINERS))
@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_every_template_packs_all_of_the_load(template: str, kind: str) -> None:
    """The goods in the picture weigh what the load weighs, to 1 %, in any container, and stay inside it."""
    load = Load("fish", 9_000.0, 300, 500.0, (0.6, 0.3))
    rays = cargo(template, load, kind, np.random.default_rng(4))
    assert rays.mass_kg() == pytest.approx(9_000, rel=0.01)
    box = CONTAINERS[kind]
    total = np.sum(list(rays.planes.values()), axis=0)
    rows = total.sum(axis=1) * (box.grid.pitch * 100) ** 2 / 1000
    inside = (box.grid.y > 0) & (box.grid.y < box.height * 1.25)
    assert rows[inside].sum() >= 0.99 * rows.sum()


def test_an_unknown_template_is_refused_with_the_known_ones() -> None:
    """The remedy lists what there is."""
    with pytest.raises(InvalidValue, match="cartons"):
        cargo("origami", Load("fish", 1.0, 1, 500.0, (1.0, 1.0)), "dry20", np.random.default_rng(0))


def test_a_hidden_block_adds_its_mass_to_the_load() -> None:
    """What is not on the papers is still in the picture."""
    load = Load("fish", 20_000.0, 900, 520.0, (0.4, 0.16))
    hidden = Hidden("lead", 700.0, (0.5, 0.5), (0.6, 0.3))
    rays = cargo("cartons", load, "reefer40", np.random.default_rng(1), hidden)
    assert rays.mass_kg("lead") == pytest.approx(700, rel=1e-3)
    assert rays.mass_kg() == pytest.approx(20_700, rel=1e-3)


def test_a_scan_is_the_same_for_the_same_seed_and_mirrored_for_the_other_end() -> None:
    """Determinism, and doors on either side."""
    load = Load("rubber", 9_000.0, 900, 160.0, (0.62, 0.2))

    def expose(left: bool) -> np.ndarray:
        rng = np.random.default_rng(8)
        return Scanner().expose(
            loaded(cargo("tyres", load, "dry40", rng), "dry40", rng, doors_left=left), rng
        )

    assert np.array_equal(expose(False), expose(False))
    right, left = expose(False)[0].astype(float), expose(True)[0].astype(float)
    assert np.corrcoef(right.ravel(), left[:, ::-1].ravel())[0, 1] > 0.99


def test_noise_follows_the_photons() -> None:
    """Open beam: the spread of grey levels is one over the root of the photons."""
    planes = Scanner(photons=1e4, scatter=0.0).expose(
        {"fish": np.full((200, 200), 30.0)}, np.random.default_rng(0)
    )
    mean = planes[0].mean() / 65535
    assert planes[0].std() / 65535 == pytest.approx(np.sqrt(mean / 1e4), rel=0.05)


@pytest.mark.eval_data
def test_the_element_table_agrees_with_independent_xcom_tables(eval_data: Path) -> None:
    """Every element and energy, against the tables of another project, to their last digit."""
    numbers = {
        "H": 1,
        "C": 6,
        "N": 7,
        "O": 8,
        "Al": 13,
        "Si": 14,
        "Ca": 20,
        "Fe": 26,
        "Cu": 29,
        "W": 74,
        "Pb": 82,
    }
    for symbol, number in numbers.items():
        known = {}
        text = (eval_data / "xray" / "mv_physics_tables" / f"{number:02d}.txt").read_text(encoding="utf-8")
        for line in text.splitlines():
            cells = line.split()[-8:]
            if len(cells) == 8 and cells[0][0].isdigit():
                known[round(float(cells[0]), 4)] = float(cells[6])
        for energy, value in zip(ENERGIES_MEV, mass_attenuation(symbol, ENERGIES_MEV), strict=True):
            assert value == pytest.approx(known[energy], rel=2e-3), (symbol, energy)


@pytest.mark.eval_data
@pytest.mark.parametrize(("beam", "file"), [("6MV", "phi_6MeV.npy"), ("9MV", "phi_9MeV.npy")])
@pytest.mark.parametrize("material", ["fish", "polyethylene", "steel"])
@pytest.mark.parametrize("areal", [10.0, 27.0, 100.0])
def test_the_beam_agrees_with_independent_spectra(
    eval_data: Path, beam: str, file: str, material: str, areal: float
) -> None:
    """−ln T through Monte Carlo spectra and detector response differs from ours by less than 2.5 %."""
    folder = eval_data / "xray" / "mv_physics_tables"
    energies, response = np.load(folder / "E.npy"), np.load(folder / "D.npy")
    known = energies >= 0.1
    weight = (np.load(folder / file).mean(axis=0) * response)[known]
    through = (weight * np.exp(-areal * mass_attenuation(material, energies[known]))).sum() / weight.sum()
    ours = float(transmission({material: np.array([areal])}, beam)[0])
    assert np.log(ours) == pytest.approx(np.log(through), rel=0.025)
