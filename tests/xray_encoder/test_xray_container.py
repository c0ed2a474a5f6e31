"""Where the container is: cooling unit apart from cargo, several containers, and scans turned upright."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from customs.scan import Scan
from xray_encoder.reading import find_container, find_containers, read_scan
from xray_encoder.reading.upright import find_way

PITCH = (0.02, 0.02)


def truck(
    columns: int = 640, *, motor: int = 0, load: float = 0.05, fill: float = 0.6, seed: int = 0
) -> np.ndarray:
    """Transmission of a container on wheels, float32 (190, columns), perhaps with a unit on the right."""
    rng = np.random.default_rng(seed)
    t = np.ones((190, columns), dtype=np.float32)
    left, right, top, floor = 15, columns - 15, 20, 140
    t[top : floor + 8, left:right] *= 0.86
    t[top : top + 2, left:right] *= 0.5
    for post in (left, right - 6):
        t[top : floor + 8, post : post + 6] *= 0.1
    t[floor : floor + 2, left:right] *= 0.15
    surface = floor - int(fill * (floor - top))
    inner = right - 6 - motor
    for column in range(left + 8, inner - 30, 32):
        t[surface + int(rng.integers(0, 6)) : floor, column : column + 30] *= load
    if motor:
        unit = rng.uniform(0.15, 0.4, (floor - top - 6, 1)) * rng.uniform(0.9, 1.1, (1, motor))
        t[top + 6 : floor, inner : right - 6] *= unit.astype(np.float32)
    t[floor + 8 : floor + 14, 5 : columns - 5] *= 0.1
    for wheel in (60, 110, columns - 120):
        t[floor + 14 :, wheel : wheel + 36] *= 0.05
    return t


def scan_of(t: np.ndarray) -> Scan:
    return Scan(np.ascontiguousarray(t, dtype=np.float32)[None], pixel_pitch_m=PITCH)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("fill", [0.0, 0.6, 0.95])
def test_the_cooling_unit_is_no_cargo(mirrored: bool, fill: float) -> None:
    """At either end, beside an empty room, a low and a high load."""
    t = truck(motor=20, fill=fill)
    crop = find_container(scan_of(t[:, ::-1] if mirrored else t))
    assert crop.motor is not None
    edge = 640 - 15 - 6 - 20  # where the unit starts
    inner = 640 - crop.motor[3] if mirrored else crop.motor[1]
    assert abs(inner - edge) <= 4
    if mirrored:
        assert crop.cargo[1] == crop.motor[3]
        assert crop.motor[1] == crop.container[1]
    else:
        assert crop.cargo[3] == crop.motor[1]
        assert crop.motor[3] == crop.container[3]


@pytest.mark.parametrize("fill", [0.0, 0.6, 0.95])
def test_a_dry_container_has_no_cooling_unit(fill: float) -> None:
    assert find_container(scan_of(truck(fill=fill))).motor is None


def test_goods_alike_at_both_ends_are_no_cooling_unit() -> None:
    """Even a stack that is as narrow, dense and tall as one."""
    t = truck(fill=0.0)
    for column in (21, 640 - 21 - 20):
        t[26:140, column : column + 20] *= 0.25
    assert find_container(scan_of(t)).motor is None


def test_a_20_footer_has_no_cooling_unit() -> None:
    assert find_container(scan_of(truck(columns=340, motor=20))).motor is None


def test_two_containers_on_one_truck_are_two() -> None:
    """With a hand's breadth of air between their posts; the longest is the container."""
    one, two = truck(columns=330, seed=1), truck(columns=370, fill=0.9, seed=2)
    t = np.concatenate([one[:, :-13], two[:, 13:]], axis=1)
    left, right = find_containers(scan_of(t))
    assert np.abs(np.subtract(left.container, (20, 15, 148, 315))).max() <= 8
    assert np.abs(np.subtract(right.container, (20, 319, 148, 659))).max() <= 8
    assert find_container(scan_of(t)).container == right.container


@pytest.mark.parametrize("fill", [0.0, 0.5, 0.95])
def test_one_container_is_not_parted_at_a_gap_in_its_load(fill: float) -> None:
    """Air between goods is behind walls, which are not air."""
    t = truck(fill=fill)
    t[22:140, 300:330] = 0.86
    assert len(find_containers(scan_of(t))) == 1


WAYS = {
    "as it is": (lambda t: t, ()),
    "mirrored": (lambda t: t[:, ::-1], ()),
    "upside down": (lambda t: t[::-1], ("upside-down",)),
    "turned by half": (lambda t: t[::-1, ::-1], ("upside-down",)),
    "turned left": (np.rot90, ("turned",)),
    "turned right": (lambda t: np.rot90(t, 3), ("turned",)),
}


@pytest.mark.parametrize("dark_air", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_scan_is_set_upright_whichever_way_it_is_drawn(way: str, dark_air: bool) -> None:
    """Left and right cannot be told apart; everything else comes out as it was."""
    change, told = WAYS[way]
    t = truck(motor=20)
    shown = change(1 - t if dark_air else t)
    scan = read_scan(npy(np.ascontiguousarray(shown)))
    assert scan.orientation == told
    assert scan.transmission.shape[1:] == t.shape
    difference = min(np.abs(scan.transmission[0] - u).max() for u in (t, t[:, ::-1]))
    assert difference < 1e-5


def test_turning_a_scan_turns_its_pitch_with_it() -> None:
    turned = read_scan(tiff(np.rot90(truck()), [0.03, 0.02]))
    assert turned.orientation == ("turned",)
    assert turned.pixel_pitch_m == (0.02, 0.03)


def test_a_scan_from_above_has_no_upside() -> None:
    assert read_scan(tiff(truck()[::-1], [0.02, 0.02], view="top")).orientation == ()


def npy(array: np.ndarray) -> bytes:
    import io

    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def tiff(plane: np.ndarray, pitch: list[float], view: str = "side") -> bytes:
    import io
    import json

    import tifffile

    out = io.BytesIO()
    note = json.dumps({"pixel_pitch_m": pitch, "view": view})
    grey = np.ascontiguousarray(np.round(plane * 65535).astype(np.uint16))
    tifffile.imwrite(out, grey, description=note, metadata=None)
    return out.getvalue()


@pytest.mark.eval_data
def test_real_containers_are_found_and_set_upright_in_either_polarity(eval_data: Path) -> None:
    """Twenty crops and nine trucks: unturned as they are, turned back when upside down, cargo inside its box.

    A crop right along the container, with no air around, keeps its polarity too.
    """
    files = sorted((eval_data / "xray").glob("ajna_containers_by_hs4/*.jpg"))
    files += sorted((eval_data / "xray").glob("full_scans/*.jpg"))
    assert len(files) >= 29
    for path in files:
        scan = read_scan(path.read_bytes())
        assert scan.orientation == (), path.name
        crop = find_container(scan)
        top, left, bottom, right = crop.container
        assert top < crop.cargo[0] < crop.cargo[2] <= bottom
        assert left < crop.cargo[1] < crop.cargo[3] < right
        assert right - left > 0.55 * scan.width
        t = scan.transmission[0, :: max(scan.height // 256, 1), :: max(scan.height // 256, 1)]
        tight = scan.transmission[0, top:bottom, left:right]
        for inverted in (False, True):
            way = find_way(1 - t[::-1] if inverted else t[::-1])
            assert (way.flip, way.air_bright) == (True, not inverted), path.name
            way = find_way(1 - tight if inverted else tight)
            assert (way.changes, way.air_bright) == ((), not inverted), path.name
