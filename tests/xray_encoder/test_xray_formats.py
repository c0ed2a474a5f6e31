"""Every format a scan comes in: what is read from it, and what it is called where it says so."""

from __future__ import annotations

import io
import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from customs.errors import UnreadableFile
from customs.scan import Scan
from xray_encoder.reading import (
    find_scans,
    find_siblings,
    plugins,
    read_scan,
    read_scan_files,
    read_scans,
    vendor,
)


def truck(rows: int = 80, columns: int = 200) -> np.ndarray:
    """Transmission of a loaded container on wheels, float (rows, columns)."""
    t = np.ones((rows, columns))
    t[8:60, 20:180] *= 0.85
    t[8:10, 20:180] *= 0.5
    t[26:56, 26:170] *= np.linspace(0.02, 0.3, 144)
    t[56:58, 20:180] *= 0.2
    t[60:64, 10:190] *= 0.1
    t[64:80, 30:75] *= 0.05
    t[64:80, 125:170] *= 0.05
    return t


T = truck()
LOW, HIGH = np.round(T**1.2 * 65535).astype(np.uint16), np.round(T * 65535).astype(np.uint16)


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def tiff(*pages: np.ndarray, note: dict | None = None) -> bytes:
    import tifffile

    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        for i, page in enumerate(pages):
            described = json.dumps(note) if note is not None and i == 0 else None
            file.write(page, description=described, metadata=None)
    return out.getvalue()


def dicom(plane: np.ndarray, syntax: str = "1.2.840.10008.1.2.1", **attributes: Any) -> bytes:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = UID(syntax)
    data.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.501.2.1")  # DICOS digital X-ray
    data.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    data.SOPClassUID, data.SOPInstanceUID = data.file_meta.MediaStorageSOPClassUID, UID("1.2.3")
    data.Rows, data.Columns = plane.shape[-2:]
    data.SamplesPerPixel, data.PixelRepresentation, data.PhotometricInterpretation = 1, 0, "MONOCHROME2"
    bits = 8 * plane.itemsize
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    if plane.ndim == 3:
        data.NumberOfFrames = plane.shape[0]
    data.PixelData = plane.tobytes()
    for name, value in attributes.items():
        setattr(data, name, value)
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def near(scan: Scan, plane: int, expected: np.ndarray, tolerance: float = 0.02) -> bool:
    return bool(np.abs(scan.transmission[plane] - expected).max() < tolerance)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_within_0_and_1_are_transmission(kind: Any) -> None:
    """Of any float type and byte order."""
    scan = read_scan(npy(T.astype(kind)))
    assert near(scan, 0, T)
    assert scan.degraded == ()


@pytest.mark.parametrize("sign", [1, -1])
def test_floats_clearly_above_1_are_minus_ln_of_transmission(sign: int) -> None:
    """Or ln of transmission, where they are below zero; an infinite one lets nothing through."""
    log = -np.log(T) * sign
    log[40, 40] = np.inf * sign
    scan = read_scan(npy(log))
    assert scan.transmission[0, 40, 40] == 0
    log[40, 40] = -np.log(T[40, 40]) * sign
    assert near(read_scan(npy(log)), 0, T, 1e-4)


def test_a_log_that_ends_is_saturated_where_it_ends() -> None:
    """An export that stops at −ln T = 8 tells nothing beyond it."""
    log = -np.log(T)
    log[30:50, 60:120] = 8.0
    scan = read_scan(npy(log))
    assert scan.saturated_fraction == pytest.approx(20 * 60 / T.size, rel=0.01)
    assert scan.bit_depth < 16


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("order", ["C", "F"])
def test_two_planes_of_an_array_are_two_energies(axis: int, order: Any) -> None:
    both = np.asarray(np.stack([LOW, HIGH], axis=axis), order=order)
    scan = read_scan(npy(both), energies=("4MV", "6MV"))
    assert scan.energies == ("4MV", "6MV")
    assert near(scan, 0, T**1.2)
    assert near(scan, 1, T)


def test_counts_of_a_detector_as_floats_are_scaled_to_their_air() -> None:
    assert near(read_scan(npy(T * 41_000.0)), 0, T)


@pytest.mark.parametrize("most", [92.0, 200.0])
def test_maps_of_atomic_number_or_areal_density_are_no_scans(most: float) -> None:
    with pytest.raises(UnreadableFile, match="neither transmission"):
        read_scan(npy((1 - T) * most))


def test_twelve_bits_shifted_up_in_a_word_of_sixteen_are_twelve() -> None:
    scan = read_scan(tiff(np.round(T * 4095).astype(np.uint16) << 4))
    assert scan.bit_depth == 12
    assert near(scan, 0, T)


