"""The photo branch and its networks on toy photos: discs, bars and checks in a few colours."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from customs.case import Photo
from customs.errors import InvalidConfig, InvalidValue, UnreadableFile
from customs.hs import HsCode
from hs_classifier.photo import PhotoBranch, PhotoConfig, PhotoSample, read_photos

APPLE, LEEK, SHIRT = HsCode("0808100000"), HsCode("0703901000"), HsCode("6205200000")
QUICK = PhotoConfig(gaussians=4, components=32, network="", holdout=0.3)
TINY_NETWORK = PhotoConfig(
    gaussians=0, network="small", width=4, side=32, epochs=12, batch=16, feature_width=16, dropout=0.0
)


def draw(code: HsCode, rng: np.random.Generator) -> Photo:
    """Red discs, green bars or a blue check, at a random place on a grey ground."""
    grey = int(rng.integers(120, 220))
    picture = Image.new("RGB", (72, 60), (grey, grey, grey))
    canvas = ImageDraw.Draw(picture)
    x, y = (int(v) for v in rng.integers(2, 20, 2))
    if code == APPLE:
        canvas.ellipse((x, y, x + 34, y + 34), fill=(200, 40, 40))
    elif code == LEEK:
        for step in range(0, 40, 8):
            canvas.rectangle((x + step, y, x + step + 3, y + 36), fill=(40, 150, 50))
    else:
        for row in range(4):
            for column in range(4):
                if (row + column) % 2:
                    canvas.rectangle(
                        (x + 9 * column, y + 9 * row, x + 9 * column + 8, y + 9 * row + 8), fill=(50, 60, 190)
                    )
    noise = rng.normal(0, 4, (60, 72, 3))
    return Photo(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def samples(each: int = 20, seed: int = 0) -> list[PhotoSample]:
    """Photos of three codes, in turn."""
    rng = np.random.default_rng(seed)
    return [PhotoSample(code, draw(code, rng)) for _ in range(each) for code in (APPLE, LEEK, SHIRT)]


@pytest.fixture(scope="module")
def branch() -> PhotoBranch:
    """Fisher vectors alone, trained once."""
    return PhotoBranch.fit(samples(), QUICK, seed=1)


def save(photo: Photo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo.pixels).save(path)


def right(branch: PhotoBranch, fresh: list[PhotoSample]) -> float:
    best = branch.log_probabilities([s.photo for s in fresh]).argmax(axis=1)
    return float(np.mean([branch.codes[b] == s.code for b, s in zip(best, fresh, strict=True)]))


def test_fisher_vectors_tell_the_three_kinds_apart(branch: PhotoBranch) -> None:
    """Nearly all fresh photos get their code, and probabilities add up to one."""
    fresh = samples(8, seed=9)
    assert right(branch, fresh) >= 0.9
    p = np.exp(branch.log_probabilities([s.photo for s in fresh]))
    assert p.shape == (24, 3)
    assert p.dtype == np.float64
    assert p.sum(axis=1) == pytest.approx(1.0)


def test_codes_are_sorted_and_keep_the_digits_given() -> None:
    """A six-digit code stays one; nothing is padded to ten."""
    short = [PhotoSample(HsCode(s.code.digits[:6]), s.photo) for s in samples(5)]
    assert PhotoBranch.fit(short, QUICK).codes == (HsCode("070390"), HsCode("080810"), HsCode("620520"))


def test_what_was_held_out_was_not_learned_from(branch: PhotoBranch) -> None:
    """The held-out photos are about the share asked for, and their answers are those of the branch."""
    held = branch.held
    assert held is not None
    assert 15 <= len(held.rows) <= 21
    photos = [samples()[i].photo for i in held.rows]
    assert branch.log_probabilities(photos) == pytest.approx(held.log_probabilities, abs=1e-4)
    chosen = PhotoBranch.fit(samples(), QUICK, held=[4, 9, 31], seed=1).held
    assert chosen is not None
    assert chosen.rows.tolist() == [4, 9, 31]


def test_shots_of_one_thing_stay_on_one_side() -> None:
    """A group is held out whole or not at all."""
    grouped = [PhotoSample(s.code, s.photo, None, f"heap {i // 6}") for i, s in enumerate(samples())]
    held = PhotoBranch.fit(grouped, QUICK, seed=3).held
    assert held is not None
    for kind in {(grouped[i].code, grouped[i].group) for i in held.rows}:
        mine = [i for i, s in enumerate(grouped) if (s.code, s.group) == kind]
        assert set(mine) <= set(held.rows.tolist())


def test_a_photo_of_something_else_is_novel(branch: PhotoBranch) -> None:
    """Noise is stranger than nearly all photos held out; a fresh photo of a known kind is not."""
    noise = Photo(np.random.default_rng(5).integers(0, 256, (60, 72, 3), dtype=np.uint8))
    usual = branch.novelty([s.photo for s in samples(8, seed=4)])
    assert branch.novelty([noise])[0] > 0.9
    assert np.median(usual) < 0.9
    assert ((usual >= 0) & (usual < 1)).all()


def test_the_same_seed_gives_the_same_branch(branch: PhotoBranch) -> None:
    """Every tensor is equal, bit by bit."""
    again = PhotoBranch.fit(samples(), QUICK, seed=1)
    for name, value in branch.tensors().items():
        assert np.array_equal(value, again.tensors()[name]), name


@pytest.mark.parametrize("config", [QUICK, TINY_NETWORK], ids=["fisher", "network"])
def test_a_restored_branch_says_the_same(config: PhotoConfig) -> None:
    """Tensors and JSON facts hold everything."""
    first = PhotoBranch.fit(samples(8), config, seed=2)
    second = PhotoBranch.restore(first.tensors(), json.loads(json.dumps(first.facts())))
    photos = [s.photo for s in samples(3, seed=8)]
    for ours, theirs in zip(first.look(photos), second.look(photos), strict=True):
        assert ours == pytest.approx(theirs, abs=0.02)
    assert second.log_probabilities(photos) == pytest.approx(first.log_probabilities(photos), abs=1e-9)


def test_a_small_network_learns_alone_and_in_a_blend() -> None:
    """Either way most fresh photos get their code, and a blend has both voices' figures."""
    import dataclasses

    alone = PhotoBranch.fit(samples(24), TINY_NETWORK, seed=1)
    assert alone.network is not None
    assert alone.line is None
    assert right(alone, samples(8, seed=9)) >= 0.7
    both = dataclasses.replace(TINY_NETWORK, gaussians=4, components=32, network_from=10)
    blend = PhotoBranch.fit(samples(24), both, seed=1)
    assert {"held_out.fisher.top1", "held_out.network.top1", "held_out.blend.top1"} <= set(blend.figures)
    assert right(blend, samples(8, seed=9)) >= 0.9


