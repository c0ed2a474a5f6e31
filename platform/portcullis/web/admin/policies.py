"""Policies: what counts as remarkable, what other thresholds would change, and every version of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError, InvalidConfig, InvalidValue
from fusion import Policy
from portcullis.api.access import Serving
from portcullis.api.policies import published
from portcullis.report import check_label
from portcullis.service import Service
from portcullis.store.policies import MAX_REASON, READ, Change, Published
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import ModelsFrame, Pages, PolicyFrame, Showing

MOST = 30
HIGHEST = 12.0  # one in a million millions: more than any calibration can tell
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "bands": ("watch", "high", "critical"),
    "findings": ("note", "warning", "alarm"),
}
router = APIRouter(include_in_schema=False)
Wrong = dict[str, str]  # field → what is wrong with it: a key of `wrong_words` in the template


@dataclass(frozen=True)
class Threshold:
    """One threshold; one_in: of how many clean consignments one gets there; typed: what the form shows."""

    field: str
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
    difference: str


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
    """A policy that can be put in force again; number 0 is the one that ships with Portcullis."""

    number: int
    version: str
    when: str
    by: str
    reason: str
    thresholds: tuple[tuple[str, str], ...]
    now: bool


@dataclass(frozen=True, kw_only=True)
class PoliciesPage(Page):
    """The policy in force, a form for another, what it would change, and earlier ones.

    again: number of the earlier policy that was to be put in force and could not be.
    """

    template: ClassVar[str] = "admin/policies.html"
    version: str
    bands: tuple[Threshold, ...]
    findings: tuple[Threshold, ...]
    cap: str
    weights: tuple[tuple[str, str], ...]
    echoes: tuple[tuple[str, str], ...]
    ceilings: tuple[tuple[str, str], ...]
    pinned: bool
    versions: tuple[VersionRow, ...]
    more: int | None
    most_reason: int = MAX_REASON
    most_read: int = READ
    change: ChangeRows | None = None
    reason: str = ""
    again: int | None = None
    wrong: Mapping[str, str]
    done: str = ""


@dataclass(frozen=True, kw_only=True)
class ChangePart(Part):
    """What other thresholds would change."""

    template: ClassVar[str] = "admin/change.html"
    change: ChangeRows | None
    most_read: int = READ
    wrong: Mapping[str, str]


PAGES: tuple[type[Page], ...] = (PoliciesPage,)
PARTS: tuple[type[Part], ...] = (ChangePart,)


async def typed(request: Request) -> Mapping[str, str]:
    """The fields of the form, as they were typed."""
    form = await request.form()
    return {name: value[: 2 * MAX_REASON] for name, value in form.items() if isinstance(value, str)}


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
def preview(request: Request, pages: Showing, service: Serving, frame: PolicyFrame, form: Typed) -> Response:
    """What the typed thresholds would change: a piece of the page, or without scripts the whole of it."""
    policy, wrong = _wanted(service, form)
    now = service.policies.in_force()
    change = None if policy is None else ChangeRows.of(service.policies.compared(now, policy))
    if "hx-request" in request.headers:
        return pages.show(request, ChangePart(language=frame.language, change=change, wrong=wrong))
    page = _page(pages, frame, form=form, change=change, wrong=wrong)
    return pages.show(request, page, 422 if wrong else 200)


@router.post("/admin/policies")
def publish(request: Request, pages: Showing, service: Serving, frame: PolicyFrame, form: Typed) -> Response:
    """Put the typed thresholds in force, unless another policy was published since the form was shown."""
    policy, wrong = _wanted(service, form)
    if form.get("seen") != service.policies.in_force().version:
        wrong["policy"] = "changed"
    if policy is not None and not wrong:
        wrong = _published(service, policy, form.get("reason", ""), frame)
    if wrong:
        return pages.show(request, _page(pages, frame, form=form, wrong=wrong), 422)
    return RedirectResponse("/admin/policies?done=published", 303)


@router.post("/admin/policies/{number}")
def publish_again(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: PolicyFrame,
    number: int,
    reason: Annotated[str, Form(max_length=2 * MAX_REASON)] = "",
) -> Response:
    """Put an earlier policy in force again; 0 is the one that ships with Portcullis."""
    policy = Policy.default() if number == 0 else published(service, number).policy
    wrong = _published(service, policy, reason, frame)
    if wrong:
        page = _page(pages, frame, form={"reason": reason}, wrong=wrong, again=number)
        return pages.show(request, page, 422)
    return RedirectResponse("/admin/policies?done=published", 303)


def _published(service: Service, policy: Policy, reason: str, frame: Frame) -> Wrong:
    try:
        service.publish(policy, reason, frame.who)
    except InvalidValue:
        return {"reason": "reason"}
    except InvalidConfig:
        return {"policy": "same" if service.policies.pinned is None else "pinned"}
    return {}


def _wanted(service: Service, form: Mapping[str, str]) -> tuple[Policy | None, Wrong]:
    wrong, values = Wrong(), dict[str, float]()
    for section, names in SECTIONS.items():
        for name in names:
            field = f"{section}.{name}"
            try:
                values[field] = float(form.get(field, "").replace(",", ".").strip())
            except ValueError:
                wrong[field] = "number"
            else:
                if not 0 <= values[field] <= HIGHEST:
                    wrong[field] = "number"
    if wrong:
        return None, wrong
    bands, findings = (
        {name: values[f"{section}.{name}"] for name in names} for section, names in SECTIONS.items()
    )
    try:
        return service.policies.in_force().with_thresholds(bands, findings), wrong
    except CustomsError as error:
        return None, {(p.field or "policy").removeprefix("policy."): "order" for p in error.problems}


def _page(
    pages: Pages,
    frame: Frame,
    *,
    before: int | None = None,
    form: Mapping[str, str] | None = None,
    change: ChangeRows | None = None,
    wrong: Mapping[str, str] | None = None,
    again: int | None = None,
    done: str = "",
) -> PoliciesPage:
    service, form = pages.service, form or {}
    policy = service.policies.in_force()
    found = service.policies.page(before, MOST + 1)
    newest = service.policies.page(limit=1)
    current = newest[0].number if newest and service.policies.pinned is None else 0
    versions = [_version(pages, one, one.number == current) for one in found[:MOST]]
    if len(found) <= MOST:
        shipped = Policy.default()
        now = current == 0 and policy.version == shipped.version
        versions.append(VersionRow(0, shipped.version, "", "", "", _thresholds(shipped), now))

    def label(check: str) -> str:
        return check_label(check, frame.language)

    def row(section: str, name: str, s: float) -> Threshold:
        field = f"{section}.{name}"
        return Threshold(field, name, f"{s:g}", f"{10**s:,.0f}", form.get(field, f"{s:g}"))

    return PoliciesPage(
        frame=frame,
        version=policy.version,
        bands=tuple(row("bands", name, s) for name, s in policy.bands.items()),
        findings=tuple(row("findings", name, s) for name, s in policy.findings.items()),
        cap=f"{policy.cap:g}",
        weights=tuple((label(check), f"{weight:g}") for check, weight in policy.weights.items()),
        echoes=tuple((label(check), label(other)) for check, other in policy.echoes.items()),
        ceilings=tuple((label(check), most) for check, most in policy.ceilings.items()),
        pinned=service.policies.pinned is not None,
        versions=tuple(versions),
        more=found[MOST - 1].number if len(found) > MOST else None,
        change=change,
        reason=form.get("reason", ""),
        again=again,
        wrong=wrong or {},
        done=done,
    )


def _version(pages: Pages, found: Published, now: bool) -> VersionRow:
    return VersionRow(
        number=found.number,
        version=found.policy.version,
        when=f"{found.at.astimezone(pages.zone):%Y-%m-%d %H:%M}",
        by=found.account or "",
        reason=found.reason,
        thresholds=_thresholds(found.policy),
        now=now,
    )


def _thresholds(policy: Policy) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"{value:g}") for name, value in {**policy.bands, **policy.findings}.items())


def _shares(pairs: Mapping[str, tuple[int, int]], counted: int) -> tuple[ShareRow, ...]:
    def share(n: int) -> str:
        return f"{n / counted:.1%}" if counted else ""

    return tuple(
        ShareRow(name, old, new, share(old), share(new), f"{new - old:+,}" if new != old else "0")
        for name, (old, new) in pairs.items()
    )
