"""Everything that training found, and how it becomes an artefact folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from customs.artefact import ArtefactWriter, open_artefact
from customs.calibrate import Conformal
from customs.config import make_config
from xray_encoder.heat import PatchNormality
from xray_encoder.inserted import Standouts
from xray_encoder.look import Look, coarse
from xray_encoder.model import Backbone, XrayConfig
from xray_encoder.normality import Leaf, Normality, Space, prefixes
from xray_encoder.packing import FEATURES
from xray_encoder.weigh import MASS_TERMS, Densities, Scale

KIND = "xray"


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """Everything that training found; `train.py` makes it, the scorer reads it."""

    config: XrayConfig
    normality: Normality
    patches: PatchNormality
    densities: Densities | None
    scale: Scale
    standouts: Standouts | None
    calibration: Mapping[str, Conformal]
    backbone: Backbone | None = None
    components: npt.NDArray[np.float64] | None = None  # (1 + components, width): mean, then principal axes


def features(
    look: Look, backbone: Backbone | None, components: npt.NDArray | None, device: str
) -> npt.NDArray:
    """Packing features, and the backbone's leading components where there is one: (p,)."""
    if backbone is None or components is None:
        return look.packing
    if look.kind not in backbone.kinds:  # it never saw such pictures: it has nothing to say about them
        return np.concatenate([look.packing, np.zeros(len(components) - 1)])
    crop = coarse(look.canonical, backbone.config.rows, backbone.config.columns)
    embedding = backbone.embed(crop[None], device)[0]
    return np.concatenate([look.packing, (embedding - components[0]) @ components[1:].T])


def feature_rows(
    looks: Sequence[Look], backbone: Backbone | None, components: npt.NDArray | None, device: str
) -> npt.NDArray[np.float64]:
    """`features` of many scans at once: (n, p)."""
    rows = np.stack([look.packing for look in looks])
    if backbone is None or components is None:
        return rows
    embedded = np.zeros((len(looks), len(components) - 1))
    known = [i for i, look in enumerate(looks) if look.kind in backbone.kinds]
    if known:
        config = backbone.config
        crops = np.stack([coarse(looks[i].canonical, config.rows, config.columns) for i in known])
        embedding = backbone.embed(crops, device, batch=config.batch)
        embedded[known] = (embedding - components[0]) @ components[1:].T
    return np.concatenate([rows, embedded], axis=1)


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
        "patch_means": parts.patches.means,
        "patch_precision": parts.patches.precision,
        "patch_limits": parts.patches.limits,
    }
    for kind, space in parts.normality.spaces.items():
        tensors[f"{kind}/centre"] = space.centre
        tensors[f"{kind}/scale"] = space.scale
        tensors[f"{kind}/whiten"] = space.whiten
    with ArtefactWriter(
        folder,
        kind=KIND,
        config=dataclasses.asdict(parts.config),
        preprocessing={"features": list(FEATURES), "mass_terms": list(MASS_TERMS)},
        data_fingerprint=data_fingerprint,
        figures=figures,
    ) as writer:
        writer.tensors("normality", tensors)
        if parts.backbone is not None and parts.components is not None:
            state = {k: v.detach().cpu().numpy() for k, v in parts.backbone.state_dict().items()}
            writer.tensors("backbone", {**state, "components": parts.components})
        writer.document("parts", _document(parts))
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
    backbone, components = None, None
    if about["headings"]:
        state = artefact.tensors("backbone")
        components = state.pop("components")
        backbone = Backbone(config, about["headings"], about["backbone_kinds"])
        backbone.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
        backbone.eval()
    return Parts(
        config=config,
        normality=Normality(
            spaces,
            [Leaf(kind, code, count, mean) for (kind, code, count), mean in named],
            sharpness=about["sharpness"],
            absolute=config.absolute,
            sisters={int(level): factor for level, factor in about["sisters"].items()},
        ),
        patches=PatchNormality(
            [(kind, code) for kind, code in about["patch_groups"]],
            about["patch_kinds"],
            tensors["patch_means"],
            tensors["patch_precision"],
            tensors["patch_limits"],
        ),
        densities=_densities(about["densities"]),
        scale=Scale(tensors["scale_weights"], *about["scale"]),
        standouts=None
        if about["standouts"] is None
        else Standouts({prefix: (mean, spread) for prefix, (mean, spread) in about["standouts"].items()}),
        calibration={check: artefact.calibration(check) for check in about["calibrated"]},
        backbone=backbone,
        components=components,
    )


def _document(parts: Parts) -> dict[str, Any]:
    densities = parts.densities
    return {
        "kinds": list(parts.normality.spaces),
        "leaves": [[leaf.kind, leaf.code, leaf.count] for leaf in parts.normality.leaves],
        "sharpness": parts.normality.sharpness,
        "sisters": {str(k): v for k, v in parts.normality.sisters.items()},
        "patch_groups": [list(group) for group in parts.patches.groups],
        "patch_kinds": list(parts.patches.kinds),
        "densities": None if densities is None else {"of": dict(densities.of), "spread": densities.spread},
        "standouts": None if parts.standouts is None else dict(parts.standouts.of),
        "scale": [parts.scale.scans, parts.scale.low, parts.scale.high],
        "headings": list(parts.backbone.headings) if parts.backbone is not None else [],
        "backbone_kinds": list(parts.backbone.kinds) if parts.backbone is not None else [],
        "calibrated": list(parts.calibration),
    }


def _densities(about: Mapping[str, Any] | None) -> Densities | None:
    if about is None:
        return None
    return Densities(
        {prefix: (mean, count) for prefix, (mean, count) in about["of"].items()}, about["spread"]
    )
