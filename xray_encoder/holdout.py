"""Held-out scans: judged by models that never saw them, so that p-values mean what they say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray_encoder.inserted import Standouts, peak
from xray_encoder.look import Look
from xray_encoder.model import XrayConfig
from xray_encoder.normality import Judgement, Normality, common, prefixes
from xray_encoder.parts import chain_of
from xray_encoder.weigh import Densities, Scale, weighable

MIN_SCANS = 6
START_SHARPNESS = 4.0
_SHARPNESS = tuple(np.geomspace(0.5, 8.0, 24))


@dataclass(frozen=True, eq=False)
class Reference:
    """A clean scan that was looked at, and what was declared about it; see `data.Example`."""

    look: Look
    code: str
    gross_kg: float | None = None
    packages: int | None = None
    importer: str = ""
    lot: str = ""
    name: str = ""


def make_folds(
    references: Sequence[Reference], config: XrayConfig, rng: np.random.Generator
) -> list[list[int]]:
    """Scans to hold out together: a few folds of a large kind, each scan by itself of a small one.

    Scans of one code are dealt out over the folds of a large kind.
    """
    kinds = [r.look.kind for r in references]
    folds: list[list[int]] = []
    for kind in sorted(set(kinds)):
        members = [i for i, k in enumerate(kinds) if k == kind]
        if len(members) < config.least_scans:
            folds += [[i] for i in members]
        else:
            mixed = sorted(rng.permutation(members), key=lambda i: references[i].code)  # stable: mixed within
            folds += [sorted(int(i) for i in mixed[k :: config.folds]) for k in range(config.folds)]
    return [fold for fold in folds if fold]


def hold_out(
    x: npt.NDArray,
    codes: Sequence[str],
    kinds: Sequence[str],
    folds: Sequence[Sequence[int]],
    config: XrayConfig,
    *,
    sisters: Mapping[int, float],
    sharpness: float,
) -> dict[int, Judgement]:
    """Judge each held-out scan under its own code by a model that never saw it."""
    found = {}
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(x)), fold)
        model = Normality.fit(
            x[rest],
            [codes[i] for i in rest],
            [kinds[i] for i in rest],
            shrinkage=config.shrinkage,
            absolute=config.absolute,
            sharpness=sharpness,
            sisters=sisters,
        )
        for i in fold:
            judged = model.judge(x[i], kinds[i], codes[i])
            if judged is not None:
                found[i] = judged
    return found


def sister_factors(
    x: npt.NDArray, codes: Sequence[str], kinds: Sequence[str], config: XrayConfig
) -> dict[int, float]:
    """By common level: how much further scans lie from the nearest sister code than their own (median)."""
    model = Normality.fit(x, codes, kinds, shrinkage=config.shrinkage)
    ratios: dict[int, list[float]] = {}
    for i, (code, kind) in enumerate(zip(codes, kinds, strict=True)):
        d = model.distances(x[i], kind)
        leaves = [leaf.code for leaf in model.leaves if leaf.kind == kind]
        counts = [leaf.count for leaf in model.leaves if leaf.kind == kind]
        at = leaves.index(code)
        if counts[at] < 2:
            continue
        # the scan is part of its own code's mean: take it out
        own = float(d[at]) * (1 + 1 / counts[at]) * counts[at] / (counts[at] - 1)
        for level in (8, 6, 4, 2):
            near = [
                float(d[k])
                for k, other in enumerate(leaves)
                if other != code and common(code, other) == level
            ]
            if near:
                ratios.setdefault(level, []).append(min(near) / max(own, 1e-3))
    return {level: float(np.clip(np.median(found), 1.0, 16.0)) for level, found in ratios.items()}


def best_sharpness(held: Mapping[int, Judgement], codes: Sequence[str]) -> float:
    """The exponent under which held-out scans find their true heading likeliest."""
    spoke = [(codes[i][:4], judged) for i, judged in held.items() if judged.group]
    best, best_value = START_SHARPNESS, -np.inf
    for sharpness in _SHARPNESS:
        total = 0.0
        for heading, judged in spoke:
            # the ranking was made with the start value: p^(sharpness / start) ∝ d^−sharpness
            logs = np.log([max(p, 1e-300) for _, p in judged.ranking]) * (sharpness / START_SHARPNESS)
            at = next((k for k, (code, _) in enumerate(judged.ranking) if code == heading), None)
            if at is not None:
                total += float(logs[at] - np.logaddexp.reduce(logs))
        if total > best_value:
            best, best_value = float(sharpness), total
    return best


def fit_densities(
    references: Sequence[Reference], folds: Sequence[Sequence[int]]
) -> tuple[Densities | None, list[tuple[float, tuple[str, ...]]]]:
    """Usual densities by code, and held-out oddness of clean scans with their calibration groups."""
    known = {
        i: float(np.log(r.look.measurement.areal_density))
        for i, r in enumerate(references)
        if r.look.kind == "16-bit" and r.look.measurement.areal_density > 0 and prefixes(r.code)
    }
    if len(known) < MIN_SCANS:
        return None, []
    scores = []
    for fold in folds:
        rest = [i for i in known if i not in set(fold)]
        model = Densities.fit([known[i] for i in rest], [references[i].code for i in rest])
        for i in fold:
            if i in known:
                odd = model.oddness(known[i], references[i].code)
                if np.isfinite(odd):
                    scores.append((odd, chain_of("16-bit", references[i].code)))
    return Densities.fit(list(known.values()), [references[i].code for i in known]), scores


def fit_scale(
    references: Sequence[Reference], folds: Sequence[Sequence[int]]
) -> tuple[Scale, list[tuple[float, tuple[str, ...]]]]:
    """The mass correction, and held-out log(measured ÷ declared) of clean scans with their groups."""
    known = [i for i, r in enumerate(references) if r.gross_kg and weighable(r.look)]
    if len(known) < 2 * MIN_SCANS:
        return Scale(), []
    scores = []
    for fold in folds:
        held = [i for i in fold if i in set(known)]
        rest = [i for i in known if i not in set(fold)]
        if not held:
            continue
        model = Scale.fit([references[i].look for i in rest], [references[i].gross_kg or 0.0 for i in rest])
        for i in held:
            kilograms = model.kilograms(references[i].look)
            assert kilograms is not None
            scores.append(
                (
                    float(np.log(kilograms / (references[i].gross_kg or 1.0))),
                    chain_of("16-bit", references[i].code),
                )
            )
    full = Scale.fit([references[i].look for i in known], [references[i].gross_kg or 0.0 for i in known])
    if scores:
        low, high = np.quantile([s for s, _ in scores], [0.05, 0.95])
        full = dataclasses.replace(full, low=float(np.exp(-high)), high=float(np.exp(-low)))
    return full, scores


def fit_standouts(
    references: Sequence[Reference], folds: Sequence[Sequence[int]]
) -> tuple[Standouts | None, list[tuple[float, tuple[str, ...]]]]:
    """How much clean scans stand out, and the held-out oddness of each with its groups."""
    known = {i: peak(r.look.standout)[0] for i, r in enumerate(references) if r.look.standout is not None}
    if len(known) < 2 * MIN_SCANS:
        return None, []
    scores = []
    for fold in folds:
        rest = [i for i in known if i not in set(fold)]
        if len(rest) < MIN_SCANS:
            continue
        model = Standouts.fit([known[i] for i in rest], [references[i].code for i in rest])
        for i in set(fold) & known.keys():
            code = references[i].code
            scores.append((model.oddness(known[i], code), chain_of("16-bit", code)))
    return Standouts.fit(list(known.values()), [references[i].code for i in known]), scores
