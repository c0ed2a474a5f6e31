"""What the measuring checks learn, and how odd each clean scan is to a model that never saw it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from customs.progress import Progress, silent
from xray_encoder.holdout import MIN_SCANS, Reference, deal
from xray_encoder.inserted import NETWORK_PRIOR, Standouts, peak
from xray_encoder.inserted.detect import Detector
from xray_encoder.inserted.network import InsertedConfig
from xray_encoder.model import XrayConfig
from xray_encoder.normality import prefixes
from xray_encoder.packages import Packages
from xray_encoder.parts import chain_of
from xray_encoder.weigh import Densities, Scale, weighable

# Oddness of held-out clean scans, each with its calibration groups.
Scores = list[tuple[float, tuple[str, ...]]]
Folds = Sequence[Sequence[int]]


def fit_densities(references: Sequence[Reference], folds: Folds) -> tuple[Densities | None, Scores]:
    """Usual densities by code."""
    known = {
        i: float(np.log(r.look.measurement.areal_density))
        for i, r in enumerate(references)
        if r.look.kind == "16-bit" and r.look.measurement.areal_density > 0 and prefixes(r.code)
    }
    if len(known) < MIN_SCANS:
        return None, []
    scores = []
    for fold in folds:
        left = set(fold)
        rest = [i for i in known if i not in left]
        model = Densities.fit([known[i] for i in rest], [references[i].code for i in rest])
        for i in fold:
            if i in known:
                odd = model.oddness(known[i], references[i].code)
                if np.isfinite(odd):
                    scores.append((odd, chain_of(references[i].look, references[i].code)))
    return Densities.fit(list(known.values()), [references[i].code for i in known]), scores


def fit_scale(
    references: Sequence[Reference], folds: Folds
) -> tuple[Scale, Scores, Scores, dict[int, float]]:
    """The mass correction; scores of weighed loads and of those with a lower bound; held-out kilograms."""
    known = [i for i, r in enumerate(references) if r.gross_kg and r.look.kind == "16-bit"]
    weighed = [i for i in known if weighable(references[i].look)]
    if len(weighed) < 2 * MIN_SCANS:
        return Scale(), [], [], {}

    def fitted(rows: Sequence[int]) -> Scale:
        return Scale.fit(
            [references[i].look for i in rows],
            [references[i].gross_kg or 0.0 for i in rows],
            [references[i].code for i in rows],
        )

    scores: Scores = []
    bounds: Scores = []
    held_out: dict[int, float] = {}
    for fold in folds:
        left = set(fold)
        held = [i for i in known if i in left]
        if not held:
            continue
        model = fitted([i for i in weighed if i not in left])
        for i in held:
            one = references[i]
            odd = model.oddness(one.look, one.gross_kg or 0.0, one.code)
            if not np.isfinite(odd):
                continue
            best = model.kilograms(one.look, one.code)
            if best is None:
                bounds.append((odd, chain_of(one.look, one.code)))
            else:
                scores.append((odd, chain_of(one.look, one.code)))
                held_out[i] = best
    full = fitted(weighed)
    if held_out:
        low, high = np.quantile(mass_errors(references, held_out), [0.05, 0.95])
        full = dataclasses.replace(full, low=float(np.exp(-high)), high=float(np.exp(-low)))
    return full, scores, bounds, held_out


def mass_errors(references: Sequence[Reference], held_out: Mapping[int, float]) -> list[float]:
    """Log of measured over declared."""
    return [float(np.log(kg / (references[i].gross_kg or 1.0))) for i, kg in held_out.items()]


def fit_packages(
    references: Sequence[Reference], folds: Folds, scale: Scale, held_out: Mapping[int, float]
) -> tuple[Packages, Scores]:
    """Packages by what is seen and by the mass that `scale` gives.

    held_out: kilograms by a scale that never saw the scan: a new scan's mass is no better known.
    """
    known = [i for i, r in enumerate(references) if r.packages and r.look.visible is not None]
    if len(known) < 2 * MIN_SCANS:
        return Packages(), []
    mass = {i: scale.kilograms(references[i].look, references[i].code) for i in known}

    def fitted(rows: Sequence[int]) -> Packages:
        views = [references[i].look.visible for i in rows]
        return Packages.fit(
            [view for view in views if view is not None],
            [references[i].code for i in rows],
            [float(references[i].packages or 0) for i in rows],
            [mass[i] for i in rows],
        )

    scores: Scores = []
    for fold in folds:
        left = set(fold)
        held = [i for i in known if i in left]
        if not held:
            continue
        model = fitted([i for i in known if i not in left])
        for i in held:
            one = references[i]
            assert one.look.visible is not None
            odd = model.oddness(float(one.packages or 0), one.look.visible, one.code, held_out.get(i))
            if np.isfinite(odd):
                scores.append((odd, chain_of(one.look, one.code)))
    return fitted(known), scores


def fit_detector(
    references: Sequence[Reference], config: XrayConfig, *, seed: int, progress: Progress = silent
) -> tuple[Detector | None, Standouts | None, Scores]:
    """The network that sees inserted things: it learns from half of the scans, the rest says what is usual.

    Of that half, each part is scored against the usual of the rest.
    """
    deep = [i for i, r in enumerate(references) if r.look.kind == "16-bit"]
    if len(deep) < config.least_scans or config.inserted_steps < 1:
        return None, None, []
    dealt = deal([references[i] for i in deep], 2, np.random.default_rng([seed, 1]))
    mixed = [deep[k] for part in dealt for k in part]
    half = len(dealt[0])
    detector = Detector.fit(
        [references[i].look.view for i in mixed[:half]],
        InsertedConfig(steps=config.inserted_steps),
        seed=seed,
        progress=lambda done, _: progress("planting things", done, config.inserted_steps),
    )
    fresh = [i for i in mixed[half:] if detector.says(references[i].look.view)]
    if len(fresh) < 2 * MIN_SCANS:
        return None, None, []
    peaks = {i: peak(detector.standout(references[i].look.view))[0] for i in fresh}

    def fitted(rows: Sequence[int]) -> Standouts:
        return Standouts.fit(
            [peaks[i] for i in rows], [references[i].code for i in rows], prior=NETWORK_PRIOR
        )

    scores: Scores = []
    for part in deal([references[i] for i in fresh], config.folds, np.random.default_rng([seed, 2])):
        held = {fresh[k] for k in part}
        model = fitted([i for i in fresh if i not in held])
        for i in sorted(held):
            code = references[i].code
            scores.append((model.excess(peaks[i], code), chain_of(references[i].look, code)))
    return detector, fitted(fresh), scores
