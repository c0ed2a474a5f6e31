"""The network that looks for inserted things: what it is shown of a load, and a small U-Net.

The U-Net is that of O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical
Image Segmentation" (2015), with few channels: a scan is seen whole in some twenty milliseconds on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from customs.errors import InvalidConfig
from customs.physics.beam import BEAMS_MV, transmission
from xray_encoder.inserted.view import ASSUMED, depth_of

CHANNELS = ("depth", "fine", "blind", "row", "row_fine", "near", "hardness", "hardness_known", "height")
_SIDES = (-20, -16, -12, -8, -4, 4, 8, 12, 16, 20)  # cells: where else on its row a load is looked at
_FINE = 0.15  # −ln T: what is a lot in a smooth load
_NEAR = 9  # cells
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class InsertedConfig:
    """How the network is built and trained.

    widths: channels at each depth; columns: of the pieces it is trained on; steps, batch: of the optimiser.
    whole: weight of the loss of the piece as a whole beside that of its cells. bits: 16, or 8 to learn from
    16-bit scans what vendors' 8-bit pictures of them would show.
    """

    widths: tuple[int, ...] = (12, 24, 48, 64)
    columns: int = 112
    steps: int = 1600
    batch: int = 12
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    whole: float = 0.5
    bits: int = 16

    def __post_init__(self) -> None:
        if self.bits not in (8, 16) or len(self.widths) < 2 or min(self.steps, self.batch, self.columns) < 1:
            raise InvalidConfig(
                "the detector of inserted things needs bits 8 or 16, two widths, a step, a batch and columns",
                field="inserted",
                remedy="leave the configuration as it is by default",
            )


class Network(nn.Module):
    """Channels (batch, `CHANNELS`, rows, columns) to logits (batch, rows, columns), rows divisible by 8."""

    def __init__(self, config: InsertedConfig) -> None:
        super().__init__()
        widths = config.widths
        ins = [len(CHANNELS), *widths[:-1]]
        self.down = nn.ModuleList(_block(i, o) for i, o in zip(ins, widths, strict=True))
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairwise(widths))
        self.out = nn.Conv2d(widths[0], 1, 1)
        nn.init.constant_(self.out.bias, -4.0)  # type: ignore[arg-type]
        self.whole = nn.Parameter(torch.tensor([0.5, 0.0]))  # smooth maximum to the logit of the whole
        self.to(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logit of each cell."""
        columns = x.shape[-1]
        step = 2 ** (len(self.down) - 1)
        x = nn.functional.pad(x, (0, -columns % step, 0, 0), mode="replicate")
        kept = []
        for number, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if number else x)
            kept.append(x)
        x = kept.pop()
        for number in range(len(kept) - 1, -1, -1):
            wide = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.up[number](torch.cat([wide, kept[number]], dim=1))
        return torch.as_tensor(self.out(x)[:, 0, :, :columns])


def smooth_maximum(logits: torch.Tensor) -> torch.Tensor:
    """(batch, rows, columns) to (batch,): the log of the summed odds of 3 × 3 means, close to the largest."""
    means = nn.functional.avg_pool2d(logits[:, None], 3, stride=1, padding=1, count_include_pad=False)[:, 0]
    return torch.logsumexp(means.flatten(1), dim=1)


def channels(planes: Floats, beams: Sequence[str], walls: Sequence[float], floor: float) -> Floats:
    """Transmission (beams, rows, columns) to what the network sees: float32 (`CHANNELS`, rows, columns)."""
    depth = depth_of(planes, tuple(walls), floor)
    a = depth[-1]
    rows, columns = a.shape
    places = np.clip(np.arange(columns)[None, :] + np.asarray(_SIDES)[:, None], 0, columns - 1)
    usual = np.median(a[:, places], axis=1)  # of its row, over 1.5 metres
    beside = a - usual
    near = a - _means(a, _NEAR)
    blind = np.clip((-np.log(np.clip(planes[-1], floor, None)) - 6.0) / 2.0, 0.0, 1.5)
    if len(planes) > 1:
        light = _softer(beams[0], beams[-1])
        hard = np.tanh((_means(depth[0] - np.interp(a, *light), 3)) / 0.1)
        known = np.ones_like(a)
    else:
        hard, known = np.zeros_like(a), np.zeros_like(a)
    height = np.broadcast_to(np.linspace(-1, 1, rows, dtype=np.float32)[:, None], a.shape)
    return np.stack(
        [
            np.clip(a / 4.0, -0.5, 3.0),
            np.tanh((a - _means(a, 3)) / _FINE),
            blind,
            np.clip(beside / 2.0, -3, 3),
            np.tanh(beside / _FINE),
            np.tanh(near / _FINE),
            hard,
            known,
            height,
        ]
    ).astype(np.float32)


@lru_cache(maxsize=8)
def _softer(first: str, last: str) -> tuple[npt.NDArray, npt.NDArray]:
    """−ln T of the last beam to that of the first, behind light goods."""
    grams = np.linspace(0.0, 450.0, 451)
    curves = [
        -np.log(np.maximum(transmission({"cellulose": grams}, b if b in BEAMS_MV else ASSUMED), 1e-30))
        for b in (last, first)
    ]
    return curves[0].astype(np.float64), curves[1].astype(np.float64)


def _means(a: npt.NDArray, size: int) -> npt.NDArray[np.float32]:
    """Means over size × size cells around each, edges repeated."""
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(a, size, mode="nearest"), dtype=np.float32)


def _block(ins: int, outs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, o in ((ins, outs), (outs, outs)):
        layers += [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
