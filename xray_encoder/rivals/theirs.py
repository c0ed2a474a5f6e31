"""anomalib's PatchCore and PaDiM, used as plain torch modules on the network that was trained here.

Their feature extractor, core-set, nearest-neighbour search, Gaussians, weighting and map are anomalib's own;
ours is only that one extractor serves the memories of all codes.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import warnings
from typing import Any

import torch

from xray_encoder.rivals.cnn import PlainCnn
from xray_encoder.rivals.own import BANK, FEATURES, Gaussians, load_weights

_RATIO = 0.1  # anomalib's own share of patches that a core-set keeps


def version() -> str | None:
    """Name and version of what is installed, None without it."""
    if importlib.util.find_spec("anomalib") is None:
        return None
    from importlib import metadata

    return f"anomalib {metadata.version('anomalib')}"


class _Model:
    """One of anomalib's torch models with the trained weights in its extractor."""

    def __init__(self, network: PlainCnn, module: str, name: str, seed: int = 0, **options: Any) -> None:
        from xray_encoder.rivals.patches import layers_of

        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # of libraries that anomalib imports
            torch.manual_seed(seed)
            made = getattr(importlib.import_module(f"anomalib.models.image.{module}.torch_model"), name)
            self.model = made(
                backbone=network.backbone, layers=layers_of(network.backbone), pre_trained=False, **options
            )
        load_weights(self.model.feature_extractor.feature_extractor, network)
        self.model.eval()

    @torch.inference_mode()
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 3, rows, columns) to (n, channels, patch rows, patch columns)."""
        found = []
        for image in images:  # one at a time: the same whatever else is embedded
            maps = self.model.feature_extractor(image[None])
            pool = getattr(self.model, "feature_pooler", None)
            if pool is not None:
                maps = {layer: pool(m) for layer, m in maps.items()}
            found.append(self.model.generate_embedding(maps))
        return torch.cat(found)


class Patchcore(_Model):
    """`PatchcoreModel`; a memory is its memory bank."""

    def __init__(self, network: PlainCnn) -> None:
        super().__init__(network, "patchcore", "PatchcoreModel")

    @torch.inference_mode()
    def remember(self, embeddings: torch.Tensor, seed: int, *, thorough: bool = True) -> torch.Tensor:
        """Their core-set of a tenth of the patches, at most `BANK`; or a random one of as many."""
        patches = self.model.reshape_embedding(embeddings)
        count = max(min(BANK, int(_RATIO * len(patches))), 1)
        if not thorough:
            draw = torch.Generator().manual_seed(seed)
            return torch.as_tensor(patches[torch.randperm(len(patches), generator=draw)[:count]])
        made = importlib.import_module("anomalib.models.components").KCenterGreedy
        sampler = made(embedding=patches, sampling_ratio=(count + 0.5) / len(patches))
        sampler.model.random_state = seed
        with torch.random.fork_rng(devices=[]), contextlib.redirect_stderr(io.StringIO()):  # its bars
            torch.manual_seed(seed)
            return torch.as_tensor(sampler.sample_coreset())

    @torch.inference_mode()
    def score(self, embedding: torch.Tensor, memory: torch.Tensor, size: tuple[int, int]) -> float:
        """What `PatchcoreModel.forward` does after extracting features."""
        self.model.memory_bank = memory
        patches = self.model.reshape_embedding(embedding)
        nearest, where = self.model.nearest_neighbors(embedding=patches, n_neighbors=1)
        return float(self.model.compute_anomaly_score(nearest[None], where[None], patches))

    @torch.inference_mode()
    def heat(self, embedding: torch.Tensor, memory: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Their map."""
        self.model.memory_bank = memory
        patches = self.model.reshape_embedding(embedding)
        nearest, _ = self.model.nearest_neighbors(embedding=patches, n_neighbors=1)
        values = nearest.reshape(1, 1, *embedding.shape[-2:])
        return torch.as_tensor(self.model.anomaly_map_generator(values, size)[0, 0])


class Padim(_Model):
    """`PadimModel`; a memory is its Gaussians."""

    def __init__(self, network: PlainCnn, seed: int) -> None:
        super().__init__(network, "padim", "PadimModel", seed, n_features=FEATURES)

    @torch.inference_mode()
    def remember(self, embeddings: torch.Tensor, seed: int, *, thorough: bool = True) -> Gaussians:
        """Their Gaussians, one at every place."""
        mean, precision = self.model.gaussian.fit(embeddings)
        return Gaussians(mean, precision)

    @torch.inference_mode()
    def score(self, embedding: torch.Tensor, memory: Gaussians, size: tuple[int, int]) -> float:
        """What `PadimModel.forward` does after extracting features."""
        return float(torch.amax(self.heat(embedding, memory, size)))

    @torch.inference_mode()
    def heat(self, embedding: torch.Tensor, memory: Gaussians, size: tuple[int, int]) -> torch.Tensor:
        """Their map."""
        heat = self.model.anomaly_map_generator(
            embedding=embedding, mean=memory.mean, inv_covariance=memory.precision, image_size=size
        )
        return torch.as_tensor(heat[0, 0])
