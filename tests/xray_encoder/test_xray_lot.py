"""The odd container of a lot: found by what lots differ in, with few others a weak witness."""

from __future__ import annotations

import numpy as np
import pytest

from customs.errors import InvalidValue
from xray_encoder.lot import Lots, centre_of

D = 10


def lots_of(count: int, size: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """Lots lie 4 apart in three features; within a lot one unit, in the last feature twenty."""
    rng = np.random.default_rng(seed)
    place = np.zeros((count, D))
    place[:, :3] = 4.0 * rng.normal(size=(count, 3))
    x = np.repeat(place, size, axis=0) + rng.normal(size=(count * size, D))
    x[:, -1] *= 20.0
    return x, [f"lot {i // size}" for i in range(count * size)]


@pytest.fixture(scope="module")
def lots() -> Lots:
    return Lots.fit(*lots_of(80, 4, seed=0))


def swapped(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(200 lots, size, D), and for each a scan of another lot."""
    x, _ = lots_of(200, size, seed)
    x = x.reshape(200, size, D)
    return x, np.roll(x[:, 0], 1, axis=0)


@pytest.mark.parametrize(("size", "least"), [(2, 0.88), (5, 0.93)])
def test_a_scan_of_another_lot_is_odder_than_the_lots_own(lots: Lots, size: int, least: float) -> None:
    x, others = swapped(size, seed=1)
    own = np.asarray([lots.oddness(lot[0], lot[1:]) for lot in x])
    odd = np.asarray([lots.oddness(o, lot[1:]) for o, lot in zip(others, x, strict=True)])
    assert (odd[:, None] > own[None]).mean() > least


def test_more_containers_make_a_better_witness(lots: Lots) -> None:
    """The same difference is odder among ten than beside one."""
    lot = np.zeros((10, D))
    odd = np.zeros(D)
    odd[:3] = 5.0
    assert lots.oddness(odd, lot) > lots.oddness(odd, lot[:3]) > lots.oddness(odd, lot[:1])


def test_false_alarms_do_not_depend_on_the_size_of_the_lot(lots: Lots) -> None:
    """One threshold, held-out lots: about as many clean scans of small lots pass it as of large ones."""
    few = np.concatenate([lots.each(lot) for lot in swapped(2, seed=2)[0]])
    many = np.concatenate([lots.each(lot) for lot in swapped(6, seed=3)[0]])
    limit = np.quantile(np.concatenate([few, many[: len(few)]]), 0.95)
    assert 0.01 < (few > limit).mean() < 0.12
    assert 0.01 < (many > limit).mean() < 0.12


def test_one_bad_container_does_not_make_the_good_ones_odd(lots: Lots) -> None:
    x = np.zeros((6, D))
    x[2, :3] = 8.0
    odd = lots.each(x)
    assert odd.argmax() == 2
    assert np.delete(odd, 2).max() < 0 < odd[2]


def test_a_median_stays_with_the_majority() -> None:
    points = np.vstack([np.zeros((3, 2)), [[1e6, 0.0], [0.0, 1e6]]])
    np.testing.assert_allclose(centre_of(points), 0.0, atol=1.0)
    np.testing.assert_array_equal(centre_of(np.asarray([[0.0], [4.0]])), [2.0])


def test_a_lot_of_one_cannot_be_judged(lots: Lots) -> None:
    assert np.isnan(lots.oddness(np.zeros(D), np.empty((0, D))))
    assert np.isnan(lots.each(np.zeros((1, D)))).all()


def test_alone_and_together_are_the_same_and_so_is_a_read_one(lots: Lots) -> None:
    x = lots_of(1, 5, seed=8)[0]
    again = Lots.read(lots.tensors(), lots.about())
    for i in range(5):
        rest = np.delete(x, i, axis=0)
        assert lots.each(x)[i] == lots.oddness(x[i], rest) == again.oddness(x[i], rest)


def test_lots_that_teach_nothing_are_refused(lots: Lots) -> None:
    with pytest.raises(InvalidValue, match="1 lots have two scans or more"):
        Lots.fit(np.eye(4), ["a", "a", "b", ""])
    with pytest.raises(InvalidValue, match="features"):
        lots.oddness(np.zeros(3), np.zeros((2, D)))
