"""`/v1/alerts`: what happened, as a list and as a stream."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.exceptions import HTTPException
from starlette.types import Message, Send

from fusion.policy import BANDS, Band
from portcullis.alerting.document import alert_document, alert_sentence
from portcullis.alerting.reading import readable
from portcullis.api.access import Calling, ReadingAlerts, Serving, Speaking, who_calls
from portcullis.api.problems import documented
from portcullis.identity import LoginRefused
from portcullis.identity.permissions import Permission
from portcullis.store.alerts import AlertKind

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])
MOST = 2**63 - 1
_SEND_SECONDS = 30.0
_RETRY_SECONDS = 30
Kinds = Annotated[
    list[AlertKind] | None, Query(max_length=len(AlertKind), description="Only these; none: all.")
]
Bands = Annotated[
    list[Band] | None,
    Query(max_length=len(BANDS), description="Only of cases in these bands; none: all alerts."),
]
After = Annotated[int | None, Query(ge=0, le=MOST, description="Number of the last alert that you have.")]


class AlertDocument(BaseModel):
    """One alert. subject: the id of the declaration, batch, model or webhook; band: of an assessment."""

    model_config = ConfigDict(extra="forbid")
    number: int
    at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    kind: AlertKind
    subject: str
    assessment: str | None
    band: str | None
    details: dict[str, JsonValue]
    sentence: str


class AlertsDocument(BaseModel):
    """Alerts, oldest first; next: give it as `after` to read on, whether or not there are more by now."""

    model_config = ConfigDict(extra="forbid")
    alerts: list[AlertDocument]
    next: int


@router.get("", response_model=AlertsDocument, responses=documented(401, 403, 422, 429))
def alerts(
    service: Serving,
    account: ReadingAlerts,
    caller: Calling,
    language: Speaking,
    after: After = None,
    kind: Kinds = None,
    band: Bands = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Alerts behind number `after`; without it, the newest. Only kinds whose subject you may read."""
    store = service.alerting.alerts
    kinds = readable(caller.permissions, kind)
    head = store.head()  # before the page: what comes meanwhile is either in it or behind `next`
    bands = band or ()
    found = store.latest(limit, kinds, bands) if after is None else store.page(after, limit, kinds, bands)
    whole = after is None or len(found) < limit
    reached = found[-1].number if found else 0
    return {
        "alerts": [{**alert_document(one), "sentence": alert_sentence(one, language)} for one in found],
        "next": max(reached, head, after or 0) if whole else reached,
    }


class EventStream(StreamingResponse):
    """Server-sent events; a listener who does not take them in time is let go."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        """Send until the stream ends, and end the stream when sending does."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(_SEND_SECONDS):
                await send(message)

        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            with suppress(TimeoutError):
                await super().stream_response(in_time)


class NoRoom(HTTPException):
    """As many listen as may."""

    def __init__(self) -> None:
        detail = "as many listen to alerts as may at a time"
        super().__init__(503, detail, headers={"Retry-After": str(_RETRY_SECONDS)})


@router.get(
    "/stream",
    response_class=EventStream,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **documented(401, 403, 422, 429, 503),
    },
)
async def stream(
    service: Serving,
    account: ReadingAlerts,
    caller: Calling,
    request: Request,
    after: After = None,
    kind: Kinds = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=MOST)] = None,
) -> StreamingResponse:
    """Alerts as they happen; goes on behind `Last-Event-ID`, else behind `after`, else from now on.

    Each event has the alert's number as `id`, its kind as `event` and the alert as JSON in `data`. A comment
    comes every 15 seconds. The stream ends when the account may no longer read it.
    """
    feed = service.alerting.feed
    if feed.full:
        raise NoRoom

    def allowed() -> frozenset[AlertKind]:
        try:
            again = who_calls(request, service)
        except (LoginRefused, HTTPException):
            return frozenset()
        return (
            readable(again.permissions, kind) if Permission.READ_ALERTS in again.permissions else frozenset()
        )

    begin = after if last_event_id is None else last_event_id
    events = feed.listen(begin, readable(caller.permissions, kind), allowed)
    return EventStream(events, headers={"X-Accel-Buffering": "no"})
