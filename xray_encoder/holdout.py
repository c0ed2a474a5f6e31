"""Held-out scans: judged by models that never saw them, so that p-values mean what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray_encoder.look import Look
from xray_encoder.model import XrayConfig
from xray_encoder.normality import Judgement, Normality, common

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


def learned_kinds(references: Sequence[Reference], config: XrayConfig) -> frozenset[str]:
    """Kinds of picture that forest and backbone learn from: large ones, and fair ones beside a large one."""
    counts = Counter(r.look.kind for r in references)
    large = {kind for kind, n in counts.items() if n >= config.least_scans}
    return frozenset(large | {k for k, n in counts.items() if large and n >= config.joining_scans})


def make_folds(
    references: Sequence[Reference], config: XrayConfig, rng: np.random.Generator
) -> list[list[int]]:
    """Scans to hold out together: a few folds of a large kind, each scan by itself of a small one."""
    kinds = [r.look.kind for r in references]
    learned = learned_kinds(references, config)
    folds: list[list[int]] = []
    for kind in sorted(set(kinds)):
        members = [i for i, k in enumerate(kinds) if k == kind]
        if kind not in learned:
            folds += [[i] for i in members]
        else:
            dealt = deal([references[i] for i in members], config.folds, rng)
            folds += [[members[k] for k in part] for part in dealt]
    return [fold for fold in folds if fold]


def deal(references: Sequence[Reference], parts: int, rng: np.random.Generator) -> list[list[int]]:
    """Scans dealt out over `parts`, those of each code over all of them, one importer's of a code together.

    Containers of one importer and code are packed alike: a scan held out while its siblings are learned from
    is judged too well, and p-values counted on such scans are wrong about new importers and new months.
    """
    groups: dict[tuple[str, str, int], list[int]] = {}
    for i, one in enumerate(references):
        groups.setdefault((one.code, one.importer, -1 if one.importer else i), []).append(i)
    names = [list(groups)[int(n)] for n in rng.permutation(len(groups))]
    names.sort(key=lambda name: name[0])  # stable: mixed within a code
    return [sorted(i for name in names[k::parts] for i in groups[name]) for k in range(parts)]


def hold_out(
    x: npt.NDArray,
    codes: Sequence[str],
    kinds: Sequence[str],
    folds: Sequence[Sequence[int]],
    config: XrayConfig,
    *,
    sisters: Mapping[int, float],
    sharpness: float,
    importers: Sequence[str] = (),
) -> dict[int, Judgement]:
    """Judge each held-out scan under its own code by a model that never saw it."""
    found = {}
    who = importers or [""] * len(x)
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
            importers=[who[i] for i in rest],
        )
        for i in fold:
            judged = model.judge(x[i], kinds[i], codes[i], who[i])
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
