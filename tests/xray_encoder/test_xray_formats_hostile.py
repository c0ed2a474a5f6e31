"""Broken and hostile scans: always a `Scan` or one error that an officer can act on, in little memory."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from customs.errors import CustomsError, UnreadableFile
from customs.scan import Scan
from xray_encoder.reading import dicos, find_container, read_scan, vendor


def plane() -> np.ndarray:
    t = np.ones((48, 96))
    t[5:40, 8:88] *= 0.85
    t[18:38, 12:84] *= 0.05
    t[38:40, 8:88] *= 0.2
    return t


T = plane()
GREY = np.round(T * 65535).astype(np.uint16)


def picture(array: np.ndarray, form: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, form)
    return out.getvalue()


def tiff(**options: object) -> bytes:
    import tifffile

    out = io.BytesIO()
    with tifffile.TiffWriter(out, bigtiff=bool(options.pop("big", False))) as file:
        for page in (GREY, GREY):
            file.write(page, description=json.dumps({"scanner": "a"}), metadata=None, **options)
    return out.getvalue()


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def element(tag: int, kind: bytes, body: bytes) -> bytes:
    """One DICOM element, explicit little endian."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + kind
    long = kind in (b"OW", b"OB", b"SQ", b"UN")
    return head + (struct.pack("<HI", 0, len(body)) if long else struct.pack("<H", len(body))) + body


def dicom(
    rows: int = 48,
    columns: int = 96,
    frames: bytes = b"",
    syntax: bytes = b"1.2.840.10008.1.2.1\0",
    **changes: bytes,
) -> bytes:
    """A DICOM file written by hand, so that it can lie."""
    meta = element(0x00020010, b"UI", syntax) + element(0x00020002, b"UI", changes.get("kind", b"1.2\0"))
    body = element(0x00280002, b"US", struct.pack("<H", 1)) + element(0x00280004, b"CS", b"MONOCHROME2 ")
    body += element(0x00280008, b"IS", frames) if frames else b""
    for tag, value in ((0x10, rows), (0x11, columns), (0x100, 16), (0x101, 16), (0x102, 15), (0x103, 0)):
        body += element(0x00280000 | tag, b"US", struct.pack("<H", value))
    body += element(0x7FE00010, b"OW", GREY.tobytes())
    body = changes.get("body", body)
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", struct.pack("<I", len(meta))) + meta + body


FORMS = {
    "png 8": picture((T * 255).astype(np.uint8), "PNG"),
    "png 16": picture(GREY, "PNG"),
    "jpeg": picture((T * 255).astype(np.uint8), "JPEG"),
    "tiff": tiff(),
    "tiff deflated": tiff(compression="zlib"),
    "tiff tiled": tiff(tile=(16, 16)),
    "bigtiff": tiff(big=True),
    "npy": npy(T.astype(np.float32)),
    "npy log": npy(-np.log(T)),
    "img": vendor.write(GREY, 16),
}


def outcome(data: bytes) -> Scan | CustomsError:
    """What reading gives; anything but a scan or one clear error escapes and fails the test."""
    found: Scan | CustomsError
    try:
        found = read_scan(data, name="x_low.img", field="upload")
    except CustomsError as error:
        found = error
    if isinstance(found, CustomsError):
        assert found.problems[0].field == "upload"
        assert found.problems[0].remedy
    else:
        find_container(found)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_a_file_cut_anywhere_is_a_scan_or_one_clear_error(form: str) -> None:
    """At every early offset and at many late ones; cut before its pixels, never a scan."""
    data = FORMS[form]
    assert isinstance(outcome(data), Scan)
    cuts = [*range(0, min(len(data), 240), 5), *np.linspace(240, len(data) - 1, 40).astype(int)]
    for cut in cuts:
        found = outcome(data[:cut])
        if cut < len(data) // 8 and form != "bigtiff":
            assert isinstance(found, CustomsError), cut


@pytest.mark.parametrize("form", FORMS)
def test_a_file_with_flipped_bytes_is_a_scan_or_one_clear_error(form: str) -> None:
    rng = np.random.default_rng(len(form))
    for _ in range(120):
        data = bytearray(FORMS[form])
        for _ in range(int(rng.integers(1, 5))):
            reach = len(data) if rng.random() < 0.3 else min(len(data), 400)
            data[int(rng.integers(0, reach))] = int(rng.choice([0, 1, 127, 255, int(rng.integers(0, 256))]))
        outcome(bytes(data))


