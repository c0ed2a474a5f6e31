"""Containers weighed from grey-level histograms, on made-up loads and on the published file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from customs.errors import DamagedArtefact, InvalidValue, TooLarge, UnreadableFile
from xray_encoder.weights import histograms
from xray_encoder.weights.bins import pixel_counts, short
from xray_encoder.weights.evaluate import evaluate_weights
from xray_encoder.weights.histograms import features, read_histograms
from xray_encoder.weights.model import HistogramWeights, Side

QUICK = 150


def loads(scans: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Histograms of blocks of some thickness and height over air, and their weights with a little noise."""
    rng = np.random.default_rng(seed)
    long, fill, depth = rng.random(scans) < 0.5, rng.uniform(0.1, 0.95, scans), rng.uniform(0.3, 2.5, scans)
    pixels = np.where(long, 80_000, 36_000) * rng.uniform(0.9, 1.1, scans)
    grey = np.exp(-depth[:, None] * rng.uniform(0.8, 1.2, (scans, 500)))
    bins = np.minimum((grey * 16).astype(int), 14)
    counts = np.stack([np.bincount(row, minlength=15) for row in bins]) * (pixels * fill / 500)[:, None]
    counts[:, 13:] += (pixels * (1 - fill) / 2)[:, None]
    kg = 2_300 + np.where(long, 20_000, 9_000) * fill * depth * rng.lognormal(0, 0.08, scans)
    return np.round(counts), kg


@pytest.fixture(scope="module")
def model() -> HistogramWeights:
    return HistogramWeights.fit(*loads(500, 1), trees=QUICK, columns=0.03)


def save(path: Path, histogram: np.ndarray, label: np.ndarray) -> Path:
    np.savez(path, histogram=histogram, label=label)
    return path


def test_a_held_out_load_is_weighed_to_a_few_per_cent(model: HistogramWeights) -> None:
    """The typical error on unseen loads is far below their spread, and the interval holds nine in ten."""
    counts, kg = loads(200, 2)
    weighed = model.weigh(counts)
    error = np.asarray([w.best for w in weighed]) / kg - 1
    assert np.median(np.abs(error)) < 0.10
    inside = np.mean([w.low <= true <= w.high for w, true in zip(weighed, kg, strict=True)])
    assert 0.82 <= inside <= 0.99


@pytest.mark.parametrize("side", list(Side))
def test_false_alarms_come_at_the_rate_that_was_asked_for(model: HistogramWeights, side: Side) -> None:
    """Of honest weights of unseen loads about one in twenty has p ≤ 0.05, and of halved ones nearly all."""
    counts, kg = loads(300, 3)
    calibration = model.calibration(side)
    honest = calibration.in_group(model.oddness(counts, kg, side), "all")[0]
    halved = calibration.in_group(model.oddness(counts, kg * 0.5, side), "all")[0]
    assert np.mean(honest <= 0.05) < 0.10
    assert np.mean(halved <= 0.05) > 0.95


def test_only_the_two_sided_check_minds_a_weight_that_is_too_high(model: HistogramWeights) -> None:
    """A weight declared at 1.6 times the true one is flagged on either side, not as under-declared."""
    counts, kg = loads(100, 4)
    flagged = {
        side: np.mean(
            model.calibration(side).in_group(model.oddness(counts, kg * 1.6, side), "all")[0] <= 0.05
        )
        for side in Side
    }
    assert flagged[Side.EITHER] > 0.8
    assert flagged[Side.UNDER] < 0.05


def test_a_scan_is_weighed_alike_alone_and_in_a_batch(model: HistogramWeights) -> None:
    """Figures of one scan are the same to the last bit whatever stands beside it."""
    counts, kg = loads(12, 5)
    assert [model.weigh(row)[0] for row in counts] == model.weigh(counts)
    alone = [model.oddness(row, weight)[0] for row, weight in zip(counts, kg, strict=True)]
    assert np.array_equal(alone, model.oddness(counts, kg))


def test_what_is_kept_weighs_as_before_and_a_seed_repeats(model: HistogramWeights) -> None:
    """Tensors and JSON bring back the same figures, and so does fitting again."""
    counts, kg = loads(20, 6)
    back = HistogramWeights.read(model.tensors(), json.loads(json.dumps(model.about())))
    assert back.weigh(counts) == model.weigh(counts)
    assert np.array_equal(back.oddness(counts, kg), model.oddness(counts, kg))
    again = HistogramWeights.fit(*loads(500, 1), trees=QUICK, columns=0.03)
    assert all(np.array_equal(value, again.tensors()[name]) for name, value in model.tensors().items())


def test_the_arrays_send_a_scan_where_the_library_would() -> None:
    """Kept trees find the leaf that scikit-learn finds."""
    from sklearn.ensemble import ExtraTreesRegressor

    from xray_encoder.weights.forest import Forest

    counts, kg = loads(80, 7)
    x, part = features(counts), np.arange(80) % 2
    forest = Forest.fit(x, np.log(kg), part, trees=3, columns=0.3, seed=0)
    theirs = ExtraTreesRegressor(3, max_features=0.3, random_state=0).fit(x[part != 0], np.log(kg)[part != 0])
    other = features(loads(50, 8)[0])
    assert np.array_equal(forest.leaves(other, slice(0, 3)) - forest.roots[:3], theirs.apply(other))


def test_a_tree_never_judges_with_the_part_it_was_grown_without() -> None:
    """Rows of a part are in no leaf of that part's trees, and in a leaf of all others."""
    from xray_encoder.weights.forest import Forest

    counts, kg = loads(60, 9)
    part = np.arange(60) % 3
    forest = Forest.fit(features(counts), np.log(kg), part, trees=2, columns=0.3, seed=0)
    of_tree = np.repeat(np.arange(3), 2)
    assert np.array_equal(forest.rows < 0, part[:, None] == of_tree[None])


