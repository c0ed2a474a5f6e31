"""Rivals: fitted on the same references, they tell plain differences and say where they cannot tell."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from customs.errors import InvalidValue
from xray_encoder.holdout import Reference
from xray_encoder.look import Look
from xray_encoder.packing import packing_features
from xray_encoder.rivals import (
    RIVALS,
    Contrast,
    HistogramForest,
    Padim,
    PatchCore,
    PlainCnn,
    ProfileNearest,
    Rival,
    fit_all,
    own,
    theirs,
)
from xray_encoder.rivals.histogram import grey_histogram

BACKBONE = "test_efficientnet"
CODES = ("0303130000", "4011101000", "0901110000")


def look(code: str, seed: int, kind: str = "16-bit") -> Look:
    """A canonical crop: full and flat, half full with rings' stripes, or a thin slope."""
    rng = np.random.default_rng(seed)
    crop = np.full((128, 384), 0.05, dtype=np.float32)
    if code == CODES[0]:
        crop[20:] = 2.4
        crop[:, ::24] += 0.3
    elif code == CODES[1]:
        crop[64:] = 1.2
        crop[64:, ::12] = 0.5
    else:
        rows = np.arange(128)[:, None] > np.linspace(90, 30, 384)[None]
        crop[rows] = 1.7
    crop += rng.normal(0, 0.03, crop.shape).astype(np.float32)
    crop = np.clip(crop * np.float32(rng.uniform(0.95, 1.05)), 0, 4)
    return cast(Look, SimpleNamespace(canonical=crop, packing=packing_features(crop), kind=kind, deep=None))


def references() -> list[Reference]:
    return [Reference(look(code, 10 * i + k), code, None) for i, code in enumerate(CODES) for k in range(4)]


@pytest.fixture(scope="module")
def network() -> PlainCnn:
    torch.set_num_threads(1)
    return PlainCnn.fit(references(), 3, backbone=BACKBONE, epochs=10)


@pytest.fixture(scope="module")
def rivals(network: PlainCnn) -> dict[str, Rival]:
    found = references()
    return {
        "profile_1nn": ProfileNearest.fit(found),
        "histogram_forest": HistogramForest.fit(found, 1),
        "plain_cnn": network,
        "patchcore": PatchCore.fit(found, 1, network=network),
        "padim": Padim.fit(found, 1, network=network),
    }


@pytest.mark.parametrize("name", [rival.name for rival in RIVALS if rival is not Contrast])
def test_goods_of_another_code_are_odder_than_the_declared_ones(rivals: dict[str, Rival], name: str) -> None:
    rival = rivals[name]
    own_odd = [rival.mismatch(look(code, 100 + i), code) for i, code in enumerate(CODES)]
    wrong = [rival.mismatch(look(code, 100 + i), CODES[i - 1]) for i, code in enumerate(CODES)]
    assert max(own_odd) < min(wrong)
    assert [rival.top1(look(code, 100 + i)) for i, code in enumerate(CODES)] == [c[:4] for c in CODES]


@pytest.mark.parametrize("name", [rival.name for rival in RIVALS if rival is not Contrast])
def test_a_kind_or_heading_without_references_is_not_judged(rivals: dict[str, Rival], name: str) -> None:
    rival = rivals[name]
    assert np.isnan(rival.mismatch(look(CODES[0], 1), "8703231000"))
    foreign = look(CODES[0], 1, kind="8-bit")
    assert np.isnan(rival.mismatch(foreign, CODES[0]))
    assert np.isnan(rival.inserted(foreign, CODES[0])[0])
    assert rival.top1(foreign) == ""


@pytest.mark.parametrize("name", ["patchcore", "padim"])
def test_patch_rivals_point_at_a_block_put_into_the_load(rivals: dict[str, Rival], name: str) -> None:
    clean = look(CODES[0], 50)
    spiked = SimpleNamespace(**{**vars(clean), "canonical": clean.canonical.copy()})
    spiked.canonical[60:84, 200:224] = 0.3
    before, _ = rivals[name].inserted(clean, CODES[0])
    after, heat = rivals[name].inserted(cast(Look, spiked), CODES[0])
    assert after > before
    assert heat is not None
    assert heat.shape == (128, 384)
    assert (heat.min(), heat.max()) == (0.0, 1.0)
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    assert 50 <= row <= 94
    assert 190 <= column <= 234


def test_contrast_points_at_a_denser_block_and_not_at_a_level_load() -> None:
    """A block above its neighbours is odd for its code, and the heat-map peaks on it."""
    rival = Contrast.fit(references())
    clean = look(CODES[1], 50)
    spiked = SimpleNamespace(**{**vars(clean), "canonical": clean.canonical.copy()})
    spiked.canonical[96:110, 200:218] += 1.5
    before, _ = rival.inserted(clean, CODES[1])
    after, heat = rival.inserted(cast(Look, spiked), CODES[1])
    assert after > before + 2
    assert heat is not None
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    assert 96 <= row * 128 / heat.shape[0] <= 110
    assert 200 <= column * 384 / heat.shape[1] <= 218