def test_calibrated_transmission_keeps_full_scale_as_air() -> None:
    """A crop whose brightest part is a wall of 0.9 is not stretched to 1; raw counts of a weaker beam are."""
    wall = np.round(np.minimum(T, 0.9) * 65535).astype(np.uint16)
    assert read_scan(tiff(wall)).transmission.max() == pytest.approx(0.9, abs=1e-3)
    assert read_scan(tiff((HIGH * 0.6).astype(np.uint16))).transmission.max() == pytest.approx(1.0, abs=1e-3)


def test_a_crop_inside_the_load_is_not_given_air() -> None:
    """The brightest gap between the goods does not reach its rim: full scale stays air."""
    y, x = np.mgrid[0:80, 0:200]
    load = ((60 - y / 4 + 10 * np.cos(x / 15)) * 257).astype(np.uint16)
    load[20:50, 98:102] = 140 * 257
    scan = read_scan(tiff(load, note={"air": "bright"}))
    assert scan.transmission.max() == pytest.approx(140 / 255, abs=1e-3)


def test_a_third_page_is_the_material_if_the_tiff_says_so() -> None:
    classes = np.full(T.shape, 7, dtype=np.uint16)
    classes[30:50] = 26
    with pytest.raises(UnreadableFile, match="3 pages"):
        read_scan(tiff(LOW, HIGH, classes))
    scan = read_scan(tiff(LOW, HIGH, classes, note={"energies": ["6MV", "9MV"], "material": True}))
    assert scan.energies == ("6MV", "9MV")
    assert scan.material is not None
    assert (scan.material == classes).all()


@pytest.mark.parametrize("note", [{"air": "blue"}, {"material": 2}])
def test_a_note_that_cannot_be_is_refused(note: dict) -> None:
    with pytest.raises(UnreadableFile, match="ImageDescription"):
        read_scan(tiff(LOW, note=note))


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_the_vendors_three_files_are_one_scan(bits: int, tmp_path: Path) -> None:
    """Big-endian, rows bottom up, whichever of the files is named."""
    classes = (T < 0.5).astype(np.uint8) * 3
    for word, plane in (("low", T**1.2), ("high", T)):
        kind = np.uint8 if bits == 8 else np.uint16
        grey = np.round(plane * (2**bits - 1)).astype(kind)
        (tmp_path / f"D12{word}.img").write_bytes(vendor.write(grey, bits))
    (tmp_path / "D12material.img").write_bytes(vendor.write(classes, 8))
    for named in ("low", "high", "material"):
        scan = read_scan_files(find_siblings(tmp_path / f"D12{named}.img"))
        assert scan.energies == ("low", "high")
        assert scan.orientation == ()
        assert near(scan, 0, T**1.2)
        assert near(scan, 1, T)
        assert scan.material is not None
        assert (scan.material == classes).all()
        assert scan.bit_depth == bits


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"])
def test_a_dicos_scan_gives_its_pitch_its_voltage_and_its_scanner(syntax: str) -> None:
    """Little endian, implicit, explicit and deflated."""
    data = dicom(HIGH, syntax, KVP="160", PixelSpacing=["4", "5"], ManufacturerModelName="gate 7")
    scan = read_scan(data, name="x.dcs")
    assert near(scan, 0, T)
    assert scan.energies == ("160kV",)
    assert scan.pixel_pitch_m == (0.004, 0.005)
    assert scan.scanner == "gate 7"


def test_two_frames_of_a_dicos_scan_are_two_energies() -> None:
    scan = read_scan(dicom(np.stack([LOW, HIGH])))
    assert scan.energies == ("low", "high")
    assert near(scan, 0, T**1.2)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"NumberOfFrames": 3, "PixelData": HIGH.tobytes() * 3}, "3 frames"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE"),
        ({"PixelIntensityRelationship": "LOG"}, "logarithmic"),
    ],
)
def test_a_dicom_file_that_is_no_plain_projection_is_refused(attributes: dict, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said):
        read_scan(dicom(HIGH, **attributes))


def test_siblings_are_found_by_their_energies(tmp_path: Path) -> None:
    """Names that differ in the energy alone, in any order of naming; nothing else in the folder."""
    (tmp_path / "im1_6MeV_T.npy").write_bytes(npy(T))
    (tmp_path / "im1_4MeV_T.npy").write_bytes(npy(T**1.2))
    (tmp_path / "im2_4MeV_T.npy").write_bytes(npy(T))
    (tmp_path / "im1_lambda_T.npy").write_bytes(npy(T * 200))
    (tmp_path / "im1_4MeV_T.txt").write_text("no")
    files = find_siblings(tmp_path / "im1_6MeV_T.npy")
    assert [f.name for f in files] == ["im1_4MeV_T.npy", "im1_6MeV_T.npy"]
    scan = read_scan_files(files)
    assert scan.energies == ("4MV", "6MV")
    assert near(scan, 0, T**1.2)
    names = [[f.name for f in files] for files in find_scans(tmp_path)]
    assert names == [["im1_4MeV_T.npy", "im1_6MeV_T.npy"], ["im2_4MeV_T.npy"]]


