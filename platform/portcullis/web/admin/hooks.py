"""Webhooks: where alerts are sent, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from customs.errors import CustomsError, Problem
from customs.sentences import Language
from fusion.policy import BANDS, Band
from portcullis.alerting.desk import WebhookDesk
from portcullis.alerting.document import kind_label
from portcullis.alerting.network import MAX_URL
from portcullis.api.access import Serving
from portcullis.api.problems import status_of
from portcullis.store.alerts import AlertKind
from portcullis.store.deliveries import Delivery
from portcullis.store.webhooks import Webhook
from portcullis.web.frame import Frame, Page, Part
from portcullis.web.pages import Pages, Showing, WebhookFrame

MOST = 50
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class HookRow:
    """A webhook; kinds: in words, none means all; since: of the first failure in a row."""

    id: str
    url: str
    kinds: tuple[str, ...]
    band: str
    active: bool
    failures: int
    since: str
    by: str


@dataclass(frozen=True)
class DeliveryRow:
    """One alert on its way."""

    alert: int
    state: str
    attempts: int
    when: str
    status: str
    error: str


@dataclass(frozen=True, kw_only=True)
class HooksPage(Page):
    """All webhooks, and the form for a new one. kinds: of alerts, each with its words."""

    template: ClassVar[str] = "admin/webhooks.html"
    hooks: tuple[HookRow, ...]
    kinds: tuple[tuple[str, str], ...]
    url: str = ""
    chosen: tuple[str, ...] = ()
    lowest: str = ""
    problems: tuple[Problem, ...] = ()
    done: str = ""


@dataclass(frozen=True, kw_only=True)
class HookPage(Page):
    """One webhook with its deliveries. secret: of one just made, shown this once; tested: how a test went."""

    template: ClassVar[str] = "admin/webhook.html"
    hook: HookRow
    deliveries: tuple[DeliveryRow, ...]
    more: int | None
    secret: str = ""
    tested: DeliveryRow | None = None
    done: str = ""


PAGES: tuple[type[Page], ...] = (HooksPage, HookPage)
PARTS: tuple[type[Part], ...] = ()


@router.get("/admin/webhooks")
def webhooks(
    request: Request, pages: Showing, frame: WebhookFrame, done: Annotated[str, Query(max_length=16)] = ""
) -> Response:
    """The list."""
    return pages.show(request, _hooks(pages, frame, done=done))


@router.post("/admin/webhooks")
def add(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: WebhookFrame,
    kinds: Annotated[list[str] | None, Form(max_length=20)] = None,
    url: Annotated[str, Form(max_length=MAX_URL)] = "",
    lowest: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Add one; its secret is shown once."""
    chosen = tuple(kind for kind in kinds or () if kind in tuple(AlertKind))
    try:
        band = cast(Band, lowest) if lowest in BANDS else None
        wanted = [AlertKind(kind) for kind in chosen]
        found, secret = WebhookDesk(service.alerting).add(url.strip(), frame.who, wanted, band)
    except CustomsError as error:
        page = _hooks(pages, frame, url=url, chosen=chosen, lowest=lowest, problems=error.problems)
        return pages.show(request, page, status_of(error))
    return pages.show(request, _hook(pages, frame, found, secret=secret, done="added"), 201)


@router.get("/admin/webhooks/{webhook_id}")
def webhook(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: WebhookFrame,
    webhook_id: str,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    done: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """One webhook and its deliveries."""
    found = WebhookDesk(service.alerting).get(webhook_id)
    return pages.show(request, _hook(pages, frame, found, before=before, done=done))


@router.post("/admin/webhooks/{webhook_id}")
def change(
    request: Request,
    pages: Showing,
    service: Serving,
    frame: WebhookFrame,
    webhook_id: str,
    act: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    """Test it, switch it on or off, or remove it."""
    desk = WebhookDesk(service.alerting)
    if act == "test":
        tested = _delivery(pages, desk.test(webhook_id, frame.who))
        return pages.show(request, _hook(pages, frame, desk.get(webhook_id), tested=tested))
    if act == "remove":
        desk.remove(webhook_id, frame.who)
        return RedirectResponse("/admin/webhooks?done=removed", 303)
    if act not in ("on", "off"):
        raise CustomsError(f"got {act!r}", field="act", remedy="use the buttons of the page")
    changes: dict[str, Any] = {"active": act == "on"}
    desk.change(webhook_id, frame.who, changes)
    return RedirectResponse(f"/admin/webhooks/{webhook_id}?done=changed", 303)


def _hooks(
    pages: Pages,
    frame: Frame,
    *,
    url: str = "",
    chosen: tuple[str, ...] = (),
    lowest: str = "",
    problems: tuple[Problem, ...] = (),
    done: str = "",
) -> HooksPage:
    return HooksPage(
        frame=frame,
        hooks=tuple(_row(pages, one, frame.language) for one in pages.service.alerting.webhooks.all()),
        kinds=tuple(
            (kind.value, kind_label(kind, frame.language))
            for kind in AlertKind
            if kind is not AlertKind.WEBHOOK_TEST
        ),
        url=url,
        chosen=chosen,
        lowest=lowest,
        problems=problems,
        done=done,
    )


def _hook(
    pages: Pages,
    frame: Frame,
    found: Webhook,
    *,
    before: int | None = None,
    secret: str = "",
    tested: DeliveryRow | None = None,
    done: str = "",
) -> HookPage:
    sent = WebhookDesk(pages.service.alerting).deliveries(found.id, before, MOST + 1)
    return HookPage(
        frame=frame,
        hook=_row(pages, found, frame.language),
        deliveries=tuple(_delivery(pages, one) for one in sent[:MOST]),
        more=sent[MOST - 1].alert if len(sent) > MOST else None,
        secret=secret,
        tested=tested,
        done=done,
    )


def _row(pages: Pages, found: Webhook, language: Language) -> HookRow:
    since = found.failing_since
    return HookRow(
        id=found.id,
        url=found.url,
        kinds=tuple(kind_label(kind, language) for kind in found.kinds),
        band=found.lowest_band or "",
        active=found.active,
        failures=found.failures,
        since="" if since is None else f"{since.astimezone(pages.zone):%Y-%m-%d %H:%M}",
        by=found.account,
    )


def _delivery(pages: Pages, found: Delivery) -> DeliveryRow:
    when = found.finished_at or found.next_at
    return DeliveryRow(
        alert=found.alert,
        state=found.state.value,
        attempts=found.attempts,
        when="" if when is None else f"{when.astimezone(pages.zone):%Y-%m-%d %H:%M:%S}",
        status="" if found.last_status is None else str(found.last_status),
        error=found.last_error or "",
    )
