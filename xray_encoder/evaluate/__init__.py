"""How well scans are judged: real containers by heading, frauds planted in a world, weights, density maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from customs.config import load_config
from customs.progress import Progress, silent
from customs.world import is_world
from xray_encoder.data import find_examples
from xray_encoder.evaluate.figures import auroc
from xray_encoder.evaluate.headings import Headings
from xray_encoder.evaluate.maps import evaluate_maps, has_maps
from xray_encoder.evaluate.planted import evaluate_planted
from xray_encoder.evaluate.realism import evaluate_realism
from xray_encoder.holdout import learned_kinds
from xray_encoder.model import XrayConfig
from xray_encoder.prepare import fit_judge, prepare
from xray_encoder.rivals import RIVALS, HistogramForest, ProfileNearest, Rival, fit_all
from xray_encoder.train import CONFIGS, fit_prepared, look_at_all, split_data
from xray_encoder.weights.evaluate import evaluate_weights

__all__ = ["auroc", "evaluate"]


def evaluate(
    data: Sequence[Path],
    test: Path | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    with_rivals: bool = True,
    device: str = "cpu",
) -> dict[str, Any]:
    """Fit on `data`, measure on `test`, rivals beside it; what is measured depends on what is there.

    - an .npz of grey-level histograms: five-fold weights, or on a `test` file of the same layout;
    - a folder with published maps (`NAME_lambda.npy`): the measured areal density against them;
    - a folder of scans named by code: each `test` scan, or each scan of a kind with few of them left out in
      turn, declared under every known heading; and the simulator's statistics beside those of its headings;
    - a world: the frauds planted in its review, or in that of a `test` world.
    """
    scans, histograms = split_data(data)
    found: dict[str, Any] = {}
    if histograms is not None:
        weighed = Path(test) if test is not None and Path(test).suffix == ".npz" else None
        found["weights"] = evaluate_weights(
            histograms, weighed, seed=seed, rivals=with_rivals, progress=progress
        )
    for path in scans:
        if has_maps(path):
            found.setdefault("areal_density", {}).update(evaluate_maps(path))
    scans = [path for path in scans if not has_maps(path)]
    if not scans:
        return found
    settings = load_config(XrayConfig, CONFIGS, config, overrides)
    references = look_at_all(find_examples(scans), progress)
    prepared = prepare(references, settings, seed=seed, device=device, progress=progress)
    whole, figures = fit_prepared(prepared, settings, seed=seed, device=device)
    found["training"] = figures
    # scans of folders, and of kinds that nothing was learned from: leaving one out is fair to them
    learned = learned_kinds(references, settings)
    small = [i for i, r in enumerate(references) if r.look.kind not in learned and not r.importer]
    worlds = [p for p in (scans if test is None else [Path(test)]) if is_world(p)]
    rivals: list[Rival] = []
    if with_rivals and (test is not None or worlds):
        rivals = fit_all(RIVALS, references, seed, progress)
    if test is not None and not worlds:
        tally = Headings()
        for probe in look_at_all(find_examples([Path(test)]), progress):
            tally.add(whole.judge, whole.parts.calibration, references, rivals, probe)
        found["test"] = tally.figures()
    elif test is None and small:
        tally = Headings()
        for done, i in enumerate(small):
            rest = prepared.without([i])
            judged = fit_judge(rest, settings)
            beside = fit_all([ProfileNearest, HistogramForest], rest.references, seed) if with_rivals else []
            tally.add(judged.judge, judged.calibration, rest.references, beside, references[i])
            progress("leaving one out", done + 1, len(small))
        found["leave_one_out"] = tally.figures()
        found["simulator"] = evaluate_realism([prepared.references[i] for i in small], seed=seed)
    for path in worlds:
        found.setdefault("worlds", {})[path.name] = evaluate_planted(whole, path, rivals, progress)
    return found
