"""The bench of X-ray: pictures of the size asked, each part alone, and what is promised beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from customs.errors import InvalidConfig, InvalidValue
from customs.scan import Scan
from xray_encoder import bench as room
from xray_encoder.bench import bench, table
from xray_encoder.contenders import (
    ASKING,
    NAMES,
    OURS,
    PARTS,
    PATCHCORE,
    SEARCH,
    SHAPE,
    SIMULATOR,
    Plan,
    _pictures,
    enlarged,
    made_up_references,
    write_pictures,
    write_plan,
)
from xray_encoder.reading import read_scan

SPEED = {"one_ms": {"p50": 90.0, "p95": 150.0}, "per_second": 11.0}
FOUND: dict[str, dict[str, Any]] = {
    OURS: {
        "settings": "default configuration",
        "scans": 81,
        "fit_seconds": 60.0,
        "fit_peak_mb": 900.0,
        "artefact_mb": 1.5,
    },
    ASKING: {
        **SPEED,
        "stages_ms": {"read": 20.0, "container": 5.0, "measures": 60.0, "checks": 5.0},
        "cpu_ms": 95.0,
        "load_seconds": 0.5,
        "evidence_per_scan": 4.0,
        "peak_mb": 700.0,
        "patch_bank_mb": 0.5,
    },
    PATCHCORE: {
        "settings": "own, resnet18",
        "scans": 81,
        "fit_seconds": 30.0,
        **SPEED,
        "model_ms": 20.0,
        "patch_bank_mb": 1.0,
        "peak_mb": 1200.0,
    },
    SEARCH: {
        "references": 100_000,
        "ms": {"all": {"p50": 1.0, "p95": 2.0}, "rare importer": {"p50": 0.1, "p95": 31.0}},
        "bank_mb": 18.0,
        "bytes_per_reference": 190.0,
        "add_ms": 9.0,
    },
    SIMULATOR: {"rows": 392, "columns": 1239, "processes": 2, "per_second": 21.0},
}


@pytest.fixture
def dry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A bench whose parts answer at once; the names that were run."""
    ran: list[str] = []

    def run(module: str, folder: Path, name: str, threads: int) -> dict[str, Any]:
        ran.append(name)
        assert (folder / "plan.json").exists()
        return dict(FOUND[name])

    monkeypatch.setattr(room, "run_apart", run)
    monkeypatch.setattr(room, "_world", lambda data, made, seed, size, progress: (tmp_path, [tmp_path]))
    monkeypatch.setattr(room, "write_pictures", lambda folder, plan, world: 7)
    return ran


def test_a_picture_is_the_same_scan_at_another_size() -> None:
    """Same goods at the same place in metres, sixteen bits at both energies."""
    t = np.full((2, 40, 100), 1.0, dtype=np.float32)
    t[:, 20:, 30:60] = np.asarray([0.1, 0.2], dtype=np.float32)[:, None, None]
    scan = Scan(t, energies=("6MV", "9MV"), pixel_pitch_m=(0.02, 0.02), scanner="a")
    large = read_scan(enlarged(scan, SHAPE, np.random.default_rng(0)))
    assert large.transmission.shape == (2, *SHAPE)
    assert large.energies == ("6MV", "9MV")
    assert large.bit_depth == 16
    assert large.pixel_pitch_m == pytest.approx((0.001, 0.001))
    inside = large.transmission[:, 500:700, 700:1100].mean(axis=(1, 2))
    np.testing.assert_allclose(inside, [0.1, 0.2], rtol=0.01)


def test_pictures_come_from_scans_under_review_with_their_declarations(
    tiny_world: Path, tmp_path: Path
) -> None:
    plan = Plan([str(tiny_world)], pictures=2)
    assert write_pictures(tmp_path, plan, tiny_world) == 2
    found = _pictures(tmp_path)
    assert len(found) == 2
    assert len({declaration.id for _, declaration in found}) == 2