def test_a_picture_weighs_the_same_at_any_resolution(model: HistogramWeights) -> None:
    """The pixel size of a picture is unknown, so doubling it must not double the weight."""
    picture = np.full((100, 200), 255, dtype=np.uint8)
    picture[40:] = np.random.default_rng(0).integers(20, 120, (60, 200))
    picture[0, 0] = 0
    twice = picture.repeat(2, axis=0).repeat(2, axis=1)
    once = model.kilograms(picture)
    assert once is not None
    assert once == model.kilograms(twice)
    assert once[0] <= once[1] <= once[2]
    assert model.picture_oddness(picture, once[1]) < model.picture_oddness(picture, once[1] / 3)
    assert np.isnan(model.picture_oddness(picture, float("nan")))


def test_a_picture_falls_into_sixteen_bins_of_which_the_brightest_is_air() -> None:
    """Colour counts as one pixel, air is left out, and what is no vendor picture is not weighed."""
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    clear = np.stack([ramp, ramp, ramp, ramp * 0 + 255], axis=2)
    for picture in (ramp, np.stack([ramp] * 3, axis=2), clear):
        counts = pixel_counts(picture)
        assert counts is not None
        assert np.array_equal(counts, np.full(15, 16.0 * 8))
    assert pixel_counts(np.full((50, 50), 7, dtype=np.uint8)) is None
    assert pixel_counts(np.zeros((0, 0), dtype=np.uint8)) is None
    assert pixel_counts(np.zeros((50, 50), dtype=np.uint16)) is None
    coloured = np.stack([ramp, ramp[:, ::-1], ramp], axis=2)
    assert pixel_counts(coloured) is None
    assert short(np.zeros((500, 560), dtype=np.uint8))
    assert not short(ramp)


def test_counts_over_three_channels_come_back_as_pixels(tmp_path: Path) -> None:
    """A file counted over colour channels reads as the file counted over pixels."""
    counts, kg = loads(10, 10)
    counts[0, 0] = 1
    once, _ = read_histograms(save(tmp_path / "once.npz", counts.astype(int), kg))
    thrice, weights = read_histograms(save(tmp_path / "thrice.npz", counts.astype(int) * 3, kg))
    assert np.array_equal(once, counts)
    assert np.array_equal(thrice, counts)
    assert np.array_equal(weights, kg)


def test_a_file_that_is_no_set_of_histograms_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absent, broken, pickled, misshapen, negative or enormous: always an error with its field."""
    counts, kg = loads(4, 11)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 no zip")
    pickled = save(tmp_path / "pickled.npz", np.asarray([{}, {}], dtype=object), kg[:2])
    lacking = tmp_path / "lacking.npz"
    np.savez(lacking, histogram=counts)
    narrow = save(tmp_path / "narrow.npz", counts[:, :9], kg)
    for path in (tmp_path / "absent.npz", broken, pickled, lacking, narrow):
        with pytest.raises(UnreadableFile) as caught:
            read_histograms(path)
        assert caught.value.problems[0].field == "data"
    for name, histogram, label in (
        ("minus", -counts, kg),
        ("light", counts, kg * 0),
        ("void", counts * 0, kg),
    ):
        with pytest.raises(InvalidValue):
            read_histograms(save(tmp_path / f"{name}.npz", histogram, label))
    monkeypatch.setattr(histograms, "_MOST_BYTES", 100)
    with pytest.raises(TooLarge):
        read_histograms(save(tmp_path / "large.npz", counts, kg))


def test_too_few_scans_and_a_damaged_model_are_refused(model: HistogramWeights) -> None:
    """Errors that a user can put right, not a stack trace."""
    with pytest.raises(InvalidValue, match="weighed scans"):
        HistogramWeights.fit(*loads(20, 12))
    tensors = model.tensors()
    del tensors["cut"]
    with pytest.raises(DamagedArtefact, match="cut"):
        HistogramWeights.read(tensors, model.about())


def test_evaluation_has_the_rivals_beside_and_measures_false_alarms(tmp_path: Path) -> None:
    """Folds and a test file give the same figures, which are those of forecasts that work."""
    data = save(tmp_path / "data.npz", *loads(150, 13))
    other = save(tmp_path / "other.npz", *loads(60, 14))
    found = evaluate_weights(data, repeats=1, trees=20)
    tested = evaluate_weights(data, other, trees=20, rivals=False)["test"]
    json.dumps(found)
    assert set(found["folds"]["runs"][0]) | {"scans"} == set(tested)
    assert set(found["rivals"]) == {"random_forest", "l1_boosting", "log_trees"}
    for figures in (found["folds"]["runs"][0], found["same_weight_apart"], tested):
        assert figures["r2"] > 0.8
        assert figures["mae_interval"][0] < figures["mae_kg"] < figures["mae_interval"][1]
        assert figures["misdeclared"]["either"]["false_alarms"] < 0.15
        assert figures["misdeclared"]["under"]["caught_minus_50"] > 0.9


def test_real_containers_are_weighed_better_than_by_the_published_forest(eval_data: Path) -> None:
    """On a fifth of the published file the error is below 1,700 kg even with few trees (forest: 1,927)."""
    counts, kg = read_histograms(eval_data / "xray" / "ajna_container_weights.npz")
    held = np.random.default_rng(0).permutation(len(kg)) % 5 == 0
    model = HistogramWeights.fit(counts[~held], kg[~held], trees=30, columns=0.05)
    best = np.asarray([w.best for w in model.weigh(counts[held])])
    assert np.abs(best - kg[held]).mean() < 1_700
