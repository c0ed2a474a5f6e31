"""Things planted in loads: their mass, their place, and what makes room for them."""

from __future__ import annotations

import numpy as np
import pytest

from customs.errors import InvalidValue
from customs.physics.load import Load
from customs.physics.packing.planted import (
    SHAPES,
    DoubleFloor,
    Hidden,
    Planted,
    Swap,
    Void,
    picture_box,
    placed,
)
from customs.physics.packing.templates import loaded, packed

FISH = Load("fish", 20_000.0, 900, 520.0, (0.4, 0.16))


def _pictures(
    things: tuple[Planted, ...], *, doors_left: bool = False, tilt: float = 0.0, pitch: float = 0.02
) -> tuple[np.ndarray, tuple[int, int, int, int], float]:
    """Difference (g/cm²) that planting makes to the picture, the first thing's box, kilograms gained."""
    total, boxes, mass = [], (), []
    for planted in ((), things):
        rng = np.random.default_rng(3)
        goods = packed("cartons", FISH, "reefer40", rng, planted, pitch=pitch)
        planes = loaded(goods.goods, "reefer40", rng, doors_left=doors_left, tilt=tilt)
        total.append(np.sum(list(planes.values()), axis=0))
        boxes = goods.boxes
        mass.append(goods.goods.mass_kg())
    return total[1] - total[0], picture_box("reefer40", boxes[0], doors_left, tilt, pitch), mass[1] - mass[0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("doors_left", "tilt"), [(False, 0.0), (True, 0.06), (False, -0.05)])
def test_a_hidden_thing_lies_in_the_box_that_is_told(shape: str, doors_left: bool, tilt: float) -> None:
    """Whatever its shape, its depth, the truck's slope and the side of the doors."""
    thing = Hidden("lead", 150.0, (0.3, 0.6), (0.5, 0.4), shape, depth=0.5)
    difference, (top, left, bottom, right), _ = _pictures((thing,), doors_left=doors_left, tilt=tilt)
    inside = difference[top:bottom, left:right].sum()
    assert inside >= 0.999 * difference.sum() > 0
    rows, columns = np.nonzero(difference > 0.02 * difference.max())
    assert rows.min() - top <= 3
    assert bottom - 1 - rows.max() <= 3
    assert columns.min() - left <= 3
    assert right - 1 - columns.max() <= 3


@pytest.mark.parametrize("thick", [None, 0.8])
def test_a_void_takes_out_what_it_says(thick: float | None) -> None:
    """The picture loses exactly the removed kilograms, inside the box, and is never negative."""
    hollow = Void((0.6, 0.3), (1.0, 0.6), depth=-0.3, thick=thick)
    goods = packed("cartons", FISH, "reefer40", np.random.default_rng(3), (hollow,))
    whole = packed("cartons", FISH, "reefer40", np.random.default_rng(3))
    assert goods.removed_kg == pytest.approx(whole.goods.mass_kg() - goods.goods.mass_kg(), rel=1e-3)
    volume = 1.0 * 0.6 * (2.29 if thick is None else thick)
    assert goods.removed_kg == pytest.approx(volume * FISH.density, rel=0.25)
    assert all(float(plane.min()) >= 0 for plane in goods.goods.planes.values())
    difference, (top, left, bottom, right), gained = _pictures((hollow,))
    assert difference[top:bottom, left:right].sum() <= 0.999 * difference.sum() < 0
    assert gained == pytest.approx(-goods.removed_kg, rel=1e-3)


def test_a_thick_hidden_thing_displaces_goods_and_a_thin_one_none() -> None:
    """Cartons make room for what is put among them."""
    thin = packed(
        "cartons",
        FISH,
        "reefer40",
        np.random.default_rng(3),
        (Hidden("aluminium", 60.0, (0.5, 0.5), (0.5, 0.3)),),
    )
    thick = packed(
        "cartons",
        FISH,
        "reefer40",
        np.random.default_rng(3),
        (Hidden("aluminium", 60.0, (0.5, 0.5), (0.5, 0.3), thick=0.5),),
    )
    assert thin.removed_kg == 0
    assert thick.removed_kg == pytest.approx(0.5 * 0.3 * 0.5 * FISH.density, rel=0.3)
    assert thick.goods.mass_kg() == pytest.approx(20_000 + 60 - thick.removed_kg, rel=1e-3)


