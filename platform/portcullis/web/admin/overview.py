"""For who runs the platform: how the installation fares."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import Problem
from portcullis.api.access import Serving
from portcullis.checking import Finding, check
from portcullis.identity.permissions import Permission
from portcullis.store.model_choices import Part as Role
from portcullis.web.frame import Page, Part
from portcullis.web.pages import ManagingFrame, ModelsFrame, Showing

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class OverviewPage(Page):
    """The installation in a few figures; what takes longer to find out is fetched by itself."""

    template: ClassVar[str] = "admin/overview.html"
    problems: tuple[Problem, ...]
    accounts: int
    signed_in: int
    assessments: int
    in_hand: int
    live: str | None
    shadow: str | None
    shadow_waiting: int
    policy: str
    failing_webhooks: int
    last_import: str | None
    clock: str


@dataclass(frozen=True, kw_only=True)
class FindingsPart(Part):
    """What `portcullis check` finds."""

    template: ClassVar[str] = "admin/findings.html"
    findings: tuple[Finding, ...]
    troubles: int


PAGES: tuple[type[Page], ...] = (OverviewPage,)
PARTS: tuple[type[Part], ...] = (FindingsPart,)


@router.get("/admin")
def overview(request: Request, pages: Showing, service: Serving, frame: ModelsFrame) -> Response:
    """The overview; who may see only some of these pages goes to the first of them."""
    if not frame.may(Permission.MANAGE_ACCOUNTS):
        return RedirectResponse("/admin/policies", 303)
    imports = service.imports.page(limit=1)
    page = OverviewPage(
        frame=frame,
        problems=tuple(service.readiness.problems(service.stopping.is_set())),
        accounts=service.accounts.count(),
        signed_in=service.sessions.people(),
        assessments=service.assessments.count(),
        in_hand=service.batcher.in_hand,
        live=service.switchboard.state(Role.LIVE).name,
        shadow=service.switchboard.state(Role.SHADOW).name,
        shadow_waiting=service.switchboard.waiting,
        policy=service.policy.version,
        failing_webhooks=sum(1 for hook in service.alerting.webhooks.all() if hook.failures),
        last_import=f"{imports[0].at.astimezone(pages.zone):%Y-%m-%d %H:%M}" if imports else None,
        clock=f"{dt.datetime.now(pages.zone):%Y-%m-%d %H:%M %Z}",
    )
    return pages.show(request, page)


@router.get("/admin/findings")
def findings(request: Request, pages: Showing, service: Serving, frame: ManagingFrame) -> Response:
    """All that `portcullis check` looks at, every model file read again."""
    found = tuple(check(service.settings))
    troubles = sum(len(one.problems) for one in found)
    return pages.show(request, FindingsPart(language=frame.language, findings=found, troubles=troubles))
