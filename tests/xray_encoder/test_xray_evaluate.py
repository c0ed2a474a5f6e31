"""Evaluation: what is planted is counted, what is held out stays held out; real figures where data are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from customs.evidence import HeatMap
from customs.physics.beam import transmission
from customs.scan import Scan
from customs.world import make_world
from xray_encoder.depth import DEEPEST, DESCRIPTION, common_beam, deep_crop, describe
from xray_encoder.evaluate import evaluate
from xray_encoder.evaluate.figures import auroc, interval
from xray_encoder.evaluate.planted import SEEN_BY, _inside
from xray_encoder.holdout import Reference, deal, learned_kinds
from xray_encoder.look import Look
from xray_encoder.measure import measure
from xray_encoder.model import XrayConfig
from xray_encoder.normality import Normality
from xray_encoder.packing import FEATURES, packing_features
from xray_encoder.parts import chain_of
from xray_encoder.reading import Crop


def reference(code: str, importer: str = "") -> Reference:
    """A reference that nothing looks at."""
    return Reference(cast(Look, SimpleNamespace(kind="16-bit")), code, importer=importer)


def test_one_importers_scans_of_a_code_are_held_out_together() -> None:
    """Three importers of two codes, four containers each: no importer's code is split, no scan is lost."""
    rows = [reference(code, who) for code in ("0303540000", "4011101000") for who in "abc" for _ in range(4)]
    parts = deal(rows, 3, np.random.default_rng(0))
    assert sorted(i for part in parts for i in part) == list(range(len(rows)))
    for part in parts:
        for code in ("0303540000", "4011101000"):
            for who in "abc":
                held = [i for i in part if rows[i].code == code and rows[i].importer == who]
                assert len(held) in (0, 4)
        assert {rows[i].code for i in part} == {"0303540000", "4011101000"}


def test_scans_without_importer_are_dealt_one_by_one() -> None:
    parts = deal([reference("0207") for _ in range(9)], 3, np.random.default_rng(1))
    assert [len(part) for part in parts] == [3, 3, 3]


def test_an_importers_way_of_packing_excuses_it_and_accuses_nobody() -> None:
    """Far from the code's mean but where this importer always is: usual for it, odd for others."""
    rng = np.random.default_rng(2)
    place = {"own way": 6.0, "usual": 0.0}
    x, codes, importers = [], [], []
    for importer, at in [("own way", 6.0)] * 6 + [("usual", 0.0)] * 30:
        x.append([at, 0.0, 0.0] + 0.3 * rng.standard_normal(3))
        codes.append("0303540000")
        importers.append(importer)
    for _ in range(20):
        x.append([0.0, 8.0, 0.0] + 0.3 * rng.standard_normal(3))
        codes.append("4011101000")
        importers.append("other")
    model = Normality.fit(np.asarray(x), codes, ["16-bit"] * len(x), importers=importers)
    scan = np.asarray([place["own way"], 0.0, 0.0])
    known = model.judge(scan, "16-bit", "0303540000", "own way")
    stranger = model.judge(scan, "16-bit", "0303540000", "somebody")
    assert known is not None
    assert stranger is not None
    assert known.own < 0.6 * stranger.own
    usual = np.zeros(3)
    moved = model.judge(usual, "16-bit", "0303540000", "own way")
    same = model.judge(usual, "16-bit", "0303540000", "somebody")
    assert moved is not None
    assert same is not None
    assert moved.own == same.own, "an importer may pack as others do"
    again = Normality.read(model.tensors(), model.about()).judge(scan, "16-bit", "0303540000", "own way")
    assert again == known


def test_the_same_load_looks_alike_to_two_linacs() -> None:
    """4 MV and 6 MV of the same goods, brought to a common beam."""
    areal = {"fish": np.repeat(np.linspace(0, 160, 200)[None], 64, axis=0)}
    crop = Crop(container=(0, 0, 64, 200), cargo=(0, 0, 64, 200), wall=0.0)
    deep = [
        deep_crop(Scan(transmission(areal, beam)[None], energies=(beam,)), crop) for beam in ("4MV", "6MV")
    ]
    raw = [-np.log(transmission(areal, beam)) for beam in ("4MV", "6MV")]
    assert np.abs(raw[0] - raw[1]).max() > 0.5
    assert np.abs(deep[0].astype(float) - deep[1].astype(float)).max() < 0.05
    assert common_beam(np.asarray([2.0]), "unknown")[0] == 2.0
    assert float(deep[0].max()) <= DEEPEST


