"""Brazilian Customs' way: fifteen bins of grey, and a random forest over them (AJNA's PADMA)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from xray_encoder.holdout import Reference
from xray_encoder.look import Look
from xray_encoder.rivals.rival import Heat, Rival, check_references

BINS = 15
_TREES = 200


def grey_histogram(canonical: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Shares of a canonical crop's pixels in equal bins of transmission, dark to light: (15,)."""
    counts, _ = np.histogram(np.exp(-canonical), bins=BINS, range=(0.0, 1.0))
    return np.asarray(counts / canonical.size, dtype=np.float64)


class HistogramForest(Rival):
    """A forest over histograms and the heading declared; headings it never saw cannot be told."""

    name: ClassVar[str] = "histogram_forest"

    def __init__(self, forest: Any, kinds: Mapping[str, frozenset[str]]) -> None:
        self.forest = forest
        self.kinds = kinds  # headings with references, by kind of picture

    @classmethod
    def fit(cls, references: Sequence[Reference], seed: int = 0) -> Self:
        """Grow the forest; scans of all kinds of picture together."""
        from sklearn.ensemble import RandomForestClassifier

        check_references(references)
        forest = RandomForestClassifier(_TREES, random_state=seed, n_jobs=1)
        forest.fit([grey_histogram(r.look.canonical) for r in references], [r.code[:4] for r in references])
        return cls(forest, headings_by_kind(references))

    def measure(self, look: Look) -> Mapping[str, float]:
        """1 − probability of each heading."""
        found = self.forest.predict_proba([grey_histogram(look.canonical)])[0]
        known = self.kinds.get(look.kind, frozenset())
        return {h: 1.0 - float(p) for h, p in zip(self.forest.classes_, found, strict=True) if h in known}

    def mismatch(self, look: Look, code: str) -> float:
        """1 − probability of the declared heading."""
        return self.far(look).get(code[:4], float("nan"))

    def inserted(self, look: Look, code: str) -> tuple[float, Heat | None]:
        """The same: a histogram has no other word for an odd scan."""
        return self.mismatch(look, code), None


def headings_by_kind(references: Sequence[Reference]) -> dict[str, frozenset[str]]:
    """Headings that have references, by kind of picture."""
    kinds = {r.look.kind for r in references}
    return {kind: frozenset(r.code[:4] for r in references if r.look.kind == kind) for kind in kinds}
