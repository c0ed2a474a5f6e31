"""Models: which sets there are, how good they are, which answers and which one shadows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.api.models import choose
from portcullis.api.problems import status_of
from portcullis.model_sets import Card, described, names
from portcullis.report import check_label
from portcullis.store.model_choices import Choice
from portcullis.store.model_choices import Part as Role
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import ModelsFrame, Pages, Showing, SwitchingFrame

MOST_FIGURES = 60
BANDS = ("unknown", "clear", "watch", "high", "critical")
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ModelRow:
    """One model of a set. figures: name and value as the manifest has them, one level deep."""

    kind: str
    version: str
    checks: tuple[str, ...]
    trained_on: str
    calibrated_with: tuple[tuple[str, str], ...]
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SetRow:
    """One set of models."""

    name: str
    models: tuple[ModelRow, ...]
    problem: str
    live: bool
    shadow: bool


@dataclass(frozen=True)
class ChoiceRow:
    """A switch of the past."""

    when: str
    role: str
    name: str
    by: str
    reason: str
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelsPage(Page):
    """All sets; the shadow's comparison as a table of bands, live ones down, the shadow's across."""

    template: ClassVar[str] = "admin/models.html"
    sets: tuple[SetRow, ...]
    live: str | None
    shadow: str | None
    live_problem: str
    shadow_problem: str
    history: tuple[ChoiceRow, ...]
    scored: int
    changed: int
    agreement: str
    difference: str
    waiting: int
    dropped: int
    table: tuple[tuple[str, tuple[int, ...]], ...]
    bands: tuple[str, ...] = BANDS
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    done: str = ""


PAGES: tuple[type[Page], ...] = (ModelsPage,)
PARTS: tuple[type[Part], ...] = ()


@router.get("/admin/models")
def models(
    request: Request, pages: Showing, frame: ModelsFrame, done: Annotated[str, Query(max_length=16)] = ""
) -> Response:
    """The page."""
    return pages.show(request, _page(pages, frame, done=done))


@router.post("/admin/models")
def switch(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: SwitchingFrame,
    role: Annotated[str, Form(max_length=8)] = "",
    set_: Annotated[str, Form(alias="set", max_length=40)] = "",
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Let a set do a part; an empty name ends the shadow. Hashes are checked before anything changes."""
    try:
        if role not in tuple(Role) or (not set_ and role != Role.SHADOW):
            raise CustomsError(f"got {role!r}", field="role", remedy="choose live or shadow, and a set")
        if not reason.strip():
            raise CustomsError("there is no reason", field="reason", remedy="say in a few words why")
        choose(service, Role(role), set_ or None, frame.who, reason.strip())
    except CustomsError as error:
        page = _page(pages, frame, reason=reason, problems=error.problems)
        return pages.show(request, page, status_of(error))
    return RedirectResponse("/admin/models?done=switched", 303)


def _page(
    pages: Pages, frame: Frame, *, reason: str = "", problems: tuple[Problem, ...] = (), done: str = ""
) -> ModelsPage:
    service = pages.service
    board = service.switchboard
    live, shadow = board.state(Role.LIVE), board.state(Role.SHADOW)
    folder = service.settings.models
    found = service.choices.compared({} if shadow.models is None else shadow.models.all_versions)
    same = 1 - found.changed / found.scored if found.scored else None
    sets = [described(folder, name) for name in names(folder)]
    return ModelsPage(
        frame=frame,
        sets=tuple(
            SetRow(
                name=one.name,
                models=tuple(_model(card, frame) for card in one.cards),
                problem=one.problem or "",
                live=one.name == live.name,
                shadow=one.name == shadow.name,
            )
            for one in sets
        ),
        live=live.name,
        shadow=shadow.name,
        live_problem=live.problem or "",
        shadow_problem=shadow.problem or "",
        history=tuple(_choice(pages, role, choice) for role, choice in service.choices.history()),
        scored=found.scored,
        changed=found.changed,
        agreement="" if same is None else f"{same:.1%}",
        difference="" if found.mean_difference is None else f"{found.mean_difference:+.3f}",
        waiting=board.waiting,
        dropped=board.dropped,
        table=tuple((band, tuple(found.bands.get((band, other), 0) for other in BANDS)) for band in BANDS),
        reason=reason,
        problems=problems,
        done=done,
    )


def _choice(pages: Pages, role: Role, choice: Choice) -> ChoiceRow:
    return ChoiceRow(
        when=f"{choice.at.astimezone(pages.zone):%Y-%m-%d %H:%M}",
        role=role.value,
        name=choice.name or "",
        by=choice.account or "",
        reason=choice.reason,
        versions=tuple(choice.versions.values()),
    )


def _model(card: Card, frame: Frame) -> ModelRow:
    return ModelRow(
        kind=card.kind,
        version=card.version,
        checks=tuple(check_label(check, frame.language) for check in card.checks),
        trained_on=card.trained_on,
        calibrated_with=tuple(card.calibrated_with.items()),
        figures=tuple(_flat(card.figures))[:MOST_FIGURES],
    )


def _flat(figures: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Figures as lines of a table; those of rivals lie in figures of their own and keep their path."""
    found = []
    for name, value in figures.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{before}{name}.")
        elif isinstance(value, list):
            found += [(before + name, ", ".join(map(str, value[:12])) or "–")]
        else:
            found += [(before + name, f"{value:,.4g}" if isinstance(value, float) else str(value))]
    return found