def test_what_only_a_deep_scan_shows_is_zero_for_a_shallow_one() -> None:
    scan = Scan(np.full((1, 64, 200), 0.2, dtype=np.float32))
    crop = Crop(container=(0, 0, 64, 200), cargo=(0, 0, 64, 200), wall=0.0)
    packing = packing_features(np.full((128, 384), 1.6, dtype=np.float32))
    shallow = describe(packing, None, measure(scan, crop))
    assert shallow.shape == (len(DESCRIPTION),)
    assert (shallow[len(FEATURES) :] == 0).all()
    assert (describe(packing, deep_crop(scan, crop), measure(scan, crop))[len(FEATURES) :] != 0).any()


def test_calibration_asks_the_code_then_the_scanner_then_the_kind() -> None:
    look = cast(Look, SimpleNamespace(kind="16-bit", scanner="030a"))
    assert chain_of(look, "0303540000")[-3:] == ("scanner 030a", "16-bit", "all")
    assert chain_of(look, "0303540000")[0] == "0303540000"
    vendor = cast(Look, SimpleNamespace(kind="8-bit", scanner=""))
    assert chain_of(vendor, "0303540000") == ("8-bit", "all")


def test_a_heat_map_points_at_a_thing_within_half_its_size() -> None:
    values = np.zeros((10, 20), dtype=np.float32)
    values[5, 10] = 1.0
    heat = HeatMap(values=values, box=(100, 0, 200, 200))
    assert _inside(heat, (145, 90, 165, 115))
    assert _inside(heat, (160, 90, 180, 115)), "just beside"
    assert not _inside(heat, (100, 90, 110, 115))
    assert not _inside(heat, (145, 0, 165, 20))


def test_the_interval_of_an_area_holds_it() -> None:
    rng = np.random.default_rng(0)
    clean, odd = rng.normal(size=80), rng.normal(1.0, size=40)
    low, high = interval(clean, odd)
    assert low < auroc(clean, odd) < high <= 1.0


def test_frauds_of_a_world_are_counted_by_the_check_that_should_see_them(tmp_path: Path) -> None:
    """Distances alone, on a tiny world full of them: mass sees weights, nothing is lost."""
    make_world(tmp_path / "w", seed=3, size="tiny", scan_fraud_share=0.5)
    found = evaluate([tmp_path / "w"], config="packing", with_rivals=False)
    world: dict[str, Any] = found["worlds"]["w"]
    assert world["scans"] >= world["clean"] + 3
    for fraud, row in world["frauds"].items():
        assert row["check"] == SEEN_BY[fraud]
        assert 0.0 <= row["auroc"] <= 1.0
    assert world["mass"]["median_error"] < 0.15
    assert "leave_one_out" not in found, "a world's few vendor pictures are not real scans"


@pytest.mark.eval_data
def test_the_published_density_of_real_scans_is_met(eval_data: Path) -> None:
    """Both energies within 5 % of the map's sum, each alone within 10 %."""
    found = evaluate([eval_data / "xray" / "dual_energy_scans"])["areal_density"]
    assert len(found) >= 2
    for rows in found.values():
        both, *alone = rows.values()
        assert abs(both) < 0.05
        assert all(abs(off) < 0.10 for off in alone)


def test_a_fair_kind_learns_only_beside_a_large_one() -> None:
    """Fifty vendor pictures alone are judged by distance; beside a hundred 16-bit scans they learn too."""
    config = XrayConfig()
    wide = [reference("0207") for _ in range(100)]
    vendor = [Reference(cast(Look, SimpleNamespace(kind="8-bit")), "0207") for _ in range(50)]
    assert learned_kinds(vendor, config) == frozenset()
    assert learned_kinds([*wide, *vendor], config) == {"16-bit", "8-bit"}
    assert learned_kinds([*wide, *vendor[:39]], config) == {"16-bit"}
