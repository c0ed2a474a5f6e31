"""The trained models a service runs: found, verified and loaded once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from customs.artefact import MANIFEST, Artefact, open_artefact
from customs.case import Case
from customs.errors import CustomsError, DamagedArtefact
from customs.evidence import Evidence
from customs.scorer import Scorer
from fusion.model import MODULES, Fusion
from portcullis.modules import Module

# The scorer of each kind of artefact.
FUSION = Module.FUSION.value  # an artefact that scores no cases, but what the others said of them
SCORERS = {Module.TABULAR: "TabularScorer", Module.HS: "HsScorer", Module.XRAY: "XrayScorer"}


def unnoticed(kind: str, seconds: float) -> None:
    """Nobody wants to know how long a module took."""


@dataclass(frozen=True)
class Models:
    """Scorers by kind, in the order of `SCORERS`; a kind that was not trained is simply absent.

    fusion: what calibrates and orders all that they say, where it was trained. took: told the seconds of each
    scorer's each call.
    """

    scorers: Mapping[str, Scorer]
    versions: Mapping[str, str]
    fusion: Fusion | None = None
    took: Callable[[str, float], None] = unnoticed

    @classmethod
    def load(cls, folders: Sequence[Path], device: str = "cpu") -> Models:
        """Load model folders; `DamagedArtefact` for one that is changed, unknown or of a kind given twice."""
        artefacts = checked(folders)
        loaded: dict[str, Scorer] = {}
        for kind, name in SCORERS.items():
            if kind in artefacts:
                scorer_class = getattr(kind.room("scorer"), name)
                loaded[kind.value] = scorer_class.load(artefacts[kind].folder, device=device)
        versions = {kind: artefacts[kind].version for kind in loaded}
        fusion = None
        if FUSION in artefacts:
            from fusion.keeping import load

            fusion = load(artefacts[FUSION].folder)
        return cls(MappingProxyType(loaded), MappingProxyType(versions), fusion)

    @property
    def all_versions(self) -> dict[str, str]:
        """Versions by kind, fusion among them."""
        fusion = {} if self.fusion is None else {FUSION: self.fusion.version}
        return {**self.versions, **fusion}

    @classmethod
    def find(cls, folder: Path, device: str = "cpu") -> Models:
        """Load every model folder in `folder`, or `folder` itself where it is one."""
        return cls.load(model_folders(folder), device)

    @property
    def checks(self) -> tuple[str, ...]:
        """All checks that can speak, in order."""
        return tuple(check for scorer in self.scorers.values() for check in scorer.checks)

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        """Evidence of all models for each case, in order."""
        by_model = []
        for kind, scorer in self.scorers.items():
            began = time.perf_counter()
            by_model.append(scorer.score(cases))
            self.took(kind, time.perf_counter() - began)
        return [[evidence for answers in by_model for evidence in answers[i]] for i in range(len(cases))]

    def warm_up(self, case: Case) -> None:
        """Score a made-up case, so that the first visitor does not wait for first-time work."""
        for scorer in self.scorers.values():
            try:
                scorer.score([case])
            except CustomsError:
                continue  # a model may refuse the made-up case; what had to be set up is set up


def checked(folders: Sequence[Path]) -> dict[str, Artefact]:
    """Model folders by kind, every file's hash checked, and that a fusion belongs to these modules."""
    artefacts: dict[str, Artefact] = {}
    for folder in folders:
        artefact = open_artefact(folder)
        kind = artefact.manifest["kind"]
        if kind not in (*SCORERS, FUSION):
            raise DamagedArtefact(
                f"{folder} holds a {kind!r} model",
                field="model",
                remedy=f"give {', '.join((*SCORERS, FUSION))}",
            )
        if kind in artefacts:
            raise DamagedArtefact(
                f"{folder} and {artefacts[kind].folder} are both {kind} models",
                field="model",
                remedy="give one of them",
            )
        artefacts[kind] = artefact
    if FUSION in artefacts and artefacts[FUSION].has(MODULES):
        for kind, version in artefacts[FUSION].document(MODULES).items():
            if kind in artefacts and artefacts[kind].version != version:
                raise DamagedArtefact(
                    f"{artefacts[FUSION].version} was calibrated on what {version} says, and here is "
                    f"{artefacts[kind].version}",
                    field="model",
                    remedy="train fusion again beside these modules: portcullis train fusion",
                )
    return artefacts


def model_folders(folder: Path) -> list[Path]:
    """Folders with a manifest: `folder` itself or those directly in it."""
    if (folder / MANIFEST).is_file():
        return [folder]
    found = sorted(p.parent for p in folder.glob(f"*/{MANIFEST}") if not p.parent.name.startswith("."))
    if not found:
        raise DamagedArtefact(
            f"{folder} holds no trained model",
            field="models",
            remedy="run `portcullis train` or `portcullis demo`",
        )
    return found
