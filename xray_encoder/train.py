"""Training: look at every reference scan, train the backbone, judge held-out scans, calibrate, write."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from customs.artefact import fingerprint_of
from customs.calibrate import Conformal
from customs.case import Case
from customs.config import load_config
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from xray_encoder.data import Example, find_examples
from xray_encoder.heat import PatchNormality
from xray_encoder.holdout import (
    MIN_SCANS,
    START_SHARPNESS,
    Reference,
    best_sharpness,
    fit_densities,
    fit_scale,
    fit_standouts,
    hold_out,
    make_folds,
    sister_factors,
)
from xray_encoder.look import coarse, look_at
from xray_encoder.model import Backbone, XrayConfig, as_input
from xray_encoder.normality import Normality
from xray_encoder.packing import CAP
from xray_encoder.parts import Parts, chain_of, feature_rows
from xray_encoder.scorer import XrayScorer, declared_kg

CONFIGS = Path(__file__).with_name("configs")


def train(
    data: Sequence[Path],
    out: Path,
    *,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on worlds (their past) and folders of scans named by code; write an artefact of kind `xray`.

    Returns figures measured on held-out clean scans.
    """
    settings = load_config(XrayConfig, CONFIGS, config, overrides)
    examples = find_examples(data)
    references = look_at_all(examples, progress)
    scorer, figures = fit_references(references, settings, seed=seed, device=device, progress=progress)
    scorer.save(Path(out), data_fingerprint=fingerprint_of([e.path for e in examples]), figures=figures)
    return figures


def look_at_all(examples: Sequence[Example], progress: Progress = silent) -> list[Reference]:
    """Read and measure every example."""
    found = []
    for i, example in enumerate(examples):
        found.append(Reference(look_at(example.read()), example.code, example.gross_kg))
        progress("looking at scans", i + 1, len(examples))
    return found


def fit_cases(train: Sequence[Case], valid: Sequence[Case], config: XrayConfig) -> Parts:
    """Fit on clean cases instead of files; those without scan or code are passed over."""
    references = [
        Reference(look_at(case.scan), case.declared.digits, declared_kg(case))
        for case in [*train, *valid]
        if case.scan is not None and case.declared is not None
    ]
    return fit_references(references, config)[0].parts


@dataclass(frozen=True, eq=False)
class Prepared:
    """References with their features x (scans, p), and the backbone that made part of them."""

    references: list[Reference]
    x: npt.NDArray[np.float64]
    backbone: Backbone | None
    components: npt.NDArray[np.float64] | None

    def without(self, left_out: Sequence[int]) -> Prepared:
        """The same less some scans; only right for scans that did not train the backbone."""
        assert not any(self.references[i].trained for i in left_out)
        kept = np.setdiff1d(np.arange(len(self.x)), left_out)
        return dataclasses.replace(self, references=[self.references[i] for i in kept], x=self.x[kept])


