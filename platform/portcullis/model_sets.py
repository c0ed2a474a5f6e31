"""Sets of model folders: what `PORTCULLIS_MODELS` holds, by name.

    models/{tabular,hs,xray,fusion}          the set `default`
    models/sets/NAME/{tabular,hs,xray,fusion}

A set is used as a whole: a fusion is calibrated on what exactly these modules say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customs.artefact import MANIFEST, Artefact
from customs.errors import CustomsError, InvalidValue
from portcullis.models import FUSION, SCORERS, checked, model_folders
from portcullis.modules import Module

DEFAULT = "default"
SETS = "sets"
NAME = r"[a-z0-9][a-z0-9._-]{0,39}"


@dataclass(frozen=True)
class Card:
    """What is known of one model: checks it has, figures of its training, the fingerprint of its data.

    calibrated_with: the versions of the modules that a fusion was calibrated on, where it says.
    """

    kind: str
    version: str
    checks: tuple[str, ...]
    figures: Mapping[str, Any]
    trained_on: str
    calibrated_with: Mapping[str, str]


@dataclass(frozen=True)
class ModelSet:
    """A set by its name; problem: why it cannot be read, where it cannot."""

    name: str
    folder: Path
    cards: tuple[Card, ...] = ()
    problem: str | None = None


def set_folder(models: Path, name: str) -> Path:
    """The folder of a set; `InvalidValue` for a name that cannot be one."""
    if not re.fullmatch(NAME, name):
        raise InvalidValue(f"{name!r} is no name of a set", field="set", remedy="see GET /v1/models")
    return models if name == DEFAULT else models / SETS / name


def names(models: Path) -> list[str]:
    """All sets there are, `default` first."""
    others = sorted(p.name for p in (models / SETS).glob("*") if p.is_dir() and re.fullmatch(NAME, p.name))
    return [DEFAULT, *(name for name in others if name != DEFAULT)]


def described(models: Path, name: str) -> ModelSet:
    """A set with its models' cards; hashes are not checked here, a list must be quick."""
    folder = set_folder(models, name)
    try:
        cards = tuple(_card(one) for one in model_folders(folder))
    except CustomsError as error:
        return ModelSet(name, folder, problem=str(error))
    except (OSError, ValueError, KeyError, TypeError):
        return ModelSet(name, folder, problem=f"a {MANIFEST} of {name} cannot be read")
    return ModelSet(name, folder, cards)


def verified(models: Path, name: str) -> dict[str, str]:
    """Versions by kind, every hash checked; `DamagedArtefact` where one differs or fusion is another's."""
    return {
        kind: artefact.version for kind, artefact in checked(model_folders(set_folder(models, name))).items()
    }


def _card(folder: Path) -> Card:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    kind = manifest["kind"]
    checks: tuple[str, ...] = ()
    if kind in SCORERS:
        module = Module(kind)
        checks = tuple(getattr(module.room("scorer"), SCORERS[module]).checks)
    artefact = Artefact(folder, manifest)
    with_modules = artefact.document("modules") if kind == FUSION and artefact.has("modules") else {}
    return Card(
        kind=kind,
        version=artefact.version,
        checks=checks,
        figures=manifest["figures"],
        trained_on=manifest["data_fingerprint"],
        calibrated_with=with_modules,
    )
