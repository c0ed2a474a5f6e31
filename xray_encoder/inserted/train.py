"""Trains the network on clean scans: into six pieces of ten a thing is planted, the others stay clean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from customs.errors import InvalidValue
from xray_encoder.inserted.network import CHANNELS, InsertedConfig, Network, channels, smooth_maximum
from xray_encoder.inserted.plant import plant
from xray_encoder.inserted.view import ROWS, DeepView, wall_of

_HEAVIER = 4.0  # weight of a cell with something in it
_ONE_BEAM = 0.15  # share of the pieces of which one beam is shown
_REPORTS = 10
Progress = Callable[[int, float], None]


def train(
    views: Sequence[DeepView], config: InsertedConfig, seed: int, progress: Progress | None = None
) -> Network:
    """The network after `config.steps` steps; the same for the same views and seed on one machine.

    progress(step, mean loss) is called some ten times. Refuses to learn from nothing.
    """
    if not views:
        raise InvalidValue("there are no clean scans to plant into", field="scans", remedy="give clean scans")
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(config)
    network.train()
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps + 1, pct_start=0.15
    )
    order: list[int] = []
    losses: list[float] = []
    for step in range(config.steps):
        while len(order) < config.batch:
            order += rng.permutation(len(views)).tolist()
        chosen, order = order[: config.batch], order[config.batch :]
        pieces = [piece(views[i], config, rng) for i in chosen]
        x = torch.from_numpy(np.stack([p[0] for p in pieces])).contiguous(memory_format=torch.channels_last)
        target = torch.from_numpy(np.stack([p[1] for p in pieces]))
        loss = loss_of(network, x, target, config.whole)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if progress is not None and (step + 1) % max(config.steps // _REPORTS, 1) == 0:
            progress(step + 1, math.fsum(losses) / len(losses))
            losses.clear()
    return network.eval()


def loss_of(network: Network, x: torch.Tensor, target: torch.Tensor, whole: float) -> torch.Tensor:
    """Cross entropy of the cells, and of the piece by its smooth maximum.

    target: (batch, rows, columns), 0…1; below 0 are cells of a thing that nobody could see, which count
    neither way, and a piece with such cells does not count as a whole.
    """
    logits = network(x)
    unseen = target < 0
    weight = torch.where(unseen, 0.0, 1.0 + _HEAVIER * target.clamp(min=0))
    cells = nn.functional.binary_cross_entropy_with_logits(
        logits, target.clamp(min=0), weight=weight, reduction="sum"
    ) / weight.sum().clamp(min=1)
    has = (target > 0.5).flatten(1).any(dim=1).float()
    counts = 1.0 - unseen.flatten(1).any(dim=1).float()
    said = network.whole[0] * smooth_maximum(logits) + network.whole[1]
    wholes = nn.functional.binary_cross_entropy_with_logits(said, has, weight=counts)
    return 10 * cells + whole * wholes


def piece(
    view: DeepView, config: InsertedConfig, rng: np.random.Generator
) -> tuple[npt.NDArray, npt.NDArray]:
    """A piece of a clean scan as another scanner might have seen it, with or without a thing.

    Returns float32 (`CHANNELS`, `ROWS`, columns) and the target (`ROWS`, columns) of `loss_of`.
    """
    columns = config.columns
    seen = varied(view, columns, rng)
    target = np.zeros((ROWS, columns), dtype=np.float32)
    planes = seen.planes
    if rng.random() < 0.6:
        planted = plant(seen, rng)
        planes = planted.planes
        target = planted.mask if planted.visible else np.where(planted.mask > 0, -1.0, 0.0).astype(np.float32)
    if config.bits == 8:
        shown = shallow(replace(seen, planes=planes), rng)
        return channels(shown.planes, shown.beams, shown.walls, shown.floor), target
    first = len(planes) - 1 if rng.random() < _ONE_BEAM else 0
    x = channels(planes[first:], seen.beams[first:], seen.walls[first:], seen.floor)
    assert x.shape == (len(CHANNELS), ROWS, columns)
    return x, target


def shallow(view: DeepView, rng: np.random.Generator) -> DeepView:
    """What a vendor's 8-bit picture shows: the lowest energy alone, by a tone curve, in whole grey levels.

    Cells are means of a few pixels whose noise differs, so a cell's level is rounded to a third of a step.
    """
    tone = np.clip(view.planes[:1] * rng.uniform(0.98, 1.03), 0, 1) ** rng.uniform(0.7, 1.1)
    third = np.floor(tone * 255.0 * 3.0 + rng.random(tone.shape)) / 3.0
    planes = (np.where(third < 0.5, 0.0, third) / 255.0).astype(np.float32)
    floor = 0.5 / 255.0
    return DeepView(planes, ("unknown",), (wall_of(planes[0], floor),), floor)


def varied(view: DeepView, columns: int, rng: np.random.Generator) -> DeepView:
    """A random piece, mirrored or not, stretched, shifted, noisier, with more scatter and another gain."""
    from PIL import Image

    planes = view.planes
    stretch = rng.uniform(0.9, 1.1)
    width = round(columns / stretch)
    height = ROWS / float(np.exp(0.04 * rng.standard_normal()))
    if planes.shape[2] > width:
        start = int(rng.integers(0, planes.shape[2] - width + 1))
    else:
        start = -int(rng.integers(0, width - planes.shape[2] + 1))
        planes = np.pad(planes, ((0, 0), (0, 0), (-start, width - planes.shape[2] + start)), mode="reflect")
        start = 0
    top = (ROWS - height) * rng.random() if height < ROWS else 0.0
    box = (start, top, start + width, min(top + height, ROWS))
    planes = np.stack(
        [
            np.asarray(Image.fromarray(plane).resize((columns, ROWS), Image.Resampling.BILINEAR, box=box))
            for plane in np.ascontiguousarray(planes)
        ]
    )
    if rng.random() < 0.5:
        planes = planes[:, :, ::-1]
    if rng.random() < 0.5:
        photons = np.exp(rng.uniform(np.log(3e5), np.log(4e6)))
        planes = planes + np.sqrt(planes / photons) * rng.standard_normal(planes.shape, dtype=np.float32)
    if rng.random() < 0.5:
        planes = planes + 10.0 ** rng.uniform(-6, -3.7)
    planes = planes * np.exp(0.02 * rng.standard_normal((len(planes), 1, 1)))
    planes = np.maximum(planes, 0).astype(np.float32)
    return replace(view, planes=planes)
