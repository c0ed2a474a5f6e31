"""The joint study: 512 text features beside 512 photo features, end to end, in five folds over pairs.

In the same folds: the text half alone, the photo half alone, and the product's own combination, which is
a log-linear pool of text and photo probabilities.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from customs.hs import HsCode
from customs.progress import Progress, silent
from hs_classifier.embed import Vocabulary, train_vectors
from hs_classifier.model import Bags, BlstmClassifier, HsConfig
from hs_classifier.photo.augment import augmented, plain
from hs_classifier.photo.branch import SIDE, PhotoBranch
from hs_classifier.photo.networks import PhotoConfig, PhotoNetwork
from hs_classifier.photo.pixels import Pixels, decode
from hs_classifier.photo.training import fit_photo_network, network_log_probabilities
from hs_classifier.study.pairs import Name, Pairs, make_pairs, read_labelled, read_names, ruling_names
from hs_classifier.study.photo import interval
from hs_classifier.text import clean, words

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
# The studies' figures, %: text by name on 100 codes, photos pre-trained on 100 codes, joint on 100 codes.
PUBLISHED = {"text": 85.25, "photo": 73.89, "joint": 93.02}
FOLDS = 5
_CHUNK = 64
# With fewer other names, those of the pairs teach the word vectors too (no code is told with them).
_ENOUGH_TEXT = 1000


@dataclasses.dataclass(frozen=True)
class Scale:
    """How much of the study two cores bear."""

    most: int = 30  # photos for each code
    text_epochs: int = 12
    joint_epochs: int = 8
    batch: int = 32
    text_rate: float = 2e-3
    joint_rate: float = 5e-4
    text: HsConfig = dataclasses.field(
        default_factory=lambda: HsConfig(
            hidden=256, max_tokens=24, buckets=20_000, tune_embeddings=False, dropout=0.5, word_dropout=0.1
        )
    )
    photo: PhotoConfig = dataclasses.field(
        default_factory=lambda: PhotoConfig(
            network="small", width=16, side=64, epochs=24, batch=32, learning_rate=2e-3, dropout=0.3
        )
    )
    product: PhotoConfig = dataclasses.field(
        default_factory=lambda: PhotoConfig(network="", gaussians=32, components=256, holdout=0.1)
    )


class JointNetwork(nn.Module):
    """The features of a text and of a photo side by side under one softmax."""

    def __init__(self, text: BlstmClassifier, photo: PhotoNetwork, codes: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.text, self.photo = text, photo
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(text.out.in_features + photo.out.in_features, codes)

    def forward(self, bags: Bags, images: Tensor) -> Tensor:
        """(n, codes) logits."""
        both = torch.cat([self.text.features(bags), self.photo.features(images)], dim=1)  # (n, 512 + 512)
        return self.out(self.dropout(both))


def run(
    data: Sequence[Path],
    photos: Sequence[Path],
    *,
    nomenclature: Sequence[Path] = (),
    seeds: int = 1,
    seed: int = 0,
    scale: Scale | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Pair photos with names and run five folds; answers {"rows": …, "notes": …, "lead": …}.

    data: files of rulings; nomenclature: official tables, whose wording stands in where rulings have too
    few names. seeds: how often pairs are drawn anew; right answers are pooled.
    `lead`: points that the joint network and the pool are ahead of the better single modality.
    """
    scale = scale or Scale()
    samples = read_labelled(photos)
    codes = sorted({s.code for s in samples})
    names = read_names(codes, data, nomenclature, enough=FOLDS)
    vectors = _vectors(data, names, scale.text, seed)
    right: dict[str, list[bool]] = {"text": [], "photo": [], "joint": [], "product photo": [], "pool": []}
    weights: list[float] = []
    for run_seed in range(seed, seed + seeds):
        pairs = make_pairs(samples, names, folds=FOLDS, most=scale.most, seed=run_seed)
        pixels = decode([s.photo for s in pairs.samples], SIDE, progress)
        said = {name: np.zeros((len(pairs.samples), len(pairs.codes))) for name in right}
        for fold in range(FOLDS):
            _fold(fold, pairs, pixels, said, scale, vectors, run_seed + fold, device, progress)
            progress("folds", fold + 1, FOLDS)
        # the weight for one fold is set on the answers in the other four
        for fold in range(FOLDS):
            mine = pairs.folds == fold
            weight = _weight(said["text"][~mine], said["product photo"][~mine], pairs.targets[~mine])
            said["pool"][mine] = (1 - weight) * said["text"][mine] + weight * said["product photo"][mine]
            weights.append(weight)
        for name, log_p in said.items():
            right[name].extend((log_p.argmax(axis=1) == pairs.targets).tolist())
    share = {name: 100 * float(np.mean(hits)) for name, hits in right.items()}
    sources = Counter(name.source for name in pairs.names)
    return {
        "rows": _rows(right, pairs, scale),
        "lead": {
            "joint": round(share["joint"] - max(share["text"], share["photo"]), 2),
            "pool": round(share["pool"] - max(share["text"], share["product photo"]), 2),
        },
        "pool_weight_of_photo": round(float(np.mean(weights)), 2),
        "notes": [
            f"{len(pairs.samples)} pairs of {len(pairs.codes)} codes: the photos at hand allow no hundred.",
            "Names: " + ", ".join(f"{count} pairs with {source}" for source, count in sources.most_common()),
            "Neither the photo (nor a shot of the same heap) nor the name of a tested pair was trained on; "
            "the published figures come from random splits of one customs archive.",
            "Left out for want of names: " + (", ".join(str(c) for c in pairs.left_out) or "none"),
        ],
    }


