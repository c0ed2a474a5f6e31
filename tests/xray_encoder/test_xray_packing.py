"""Packing features, normality and heat-map on small drawn loads."""

from __future__ import annotations

import numpy as np
import pytest

from xray_encoder.bank import PatchBank, crop_of
from xray_encoder.evaluate import auroc
from xray_encoder.normality import EMPTY, Normality, common, prefixes
from xray_encoder.packing import FEATURES, SHAPE, packing_features

ROWS, COLUMNS = SHAPE


def load(kind: str, rng: np.random.Generator) -> np.ndarray:
    """A canonical crop: −ln T of `columns`, a `heap`, `rings` of lattice, or `nothing`."""
    a = rng.normal(0.03, 0.01, SHAPE)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    if kind == "columns":
        width = int(rng.integers(22, 27))
        a += np.where((y > rng.integers(26, 34)) & (x % width > 2), 3.2, 0)
    elif kind == "heap":
        a += np.where(y > 40 + np.abs(x - COLUMNS / 2 + rng.normal(0, 10)) * 0.35, 3.6, 0)
    elif kind == "rings":
        a += np.where(y > 20, 0.9 + 0.4 * ((x // 3 + y // 3) % 2), 0)
    return np.clip(a, 0, 4).astype(np.float32)


KINDS = {"0207": "columns", "2304": "heap", "4011": "rings", EMPTY: "nothing"}


@pytest.fixture(scope="module")
def learned() -> tuple[Normality, np.ndarray, list[str]]:
    rng = np.random.default_rng(3)
    codes = [code for code in KINDS for _ in range(5)]
    x = np.stack([packing_features(load(KINDS[code], rng)) for code in codes])
    return Normality.fit(x, codes, ["16-bit"] * len(codes)), x, codes


def test_every_feature_is_named_and_finite() -> None:
    rng = np.random.default_rng(0)
    for kind in KINDS.values():
        found = packing_features(load(kind, rng))
        assert found.shape == (len(FEATURES),)
        assert np.isfinite(found).all()


def test_a_mirrored_load_has_the_same_features() -> None:
    crop = load("columns", np.random.default_rng(1))
    assert np.allclose(packing_features(crop), packing_features(crop[:, ::-1]), atol=0.06)


def test_the_period_of_columns_is_measured() -> None:
    """Sixteen columns of goods along the container."""
    x = np.arange(COLUMNS)
    crop = np.zeros(SHAPE, dtype=np.float32)
    crop[30:] = np.where(x % 24 > 3, 3.0, 0.2)
    found = packing_features(crop)[FEATURES.index("period_peak")]
    assert 12 * np.exp(2 * found) == pytest.approx(16, abs=1)


@pytest.mark.parametrize("code", KINDS)
def test_a_fresh_load_is_ranked_first_under_its_own_heading(learned: tuple, code: str) -> None:
    model, _, _ = learned
    judged = model.judge(packing_features(load(KINDS[code], np.random.default_rng(99))), "16-bit", None)
    assert judged.ranking[0][0] == code
    assert sum(p for _, p in judged.ranking) == pytest.approx(1)


@pytest.mark.parametrize(("declared", "odd"), [("0207141010", False), ("4011101000", True), ("2304", True)])
def test_a_wrong_code_is_odder_than_the_right_one(learned: tuple, declared: str, odd: bool) -> None:
    model, _, _ = learned
    x = packing_features(load("columns", np.random.default_rng(98)))
    assert (model.judge(x, "16-bit", declared).oddness > 0) == odd


def test_one_reference_of_a_kind_is_enough_to_judge_by() -> None:
    """Vendor pictures have one scan a code; the spread comes from the other kind."""
    rng = np.random.default_rng(4)
    codes = [code for code in KINDS for _ in range(6)] + list(KINDS)
    kinds = ["16-bit"] * 24 + ["8-bit"] * 4
    crops = [load(KINDS[code], rng) for code in codes]
    crops[24:] = [np.minimum(crop * 0.8, 3.0) for crop in crops[24:]]
    model = Normality.fit(np.stack([packing_features(c) for c in crops]), codes, kinds)
    x = packing_features(np.minimum(load("heap", rng) * 0.8, 3.0))
    assert model.judge(x, "8-bit", "2304").oddness < 0 < model.judge(x, "8-bit", "0207").oddness


def test_an_unknown_code_backs_off_to_its_parents_and_then_stays_silent(learned: tuple) -> None:
    model, x, _ = learned
    assert model.judge(x[0], "16-bit", "0207120000").group == "0207"
    assert model.judge(x[0], "16-bit", "0210110000").group == "02"
    silent = model.judge(x[0], "16-bit", "8703231010")
    assert silent.group == ""
    assert np.isnan(silent.oddness)
    assert silent.ranking[0][0] == "0207", "what it looks like can still be said"


def test_a_kind_without_references_is_not_judged(learned: tuple) -> None:
    model, x, _ = learned
    assert model.judge(x[0], "pseudo-colour", "0207") is None


def test_prefixes_end_at_the_chapter_and_codes_share_levels() -> None:
    assert prefixes("0207141010") == ("0207141010", "02071410", "020714", "0207", "02")
    assert prefixes(EMPTY) == (EMPTY,)
    assert common("0207141010", "0207120000") == 4
    assert common("0207", "4011") == 0


def test_the_heat_map_points_at_a_strange_block() -> None:
    rng = np.random.default_rng(5)
    crops = [crop_of(load("rings", rng), None) for _ in range(8)]
    crops += [crop_of(load("heap", rng), None) for _ in range(4)]
    model = PatchBank.fit(crops, ["4011"] * 8 + ["2304"] * 4, ["16-bit"] * 12, kept=60)
    assert max(model.counts) <= 60, "the memory is bounded"
    strange = load("rings", rng)
    strange[60:90, 200:240] = 3.9
    strange = crop_of(strange, None)
    values = model.map(strange, "16-bit", "4011")
    rows, columns = np.nonzero(values > 0.9)
    assert 60 <= rows.mean() * 8 + 8 <= 90
    assert 200 <= columns.mean() * 8 + 8 <= 240
    elsewhere = values.copy()
    elsewhere[4:13, 21:33] = 0
    assert elsewhere.max() < 0.9
    assert values.max() > 0.9
    assert model.map(strange, "16-bit", "9999") is None


def test_auroc_counts_ties_half() -> None:
    assert auroc([0, 0], [1, 1]) == 1.0
    assert auroc([1, 1], [1, 1]) == 0.5
