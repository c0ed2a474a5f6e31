"""Training: calibrate on clean cases, learn from what inspections found, write an artefact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from customs.artefact import fingerprint_of
from customs.config import load_config
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from fusion.data import Cases, is_cases, joined
from fusion.head import learn
from fusion.head.attributes import attributes
from fusion.head.model import Head
from fusion.joint import Joint
from fusion.keeping import save
from fusion.model import FUSED, Fusion, FusionConfig
from fusion.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

CONFIGS = Path(__file__).with_name("configs")
_MIXED = "train on scored cases or on plain declarations, each into a folder of its own"


def train(
    data: Sequence[Path],
    out: Path,
    *,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    policy: Policy | None = None,
    modules: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on scored cases (`Cases.write`) or on files of declarations with outcomes; write an artefact.

    modules: versions by kind of the models that scored the cases, where that is known; kept beside the rest,
    so that the fusion is not used with others.

    Returns figures, those of the head measured on the last weeks, which it had not seen.
    """
    settings = load_config(FusionConfig, CONFIGS, config, overrides)
    fusion = fit(data, settings, seed=seed, policy=policy, progress=progress)
    figures = fusion.facts()
    save(fusion, Path(out), data_fingerprint=fingerprint_of(data), figures=figures, modules=modules)
    return figures


def fit(
    data: Sequence[Path],
    config: FusionConfig,
    *,
    seed: int = 0,
    policy: Policy | None = None,
    progress: Progress = silent,
) -> Fusion:
    """Learn from files: scored cases of known outcome, or declarations with outcomes."""
    scored = [is_cases(path) for path in data]
    if all(scored) and data:
        return fit_cases(joined([Cases.read(path) for path in data]), config, seed, policy, progress)
    if any(scored):
        raise InvalidValue("scored cases and plain declarations together", field="data", remedy=_MIXED)
    return Fusion(config, head=fit_table(read_outcomes(data), config, seed, progress))


def fit_cases(
    cases: Cases,
    config: FusionConfig,
    seed: int = 0,
    policy: Policy | None = None,
    progress: Progress = silent,
) -> Fusion:
    """Calibrate on the cases found clean; learn a head too where enough frauds were found."""
    outcome = cases.outcome
    known = cases.take(np.isfinite(outcome))
    clean = cases.take(outcome == 0)
    progress("calibrating on clean cases", 0, 1)
    fusion = Fusion(config, joint=Joint.fit(clean, policy or Policy.default(), gamma=config.gamma))
    progress("calibrating on clean cases", 1, 1)
    assert fusion.joint is not None
    if not has_enough(known.outcome):
        return fusion
    checks = (*fusion.joint.checks, FUSED)
    head = learn.fit(
        attributes(known.table),
        known.outcome,
        config,
        surprise=fusion.evidence_features(known),
        checks=checks,
        seed=seed,
        progress=progress,
    )
    return Fusion(config, fusion.joint, head)


def fit_table(table: pd.DataFrame, config: FusionConfig, seed: int = 0, progress: Progress = silent) -> Head:
    """Learn a head from declarations of known outcome."""
    outcome = table["fraud"].to_numpy(dtype=np.float64)
    return learn.fit(attributes(table), outcome, config, seed=seed, progress=progress)


def read_outcomes(paths: Sequence[Path]) -> pd.DataFrame:
    """The declarations of some files whose outcome is known, in the columns of the reader."""
    import pandas as pd

    from customs.readers import declarations

    tables = []
    for path in paths:
        table = declarations.read(path).table
        known = table[table["fraud"].notna()]
        if not len(known):
            raise InvalidValue(
                f"{Path(path).name} has no outcomes",
                field="data",
                remedy="give the column Fraud (우범여부): 1 found, 0 clean, empty where nobody looked",
            )
        tables.append(known)
    if not tables:
        raise InvalidValue("there is nothing to learn from", field="data", remedy="give --data")
    return pd.concat(tables, ignore_index=True)


def has_enough(outcome: np.ndarray) -> bool:
    """Whether a head can be learned and measured: four times what either part needs."""
    found = int(np.nansum(outcome))
    return found >= 4 * learn.LEAST_EACH and len(outcome) - found >= 4 * learn.LEAST_EACH
