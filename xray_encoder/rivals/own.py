"""Compact PatchCore and PaDiM: what stands in where anomalib is not installed."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch.nn import functional

from xray_encoder.rivals.cnn import PlainCnn

BANK = 400  # patches remembered of one code
FEATURES = 24  # of each patch, for PaDiM
_NEIGHBOURS = 9
_RIDGE = 0.01  # on the diagonal of PaDiM's covariances, as in the paper
_SIGMA = 4.0  # pixels: smoothing of the map, as in both papers


class _Extractor:
    """Two maps of a network that was trained here, averaged over 3 × 3 if `pooled`, and joined."""

    def __init__(self, network: PlainCnn, *, pooled: bool) -> None:
        import timm

        from xray_encoder.rivals.patches import STRIDES

        info: Any = timm.create_model(network.backbone, pretrained=False, features_only=True).feature_info
        at = [list(info.reduction()).index(stride) for stride in STRIDES]
        self.body = timm.create_model(
            network.backbone, pretrained=False, features_only=True, out_indices=at
        ).eval()
        load_weights(self.body, network)
        self.pooled = pooled

    @torch.inference_mode()
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 3, rows, columns) to (n, channels, patch rows, patch columns)."""
        maps = []
        for image in images:  # one at a time: the same whatever else is embedded
            found = self.body(image[None])
            if self.pooled:
                found = [functional.avg_pool2d(m, 3, 1, 1) for m in found]
            size = found[0].shape[-2:]
            maps.append(
                torch.cat([functional.interpolate(m, size=size, mode="bilinear") for m in found], dim=1)
            )
        return torch.cat(maps)


class Patchcore(_Extractor):
    """Nearest remembered patch."""

    def __init__(self, network: PlainCnn) -> None:
        super().__init__(network, pooled=True)

    @torch.inference_mode()
    def remember(self, embeddings: torch.Tensor, seed: int, *, thorough: bool = True) -> torch.Tensor:
        """Greedy k-centre core-set (m, channels), or a random one of as many patches."""
        patches = _patches(embeddings)
        draw = torch.Generator().manual_seed(seed)
        count = min(BANK, len(patches))
        if not thorough:
            return patches[torch.randperm(len(patches), generator=draw)[:count]]
        at = int(torch.randint(len(patches), (1,), generator=draw))
        chosen, away = [at], (patches - patches[at]).square().sum(dim=1)
        for _ in range(count - 1):
            at = int(away.argmax())
            chosen.append(at)
            away = torch.minimum(away, (patches - patches[at]).square().sum(dim=1))
        return patches[chosen]

    @torch.inference_mode()
    def score(self, embedding: torch.Tensor, memory: torch.Tensor, size: tuple[int, int]) -> float:
        """The oddest patch's distance, weighted as in the paper's equation 7."""
        away = torch.cdist(_patches(embedding), memory)
        nearest, index = away.min(dim=1)
        odd = int(nearest.argmax())
        around = torch.cdist(memory[index[odd]][None], memory)[0]
        support = around.topk(min(_NEIGHBOURS, len(memory)), largest=False).indices
        weight = 1.0 - away[odd, support].softmax(dim=0)[0]
        return float(weight * nearest[odd]) if len(support) > 1 else float(nearest[odd])

    @torch.inference_mode()
    def heat(self, embedding: torch.Tensor, memory: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Each patch's distance, smoothed."""
        nearest = torch.cdist(_patches(embedding), memory).amin(dim=1)
        return smooth_map(nearest.reshape(1, 1, *embedding.shape[-2:]), size)


class Gaussians(NamedTuple):
    """mean: (channels, places); precision: (places, channels, channels)."""

    mean: torch.Tensor
    precision: torch.Tensor


class Padim(_Extractor):
    """A Gaussian at every place."""

    def __init__(self, network: PlainCnn, seed: int) -> None:
        super().__init__(network, pooled=False)
        draw = torch.Generator().manual_seed(seed)
        info: Any = self.body.feature_info
        width = sum(info.channels())
        self.index = torch.randperm(width, generator=draw)[:FEATURES]

    @torch.inference_mode()
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """As the extractor does, reduced to randomly chosen channels."""
        return super().embed(images)[:, self.index]

    @torch.inference_mode()
    def remember(self, embeddings: torch.Tensor, seed: int, *, thorough: bool = True) -> Gaussians:
        """Mean and regularised inverse covariance over the scans."""
        flat = embeddings.flatten(2)  # (n, channels, places)
        mean = flat.mean(dim=0)
        rest = (flat - mean).permute(2, 0, 1)
        covariance = rest.transpose(1, 2) @ rest / max(len(flat) - 1, 1)
        return Gaussians(mean, torch.linalg.inv(covariance + _RIDGE * torch.eye(flat.shape[1])))

    @torch.inference_mode()
    def score(self, embedding: torch.Tensor, memory: Any, size: tuple[int, int]) -> float:
        """The largest value of the map."""
        return float(self.heat(embedding, memory, size).max())

    @torch.inference_mode()
    def heat(self, embedding: torch.Tensor, memory: Any, size: tuple[int, int]) -> torch.Tensor:
        """Each place's distance, smoothed."""
        rest = (embedding.flatten(2)[0] - memory.mean).T  # (places, channels)
        square = torch.einsum("pc,pcd,pd->p", rest, memory.precision, rest).clamp_min(0)
        return smooth_map(square.sqrt().reshape(1, 1, *embedding.shape[-2:]), size)


def load_weights(body: torch.nn.Module, network: PlainCnn) -> None:
    """Give a feature extractor the weights of the trained network; its head's are left over."""
    missing = body.load_state_dict(network.state(), strict=False).missing_keys
    if missing:
        raise RuntimeError(f"{network.backbone} has no weights for {missing[0]}")


def smooth_map(values: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Patch scores (1, 1, rows, columns) to a map of `size`, smoothed by a Gaussian."""
    large = functional.interpolate(values, size=size, mode="bilinear")
    reach = int(4 * _SIGMA + 0.5)
    side = torch.arange(-reach, reach + 1, dtype=large.dtype)
    weights = torch.exp(-0.5 * (side / _SIGMA) ** 2)
    line = (weights / weights.sum()).reshape(1, 1, 1, -1)
    # along rows, then along columns
    across = functional.conv2d(functional.pad(large, (reach, reach, 0, 0), mode="reflect"), line)
    both = functional.conv2d(
        functional.pad(across, (0, 0, reach, reach), mode="reflect"), line.transpose(2, 3)
    )
    return both[0, 0]


def _patches(embedding: torch.Tensor) -> torch.Tensor:
    """(n, channels, rows, columns) to (n × rows × columns, channels)."""
    return embedding.permute(0, 2, 3, 1).reshape(-1, embedding.shape[1])
