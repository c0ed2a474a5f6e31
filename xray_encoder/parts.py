"""Everything that training found, and how it becomes an artefact folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy.typing as npt

from customs.artefact import Artefact, ArtefactWriter, open_artefact
from customs.calibrate import Conformal
from customs.config import make_config
from xray_encoder.bank import PatchBank
from xray_encoder.depth import DESCRIPTION
from xray_encoder.inserted import Standouts
from xray_encoder.inserted.detect import Detector
from xray_encoder.look import Look
from xray_encoder.lot import Lots
from xray_encoder.model import XrayConfig
from xray_encoder.normality import Normality, prefixes
from xray_encoder.packages import Packages
from xray_encoder.recogniser import Recogniser
from xray_encoder.search import Bank
from xray_encoder.weigh import MASS_TERMS, Densities, Scale
from xray_encoder.weights.model import HistogramWeights

KIND = "xray"
# Loads of which only a lower bound is known, and vendor pictures, are counted among their own.
MASS, MASS_BOUND, MASS_GREY = "xray.mass", "xray.mass.bound", "xray.mass.grey"


T = TypeVar("T")


class Learned(Protocol):
    """A part that can be kept: arrays and the rest."""

    def tensors(self) -> dict[str, npt.NDArray]:
        """For a safetensors file."""
        ...

    def about(self) -> dict[str, Any]:
        """For a JSON document."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """Everything that training found; `train.py` makes it, the scorer reads it."""

    config: XrayConfig
    normality: Normality
    patches: PatchBank
    densities: Densities | None
    scale: Scale
    packages: Packages
    standouts: Standouts | None
    calibration: Mapping[str, Conformal]
    deep: Normality | None = None
    recogniser: Recogniser | None = None
    detector: Detector | None = None
    grey: HistogramWeights | None = None
    past: Bank | None = None
    lots: Lots | None = None

    def learned(self) -> dict[str, Learned]:
        """Parts that keep themselves, by the name of their files."""
        found: dict[str, Learned | None] = {
            "normality": self.normality,
            "deep": self.deep,
            "patches": self.patches,
            "recogniser": self.recogniser,
            "scale": self.scale,
            "packages": self.packages,
            "detector": self.detector,
            "grey": self.grey,
            "past": self.past,
            "lots": self.lots,
        }
        return {name: part for name, part in found.items() if part is not None}


def chain_of(look: Look, code: str) -> tuple[str, ...]:
    """Calibration groups, most specific first: by code, by scanner, by kind of picture.

    Only the 16-bit kind has enough scans for groups by code.
    """
    by_code = prefixes(code) if look.kind == "16-bit" else ()
    return (*by_code, *((f"scanner {look.scanner}",) if look.scanner else ()), look.kind, "all")


def save_parts(
    parts: Parts, folder: Path, *, data_fingerprint: str = "", figures: Mapping[str, Any] | None = None
) -> None:
    """Write an artefact folder of kind `xray`."""
    learned = parts.learned()
    with ArtefactWriter(
        folder,
        kind=KIND,
        config=dataclasses.asdict(parts.config),
        preprocessing={"features": list(DESCRIPTION), "mass_terms": list(MASS_TERMS)},
        data_fingerprint=data_fingerprint,
        figures=figures,
    ) as writer:
        for name, part in learned.items():
            if tensors := part.tensors():
                writer.tensors(name, tensors)
        about = {name: part.about() for name, part in learned.items()}
        if parts.past is not None:
            writer.columns("past", parts.past.columns())
        writer.document("parts", {**_document(parts), "learned": about})
        for check, conformal in parts.calibration.items():
            writer.calibration(check, conformal)


def load_parts(folder: Path) -> Parts:
    """Read an artefact folder; `DamagedArtefact` if a hash differs."""
    artefact = open_artefact(folder, kind=KIND)
    config = make_config(XrayConfig, artefact.config)
    about = artefact.document("parts")
    learned = about["learned"]
    return Parts(
        config=config,
        normality=Normality.read(artefact.tensors("normality"), learned["normality"]),
        deep=_maybe(Normality.read, "deep", artefact, learned),
        patches=PatchBank.read(artefact.tensors("patches"), learned["patches"]),
        densities=_densities(about["densities"]),
        scale=Scale.read(artefact.tensors("scale"), learned["scale"]),
        packages=Packages.read({}, learned["packages"]),
        standouts=None
        if about["standouts"] is None
        else Standouts({prefix: (mean, spread) for prefix, (mean, spread) in about["standouts"].items()}),
        calibration={check: artefact.calibration(check) for check in about["calibrated"]},
        recogniser=_recogniser(artefact, learned, config),
        detector=_maybe(Detector.read, "detector", artefact, learned),
        grey=_maybe(HistogramWeights.read, "grey", artefact, learned),
        past=_past(artefact, learned),
        lots=_maybe(Lots.read, "lots", artefact, learned),
    )


def _recogniser(artefact: Artefact, learned: Mapping[str, Any], config: XrayConfig) -> Recogniser | None:
    if "recogniser" not in learned:
        return None
    return Recogniser.read(artefact.tensors("recogniser"), learned["recogniser"], config)


def _past(artefact: Artefact, learned: Mapping[str, Any]) -> Bank | None:
    if "past" not in learned:
        return None
    return Bank.read(artefact.tensors("past"), learned["past"], artefact.columns("past"))


def _maybe(read: Callable[..., T], name: str, artefact: Artefact, learned: Mapping[str, Any]) -> T | None:
    return read(artefact.tensors(name), learned[name]) if name in learned else None


def _document(parts: Parts) -> dict[str, Any]:
    densities = parts.densities
    return {
        "densities": None if densities is None else {"of": dict(densities.of), "spread": densities.spread},
        "standouts": None if parts.standouts is None else dict(parts.standouts.of),
        "calibrated": list(parts.calibration),
    }


def _densities(about: Mapping[str, Any] | None) -> Densities | None:
    if about is None:
        return None
    return Densities(
        {prefix: (mean, count) for prefix, (mean, count) in about["of"].items()}, about["spread"]
    )
