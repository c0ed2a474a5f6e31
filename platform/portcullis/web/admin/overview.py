"""For who runs the platform: how the installation fares."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from customs.errors import Problem
from portcullis.api.access import Serving
from portcullis.checking import Finding, check
from portcullis.store.model_choices import Part as Role
from portcullis.web.frame import Page, Part
from portcullis.web.pages import ManagingFrame, ModelsFrame, Showing

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class OverviewPage(Page):
    """The installation in a few figures; what takes longer to find out is fetched by itself.

    Analysts see it too, without what only who runs the platform may see.
    """

    template: ClassVar[str] = "admin/overview.html"
    problems: tuple[Problem, ...]
    accounts: int
    signed_in: int
    assessments: int
    in_hand: int
    live: str | None
    shadow: str | None
    shadow_waiting: int
    model_trouble: str
    policy: str
    webhooks: int
    failing_webhooks: int
    entries: int
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
    """The overview."""
    imports = service.imports.page(limit=1)
    hooks = [hook for hook in service.alerting.webhooks.all() if hook.active]
    live, head = service.switchboard.state(Role.LIVE), service.audit.head()
    page = OverviewPage(
        frame=frame,
        problems=tuple(service.readiness.problems(service.stopping.is_set())),
        accounts=service.accounts.count(),
        signed_in=service.sessions.people(),
        assessments=service.assessments.count(),
        in_hand=service.batcher.in_hand,
        live=live.name,
        shadow=service.switchboard.state(Role.SHADOW).name,
        shadow_waiting=service.switchboard.waiting,
        model_trouble=live.problem or "",
        policy=service.policy.version,
        webhooks=len(hooks),
        failing_webhooks=sum(1 for hook in hooks if hook.failures),
        entries=0 if head is None else head.number,
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
