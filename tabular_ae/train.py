"""Fit an autoencoder on the earlier months of a panel, calibrate it on the later ones, write the artefact."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from customs.artefact import fingerprint_of
from customs.calibrate import Conformal
from customs.config import load_config
from customs.errors import InvalidConfig, UnreadableFile
from customs.progress import Progress, silent
from tabular_ae.data import Converter, Panel, read_panel, rows_of
from tabular_ae.freight import FreightModel
from tabular_ae.history import History
from tabular_ae.inputs import prepare
from tabular_ae.model import Autoencoder, AutoencoderConfig, prediction_loss, reconstruction_loss
from tabular_ae.price import PriceModel, new_network, trainable, usable
from tabular_ae.proposal import MinMax
from tabular_ae.rows import Floats, Rows, month_text
from tabular_ae.scorer import FREIGHT, PRICE, Calibrations, TabularScorer, panel_chain

CONFIGS = Path(__file__).with_name("configs")
_LEAST_ROWS = 100
# Fewer clean lines cannot give a p-value of one in a hundred: the months of the panel stand in for them.
_LEAST_LINES = 99


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
) -> dict[str, Any]:
    """Read worlds and series files, fit, calibrate, save to `out`; `columns` maps our names to the files'.

    Returns the figures that also stand in the manifest.
    """
    chosen = load_config(AutoencoderConfig, CONFIGS, config, overrides)
    panel = read_panel(data, columns)
    scorer = fit(panel, chosen, seed=seed, device=device, progress=progress)
    scorer.data_fingerprint = fingerprint_of(data)
    scorer.save(out)
    return scorer.figures


def fit(
    panel: Panel,
    config: AutoencoderConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> TabularScorer:
    """Fit on all months but the last share before the panel's stop; calibrate on that share.

    The history that the scorer carries holds every month of the panel: rows are only ever compared with
    months before theirs.
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
    learn, hold = past.take(past.month < start), past.take(past.month >= start)

    price, losses = _fit_price(history, learn, config, seed, device, progress)
    freight = FreightModel.fit(history, learn) if panel.freight_unit is not None else None
    converter = Converter(panel.freight_unit, panel.krw_per_usd)
    lines = [converter.line(case) for case in panel.cases]
    early, late = ([x for x in lines if (x.month < start) is side] for side in (True, False))
    if len(early) >= _LEAST_LINES:
        price.extra = _extra_price(price, history, rows_of(early))
        if freight is not None:
            freight.extra = _extra_freight(freight, history, rows_of(early, by_route=True))

    calibrations = {PRICE: _calibrate(price, history, hold, rows_of(late))}
    if freight is not None:
        calibrations[FREIGHT] = _calibrate(freight, history, hold, rows_of(late, by_route=True))
    scorer = TabularScorer(price, freight, history, calibrations, converter)
    scorer.figures = {
        "rows": len(past),
        "series": len(set(zip(past.hs, past.country, strict=True))),
        "refused_rows": panel.refused,
        "trained_to": month_text(start - 1),
        "calibrated_to": month_text(int(months[-1])),
        "calibration_rows": len(calibrations[PRICE].months.groups["all"]),
        "calibration_lines": len(c.groups["all"]) if (c := calibrations[PRICE].lines) else 0,
        "price_noise_of_a_line": round(price.extra, 4),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "seconds": round(time.perf_counter() - began, 1),
    }
    progress("calibrating", 1, 1)
    return scorer


def _fit_price(
    history: History, learn: Rows, config: AutoencoderConfig, seed: int, device: str, progress: Progress
) -> tuple[PriceModel, list[float]]:
    network = new_network(config, seed).to(usable(device))
    if config.goal == "reconstruct":
        scaling = MinMax.fit(learn)
        x, known = scaling.windows(history, learn, config.window)
        losses = _optimise(network, x, known.astype(np.float32), config, seed, device, progress)
        return PriceModel(network, scaling=scaling, device=device), losses
    inputs = prepare(history, learn, config.window)
    inputs = inputs.take(trainable(inputs))
    if len(inputs.x) < _LEAST_ROWS:
        raise InvalidConfig(
            f"only {len(inputs.x)} rows have earlier months", field="data", remedy="give longer series"
        )
    losses = _optimise(network, inputs.x, inputs.unit.astype(np.float32), config, seed, device, progress)
    return PriceModel(network, device=device), losses


def _optimise(
    network: Autoencoder,
    x: npt.NDArray[np.float32],
    target: npt.NDArray[np.float32],
    config: AutoencoderConfig,
    seed: int,
    device: str,
    progress: Progress,
) -> list[float]:
    """Train in place; x (n, window, channels), target (n, window): unit values, or which steps are known.

    Returns the mean loss of each epoch.
    """
    inputs, targets = torch.from_numpy(x).to(device), torch.from_numpy(target).to(device)
    shuffler = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    batches = -(-len(inputs) // config.batch)
    if config.goal == "predict":  # the proposal's Adam has a constant rate
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, config.learning_rate, total_steps=config.epochs * batches
        )
    losses = []
    network.train()
    for epoch in range(config.epochs):
        order = torch.randperm(len(inputs), generator=shuffler).to(device)
        total = 0.0
        for rows in order.split(config.batch):
            out = network(inputs[rows])
            if config.goal == "predict":
                loss = prediction_loss(out, targets[rows], config)
            else:
                loss = reconstruction_loss(out, inputs[rows], targets[rows])
            optimiser.zero_grad()
            loss.backward()
            if config.goal == "predict":
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            if config.goal == "predict":
                schedule.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(inputs))
        progress("training", epoch + 1, config.epochs)
    network.eval()
    return losses


def _extra_price(price: PriceModel, history: History, rows: Rows) -> float:
    found = price.score(history, rows)
    return _extra(rows.log_unit - found.centre, found.scale)


def _extra_freight(freight: FreightModel, history: History, rows: Rows) -> float:
    found = freight.score(history, rows)
    return _extra(rows.log_freight - found.centre, found.scale)


def _extra(residual: Floats, scale: Floats) -> float:
    """How much more single lines scatter than months do, as a standard deviation of the logarithm."""
    known = np.isfinite(residual)
    if known.sum() < _LEAST_LINES:
        return 0.0
    seen = 1.4826 * float(np.median(np.abs(residual[known])))
    return float(np.sqrt(max(seen**2 - float(np.median(scale[known])) ** 2, 0.0)))


def _calibrate(model: PriceModel | FreightModel, history: History, hold: Rows, lines: Rows) -> Calibrations:
    """Clean scores of months, and of lines where there are enough."""
    months = _conformal(model.score(history, hold).score, hold)
    if months is None:
        raise UnreadableFile(
            "no held-out row has earlier months to compare with", field="data", remedy="give longer series"
        )
    scores = model.score(history, lines, consignment=True).score
    return Calibrations(months, _conformal(scores, lines, _LEAST_LINES))


def _conformal(scores: Floats, rows: Rows, least: int = 1) -> Conformal | None:
    known = np.isfinite(scores)
    if known.sum() < least:
        return None
    return Conformal.fit(scores[known], [panel_chain(hs) for hs in rows.hs[known]])
