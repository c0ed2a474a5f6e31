"""What all rivals have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.progress import Progress, silent
from xray_encoder.holdout import Reference
from xray_encoder.look import Look

Heat = npt.NDArray[np.float32]
_EPS = 1e-9


class Rival(ABC):
    """Another way to tell whether a scan is what was declared; see the package for what it answers."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, references: Sequence[Reference], seed: int = 0) -> Self:
        """Learn from clean scans of at least two headings."""

    @abstractmethod
    def measure(self, look: Look) -> Mapping[str, float]:
        """How far the scan is from each heading that has references of its kind; smaller is likelier."""

    _last: tuple[Look, Mapping[str, float]] | None = None

    def far(self, look: Look) -> Mapping[str, float]:
        """`measure`; the last one is kept, as a scan is asked about under many codes."""
        if self._last is None or self._last[0] is not look:
            self._last = (look, self.measure(look))
        return self._last[1]

    @abstractmethod
    def inserted(self, look: Look, code: str) -> tuple[float, Heat | None]:
        """How odd the scan is among those of its code, and where; higher is odder."""

    def mismatch(self, look: Look, code: str) -> float:
        """Log of how much further the declared heading is than the nearest other one."""
        far = self.far(look)
        others = [d for heading, d in far.items() if heading != code[:4]]
        if code[:4] not in far or not others:
            return float("nan")
        return float(np.log((far[code[:4]] + _EPS) / (min(others) + _EPS)))

    def top1(self, look: Look) -> str:
        """The heading it takes the scan for; "" if it knows none of that kind."""
        far = self.far(look)
        return min(far, key=far.__getitem__) if far else ""


def fit_all(
    rivals: Sequence[type[Rival]],
    references: Sequence[Reference],
    seed: int = 0,
    progress: Progress = silent,
) -> list[Rival]:
    """Fit each on the same references; those that need a network share one."""
    from xray_encoder.rivals.cnn import PlainCnn
    from xray_encoder.rivals.patches import PatchRival

    network: PlainCnn | None = None
    found: list[Rival] = []
    for done, rival in enumerate(rivals):
        if rival is PlainCnn or issubclass(rival, PatchRival):
            network = PlainCnn.fit(references, seed) if network is None else network
        if issubclass(rival, PatchRival):
            found.append(rival.fit(references, seed, network=network))
        else:
            found.append(network if rival is PlainCnn and network else rival.fit(references, seed))
        progress("rivals", done + 1, len(rivals))
    return found


def check_references(references: Sequence[Reference]) -> None:
    """`InvalidValue` unless there are scans of two headings."""
    headings = {r.code[:4] for r in references}
    if len(headings) < 2:
        raise InvalidValue(
            f"{len(references)} scans of {len(headings)} headings",
            field="data",
            remedy="give clean scans of at least two headings",
        )
