"""Training a network on photos and asking it: one visible loop, the same on every run with one seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from customs.errors import InvalidConfig
from customs.progress import Progress, silent
from hs_classifier.photo.augment import augmented, plain
from hs_classifier.photo.networks import PhotoConfig, PhotoNetwork
from hs_classifier.photo.pixels import Pixels

_CHUNK = 64


def fit_photo_network(
    pixels: Pixels,
    targets: npt.NDArray[np.int64],
    codes: int,
    config: PhotoConfig,
    *,
    seed: int,
    device: str = "cpu",
    start: PhotoNetwork | None = None,
    progress: Progress = silent,
) -> PhotoNetwork:
    """Train on (n, h, w, 3) photos and their codes' numbers.

    start: a network trained before, whose body and hidden layer go on learning under a fresh softmax.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PhotoNetwork(config, codes) if start is None else start.new_head(codes)
        network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        optimiser = _optimiser(network, config)
        size = min(config.batch, len(pixels))
        steps = config.epochs * (len(pixels) // size)
        step = 0
        for _ in range(config.epochs):
            order = rng.permutation(len(pixels))
            for begin in range(0, len(pixels) - size + 1, size):  # a rest of a few photos waits
                rows = order[begin : begin + size]
                optimiser.param_groups[0]["lr"] = config.learning_rate * _pace(step, steps, config)
                logits = network(augmented(pixels[rows], config, rng, device))
                target = torch.from_numpy(targets[rows]).to(device)
                loss = functional.cross_entropy(logits, target, label_smoothing=config.smoothing)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                step += 1
                progress("training on photos", step, steps)
    return network.eval()


@torch.inference_mode()
def network_log_probabilities(
    network: PhotoNetwork, pixels: Pixels, device: str = "cpu"
) -> npt.NDArray[np.float64]:
    """(n, codes): the mean of what the network says of a photo and of its mirror image."""
    found = []
    for begin in range(0, len(pixels), _CHUNK):
        x = plain(pixels[begin : begin + _CHUNK], network.config.side, device)
        p = torch.stack([torch.softmax(network(view).double(), 1) for view in (x, x.flip(3))]).mean(0)
        found.append(p.clamp(min=1e-12).log().cpu().numpy())
    return np.concatenate(found)


def _optimiser(network: PhotoNetwork, config: PhotoConfig) -> torch.optim.Optimizer:
    learning = [p for p in network.parameters() if p.requires_grad]
    match config.optimiser:
        case "adamw":
            return torch.optim.AdamW(learning, config.learning_rate, weight_decay=config.weight_decay)
        case "rmsprop":
            return torch.optim.RMSprop(learning, config.learning_rate, weight_decay=config.weight_decay)
    raise InvalidConfig(
        f"there is no optimiser {config.optimiser!r}",
        field="config.optimiser",
        remedy="choose adamw or rmsprop",
    )


def _pace(step: int, steps: int, config: PhotoConfig) -> float:
    """Share of the learning rate: a warm-up, then a half cosine; RMSprop runs level, as studied."""
    if config.optimiser == "rmsprop":
        return 1.0
    warm = 0.2 * steps
    if step < warm:
        return (step + 1) / (warm + 1)
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(steps - warm, 1))))