def test_a_name_without_an_energy_has_no_siblings(tmp_path: Path) -> None:
    """`highway` and `below` hold no energy."""
    for name in ("highway_1.png", "lowway_1.png", "below.png", "a160.png"):
        (tmp_path / name).write_bytes(b"")
        assert find_siblings(tmp_path / name) == [tmp_path / name]


def test_siblings_share_one_polarity_and_one_orientation() -> None:
    """Even where one alone would be read another way round: here the second is dark at its rim."""
    odd = np.full(T.shape, 0.1)
    odd[30:50, 60:120] = 0.95
    files = [("a_low.npy", npy(1 - T[::-1])), ("a_high.npy", npy(1 - odd[::-1]))]
    scan = read_scans(files)
    assert scan.orientation == ("upside-down",)
    assert near(scan, 0, T)
    assert near(scan, 1, odd)
    assert not near(read_scan(files[1][1]), 0, odd), "alone it is read another way"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("a_low.npy", npy(T)), ("a_high.npy", npy(T[:, 1:]))], "pixels"),
        ([("a", npy(T)), ("b", npy(T)), ("c", npy(T))], "3 energy planes"),
        ([("a_material.npy", npy(T))], "material plane alone"),
        ([], "no file"),
        ([("a.npy", npy(T))] * 4, "4 files"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(files: list, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said) as caught:
        read_scans(files, field="upload")
    assert caught.value.problems[0].field == "upload"


def test_what_the_caller_says_stands_in_only_where_the_file_is_silent() -> None:
    silent = read_scan(npy(T), pixel_pitch_m=(0.005, 0.006), energies=("6MV",))
    assert silent.pixel_pitch_m == (0.005, 0.006)
    assert silent.energies == ("6MV",)
    note = {"energies": ["9MV"], "pixel_pitch_m": [0.02, 0.02]}
    loud = read_scan(tiff(HIGH, note=note), pixel_pitch_m=(0.005, 0.006), energies=("6MV",))
    assert loud.energies == ("9MV",)
    assert loud.pixel_pitch_m == (0.02, 0.02)


class Uff:
    """A plug-in of a made-up format."""

    name = "uff"

    def sniff(self, head: bytes) -> bool:
        return head.startswith(b"UFF1")

    def read(self, data: bytes, name: str) -> Scan:
        if data == b"UFF1":
            raise KeyError("views")
        return Scan(np.frombuffer(data[4:], np.float32).reshape(1, *T.shape).copy(), source=name)


class Deaf:
    """A plug-in without a reader."""

    name = "deaf"


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.modules[__name__], "reader", Uff(), raising=False)
    fake = type("module", (), {"uff": Uff(), "deaf": Deaf()})
    monkeypatch.setitem(sys.modules, "made_up_readers", fake)  # type: ignore[arg-type]
    entries = tuple(EntryPoint(n, f"made_up_readers:{n}", plugins.GROUP) for n in ("deaf", "uff"))
    monkeypatch.setattr(plugins, "installed", lambda: entries)


@pytest.mark.usefixtures("plugged")
def test_a_plug_in_reads_what_no_other_reader_knows() -> None:
    """One that cannot be loaded stands in nobody's way but where no other knows the file."""
    scan = read_scan(b"UFF1" + T.astype(np.float32).tobytes(), name="a.uff")
    assert near(scan, 0, T, 1e-6)
    assert scan.source == "a.uff"
    with pytest.raises(UnreadableFile, match="'deaf'"):
        read_scan(b"something else entirely")


@pytest.mark.usefixtures("plugged")
def test_what_a_plug_in_raises_is_one_error_that_names_it() -> None:
    with pytest.raises(UnreadableFile, match=r"'uff' failed .KeyError") as caught:
        read_scan(b"UFF1", field="upload")
    assert caught.value.problems[0].field == "upload"


@pytest.mark.eval_data
def test_real_dual_energy_files_are_found_and_read_alike(eval_data: Path) -> None:
    """Rapiscan scans as −ln T floats and as 16-bit transmission: siblings, energies and pixels agree."""
    folder = eval_data / "xray" / "dual_energy_scans"
    for number in (1, 2):
        floats = read_scan_files(find_siblings(folder / f"im{number}_6MeV.npy"))
        grey = read_scan_files(find_siblings(folder / f"im{number}_4MeV_T_uint16.tif"))
        for scan in (floats, grey):
            assert scan.energies == ("4MV", "6MV")
            assert scan.degraded == scan.orientation == ()
            assert 0.005 < scan.saturated_fraction < 0.05
        assert np.abs(floats.transmission - grey.transmission).max() < 1e-4
    for name in ("im1_lambda.npy", "im2_Z.npy"):
        with pytest.raises(UnreadableFile, match="neither transmission"):
            read_scan((folder / name).read_bytes())
