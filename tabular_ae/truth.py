"""Declared lines of a synthetic world judged against its truth. Only evaluation reads the truth."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customs.case import Case
from tabular_ae.data import read_panel
from tabular_ae.model import FlagshipConfig
from tabular_ae.train import fit


def on_world(paths: Sequence[Path], config: FlagshipConfig, seed: int, device: str) -> dict[str, Any]:
    """For each world among `paths`: how small the p-values of its lines under review are, by planted fraud.

    Keyed by the world's name, then `<check>: clean` or `<check>: <fraud>`.
    """
    report = {}
    for path in (path for path in map(Path, paths) if path.is_dir()):
        from customs.world import World

        world = World.open(path)
        scorer = fit(read_panel([path]), config, seed=seed, device=device)
        cases = [case for declaration in world.declarations("review") for case in Case.of(declaration)]
        with world.path("truth.csv").open(encoding="utf-8", newline="") as file:
            truth: dict[str, str] = {}
            for row in csv.DictReader(file):
                subject = f"{row['declaration_id']}/{row['line']}"
                truth[subject] = " + ".join(filter(None, (truth.get(subject), row["fraud"])))
        groups: dict[str, list[float]] = {}
        for case, evidence in zip(cases, scorer.score(cases), strict=True):
            for one in evidence:
                p = np.nan if one.p_value is None else one.p_value
                groups.setdefault(f"{one.check}: {truth.get(case.subject, 'clean')}", []).append(p)
        report[path.name] = {name: _row(np.array(p)) for name, p in sorted(groups.items())}
    return report


def _row(p: np.ndarray) -> dict[str, float]:
    known = p[np.isfinite(p)]
    n = max(len(known), 1)
    return {
        "lines": len(p),
        "scored": len(known),
        "p<=0.05": float((known <= 0.05).sum() / n),
        "p<=0.01": float((known <= 0.01).sum() / n),
    }
