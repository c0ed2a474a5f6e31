"""Training: look at every reference scan, learn to recognise, judge held-out scans, calibrate, write."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.artefact import fingerprint_of
from customs.calibrate import Conformal
from customs.case import Case
from customs.config import load_config
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from xray_encoder.bank import PatchBank, crop_of
from xray_encoder.clean import fit_densities, fit_detector, fit_packages, fit_scale
from xray_encoder.data import Example, find_examples
from xray_encoder.holdout import (
    MIN_SCANS,
    START_SHARPNESS,
    Reference,
    best_sharpness,
    hold_out,
    make_folds,
    sister_factors,
)
from xray_encoder.inserted import Standouts
from xray_encoder.inserted.detect import Detector
from xray_encoder.judge import BY_DISTANCE, RECOGNISED, Judge
from xray_encoder.look import Look, look_at
from xray_encoder.lot import Lots
from xray_encoder.model import XrayConfig, crops
from xray_encoder.normality import Normality
from xray_encoder.parts import MASS, MASS_BOUND, MASS_GREY, Parts, chain_of
from xray_encoder.reading import find_scans, read_scan_files
from xray_encoder.recogniser import Recogniser, best_temperature
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


@dataclass(frozen=True, eq=False)
class Inserted:
    """The network that sees planted things, what is usual, and how odd clean scans are to it."""

    detector: Detector | None = None
    standouts: Standouts | None = None
    scores: Sequence[tuple[float, tuple[str, ...]]] = ()


@dataclass(frozen=True, eq=False)
class Prepared:
    """References with their folds and numbers, and what was learned from the large kinds.

    packing and description: (scans, numbers), see `Look`.
    logs: held-out log probabilities (scans, codes), NaN where nothing was recognised.
    """

    references: list[Reference]
    packing: npt.NDArray[np.float64]
    description: npt.NDArray[np.float64]
    folds: list[list[int]]
    recogniser: Recogniser | None
    logs: npt.NDArray[np.float64] | None
    inserted: Inserted = Inserted()

    def without(self, left_out: Sequence[int]) -> Prepared:
        """The same less some scans; only right for kinds that nothing was learned from."""
        gone = set(left_out)
        known = () if self.recogniser is None else self.recogniser.kinds
        assert not any(self.references[i].look.kind in known for i in gone)
        kept = [i for i in range(len(self.packing)) if i not in gone]
        place = {old: new for new, old in enumerate(kept)}
        folds = [[place[i] for i in fold if i in place] for fold in self.folds]
        return Prepared(
            [self.references[i] for i in kept],
            self.packing[kept],
            self.description[kept],
            [fold for fold in folds if fold],
            self.recogniser,
            None if self.logs is None else self.logs[kept],
            self.inserted,
        )


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
    unlabelled: Sequence[Look] = (),
    progress: Progress = silent,
) -> Prepared:
    """Deal the scans out over folds, and learn to recognise the codes of the large kinds."""
    headings = len({r.code[:4] for r in references})
    if len(references) < MIN_SCANS or headings < 2:
        raise InvalidValue(
            f"{len(references)} scans of {headings} headings",
            field="data",
            remedy=f"give at least {MIN_SCANS} clean scans of at least two headings",
        )
    folds = make_folds(references, config, np.random.default_rng(seed))
    packing = np.stack([r.look.packing for r in references])
    x = np.stack([r.look.description for r in references])
    kinds = [r.look.kind for r in references]
    large = [i for i, kind in enumerate(kinds) if kinds.count(kind) >= config.least_scans]
    codes = [references[i].code for i in large]
    inserted = Inserted(*fit_detector(references, config, seed=seed, progress=progress))
    if len(set(codes)) < 2 or config.trees < 1:
        return Prepared(list(references), packing, x, folds, None, None, inserted)
    place = {old: new for new, old in enumerate(large)}
    parts = [[place[i] for i in fold] for fold in folds if fold[0] in place]
    # folds of several large kinds are learned from together: part k of each is left out at once
    together = [sorted(i for part in parts[k :: config.folds] for i in part) for k in range(config.folds)]
    a = np.stack([crops(references[i].look.canonical, references[i].look.deep, config) for i in large])
    recogniser = Recogniser.fit(
        x[large],
        a,
        codes,
        [kinds[i] for i in large],
        together,
        config,
        unlabelled=np.stack([crops(look.canonical, look.deep, config) for look in unlabelled])
        if unlabelled
        else None,
        seed=seed,
        device=device,
        progress=progress,
    )
    found = recogniser.held_out(x[large], a, codes, together, device)
    recogniser = dataclasses.replace(recogniser, temperature=best_temperature(recogniser, found, codes))
    logs = np.full((len(x), len(recogniser.codes)), np.nan)
    logs[large] = found
    return Prepared(list(references), packing, x, folds, recogniser, logs, inserted)


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
    references, x, folds = prepared.references, prepared.packing, prepared.folds
    codes, kinds = [r.code for r in references], [r.look.kind for r in references]
    importers = [r.importer for r in references]
    first = hold_out(
        x, codes, kinds, folds, config, sisters={}, sharpness=START_SHARPNESS, importers=importers
    )
    sisters = sister_factors(x, codes, kinds, config)
    sharpness = best_sharpness(first, codes)
    held = hold_out(x, codes, kinds, folds, config, sisters=sisters, sharpness=sharpness, importers=importers)
    progress("calibrating", 1, 2)
    spoke = [i for i, judged in held.items() if judged.group]
    if not spoke:
        raise InvalidValue(
            "no scan could be held out: every chapter has one reference",
            field="data",
            remedy="give at least two scans of some headings",
        )
    normality = _normality(x, codes, kinds, importers, config, sharpness, sisters)
    chains = {i: chain_of(references[i].look, codes[i]) for i in spoke}
    calibration = {BY_DISTANCE: Conformal.fit([held[i].oddness for i in spoke], [chains[i] for i in spoke])}
    deep = None
    if prepared.recogniser is not None and prepared.logs is not None:
        large = [i for i, kind in enumerate(kinds) if kind in prepared.recogniser.kinds]
        place = {old: new for new, old in enumerate(large)}
        y, known = prepared.description[large], [codes[i] for i in large]
        of_kind = [kinds[i] for i in large]
        who = [importers[i] for i in large]
        deep = _normality(y, known, of_kind, who, config, sharpness, {})
        dealt = [[place[i] for i in fold] for fold in folds if fold[0] in place]
        far = hold_out(y, known, of_kind, dealt, config, sisters={}, sharpness=sharpness, importers=who)
        judge = Judge(normality, deep, prepared.recogniser, config.own)
        seen = [
            i for i in spoke if i in place and np.isfinite(prepared.logs[i]).all() and far[place[i]].group
        ]
        held |= {i: judge.join(far[place[i]], prepared.logs[i], codes[i]) for i in seen}
        calibration[RECOGNISED] = Conformal.fit([held[i].oddness for i in seen], [chains[i] for i in seen])
    densities, density_scores = fit_densities(references, folds)
    scale, mass_scores, bound_scores, mass_errors = fit_scale(references, folds)
    packages, package_scores = fit_packages(references, folds, scale)
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
        normality=normality,
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
        deep=deep,
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
        "calibrated_on": len(spoke),
    }
    for kind in sorted(set(kinds)):
        hits = [held[i].ranking[0][0] == codes[i][:4] for i in spoke if kinds[i] == kind]
        if hits:
            figures[f"top1_heading_{kind}"] = float(np.mean(hits))
    if mass_errors:
        figures["mass_error_median"] = float(np.median(np.abs(np.expm1(mass_errors))))
    return XrayScorer(parts, device), figures


def _past(references: Sequence[Reference], seed: int) -> Bank:
    """References to search in, by their file's name."""
    entries = [
        Entry(r.name or str(i), r.code, r.importer, r.lot, r.look.kind) for i, r in enumerate(references)
    ]
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


def _normality(
    x: npt.NDArray,
    codes: Sequence[str],
    kinds: Sequence[str],
    importers: Sequence[str],
    config: XrayConfig,
    sharpness: float,
    sisters: Mapping[int, float],
) -> Normality:
    return Normality.fit(
        x,
        codes,
        kinds,
        shrinkage=config.shrinkage,
        absolute=config.absolute,
        sharpness=sharpness,
        sisters=sisters,
        importers=importers,
    )
