"""Packages counted on drawn grids, and their number from what a code's declarations taught."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from xray_encoder.packages import VOTES, Packages, Visible, count

FISH, COTTON, GRAIN = "0303540000", "5201009050", "2304000000"


def grid(
    columns: int,
    layers: int,
    *,
    wide: int = 14,
    tall: int = 9,
    air: int = 30,
    block: int = 1,
    stray: float = 0.0,
    seed: int = 1,
) -> np.ndarray:
    """Stacks of packages with gaps and seams on a floor, `air` rows above them, pixel noise all over.

    block: stacks side by side before the gap widens; stray: share by which widths differ.
    """
    rng = np.random.default_rng(seed)
    widths = np.round(wide * (1 + stray * rng.standard_normal(columns))).astype(int)
    goods = np.ones((layers * tall, int(widths.sum())))
    goods[::-tall] *= 0.8
    for n, edge in enumerate(np.cumsum(widths) - 1):
        goods[:, edge] *= 0.6 if (n + 1) % block == 0 else 0.85
    picture = np.vstack([np.zeros((air, goods.shape[1])), 1.5 * goods])
    return picture + 0.01 * rng.standard_normal(picture.shape)


@pytest.mark.parametrize(("columns", "layers"), [(8, 5), (20, 9), (37, 12)])
def test_columns_and_layers_of_a_drawn_grid_are_counted(columns: int, layers: int) -> None:
    """What was drawn is found, with confidence."""
    found = count(grid(columns, layers))
    assert found.columns == columns
    assert found.layers == pytest.approx(layers, rel=0.03)
    assert found.period == pytest.approx(14, abs=0.5)
    assert found.regular


def test_widths_that_stray_are_counted_to_one() -> None:
    """A packer's hand: widths differ by 6 %, so that no strict period runs through the load."""
    for seed in range(5):
        found = count(grid(30, 8, stray=0.06, seed=seed))
        assert abs(found.columns - 30) <= 1
        assert found.regular


def test_blocks_of_columns_are_not_taken_for_columns() -> None:
    """Every third gap is wider: the columns count, not the blocks."""
    assert count(grid(30, 8, block=3)).columns == 30
    assert count(grid(30, 8, block=2)).columns == 30


def test_a_known_width_settles_what_is_one_column() -> None:
    """Told that packages are three times as wide, the same picture shows blocks."""
    shown = grid(30, 8, block=3)
    assert count(shown, period=42.0).columns == 10
    assert count(shown, period=14.0).columns == 30


def test_mirrored_and_repeated_counts_agree() -> None:
    """Which way the truck drives does not matter, nor does the unit of the picture."""
    shown = grid(20, 9)
    assert count(shown[:, ::-1]).columns == count(shown).columns == count(37.0 * shown).columns


def test_heaps_and_emptiness_show_nothing_regular() -> None:
    """A smooth heap with noise, an empty box and a tiny one have no packages to count."""
    rng = np.random.default_rng(2)
    surface = 40 + 12 * np.sin(np.linspace(0, 5, 400))
    heap = np.where(np.arange(120)[:, None] > surface, 1.5, 0.0) + 0.05 * rng.standard_normal((120, 400))
    assert not count(heap).regular
    assert not count(np.zeros((80, 300))).regular
    assert count(np.ones((4, 4))).columns == 0


def taught(number: int = 24) -> tuple[list[Visible], list[str], list[float], list[float | None]]:
    """Fish cartons of 20 kg, four rows deep; cotton bales of 220 kg, two rows deep; grain in bulk."""
    rng = np.random.default_rng(9)
    visible, codes, declared, mass = [], [], [], []
    for _ in range(number):
        for code, rows, kilograms in ((FISH, 4, 20.0), (COTTON, 2, 220.0)):
            columns, layers = int(rng.integers(12, 30)), int(rng.integers(5, 12))
            packages = rows * columns * layers
            visible.append(Visible(columns, float(layers), 20.0, 8.0, layers / 14, 0.9))
            codes.append(code)
            declared.append(float(packages))
            mass.append(packages * kilograms * math.exp(0.01 * rng.standard_normal()))
        visible.append(Visible(0, None, 0.0, 0.0, 0.5, 0.0))
        codes.append(GRAIN)
        declared.append(1.0)
        mass.append(24_000.0)
    return visible, codes, declared, mass


def test_rows_in_depth_and_weight_are_learned_for_each_code() -> None:
    """Both the picture and the mass give the number, and together they are surer than either."""
    packages = Packages.fit(*taught())
    side = Visible(20, 8.0, 20.0, 8.0, 8 / 14, 0.9)
    both = packages.estimate(side, FISH, 640 * 20.0)
    assert both is not None
    assert both.votes == VOTES
    assert both.best == pytest.approx(640, rel=0.02)
    assert both.low < 640 < both.high
    by_mass = packages.estimate(Visible(0, None, 0.0, 0.0, 0.5, 0.0), FISH, 640 * 20.0)
    assert by_mass is not None
    assert by_mass.votes == ("mass",)
    assert by_mass.best == pytest.approx(640, rel=0.02)
    by_eye = packages.estimate(side, COTTON, None)
    assert by_eye is not None
    assert by_eye.best == pytest.approx(320, rel=0.02)
    assert both.confidence >= by_mass.confidence > 0.9


def test_a_number_far_from_what_is_seen_is_odd() -> None:
    """Honest numbers lie within the usual error, a fifth more does not."""
    packages = Packages.fit(*taught())
    side = Visible(20, 8.0, 20.0, 8.0, 8 / 14, 0.9)
    assert packages.oddness(640, side, FISH, 640 * 20.0) < 1.5
    assert packages.oddness(768, side, FISH, 640 * 20.0) > 5
    assert packages.oddness(512, side, FISH, 640 * 20.0) > 5


def test_where_picture_and_mass_disagree_the_estimate_is_less_sure() -> None:
    """Twice the mass in the same stacks: something else weighs there, and the number says so."""
    packages = Packages.fit(*taught())
    side = Visible(20, 8.0, 20.0, 8.0, 8 / 14, 0.9)
    agreed = packages.estimate(side, FISH, 640 * 20.0)
    apart = packages.estimate(side, FISH, 1280 * 20.0)
    assert agreed is not None
    assert apart is not None
    assert apart.spread > 5 * agreed.spread


def test_bulk_and_unknown_goods_are_not_counted() -> None:
    """A lot of bulk is one package; a chapter never seen, and a model never taught, say nothing."""
    packages = Packages.fit(*taught())
    nothing = Visible(0, None, 0.0, 0.0, 0.5, 0.0)
    assert packages.estimate(nothing, GRAIN, 24_000.0) is None
    assert math.isnan(packages.oddness(1, nothing, GRAIN, 24_000.0))
    assert packages.estimate(nothing, "9401610000", 9_000.0) is None
    assert Packages().estimate(nothing, FISH, 24_000.0) is None


def test_what_was_learned_survives_saving() -> None:
    """The same numbers after a trip through JSON."""
    packages = Packages.fit(*taught())
    again = Packages.read(packages.tensors(), json.loads(json.dumps(packages.about())))
    side = Visible(20, 8.0, 20.0, 8.0, 8 / 14, 0.9)
    assert again.estimate(side, FISH, 12_800.0) == packages.estimate(side, FISH, 12_800.0)
