"""Fit on the clean months of a panel, calibrate on rows that parts of the model have not seen, write it."""

from __future__ import annotations

import dataclasses
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customs.artefact import fingerprint_of
from customs.config import load_config
from customs.errors import UnreadableFile
from customs.progress import Progress, silent
from tabular_ae import keeping
from tabular_ae.calibration import LEAST_LINES, calibrate_lines, calibrate_months, together
from tabular_ae.checks import PRICE, Models
from tabular_ae.data import Converter, Line, Panel, read_panel, rows_of
from tabular_ae.flagship import Flagship
from tabular_ae.freight import FreightModel
from tabular_ae.history import History
from tabular_ae.model import FlagshipConfig
from tabular_ae.oil import OilModel
from tabular_ae.other_codes import OtherCodesModel
from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.proposal.score import ProposalModel
from tabular_ae.rows import Floats, Rows, month_text
from tabular_ae.scorer import TabularScorer
from tabular_ae.volume import VolumeModel

CONFIGS = Path(__file__).with_name("configs")
_LEAST_ROWS = 100


def train(
    data: Sequence[Path],
    out: Path,
    *,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
    columns: Mapping[str, str] | None = None,
    freight: Path | None = None,
    macro: Path | None = None,
) -> dict[str, Any]:
    """Read worlds and series files, fit, calibrate, save to `out`.

    columns: maps our names to the files'; freight, macro: published route freight and monthly figures.

    Returns the figures that also stand in the manifest.
    """
    chosen = load_config(kind_of(config), CONFIGS, config, overrides)
    panel = read_panel(data, columns, freight=freight, macro=macro)
    scorer = fit(panel, chosen, seed=seed, device=device, progress=progress)
    joined = [path for path in (freight, macro) if path is not None]
    scorer.data_fingerprint = fingerprint_of([*data, *joined])
    scorer.save(out)
    return scorer.figures


def kind_of(preset: str) -> type[Any]:
    """The dataclass of a preset, as its key `model` tells; an unknown preset is refused when it is read."""
    path = CONFIGS / f"{preset}.toml"
    values = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return keeping.CONFIGS.get(str(values.get("model")), FlagshipConfig)


def fit(
    panel: Panel,
    config: FlagshipConfig | ProposalConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> TabularScorer:
    """Fit and calibrate on the months before the panel's stop.

    The flagship is fitted on all clean months: its parts have each not seen a share of the rows, which tells
    what clean months look like, of every season. The proposal's network has no such parts: it is fitted on
    the earlier months, and the later ones calibrate it. Of the clean lines the earlier ones tell how much
    more a line scatters than a month, the later ones calibrate. The history of the scorer holds every
    month of the panel.
    """
    began = time.perf_counter()
    history = History(panel.rows, memory=config.memory)
    past = panel.rows.take(panel.rows.month < panel.stop) if panel.stop is not None else panel.rows
    months = np.unique(past.month)
    if len(past) < _LEAST_ROWS or len(months) < 4:
        raise UnreadableFile(
            f"there are {len(past)} rows over {len(months)} months to learn from",
            field="data",
            remedy=f"give at least {_LEAST_ROWS} rows over 4 months",
        )
    start = int(months[-max(1, round(config.calibration_share * len(months)))])  # first month of calibration
    converter = Converter(panel.freight_unit, panel.krw_per_usd)
    lines = [converter.line(case) for case in panel.cases]
    early, late = ([x for x in lines if (x.month < start) is side] for side in (True, False))

    of_past = History(past, memory=config.memory)
    if isinstance(config, ProposalConfig):  # one network, which has seen all it was fitted on
        learn = past.take(past.month < start)
        known = History(learn, memory=config.memory)  # the months held out stay unseen
        models = _fit(panel, known, learn, config, seed, device, progress)
        of_months = calibrate_months(models, of_past, past.take(past.month >= start))
    else:
        models = _fit(panel, of_past, past, config, seed, device, progress)
        of_months = calibrate_months(models, of_past, past)
    models = with_line_noise(models, history, early)
    calibrations = together(of_months, calibrate_lines(models, of_past, late))
    scorer = TabularScorer(models, history, calibrations, converter, macro=panel.macro)
    clean = calibrations[PRICE]
    scorer.figures = {
        "rows": len(past),
        "series": len(past.pairs[1]),
        "refused_rows": panel.refused,
        "notes": list(panel.notes),
        "checks": list(models.by_check),
        "trained_to": month_text(
            int(past.month.max()) if not isinstance(config, ProposalConfig) else start - 1
        ),
        "calibrated_to": month_text(int(months[-1])),
        "calibration_rows": len(clean.months.groups["all"]),
        "calibration_lines": len(late) if len(late) >= LEAST_LINES else 0,
        "price_noise_of_a_line": round(models.price.extra, 4),
        "first_loss": models.price.losses[0] if models.price.losses else None,
        "last_loss": models.price.losses[-1] if models.price.losses else None,
        "seconds": round(time.perf_counter() - began, 1),
    }
    progress("calibrating", 1, 1)
    return scorer


def _fit(
    panel: Panel,
    history: History,
    learn: Rows,
    config: FlagshipConfig | ProposalConfig,
    seed: int,
    device: str,
    progress: Progress,
) -> Models:
    """A model for each check that the rows suffice for."""
    if isinstance(config, ProposalConfig):
        price: Any = ProposalModel.fit(
            history, learn, config, macro=panel.macro, seed=seed, device=device, progress=progress
        )
    else:
        price = Flagship.fit(history, learn, config, seed=seed, device=device, progress=progress)
    priced = panel.freight_unit is not None
    return Models(
        price,
        OtherCodesModel.fit(history, learn),
        FreightModel.fit(history, learn) if priced else None,
        OilModel.fit(history, learn, panel.macro) if priced and panel.macro is not None else None,
        VolumeModel.fit(history, learn),
    )


# -- one declared line is noisier than a month ---------------------------------------------------------


def with_line_noise(models: Models, history: History, lines: Sequence[Line]) -> Models:
    """Learn from clean lines how much more they scatter than months do; too few teach nothing."""
    if len(lines) < LEAST_LINES:
        return models
    rows, by_route = rows_of(lines), rows_of(lines, by_route=True)
    found = models.price.score(history, rows, consignment=True)  # by the past alone, as lines are judged
    models.price.extra = _extra(rows.log_unit - found.centre, found.scale)
    if models.code is not None:
        models = dataclasses.replace(models, code=dataclasses.replace(models.code, extra=models.price.extra))
    if models.freight is not None:
        rates = models.freight.score(history, by_route, consignment=True)
        models.freight.extra = _extra(by_route.log_freight - rates.centre, rates.scale)
        if models.oil is not None:
            oil = dataclasses.replace(models.oil, extra=models.freight.extra)
            models = dataclasses.replace(models, oil=oil)
    return models


def _extra(residual: Floats, scale: Floats) -> float:
    """How much more single lines scatter than months do, as a standard deviation of the logarithm."""
    known = np.isfinite(residual)
    if known.sum() < LEAST_LINES:
        return 0.0
    seen = 1.4826 * float(np.median(np.abs(residual[known])))
    return float(np.sqrt(max(seen**2 - float(np.median(scale[known])) ** 2, 0.0)))
