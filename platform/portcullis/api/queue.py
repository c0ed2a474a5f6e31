"""`GET /v1/assessments`: the queue, filtered and sorted, in pages."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from customs.errors import InvalidValue
from customs.sentences import Language
from fusion.policy import Band
from portcullis.api.access import ReadingCases, Serving, Speaking
from portcullis.api.documents import CaseRow, Day, QueueDocument, Text
from portcullis.api.problems import documented
from portcullis.report import check_label
from portcullis.store.casework import Result
from portcullis.store.queue import MAX_PAGE, Filter, Lane, Order, Status, Summary, TopBy, digits

router = APIRouter(prefix="/v1/assessments", tags=["assessments"])
_Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
_Kind = Annotated[str, Field(pattern=r"^[a-z_.]{1,40}$")]
_Name = Annotated[Text, Field(min_length=1, max_length=500)]
_Price = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
ME, NOBODY = "me", "nobody"


class QueueQuery(BaseModel):
    """Which cases, in which order. Lists may be given by repeating the name.

    since, until: days of declaration, both included. hs: leading digits of a line's code. importer,
    declarant: a part of the name. usd_per_kg_from, usd_per_kg_to: unit value of a line. mismatch: whether
    two sources disagree. top: the most surprising share of what the other filters leave, such as 0.005;
    top_by: by the combined surprise (`overall`), or by that of the findings named in `kind`, as a share of
    all that the filters but `kind` leave (`kinds`). text: words in numbers, names and goods; all must occur.
    selection: id of a published selection. order `finding`: by the surprise of the findings in `kind`.
    assignee: an account, or `me`, or `nobody`. cursor: `next` of the page before.
    """

    model_config = ConfigDict(extra="forbid")
    since: Day | None = None
    until: Day | None = None
    origin: Annotated[list[_Country], Field(max_length=50)] = []
    departure: Annotated[list[_Country], Field(max_length=50)] = []
    hs: Annotated[str, Field(pattern=r"^[0-9. -]{1,16}$")] | None = None
    kind: Annotated[list[_Kind], Field(max_length=50)] = []
    band: Annotated[list[Band], Field(max_length=10)] = []
    lane: Annotated[list[Lane], Field(max_length=10)] = []
    status: Annotated[list[Status], Field(max_length=10)] = []
    mode: Literal["sea", "air", "road", "rail", "post", "other"] | None = None
    office: _Name | None = None
    importer: _Name | None = None
    declarant: _Name | None = None
    declaration: Annotated[Text, Field(min_length=1, max_length=64)] | None = None
    usd_per_kg_from: _Price | None = None
    usd_per_kg_to: _Price | None = None
    least_surprise: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    mismatch: bool | None = None
    has_scan: bool | None = None
    has_photo: bool | None = None
    assignee: Annotated[Text, Field(min_length=1, max_length=64)] | None = None
    result: Result | None = None
    top: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    top_by: TopBy = TopBy.OVERALL
    text: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    selection: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    order: Order = Order.SURPRISE
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    lang: Annotated[str, Field(max_length=20)] | None = None  # read by `language_of`
    cursor: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,500}$")] | None = None

    def filter(self, me: str) -> Filter:
        """What the store looks for; `me` is the account that asks."""
        if self.since is not None and self.until is not None and self.since > self.until:
            raise InvalidValue(
                f"{self.since} is after {self.until}", field="since", remedy="give the earlier day first"
            )
        assignee = {ME: me, NOBODY: ""}.get(self.assignee or "", self.assignee)
        return Filter(
            since=self.since,
            until=self.until,
            origin=tuple(self.origin),
            departure=tuple(self.departure),
            hs=None if self.hs is None else digits(self.hs),
            kinds=tuple(self.kind),
            bands=tuple(self.band),
            lanes=tuple(self.lane),
            statuses=tuple(self.status),
            declaration_id=self.declaration,
            assignee=assignee,
            **{name: getattr(self, name) for name in _SAME},
        )


_SAME = (
    *("mode", "office", "importer", "declarant", "usd_per_kg_from", "usd_per_kg_to", "least_surprise"),
    *("mismatch", "has_scan", "has_photo", "result", "top", "top_by", "text", "selection"),
)


@router.get("", responses=documented(401, 403, 422))
def queue(
    service: Serving, account: ReadingCases, wanted: Annotated[QueueQuery, Query()], language: Speaking
) -> QueueDocument:
    """The queue, most surprising first unless another order is asked for."""
    page = service.queue.page(
        wanted.filter(account.name), order=wanted.order, limit=wanted.limit, cursor=wanted.cursor
    )
    return QueueDocument(
        items=[case_row(row, language) for row in page.rows], total=page.total, next=page.next
    )


def case_row(row: Summary, language: Language) -> CaseRow:
    """One case with its findings in words."""
    values = dataclasses.asdict(row)
    del values["number"]
    words = [check_label(kind, language) for kind in row.findings]
    return CaseRow(**values | {"findings": list(row.findings), "findings_words": words})