def test_made_up_references_have_one_rare_importer_and_lots_of_three() -> None:
    x, entries = made_up_references(600, np.random.default_rng(0))
    assert x.shape == (600, 128)
    assert sum(e.importer == "rare" for e in entries) == 3
    assert sum(e.lot == entries[5].lot for e in entries) == 3
    assert len({e.id for e in entries}) == 600


def test_search_answers_every_question(tmp_path: Path) -> None:
    found = PARTS[SEARCH](tmp_path, Plan([], rows=600))
    answers = {name: ms["answers"] for name, ms in found["ms"].items()}
    assert answers["all"] == answers["chapter"] == answers["large importer"] == 10
    assert (answers["rare importer"], answers["lot"]) == (3, 3)
    assert 0 < found["bytes_per_reference"] < 400
    assert all(0 <= ms["p50"] <= ms["p95"] for ms in found["ms"].values())


def test_parts_run_in_processes_of_their_own() -> None:
    """Search alone needs no world."""
    report = bench(rows=300, threads=1, only=[SEARCH])
    assert list(report["contenders"]) == [SEARCH]
    assert report["contenders"][SEARCH]["references"] == 300
    assert "search: 300 references" in table(report)


def test_the_report_says_what_is_kept_and_what_is_not(dry: list[str]) -> None:
    report = bench(threads=2)
    assert dry == [OURS, ASKING, PATCHCORE, SEARCH, SIMULATOR]
    assert list(report["contenders"]) == list(NAMES)
    assert report["pictures"] == 7
    assert {key: (row["value"], row["kept"]) for key, row in report["reach"].items()} == {
        "p95_ms": (150.0, True),
        "search_ms": (31.0, False),
        "simulated": (21.0, True),
    }
    said = table(report)
    assert "read 20.0, container 5.0, measures 60.0, checks 5.0 ms" in said
    assert "31.0 ms, promised at most 20: NOT KEPT" in said
    assert said.endswith(room.INSTALL), "PatchCore was not anomalib's"


def test_only_what_is_named_runs(dry: list[str]) -> None:
    report = bench(threads=2, only=[SIMULATOR])
    assert dry == [SIMULATOR]
    assert list(report["reach"]) == ["simulated"]
    assert report["note"] == ""
    assert "promised at least 20: kept" in table(report)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rows": 3}, "rows: got 3"),
        ({"pictures": 0}, "pictures: got 0"),
        ({"threads": 0}, "threads: got 0"),
        ({"columns": {"a": "b"}}, "map: scans have no columns"),
        ({"only": ["YOLO"]}, "only: there is no contender 'YOLO' — choose from portcullis"),
        ({"data": [Path(__file__).parent], "only": [OURS]}, "data: there is no world"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        bench(**options)


def test_a_world_without_scans_under_review_is_refused(
    tiny_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customs.world import World

    monkeypatch.setattr(World, "cases", lambda self, period="all": iter(()))
    write_plan(tmp_path, Plan([]))
    with pytest.raises(InvalidValue, match="no scan under review"):
        write_pictures(tmp_path, Plan([]), tiny_world)


@pytest.mark.parametrize("part", [OURS, PATCHCORE])
def test_judges_are_fitted_and_asked_about_the_same_pictures(
    part: str, tiny_world: Path, tmp_path: Path
) -> None:
    """In this process: a few steps on the tiny world, then one picture of full size."""
    plan = Plan(
        [str(tiny_world)], pictures=1, overrides={"epochs": "1", "inserted_steps": "4", "trees": "20"}
    )
    write_plan(tmp_path, plan)
    write_pictures(tmp_path, plan, tiny_world)
    found = PARTS[part](tmp_path, plan)
    if part == OURS:
        found |= PARTS[ASKING](tmp_path, plan)
        assert set(found["stages_ms"]) == {"read", "container", "measures", "checks"}
        assert found["evidence_per_scan"] >= 1
        assert found["cpu_ms"] > 1.0
        assert found["artefact_mb"] > 0.01
    assert found["one_ms"]["p95"] >= found["one_ms"]["p50"] > 1.0
    assert found["patch_bank_mb"] > 0
    assert found["fit_seconds"] > 0
