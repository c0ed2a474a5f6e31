"""Two LSTM autoencoders, each trained on one half of the series: what they expect of a row, and how surely.

Every row of the training months is foretold by the network that has not seen its series, so that what learns
from these forecasts meets them as they will be later. A row to be scored gets the mean of both.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from customs.progress import Progress
from tabular_ae.inputs import CHANNELS, Inputs
from tabular_ae.model import Autoencoder, FlagshipConfig, prediction_loss
from tabular_ae.price import usable
from tabular_ae.rows import Floats, Ints

HALVES = 2
_BATCH = 512
# Outputs are cut here so that the order of float sums, which depends on the batch, does not show.
_DECIMALS = 4


class Forecast:
    """The networks on their device; losses: mean of the epochs of both."""

    def __init__(self, networks: Sequence[Autoencoder], device: str, losses: list[float]) -> None:
        self.networks = [network.to(usable(device)).eval() for network in networks]
        self.device = device
        self.losses = losses

    @classmethod
    def fit(
        cls, inputs: Inputs, fold: Ints, config: FlagshipConfig, *, seed: int, device: str, progress: Progress
    ) -> tuple[Self, Floats]:
        """Train on n rows, whose series are in halves by `fold`; also the unseen forecast of each (n, 2)."""
        networks, losses = [], []
        unseen = np.zeros((len(inputs.x), 2))
        for half in range(HALVES):
            theirs = fold % HALVES != half
            if not theirs.any():
                theirs = ~theirs
            network = new_network(config, seed + half)
            losses.append(
                _optimise(network, inputs, theirs, config, seed + half, device, _part(progress, half, config))
            )
            networks.append(network)
        found = cls(networks, device, np.mean(losses, axis=0).tolist())
        for half, network in enumerate(found.networks):
            mine = fold % HALVES == half
            unseen[mine] = found._forward(network, inputs.x[mine])
        return found, unseen

    def __call__(self, x: npt.NDArray[np.float32], *, exact: bool = False) -> Floats:
        """(n, window, CHANNELS) -> (n, 2): scaled log unit value of the row and ln of its noise.

        `exact` computes in double precision: a line must get the same answer alone and in a batch.
        """
        networks = self._doubles if exact else self.networks
        outputs: Floats = np.stack([self._forward(network, x) for network in networks])
        return np.round(outputs.mean(axis=0), _DECIMALS)

    def contributions(self, x: npt.NDArray[np.float32], steps: int = 32) -> Floats:
        """What each input of one row x (window, CHANNELS) adds to the forecast of its value: the same shape.

        Integrated gradients from an input of zeros, where every month is unknown: Sundararajan, Taly and Yan,
        "Axiomatic Attribution for Deep Networks", ICML 2017.
        """
        row = torch.from_numpy(x).double()
        share = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
        path = (share[:, None, None] * row).requires_grad_()  # (steps, window, channels)
        total = torch.stack([network(path)[:, -1, 0].sum() for network in self._doubles]).mean()
        (gradient,) = torch.autograd.grad(total, path)
        return np.asarray((gradient.mean(dim=0) * row).numpy(), dtype=np.float64)

    @cached_property
    def _doubles(self) -> list[Autoencoder]:
        return [copy.deepcopy(network).cpu().double() for network in self.networks]

    def _forward(self, network: Autoencoder, x: npt.NDArray[np.float32]) -> Floats:
        weight = network.out.weight
        parts: list[Tensor] = []
        with torch.inference_mode():
            for start in range(0, len(x), _BATCH):
                batch = torch.from_numpy(x[start : start + _BATCH]).to(weight.device, weight.dtype)
                parts.append(network(batch)[:, -1].cpu())
        return torch.cat(parts).numpy().astype(np.float64) if parts else np.empty((0, 2))

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Weights by the number of the network and their name."""
        return {
            f"{i}.{name}": value.cpu().numpy()
            for i, network in enumerate(self.networks)
            for name, value in network.state_dict().items()
        }

    @classmethod
    def restore(
        cls, config: FlagshipConfig, tensors: Mapping[str, npt.NDArray[Any]], device: str
    ) -> Self | None:
        """Read back what `tensors` gave; None where there are none."""
        networks = []
        for i in range(HALVES):
            mine = {k.removeprefix(f"{i}."): v for k, v in tensors.items() if k.startswith(f"{i}.")}
            if not mine:
                return None
            network = new_network(config, 0)
            network.load_state_dict({k: torch.from_numpy(v) for k, v in mine.items()})
            networks.append(network)
        return cls(networks, device, [])


def new_network(config: FlagshipConfig, seed: int) -> Autoencoder:
    """A network with seeded weights; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Autoencoder(config, CHANNELS)


def _optimise(
    network: Autoencoder,
    inputs: Inputs,
    chosen: npt.NDArray[np.bool_],
    config: FlagshipConfig,
    seed: int,
    device: str,
    progress: Progress,
) -> list[float]:
    """Train in place on the chosen rows; returns the mean loss of each epoch."""
    network.to(usable(device)).train()
    x = torch.from_numpy(inputs.x[chosen]).to(device)  # (n, window, channels)
    unit = torch.from_numpy(inputs.unit[chosen].astype(np.float32)).to(device)  # (n, window), NaN unknown
    shuffler = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    batches = -(-len(x) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.epochs * batches
    )
    losses = []
    for epoch in range(config.epochs):
        order = torch.randperm(len(x), generator=shuffler).to(device)
        total = 0.0
        for rows in order.split(config.batch):
            loss = prediction_loss(network(x[rows]), unit[rows], config)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(x))
        progress("training", epoch + 1, config.epochs)
    return losses


def _part(progress: Progress, half: int, config: FlagshipConfig) -> Progress:
    return lambda stage, done, total: progress(stage, half * config.epochs + done, HALVES * config.epochs)
