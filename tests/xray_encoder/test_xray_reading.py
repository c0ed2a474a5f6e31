"""Scans from strangers' bytes: polarity, depth, energies, container, and everything that is not a scan."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from customs.errors import UnreadableFile
from xray_encoder.reading import find_container, read_scan


def container(rows: int = 200, columns: int = 600, *, truck: bool = False) -> np.ndarray:
    """Transmission of a simple loaded container, float (rows, columns): air around, load at the bottom."""
    t = np.ones((rows, columns))
    top, bottom, left, right = (20, 150, 120, 520) if truck else (8, rows - 4, 10, columns - 10)
    t[top:bottom, left:right] *= 0.85
    t[top : top + 2, left:right] *= 0.5
    t[top:bottom, left : left + 4] *= 0.2
    t[top:bottom, right - 4 : right] *= 0.2
    floor = bottom - 8
    t[floor : floor + 2, left:right] *= 0.2
    for column in range(left + 12, right - 40, 40):
        t[top + 40 : floor, column : column + 36] *= 0.02
    if truck:
        t[bottom + 4 : bottom + 30, left + 20 : left + 60] *= 0.05
    return t


def encoded(array: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    """Bytes of a picture."""
    out = io.BytesIO()
    Image.fromarray(array).save(out, format=form, **options)
    return out.getvalue()


def grey8(t: np.ndarray) -> np.ndarray:
    return np.round(t * 255).astype(np.uint8)


def grey16(t: np.ndarray) -> np.ndarray:
    return np.round(t * 65535).astype(np.uint16)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG"])
def test_an_8_bit_picture_is_read_as_transmission_and_marked_degraded(form: str) -> None:
    t = container()
    scan = read_scan(encoded(grey8(t), form), name="a")
    assert scan.degraded == ("8-bit",)
    assert scan.bit_depth == 8
    assert np.abs(scan.transmission[0] - t).mean() < 0.02


@pytest.mark.parametrize("dark_air", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_polarity_is_found_from_the_picture(dark_air: bool, depth: int) -> None:
    """Air bright or air dark, the same transmission comes out."""
    t = container()
    array = grey8(t) if depth == 8 else grey16(t)
    if dark_air:
        array = np.iinfo(array.dtype).max - array
    scan = read_scan(encoded(array))
    assert np.abs(scan.transmission[0] - t).max() < 0.02


def test_a_16_bit_picture_is_not_degraded_and_keeps_its_depth() -> None:
    scan = read_scan(encoded(grey16(container())))
    assert scan.degraded == ()
    assert scan.bit_depth == 16


def test_a_pseudo_coloured_picture_is_marked() -> None:
    """False colours are not transmission; measuring on them must stop."""
    g = grey8(container()).astype(float)
    array = np.stack([g, 255 - g, np.abs(g - 128)], axis=2).astype(np.uint8)
    assert "pseudo-colour" in read_scan(encoded(array)).degraded


def two_pages(note: dict | None) -> bytes:
    import tifffile

    out = io.BytesIO()
    t = container()
    with tifffile.TiffWriter(out) as file:
        for i, plane in enumerate((grey16(t**0.9), grey16(t))):
            described = json.dumps(note) if note is not None and i == 0 else None
            file.write(plane, description=described, metadata=None)
    return out.getvalue()


def test_two_pages_are_two_energies_sorted_lowest_first() -> None:
    """The description names them highest first; the planes change places with their names."""
    note = {"energies": ["9MV", "6MV"], "pixel_pitch_m": [0.02, 0.03], "scanner": "gate-1", "view": "top"}
    scan = read_scan(two_pages(note))
    assert scan.energies == ("6MV", "9MV")
    assert scan.pixel_pitch_m == (0.02, 0.03)
    assert (scan.scanner, scan.view) == ("gate-1", "top")
    assert scan.transmission[0].mean() < scan.transmission[1].mean()


def test_pages_without_a_description_are_low_and_high() -> None:
    assert read_scan(two_pages(None)).energies == ("low", "high")


@pytest.mark.parametrize(
    "note", [{"energies": ["6MV"]}, {"energies": "6MV"}, {"pixel_pitch_m": [0.02]}, {"pixel_pitch_m": [0, 1]}]
)
def test_a_description_that_cannot_be_is_refused(note: dict) -> None:
    with pytest.raises(UnreadableFile, match="ImageDescription"):
        read_scan(two_pages(note))


def png_of_size(width: int, height: int) -> bytes:
    """A PNG header that promises width × height and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


BROKEN = {
    "empty": b"",
    "text named .png": b"this is not a picture\n" * 9,
    "truncated": encoded(grey8(container()))[:400],
    "144 megapixels": png_of_size(12_000, 12_000),
    "one grey": encoded(np.full((64, 64), 200, dtype=np.uint8)),
    "too small": encoded(np.eye(8, dtype=np.uint8) * 255),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_a_scan_is_one_clear_error(data: bytes) -> None:
    """Each names the field and what to do."""
    with pytest.raises(UnreadableFile) as caught:
        read_scan(data, field="upload")
    problem = caught.value.problems[0]
    assert problem.field == "upload"
    assert problem.remedy


@pytest.mark.parametrize("truck", [False, True])
def test_the_container_is_found_alone_and_on_its_truck(truck: bool) -> None:
    t = container(truck=truck)
    crop = find_container(read_scan(encoded(grey16(t))))
    top, bottom, left, right = (20, 150, 120, 520) if truck else (8, 196, 10, 590)
    assert np.abs(np.subtract(crop.container, (top, left, bottom, right))).max() <= 6
    assert abs(crop.cargo[2] - (bottom - 8)) <= 4, "the cargo ends on the floor"
    assert crop.wall == pytest.approx(-np.log(0.85), abs=0.03)


def test_a_mirrored_scan_gives_the_mirrored_crop() -> None:
    t = container(truck=True)
    one = find_container(read_scan(encoded(grey16(t)))).container
    two = find_container(read_scan(encoded(grey16(t[:, ::-1])))).container
    assert abs((600 - two[3]) - one[1]) <= 2


def test_noise_without_a_container_does_not_fail() -> None:
    noise = np.random.default_rng(0).integers(0, 65535, (80, 90)).astype(np.uint16)
    crop = find_container(read_scan(encoded(noise)))
    assert crop.canonical(read_scan(encoded(noise)), (32, 64)).shape == (32, 64)


def test_reading_does_not_import_torch() -> None:
    code = "import sys, xray_encoder.reading; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.eval_data
def test_real_scans_read_alike_in_both_polarities(eval_data: Path) -> None:
    """Twenty container crops and nine whole trucks."""
    files = sorted((eval_data / "xray").glob("ajna_containers_by_hs4/*.jpg"))[::3]
    files += sorted((eval_data / "xray").glob("full_scans/*.jpg"))[::4]
    assert files
    for path in files:
        with Image.open(path) as image:
            small = image.convert("L").reduce(2)
        array = np.asarray(small)
        one, two = read_scan(encoded(array)), read_scan(encoded(255 - array))
        assert np.abs(one.transmission - two.transmission).mean() < 0.03, path.name
        assert one.transmission[0, :6].mean() > 0.85, path.name
