"""The LSTM autoencoder: an encoder's last state, repeated along the window, decoded again.

    x (n, window, channels)
      encoder LSTM          -> last state (n, hidden)
      repeated              -> (n, window, hidden)
      decoder LSTM          -> (n, window, hidden)
      linear                -> (n, window, 2)

The last month's unit value is hidden from it. Of every step it answers the scaled log unit value and the
logarithm of its noise, trained on a Student-t likelihood, so that the last step is a prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from customs.errors import InvalidConfig


@dataclass(frozen=True)
class FlagshipConfig:
    """Parts, size and training of the flagship.

    window, memory: months the network reads; months that "usual" reaches back.
    lstm, trees: whether the network and the boosted trees predict the unit value; at least one does.
    exposure: whether trees that have seen falsified prices judge the distance, or the distance alone does.
    hidden, epochs, batch, learning_rate: of the network; freedom: of its Student-t likelihood; past_weight:
    what the months it can see count beside the hidden one.
    folds: models of each kind of tree; rounds, leaves, tree_rate: of the trees that predict; scale_rounds: of
    those that predict the noise; odd_rounds: of those that judge.
    later_months: how many months after its own a row of a panel may be compared with, where there are any, at
    most 6; a declared line never is.
    calibration_share: last part of the months, which calibrates declared lines; flag_share: part of clean
    rows flagged.
    """

    model: Literal["flagship"] = "flagship"
    window: int = 12
    memory: int = 12
    lstm: bool = True
    trees: bool = True
    exposure: bool = True
    hidden: int = 32
    epochs: int = 12
    batch: int = 128
    learning_rate: float = 2e-3
    freedom: float = 4.0
    past_weight: float = 0.1
    folds: int = 2
    rounds: int = 120
    leaves: int = 15
    tree_rate: float = 0.1
    scale_rounds: int = 60
    odd_rounds: int = 100
    later_months: int = 6
    calibration_share: float = 0.2
    flag_share: float = 0.01

    def __post_init__(self) -> None:
        least = {"window": 2, "memory": 2, "hidden": 1, "epochs": 1, "batch": 1}
        least |= {"folds": 2, "rounds": 1, "leaves": 2, "scale_rounds": 1, "odd_rounds": 1, "later_months": 0}
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
        if not (self.lstm or self.trees):
            raise InvalidConfig(
                "nothing predicts the unit value", field="config.lstm", remedy="set lstm or trees to true"
            )
        for key in ("learning_rate", "freedom", "tree_rate"):
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

    def __init__(self, config: FlagshipConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        self.channels = channels
        self.encoder = nn.LSTM(channels, config.hidden, batch_first=True)
        self.decoder = nn.LSTM(config.hidden, config.hidden, batch_first=True)
        self.out = nn.Linear(config.hidden, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, window, channels) -> (n, window, 2): scaled log unit value, log noise."""
        _, (state, _) = self.encoder(x)  # state (1, n, hidden)
        repeated = state[0][:, None, :].expand(-1, x.shape[1], -1)  # (n, window, hidden)
        decoded, _ = self.decoder(repeated)
        return self.out(decoded)


def prediction_loss(out: Tensor, unit: Tensor, config: FlagshipConfig) -> Tensor:
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