def test_few_photos_train_no_network() -> None:
    """Below `network_from` photos only the Fisher vectors speak."""
    assert PhotoBranch.fit(samples(6), PhotoConfig(gaussians=4, components=16)).network is None


def test_no_photo_gives_no_row(branch: PhotoBranch) -> None:
    """An empty list is answered with empty arrays of the right shape."""
    log_p, novelty = branch.look([])
    assert log_p.shape == (0, 3)
    assert novelty.shape == (0,)


def test_one_code_or_few_photos_are_refused() -> None:
    """There is nothing to tell apart."""
    with pytest.raises(InvalidValue, match="too few to learn from"):
        PhotoBranch.fit([s for s in samples() if s.code == APPLE], QUICK)
    with pytest.raises(InvalidValue, match="too few to learn from"):
        PhotoBranch.fit(samples(2), QUICK)


def test_a_pdf_called_jpg_is_named(branch: PhotoBranch, tmp_path: Path) -> None:
    """One clear error with the file's name."""
    path = tmp_path / "invoice.jpg"
    path.write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj")
    with pytest.raises(UnreadableFile, match=r"invoice\.jpg: the file is not a picture"):
        branch.log_probabilities([path])
    with pytest.raises(UnreadableFile, match=r"missing\.png cannot be read"):
        branch.log_probabilities([tmp_path / "missing.png"])


