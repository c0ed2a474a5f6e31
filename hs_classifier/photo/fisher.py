"""What a photo looks like, without a pretrained network: Fisher vectors over dense patches.

Perronnin, Sánchez and Mensink, "Improving the Fisher Kernel for Large-Scale Image Classification" (2010):
patches of several sizes are described by their gradients and by their opponent colours, a mixture of
Gaussians is fitted over them, and a photo is how its patches pull at the mixture's means and variances.
Patches carry where they lie (Sánchez, Perronnin and de Campos, 2012), so that shape counts. With some
thousands of photos and no weights to start from, this beats a network trained from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from customs.progress import Progress, silent
from hs_classifier.photo.pixels import Pixels

# Sides of the photo at which patches of 16 pixels are read, every 4 pixels.
_SIDES = (128, 96, 64, 44)
_CELL, _ORIENTATIONS = 4, 8
# Principal components kept of the 128 gradient and of the 96 colour values, and weight of the place.
_COMPONENTS, _PLACE = 48, 5.0
# Patches that a mixture is fitted on for each of its Gaussians, and photos that they come from at most.
_PATCHES, _PHOTOS = 1000, 600
_ROUNDS = 10
# Photos described at once: their patches take about 100 MB.
_CHUNK = 32

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mixture:
    """Principal components of patches and a mixture of Gaussians with diagonal variances over them."""

    centre: Tensor  # (values,)
    axes: Tensor  # (values, components), whitening
    means: Tensor  # (gaussians, components + 2)
    variances: Tensor  # (gaussians, components + 2)
    weights: Tensor  # (gaussians,)

    @classmethod
    def fit(cls, patches: Tensor, gaussians: int, generator: torch.Generator) -> Self:
        """Fit on (patches, values + 2); the last two values are the place."""
        values, place = patches[:, :-2], patches[:, -2:]
        centre = values.mean(0)
        away = values - centre
        vectors, spread, _ = torch.linalg.svd(away.T @ away / len(away))
        axes = vectors[:, :_COMPONENTS] / (spread[:_COMPONENTS].sqrt() + 1e-4)
        z = torch.cat([away @ axes, place], dim=1)
        means = z[torch.randperm(len(z), generator=generator)[:gaussians]].clone()
        for _ in range(_ROUNDS):  # k-means, where the mixture starts
            nearest = functional.one_hot(torch.cdist(z, means).argmin(1), len(means)).to(z.dtype)
            count = nearest.sum(0)[:, None]
            means = torch.where(count > 0, nearest.T @ z / count.clamp(min=1), means)
        variances, weights = torch.ones_like(means), torch.full((len(means),), 1 / len(means))
        for _ in range(_ROUNDS):
            q = _posterior(z, means, variances, weights)
            n = q.sum(0) + 1e-6
            means = q.T @ z / n[:, None]
            variances = (q.T @ (z * z) / n[:, None] - means * means).clamp(min=0.01)
            weights = n / n.sum()
        return cls(centre, axes, means, variances, weights)

    def encode(self, patches: Tensor) -> Tensor:
        """(n, patches, values + 2) to (n, 2 × gaussians × (components + 2)), of unit length."""
        z = torch.cat([(patches[..., :-2] - self.centre) @ self.axes, patches[..., -2:]], dim=-1)
        q = _posterior(z, self.means, self.variances, self.weights)  # (n, patches, gaussians)
        zero, one, two = q.sum(1)[..., None], q.transpose(1, 2) @ z, q.transpose(1, 2) @ (z * z)
        root = self.weights.sqrt()[:, None] * z.shape[1]
        first = (one - zero * self.means) / self.variances.sqrt() / root
        second = two - 2 * one * self.means + zero * (self.means**2 - self.variances)
        second = second / self.variances / (root * 2**0.5)
        found = torch.cat([first, second], dim=1).flatten(1)
        found = found.sign() * found.abs().sqrt()  # evens out patches that repeat
        return functional.normalize(found, dim=1)


@dataclass(frozen=True)
class FisherCoder:
    """Photos to vectors: one mixture for gradients, one for colours."""

    gradients: Mixture
    colours: Mixture

    @classmethod
    def fit(cls, pixels: Pixels, gaussians: int, *, seed: int, progress: Progress = silent) -> Self:
        """Fit both mixtures on patches of some hundred of the photos, (n, 128, 128, 3)."""
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(len(pixels))[:_PHOTOS])
        each = -(-_PATCHES * gaussians // len(chosen))
        gathered: tuple[list[Tensor], list[Tensor]] = ([], [])
        with torch.inference_mode():
            for begin in range(0, len(chosen), _CHUNK):
                both = patches_of(pixels[chosen[begin : begin + _CHUNK]])
                total = both[0].shape[1]
                picked = torch.from_numpy(rng.permutation(total)[: min(each, total)])
                for values, found in zip(both, gathered, strict=True):
                    found.append(values[:, picked].flatten(0, 1))
                progress("looking at patches", min(begin + _CHUNK, len(chosen)), len(chosen))
            generator = torch.Generator().manual_seed(seed)
            first, second = (Mixture.fit(torch.cat(found), gaussians, generator) for found in gathered)
        return cls(first, second)

    @torch.inference_mode()
    def __call__(self, pixels: Pixels) -> Features:
        """(n, values) for (n, 128, 128, 3)."""
        found = []
        for begin in range(0, len(pixels), _CHUNK):
            gradients, colours = patches_of(pixels[begin : begin + _CHUNK])
            found.append(torch.cat([self.gradients.encode(gradients), self.colours.encode(colours)], dim=1))
        return torch.cat(found).numpy()

    @property
    def width(self) -> int:
        """Values of a photo's vector."""
        return 2 * (self.gradients.means.numel() + self.colours.means.numel())

    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """Everything that was fitted."""
        return {
            f"{kind}.{name}": getattr(mixture, name).numpy()
            for kind, mixture in (("gradients", self.gradients), ("colours", self.colours))
            for name in Mixture.__dataclass_fields__
        }

    @classmethod
    def restore(cls, tensors: dict[str, npt.NDArray[np.float32]]) -> Self:
        """The coder whose `tensors` these are."""
        first, second = (
            Mixture(*(torch.from_numpy(tensors[f"{kind}.{name}"]) for name in Mixture.__dataclass_fields__))
            for kind in ("gradients", "colours")
        )
        return cls(first, second)


