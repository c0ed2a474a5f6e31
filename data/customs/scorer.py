"""The one contract between the three modules and the platform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from customs.case import Case
from customs.evidence import Evidence


@runtime_checkable
class Scorer(Protocol):
    """Scores cases with one or more checks.

    `score` answers in the order of `cases`, one list for each case, one Evidence for each of `checks`
    in their order; a check with nothing to go on abstains with a reason. A case scores the same alone
    and in a batch. `load(save(x))` scores the same as x; a damaged folder is refused with
    `DamagedArtefact`.
    """

    name: str
    checks: tuple[str, ...]

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        """One list of evidence for each case, in order."""
        ...

    def save(self, folder: Path) -> None:
        """Write an artefact folder."""
        ...

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """Read an artefact folder, checking every hash."""
        ...
