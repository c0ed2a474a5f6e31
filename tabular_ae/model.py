"""The LSTM autoencoder: an encoder's last state, repeated along the window, decoded again.

    x (n, window, channels)
      encoder LSTM          -> last state (n, hidden)
      repeated              -> (n, window, hidden)
      decoder LSTM          -> (n, window, hidden)
      linear                -> (n, window, out)

`reconstruct` is the proposal's network: out = channels, trained on squared error. `predict` is the same
network with the last month's unit value hidden from it: out = 2, the scaled log unit value of every step and
the logarithm of its noise, trained on a Student-t likelihood, so that the last step is a prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from customs.errors import InvalidConfig


@dataclass(frozen=True)
class AutoencoderConfig:
    """Size, inputs and training of one autoencoder.

    goal: reconstruct every channel, or predict the hidden unit value.
    window, memory: months the network reads; months that "usual" reaches back.
    calibration_share: last part of the months, kept from training for the calibration.
    low_weight: how much more a low unit value counts than a high one; 1 = the same.
    flag_share: part of clean rows flagged.
    """

    goal: Literal["reconstruct", "predict"] = "predict"
    window: int = 12
    memory: int = 12
    hidden: int = 64
    epochs: int = 12
    batch: int = 64
    learning_rate: float = 2e-3
    freedom: float = 4.0
    past_weight: float = 0.1
    calibration_share: float = 0.2
    low_weight: float = 1.3
    flag_share: float = 0.01

    def __post_init__(self) -> None:
        least = {"window": 2, "memory": 2, "hidden": 1, "epochs": 1, "batch": 1}
        for key, low in least.items():
            if getattr(self, key) < low:
                raise InvalidConfig(
                    f"got {getattr(self, key)}", field=f"config.{key}", remedy=f"give {low} or more"
                )
        if self.window - 1 > self.memory:
            raise InvalidConfig(
                f"the network reads {self.window - 1} months back, beyond memory {self.memory}",
                field="config.window",
                remedy="give a memory of at least window - 1",
            )
        for key in ("learning_rate", "freedom", "low_weight"):
            if not getattr(self, key) > 0:
                raise InvalidConfig(
                    f"got {getattr(self, key)}", field=f"config.{key}", remedy="give more than 0"
                )
        for key in ("calibration_share", "flag_share"):
            if not 0 < getattr(self, key) < 1:
                raise InvalidConfig(
                    f"got {getattr(self, key)}", field=f"config.{key}", remedy="give a share between 0 and 1"
                )


class Autoencoder(nn.Module):
    """Encoder and decoder LSTM of one direction with the last state between them."""

    def __init__(self, config: AutoencoderConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        self.channels = channels
        out = channels if config.goal == "reconstruct" else 2
        self.encoder = nn.LSTM(channels, config.hidden, batch_first=True)
        self.decoder = nn.LSTM(config.hidden, config.hidden, batch_first=True)
        self.out = nn.Linear(config.hidden, out)

    def forward(self, x: Tensor) -> Tensor:
        """(n, window, channels) -> (n, window, out)."""
        _, (state, _) = self.encoder(x)  # state (1, n, hidden)
        repeated = state[0][:, None, :].expand(-1, x.shape[1], -1)  # (n, window, hidden)
        decoded, _ = self.decoder(repeated)
        return self.out(decoded)


def reconstruction_loss(out: Tensor, x: Tensor, known: Tensor) -> Tensor:
    """Mean squared error over the known steps; known is bool (n, window)."""
    error = ((out - x) ** 2).mean(dim=2)
    return (error * known).sum() / known.sum().clamp(min=1)


def prediction_loss(out: Tensor, unit: Tensor, config: AutoencoderConfig) -> Tensor:
    """Student-t negative log likelihood; unit (n, window) is NaN where unknown.

    The hidden last month counts fully, the months the network could see `past_weight` of their mean.
    """
    known = torch.isfinite(unit)
    z = (torch.nan_to_num(unit) - out[..., 0]) * torch.exp(-out[..., 1])
    nu = config.freedom
    loss = 0.5 * (nu + 1.0) * torch.log1p(z * z / nu) + out[..., 1]  # (n, window)
    loss = torch.where(known, loss, torch.zeros_like(loss))
    past = loss[:, :-1].sum() / known[:, :-1].sum().clamp(min=1)
    return loss[:, -1].sum() / known[:, -1].sum().clamp(min=1) + config.past_weight * past
