"""The photo and the joint study on toy photos and names: pairing, balancing, and a run of each."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from customs.case import Photo
from customs.errors import InvalidValue
from customs.hs import HsCode
from hs_classifier.photo import PhotoConfig, PhotoSample
from hs_classifier.study import joint, pairs, photo

COLOURS = {
    "0808100000": (200, 40, 40),
    "0703901000": (40, 150, 50),
    "0805100000": (240, 150, 20),
    "0706101000": (230, 110, 40),
    "2009120000": (250, 220, 90),
    "2009710000": (210, 200, 120),
}
NAMES = {
    "0808100000": (
        "fresh apples",
        "apple, royal gala",
        "사과 신선한 것",
        "apples in cartons",
        "red apple 18 kg",
    ),
    "0703901000": ("fresh leeks", "leek bunches", "리크", "leeks, chilled", "garden leek 5 kg"),
    "0805100000": ("fresh oranges", "navel orange", "오렌지", "oranges, valencia", "orange 20 kg"),
    "0706101000": ("fresh carrots", "carrot, washed", "당근", "carrots in bags", "baby carrot 10 kg"),
    "2009120000": (
        "orange juice",
        "juice of oranges",
        "오렌지 주스",
        "juice, orange, 1 l",
        "chilled juice orange",
    ),
    "2009710000": ("apple juice", "juice of apples", "사과 주스", "juice, apple, 1 l", "chilled juice apple"),
}
SMALL = PhotoConfig(network="small", width=4, side=32, epochs=1, batch=8, feature_width=16)


def shot(digits: str, rng: np.random.Generator) -> Photo:
    """A patch of the code's colour on grey."""
    pixels = rng.integers(120, 140, (40, 40, 3))
    pixels[10:30, 10:30] = np.clip(np.array(COLOURS[digits]) + rng.normal(0, 12, 3), 0, 255)
    return Photo(pixels.astype(np.uint8))


def samples(each: int = 10) -> list[PhotoSample]:
    """`each` photos of every code, two of a heap."""
    rng = np.random.default_rng(0)
    return [
        PhotoSample(HsCode(digits), shot(digits, rng), None, f"{digits}/{i // 2}")
        for digits in COLOURS
        for i in range(each)
    ]


def names() -> dict[HsCode, list[pairs.Name]]:
    return {HsCode(digits): [pairs.Name(text, "ruling") for text in texts] for digits, texts in NAMES.items()}


@pytest.fixture(scope="module")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sub-folders named by code."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(1)
    for digits in COLOURS:
        (folder / digits).mkdir()
        for i in range(8):
            Image.fromarray(shot(digits, rng).pixels).save(folder / digits / f"{'abcdefgh'[i]}.png")
    return folder


@pytest.fixture(scope="module")
def rulings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The names as a file of rulings."""
    path = tmp_path_factory.mktemp("names") / "names.csv"
    rows = [f'{digits},"{name}"' for digits, texts in NAMES.items() for name in texts]
    path.write_text("\n".join(["hsk,name", *rows]), encoding="utf-8")
    return path


def test_no_photo_heap_or_name_lies_in_two_folds() -> None:
    """The tested half of a pair is never seen in training, and a pair has one code."""
    made = pairs.make_pairs(samples(), names(), seed=3)
    assert len(made.samples) == 60
    folds: dict[tuple[str, str], set[int]] = {}
    for sample, name, target, fold in zip(made.samples, made.names, made.targets, made.folds, strict=True):
        assert sample.code == made.codes[target]
        assert name.text in NAMES[sample.code.digits]
        folds.setdefault(("heap", sample.group), set()).add(int(fold))
        folds.setdefault(("name", name.text), set()).add(int(fold))
    assert all(len(found) == 1 for found in folds.values())
    assert set(made.folds.tolist()) == {0, 1, 2, 3, 4}


def test_a_code_without_names_is_left_out_and_said() -> None:
    """Three names put a code into three folds; two leave it out, as does a name shared by two codes."""
    few = names()
    apple, leek, carrot = (HsCode(d) for d in ("0808100000", "0703901000", "0706101000"))
    few[apple], few[leek] = few[apple][:2], few[leek][:3]
    few[carrot] = [*few[carrot][:2], pairs.Name("fresh oranges", "wording")]
    made = pairs.make_pairs(samples(), few, seed=3)
    assert made.left_out == (carrot, apple)
    mine = made.targets == made.codes.index(leek)
    assert len(set(made.folds[mine].tolist())) == 3
    assert "fresh oranges" not in {name.text for name in made.names}
    with pytest.raises(InvalidValue, match="0 codes have names and photos enough"):
        pairs.make_pairs(samples(), {}, seed=3)


def test_names_come_from_the_ruling_first_and_from_the_wording_last(rulings: Path, tmp_path: Path) -> None:
    """A code with names enough has its own alone; one without any gets the official wording."""
    table = tmp_path / "table.csv"
    table.write_text(
        "hscode,description\n08,Fruit\n0805,Citrus fruit\n0805100000,Oranges\n0809,Stone fruit\n"
        "0809300000,Peaches\n",
        encoding="utf-8",
    )
    orange, peach = HsCode("0805100000"), HsCode("0809300000")
    found = pairs.read_names([orange, peach], [rulings], [table], enough=5)
    assert {name.source for name in found[orange]} == {"ruling"}
    assert {name.text for name in found[orange]} == set(NAMES["0805100000"])
    assert [name.text for name in found[peach]] == ["peaches", "stone fruit peaches"]
    more = pairs.read_names([orange], [rulings], [table], enough=6)[orange]
    assert Counter(name.source for name in more) == {"ruling": 5, "wording": 2}


def test_balancing_repeats_the_rarer_codes() -> None:
    """Every code has as many photos as the largest, none that was not in training."""
    targets = np.array([0, 0, 0, 0, 1, 2, 2])
    rows = photo.balanced(np.array([0, 1, 2, 4, 5]), targets, seed=1)
    assert np.bincount(targets[rows]).tolist() == [3, 3, 3]
    assert set(rows.tolist()) == {0, 1, 2, 4, 5}


def test_the_interval_is_wilsons() -> None:
    """Checked against the closed form worked out by hand for 8 of 10."""
    assert photo.interval(8, 10) == pytest.approx((49.02, 94.33), abs=0.01)


def test_the_photo_study_says_what_differs(photo_folder: Path) -> None:
    """A row for each network and for the product on each set, with pretrained weights' absence stated."""
    scale = photo.Scale(
        side=32, photos=6, epochs=1, small_side=32, small_photos=8, small_width=4, small_epochs=1,
        pretraining_epochs=1, gaussians=4, product=PhotoConfig(network="", gaussians=4, components=16),
    )  # fmt: skip
    found = photo.run([], [photo_folder], networks=["ResNet50"], scale=scale)
    rows = {row["configuration"]: row for row in found["rows"]}
    assert next(iter(rows)) == "study-ResNet50 (five)"
    kinds = ("five", "unbalanced", "balanced")
    assert {f"product: Fisher vectors ({kind})" for kind in kinds} <= set(rows)
    assert rows["study-ResNet50 (five)"]["classes"] == 5
    assert rows["small (balanced)"]["published"] == 73.12
    for row in found["rows"]:
        assert row["low"] <= row["ours"] <= row["high"]
        assert "no pretrained weights" in row["differs"]
    assert rows["product: Fisher vectors (five)"]["ours"] >= 60
    every = rows["product: blend (all codes)"]
    assert every["classes"] == 6
    assert every["top3"] >= every["ours"] == rows["product: fisher (all codes)"]["ours"]