def patches_of(pixels: Pixels) -> tuple[Tensor, Tensor]:
    """Gradient patches (n, patches, 130) and colour patches (n, patches, 98) of (n, 128, 128, 3)."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255  # (n, 3, side, side)
    gradients, colours = [], []
    for side in _SIDES:
        z = x
        if side != x.shape[2]:
            z = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
        turned, opponent = _maps(z)
        cells = functional.avg_pool2d(turned, _CELL)  # (n, 8, side / 4, side / 4)
        mean = functional.avg_pool2d(opponent, _CELL)
        spread = (functional.avg_pool2d(opponent * opponent, _CELL) - mean * mean).clamp(min=0).sqrt()
        # clipped and normalised twice, as in Lowe's descriptor (2004); roots as in RootSIFT (2012)
        g = functional.unfold(cells, 4)  # (n, 8 × 16, places)
        g = (g / (g.norm(dim=1, keepdim=True) + 0.02)).clamp(max=0.2)
        g = (g / (g.norm(dim=1, keepdim=True) + 1e-3)).sqrt()
        c = functional.unfold(torch.cat([mean, spread], dim=1), 4)  # (n, 6 × 16, places)
        along = (torch.linspace(0, 1, cells.shape[2] - 3) - 0.5) * _PLACE
        place = torch.stack(torch.meshgrid(along, along, indexing="ij")).flatten(1)  # (2, places)
        place = place.expand(len(x), -1, -1)
        gradients.append(torch.cat([g, place], dim=1))
        colours.append(torch.cat([c, place], dim=1))
    return torch.cat(gradients, dim=2).transpose(1, 2), torch.cat(colours, dim=2).transpose(1, 2)


def _maps(x: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient strength in eight directions (n, 8, h, w) and opponent colours (n, 3, h, w)."""
    red, green, blue = x[:, 0], x[:, 1], x[:, 2]
    grey = (red + green + blue) / 3
    opponent = torch.stack([(red - green) / 2**0.5, (red + green - 2 * blue) / 6**0.5, grey * 3**0.5], dim=1)
    across = functional.pad(grey[:, :, 2:] - grey[:, :, :-2], (1, 1))
    down = functional.pad(grey[:, 2:] - grey[:, :-2], (0, 0, 1, 1))
    strength = torch.sqrt(across * across + down * down)
    turn = (torch.atan2(down, across) / (2 * torch.pi) * _ORIENTATIONS) % _ORIENTATIONS
    low = turn.floor()
    part = turn - low
    first = low.long() % _ORIENTATIONS
    turned = x.new_zeros(x.shape[0], _ORIENTATIONS, *x.shape[2:])
    turned.scatter_add_(1, first[:, None], (strength * (1 - part))[:, None])
    turned.scatter_add_(1, ((first + 1) % _ORIENTATIONS)[:, None], (strength * part)[:, None])
    return turned, opponent


def _posterior(z: Tensor, means: Tensor, variances: Tensor, weights: Tensor) -> Tensor:
    """Share of each Gaussian in each patch, (…, gaussians)."""
    tight = 1 / variances
    fit = (z * z) @ tight.T - 2 * z @ (means * tight).T + (means * means * tight).sum(1)
    return torch.softmax(weights.log() - 0.5 * (fit + variances.log().sum(1)), dim=-1)


def principal_axes(x: Features, width: int, *, seed: int) -> tuple[Features, Features]:
    """Mean (values,) and the `width` leading principal axes (values, width) by random subspaces.

    Halko, Martinsson and Tropp, "Finding Structure with Randomness" (2011); three power rounds.
    """
    centre = x.mean(axis=0)
    away = torch.from_numpy(x - centre)  # (n, values)
    width = min(width, len(x) - 1, x.shape[1])
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(len(x), min(width + 32, len(x)), generator=generator)
    for _ in range(3):
        basis, _ = torch.linalg.qr(away @ (away.T @ basis))
    _, _, axes = torch.linalg.svd(basis.T @ away, full_matrices=False)  # (width + 32, values)
    return centre, np.ascontiguousarray(axes[:width].T.numpy())
