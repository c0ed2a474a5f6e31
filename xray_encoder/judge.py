"""How odd a scan's packing is for a code: which code is recognised, and how far its references lie."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from xray_encoder.look import Look
from xray_encoder.model import crops
from xray_encoder.normality import Judgement, Normality
from xray_encoder.recogniser import Recogniser, Vector

# Oddness of recognised kinds is in nats between codes, that of others a ratio of distances: two scales.
RECOGNISED, BY_DISTANCE = "xray.packing", "xray.packing.distance"


@dataclass(frozen=True, eq=False)
class Judge:
    """normality: packing features, for every kind of picture.

    weight: of how far the declared code's references lie beside what is recognised.
    deep: everything that a scan shows, and recogniser: for the kinds that were learned from, None without.
    """

    normality: Normality
    deep: Normality | None = None
    recogniser: Recogniser | None = None
    weight: float = 1.0

    def scale(self, kind: str) -> str:
        """Which clean scores the oddness of a kind is counted among."""
        known = self.recogniser is not None and kind in self.recogniser.kinds
        return RECOGNISED if known else BY_DISTANCE

    def logs(self, look: Look, device: str = "cpu") -> Vector | None:
        """Log probabilities of all codes; None for kinds that nothing was learned from."""
        if self.recogniser is None or look.kind not in self.recogniser.kinds:
            return None
        backbone = self.recogniser.pairs[0].backbone
        config = None if backbone is None else backbone.config
        crop = np.zeros((2, 1, 1), dtype=np.float32)
        if config is not None:
            crop = crops(look.canonical, look.deep, config)
        return self.recogniser(look.description, crop, device)

    def __call__(
        self, look: Look, declared: str | None, importer: str = "", *, device: str = "cpu"
    ) -> Judgement | None:
        """Judge one scan; see `Normality.judge`."""
        return self.with_logs(look, declared, self.logs(look, device), importer)

    def with_logs(
        self, look: Look, declared: str | None, logs: Vector | None, importer: str = ""
    ) -> Judgement | None:
        """The same where `logs` are known already."""
        if logs is None or self.deep is None:
            return self.normality.judge(look.packing, look.kind, declared, importer)
        judged = self.deep.judge(look.description, look.kind, declared, importer)
        return None if judged is None else self.join(judged, logs, declared)

    def join(self, judged: Judgement, logs: Vector, declared: str | None) -> Judgement:
        """A judgement of `deep` with what was recognised."""
        assert self.recogniser is not None
        assert self.deep is not None
        ranking = self.recogniser.ranking(logs)
        if declared is None or not judged.group:
            return dataclasses.replace(judged, ranking=ranking)
        gap = self.recogniser.gap(logs, declared, judged.group)
        oddness = gap + self.weight * float(np.log(judged.own))
        return dataclasses.replace(judged, oddness=oddness, ranking=ranking)
