"""`portcullis xray --maps`: which pictures there are, what they are called, and folders that cannot be."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from customs.errors import CustomsError
from customs.evidence import HeatMap
from customs.scan import Scan
from portcullis.cli.xray import _free, _make, _maps
from xray_encoder.reading import find_container


def examined(scan: Scan, *artefacts: tuple[str, HeatMap | None]) -> Any:
    return cast(
        Any,
        SimpleNamespace(
            look=SimpleNamespace(crop=find_container(scan)),
            evidence=[SimpleNamespace(check=check, artefact=artefact) for check, artefact in artefacts],
        ),
    )


def test_there_is_a_map_of_the_scan_of_its_density_and_of_each_check_that_marks_something() -> None:
    """A check without a heat-map has no picture."""
    t = np.ones((1, 60, 200), dtype=np.float32)
    t[:, 10:55, 5:195] = 0.3
    scan = Scan(t, energies=("6MV",))
    heat = HeatMap(values=np.zeros((4, 8), dtype=np.float32), box=(10, 5, 50, 195))
    found = dict(_maps(scan, examined(scan, ("xray.packing", heat), ("xray.mass", None))))
    assert list(found) == ["scan", "density", "xray.packing"]
    assert len(set(found.values())) == 3
    assert all(data.startswith(b"\x89PNG") for data in found.values())


def test_scans_of_the_same_name_from_two_folders_keep_their_pictures_apart() -> None:
    """The second is numbered, also beside a file that is called so itself."""
    taken: set[str] = set()
    assert [_free(stem, taken) for stem in ("a", "a", "a-2", "a", "b")] == ["a", "a-2", "a-2-2", "a-3", "b"]


def test_a_folder_is_made_with_its_parents_and_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    """The error names the option."""
    _make(tmp_path / "x" / "y", "maps")
    assert (tmp_path / "x" / "y").is_dir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CustomsError, match="maps"):
        _make(tmp_path / "file", "maps")