def test_goods_stand_on_a_double_floor() -> None:
    """The layer weighs what it says and lifts the load by its height."""
    floor = DoubleFloor(0.2, "steel", 3_000.0)
    plain = packed("cartons", FISH, "reefer40", np.random.default_rng(3))
    raised = packed("cartons", FISH, "reefer40", np.random.default_rng(3), (floor,))
    assert raised.added_kg == 3_000
    assert raised.goods.mass_kg("steel") == pytest.approx(3_000, rel=0.01)
    assert raised.goods.mass_kg("fish") == pytest.approx(20_000, rel=0.01)
    grid = plain.goods.grid
    height = [
        float((pack.goods.plane("fish").sum(axis=1) * grid.y).sum() / pack.goods.plane("fish").sum())
        for pack in (plain, raised)
    ]
    assert height[1] - height[0] == pytest.approx(0.2, abs=0.06)


def test_a_swap_brings_other_goods_into_its_part_of_the_length() -> None:
    """Half of the declared fish gives way to sugar, far from the doors."""
    swap = Swap("sacks", Load("sugar", 9_000.0, 180, 850.0, (0.7, 0.15)), 0.5)
    mixed = packed("cartons", FISH, "reefer40", np.random.default_rng(3), (swap,))
    assert mixed.goods.mass_kg("sugar") == pytest.approx(9_000, rel=0.01)
    assert mixed.goods.mass_kg("fish") == pytest.approx(10_000, rel=0.01)
    assert mixed.removed_kg == pytest.approx(10_000)
    middle = [
        float(
            (mixed.goods.plane(name).sum(axis=0) * mixed.goods.grid.x).sum() / mixed.goods.plane(name).sum()
        )
        for name in ("sugar", "fish")
    ]
    assert middle[0] < middle[1] - 4


def test_a_thing_nearer_to_the_source_looks_taller() -> None:
    """The fan magnifies height with nearness, never length."""
    near = placed("dry40", (0.5, 0.5), (1.0, 0.5), 2.0, depth=-1.0)
    far = placed("dry40", (0.5, 0.5), (1.0, 0.5), 2.0, depth=1.0)
    assert near[3] > far[3] * 1.2
    assert near[2] == far[2] == 1.0


def test_a_shape_nobody_knows_is_refused() -> None:
    """With the known ones as the remedy."""
    with pytest.raises(InvalidValue, match="ellipsoid"):
        packed(
            "cartons",
            FISH,
            "reefer40",
            np.random.default_rng(0),
            (Hidden("lead", 1.0, (0.5, 0.5), (0.3, 0.3), "sphere"),),
        )


def test_the_place_is_the_same_at_any_pixel_size() -> None:
    """Boxes are metres; pixels follow from the pitch."""
    thing = Hidden("lead", 150.0, (0.3, 0.6), (0.5, 0.4))
    coarse = np.array(_pictures((thing,), pitch=0.02)[1])
    fine = np.array(_pictures((thing,), pitch=0.01)[1])
    assert np.abs(fine - 2 * coarse).max() <= 8


@pytest.mark.parametrize("pitch", [0.01, 0.024])
def test_mass_does_not_depend_on_the_pixel_size(pitch: float) -> None:
    """To 1 % of the load, at pixels half and more than what is usual."""
    goods = packed("big_bags", FISH, "high40", np.random.default_rng(3), pitch=pitch)
    assert goods.goods.mass_kg() == pytest.approx(20_000, rel=0.01)
    assert goods.goods.grid.pitch == pitch


def test_habits_show_doors_left_free_bricks_and_pallets() -> None:
    """Free metres by the doors are empty; bricks hide the joints of columns; pallets lift cartons."""

    def columns(**habit: object) -> tuple[np.ndarray, np.ndarray]:
        load = Load("fish", 20_000.0, 900, 520.0, (0.4, 0.16), **habit)  # type: ignore[arg-type]
        goods = packed("cartons", load, "reefer40", np.random.default_rng(3)).goods
        return goods.plane("fish").sum(axis=0), goods.plane("fish").sum(axis=1)

    plain, rows = columns()
    doors, _ = columns(doors=1.5)
    bricks, _ = columns(pattern=1.0)
    _, lifted = columns(pallet="wood")
    end = int(np.flatnonzero(plain > 0)[-1])
    assert np.flatnonzero(doors > 0)[-1] <= end - 60
    body = slice(100, 500)
    assert bricks[body].std() < 0.8 * plain[body].std()
    assert np.flatnonzero(lifted > 0.01 * lifted.max())[-1] < np.flatnonzero(rows > 0.01 * rows.max())[-1]


def test_a_pallet_nobody_knows_is_refused() -> None:
    """And so is a load of nothing."""
    with pytest.raises(InvalidValue, match="euro"):
        Load("fish", 1.0, 1, 1.0, (1.0, 1.0), pallet="gold")
    with pytest.raises(InvalidValue, match="empty container"):
        Load("fish", 0.0, 1, 1.0, (1.0, 1.0))
