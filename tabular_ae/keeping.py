"""The artefact of trade series: everything a scorer needs, and nothing that unpickles."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customs.artefact import ArtefactWriter, open_artefact
from customs.config import make_config
from customs.errors import DamagedArtefact
from tabular_ae.checks import CODE, FREIGHT, OIL, PRICE, VOLUME, Calibrations, Models
from tabular_ae.data import Converter
from tabular_ae.flagship import Flagship
from tabular_ae.freight import FreightModel
from tabular_ae.history import History
from tabular_ae.macro import Macro
from tabular_ae.model import FlagshipConfig
from tabular_ae.oil import OilModel
from tabular_ae.other_codes import OtherCodesModel
from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.proposal.score import ProposalModel
from tabular_ae.rows import Rows
from tabular_ae.volume import VolumeModel

# Configurations by the key `model` of their preset.
CONFIGS: Mapping[str, type[Any]] = {"flagship": FlagshipConfig, "proposal": ProposalConfig}


@dataclass(frozen=True, eq=False)
class Kept:
    """What an artefact holds."""

    models: Models
    history: History
    calibrations: dict[str, Calibrations]
    converter: Converter
    macro: Macro | None
    data_fingerprint: str
    figures: dict[str, Any]


def save(
    folder: Path,
    models: Models,
    history: History,
    calibrations: Mapping[str, Calibrations],
    converter: Converter,
    macro: Macro | None,
    *,
    data_fingerprint: str,
    figures: Mapping[str, Any],
) -> None:
    """Write the artefact; see `customs.artefact` for its manifest."""
    texts = models.price.texts()
    preprocessing = {
        "facts": {check: model.facts() for check, model in models.by_check.items()},
        "trees": bool(texts),
        "macro": macro is not None,
        "freight_unit": converter.freight_unit,
        "krw_per_usd": {str(month): rate for month, rate in sorted(converter.krw_per_usd.items())},
        "calibrations": {name: c.lines is not None for name, c in calibrations.items()},
    }
    with ArtefactWriter(
        folder,
        kind="tabular",
        config=dataclasses.asdict(models.price.config),
        preprocessing=preprocessing,
        data_fingerprint=data_fingerprint,
        figures=dict(figures),
    ) as out:
        out.tensors("network", dict(models.price.tensors()))
        if texts:
            out.columns("trees", texts)
        out.columns("history", history.rows.as_columns())
        if macro is not None:
            out.columns("macro", macro.as_columns())
        # by name, as the manifest has them: what was loaded is saved again byte for byte
        for name, both in sorted(calibrations.items()):
            out.calibration(name, both.months)
            if both.lines is not None:
                out.calibration(_of_lines(name), both.lines)


def load(folder: Path, device: str) -> Kept:
    """Read an artefact written by `save`."""
    artefact = open_artefact(folder, kind="tabular")
    known = artefact.manifest["preprocessing"]
    kind = CONFIGS.get(artefact.config.get("model", ""))
    if kind is None or "facts" not in known:
        raise DamagedArtefact(
            f"{folder} was written by another version", field="model", remedy="train the model again"
        )
    config, facts = make_config(kind, artefact.config), known["facts"]
    macro = Macro.from_columns(artefact.columns("macro")) if known["macro"] else None
    tensors = artefact.tensors("network")
    if isinstance(config, ProposalConfig):
        price: Any = ProposalModel.restore(config, tensors, facts[PRICE], macro, device)
    else:
        texts = artefact.columns("trees") if known["trees"] else {}
        price = Flagship.restore(config, tensors, facts[PRICE], texts, device)
    models = Models(
        price,
        OtherCodesModel.restore(facts[CODE]) if CODE in facts else None,
        FreightModel.restore(facts[FREIGHT]) if FREIGHT in facts else None,
        OilModel.restore(facts[OIL], macro) if OIL in facts and macro is not None else None,
        VolumeModel.restore(facts[VOLUME]) if VOLUME in facts else None,
    )
    return Kept(
        models,
        History(Rows.from_columns(artefact.columns("history")), memory=config.memory),
        {
            name: Calibrations(
                artefact.calibration(name), artefact.calibration(_of_lines(name)) if has_lines else None
            )
            for name, has_lines in known["calibrations"].items()
        },
        Converter(known["freight_unit"], {int(m): float(r) for m, r in known["krw_per_usd"].items()}),
        macro,
        artefact.manifest["data_fingerprint"],
        dict(artefact.manifest["figures"]),
    )


def _of_lines(name: str) -> str:
    return f"{name}@line"
