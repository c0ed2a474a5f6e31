"""How odd a unit value is: a trained autoencoder over a history of series."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from customs.errors import InvalidConfig
from tabular_ae.history import History
from tabular_ae.inputs import CHANNELS, Inputs, prepare
from tabular_ae.model import Autoencoder, AutoencoderConfig
from tabular_ae.proposal import MINMAX_CHANNELS, MinMax
from tabular_ae.rows import Floats, Ints, Rows

# Small enough for the gates of one batch to stay in the cache; 4096 is a third slower.
_BATCH = 512
# Outputs are cut here so that the order of float sums, which depends on the batch, does not show.
_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class Prices:
    """n scored unit values.

    score: higher = odder, NaN where nothing is known to compare with.
    centre: expected ln(USD/kg), NaN where the model expects none; scale: of one step of the score.
    months, group: months of the row's own series it was compared with; the code group that filled in.
    """

    score: Floats
    centre: Floats
    scale: Floats
    months: Ints
    group: tuple[str, ...]


class PriceModel:
    """A network, the scaling it was trained with, and the noise of one consignment about its month.

    extra: standard deviation of ln(USD/kg) of one consignment about its month's mean.
    """

    def __init__(
        self, network: Autoencoder, *, scaling: MinMax | None = None, extra: float = 0.0, device: str = "cpu"
    ) -> None:
        self.network = network.to(usable(device)).eval()
        self.config: AutoencoderConfig = network.config
        self.scaling = scaling
        self.extra = extra
        self.device = device

    def score(self, history: History, rows: Rows, *, consignment: bool = False) -> Prices:
        """Score rows against the months before them; a `consignment` row is one line, not a month."""
        if self.scaling is not None:
            return self._reconstructed(history, rows, self.scaling, consignment)
        inputs = prepare(history, rows, self.config.window, weigh=not consignment)
        shift, log_noise = np.round(self._forward(inputs.x, exact=consignment)[:, -1], _DECIMALS).T
        centre = inputs.level + shift * inputs.spread
        scale = np.exp(log_noise) * inputs.spread
        if consignment:
            scale = np.sqrt(scale**2 + self.extra**2)
        z = (rows.log_unit - centre) / scale
        score = np.round(np.where(z < 0, -z * self.config.low_weight, z), _DECIMALS)
        return Prices(score, centre, scale, inputs.months, inputs.group)

    def _reconstructed(self, history: History, rows: Rows, scaling: MinMax, consignment: bool) -> Prices:
        x, known = scaling.windows(history, rows, self.config.window)
        error = ((self._forward(x, exact=consignment) - x) ** 2).mean(axis=2)  # (n, window)
        mean = (error * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        months = known[:, :-1].sum(axis=1).astype(np.int64)
        # squared errors of scaled values are tiny: the root keeps their order and survives rounding
        score = np.where(known[:, -1] & (months > 0), np.round(1e3 * np.sqrt(mean), _DECIMALS), np.nan)
        nothing = np.full(len(rows), np.nan)
        return Prices(score, nothing, nothing, months, tuple("" for _ in range(len(rows))))

    @cached_property
    def _double(self) -> Autoencoder:
        """The network in double precision: a line must get the same answer alone and in a batch."""
        return copy.deepcopy(self.network).double()

    def _forward(self, x: npt.NDArray[np.float32], *, exact: bool = False) -> Floats:
        """(n, window, channels) -> (n, window, out), in batches; `exact` computes in double precision."""
        network = self._double if exact else self.network
        parts: list[Tensor] = []
        with torch.inference_mode():
            for start in range(0, len(x), _BATCH):
                batch = torch.from_numpy(x[start : start + _BATCH]).to(self.device)
                parts.append(network(batch.double() if exact else batch).cpu())
        if not parts:
            return np.empty((0, self.config.window, self.network.out.out_features))
        return torch.cat(parts).numpy().astype(np.float64)


def usable(device: str) -> torch.device:
    """The device by its name; an error if there is none such here."""
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError):
        raise InvalidConfig(
            f"there is no {device!r} here",
            field="device",
            remedy="give cpu, or cuda on a machine that has it",
        ) from None
    return found


def new_network(config: AutoencoderConfig, seed: int) -> Autoencoder:
    """A network with seeded weights; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Autoencoder(config, CHANNELS if config.goal == "predict" else MINMAX_CHANNELS)


def trainable(inputs: Inputs) -> npt.NDArray[np.bool_]:
    """(n,) rows with something to predict from and something to predict."""
    return np.isfinite(inputs.level) & np.isfinite(inputs.unit[:, -1])