def fit_references(
    references: Sequence[Reference],
    config: XrayConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> tuple[XrayScorer, dict[str, Any]]:
    """Fit and calibrate; figures are of held-out scans."""
    prepared = prepare(references, config, seed=seed, device=device, progress=progress)
    return fit_prepared(prepared, config, seed=seed, device=device, progress=progress)


def prepare(
    references: Sequence[Reference],
    config: XrayConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> Prepared:
    """Train the backbone, if the configuration has one, and compute the features of every reference."""
    headings = len({r.code[:4] for r in references})
    if len(references) < MIN_SCANS or headings < 2:
        raise InvalidValue(
            f"{len(references)} scans of {headings} headings",
            field="data",
            remedy=f"give at least {MIN_SCANS} clean scans of at least two headings",
        )
    rng = np.random.default_rng(seed)
    backbone, flagged = _train_backbone(list(references), config, rng, seed, device, progress)
    components = _principal(flagged, backbone, config, device)
    x = feature_rows([r.look for r in flagged], backbone, components, device)
    return Prepared(flagged, x, backbone, components)


def fit_prepared(
    prepared: Prepared,
    config: XrayConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> tuple[XrayScorer, dict[str, Any]]:
    """Judge held-out scans, calibrate on them, then learn from all."""
    references, x = prepared.references, prepared.x
    codes, kinds = [r.code for r in references], [r.look.kind for r in references]
    folds = make_folds(references, config, np.random.default_rng(seed))
    first = hold_out(x, codes, kinds, folds, config, sisters={}, sharpness=START_SHARPNESS)
    sisters = sister_factors(x, codes, kinds, config)
    sharpness = best_sharpness(first, codes)
    held = hold_out(x, codes, kinds, folds, config, sisters=sisters, sharpness=sharpness)
    progress("calibrating", 1, 2)
    spoke = [i for i, judged in held.items() if judged.group]
    if not spoke:
        raise InvalidValue(
            "no scan could be held out: every chapter has one reference",
            field="data",
            remedy="give at least two scans of some headings",
        )
    calibration = {
        "xray.packing": Conformal.fit(
            [held[i].oddness for i in spoke],
            [chain_of(kinds[i], codes[i]) for i in spoke],
        )
    }
    densities, density_scores = fit_densities(references, folds)
    scale, mass_scores = fit_scale(references, folds)
    standouts, standout_scores = fit_standouts(references, folds)
    for check, scores in (
        ("xray.density", density_scores),
        ("xray.mass", mass_scores),
        ("xray.inserted_object", standout_scores),
    ):
        if scores:
            calibration[check] = Conformal.fit([s for s, _ in scores], [chain for _, chain in scores])
    parts = Parts(
        config=config,
        normality=Normality.fit(
            x,
            codes,
            kinds,
            shrinkage=config.shrinkage,
            absolute=config.absolute,
            sharpness=sharpness,
            sisters=sisters,
        ),
        patches=PatchNormality.fit([r.look.canonical for r in references], codes, kinds),
        densities=densities,
        scale=scale,
        standouts=standouts,
        calibration=calibration,
        backbone=prepared.backbone,
        components=prepared.components,
    )
    progress("calibrating", 2, 2)
    figures: dict[str, Any] = {
        "scans": len(references),
        "headings": len({code[:4] for code in codes}),
        "calibrated_on": len(spoke),
    }
    for kind in sorted(set(kinds)):
        hits = [held[i].ranking[0][0] == codes[i][:4] for i in spoke if kinds[i] == kind]
        if hits:
            figures[f"top1_heading_{kind}"] = float(np.mean(hits))
    if mass_scores:
        figures["mass_error_median"] = float(np.median([abs(np.expm1(s)) for s, _ in mass_scores]))
    return XrayScorer(parts, device), figures


def _train_backbone(
    references: list[Reference],
    config: XrayConfig,
    rng: np.random.Generator,
    seed: int,
    device: str,
    progress: Progress,
) -> tuple[Backbone | None, list[Reference]]:
    """Train on half of the scans of every large kind; the other half stays unseen, to calibrate on."""
    if not config.backbone or config.epochs < 1:
        return None, references
    kinds = [r.look.kind for r in references]
    usable = [i for i, kind in enumerate(kinds) if kinds.count(kind) >= config.least_scans]
    usable = [int(i) for i in rng.permutation(usable)]
    chosen = sorted(usable[: len(usable) // 2])
    headings = sorted({references[i].code[:4] for i in chosen})
    if len(headings) < 2:
        return None, references
    crops = np.stack([coarse(references[i].look.canonical, config.rows, config.columns) for i in chosen])
    target = torch.tensor([headings.index(references[i].code[:4]) for i in chosen], device=device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = Backbone(config, headings, sorted({kinds[i] for i in chosen})).to(device)
        steps = -(-len(chosen) // config.batch)
        optimiser = torch.optim.AdamW(
            backbone.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=config.learning_rate, total_steps=config.epochs * steps
        )
        for epoch in range(config.epochs):
            backbone.train()
            order = rng.permutation(len(chosen))
            for step in range(steps):
                batch = order[step * config.batch : (step + 1) * config.batch]
                if len(batch) < 2:  # batch statistics of one scan say nothing
                    schedule.step()
                    continue
                logits = backbone(as_input(_augment(crops[batch], rng), device))
                loss = functional.cross_entropy(
                    logits, target[torch.from_numpy(batch).to(device)], label_smoothing=0.1
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
            progress("training the backbone", epoch + 1, config.epochs)
    seen = set(chosen)
    return backbone.eval(), [dataclasses.replace(r, trained=i in seen) for i, r in enumerate(references)]


def _augment(crops: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """What differs between scanners and loads of the same goods: direction, gain, depth, position, noise."""
    out = np.empty_like(crops)
    for i, crop in enumerate(crops):
        one = crop[:, ::-1] if rng.random() < 0.5 else crop
        one = one * np.float32(rng.uniform(0.8, 1.25))
        if rng.random() < 0.5:  # eight bits: −ln T in steps of a grey level
            one = -np.log(np.maximum(np.round(np.exp(-one) * 255), 1) / 255)
        one = np.roll(one, int(rng.integers(-6, 7)), axis=1)
        one = one + rng.normal(0, 0.02, one.shape)
        out[i] = np.clip(one, 0, CAP)
    return out


def _principal(
    references: Sequence[Reference], backbone: Backbone | None, config: XrayConfig, device: str
) -> npt.NDArray[np.float64] | None:
    """Mean and leading principal axes of the embedding, scaled to unit variance: (1 + components, width)."""
    if backbone is None:
        return None
    crops = [coarse(r.look.canonical, config.rows, config.columns) for r in references if r.trained]
    embedding = backbone.embed(np.stack(crops), device, batch=config.batch)
    mean = embedding.mean(axis=0)
    _, size, axes = np.linalg.svd(embedding - mean, full_matrices=False)
    kept = min(config.components, len(size))
    deviation = np.maximum(size[:kept] / np.sqrt(max(len(embedding) - 1, 1)), 1e-6)
    return np.vstack([mean, axes[:kept] / deviation[:, None]])
