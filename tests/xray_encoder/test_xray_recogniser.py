"""Forest, backbone and recogniser on small drawn loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from customs.errors import InvalidConfig
from xray_encoder.forest import Forest
from xray_encoder.learn import pretrain
from xray_encoder.model import Backbone, XrayConfig, as_input, augment, crops
from xray_encoder.normality import EMPTY
from xray_encoder.recogniser import Recogniser, best_temperature

CODES = ("0207141010", "2304000000", EMPTY)
QUICK = XrayConfig(rows=16, columns=32, epochs=12, batch=8, trees=40, folds=2)


def scans(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Numbers (count, 3), crops (count, 2, 16, 32) and codes: columns, heaps and nothing."""
    rng = np.random.default_rng(seed)
    x, a, codes = [], [], []
    rows, columns = np.mgrid[:16, :32]
    for n in range(count):
        code = CODES[n % 3]
        one = {
            CODES[0]: np.where((rows > 4) & (columns % 4 > 0), 3.0, 0.1),
            CODES[1]: np.where(rows > 4 + np.abs(columns - 16) / 3, 5.0, 0.1),
            EMPTY: np.full(rows.shape, 0.1),
        }[code] + 0.05 * rng.standard_normal(rows.shape)
        a.append(np.stack([one, one / 1.18]))
        x.append([one.mean(), one.std(), np.abs(np.diff(one, axis=1)).mean()])
        codes.append(code)
    return np.asarray(x), np.clip(np.asarray(a, dtype=np.float32), 0, 11), codes


@pytest.fixture(scope="module")
def learned() -> tuple[Recogniser, np.ndarray, np.ndarray, list[str], list[list[int]]]:
    """A recogniser of three kinds of load and the scans it was cross-fitted on."""
    x, a, codes = scans(48, 0)
    folds = [list(range(0, 24)), list(range(24, 48))]
    return Recogniser.fit(x, a, codes, ["16-bit"] * 48, folds, QUICK, seed=1), x, a, codes, folds


def test_the_kept_forest_answers_as_the_one_that_was_grown() -> None:
    """Walking the arrays gives scikit-learn's probabilities."""
    from sklearn.ensemble import ExtraTreesClassifier

    x, _, codes = scans(60, 3)
    forest = Forest.fit(x, codes, trees=20, seed=5)
    grown = ExtraTreesClassifier(20, min_samples_leaf=2, max_features=0.3, random_state=5).fit(
        x.astype(np.float32), codes
    )
    for row, expected in zip(x, grown.predict_proba(x.astype(np.float32)), strict=True):
        assert np.allclose(forest(row), expected, atol=2e-3)
    again = Forest.read(forest.tensors(), forest.about())
    assert (again(x[0]) == forest(x[0])).all()


def test_new_scans_are_recognised_and_a_wrong_code_lies_behind(learned: tuple) -> None:
    recogniser = learned[0]
    x, a, codes = scans(12, 9)
    for row, crop, code in zip(x, a, codes, strict=True):
        logs = recogniser(row, crop)
        wrong = next(c for c in CODES if c != code)
        assert recogniser.ranking(logs)[0][0] == code[:4]
        assert recogniser.gap(logs, code, code) < 0 < recogniser.gap(logs, wrong, wrong)


def test_held_out_scans_are_judged_by_the_pair_that_never_saw_them(learned: tuple) -> None:
    recogniser, x, a, codes, folds = learned
    logs = recogniser.held_out(x, a, codes, folds)
    assert np.isfinite(logs).all()
    assert np.allclose(logs[0], recogniser.pairs[0](x[0], a[0]))
    assert np.allclose(logs[30], recogniser.pairs[1](x[30], a[30]))
    assert 0.25 <= best_temperature(recogniser, logs, codes) <= 4.0


def test_a_code_that_only_one_fold_has_is_not_judged_by_a_pair_that_never_knew_it() -> None:
    x, a, codes = scans(24, 4)
    codes[0] = "8703231010"
    folds = [list(range(0, 12)), list(range(12, 24))]
    recogniser = Recogniser.fit(x, a, codes, ["16-bit"] * 24, folds, QUICK.__class__(trees=10, backbone=""))
    logs = recogniser.held_out(x, a, codes, folds)
    assert np.isnan(logs[0]).all()
    assert np.isfinite(logs[1:]).all()


def test_what_was_learned_is_restored_exactly(learned: tuple) -> None:
    recogniser, x, a, _, _ = learned
    again = Recogniser.read(recogniser.tensors(), recogniser.about(), QUICK)
    assert (again(x[1], a[1]) == recogniser(x[1], a[1])).all()


def test_looking_without_codes_changes_the_body_and_leaves_the_head(learned: tuple) -> None:
    """Self-supervision moves the convolutions; which code is which it cannot know."""
    _, _, a, _, _ = learned
    torch.manual_seed(0)
    backbone = Backbone(XrayConfig(rows=16, columns=32, batch=8, pretrain=2), 3)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    pretrain(backbone, a, seed=0)
    after = backbone.state_dict()
    assert (after["head.weight"] == before["head.weight"]).all()
    assert not torch.equal(after["body.0.weight"], before["body.0.weight"])


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_timm_bodies_of_both_families_take_the_crop(name: str) -> None:
    """A convolutional and a transformer body, at the configured size."""
    config = XrayConfig(backbone=name, rows=32, columns=64)
    logits = Backbone(config, 4)(as_input(torch.rand(2, 2, 32, 64)))
    assert logits.shape == (2, 4)


def test_local_weights_start_the_body_and_others_are_refused(tmp_path: Path) -> None:
    import timm
    from safetensors.torch import save_file

    state = timm.create_model("test_resnet", in_chans=3, num_classes=0).state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "own.safetensors")
    save_file({"nothing": torch.zeros(1)}, tmp_path / "other.safetensors")
    config = XrayConfig(
        backbone="test_resnet", weights=str(tmp_path / "own.safetensors"), rows=32, columns=32
    )
    assert torch.equal(Backbone(config, 2).body.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
    for weights in ("other.safetensors", "absent.safetensors"):
        with pytest.raises(InvalidConfig, match="weights"):
            Backbone(XrayConfig(backbone="test_resnet", weights=str(tmp_path / weights)), 2)
    with pytest.raises(InvalidConfig, match="backbone"):
        Backbone(XrayConfig(backbone="no_such_model"), 2)


def test_one_beam_stands_for_both_and_shows_no_material() -> None:
    canonical = np.random.default_rng(0).uniform(0, 4, (128, 384)).astype(np.float32)
    a = crops(canonical, None, QUICK)
    assert (a[0] == a[1]).all()
    seen = augment(torch.from_numpy(a)[None], torch.Generator().manual_seed(0))
    assert torch.equal(seen[:, 0], seen[:, 1])
    assert float(as_input(seen)[:, 2].abs().max()) == 0.0
    both = crops(canonical, np.stack([canonical, canonical / 2]).astype(np.float16), QUICK)
    assert float(as_input(torch.from_numpy(both)[None])[:, 2].abs().max()) > 0.1