def test_contrast_reads_the_deep_crop_where_there_is_one() -> None:
    """What stands behind the shallow crop's cap shows on the deep one alone."""
    rival = Contrast.fit(references())
    plain = look(CODES[0], 50)
    deep = np.full((2, 128, 384), 6.0, dtype=np.float16)
    flat = np.full((128, 384), 4.0, np.float32)
    level = SimpleNamespace(**{**vars(plain), "canonical": flat, "deep": deep})
    spiked = SimpleNamespace(**{**vars(level), "deep": deep.copy()})
    spiked.deep[:, 60:76, 150:170] = 9.0
    before, _ = rival.inserted(cast(Look, level), CODES[0])
    after, _ = rival.inserted(cast(Look, spiked), CODES[0])
    assert after > before + 2


@pytest.mark.parametrize("rival", [PatchCore, Padim])
def test_the_same_seed_makes_the_same_rival(rival: Any, network: PlainCnn, rivals: dict[str, Rival]) -> None:
    again = rival.fit(references(), 1, network=network)
    scan = look(CODES[1], 77)
    assert again.mismatch(scan, CODES[1]) == rivals[rival.name].mismatch(scan, CODES[1])
    assert again.inserted(scan, CODES[1])[0] == rivals[rival.name].inserted(scan, CODES[1])[0]


def test_a_heading_alone_is_judged_by_its_codes(rivals: dict[str, Rival]) -> None:
    scan = look(CODES[1], 77)
    for rival in rivals.values():
        assert rival.inserted(scan, "4011")[0] == rival.inserted(scan, CODES[1])[0]
        assert rival.mismatch(scan, "4011") == rival.mismatch(scan, CODES[1])


def test_our_compact_models_work_where_anomalib_is_missing(
    network: PlainCnn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And say that they are not anomalib's."""
    monkeypatch.setattr(theirs, "version", lambda: None)
    for made in (PatchCore, Padim):
        rival = made.fit(references(), 1, network=network)
        assert rival.engine == "own"
        scan = look(CODES[0], 100)
        assert rival.mismatch(scan, CODES[0]) < 0 < rival.mismatch(scan, CODES[1])
        assert rival.inserted(scan, CODES[0])[0] < rival.inserted(scan, CODES[1])[0]


@pytest.mark.skipif(importlib.util.find_spec("anomalib") is None, reason="anomalib is not installed")
def test_our_compact_models_score_as_anomalib_does(network: PlainCnn) -> None:
    """The same memory and the same picture give the same score, up to how maps are resized."""
    from xray_encoder.rivals.cnn import as_images

    images = as_images(np.stack([look(CODES[0], k).canonical for k in range(4)]))
    ours, other = own.Patchcore(network), theirs.Patchcore(network)
    torch.testing.assert_close(ours.embed(images), other.embed(images), atol=1e-5, rtol=1e-4)
    memory = ours.remember(ours.embed(images[:3]), 0)
    one = ours.embed(images[3:])
    assert ours.score(one, memory, (128, 384)) == pytest.approx(
        other.score(one, memory, (128, 384)), rel=1e-3
    )
    flat, theirs_flat = own.Padim(network, 0), theirs.Padim(network, 0)
    embedded = flat.embed(images)
    mine, made = flat.remember(embedded, 0), theirs_flat.remember(embedded, 0)
    torch.testing.assert_close(mine.mean, made.mean)
    torch.testing.assert_close(mine.precision, made.precision, atol=0.5, rtol=0.01)


def test_all_are_fitted_in_order_and_share_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []

    def fit(cls: type[PlainCnn], found: Any, seed: int = 0, **options: Any) -> PlainCnn:
        fitted.append(seed)
        return original(found, seed, backbone=BACKBONE, epochs=1)

    original = PlainCnn.fit
    monkeypatch.setattr(PlainCnn, "fit", classmethod(fit))
    told: list[int] = []
    found = fit_all(RIVALS, references(), 5, lambda what, done, total: told.append(done))
    assert [type(rival) for rival in found] == list(RIVALS)
    assert fitted == [5]
    assert told == list(range(1, len(RIVALS) + 1))


def test_a_grey_histogram_counts_transmission_from_dark_to_light() -> None:
    crop = np.full((128, 384), 4.0, dtype=np.float32)
    crop[:32] = 0.0
    histogram = grey_histogram(crop)
    assert histogram.shape == (15,)
    assert (histogram[0], histogram[-1], histogram.sum()) == (0.75, 0.25, 1.0)


@pytest.mark.parametrize("rival", RIVALS)
def test_scans_of_one_heading_teach_nothing(rival: type[Rival]) -> None:
    with pytest.raises(InvalidValue, match="1 headings"):
        rival.fit(references()[:4])
