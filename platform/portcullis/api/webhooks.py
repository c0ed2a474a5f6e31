"""`/v1/webhooks`: where alerts are sent."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from fusion.policy import Band
from portcullis.alerting.desk import WebhookDesk
from portcullis.alerting.network import MAX_URL
from portcullis.api.access import ManagingWebhooks, Serving
from portcullis.api.alerts import MOST
from portcullis.api.problems import documented
from portcullis.store.alerts import AlertKind
from portcullis.store.deliveries import Delivery, State
from portcullis.store.webhooks import Webhook

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
WebhookId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL, json_schema_extra={"format": "uri"})]
Kinds = Annotated[list[AlertKind], Field(max_length=len(AlertKind))]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewWebhook(_Document):
    """What to send where. kinds: none means all; lowest_band: of alerts that have a band."""

    url: Url
    kinds: Kinds = Field(default_factory=list)
    lowest_band: Band | None = None


class WebhookChange(_Document):
    """What to change; what is left out, or null, stays. `lowest_band` can be set to null."""

    url: Url | None = None
    kinds: Kinds | None = None
    lowest_band: Band | None = None
    active: bool | None = None


class WebhookDocument(_Document):
    """A webhook; failures: in a row, since failing_since. One that only failed for days is not active."""

    id: str
    created_at: dt.datetime
    account: str
    url: str
    kinds: list[AlertKind]
    lowest_band: Band | None
    active: bool
    failures: int
    failing_since: dt.datetime | None


class AddedWebhook(WebhookDocument):
    """A new webhook; secret: what its receiver checks signatures with, shown this once."""

    secret: str


class WebhooksDocument(_Document):
    """All webhooks, oldest first."""

    webhooks: list[WebhookDocument]


class DeliveryDocument(_Document):
    """One alert on its way. id: the header `webhook-id`; next_at: of the next attempt, while pending."""

    id: str
    alert: int
    state: State
    attempts: int
    next_at: dt.datetime | None
    last_status: int | None
    last_error: str | None
    finished_at: dt.datetime | None


class DeliveriesDocument(_Document):
    """Deliveries, newest alert first; next: give it as `before` for older ones, null if there are none."""

    deliveries: list[DeliveryDocument]
    next: int | None


@router.post(
    "",
    status_code=201,
    response_model=AddedWebhook,
    responses=documented(400, 401, 403, 413, 422, 429),
)
def add(
    service: Serving, account: ManagingWebhooks, wanted: NewWebhook, response: Response
) -> dict[str, Any]:
    """Send alerts to a URL from now on. The answer holds the secret; it is not shown again."""
    desk = WebhookDesk(service.alerting)
    found, secret = desk.add(wanted.url, account, wanted.kinds, wanted.lowest_band)
    response.headers["Location"] = f"/v1/webhooks/{found.id}"
    return {**_document(found), "secret": secret}


@router.get("", response_model=WebhooksDocument, responses=documented(401, 403, 429))
def webhooks(service: Serving, account: ManagingWebhooks) -> dict[str, Any]:
    """All webhooks."""
    return {"webhooks": [_document(found) for found in service.alerting.webhooks.all()]}


@router.get("/{webhook_id}", response_model=WebhookDocument, responses=documented(401, 403, 404, 422, 429))
def get(service: Serving, account: ManagingWebhooks, webhook_id: WebhookId) -> dict[str, Any]:
    """One webhook."""
    return _document(WebhookDesk(service.alerting).get(webhook_id))


@router.patch(
    "/{webhook_id}",
    response_model=WebhookDocument,
    responses=documented(400, 401, 403, 404, 413, 422, 429),
)
def change(
    service: Serving, account: ManagingWebhooks, webhook_id: WebhookId, wanted: WebhookChange
) -> dict[str, Any]:
    """Change one; switching it off drops what waits, switching it on begins with the next alert."""
    given = wanted.model_dump(exclude_unset=True)
    changes = {name: value for name, value in given.items() if value is not None or name == "lowest_band"}
    return _document(WebhookDesk(service.alerting).change(webhook_id, account, changes))


@router.delete("/{webhook_id}", status_code=204, responses=documented(401, 403, 404, 422, 429))
def remove(service: Serving, account: ManagingWebhooks, webhook_id: WebhookId) -> None:
    """Switch one off for good; what was sent stays on record."""
    WebhookDesk(service.alerting).remove(webhook_id, account)


@router.post(
    "/{webhook_id}/test",
    response_model=DeliveryDocument,
    responses=documented(401, 403, 404, 422, 429),
)
def test(service: Serving, account: ManagingWebhooks, webhook_id: WebhookId) -> dict[str, Any]:
    """Send a test alert now, once; the answer says how it went. Takes up to 15 seconds."""
    return _delivery(WebhookDesk(service.alerting).test(webhook_id, account))


@router.get(
    "/{webhook_id}/deliveries",
    response_model=DeliveriesDocument,
    responses=documented(401, 403, 404, 422, 429),
)
def deliveries(
    service: Serving,
    account: ManagingWebhooks,
    webhook_id: WebhookId,
    before: Annotated[int | None, Query(ge=0, le=MOST, description="Only of earlier alerts.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """What was sent and what waits; kept for 30 days after its end."""
    found = WebhookDesk(service.alerting).deliveries(webhook_id, before, limit)
    return {
        "deliveries": [_delivery(one) for one in found],
        "next": found[-1].alert if len(found) == limit else None,
    }


def _document(found: Webhook) -> dict[str, Any]:
    return {
        "id": found.id,
        "created_at": found.created_at,
        "account": found.account,
        "url": found.url,
        "kinds": list(found.kinds),
        "lowest_band": found.lowest_band,
        "active": found.active,
        "failures": found.failures,
        "failing_since": found.failing_since,
    }


def _delivery(found: Delivery) -> dict[str, Any]:
    return {
        "id": found.id,
        "alert": found.alert,
        "state": found.state,
        "attempts": found.attempts,
        "next_at": found.next_at if found.state is State.PENDING else None,
        "last_status": found.last_status,
        "last_error": found.last_error,
        "finished_at": found.finished_at,
    }
