"""A trained fusion as an artefact folder and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from customs.artefact import Artefact, ArtefactWriter, open_artefact
from customs.calibrate import Conformal
from customs.config import make_config
from customs.trees import Forest
from fusion.head.attributes import Key
from fusion.head.chances import Chances
from fusion.head.encode import Encoder, Rates
from fusion.head.model import Head, Profile
from fusion.head.prices import LEVELS, UsualPrices
from fusion.head.recall import Recall
from fusion.joint import Joint, Weighing
from fusion.model import KIND, MODULES, Fusion, FusionConfig

_PATTERNS = "patterns"


def save(
    fusion: Fusion,
    folder: Path,
    *,
    data_fingerprint: str,
    figures: Mapping[str, Any],
    modules: Mapping[str, str] | None = None,
) -> None:
    """Write an artefact of kind `fusion`; modules: versions of those whose evidence it learned from."""
    config = dataclasses.asdict(fusion.config)
    writer = ArtefactWriter(
        folder, kind=KIND, config=config, data_fingerprint=data_fingerprint, figures=figures
    )
    with writer as room:
        if modules:
            room.document(MODULES, dict(modules))
        if fusion.joint is not None:
            room.document("joint", {"checks": fusion.joint.checks, **fusion.joint.weighing.facts()})
            for check, conformal in fusion.joint.own.items():
                room.calibration(check, conformal)
            room.calibration(_PATTERNS, fusion.joint.patterns)
        if fusion.head is not None:
            _save_head(fusion.head, room)


def load(folder: Path) -> Fusion:
    """Read an artefact of kind `fusion`; `DamagedArtefact` if a hash differs."""
    opened = open_artefact(folder, kind=KIND)
    config = make_config(FusionConfig, opened.config)
    joint = _load_joint(opened, config) if opened.has("joint") else None
    head = _load_head(opened, config) if opened.has("head") else None
    return Fusion(config, joint, head, opened.version)


def _load_joint(opened: Artefact, config: FusionConfig) -> Joint:
    facts = opened.document("joint")
    columns = opened.columns("calibration")
    present = set(columns["check"])
    own = {c: Conformal.from_columns(c, columns) for c in facts["checks"] if c in present}
    return Joint(
        tuple(facts["checks"]),
        own,
        Conformal.from_columns(_PATTERNS, columns),
        config.gamma,
        Weighing.restore(facts),
    )


def _save_head(head: Head, room: ArtefactWriter) -> None:
    names = ["+".join(key) for key in head.encoder.rates]
    room.document(
        "head",
        {
            "keys": names,
            "base": head.encoder.base,
            "prior": head.encoder.prior,
            "checks": head.checks,
            "profile_base": head.profile.base,
            "figures": head.figures,
            "trees": head.forest.texts,
            "blend": head.blend,
        },
    )
    rates = list(head.encoder.rates.values())
    room.columns("rates", _columns(rates))
    room.columns("prices", _columns(head.prices.levels))
    if head.recall is not None:
        room.tensors("recall", head.recall.tensors())
    room.tensors("profile", {"edges": head.profile.edges, "values": head.profile.values})
    room.tensors("chances", {"raw": head.chances.raw, "outcome": head.chances.outcome})


def _load_head(opened: Artefact, config: FusionConfig) -> Head:
    facts = opened.document("head")
    keys: list[Key] = [tuple(name.split("+")) for name in facts["keys"]]
    rates = _rates(opened.columns("rates"), len(keys))
    profile, chances = opened.tensors("profile"), opened.tensors("chances")
    return Head(
        config,
        Encoder(dict(zip(keys, rates, strict=True)), facts["base"], facts["prior"]),
        UsualPrices(tuple(_rates(opened.columns("prices"), len(LEVELS)))),
        Forest(tuple(facts["trees"])),
        Recall.read(opened.tensors("recall")) if opened.has("recall") else None,
        (facts["blend"][0], facts["blend"][1], facts["blend"][2]),
        Chances(chances["raw"], chances["outcome"]),
        tuple(facts["checks"]),
        Profile(profile["edges"], profile["values"], facts["profile_base"]),
        facts["figures"],
    )


def _columns(tables: Any) -> dict[str, Any]:
    return {
        "table": np.repeat(np.arange(len(tables)), [len(t.hashes) for t in tables]),
        "hash": np.concatenate([t.hashes for t in tables]),
        "inspected": np.concatenate([t.inspected for t in tables]),
        "found": np.concatenate([t.found for t in tables]),
    }


def _rates(columns: Mapping[str, list], count: int) -> list[Rates]:
    table = np.asarray(columns["table"])
    hashes = np.asarray(columns["hash"], dtype=np.uint64)
    inspected, found = (np.asarray(columns[name], dtype=np.float64) for name in ("inspected", "found"))
    return [Rates(hashes[table == k], inspected[table == k], found[table == k]) for k in range(count)]
