"""Everything that training found, and how it becomes an artefact folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from customs.artefact import Artefact, ArtefactWriter, open_artefact
from customs.calibrate import Conformal
from customs.config import make_config
from xray_encoder.bank import PatchBank
from xray_encoder.depth import DESCRIPTION
from xray_encoder.inserted import Standouts
from xray_encoder.model import XrayConfig
from xray_encoder.normality import Leaf, Normality, Space, prefixes
from xray_encoder.recogniser import Recogniser
from xray_encoder.weigh import MASS_TERMS, Densities, Scale

KIND = "xray"


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
    standouts: Standouts | None
    calibration: Mapping[str, Conformal]
    recogniser: Recogniser | None = None

    def learned(self) -> dict[str, Learned]:
        """Parts that keep themselves, by the name of their files."""
        found: dict[str, Learned | None] = {"patches": self.patches, "recogniser": self.recogniser}
        return {name: part for name, part in found.items() if part is not None}


def chain_of(kind: str, code: str) -> tuple[str, ...]:
    """Calibration groups, most specific first; only the 16-bit kind has enough scans for groups by code."""
    return (*(prefixes(code) if kind == "16-bit" else ()), kind, "all")


def save_parts(
    parts: Parts, folder: Path, *, data_fingerprint: str = "", figures: Mapping[str, Any] | None = None
) -> None:
    """Write an artefact folder of kind `xray`."""
    tensors = {
        "scale_weights": parts.scale.weights,
        "leaves": np.stack([leaf.mean for leaf in parts.normality.leaves]),
    }
    for kind, space in parts.normality.spaces.items():
        tensors[f"{kind}/centre"] = space.centre
        tensors[f"{kind}/scale"] = space.scale
        tensors[f"{kind}/whiten"] = space.whiten
    learned = parts.learned()
    with ArtefactWriter(
        folder,
        kind=KIND,
        config=dataclasses.asdict(parts.config),
        preprocessing={"features": list(DESCRIPTION), "mass_terms": list(MASS_TERMS)},
        data_fingerprint=data_fingerprint,
        figures=figures,
    ) as writer:
        writer.tensors("normality", tensors)
        for name, part in learned.items():
            writer.tensors(name, part.tensors())
        about = {name: part.about() for name, part in learned.items()}
        writer.document("parts", {**_document(parts), "learned": about})
        for check, conformal in parts.calibration.items():
            writer.calibration(check, conformal)


def load_parts(folder: Path) -> Parts:
    """Read an artefact folder; `DamagedArtefact` if a hash differs."""
    artefact = open_artefact(folder, kind=KIND)
    config = make_config(XrayConfig, artefact.config)
    tensors, about = artefact.tensors("normality"), artefact.document("parts")
    spaces = {
        kind: Space(tensors[f"{kind}/centre"], tensors[f"{kind}/scale"], tensors[f"{kind}/whiten"])
        for kind in about["kinds"]
    }
    named = zip(about["leaves"], tensors["leaves"], strict=True)
    learned = about["learned"]
    return Parts(
        config=config,
        normality=Normality(
            spaces,
            [Leaf(kind, code, count, mean) for (kind, code, count), mean in named],
            sharpness=about["sharpness"],
            absolute=config.absolute,
            sisters={int(level): factor for level, factor in about["sisters"].items()},
        ),
        patches=PatchBank.read(artefact.tensors("patches"), learned["patches"]),
        densities=_densities(about["densities"]),
        scale=Scale(tensors["scale_weights"], *about["scale"]),
        standouts=None
        if about["standouts"] is None
        else Standouts({prefix: (mean, spread) for prefix, (mean, spread) in about["standouts"].items()}),
        calibration={check: artefact.calibration(check) for check in about["calibrated"]},
        recogniser=_recogniser(artefact, learned, config),
    )


def _recogniser(artefact: Artefact, learned: Mapping[str, Any], config: XrayConfig) -> Recogniser | None:
    if "recogniser" not in learned:
        return None
    return Recogniser.read(artefact.tensors("recogniser"), learned["recogniser"], config)


def _document(parts: Parts) -> dict[str, Any]:
    densities = parts.densities
    return {
        "kinds": list(parts.normality.spaces),
        "leaves": [[leaf.kind, leaf.code, leaf.count] for leaf in parts.normality.leaves],
        "sharpness": parts.normality.sharpness,
        "sisters": {str(k): v for k, v in parts.normality.sisters.items()},
        "densities": None if densities is None else {"of": dict(densities.of), "spread": densities.spread},
        "standouts": None if parts.standouts is None else dict(parts.standouts.of),
        "scale": [parts.scale.scans, parts.scale.low, parts.scale.high],
        "calibrated": list(parts.calibration),
    }


def _densities(about: Mapping[str, Any] | None) -> Densities | None:
    if about is None:
        return None
    return Densities(
        {prefix: (mean, count) for prefix, (mean, count) in about["of"].items()}, about["spread"]
    )
