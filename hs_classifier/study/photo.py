"""The photo study by name: its networks, head, optimiser, augmentation, balancing and pre-training.

The study froze ImageNet's weights under a new head, at 224 px, on an unnamed machine. Where no weights can
be had, frozen layers would be noise, so the whole network learns from its first weights; every row says
so, and at what size and for how long it was run.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.hs import HsCode
from customs.progress import Progress, silent
from hs_classifier.calibration import calibration_error
from hs_classifier.photo.branch import SIDE, PhotoBranch
from hs_classifier.photo.networks import STUDY_NETWORKS, PhotoConfig, PhotoNetwork
from hs_classifier.photo.pixels import Pixels, decode
from hs_classifier.photo.reading import PhotoSample
from hs_classifier.photo.splitting import hold_out
from hs_classifier.photo.training import fit_photo_network, network_log_probabilities
from hs_classifier.study.pairs import read_labelled

# Batch 32, RMSprop at 1e-4, dropout .5, flips and rotations; no label smoothing, no colour jitter.
STUDY = PhotoConfig(
    network="vgg16",
    dropout=0.5,
    batch=32,
    optimiser="rmsprop",
    learning_rate=1e-4,
    weight_decay=0.0,
    smoothing=0.0,
    rotation=20.0,
    smallest_crop=0.9,
    jitter=0.0,
    side=224,
)
# The study's figures, %: its best on five codes, and on chapter 87 unbalanced and balanced.
PUBLISHED = {"five": 45.60, "unbalanced": 55.67, "balanced": 73.12}
# VGG on 100 codes, pre-trained on all photos and fine-tuned.
PUBLISHED_ALL = 73.89
Rows = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Scale:
    """How much of the study two cores bear; all of it is said in the result."""

    side: int = 80  # pixels of the study's networks
    photos: int = 60  # for each of the five codes, for those networks
    epochs: int = 4
    small_side: int = 64  # pixels of the small network
    small_photos: int = 200  # for each code, at most
    small_width: int = 16
    small_epochs: int = 30
    pretraining_epochs: int = 8
    gaussians: int = 32
    # the product's branch on all photos and codes; None leaves it out
    product: PhotoConfig | None = dataclasses.field(default_factory=PhotoConfig)


@dataclasses.dataclass(frozen=True)
class Problem:
    """Photos of some codes, split; `train` may name a photo more than once where codes were balanced."""

    name: str
    codes: tuple[HsCode, ...]
    train: Rows
    test: Rows


def run(
    data: Sequence[Path],
    photos: Sequence[Path],
    *,
    seeds: int = 1,
    seed: int = 0,
    pretrained: str = "none",
    networks: Sequence[str] = tuple(STUDY_NETWORKS),
    scale: Scale | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Run the photo study on folders of photos; `data` is not needed and is there for the other studies.

    seeds: runs of each cheap configuration, whose right answers are pooled; the study's four networks
        run once, and so does the product's branch on all codes.
    pretrained: none, hub, or a file of one network's weights.
    Answers {"rows": …, "notes": …}; a row's `low` and `high` are the 95 % interval of `ours`, in %.
    """
    scale = scale or Scale()
    samples = read_labelled(photos)
    pixels = decode([s.photo for s in samples], SIDE, progress)
    rows: list[dict[str, Any]] = []
    asked = [name for name in STUDY_NETWORKS if name in networks or STUDY_NETWORKS[name] in networks]
    for name in asked:
        problem = _problem("five", samples, most=scale.photos, seed=seed)
        config = dataclasses.replace(
            STUDY,
            network=STUDY_NETWORKS[name],
            pretrained=pretrained,
            freeze=pretrained != "none",
            side=scale.side,
            epochs=scale.epochs,
        )
        network = _fit(problem, samples, pixels, config, seed=seed, device=device, progress=progress)
        right = _right(problem, samples, pixels, network, device)
        rows.append(_row(f"study-{name}", problem, right, _said(config, problem), "five"))
    small = dataclasses.replace(
        STUDY,
        network="small",
        side=scale.small_side,
        width=scale.small_width,
        epochs=scale.small_epochs,
    )
    found: dict[tuple[str, str], list[bool]] = {}
    problems: dict[str, Problem] = {}
    for run_seed in range(seed, seed + seeds):
        kinds = [_problem(kind, samples, most=scale.small_photos, seed=run_seed) for kind in PUBLISHED]
        for problem in kinds:
            problems[problem.name] = problem
            start = _pretrain(problem, samples, pixels, small, scale, run_seed, device, progress)
            for configuration, first in (("small", None), ("small, pre-trained on all photos", start)):
                network = _fit(
                    problem,
                    samples,
                    pixels,
                    small,
                    seed=run_seed,
                    device=device,
                    start=first,
                    progress=progress,
                )
                right = _right(problem, samples, pixels, network, device)
                found.setdefault((configuration, problem.name), []).extend(right)
            branch = _branch(problem, samples, scale, run_seed, progress)
            best = branch.log_probabilities([samples[i].photo for i in problem.test]).argmax(axis=1)
            right = [branch.codes[b] == samples[i].code for b, i in zip(best, problem.test, strict=True)]
            found.setdefault(("product: Fisher vectors", problem.name), []).extend(right)
    for (configuration, kind), right in found.items():
        problem = problems[kind]
        if configuration.startswith("product"):
            said = f"not a network; {scale.gaussians} Gaussians, no pretrained weights"
        else:
            said = _said(small, problem)
            if "pre-trained" in configuration:
                said += f"; first {scale.pretraining_epochs} epochs on all other photos and codes"
        rows.append(_row(configuration, problem, right, said, kind))
    if scale.product is not None:
        rows.extend(product_rows(samples, scale.product, seed=seed, device=device, progress=progress))
    return {
        "rows": rows,
        "notes": [
            "Published: best of four networks on five codes; best on chapter 87 unbalanced; best balanced.",
            "Ours: shop and clothing photos under our own codes, shots of one heap on one side of the split; "
            "the five codes with most photos, and the chapter with most of them.",
            f"pretrained: {pretrained}.",
        ],
    }