def test_a_folder_named_by_codes_is_read(tmp_path: Path) -> None:
    """Sub-folders give the codes, numbered files the groups."""
    for i in range(7):
        save(draw(APPLE, np.random.default_rng(i)), tmp_path / "0808.10-0000" / f"apple_{i:03}.png")
    (tmp_path / "0808.10-0000" / "notes.txt").write_text("not a photo")
    found = read_photos([tmp_path])
    assert [s.code for s in found] == [APPLE] * 7
    assert len({s.group for s in found}) == 2
    (tmp_path / "pictures").mkdir()
    with pytest.raises(UnreadableFile, match="pictures"):
        read_photos([tmp_path])


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_list_of_photos_is_read(kind: str, tmp_path: Path) -> None:
    """Paths are relative to the list; names come along where they are given."""
    save(draw(APPLE, np.random.default_rng(1)), tmp_path / "shots" / "a.png")
    rows = [{"hsk": "0808100000", "photo": "shots/a.png", "name": "apples"}]
    path = tmp_path / f"list.{kind}"
    if kind == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["hsk", "photo", "name"])
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (sample,) = read_photos([path])
    assert sample.code == APPLE
    assert sample.photo == tmp_path / "shots" / "a.png"
    assert sample.goods is not None
    assert sample.goods.name == "apples"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,photo\na,b.png\n", "no column hsk"),
        ("hsk,photo\n08081,b.png\n", "line 2: '08081' has 5 digits"),
        ("hsk,photo\n0808100000,\n", "line 2 has no photo"),
        ("hsk,photo\n", "no photo with a code"),
    ],
)
def test_a_bad_list_names_the_line(text: str, problem: str, tmp_path: Path) -> None:
    """The error says where and what."""
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((UnreadableFile, InvalidValue), match=problem):
        read_photos([path])


def test_a_world_gives_its_past_photos(tiny_world: Path) -> None:
    """Photos of single-line declarations with their codes and names; a branch trains on them."""
    found = read_photos([tiny_world])
    assert len(found) >= 10
    assert all(s.goods is not None and s.code.level == 10 for s in found)
    branch = PhotoBranch.fit(found, PhotoConfig(gaussians=8, components=64), seed=1)
    assert branch.held is not None
    assert branch.figures["held_out.fisher.top1"] > 0.3


@pytest.mark.parametrize("name", ["vgg16", "resnet18", "mobilenetv3_small_100"])
def test_named_networks_answer_with_features_and_codes(name: str) -> None:
    """512 features for the joint model and a logit for each code; a frozen body stays as it is."""
    import torch

    from hs_classifier.photo.networks import PhotoNetwork

    network = PhotoNetwork(PhotoConfig(network=name, freeze=True), codes=3).train()
    images = torch.zeros(2, 3, 64, 64)
    assert network.features(images).shape == (2, 512)
    assert network(images).shape == (2, 3)
    assert not any(p.requires_grad for p in network.body.parameters())
    assert all(p.requires_grad for p in network.out.parameters())
    assert not network.body.training


def test_weights_come_from_a_local_file_or_the_error_says_why_not(tmp_path: Path) -> None:
    """Safetensors that fit are taken; another kind of file, other shapes and other names are refused."""
    import torch
    from safetensors.torch import save_file

    from hs_classifier.photo.networks import PhotoNetwork

    source = PhotoNetwork(PhotoConfig(width=4), codes=2)
    save_file(
        {k: v.contiguous() + 1 for k, v in source.body.state_dict().items()}, tmp_path / "w.safetensors"
    )
    taken = PhotoNetwork(PhotoConfig(width=4, pretrained=str(tmp_path / "w.safetensors")), codes=5)
    assert torch.equal(taken.body[0].weight, source.body[0].weight + 1)
    with pytest.raises(UnreadableFile, match="does not fit the network"):
        PhotoNetwork(PhotoConfig(width=8, pretrained=str(tmp_path / "w.safetensors")), codes=5)
    (tmp_path / "w.pth").write_bytes(b"\x80\x04pickle")
    with pytest.raises(UnreadableFile, match=r"w\.pth is no safetensors file"):
        PhotoNetwork(PhotoConfig(width=4, pretrained=str(tmp_path / "w.pth")), codes=5)
    with pytest.raises(InvalidConfig, match="there is no network 'vgg61'"):
        PhotoNetwork(PhotoConfig(network="vgg61"), codes=5)


def test_a_pretrained_body_goes_on_under_a_new_head() -> None:
    """Body and hidden layer are carried over; the softmax has the new codes."""
    import torch

    from hs_classifier.photo.networks import PhotoNetwork

    first = PhotoNetwork(PhotoConfig(width=4), codes=9)
    second = first.new_head(2)
    assert torch.equal(first.hidden.weight, second.hidden.weight)
    assert torch.equal(first.body[0].weight, second.body[0].weight)
    assert second.out.out_features == 2
