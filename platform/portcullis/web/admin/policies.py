"""Policies: what counts as remarkable, what other thresholds would change, and every version of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError, Problem
from fusion import Policy
from portcullis.api.access import Serving
from portcullis.api.policies import published
from portcullis.api.problems import status_of
from portcullis.report import check_label
from portcullis.service import Service
from portcullis.store.policies import Change, Published
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import ModelsFrame, Pages, PolicyFrame, Showing

MOST = 30
router = APIRouter(include_in_schema=False)
_BANDS, _FINDINGS = ("watch", "high", "critical"), ("note", "warning", "alarm")


@dataclass(frozen=True)
class Threshold:
    """One threshold; one_in: of how many clean consignments one gets there; typed: what the form shows."""

    section: str
    name: str
    surprise: str
    one_in: str
    typed: str


@dataclass(frozen=True)
class ShareRow:
    """How many recent assessments, or checks, are this now, and would be; shares are of all counted."""

    name: str
    before: int
    after: int
    share_before: str
    share_after: str
    difference: int


@dataclass(frozen=True)
class ChangeRows:
    """What would change."""

    counted: int
    unknown: int
    opened: int
    bands: tuple[ShareRow, ...]
    findings: tuple[ShareRow, ...]

    @classmethod
    def of(cls, change: Change) -> ChangeRows:
        """From the store's comparison."""
        return cls(
            counted=change.counted,
            unknown=change.unknown,
            opened=change.opened,
            bands=_shares(change.bands, change.counted),
            findings=_shares(change.findings, 0),
        )


@dataclass(frozen=True)
class VersionRow:
    """A policy that was published."""

    number: int
    version: str
    when: str
    by: str
    reason: str
    thresholds: tuple[tuple[str, str], ...]
    now: bool


@dataclass(frozen=True, kw_only=True)
class PoliciesPage(Page):
    """The policy in force, a form for another, what it would change, and earlier ones."""

    template: ClassVar[str] = "admin/policies.html"
    version: str
    thresholds: tuple[Threshold, ...]
    cap: str
    weights: tuple[tuple[str, str], ...]
    echoes: tuple[tuple[str, str], ...]
    ceilings: tuple[tuple[str, str], ...]
    pinned: bool
    versions: tuple[VersionRow, ...]
    more: int | None
    change: ChangeRows | None = None
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    done: str = ""


@dataclass(frozen=True, kw_only=True)
class ChangePart(Part):
    """What other thresholds would change."""

    template: ClassVar[str] = "admin/change.html"
    change: ChangeRows | None
    problems: tuple[Problem, ...]


PAGES: tuple[type[Page], ...] = (PoliciesPage,)
PARTS: tuple[type[Part], ...] = (ChangePart,)


async def typed(request: Request) -> Mapping[str, str]:
    """The fields of the form, as they were typed."""
    form = await request.form()
    return {name: value[:1000] for name, value in form.items() if isinstance(value, str)}


Typed = Annotated[Mapping[str, str], Depends(typed)]


@router.get("/admin/policies")
def policies(
    request: Request,
    pages: Showing,
    frame: ModelsFrame,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    done: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """The page."""
    return pages.show(request, _page(pages, frame, before=before, done=done))


@router.post("/admin/policies/preview")
def preview(request: Request, pages: Showing, service: Serving, frame: ModelsFrame, form: Typed) -> Response:
    """What the typed thresholds would change: a piece of the page, or without scripts the whole of it."""
    change, problems = None, ()
    try:
        change = ChangeRows.of(service.policies.compared(service.policy, _wanted(service, form)))
    except CustomsError as error:
        problems = error.problems
    if "hx-request" in request.headers:
        return pages.show(request, ChangePart(language=frame.language, change=change, problems=problems))
    return pages.show(request, _page(pages, frame, form=form, change=change, problems=problems))


@router.post("/admin/policies")
def publish(request: Request, pages: Showing, service: Serving, frame: PolicyFrame, form: Typed) -> Response:
    """Put the typed thresholds in force."""
    try:
        service.publish(_wanted(service, form), form.get("reason", ""), frame.who)
    except CustomsError as error:
        page = _page(pages, frame, form=form, problems=error.problems)
        return pages.show(request, page, status_of(error))
    return RedirectResponse("/admin/policies?done=published", 303)


@router.post("/admin/policies/{number}")
def publish_again(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: PolicyFrame,
    number: int,
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Put an earlier policy in force again."""
    try:
        service.publish(published(service, number).policy, reason, frame.who)
    except CustomsError as error:
        return pages.show(request, _page(pages, frame, problems=error.problems), status_of(error))
    return RedirectResponse("/admin/policies?done=published", 303)


def _wanted(service: Service, form: Mapping[str, str]) -> Policy:
    problems, values = [], dict[str, float]()
    for section, names in (("bands", _BANDS), ("findings", _FINDINGS)):
        for name in names:
            given = form.get(f"{section}.{name}", "").replace(",", ".").strip()
            try:
                values[name] = float(given)
                good = 0 <= values[name] <= 12
            except ValueError:
                good = False
            if not good:
                problems.append(Problem(f"got {given!r}", f"{section}.{name}", "give a number from 0 to 12"))
    if problems:
        raise CustomsError.of(problems)
    return service.policy.with_thresholds(
        {name: values[name] for name in _BANDS}, {name: values[name] for name in _FINDINGS}
    )


def _page(
    pages: Pages,
    frame: Frame,
    *,
    before: int | None = None,
    form: Mapping[str, str] | None = None,
    change: ChangeRows | None = None,
    problems: tuple[Problem, ...] = (),
    done: str = "",
) -> PoliciesPage:
    service, form = pages.service, form or {}
    policy = service.policy
    found = service.policies.page(before, MOST + 1)
    newest = service.policies.page(limit=1)
    current = newest[0].number if newest and newest[0].policy.version == policy.version else None

    def label(check: str) -> str:
        return check_label(check, frame.language)

    return PoliciesPage(
        frame=frame,
        version=policy.version,
        thresholds=tuple(
            Threshold(section, name, f"{s:g}", f"{10**s:,.0f}", form.get(f"{section}.{name}", f"{s:g}"))
            for section, values in (("bands", policy.bands), ("findings", policy.findings))
            for name, s in values.items()
        ),
        cap=f"{policy.cap:g}",
        weights=tuple((label(check), f"{weight:g}") for check, weight in policy.weights.items()),
        echoes=tuple((label(check), label(other)) for check, other in policy.echoes.items()),
        ceilings=tuple((label(check), most) for check, most in policy.ceilings.items()),
        pinned=service.policies.pinned is not None,
        versions=tuple(_version(pages, one, one.number == current) for one in found[:MOST]),
        more=found[MOST - 1].number if len(found) > MOST else None,
        change=change,
        reason=form.get("reason", ""),
        problems=problems,
        done=done,
    )


def _version(pages: Pages, found: Published, now: bool) -> VersionRow:
    values = {**found.policy.bands, **found.policy.findings}
    return VersionRow(
        number=found.number,
        version=found.policy.version,
        when=f"{found.at.astimezone(pages.zone):%Y-%m-%d %H:%M}",
        by=found.account or "",
        reason=found.reason,
        thresholds=tuple((name, f"{value:g}") for name, value in values.items()),
        now=now,
    )


def _shares(pairs: Mapping[str, tuple[int, int]], counted: int) -> tuple[ShareRow, ...]:
    def share(n: int) -> str:
        return f"{n / counted:.1%}" if counted else ""

    return tuple(
        ShareRow(name, old, new, share(old), share(new), new - old) for name, (old, new) in pairs.items()
    )
