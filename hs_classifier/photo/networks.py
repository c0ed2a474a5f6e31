"""The networks for photos: the studies' CNNs through timm with their head, and a small one of our own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from customs.errors import InvalidConfig, UnreadableFile

# The studies' names for their networks, and timm's.
STUDY_NETWORKS = {
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "ResNet50": "resnet50",
    "Inception-V3": "inception_v3",
}
SMALL = "small"
_REMEDY = "choose small, vgg16, vgg19, resnet50, inception_v3 or another model that timm lists"


@dataclass(frozen=True)
class PhotoConfig:
    """Everything that training on photos decides."""

    # the product's branch
    gaussians: int = 64  # of each mixture; 0: no Fisher vectors
    components: int = 512  # principal components that the linear classifier sees
    penalty: float = 0.03  # ridge of the linear classifier, whose inputs have a length of about one
    # a network from scratch on few photos only memorises them
    network_from: int = 1500
    holdout: float = 0.2
    # network
    network: str = SMALL  # "": none; small; or a timm name
    pretrained: str = "none"  # none, hub, or the path of a safetensors file
    freeze: bool = False  # True: only the new head learns
    feature_width: int = 512
    width: int = 24  # channels after the first layer of the small network
    side: int = 96  # pixels
    dropout: float = 0.2
    # training of the network
    epochs: int = 16
    batch: int = 64
    optimiser: str = "adamw"  # or rmsprop, as in the studies
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    smoothing: float = 0.1
    # augmentation
    rotation: float = 15.0  # degrees to either side
    smallest_crop: float = 0.7  # side of the smallest window, as a share of the photo's
    jitter: float = 0.25  # of brightness and contrast; a third of it for each colour


class PhotoNetwork(nn.Module):
    """A body, a fully connected layer of `feature_width` with dropout, and a softmax over codes."""

    def __init__(self, config: PhotoConfig, codes: int) -> None:
        super().__init__()
        self.config = config
        self.body, width = _body(config)
        self.hidden = nn.Linear(width, config.feature_width)
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(config.feature_width, codes)
        if config.freeze:
            self.body.requires_grad_(False)

    @property
    def pretrained(self) -> str:
        """Where the body's weights came from, for the results: none, hub or the file."""
        return self.config.pretrained

    def features(self, images: Tensor) -> Tensor:
        """(n, 3, side, side) normalised images to (n, feature_width)."""
        return torch.relu(self.hidden(self.dropout(self.body(images))))

    def forward(self, images: Tensor) -> Tensor:
        """(n, codes) logits."""
        return self.out(self.dropout(self.features(images)))

    def train(self, mode: bool = True) -> PhotoNetwork:
        """Training mode; a frozen body keeps its running statistics as they are."""
        super().train(mode)
        if self.config.freeze:
            self.body.eval()
        return self

    def new_head(self, codes: int) -> PhotoNetwork:
        """The same body and hidden layer under a fresh softmax: pre-trained on one set, tuned on another."""
        fresh = PhotoNetwork(_unloaded(self.config), codes)
        fresh.config = self.config
        fresh.body.load_state_dict(self.body.state_dict())
        fresh.hidden.load_state_dict(self.hidden.state_dict())
        return fresh


class Residual(nn.Module):
    """Two 3 × 3 convolutions and a way around them (He et al., 2016)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.around = nn.Sequential(
            nn.AvgPool2d(stride), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) to (n, after, h / stride, w / stride)."""
        return torch.relu(self.way(x) + self.around(x))


def _small(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, width, 5, 2, 2, bias=False),  # (n, width, side / 2, side / 2)
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),  # side / 4
        Residual(width, 2 * width, 1),
        Residual(2 * width, 4 * width, 2),  # side / 8
        Residual(4 * width, 8 * width, 2),  # side / 16
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),  # (n, 8 × width)
    )


def _body(config: PhotoConfig) -> tuple[nn.Module, int]:
    """The network without its classifier, and how many values it answers with."""
    if config.network == SMALL:
        body: nn.Module = _small(config.width)
        if config.pretrained == "hub":
            raise InvalidConfig(
                "no hub has weights for the small network",
                field="config.pretrained",
                remedy="set pretrained to none or to a safetensors file",
            )
        width = 8 * config.width
    else:
        body, width = _timm_body(config)
    if config.pretrained not in ("none", "hub"):
        _load(body, Path(config.pretrained))
    return body, width


def _timm_body(config: PhotoConfig) -> tuple[nn.Module, int]:
    import timm

    if config.network not in timm.list_models():
        raise InvalidConfig(f"there is no network {config.network!r}", field="config.network", remedy=_REMEDY)
    try:
        body: Any = timm.create_model(config.network, pretrained=config.pretrained == "hub", num_classes=0)
    except Exception as error:  # whatever the hub's client raises, it means the same to the user
        if config.pretrained != "hub":
            raise
        raise UnreadableFile(
            f"the weights of {config.network} cannot be had from the hub ({type(error).__name__})",
            field="config.pretrained",
            remedy="set pretrained to none, or to a safetensors file that was downloaded before",
        ) from None
    if config.network.startswith("vgg"):
        # timm's VGG goes on with two layers of 4,096, which the studies replace by their own head
        return nn.Sequential(body.features, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 512
    return body, int(getattr(body, "head_hidden_size", None) or body.num_features)


def _load(body: nn.Module, path: Path) -> None:
    """Read a local state dict; classifier weights in it are left aside, everything else must fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise UnreadableFile(
            f"{path} is no safetensors file ({type(error).__name__})",
            field="config.pretrained",
            remedy="give a state dict saved as safetensors, or set pretrained to none",
        ) from None
    own = body.state_dict()
    if isinstance(body, nn.Sequential) and any(k.startswith("features.") for k in state):
        state = {f"0.{k.removeprefix('features.')}": v for k, v in state.items() if k.startswith("features.")}
    wrong = [k for k, v in own.items() if k not in state or state[k].shape != v.shape]
    if wrong:
        raise UnreadableFile(
            f"{path} does not fit the network: {wrong[0]} and {len(wrong) - 1} more are missing or differ",
            field="config.pretrained",
            remedy="give the weights of the network that the configuration names",
        )
    body.load_state_dict({k: state[k] for k in own})


def _unloaded(config: PhotoConfig) -> PhotoConfig:
    return dataclasses.replace(config, pretrained="none")
