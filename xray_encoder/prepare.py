"""What is learned once from all reference scans, whatever is calibrated on them later."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.calibrate import Conformal
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from xray_encoder.clean import fit_detector
from xray_encoder.holdout import (
    MIN_SCANS,
    START_SHARPNESS,
    Reference,
    best_sharpness,
    hold_out,
    learned_kinds,
    make_folds,
    sister_factors,
)
from xray_encoder.inserted import Standouts
from xray_encoder.inserted.detect import Detector
from xray_encoder.judge import BY_DISTANCE, RECOGNISED, Judge
from xray_encoder.look import Look
from xray_encoder.model import XrayConfig, crops
from xray_encoder.normality import Judgement, Normality
from xray_encoder.parts import chain_of
from xray_encoder.recogniser import Recogniser, best_temperature


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
    learned = learned_kinds(references, config)
    large = [i for i, kind in enumerate(kinds) if kind in learned]
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


@dataclass(frozen=True, eq=False)
class Judged:
    """How packing is judged, and how clean scans were by judges that never saw them.

    held: judgement of each scan that could be held out; spoke: those whose chapter was known even so.
    """

    judge: Judge
    calibration: Mapping[str, Conformal]
    held: Mapping[int, Judgement]
    spoke: Sequence[int]


def fit_judge(prepared: Prepared, config: XrayConfig) -> Judged:
    """Judge held-out scans and calibrate on them, then learn from all."""
    references, x, folds = prepared.references, prepared.packing, prepared.folds
    codes, kinds = [r.code for r in references], [r.look.kind for r in references]
    importers = [r.importer for r in references]
    first = hold_out(
        x, codes, kinds, folds, config, sisters={}, sharpness=START_SHARPNESS, importers=importers
    )
    sisters = sister_factors(x, codes, kinds, config)
    sharpness = best_sharpness(first, codes)
    held = hold_out(x, codes, kinds, folds, config, sisters=sisters, sharpness=sharpness, importers=importers)
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
    judge = Judge(normality)
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
    return Judged(judge, calibration, held, spoke)


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
