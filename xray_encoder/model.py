"""The configuration, and the network that looks at the whole crop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from customs.errors import InvalidConfig

PLAIN = "plain"
CHANNELS = 3
_STEM = (24, 48, 96, 128)
_LOW, _ALL = 1.5, 4.0  # −ln T of the channels' middles


@dataclass(frozen=True)
class XrayConfig:
    """How the X-ray model is built and trained.

    backbone: `plain` (four strided convolutions), a timm model such as `test_resnet` or
        `vit_tiny_patch16_224`, or "" for packing features alone.
    weights: where the backbone starts: "" at random, `hub` for timm's published weights, else a local
        safetensors file with the state of such a timm model.
    rows, columns: size of the crop that the backbone sees.
    pretrain: epochs of self-supervision on all scans, with or without a code, before codes are learned.
    epochs: epochs of learning the declared codes.
    trees: of the forest over the packing features.
    shrinkage: share of the within-code covariance that is replaced by a multiple of the identity.
    absolute: weight of how far the declared code is at all, beside how far relative to the others.
    own: the same beside what was recognised.
    folds: parts of a large kind, each judged by models that learned from the others.
    least_scans: kinds of picture with fewer scans than this are judged by distance alone, each scan left out
        by itself; the forest and the backbone learn from the others.
    joining_scans: kinds with at least so many learn beside a kind with `least_scans`, which teaches most.
    patches: reference patches kept for each code, for the heat-map.
    inserted_steps: of learning to see things planted into clean scans; 0 for none.
    """

    backbone: str = PLAIN
    weights: str = ""
    rows: int = 64
    columns: int = 192
    pretrain: int = 0
    epochs: int = 60
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    trees: int = 400
    shrinkage: float = 0.3
    absolute: float = 0.25
    own: float = 1.0
    folds: int = 3
    least_scans: int = 100
    joining_scans: int = 40
    patches: int = 200
    inserted_steps: int = 1600


class Backbone(nn.Module):
    """A convolutional or transformer body, its mean and its maximum over places, and a head for the codes."""

    def __init__(self, config: XrayConfig, codes: int) -> None:
        super().__init__()
        self.config = config
        self.body: nn.Module
        if config.backbone == PLAIN:
            self.body, width = _plain()
        else:
            self.body, width = _timm(config)
        self.width = 2 * width
        self.head = nn.Linear(self.width, codes)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Input (n, 3, rows, columns) to embeddings (n, width)."""
        found = self.body(x)
        if found.ndim == 3:  # a transformer: tokens in the middle
            return torch.cat([found.mean(1), found.amax(1)], dim=1)
        return torch.cat([found.mean((2, 3)), found.amax((2, 3))], dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Input (n, 3, rows, columns) to logits (n, codes)."""
        return torch.as_tensor(self.head(functional.dropout(self.embed(x), 0.3, self.training)))


def crops(
    canonical: npt.NDArray[np.float32], deep: npt.NDArray[np.float16] | None, config: XrayConfig
) -> npt.NDArray[np.float32]:
    """−ln T of the lowest and the highest beam as the backbone sees them: float32 (2, rows, columns).

    Means over areas of transmission, as a coarser detector would see it. One beam stands for both.
    """
    planes = canonical[None] if deep is None else deep.astype(np.float32)
    t = torch.from_numpy(np.exp(-planes))[None]
    small = functional.adaptive_avg_pool2d(t, (config.rows, config.columns))[0].numpy()
    a = -np.log(np.maximum(small, 1e-5))
    return np.stack([a[0], a[-1]]).astype(np.float32)


def as_input(a: torch.Tensor) -> torch.Tensor:
    """−ln T (n, 2, rows, columns) to channels: all depths, the shallow ones, what the beams differ by."""
    low, high = a[:, :1], a[:, 1:]
    differ = (low - high).clamp(-1, 1) * 2
    return torch.cat([low / _ALL - 1, low.clamp(max=2 * _LOW) / _LOW - 1, differ], dim=1)


def augment(a: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """What differs between scanners and loads of the same goods: direction, place, scatter, noise, gain."""
    n = len(a)

    def draw() -> torch.Tensor:
        return torch.rand(n, 1, 1, 1, generator=random)

    a = torch.where(draw() < 0.5, a.flip(-1), a)
    t = torch.exp(-a)
    t = t + 10 ** (1.2 * draw() - 4.3) * t.mean((2, 3), keepdim=True)
    noise = torch.randn(t.shape, generator=random)
    noise = torch.where(_one_beam(a), noise[:, :1].expand_as(t), noise)  # one beam, drawn twice: one noise
    t = t + (t * 10 ** -(4.5 + 1.2 * draw())).sqrt() * noise
    a = -torch.log(t.clamp_min(1e-5))
    a = a * (1 + 0.05 * torch.randn(n, 1, 1, 1, generator=random))
    a = a + 0.05 * torch.randn(n, 1, 1, 1, generator=random)
    return torch.roll(a, int(torch.randint(-8, 9, (1,), generator=random)), -1)


def _one_beam(a: torch.Tensor) -> torch.Tensor:
    return (a[:, 0] == a[:, 1]).flatten(1).all(1)[:, None, None, None]


def _plain() -> tuple[nn.Module, int]:
    layers: list[nn.Module] = []
    before = CHANNELS
    for i, width in enumerate(_STEM):
        size = 5 if i == 0 else 3
        layers += [
            nn.Conv2d(before, width, size, stride=2, padding=size // 2),
            nn.BatchNorm2d(width),
            nn.GELU(),
        ]
        before = width
    return nn.Sequential(*layers), before


def _timm(config: XrayConfig) -> tuple[nn.Module, int]:
    import timm

    settings: dict[str, Any] = {"in_chans": CHANNELS, "num_classes": 0, "global_pool": ""}
    if "vit" in config.backbone or "deit" in config.backbone:
        settings["img_size"] = (config.rows, config.columns)
    try:
        body = timm.create_model(config.backbone, pretrained=config.weights == "hub", **settings)
    except RuntimeError as error:
        raise InvalidConfig(
            f"timm has no such model ({error})",
            field="backbone",
            remedy="see timm.list_models(), or use plain",
        ) from None
    if config.weights not in ("", "hub"):
        _start(body, Path(config.weights))
    with torch.inference_mode():
        body.eval()
        width = body(torch.zeros(1, CHANNELS, config.rows, config.columns)).shape
    return body, int(width[-1] if len(width) == 3 else width[1])


def _start(body: nn.Module, path: Path) -> None:
    """Load what fits by name and shape from a safetensors file; a file that fits nowhere is refused."""
    from safetensors.torch import load_file

    if not path.is_file():
        raise InvalidConfig(
            f"{path} is not a file", field="weights", remedy="name a safetensors file, or hub"
        )
    state, own = load_file(path), body.state_dict()
    fits = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    if len(fits) < len(own) // 2:
        raise InvalidConfig(
            f"{path.name} fits {len(fits)} of {len(own)} tensors",
            field="weights",
            remedy="name weights of this backbone",
        )
    body.load_state_dict(fits, strict=False)
