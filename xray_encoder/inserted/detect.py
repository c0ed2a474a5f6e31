"""The detector: how sure the network is, cell by cell, that something was put into a load."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from customs.errors import DamagedArtefact
from xray_encoder.inserted.network import InsertedConfig, Network, channels
from xray_encoder.inserted.train import Progress, train
from xray_encoder.inserted.view import DeepView

_BLOCKED = 0.5  # share of a load that lets nothing through, from which nothing is said
_RIM = 1  # cells next to walls and floor, where steel shows
_LOWEST = -12.0
Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Detector:
    """A trained network; made by `fit` or `read`.

    `trained_on` says which of the views it was given it has learned from: their standouts are lower than
    those of scans it never saw, so calibrate on the others.
    """

    network: Network
    config: InsertedConfig
    trained_on: tuple[int, ...]

    @classmethod
    def fit(
        cls,
        views: Sequence[DeepView],
        config: InsertedConfig | None = None,
        *,
        rows: Sequence[int] | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from clean views, or from those at `rows` alone."""
        config = config or InsertedConfig()
        rows = range(len(views)) if rows is None else rows
        network = train([views[i] for i in rows], config, seed, progress)
        return cls(network, config, tuple(int(i) for i in rows))

    @torch.inference_mode()
    def standout(self, view: DeepView) -> Map:
        """Log odds that something was put in, cell by cell: float32 like one of the view's planes."""
        x = channels(view.planes, view.beams, view.walls, view.floor)
        self.network.eval()
        logits = self.network(torch.from_numpy(x)[None].contiguous(memory_format=torch.channels_last))[
            :, None
        ]
        means = nn.functional.avg_pool2d(logits, 3, stride=1, padding=1, count_include_pad=False)
        found = np.maximum(means[0, 0].numpy(), _LOWEST)
        found[:_RIM], found[-_RIM:], found[:, :_RIM], found[:, -_RIM:] = (_LOWEST,) * 4
        return np.asarray(found, dtype=np.float32)

    def says(self, view: DeepView) -> bool:
        """False where the load blocks the beam, and whatever stands in it cannot be seen."""
        return view.blind <= _BLOCKED

    def tensors(self) -> dict[str, npt.NDArray]:
        """What `read` needs beside `about`."""
        return {name: value.detach().cpu().numpy() for name, value in self.network.state_dict().items()}

    def about(self) -> dict[str, Any]:
        """Configuration and what it learned from, as JSON."""
        return {"config": dataclasses.asdict(self.config), "trained_on": list(self.trained_on)}

    @classmethod
    def read(cls, tensors: Mapping[str, npt.NDArray], about: Mapping[str, Any]) -> Self:
        """Restore; `DamagedArtefact` if the tensors are not those of the configuration."""
        values = dict(about["config"])
        config = InsertedConfig(**{**values, "widths": tuple(values["widths"])})
        network = Network(config)
        state = {name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise DamagedArtefact(
                "the tensors of the detector do not fit its configuration",
                field="inserted",
                remedy="train the model again",
            ) from error
        return cls(network.eval(), config, tuple(about["trained_on"]))
