"""A linear classifier over fixed features, by its penalised likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SoftmaxLine:
    """Logits as a linear function of (n, width) features."""

    weight: npt.NDArray[np.float32]  # (codes, width)
    bias: npt.NDArray[np.float32]  # (codes,)

    @classmethod
    def fit(
        cls, x: npt.NDArray[np.float32], targets: npt.NDArray[np.int64], codes: int, penalty: float
    ) -> SoftmaxLine:
        """Minimise the summed −log p plus penalty / 2 · |weight|², by L-BFGS; there is one minimum."""
        features, target = torch.from_numpy(x).double(), torch.from_numpy(targets)
        weight = torch.zeros(codes, x.shape[1], dtype=torch.float64, requires_grad=True)
        bias = torch.zeros(codes, dtype=torch.float64, requires_grad=True)
        search = torch.optim.LBFGS(
            [weight, bias], max_iter=150, history_size=10, line_search_fn="strong_wolfe"
        )

        def loss() -> float:
            search.zero_grad()
            nll = functional.cross_entropy(features @ weight.T + bias, target, reduction="sum")
            # by case, so that the stopping rule does not depend on how many there are
            total = (nll + 0.5 * penalty * (weight * weight).sum()) / len(x)
            total.backward()
            return float(total.detach())

        search.step(loss)
        return cls(weight.detach().float().numpy(), bias.detach().float().numpy())

    def __call__(self, x: npt.NDArray[np.float32]) -> Array:
        """(n, codes) log-probabilities."""
        logits = (x @ self.weight.T + self.bias).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
