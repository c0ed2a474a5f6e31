"""The two training loops of the backbone: views of one scan to one place, then declared codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from customs.progress import Progress, silent
from xray_encoder.model import Backbone, XrayConfig, as_input, augment

_PROJECTED = 256
_INVARIANCE, _VARIANCE, _COVARIANCE = 25.0, 25.0, 1.0  # weights of Bardes, Ponce and LeCun (2022)


def pretrain(
    backbone: Backbone,
    a: npt.NDArray[np.float32],
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress = silent,
) -> None:
    """Self-supervision on crops a (n, 2, rows, columns) of −ln T, whatever was declared.

    Two views of one scan must fall together while all coordinates stay spread and uncorrelated: VICReg
    (Bardes, Ponce and LeCun, "VICReg", ICLR 2022).
    """
    config = backbone.config
    if config.pretrain < 1 or len(a) < 2 * config.batch:
        return
    random = torch.Generator().manual_seed(seed)
    data = torch.from_numpy(a)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        projector = nn.Sequential(
            nn.Linear(backbone.width, _PROJECTED),
            nn.BatchNorm1d(_PROJECTED),
            nn.GELU(),
            nn.Linear(_PROJECTED, _PROJECTED),
        ).to(device)
        whole = nn.ModuleList([backbone.body, projector])
        steps = len(data) // config.batch
        optimiser, schedule = _optimiser(whole, config, config.pretrain * steps)
        for epoch in range(config.pretrain):
            whole.train()
            for rows in torch.randperm(len(data), generator=random)[: steps * config.batch].split(
                config.batch
            ):
                views = [
                    projector(backbone.embed(as_input(augment(data[rows], random)).to(device)))
                    for _ in range(2)
                ]
                loss = _vicreg(views[0], views[1])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
            progress("looking without codes", epoch + 1, config.pretrain)


def learn(
    backbone: Backbone,
    a: npt.NDArray[np.float32],
    target: Sequence[int],
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress = silent,
) -> None:
    """Learn the declared code of crops a (n, 2, rows, columns) of −ln T."""
    config = backbone.config
    random = torch.Generator().manual_seed(seed)
    data, truth = torch.from_numpy(a), torch.as_tensor(target, dtype=torch.long)
    steps = max(len(data) // config.batch, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        optimiser, schedule = _optimiser(backbone, config, config.epochs * steps)
        for epoch in range(config.epochs):
            backbone.train()
            for rows in torch.randperm(len(data), generator=random)[: steps * config.batch].split(
                config.batch
            ):
                logits = backbone(as_input(augment(data[rows], random)).to(device))
                loss = functional.cross_entropy(logits, truth[rows].to(device), label_smoothing=0.1)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
            progress("learning the codes", epoch + 1, config.epochs)
    backbone.eval()


def _optimiser(
    module: nn.Module, config: XrayConfig, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=config.learning_rate, total_steps=max(steps, 1)
    )


def _vicreg(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    loss = _INVARIANCE * functional.mse_loss(one, two)
    for z in (one, two):
        z = z - z.mean(0)
        loss = loss + _VARIANCE * functional.relu(1 - (z.var(0) + 1e-4).sqrt()).mean() / 2
        covariance = z.T @ z / (len(z) - 1)
        off = covariance - torch.diag(torch.diagonal(covariance))
        loss = loss + _COVARIANCE * off.square().sum() / z.shape[1]
    return torch.as_tensor(loss)
