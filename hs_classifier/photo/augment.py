"""Small uint8 photos to normalised images: plain for asking, turned and tinted for training."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hs_classifier.photo.networks import PhotoConfig
from hs_classifier.photo.pixels import Pixels

# ImageNet's means and deviations, so that pretrained bodies see what they were trained on.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def plain(pixels: Pixels, side: int, device: str = "cpu") -> Tensor:
    """(n, h, w, 3) uint8 to (n, 3, side, side) normalised."""
    x = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255
    if x.shape[2] != side:
        x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
    return _normalised(x)


def augmented(pixels: Pixels, config: PhotoConfig, rng: np.random.Generator, device: str = "cpu") -> Tensor:
    """As `plain`, each photo flipped, turned, cropped and lit at random, seeded by `rng`."""
    n, side = len(pixels), config.side
    x = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255
    angle = np.deg2rad(rng.uniform(-config.rotation, config.rotation, n))
    scale = rng.uniform(config.smallest_crop, 1.0, n)
    flip = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    shift = rng.uniform(-1, 1, (n, 2)) * (1 - scale)[:, None]
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    # maps places in the new image to places in the photo: (n, 2, 3)
    turn = np.stack(
        [np.stack([cos * flip, -sin, shift[:, 0]], 1), np.stack([sin * flip, cos, shift[:, 1]], 1)], 1
    )
    grid = functional.affine_grid(
        torch.from_numpy(turn).float().to(device), [n, 3, side, side], align_corners=False
    )
    if x.shape[2] > 1.5 * side:
        # sampled points alone would alias
        small = math.ceil(1.25 * side)
        x = functional.interpolate(x, size=(small, small), mode="bilinear", antialias=True)
    x = functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)

    def around_one(by: float, channels: int) -> Tensor:
        return torch.from_numpy(rng.uniform(1 - by, 1 + by, (n, channels, 1, 1))).float().to(device)

    x = x * around_one(config.jitter, 1) * around_one(config.jitter / 3, 3)
    middle = x.mean((1, 2, 3), keepdim=True)
    return _normalised((x - middle) * around_one(config.jitter, 1) + middle)


def _normalised(x: Tensor) -> Tensor:
    mean, deviation = (torch.tensor(v, device=x.device)[:, None, None] for v in (_MEAN, _DEVIATION))
    return ((x - mean) / deviation).contiguous(memory_format=torch.channels_last)
