"""What `portcullis xray` takes: files with their siblings, folders, and what the files do not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from customs.errors import CustomsError
from portcullis.cli.xray import _beams, _groups, _pitch


def touched(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).write_bytes(b"")
    return [folder / name for name in names]


def test_a_file_brings_its_sibling_and_a_folder_all_its_scans(tmp_path: Path) -> None:
    """None twice, however it was named."""
    low, high, lone, _, _ = touched(tmp_path, "a_low.tif", "a_high.tif", "b.png", "notes.txt", "b_mask.png")
    assert _groups([high]) == [[low, high]]
    assert _groups([low, high, lone]) == [[low, high], [lone]]
    assert _groups([tmp_path, low]) == [[low, high], [lone]]


def test_a_folder_without_scans_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CustomsError, match="holds no scans"):
        _groups([tmp_path])


def test_pitch_and_energies_are_read_from_their_options() -> None:
    assert _pitch("0.005") == (0.005, 0.005)
    assert _pitch("0.005,0.006") == (0.005, 0.006)
    assert _beams("4MV, 6MV") == ("4MV", "6MV")
    assert _pitch(None) is None
    assert _beams(None) is None


@pytest.mark.parametrize("text", ["", "x", "5", "0.1,0.1,0.1", "nan", "-0.01", "0.01,"])
def test_a_pitch_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(CustomsError, match="pitch"):
        _pitch(text)


@pytest.mark.parametrize("text", ["", "4MV,", "4MV,6MV,9MV"])
def test_energies_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(CustomsError, match="energies"):
        _beams(text)
