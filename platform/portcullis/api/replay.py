"""`GET /v1/replay`: a past period under other thresholds, another budget, or the shadow's verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from customs.errors import InvalidValue
from fusion.policy import BANDS
from portcullis.api.access import RunningBatches, Serving
from portcullis.api.documents import Day, Text
from portcullis.api.problems import documented
from portcullis.insight.replay import PAGE, SIDES, Compare, Question
from portcullis.store.replays import By, Period

router = APIRouter(prefix="/v1/replay", tags=["replay"])
_Threshold = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_Budget = Annotated[Text, Field(min_length=1, max_length=20)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class ReplayQuery(BaseModel):
    """What to compare, `a` with `b`.

    since, until: days of declaration, both included. a_watch … b_critical: the least surprise of a band, of
    compare=policy; those not given are as in force. a_budget, b_budget: a share such as 5%, or a count, of
    compare=budget; a_by, b_by: what the list is ordered by. shadow: digest of a shadow's versions, of
    compare=shadow; by default the latest that scored.
    """

    model_config = ConfigDict(extra="forbid")
    compare: Compare = Compare.POLICY
    since: Day | None = None
    until: Day | None = None
    a_watch: _Threshold | None = None
    a_high: _Threshold | None = None
    a_critical: _Threshold | None = None
    b_watch: _Threshold | None = None
    b_high: _Threshold | None = None
    b_critical: _Threshold | None = None
    a_budget: _Budget = "5%"
    b_budget: _Budget = "5%"
    a_by: By = By.SURPRISE
    b_by: By = By.SURPRISE
    shadow: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    page: Annotated[int, Field(ge=1, le=100_000)] = 1

    def question(self, in_force: Mapping[str, float]) -> Question:
        """As the desk takes it; `InvalidValue` for a period that runs backwards."""
        if self.since is not None and self.until is not None and self.since > self.until:
            raise InvalidValue(
                f"{self.since} is after {self.until}", field="since", remedy="give the earlier day first"
            )
        given: list[dict[str, float]] = [
            {b: in_force[b] if (v := getattr(self, f"{side}_{b}")) is None else v for b in BANDS[2:]}
            for side in SIDES
        ]
        return Question(
            compare=self.compare,
            period=Period(self.since, self.until),
            thresholds=(given[0], given[1]),
            budgets=(self.a_budget, self.b_budget),
            orders=(self.a_by, self.b_by),
            shadow=self.shadow,
        )


class WayDocument(_Document):
    """Cases that go from one lane to another (or stay). inspected: those whose outcome is known."""

    before: str
    after: str
    cases: int
    inspected: int
    hits: int


class RateDocument(_Document):
    """Of the cases that a setting would inspect; low, high: interval that holds in 19 of 20 cases.

    rate: null where no outcome is known. The outcomes are of cases that somebody chose to inspect: the rate
    is no estimate for all cases.
    """

    cases: int
    inspected: int
    hits: int
    rate: float | None
    low: float | None
    high: float | None


class MovedDocument(_Document):
    """One case that changes lane."""

    id: str
    declaration_id: str
    date: dt.date
    importer: str
    goods: str
    hs: str
    origin: str
    surprise: float | None
    chance: float | None
    before: str
    after: str
    result: str | None


class ReplayDocument(_Document):
    """A period under two settings. lanes: bands, or inspect and release for lists.

    cases: in the period; judged: by some check; compared: by both settings. to_inspection, from_inspection:
    cases that come to, or fall out of, inspection. moved: a page of those that change, the most surprising
    first; next: the following page, null at the end.
    """

    compare: Compare
    lanes: list[str]
    ways: list[WayDocument]
    cases: int
    judged: int
    compared: int
    changed: int
    to_inspection: int
    from_inspection: int
    before: RateDocument
    after: RateDocument
    only_before: RateDocument
    only_after: RateDocument
    moved: list[MovedDocument]
    next: int | None


@router.get("", responses=documented(401, 403, 404, 422))
def replay(
    service: Serving, account: RunningBatches, query: Annotated[ReplayQuery, Query()]
) -> ReplayDocument:
    """Which cases of a period change lane under other thresholds, another budget or the shadow's models."""
    desk = service.insight.replay
    asked = query.question(desk.bands())
    found = desk.compare(asked.period, *desk.settings(asked), page=query.page)
    more = query.page * PAGE < found.changed
    names = set(ReplayDocument.model_fields) - {"compare", "next"}
    return ReplayDocument.model_validate(
        {
            **{name: getattr(found, name) for name in names},
            "compare": query.compare,
            "next": query.page + 1 if more else None,
        }
    )