def _fold(
    fold: int,
    pairs: Pairs,
    pixels: Pixels,
    said: dict[str, Array],
    scale: Scale,
    vectors: tuple[Vocabulary, npt.NDArray[np.float32]],
    seed: int,
    device: str,
    progress: Progress,
) -> None:
    """Train the four models on the other folds and write down what they say of this one."""
    train, test = np.flatnonzero(pairs.folds != fold), np.flatnonzero(pairs.folds == fold)
    texts = [words(name.text, scale.text.max_tokens) or ["?"] for name in pairs.names]
    vocabulary, table = vectors
    n = len(pairs.codes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        text = BlstmClassifier(scale.text, vocabulary.rows, n).to(device)
        with torch.no_grad():
            text.bag.weight.copy_(torch.from_numpy(table))
        rng = np.random.default_rng(seed)

        def ask_text(rows: Rows) -> Tensor:
            return text(Bags.of([texts[i] for i in rows], vocabulary, device))

        _learn(text, ask_text, train, pairs.targets, scale.text_epochs, scale.text_rate, scale, rng, progress)
        said["text"][test] = _answers(text, ask_text, test)

        photo = fit_photo_network(
            pixels[train], pairs.targets[train], n, scale.photo, seed=seed, device=device, progress=progress
        )
        said["photo"][test] = network_log_probabilities(photo, pixels[test], device)

        # both halves start from what they learned alone, then everything learns together
        joint = JointNetwork(text, photo, n).to(device)

        def ask_joint(rows: Rows) -> Tensor:
            seen = pixels[rows]
            images = (
                augmented(seen, scale.photo, rng, device)
                if joint.training
                else plain(seen, scale.photo.side, device)
            )
            return joint(_bags(texts, rows, vocabulary, device), images)

        _learn(
            joint, ask_joint, train, pairs.targets, scale.joint_epochs, scale.joint_rate, scale, rng, progress
        )
        said["joint"][test] = _answers(joint, ask_joint, test)

    branch = PhotoBranch.fit([pairs.samples[i] for i in train], scale.product, seed=seed, progress=progress)
    told = branch.log_probabilities([pairs.samples[i].photo for i in test])
    # a code that is in this fold alone has no photo to learn from
    said["product photo"][test] = np.log(1e-6)
    columns = np.array([pairs.codes.index(code) for code in branch.codes])
    said["product photo"][np.ix_(test, columns)] = told


def _vectors(
    data: Sequence[Path], names: Mapping[HsCode, Sequence[Name]], config: HsConfig, seed: int
) -> tuple[Vocabulary, npt.NDArray[np.float32]]:
    """fastText vectors of the rulings' names, without those that are paired.

    The names of the pairs alone are a few hundred: vectors trained on so little stay where they began,
    near zero, and an LSTM learns nothing from them. For the same reason the table is scaled to unit spread.
    """
    paired = {name.text for of_code in names.values() for name in of_code}
    seen = dict.fromkeys(text for text in map(clean, ruling_names(data)) if text not in paired)
    sentences = [found for text in seen if (found := words(text, config.max_tokens))]
    if len(sentences) < _ENOUGH_TEXT:
        sentences += [words(text, config.max_tokens) or ["?"] for text in sorted(paired)]
    vocabulary, table = train_vectors(sentences, config, seed=seed)
    return vocabulary, table / max(float(table[: len(vocabulary.known)].std()), 1e-6)


def _bags(texts: Sequence[Sequence[str]], rows: Rows, vocabulary: Vocabulary, device: str) -> Bags:
    return Bags.of([texts[i] for i in rows], vocabulary, device)


def _learn(
    model: nn.Module,
    ask: Callable[[Rows], Tensor],
    train: Rows,
    targets: Rows,
    epochs: int,
    rate: float,
    scale: Scale,
    rng: np.random.Generator,
    progress: Progress,
) -> None:
    """AdamW with a half cosine; the tables of word vectors stay fixed."""
    learning = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, rate, weight_decay=0.01)
    steps = epochs * -(-len(train) // scale.batch)
    step = 0
    model.train()
    for _ in range(epochs):
        order = rng.permutation(train)
        for begin in range(0, len(order), scale.batch):
            rows = order[begin : begin + scale.batch]
            if len(rows) < 2:  # batch normalisation needs two
                continue
            optimiser.param_groups[0]["lr"] = rate * 0.5 * (1 + float(np.cos(np.pi * step / steps)))
            loss = functional.cross_entropy(ask(rows), torch.from_numpy(targets[rows]), label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning, 5.0)
            optimiser.step()
            step += 1
            progress("training text and joint networks", step, steps)
    model.eval()


@torch.inference_mode()
def _answers(model: nn.Module, ask: Callable[[Rows], Tensor], rows: Rows) -> Array:
    """(rows, codes) log-probabilities."""
    model.eval()
    parts = [ask(rows[i : i + _CHUNK]).double() for i in range(0, len(rows), _CHUNK)]
    return functional.log_softmax(torch.cat(parts), dim=1).cpu().numpy()


def _weight(text: Array, photo: Array, targets: Rows) -> float:
    """The photo's share in the pool that makes the truths likeliest."""
    best = (np.inf, 0.0)
    for weight in np.linspace(0, 1, 21):
        logits = (1 - weight) * text + weight * photo
        log_p = logits - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True))
        log_p -= logits.max(1, keepdims=True)
        best = min(best, (float(-log_p[np.arange(len(targets)), targets].mean()), float(weight)))
    return best[1]


def _rows(right: dict[str, list[bool]], pairs: Pairs, scale: Scale) -> list[dict[str, Any]]:
    small = f"{scale.photo.side} px, network from scratch"
    said = {
        "text": ("joint: text half alone", "text", "fixed fastText vectors of other rulings' names"),
        "photo": ("joint: photo half alone", "photo", f"small network instead of VGG, {small}"),
        "joint": ("joint: 512 + 512, end to end", "joint", f"{small}; halves start from their own training"),
        "product photo": ("product: photo branch", "photo", "Fisher vectors, no network"),
        "pool": ("product: pool of text and photo", "joint", "log-linear, weight set on the other folds"),
    }
    found = []
    for name, (configuration, modality, differs) in said.items():
        low, high = interval(sum(right[name]), len(right[name]))
        found.append(
            {
                "configuration": configuration,
                "modality": modality,
                "classes": len(pairs.codes),
                "published": PUBLISHED[modality],
                "ours": round(100 * float(np.mean(right[name])), 2),
                "low": round(low, 2),
                "high": round(high, 2),
                "differs": differs,
            }
        )
    return found
