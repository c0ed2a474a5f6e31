"""The Scan type."""

import numpy as np
import pytest

from customs import InvalidValue, Scan


def test_attenuation_of_a_saturated_pixel_is_the_bound_of_its_depth() -> None:
    scan = Scan(np.array([[[1.0, 0.5, 0.0]]], dtype=np.float32), bit_depth=8)
    assert scan.attenuation()[0].tolist() == pytest.approx([0.0, np.log(2), np.log(510)], abs=1e-5)
    assert scan.saturated_fraction == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("pixels", "energies"),
    [
        (np.ones((4, 4), np.float32), ("6MV",)),
        (np.ones((1, 4, 4), np.float64), ("6MV",)),
        (np.ones((2, 4, 4), np.float32), ("6MV",)),
        (np.full((1, 4, 4), np.nan, np.float32), ("6MV",)),
        (np.full((1, 4, 4), -0.1, np.float32), ("6MV",)),
        (np.ones((1, 0, 4), np.float32), ("6MV",)),
    ],
)
def test_what_is_no_transmission_is_refused(pixels: np.ndarray, energies: tuple[str, ...]) -> None:
    with pytest.raises(InvalidValue) as caught:
        Scan(pixels, energies)
    assert caught.value.problems[0].field == "scan"


def test_pixels_cannot_be_changed_behind_a_scans_back() -> None:
    scan = Scan(np.ones((1, 2, 2), np.float32))
    with pytest.raises(ValueError, match="read-only"):
        scan.transmission[0, 0, 0] = 0.5


def test_a_material_plane_has_the_size_of_the_energies() -> None:
    ones = np.ones((1, 4, 6), np.float32)
    assert Scan(ones.copy(), material=np.ones((4, 6), np.float32)).material is not None
    with pytest.raises(InvalidValue, match="material"):
        Scan(ones, material=np.ones((4, 5), np.float32))