def test_a_cut_or_flipped_dicom_file_is_a_scan_or_one_clear_error() -> None:
    """Each in a process of its own, so only a few."""
    data = dicom()
    assert isinstance(outcome(data), Scan)
    assert isinstance(outcome(data[:200]), CustomsError)
    assert isinstance(outcome(data[: len(data) // 2]), CustomsError)
    flipped = bytearray(data)
    flipped[140:150] = b"\xff" * 10
    outcome(bytes(flipped))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *extra: bytes) -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    tail = png_chunk(b"IDAT", zlib.compress(bytes(20_000))) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + tail


def ifd(*entries: tuple[int, int, int, int], count: int | None = None, after: int = 0) -> bytes:
    """A little-endian TIFF of one directory."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = struct.pack("<H", len(entries) if count is None else count)
    return b"II*\0" + struct.pack("<I", 8) + head + body + struct.pack("<I", after)


SIZE = ((256, 3, 1, 96), (257, 3, 1, 48), (258, 3, 1, 16), (262, 3, 1, 1))
STRIP = ((273, 4, 1, 200), (278, 3, 1, 48), (279, 4, 1, 9216))


def lying_npy(shape: str, descr: str = "'<f4'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (117 - len(header) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + bytes(4096)


HOSTILE = {
    "png of 144 megapixels": (png(12_000, 12_000), "12,000 × 12,000"),
    "png with a text that unpacks to 100 MB": (
        png(96, 48, png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000), 9))),
        "broken",
    ),
    "tiff with 60,000 tags": (ifd(*SIZE, *STRIP, count=60_000) + bytes(999), "tags|broken"),
    "tiff with 100 million strips": (ifd(*SIZE, (273, 4, 10**8, 200)) + bytes(999), "100,000,000"),
    "tiff whose directories form a loop": (ifd(*SIZE, *STRIP, after=8) + bytes(9999), "loop"),
    "tiff of a gigapixel": (ifd((256, 4, 1, 32_000), (257, 4, 1, 32_000), *STRIP), "32,000 × 32,000"),
    "tiff with tiles of a gigapixel": (
        ifd(*SIZE, (322, 4, 1, 32_000), (323, 4, 1, 32_000), (324, 4, 1, 200), (325, 4, 1, 100)) + bytes(999),
        "pixels",
    ),
    "npy whose shape is a lie": (lying_npy("(4000, 4000)"), "64,000,000 bytes"),
    "npy of a terabyte": (lying_npy("(1000000, 1000000)"), "pixels"),
    "npy with a negative side": (lying_npy("(-48, -96)"), "shape"),
    "npy of five dimensions": (lying_npy("(2, 2, 2, 48, 96)"), "shape"),
    "npy of objects": (lying_npy("(48, 96)", "'|O'"), "object"),
    "npy of records": (lying_npy("(48, 96)", "[('a', '<f4')]"), "array holds"),
    "npy with code for a header": (lying_npy("(__import__('os').getpid(), 2)"), "header"),
    "npz": (b"PK\x03\x04" + bytes(99), "archive"),
    "img that promises more": (vendor.write(GREY, 16)[:-2], "not a scan"),
    "img of nothing": (vendor.write(GREY[:, :0], 16), "not a scan"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_before_it_costs_memory(name: str) -> None:
    """Each promises far more than it holds; less than 64 MB are ever taken."""
    data, said = HOSTILE[name]
    assert len(data) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFile, match=said) as caught:
            read_scan(data, field="upload")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.problems[0].remedy
    assert peak < 64_000_000


DEFLATED = b"1.2.840.10008.1.2.1.99"
DICOM = {
    "rows that are not there": (dicom(rows=60_000, columns=600), "promises"),
    "more pixels than are read": (dicom(rows=60_000, columns=60_000), "60,000 × 60,000"),
    "a thousand frames": (dicom(frames=b"1000"), "1000 frames"),
    "a DICOMDIR": (dicom(kind=b"1.2.840.10008.1.3.10"), "DICOMDIR"),
    "compressed pixels": (dicom(syntax=b"1.2.840.10008.1.2.4.50"), "compressed"),
    "no image": (dicom(body=element(0x00280010, b"US", b"\x30\0")), "no image"),
}


@pytest.mark.parametrize("name", DICOM)
def test_a_lying_dicom_file_is_refused(name: str) -> None:
    data, said = DICOM[name]
    with pytest.raises(UnreadableFile, match=said):
        read_scan(data)


def test_a_dicom_file_that_unpacks_to_gigabytes_is_stopped_by_its_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit is lowered here to keep the test quick; this process itself never holds what is unpacked."""
    monkeypatch.setattr(dicos, "MEMORY_BYTES", 450_000_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(10_000_000)) for _ in range(30)) + packer.flush()
    with pytest.raises(UnreadableFile, match="memory"):
        read_scan(dicom(syntax=DEFLATED, body=bomb))


def test_a_worker_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Whatever keeps it busy."""
    from pathlib import Path

    worker = Path(str(tmp_path)) / "worker.py"
    worker.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(dicos, "WORKER", worker)
    monkeypatch.setattr(dicos, "SECONDS", 0.2)
    with pytest.raises(UnreadableFile, match="seconds"):
        read_scan(dicom())
