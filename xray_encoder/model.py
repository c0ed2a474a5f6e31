"""The configuration, and the small convolutional backbone that is trained here on declared headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from xray_encoder.packing import CAP


@dataclass(frozen=True)
class XrayConfig:
    """How the X-ray model is built and trained.

    backbone: a timm model without hub weights, or "" for packing features alone.
    rows, columns: size of the canonical crop that the backbone sees.
    components: principal components kept of the backbone's embedding.
    shrinkage: share of the within-code covariance that is replaced by a multiple of the identity.
    absolute: weight of how far the declared code is at all, beside how far relative to the others.
    least_scans: kinds of picture with fewer scans than this do not train the backbone; their scans are
        references only, so leaving one out is enough to judge it fairly.
    """

    backbone: str = "mobilenetv3_small_050"
    rows: int = 64
    columns: int = 192
    epochs: int = 12
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    components: int = 8
    shrinkage: float = 0.3
    absolute: float = 0.25
    folds: int = 5
    least_scans: int = 100


class Backbone(nn.Module):
    """A timm network over one channel of −ln(transmission), with a head for the headings it is trained on."""

    def __init__(self, config: XrayConfig, headings: Sequence[str], kinds: Sequence[str]) -> None:
        super().__init__()
        import timm

        self.config = config
        self.headings = tuple(headings)
        self.kinds = tuple(kinds)  # of pictures that it is trained on
        self.body = timm.create_model(config.backbone, pretrained=False, in_chans=1, num_classes=0)
        with torch.no_grad():
            self.body.eval()
            width = self.body(torch.zeros(1, 1, config.rows, config.columns)).shape[1]
        self.head = nn.Linear(width, len(self.headings))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops (batch, 1, rows, columns) in 0…1 to logits (batch, headings)."""
        return torch.as_tensor(self.head(self.body(crops)))

    @torch.inference_mode()
    def embed(
        self, crops: npt.NDArray[np.float32], device: str = "cpu", *, batch: int = 1
    ) -> npt.NDArray[np.float64]:
        """Crops (n, rows, columns), −ln T in 0…`CAP`, to embeddings (n, width).

        With `batch` 1 a scan's embedding does not depend, in its last digit, on what else is embedded;
        training takes more at a time, which is quicker.
        """
        self.eval()
        parts = [crops[i : i + batch] for i in range(0, len(crops), batch)]
        out = [self.body(as_input(part, device)).cpu().numpy() for part in parts]
        return np.concatenate(out).astype(np.float64)


def as_input(crops: npt.NDArray[np.float32], device: str = "cpu") -> torch.Tensor:
    """(n, rows, columns) of −ln T to (n, 1, rows, columns) in 0…1."""
    return torch.from_numpy(np.ascontiguousarray(crops / CAP))[:, None].to(device)
