"""Training: look at every reference scan, learn to recognise, judge held-out scans, calibrate, write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customs.artefact import fingerprint_of
from customs.calibrate import Conformal
from customs.case import Case
from customs.config import load_config
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from xray_encoder.bank import PatchBank, crop_of
from xray_encoder.clean import fit_densities, fit_packages, fit_scale, mass_errors
from xray_encoder.data import Example, find_examples
from xray_encoder.holdout import (
    Reference,
)
from xray_encoder.look import look_at
from xray_encoder.lot import Lots
from xray_encoder.model import XrayConfig
from xray_encoder.parts import MASS, MASS_BOUND, MASS_GREY, Parts
from xray_encoder.prepare import Prepared, fit_judge, prepare
from xray_encoder.reading import find_scans, read_scan_files
from xray_encoder.scorer import XrayScorer, declared_kg
from xray_encoder.search import Bank, Entry
from xray_encoder.weights.histograms import read_histograms
from xray_encoder.weights.model import HistogramWeights

_LEAST_LOTS = 2
CONFIGS = Path(__file__).with_name("configs")


def train(
    data: Sequence[Path],
    out: Path,
    *,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    unlabelled: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on worlds (their past) and folders of scans named by code; write an artefact of kind `xray`.

    An .npz of grey-level histograms and weights among `data` lets vendor pictures be weighed. `unlabelled`: a
    folder of scans of whatever goods, which the backbone looks at before it learns codes (`pretrain` epochs).
    Returns figures measured on held-out clean scans.
    """
    settings = load_config(XrayConfig, CONFIGS, config, overrides)
    scans, histograms = split_data(data)
    examples = find_examples(scans)
    references = look_at_all(examples, progress)
    unseen = [look_at(read_scan_files(paths)) for paths in (find_scans(unlabelled) if unlabelled else ())]
    prepared = prepare(references, settings, seed=seed, device=device, unlabelled=unseen, progress=progress)
    grey = None if histograms is None else HistogramWeights.fit(*read_histograms(histograms), seed=seed)
    scorer, figures = fit_prepared(prepared, settings, seed=seed, device=device, grey=grey, progress=progress)
    paths = [path for example in examples for path in example.paths]
    scorer.save(Path(out), data_fingerprint=fingerprint_of(paths), figures=figures)
    return figures


def split_data(data: Sequence[Path]) -> tuple[list[Path], Path | None]:
    """Worlds and folders of scans, and the file of grey-level histograms with weights, if there is one."""
    files = [Path(p) for p in data if Path(p).suffix == ".npz"]
    if len(files) > 1:
        raise InvalidValue(
            f"{len(files)} files of histograms", field="data", remedy="join them into one .npz"
        )
    return [Path(p) for p in data if Path(p).suffix != ".npz"], files[0] if files else None


def look_at_all(examples: Sequence[Example], progress: Progress = silent) -> list[Reference]:
    """Read and measure every example."""
    found = []
    for i, example in enumerate(examples):
        found.append(
            Reference(
                look_at(example.read()),
                example.code,
                example.gross_kg,
                example.packages,
                example.importer,
                example.lot,
                example.name,
            )
        )
        progress("looking at scans", i + 1, len(examples))
    return found


def fit_cases(train: Sequence[Case], valid: Sequence[Case], config: XrayConfig) -> Parts:
    """Fit on clean cases instead of files; those without scan or code are passed over."""
    references = [
        Reference(
            look_at(case.scan),
            case.declared.digits,
            declared_kg(case),
            case.line.packages if case.line is not None else None,
            case.declaration.importer if case.declaration is not None else "",
            name=case.subject,
        )
        for case in [*train, *valid]
        if case.scan is not None and case.declared is not None
    ]
    return fit_references(references, config)[0].parts


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


def fit_prepared(
    prepared: Prepared,
    config: XrayConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    grey: HistogramWeights | None = None,
    progress: Progress = silent,
) -> tuple[XrayScorer, dict[str, Any]]:
    """Judge held-out scans, calibrate on them, then learn from all."""
    references, folds = prepared.references, prepared.folds
    codes, kinds = [r.code for r in references], [r.look.kind for r in references]
    judged = fit_judge(prepared, config)
    progress("calibrating", 1, 2)
    calibration = dict(judged.calibration)
    densities, density_scores = fit_densities(references, folds)
    scale, mass_scores, bound_scores, kilograms = fit_scale(references, folds)
    packages, package_scores = fit_packages(references, folds, scale, kilograms)
    for check, scores in (
        ("xray.density", density_scores),
        (MASS, mass_scores),
        (MASS_BOUND, bound_scores),
        ("xray.packages", package_scores),
        ("xray.inserted_object", prepared.inserted.scores),
    ):
        if scores:
            calibration[check] = Conformal.fit([s for s, _ in scores], [chain for _, chain in scores])
    if grey is not None:
        calibration[MASS_GREY] = grey.calibration()
    parts = Parts(
        config=config,
        normality=judged.judge.normality,
        patches=PatchBank.fit(
            [crop_of(r.look.canonical, r.look.deep) for r in references],
            codes,
            kinds,
            kept=config.patches,
            seed=seed,
        ),
        densities=densities,
        scale=scale,
        packages=packages,
        standouts=prepared.inserted.standouts,
        calibration=calibration,
        deep=judged.judge.deep,
        recogniser=prepared.recogniser,
        detector=prepared.inserted.detector,
        grey=grey,
        past=_past(references, seed),
        lots=_lots(references),
    )
    progress("calibrating", 2, 2)
    figures: dict[str, Any] = {
        "scans": len(references),
        "headings": len({code[:4] for code in codes}),
        "calibrated_on": len(judged.spoke),
    }
    for kind in sorted(set(kinds)):
        hits = [judged.held[i].ranking[0][0] == codes[i][:4] for i in judged.spoke if kinds[i] == kind]
        if hits:
            figures[f"top1_heading_{kind}"] = float(np.mean(hits))
    if kilograms:
        off = mass_errors(references, kilograms)
        figures["mass_error_median"] = float(np.median(np.abs(np.expm1(off))))
    return XrayScorer(parts, device), figures


def _past(references: Sequence[Reference], seed: int) -> Bank:
    """References to search in, by their file's name."""
    seen: Counter[str] = Counter()
    entries = []
    for i, r in enumerate(references):
        name = r.name or str(i)
        seen[name] += 1  # two folders may hold files of one name
        name = name if seen[name] == 1 else f"{name} ({seen[name]})"
        entries.append(Entry(name, r.code, r.importer, r.lot, r.look.kind))
    return Bank.fit(np.stack([r.look.description for r in references]), entries, seed=seed)


def _lots(references: Sequence[Reference]) -> Lots | None:
    """How containers of one lot differ; without lots, those of one importer and code of one kind."""
    named = [r.lot for r in references]
    if sum(named.count(lot) > 1 for lot in set(named) - {""}) < _LEAST_LOTS:
        named = [f"{r.importer}/{r.code}" if r.importer else "" for r in references]
    counts = Counter(name for name in named if name)
    if sum(n > 1 for n in counts.values()) < _LEAST_LOTS:
        return None
    return Lots.fit(np.stack([r.look.description for r in references]), named)