def test_the_joint_study_runs_all_halves_in_the_same_folds(photo_folder: Path, rulings: Path) -> None:
    """Five rows over the same pairs; the pool is not far below the photo branch that is part of it."""
    base = joint.Scale()
    scale = dataclasses.replace(
        base,
        text_epochs=1,
        joint_epochs=1,
        text=dataclasses.replace(base.text, hidden=8, embedding_dim=8, buckets=200, embedding_epochs=1),
        photo=SMALL,
        product=PhotoConfig(network="", gaussians=4, components=16, holdout=0.15),
    )
    found = joint.run([rulings], [photo_folder], scale=scale, seed=2)
    rows = {row["configuration"]: row for row in found["rows"]}
    assert len(rows) == 5
    assert {row["classes"] for row in rows.values()} == {6}
    assert rows["product: photo branch"]["ours"] >= 60
    pool = rows["product: pool of text and photo"]["ours"]
    assert pool >= rows["product: photo branch"]["ours"] - 15
    best = max(rows["joint: text half alone"]["ours"], rows["joint: photo half alone"]["ours"])
    ahead = rows["joint: 512 + 512, end to end"]["ours"] - best
    assert found["lead"]["joint"] == pytest.approx(ahead, abs=0.011)
    assert any("48 pairs with ruling" in note for note in found["notes"])


def test_the_joint_network_sees_both_halves() -> None:
    """512 and 512 features; changing the photo or the text changes the answer."""
    import torch

    from hs_classifier.embed import Vocabulary
    from hs_classifier.model import Bags, BlstmClassifier
    from hs_classifier.photo.networks import PhotoNetwork

    vocabulary = Vocabulary(["apple", "leek"], min_n=2, max_n=3, buckets=50)
    text = BlstmClassifier(joint.Scale().text, vocabulary.rows, 3)
    image = PhotoNetwork(dataclasses.replace(SMALL, feature_width=512), 3)
    network = joint.JointNetwork(text, image, 3).eval()
    assert network.out.in_features == 1024
    apple, leek = (Bags.of([[word]], vocabulary) for word in ("apple", "leek"))
    dark, light = torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
    said = [network(bags, images) for bags in (apple, leek) for images in (dark, light)]
    assert said[0].shape == (1, 3)
    assert not torch.allclose(said[0], said[1])
    assert not torch.allclose(said[0], said[2])


def test_every_label_has_a_code_of_the_official_table(eval_data: Path) -> None:
    """81 groceries and 17 garments, each under a ten-digit code in force."""
    from customs.readers import hsk

    labels = pairs.codes_of_labels()
    assert (len(labels["grocery"]), len(labels["clothing"])) == (81, 17)
    known = set(hsk.read(eval_data / "nomenclature" / "kcs_hsk_2025.csv").table["digits"])
    used = {code.digits for codes in labels.values() for code in codes.values()}
    assert used <= known
    assert all(len(digits) == 10 for digits in used)


def test_the_two_sets_are_read_under_their_codes(eval_data: Path) -> None:
    """Every listed photo is there, and shots of one heap share a group."""
    read = pairs.read_labelled([eval_data / "images" / "grocery", eval_data / "images" / "clothing"])
    assert len(read) == 2936 + 3553
    assert all(isinstance(s.photo, Path) and s.photo.is_file() for s in read[::200])
    apples = [s for s in read if s.code == HsCode("0808100000")]
    assert 5 < len({s.group for s in apples}) < len(apples)
