"""A plain convolutional network, trained from scratch to name the declared heading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from xray_encoder.holdout import Reference
from xray_encoder.look import Look
from xray_encoder.packing import CAP
from xray_encoder.rivals.histogram import headings_by_kind
from xray_encoder.rivals.rival import Heat, Rival, check_references

BACKBONE = "mobilenetv3_small_050"
EPOCHS, _BATCH, _RATE, _DECAY = 10, 32, 2e-3, 0.02


class PlainCnn(Rival):
    """A timm network over the canonical crop; odd is what it gives the declared heading little chance."""

    name: ClassVar[str] = "plain_cnn"

    def __init__(
        self,
        net: torch.nn.Module,
        headings: Sequence[str],
        kinds: Mapping[str, frozenset[str]],
        backbone: str = BACKBONE,
    ) -> None:
        self.net = net.eval()
        self.headings = tuple(headings)
        self.kinds = kinds
        self.backbone = backbone

    @classmethod
    def fit(
        cls,
        references: Sequence[Reference],
        seed: int = 0,
        *,
        backbone: str = BACKBONE,
        epochs: int = EPOCHS,
    ) -> Self:
        """Train on all references by cross-entropy with label smoothing, mirrored and of varied gain."""
        import timm

        check_references(references)
        headings = sorted({r.code[:4] for r in references})
        crops = np.stack([r.look.canonical for r in references])
        target = torch.tensor([headings.index(r.code[:4]) for r in references])
        rng = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = timm.create_model(backbone, pretrained=False, num_classes=len(headings))
            optimiser = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_DECAY)
            size = min(_BATCH, max(len(crops) // 4, 4))  # of a batch: few scans still make several steps
            steps = -(-len(crops) // size)
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimiser, max_lr=_RATE, total_steps=max(epochs * steps, 1)
            )
            net.train()
            for _ in range(epochs):
                order = rng.permutation(len(crops))
                for step in range(steps):
                    batch = order[step * size : (step + 1) * size]
                    if len(batch) > 1:  # batch statistics of one scan say nothing
                        logits = net(as_images(_varied(crops[batch], rng)))
                        loss = functional.cross_entropy(
                            logits, target[torch.from_numpy(batch)], label_smoothing=0.1
                        )
                        optimiser.zero_grad()
                        loss.backward()
                        optimiser.step()
                    schedule.step()
            _settle(net, crops)
        return cls(net, headings, headings_by_kind(references), backbone)

    @torch.inference_mode()
    def measure(self, look: Look) -> Mapping[str, float]:
        """1 − probability of each heading."""
        p = self.net(as_images(look.canonical[None])).softmax(dim=1)[0].numpy()
        known = self.kinds.get(look.kind, frozenset())
        return {h: 1.0 - float(q) for h, q in zip(self.headings, p, strict=True) if h in known}

    def mismatch(self, look: Look, code: str) -> float:
        """1 − probability of the declared heading."""
        return self.far(look).get(code[:4], float("nan"))

    def inserted(self, look: Look, code: str) -> tuple[float, Heat | None]:
        """The same: the network was only taught to name goods."""
        return self.mismatch(look, code), None

    def state(self) -> dict[str, Any]:
        """Weights, for a feature extractor of the same backbone."""
        return self.net.state_dict()


@torch.no_grad()
def _settle(net: torch.nn.Module, crops: npt.NDArray[np.float32]) -> None:
    """Batch statistics of the trained weights; what ran along with training lags behind after few steps."""
    norms = [m for m in net.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches below
    for start in range(0, len(crops), _BATCH):
        if len(crops[start : start + _BATCH]) > 1:
            net(as_images(crops[start : start + _BATCH]))


def as_images(crops: npt.NDArray[np.float32]) -> torch.Tensor:
    """Canonical crops (n, rows, columns) to (n, 3, rows, columns) in 0…1, as networks of pictures expect."""
    one = torch.from_numpy(np.ascontiguousarray(crops / np.float32(CAP)))[:, None]
    return one.expand(-1, 3, -1, -1).contiguous()


def _varied(crops: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Mirrored half of the time, with another gain and a little noise."""
    out = np.empty_like(crops)
    for i, crop in enumerate(crops):
        one = crop[:, ::-1] if rng.random() < 0.5 else crop
        one = one * np.float32(rng.uniform(0.8, 1.25)) + rng.normal(0, 0.02, crop.shape).astype(np.float32)
        out[i] = np.clip(one, 0, CAP)
    return out
