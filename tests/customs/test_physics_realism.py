"""Statistics of pictures, and how near simulated ones come to real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from customs.errors import InvalidValue
from customs.physics.realism import RECIPES, realism, simulated, statistics


def _canonical(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    from customs.scan import Scan
    from xray_encoder.reading import find_container

    scan = Scan((picture.astype(np.float32) / 255.0)[None], bit_depth=8)
    return find_container(scan).canonical(scan, (128, 384), 4.0)


def _columns(width: int, tall: float) -> npt.NDArray[np.float32]:
    crop = np.zeros((128, 384), dtype=np.float32)
    crop[round(128 * (1 - tall)) :] = 2.0
    crop[:, ::width] = 0.2
    return crop


@pytest.mark.parametrize("width", [16, 24, 48])
def test_the_period_of_columns_is_found(width: int) -> None:
    """Gaps every so many columns, as a share of the length."""
    assert statistics(_columns(width, 0.8)).period == pytest.approx(width / 384, rel=0.1)


def test_fill_roughness_and_histogram_say_what_they_should() -> None:
    """A flat block is smooth, a saw is rough; shares sum to one; an even face has no period."""
    flat = np.zeros((128, 384), dtype=np.float32)
    flat[64:] = 2.0
    found = statistics(flat)
    assert found.fill == pytest.approx(0.5, abs=0.02)
    assert found.roughness < 0.001
    assert sum(found.histogram) == pytest.approx(1.0)
    assert found.histogram[0] == pytest.approx(0.5)
    assert np.isnan(found.period)
    saw = flat.copy()
    for column in range(384):
        saw[64 - (column % 24) : 64, column] = 2.0
    assert statistics(saw).roughness > 0.03


def test_a_crop_too_small_is_refused() -> None:
    """There is nothing to measure on a stamp."""
    with pytest.raises(InvalidValue, match="too small"):
        statistics(np.zeros((8, 8), dtype=np.float32))
    with pytest.raises(InvalidValue, match="0202"):
        simulated("9999", np.random.default_rng(0))


def test_pictures_are_as_near_to_themselves_as_can_be() -> None:
    """Simulated crops compared with simulated ones of the same heading: a small distance."""
    own = {"1202": [_canonical(simulated("1202", np.random.default_rng(n))) for n in range(4)]}
    row = realism(own, _canonical, count=4, seed=1)["1202"]
    assert row["histogram"] < 0.25
    assert row["fill_simulated"] == pytest.approx(row["fill_real"], abs=0.08)
    other = realism({"4011": own["1202"]}, _canonical, count=3)["4011"]
    assert other["histogram"] > 2 * row["histogram"]


@pytest.mark.eval_data
def test_simulated_pictures_lie_near_the_real_ones(eval_data: Path) -> None:
    """−ln T within .45 of 4, roughness within .045 and fill within .15 of the height, and a period within a
    factor of 2.5 where both repeat."""
    from PIL import Image

    real: dict[str, list[npt.NDArray[np.float32]]] = {}
    for path in sorted((eval_data / "xray" / "ajna_containers_by_hs4").glob("*.jpg")):
        real.setdefault(path.name[:4], []).append(_canonical(np.asarray(Image.open(path).convert("L"))))
    found = realism(real, _canonical, count=5)
    assert set(found) == set(real) & set(RECIPES)
    for heading, row in found.items():
        assert row["histogram"] < 0.45, (heading, row)
        assert abs(row["roughness_real"] - row["roughness_simulated"]) < 0.045, (heading, row)
        assert abs(row["fill_real"] - row["fill_simulated"]) < 0.15, (heading, row)
        if heading != "0000" and np.isfinite(row["period_real"]) and np.isfinite(row["period_simulated"]):
            ratio = row["period_simulated"] / row["period_real"]
            assert 1 / 2.5 < ratio < 2.5, (heading, row)
