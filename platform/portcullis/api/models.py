"""`/v1/models`: which models there are, which set answers, which one shadows it and how they differ."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints

from portcullis.api.access import ReadingModels, Serving, SwitchingModels
from portcullis.api.problems import documented
from portcullis.model_sets import NAME, Card, described, names
from portcullis.service import NotFound, Service
from portcullis.store.accounts import Account
from portcullis.store.model_choices import Part

router = APIRouter(prefix="/v1/models", tags=["models"])
SetName = Annotated[str, StringConstraints(pattern=f"^{NAME}$", max_length=40)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WantedLive(_Document):
    """The set that is to answer."""

    set: SetName
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""


class WantedShadow(_Document):
    """The set that is to shadow; null for none."""

    set: SetName | None
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""


class ModelDocument(_Document):
    """One model. trained_on: fingerprint of its data; calibrated_with: of a fusion, the modules' versions."""

    kind: str
    version: str
    checks: list[str]
    figures: dict[str, Any]
    trained_on: str
    calibrated_with: dict[str, str]


class SetDocument(_Document):
    """A set of models; problem: why it cannot be used, as far as a look at it tells."""

    name: str
    models: list[ModelDocument]
    problem: str | None


class PartDocument(_Document):
    """Which set does a part: as chosen (null by nobody), and as this worker has it loaded.

    current: whether what is loaded is what was chosen; problem: why it could not be loaded.
    """

    set: str | None
    chosen: str | None
    chosen_at: dt.datetime | None
    chosen_by: str | None
    current: bool
    versions: dict[str, str]
    problem: str | None


class ModelsDocument(_Document):
    """All sets, which one is live and which is shadow."""

    live: PartDocument
    shadow: PartDocument
    sets: list[SetDocument]


class BandsDocument(_Document):
    """How many assessments the live models put into one band and the shadow into another (or the same)."""

    live: str
    shadow: str
    count: int


class ShadowDocument(_Document):
    """What the shadow would have changed, over all that it scored in the versions that are loaded.

    mean_difference: of the surprise, shadow less live. waiting, dropped: of this worker since it started.
    """

    set: str | None
    versions: dict[str, str]
    scored: int
    changed: int
    mean_difference: float | None
    bands: list[BandsDocument]
    waiting: int
    dropped: int


@router.get("", response_model=ModelsDocument, responses=documented(401, 403))
def models(service: Serving, account: ReadingModels) -> dict[str, Any]:
    """All sets of models with their versions and figures."""
    return _state(service)


@router.put("/live", response_model=ModelsDocument, responses=documented(401, 403, 404, 422))
def live(service: Serving, account: SwitchingModels, wanted: WantedLive) -> dict[str, Any]:
    """Let a set answer from now on; its files are verified first, and all workers follow within seconds."""
    choose(service, Part.LIVE, wanted.set, account, wanted.reason)
    return _state(service)


@router.put("/shadow", response_model=ModelsDocument, responses=documented(401, 403, 404, 422))
def put_shadow(service: Serving, account: SwitchingModels, wanted: WantedShadow) -> dict[str, Any]:
    """Have every assessment scored by a set beside, after the answer; it decides nothing."""
    choose(service, Part.SHADOW, wanted.set, account, wanted.reason)
    return _state(service)


@router.get("/shadow", response_model=ShadowDocument, responses=documented(401, 403))
def shadow(service: Serving, account: ReadingModels) -> dict[str, Any]:
    """How the shadow compares with what was live."""
    state = service.switchboard.state(Part.SHADOW)
    versions = {} if state.models is None else state.models.all_versions
    found = service.choices.compared(versions)
    return {
        "set": state.name,
        "versions": versions,
        "scored": found.scored,
        "changed": found.changed,
        "mean_difference": found.mean_difference,
        "bands": [
            {"live": one, "shadow": other, "count": n} for (one, other), n in sorted(found.bands.items())
        ],
        "waiting": service.switchboard.waiting,
        "dropped": service.switchboard.dropped,
    }


def choose(service: Service, part: Part, name: str | None, account: Account, reason: str) -> None:
    """Let a set do a part; one that is not there is a `NotFound`."""
    if name is not None and name not in names(service.settings.models):
        raise NotFound(f"there is no set {name}", field="set", remedy="see GET /v1/models")
    service.switchboard.choose(part, name, account, reason)


def _state(service: Service) -> dict[str, Any]:
    folder = service.settings.models
    sets = [described(folder, name) for name in names(folder)]
    return {
        "live": _part(service, Part.LIVE),
        "shadow": _part(service, Part.SHADOW),
        "sets": [
            {"name": one.name, "problem": one.problem, "models": [_card(card) for card in one.cards]}
            for one in sets
        ],
    }


def _part(service: Service, part: Part) -> dict[str, Any]:
    state, choice = service.switchboard.state(part), service.choices.current(part)
    chosen = choice.name if choice is not None else state.name
    number = None if state.choice is None else state.choice.number
    return {
        "set": state.name,
        "chosen": chosen,
        "chosen_at": None if choice is None else choice.at,
        "chosen_by": None if choice is None else choice.account,
        "current": state.problem is None and (choice is None or choice.number == number),
        "versions": {} if state.models is None else state.models.all_versions,
        "problem": state.problem,
    }


def _card(card: Card) -> dict[str, Any]:
    return {
        "kind": card.kind,
        "version": card.version,
        "checks": list(card.checks),
        "figures": dict(card.figures),
        "trained_on": card.trained_on,
        "calibrated_with": dict(card.calibrated_with),
    }
