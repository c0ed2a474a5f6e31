"""`/v1/queue/…`: deeds on many cases at once, plans under a budget, published selections, the list as CSV."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from customs.errors import CustomsError, InvalidValue
from portcullis.api.access import ReadingCases, Serving, Speaking, WorkingCases
from portcullis.api.documents import Id, Text
from portcullis.api.problems import documented
from portcullis.api.queue import QueueQuery
from portcullis.api.queue_address import lasting
from portcullis.planning import Plan, Wish
from portcullis.queue_export import MAX_ROWS, queue_csv
from portcullis.service import NotFound
from portcullis.store.casework import MAX_NOTE, Assigned, Decided, Decision, Deed
from portcullis.store.selections import Selection

router = APIRouter(prefix="/v1/queue", tags=["queue"])
MAX_CASES = 500
WISHES = frozenset(field.name for field in dataclasses.fields(Wish))  # as an address names them
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


class PlanQuery(QueueQuery):
    """Which cases, and the budget. budget: a count or a share such as `5%`; random: share of it drawn by
    lot; seed: of the lots and of the order of ties; minutes: that one inspection takes."""

    budget: Annotated[str, Field(max_length=12)] = "5%"
    random: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.02
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    minutes: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)] = 45

    @property
    def wish(self) -> Wish:
        """What is asked of the plan."""
        return Wish(budget=self.budget, random=self.random, seed=self.seed, minutes=self.minutes)


class HitsDocument(BaseModel):
    """Expected finds: mean, the 95 % that luck makes of the chances, and chosen cases without a chance."""

    mean: float
    low: int
    high: int
    unknown: int


class PlanDocument(BaseModel):
    """cases: open ones to choose from; by: what ranked them; places: the budget; drawn: by lot; tied: as
    risky as the last one chosen by risk, tied_out: of these not chosen; hits: null without any chance."""

    model_config = ConfigDict(extra="forbid")
    cases: int
    silent: int
    by: str
    places: int
    chosen: int
    drawn: int
    tied: int
    tied_out: int
    hours: float
    hits: HitsDocument | None
    fingerprint: str

    @classmethod
    def of(cls, plan: Plan) -> PlanDocument:
        """From a plan."""
        hits = None if plan.hits is None else HitsDocument(**vars(plan.hits))
        same: dict[str, Any] = {name: getattr(plan, name) for name in cls.model_fields if name != "hits"}
        return cls(**same, hits=hits)


class PublishBody(BaseModel):
    """fingerprint: of the plan as it was shown."""

    model_config = ConfigDict(extra="forbid")
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class ChosenDocument(BaseModel):
    """A case of a selection; rank 0: it could not be judged; arm: risk, random or both."""

    assessment_id: str
    rank: int
    arm: str


class SelectionDocument(BaseModel):
    """A published selection; plan: as it was shown then; refused: cases that were not decided, and why."""

    model_config = ConfigDict(extra="forbid")
    id: str
    account: str
    at: dt.datetime
    plan: dict[str, Any]
    refused: dict[str, str]
    cases: list[ChosenDocument]


class DeedsBody(BaseModel):
    """One deed for many cases: `assign` with an assignee (null is nobody), or `decide`."""

    model_config = ConfigDict(extra="forbid")
    ids: Annotated[list[Annotated[Text, Field(max_length=64)]], Field(min_length=1, max_length=MAX_CASES)]
    deed: Annotated[str, Field(pattern="^(assign|decide)$")]
    assignee: Annotated[Text, Field(min_length=1, max_length=64)] | None = None
    decision: Decision | None = None
    reason: Annotated[Text, Field(max_length=32)] = ""
    note: Annotated[Text, Field(max_length=MAX_NOTE)] = ""


class DeedDone(BaseModel):
    """What became of one case; problem: why nothing was done."""

    id: str
    done: bool
    problem: str | None


class DeedsDocument(BaseModel):
    """What became of each case."""

    done: int
    items: list[DeedDone]


@router.get("/plan", responses=documented(401, 403, 422))
def plan(service: Serving, account: ReadingCases, wanted: Annotated[PlanQuery, Query()]) -> PlanDocument:
    """What a budget comes to among the open cases of a filter; nothing is stored."""
    return PlanDocument.of(service.planning.plan(wanted.filter(account.name), wanted.wish))


@router.post("/selections", status_code=201, responses=documented(400, 401, 403, 409, 422))
def publish(
    request: Request,
    service: Serving,
    account: WorkingCases,
    wanted: Annotated[PlanQuery, Query()],
    body: PublishBody,
    key: Key = None,
) -> SelectionDocument:
    """Record a plan and decide to inspect each case: `random` those drawn by lot, `risk` the others."""
    query = urlencode([p for p in lasting(request.query_params.multi_items()) if p[0] not in WISHES])
    made = service.planning.publish(
        wanted.filter(account.name),
        wanted.wish,
        account,
        query=query,
        fingerprint=body.fingerprint,
        key=key or f"{query}\n{wanted.wish}\n{body.fingerprint}",
    )
    return _selection(service, made)


@router.get("/selections/{selection_id}", responses=documented(401, 403, 404, 422))
def selection(service: Serving, account: ReadingCases, selection_id: Id) -> SelectionDocument:
    """A published selection and its cases."""
    found = service.planning.selections.get(selection_id)
    if found is None:
        raise NotFound(f"there is no selection {selection_id!r}", field="id", remedy="check the address")
    return _selection(service, found)


@router.post("/deeds", responses=documented(400, 401, 403, 422))
def deeds(service: Serving, account: WorkingCases, body: DeedsBody, key: Key = None) -> DeedsDocument:
    """Assign or decide many cases; each is answered by itself."""
    deed: Deed
    if body.deed == "assign":
        deed = Assigned(assignee=None if body.assignee is None else service.officer(body.assignee))
    elif body.decision is None:
        raise InvalidValue("no decision was given", field="decision", remedy="give inspect, release or hold")
    else:
        deed = Decided(decision=body.decision, reason=body.reason, note=body.note)
    done = service.work_all(dict.fromkeys(body.ids, deed), account, key=key)
    items = [
        DeedDone(
            id=case,
            done=not isinstance(done[case], CustomsError),
            problem=str(done[case]) if isinstance(done[case], CustomsError) else None,
        )
        for case in dict.fromkeys(body.ids)
    ]
    return DeedsDocument(done=sum(item.done for item in items), items=items)


@router.get("/export", response_class=StreamingResponse, responses=documented(401, 403, 422))
def export(
    service: Serving, account: ReadingCases, wanted: Annotated[QueueQuery, Query()], language: Speaking
) -> StreamingResponse:
    """The list as CSV in its order, 10,000 cases at most."""
    rows = service.queue.first(wanted.filter(account.name), wanted.order, MAX_ROWS)
    headers = {"Content-Disposition": 'attachment; filename="queue.csv"'}
    return StreamingResponse(queue_csv(rows, language), media_type="text/csv", headers=headers)


def _selection(service: Serving, found: Selection) -> SelectionDocument:
    cases = [ChosenDocument(**vars(case)) for case in service.planning.selections.cases(found.id)]
    same = {name: getattr(found, name) for name in ("id", "account", "at")}
    return SelectionDocument(**same, plan=dict(found.plan), refused=dict(found.refused), cases=cases)