def product_rows(
    samples: Sequence[PhotoSample],
    config: PhotoConfig,
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """The product's branch and its voices on all codes, on photos that set neither blend nor temperature.

    The published figure beside it is that of VGG on 100 codes after pre-training on all photos. Rows also
    have `top3` in % and the expected calibration error `ece`.
    """
    branch = PhotoBranch.fit(samples, config, seed=seed, device=device, progress=progress)
    assert branch.held is not None
    fresh = ~branch.held.tuned
    truth = np.array([branch.codes.index(samples[i].code) for i in branch.held.rows])[fresh]
    learned = len(samples) - len(branch.held.rows)
    rows = []
    for voice, log_p in branch.held.voices.items():
        said = log_p[fresh]
        order = np.argsort(-said, axis=1, kind="stable")
        right = order[:, 0] == truth
        low, high = interval(int(right.sum()), len(right))
        rows.append(
            {
                "configuration": f"product: {voice} (all codes)",
                "modality": "photo",
                "classes": len(branch.codes),
                "published": PUBLISHED_ALL,
                "ours": round(100 * float(right.mean()), 2),
                "low": round(low, 2),
                "high": round(high, 2),
                "top3": round(100 * float((order[:, :3] == truth[:, None]).any(axis=1).mean()), 2),
                "ece": round(calibration_error(np.exp(said.max(axis=1)), right), 4),
                "differs": f"no pretrained weights; {learned}/{len(right)} photos",
            }
        )
    return rows


def interval(right: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (1927), in %."""
    z, share = 1.96, right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)))
    return 100 * (middle - half), 100 * (middle + half)


def balanced(train: Rows, targets: Rows, *, seed: int) -> Rows:
    """Repeat photos of the rarer codes until all have as many; augmentation makes the copies differ."""
    rng = np.random.default_rng(seed)
    most = int(np.bincount(targets[train]).max())
    parts = []
    for target in np.unique(targets[train]):
        mine = train[targets[train] == target]
        more = rng.choice(mine, most - len(mine)) if len(mine) < most else mine[:0]
        parts.append(np.concatenate([mine, more]))
    return np.concatenate(parts)


def _problem(kind: str, samples: Sequence[PhotoSample], *, most: int, seed: int) -> Problem:
    counts = Counter(s.code for s in samples)
    if kind == "five":
        codes = sorted(sorted(counts, key=lambda code: (-counts[code], code))[:5])
    else:
        chapters = Counter(s.code.chapter for s in samples)
        largest = max(chapters, key=lambda c: (chapters[c], c))
        codes = sorted(code for code in counts if code.chapter == largest)
    rng = np.random.default_rng(seed)
    rows: list[int] = []
    for code in codes:
        mine = [i for i, s in enumerate(samples) if s.code == code]
        rows.extend(mine[i] for i in rng.permutation(len(mine))[:most])
    rows.sort()
    out = hold_out([samples[i] for i in rows], 0.3, seed=seed)
    test = np.array(rows)[out]
    train = np.setdiff1d(np.array(rows), test)
    if kind == "balanced":
        train = balanced(train, _targets(samples, tuple(codes)), seed=seed)
    return Problem(kind, tuple(codes), train, test)


def _targets(samples: Sequence[PhotoSample], codes: tuple[HsCode, ...]) -> Rows:
    """Number of each photo's code among `codes`; 0 for photos of other codes, which nobody asks for."""
    place = {code: i for i, code in enumerate(codes)}
    return np.array([place.get(s.code, 0) for s in samples], dtype=np.int64)


def _fit(
    problem: Problem,
    samples: Sequence[PhotoSample],
    pixels: Pixels,
    config: PhotoConfig,
    *,
    seed: int,
    device: str,
    start: PhotoNetwork | None = None,
    progress: Progress,
) -> PhotoNetwork:
    targets = _targets(samples, problem.codes)[problem.train]
    return fit_photo_network(
        pixels[problem.train],
        targets,
        len(problem.codes),
        config,
        seed=seed,
        device=device,
        start=start,
        progress=progress,
    )


def _pretrain(
    problem: Problem,
    samples: Sequence[PhotoSample],
    pixels: Pixels,
    config: PhotoConfig,
    scale: Scale,
    seed: int,
    device: str,
    progress: Progress,
) -> PhotoNetwork:
    """Train on every photo of every code but those tested, nor any shot of the same heap."""
    tested = {(samples[i].code, samples[i].group) for i in problem.test}
    rows = np.array([i for i, s in enumerate(samples) if (s.code, s.group) not in tested])
    codes = tuple(sorted({samples[i].code for i in rows}))
    # pre-training only has to make good features: our own settings do so in fewer epochs
    faster = dataclasses.replace(
        config, epochs=scale.pretraining_epochs, optimiser="adamw", learning_rate=3e-3, dropout=0.1
    )
    network = fit_photo_network(
        pixels[rows],
        _targets(samples, codes)[rows],
        len(codes),
        faster,
        seed=seed,
        device=device,
        progress=progress,
    )
    network.config = config
    return network


def _right(
    problem: Problem, samples: Sequence[PhotoSample], pixels: Pixels, network: PhotoNetwork, device: str
) -> list[bool]:
    said = network_log_probabilities(network, pixels[problem.test], device).argmax(axis=1)
    return [bool(x) for x in said == _targets(samples, problem.codes)[problem.test]]


def _branch(
    problem: Problem, samples: Sequence[PhotoSample], scale: Scale, seed: int, progress: Progress
) -> PhotoBranch:
    """The product's branch on the same photos; its own split only sets the temperature."""
    config = PhotoConfig(network="", gaussians=scale.gaussians, components=256, holdout=0.1)
    mine = [samples[i] for i in np.unique(problem.train)]
    return PhotoBranch.fit(mine, config, seed=seed, progress=progress)


def _said(config: PhotoConfig, problem: Problem) -> str:
    weights = (
        "no pretrained weights, all layers learn"
        if config.pretrained == "none"
        else (f"weights: {config.pretrained}, frozen" if config.freeze else f"weights: {config.pretrained}")
    )
    return (
        f"{weights}; {config.side} px instead of 224; {len(problem.train)}/{len(problem.test)} photos; "
        f"{config.epochs} epochs"
    )


def _row(
    configuration: str, problem: Problem, right: Sequence[bool], differs: str, kind: str
) -> dict[str, Any]:
    low, high = interval(sum(right), len(right))
    return {
        "configuration": f"{configuration} ({kind})",
        "modality": "photo",
        "classes": len(problem.codes),
        "published": PUBLISHED[kind],
        "ours": round(100 * sum(right) / len(right), 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "differs": differs,
    }
