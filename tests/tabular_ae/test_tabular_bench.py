"""The bench: same rows and windows for all, memory of each alone, and only what is installed."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from customs.errors import CustomsError, InvalidConfig
from tabular_ae import bench as room
from tabular_ae.bench import bench, enlarged, made_up, table
from tabular_ae.contenders import Plan, Timed, measure, write_rows
from tabular_ae.data import Panel
from tabular_ae.rows import Rows, month_number

QUICK = {"epochs": "1", "hidden": "4", "batch": "256", "rounds": "3", "scale_rounds": "3", "odd_rounds": "3"}


def keys(rows: Rows) -> list[tuple[str, str, int]]:
    return list(zip(rows.hs, rows.country, rows.month.tolist(), strict=True))


@pytest.mark.parametrize("rows", [500, 3_001, 250_000])
def test_a_made_up_panel_has_the_rows_asked_for_and_none_twice(rows: int) -> None:
    """Also where there are more series than pairs of an item and a country."""
    made = made_up(rows, seed=1).rows
    assert len(made) == rows
    assert len(set(keys(made))) == rows
    assert np.isfinite(made.log_unit).all()


def test_a_made_up_panel_depends_on_its_seed_alone() -> None:
    first, again, other = (made_up(1_000, seed).rows for seed in (1, 1, 2))
    assert first.value.tolist() == again.value.tolist()
    assert keys(first) == keys(again)
    assert first.value.tolist() != other.value.tolist()


def test_a_small_panel_is_repeated_under_new_codes_of_the_same_items(panel: Panel) -> None:
    """The file's own rows come first and as they are; no series is in the panel twice."""
    have = len(panel.rows)
    large = enlarged(panel, 2 * have + 7, seed=0).rows
    assert len(large) == 2 * have + 7
    assert keys(large)[:have] == keys(panel.rows)
    assert len(set(keys(large))) == len(large)
    assert {hs[:6] for hs in large.hs} == {hs[:6] for hs in panel.rows.hs}
    assert not set(large.hs[have : 2 * have]) & set(panel.rows.hs)


def test_a_large_panel_stays_as_it_is(panel: Panel) -> None:
    assert keys(enlarged(panel, 10, seed=0).rows) == keys(panel.rows)


def test_the_windows_are_those_that_the_flagship_learns_from(tmp_path: Path) -> None:
    """PyOD's matrices hold every row, and to learn from just the rows before our calibration months."""
    rows = made_up(1_500, seed=3).rows
    write_rows(tmp_path, rows, Plan(overrides=QUICK))
    shared = measure(tmp_path, "prepare")
    ours = measure(tmp_path, "flagship")
    every, learn = (np.load(tmp_path / f"{name}.npy") for name in ("all", "learn"))
    assert every.shape == (1_500, shared["window"] * shared["channels"])
    assert np.isfinite(every).all()
    before = rows.month <= month_number(ours["trained_to"])
    held = {row.tobytes() for row in every[~before]}
    assert 0 < len(learn) <= before.sum()
    assert shared["learned_from"] == len(learn)
    assert {row.tobytes() for row in learn} <= {row.tobytes() for row in every[before]}
    assert not {row.tobytes() for row in learn} & held


def test_our_speeds_are_of_every_window(tmp_path: Path) -> None:
    """The network alone sees as many windows as there are rows, and is quicker than the whole."""
    write_rows(tmp_path, made_up(1_500, seed=3).rows, Plan(overrides=QUICK))
    found = measure(tmp_path, "flagship")
    assert found["rows"] == 1_500
    assert 1_300 < found["scored"] <= 1_500
    assert found["model"]["per_second"] > found["end_to_end"]["per_second"] > 0
    assert found["fit_seconds"] > 0


def test_speed_per_core_shares_out_the_cores_that_were_busy() -> None:
    speed = Timed(wall=2.0, cpu=3.0).speed(600)
    assert speed == {"per_second": 300.0, "cores_used": 1.5, "per_second_per_core": 200.0}
    assert Timed(wall=2.0, cpu=1.0).speed(600)["per_second_per_core"] == 300.0


def test_memory_is_a_contenders_own() -> None:
    """A parent that holds much must neither add to a child's peak nor hide it."""
    pytest.importorskip("pyod")
    held = np.ones(60_000_000)  # 480 MB, more than PyOD with its imports
    report = bench(rows=4_000, threads=1, overrides=QUICK, only=["pyod IForest"])
    row = report["contenders"]["pyod IForest"]
    assert 1.0 < row["peak_mb"] < held.nbytes / 2**20
    assert row["rows"] == row["scored"] == report["rows"] == 4_000
    assert row["end_to_end"] is None
    assert "pyod IForest" in table(report)
    assert report["note"] == ""


def test_without_pyod_only_ours_run_and_one_line_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = Timed(wall=2.0, cpu=2.0).speed(600)
    row = {"settings": "", "fit_seconds": 1.0, "model": speed, "end_to_end": speed, "peak_mb": 1.0}
    shared = {"window": 12, "channels": 13, "learned_from": 400}
    monkeypatch.setattr(room, "_pyod", lambda: False)
    monkeypatch.setattr(room, "_run", lambda folder, name, threads: shared if name == "prepare" else row)
    report = bench(rows=600)
    assert list(report["contenders"]) == ["flagship", "proposal-a"]
    assert report["times_pyod_autoencoder"] == {}
    assert table(report).splitlines()[-1].endswith("pip install 'portcullis[bench]'")


def test_a_contenders_bad_configuration_is_the_users_own_error() -> None:
    """What goes wrong in the other process names field and remedy as everywhere."""
    with pytest.raises(CustomsError, match=r"config\.epochs: got 0 — give 1 or more"):
        bench(rows=600, threads=1, overrides={"epochs": "0"}, only=["flagship"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rows": 10}, "rows: got 10"),
        ({"threads": 0}, "threads: got 0"),
        ({"only": ["pyod KNN"]}, "only: there is no contender 'pyod KNN' — choose from flagship"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict, said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        bench(**options)


def test_rows_come_back_from_the_folder_as_they_were(tmp_path: Path) -> None:
    """Text stays text: a code keeps its leading zero."""
    from tabular_ae.contenders import _read_rows

    rows = made_up(600, seed=0).rows
    write_rows(tmp_path, rows, Plan())
    back = _read_rows(tmp_path)
    for field in dataclasses.fields(Rows):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(rows, field.name))
    assert back.hs.dtype == object


def test_a_module_without_a_bench_says_which_have_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from portcullis import modules
    from portcullis.cli import main

    monkeypatch.setitem(modules._PACKAGES, modules.Module.HS, "customs")
    monkeypatch.setattr(sys, "argv", ["portcullis", "bench", "hs", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("portcullis: module: hs has no bench — choose from tabular")
    assert said.count("\n") == 1
