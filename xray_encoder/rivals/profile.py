"""The nearest neighbour on a 24-layer vertical profile of −ln T: 80 % top-1 on ten headings (field notes)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from xray_encoder.holdout import Reference
from xray_encoder.look import Look
from xray_encoder.normality import prefixes
from xray_encoder.packing import FEATURES
from xray_encoder.rivals.rival import Heat, Rival, check_references

PROFILE = slice(0, sum(name.startswith("profile_") for name in FEATURES))


class ProfileNearest(Rival):
    """profiles: (n, 24); codes and kinds name each row."""

    name: ClassVar[str] = "profile_1nn"

    def __init__(self, profiles: npt.NDArray, codes: Sequence[str], kinds: Sequence[str]) -> None:
        self.profiles = profiles
        self.codes, self.kinds = np.asarray(codes), np.asarray(kinds)

    @classmethod
    def fit(cls, references: Sequence[Reference], seed: int = 0) -> Self:
        """Keep the profile of every reference; `seed` changes nothing."""
        check_references(references)
        profiles = np.stack([r.look.packing[PROFILE] for r in references])
        return cls(profiles, [r.code for r in references], [r.look.kind for r in references])

    def measure(self, look: Look) -> Mapping[str, float]:
        """Squared distance to the nearest reference of each heading."""
        far: dict[str, float] = {}
        for code, d in zip(*self._distances(look), strict=True):
            far[code[:4]] = min(far.get(code[:4], np.inf), float(d))
        return far

    def inserted(self, look: Look, code: str) -> tuple[float, Heat | None]:
        """Log distance to the nearest reference of the code; a profile does not say where."""
        codes, d = self._distances(look)
        for prefix in prefixes(code):
            of = np.char.startswith(codes, prefix)
            if of.any():
                return float(np.log(d[of].min() + 1e-9)), None
        return float("nan"), None

    def _distances(self, look: Look) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]]:
        rows = self.kinds == look.kind
        return self.codes[rows], ((self.profiles[rows] - look.packing[PROFILE]) ** 2).sum(axis=1)
