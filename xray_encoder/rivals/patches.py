"""PatchCore and PaDiM for each declared code, on features of the network that was trained here.

anomalib's own models do the work where it is installed (the extra `bench`); where it is not, the compact
ones of `own` stand in, and `engine` says so. Both see each reference and its mirror image: containers are
driven through from either end.

Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022; Defard et al., "PaDiM", ICPR
2020 workshops.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch

from xray_encoder.holdout import Reference
from xray_encoder.look import Look
from xray_encoder.normality import prefixes
from xray_encoder.rivals.cnn import PlainCnn, as_images
from xray_encoder.rivals.rival import Heat, Rival, check_references

STRIDES = (8, 16)  # of the two maps whose features are joined, as in the paper's layer2 and layer3
_TYPICAL = 3  # references of a group, each scored by the others', from which its usual score is taken
_EPS = 1e-6


class Engine(Protocol):
    """Embeds pictures, remembers those of a group, and scores one embedding against a memory."""

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 3, rows, columns) to (n, channels, patch rows, patch columns)."""
        ...

    def remember(self, embeddings: torch.Tensor, seed: int, *, thorough: bool = True) -> Any:
        """A memory of clean embeddings; less than thorough where it is only to give a usual score."""
        ...

    def score(self, embedding: torch.Tensor, memory: Any, size: tuple[int, int]) -> float:
        """Score of one embedding (1, channels, …)."""
        ...

    def heat(self, embedding: torch.Tensor, memory: Any, size: tuple[int, int]) -> torch.Tensor:
        """Its map, of `size` (rows, columns)."""
        ...


class PatchRival(Rival):
    """A memory for each (kind of picture, code)."""

    def __init__(
        self,
        engine: Engine,
        memories: Mapping[tuple[str, str], Any],
        usual: Mapping[tuple[str, str], float],
        by: str,
    ) -> None:
        self._engine = engine
        self.memories = memories
        self.usual = usual
        self.engine = by  # whose code it is: "anomalib 2.7.0" or "own"
        self._seen: tuple[Look, torch.Tensor] | None = None

    @classmethod
    @abstractmethod
    def make_engine(cls, network: PlainCnn, seed: int) -> tuple[Engine, str]:
        """The engine, and whose it is."""

    @classmethod
    def fit(cls, references: Sequence[Reference], seed: int = 0, *, network: PlainCnn | None = None) -> Self:
        """Remember the references of each code; trains a network on them unless one is given."""
        check_references(references)
        engine, by = cls.make_engine(network or PlainCnn.fit(references, seed), seed)
        groups: dict[tuple[str, str], list[Reference]] = {}
        for reference in references:
            groups.setdefault((reference.look.kind, reference.code), []).append(reference)
        memories, usual = {}, {}
        for name, members in sorted(groups.items()):
            seen = [_embed_both_ways(engine, r.look) for r in members]  # (2, channels, …) each
            memories[name] = engine.remember(torch.cat(seen), seed)
            size = _size(members[0].look)
            scores = []
            for i in range(min(_TYPICAL, len(seen)) if len(seen) > 1 else 0):
                others = engine.remember(torch.cat(seen[:i] + seen[i + 1 :]), seed, thorough=False)
                scores.append(engine.score(seen[i][:1], others, size))
            if scores:
                usual[name] = float(np.median(scores))
        common = float(np.median(list(usual.values()))) if usual else 1.0
        return cls(engine, memories, {name: usual.get(name, common) for name in memories}, by)

    def measure(self, look: Look) -> Mapping[str, float]:
        """Score against the nearest code of each heading, in units of what is usual there."""
        far: dict[str, float] = {}
        for name in self.memories:
            if name[0] == look.kind:
                heading = name[1][:4]
                far[heading] = min(far.get(heading, np.inf), self._score(look, name))
        return far

    def inserted(self, look: Look, code: str) -> tuple[float, Heat | None]:
        """Log of the score against the declared code in units of what is usual for it, and its map 0…1."""
        for prefix in prefixes(code):
            under = [name for name in self.memories if name[0] == look.kind and name[1].startswith(prefix)]
            if under:
                scores = {name: self._score(look, name) for name in under}
                name = min(under, key=scores.__getitem__)
                heat = self._engine.heat(self._embedding(look), self.memories[name], _size(look))
                values = heat.numpy().astype(np.float32)
                low, high = float(np.median(values)), float(values.max())
                shown = np.clip((values - low) / max(high - low, _EPS), 0, 1)
                return float(np.log(max(scores[name], _EPS))), shown
        return float("nan"), None

    def _score(self, look: Look, name: tuple[str, str]) -> float:
        """Against one memory, in units of what is usual there."""
        score = self._engine.score(self._embedding(look), self.memories[name], _size(look))
        return score / max(self.usual[name], _EPS)

    def _embedding(self, look: Look) -> torch.Tensor:
        """The last one is kept: a scan is asked about under many codes."""
        if self._seen is None or self._seen[0] is not look:
            self._seen = (look, self._engine.embed(as_images(look.canonical[None])))
        return self._seen[1]


class PatchCore(PatchRival):
    """Distance of the oddest patch to the nearest remembered one, weighted by how rare that one is."""

    name: ClassVar[str] = "patchcore"

    @classmethod
    def make_engine(cls, network: PlainCnn, seed: int) -> tuple[Engine, str]:
        """anomalib's, or our own where that is missing."""
        from xray_encoder.rivals import own, theirs

        if (version := theirs.version()) is not None:
            return theirs.Patchcore(network), version
        return own.Patchcore(network), "own"


class Padim(PatchRival):
    """Mahalanobis distance of the oddest patch to what is usual at its place."""

    name: ClassVar[str] = "padim"

    @classmethod
    def make_engine(cls, network: PlainCnn, seed: int) -> tuple[Engine, str]:
        """anomalib's, or our own where that is missing."""
        from xray_encoder.rivals import own, theirs

        if (version := theirs.version()) is not None:
            return theirs.Padim(network, seed), version
        return own.Padim(network, seed), "own"


def layers_of(backbone: str) -> list[str]:
    """Names of the layers of a timm network whose maps have the `STRIDES`."""
    import timm

    info: Any = timm.create_model(backbone, pretrained=False, features_only=True).feature_info
    names = dict(zip(info.reduction(), info.module_name(), strict=True))
    return [names[stride] for stride in STRIDES]


def _embed_both_ways(engine: Engine, look: Look) -> torch.Tensor:
    return engine.embed(as_images(np.stack([look.canonical, look.canonical[:, ::-1]])))


def _size(look: Look) -> tuple[int, int]:
    rows, columns = look.canonical.shape
    return int(rows), int(columns)
