"""What stands out of a load."""

import numpy as np
import pytest

from xray_encoder.inserted import Standouts, peak
from xray_encoder.reading.container import resample
from xray_encoder.rivals.contrast import SHAPE, standout

ROWS, COLUMNS = 128, 384
RNG = np.random.default_rng(5)


def seen(load: np.ndarray) -> np.ndarray:
    """What the contrast looks at, from −ln(transmission), with noise."""
    noisy = np.exp(-load) * (1 + 0.01 * RNG.standard_normal(load.shape))
    return -np.log(resample(np.clip(noisy, 1e-5, 1).astype(np.float32), SHAPE))


def load(kind: str) -> np.ndarray:
    """−ln(transmission) of loads that are usual in their own ways."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS].astype(float)
    match kind:
        case "block":
            return np.where(y > 40, 4.0, 0.05)
        case "columns":
            return np.where((y > 30) & (x % 48 < 40), 3.0, 0.05)
        case "steps":
            return np.where(y > 90 - 20 * (x // 96), 3.5, 0.05)
        case "heap":
            return np.clip((y - 110 + 70 * np.exp(-(((x - 190) / 90) ** 2))) / 12, 0, 5)
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["block", "columns", "steps", "heap"])
def test_usual_loads_stand_out_less_than_a_block_inside_them(kind: str) -> None:
    clean = load(kind)
    hidden = clean.copy()
    hidden[80:100, 200:226] += 2.0
    before, after = (peak(standout(seen(a))) for a in (clean, hidden))
    assert after[0] > before[0] + 0.5
    assert after[1] == pytest.approx(213 / COLUMNS, abs=0.03)
    assert after[2] == pytest.approx(1 - 90 / ROWS, abs=0.06)


def test_a_mirrored_load_stands_out_as_much() -> None:
    hidden = load("steps")
    hidden[80:100, 120:146] += 2.0
    there, mirrored = (peak(standout(seen(a))) for a in (hidden, hidden[:, ::-1]))
    assert there[0] == pytest.approx(mirrored[0], abs=0.05)
    assert there[1] == pytest.approx(1 - mirrored[1], abs=0.02)


def test_goods_that_stand_out_by_themselves_are_compared_with_their_own() -> None:
    """A refrigerator's compressor is no contraband; the same in frozen fish is."""
    rng = np.random.default_rng(0)
    codes = ["8418101000"] * 20 + ["0303670000"] * 20
    peaks = [*(2.0 + 0.1 * rng.standard_normal(20)), *(0.3 + 0.05 * rng.standard_normal(20))]
    standouts = Standouts.fit(peaks, codes)
    assert standouts.oddness(2.0, "8418101000") < 1 < 3 < standouts.oddness(2.0, "0303670000")
    assert standouts.usual("0303110000")[0] < 0.6, "a sister code falls back on its heading"
    assert standouts.usual("9999999999") == standouts.of["all"]


def test_the_heat_map_shows_the_place_that_stands_out_and_nothing_else() -> None:
    standouts = Standouts({"all": (0.5, 0.1)})
    values = np.full(SHAPE, 0.4, dtype=np.float32)
    values[10, 20] = 2.0
    heat = standouts.heat(values, "")
    assert heat[10, 20] == 1.0
    assert heat.sum() == 1.0
