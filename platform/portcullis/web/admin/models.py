"""Models: which sets there are, how good they are, which answers and which one shadows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError
from portcullis.api.access import Serving
from portcullis.api.models import choose
from portcullis.model_sets import Card, described, names
from portcullis.report import check_label
from portcullis.service import NotFound
from portcullis.store.model_choices import Choice
from portcullis.store.model_choices import Part as Role
from portcullis.switching import Switchboard
from portcullis.web.admin.figures import Budget, Figure, apart, budgets, figures
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import ModelsFrame, Pages, Showing, SwitchingFrame

MOST_REASON = 1_000
BANDS = ("unknown", "clear", "watch", "high", "critical")
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ModelRow:
    """One model of a set, with the figures of its manifest."""

    kind: str
    version: str
    checks: tuple[str, ...]
    trained_on: str
    calibrated_with: tuple[tuple[str, str], ...]
    budgets: tuple[Budget, ...]
    quality: tuple[Figure, ...]
    data: tuple[Figure, ...]
    other: tuple[Figure, ...]


@dataclass(frozen=True)
class SetRow:
    """One set of models; problem: why it cannot be read."""

    name: str
    models: tuple[ModelRow, ...]
    problem: str
    live: bool
    shadow: bool


@dataclass(frozen=True)
class PartRow:
    """What does a part: the set that this worker has loaded, the one that was chosen, why they differ."""

    role: str
    set: str
    chosen: str
    when: str
    by: str
    current: bool
    problem: str


@dataclass(frozen=True)
class ChoiceRow:
    """A switch of the past; name: empty where the shadow ended."""

    when: str
    role: str
    name: str
    by: str
    reason: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Shadow:
    """How the shadow compares. table: live bands down, its own across; agreement: share of all scored."""

    scored: int
    changed: int
    agreement: str
    difference: str
    waiting: int
    dropped: int
    table: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


@dataclass(frozen=True, kw_only=True)
class ModelsPage(Page):
    """All sets, who does what, and how the shadow compares.

    wrong: a key of `wrong_words`, asked and reason: the set and what was typed when it was refused.
    """

    template: ClassVar[str] = "admin/models.html"
    sets: tuple[SetRow, ...]
    parts: tuple[PartRow, ...]
    history: tuple[ChoiceRow, ...]
    shadow: Shadow | None
    bands: tuple[str, ...] = BANDS
    most_reason: int = MOST_REASON
    asked: str | None = None
    reason: str = ""
    wrong: str = ""
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
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Let a set do a part; an empty name ends the shadow. Hashes are checked before anything changes."""
    wrong = ""
    reason = reason.strip()
    if not reason or len(reason) > MOST_REASON:
        wrong = "reason"
    elif role not in tuple(Role) or (not set_ and role != Role.SHADOW):
        wrong = "role"
    else:
        try:
            choose(service, Role(role), set_ or None, frame.who, reason)
        except NotFound:
            wrong = "gone"
        except CustomsError:  # its files are not those of its manifests
            wrong = "damaged"
    if wrong:
        return pages.show(request, _page(pages, frame, asked=set_, reason=reason, wrong=wrong), 422)
    return RedirectResponse("/admin/models?done=switched", 303)


def _page(
    pages: Pages,
    frame: Frame,
    *,
    asked: str | None = None,
    reason: str = "",
    wrong: str = "",
    done: str = "",
) -> ModelsPage:
    service = pages.service
    board = service.switchboard
    parts = {role: _part(pages, board, role) for role in Role}
    folder = service.settings.models
    sets = [described(folder, name) for name in names(folder)]
    return ModelsPage(
        frame=frame,
        sets=tuple(
            SetRow(
                name=one.name,
                models=tuple(_model(card, frame) for card in one.cards),
                problem=one.problem or "",
                live=one.name == parts[Role.LIVE].chosen,
                shadow=one.name == parts[Role.SHADOW].chosen,
            )
            for one in sets
        ),
        parts=tuple(parts.values()),
        history=tuple(_choice(pages, role, choice) for role, choice in service.choices.history()),
        shadow=_shadow(pages, board),
        asked=asked,
        reason=reason,
        wrong=wrong,
        done=done,
    )


def _part(pages: Pages, board: Switchboard, role: Role) -> PartRow:
    state, choice = board.state(role), board.choices.current(role)
    number = None if state.choice is None else state.choice.number
    return PartRow(
        role=role.value,
        set=state.name or "",
        chosen=(state.name if choice is None else choice.name) or "",
        when="" if choice is None else f"{choice.at.astimezone(pages.zone):%Y-%m-%d %H:%M}",
        by="" if choice is None else choice.account or "",
        current=choice is None or choice.number == number,
        problem=state.problem or "",
    )


def _shadow(pages: Pages, board: Switchboard) -> Shadow | None:
    models = board.state(Role.SHADOW).models
    if models is None:
        return None
    found = board.choices.compared(models.all_versions)
    return Shadow(
        scored=found.scored,
        changed=found.changed,
        agreement=f"{1 - found.changed / found.scored:.1%}" if found.scored else "",
        difference="" if found.mean_difference is None else f"{found.mean_difference:+.3f}",
        waiting=board.waiting,
        dropped=board.dropped,
        table=tuple(
            (band, tuple((other, found.bands.get((band, other), 0)) for other in BANDS)) for band in BANDS
        ),
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
    groups = figures(card.figures)
    return ModelRow(
        kind=card.kind,
        version=card.version,
        checks=tuple(check_label(check, frame.language) for check in card.checks),
        trained_on=card.trained_on,
        calibrated_with=tuple(card.calibrated_with.items()),
        budgets=budgets(groups["quality"]),
        quality=apart(groups["quality"]),
        data=groups["data"],
        other=groups["other"],
    )
