"""`/v1/outcomes`, `/v1/quality/…`: what inspections brought, drift of the checks, quality of the data."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from customs.errors import InvalidValue
from portcullis.api.access import Calling, ReadingCases, ReadingModels, Serving
from portcullis.api.documents import Day
from portcullis.api.problems import documented
from portcullis.identity.permissions import Permission
from portcullis.service import Service
from portcullis.watching.window import RECENT, Verdict

router = APIRouter(prefix="/v1", tags=["watching"])


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class ShareDocument(_Document):
    """hits of so many, and the exact 95 % interval (Clopper, Pearson); rate: null of nothing."""

    hits: int
    of: int
    rate: float | None
    low: float
    high: float


class CountDocument(_Document):
    """hits of so many."""

    hits: int
    of: int


class LiftDocument(_Document):
    """How many times as often the risk arm hits as the random arm; the interval holds at least 95 %."""

    ratio: float | None
    low: float
    high: float | None


class GroupDocument(_Document):
    """Inspected cases with something in common; meant: discrepancies with a cause that it speaks of."""

    name: str
    share: ShareDocument
    meant: ShareDocument | None


class WeekDocument(_Document):
    """One week of outcomes, by its Monday."""

    week: dt.date
    as_declared: int
    discrepancy: int
    inconclusive: int
    risk: ShareDocument
    random: ShareDocument


class ChanceDocument(_Document):
    """Cases with a predicted chance above low, up to high. off: what was found excludes the prediction."""

    low: float
    high: float
    predicted: float
    found: ShareDocument
    off: bool


class DelayDocument(_Document):
    """How many hours something took."""

    cases: int
    median: float
    nine_in_ten: float


class CauseDocument(_Document):
    """How many discrepancies had this reason code."""

    reason: str
    count: int


class OutcomeFiguresDocument(_Document):
    """What inspections brought.

    Only the arm `random` tells the share of all consignments that would have had a discrepancy; the others
    were chosen because something spoke against them. pending: under inspection now, drawn_pending: by lot.
    """

    since: dt.date | None
    until: dt.date | None
    cases: int
    inconclusive: int
    arms: dict[str, ShareDocument]
    lift: LiftDocument | None
    pending: int
    drawn_pending: int
    weeks: list[WeekDocument]
    checks: list[GroupDocument]
    countries: list[GroupDocument]
    chapters: list[GroupDocument]
    offices: list[GroupDocument]
    causes: list[CauseDocument]
    chances: list[ChanceDocument]
    to_decision: DelayDocument | None
    to_outcome: DelayDocument | None


@router.get("/outcomes", responses=documented(401, 403, 422))
def outcomes(
    service: Serving,
    account: ReadingCases,
    since: Annotated[Day | None, Query(description="First day of the outcome, in the office's zone.")] = None,
    until: Annotated[Day | None, Query(description="Last day.")] = None,
) -> OutcomeFiguresDocument:
    """Hit rates by arm, by what was found odd, by place and goods, and the predicted chance tested."""
    check_days(since, until)
    found = service.watching.outcomes.figures(since, until)
    values = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    values["arms"] = {arm.value: share for arm, share in found.arms.items()}
    values["causes"] = [{"reason": reason, "count": n} for reason, n in found.causes]
    return OutcomeFiguresDocument.model_validate({**values, "since": since, "until": until})


def check_days(since: dt.date | None, until: dt.date | None) -> None:
    """The first day does not come after the last, and both are days that somebody may mean."""
    for name, day in (("since", since), ("until", until)):
        if day is not None and not 1900 <= day.year < 3000:
            raise InvalidValue(f"got {day}", field=name, remedy="give a day such as 2025-04-30")
    if since is not None and until is not None and since > until:
        raise InvalidValue(f"{since} is after {until}", field="since", remedy="give the earlier day first")


Weeks = Annotated[
    int,
    Query(ge=RECENT + 1, le=104, description="How many weeks; the last four are held against the others."),
]
Until = Annotated[
    Day | None, Query(description="A day of the last week; without it, the latest with a case.")
]


class ComparedDocument(_Document):
    """A share in the last four weeks and before. trend: by week; examples: assessments of the last four."""

    name: str
    recent: ShareDocument
    earlier: ShareDocument
    trend: list[CountDocument]
    verdict: Verdict
    examples: list[str]


class SilenceDocument(_Document):
    """How often a check was silent for a reason: the id of its sentence."""

    reason: str
    share: ShareDocument
    examples: list[str]


class CheckDriftDocument(_Document):
    """How one check judged in the last four weeks.

    at_5, at_1: share of p-values up to 0.05 and 0.01. distance: Kolmogorov's, from the uniform distribution
    that clean cases have; moved: from this check's own earlier weeks; noise alone stays below the limits.
    curve: share of p-values up to each of `edges`. verdict: `few` says nothing, `differs` is no change.
    """

    check: str
    spoke: int
    before: int
    at_5: ShareDocument
    at_1: ShareDocument
    distance: float | None
    distance_limit: float
    moved: float | None
    moved_limit: float
    curve: Annotated[list[float], Field(description="Empty where it never spoke.")]
    trend: list[CountDocument]
    silent: ComparedDocument
    silences: list[SilenceDocument]
    verdict: Verdict
    examples: list[str]


class SpreadDocument(_Document):
    """A distribution in the last four weeks beside that of the weeks before."""

    parts: list[ComparedDocument]
    moved: float | None
    limit: float
    verdict: Verdict


class NewcomerDocument(_Document):
    """What no earlier week had."""

    name: str
    week: dt.date
    cases: int
    example: str | None


class DriftDocument(_Document):
    """Drift by week of declaration (Mondays). tests: comparisons that the limits allow for (Bonferroni)."""

    weeks: list[dt.date]
    cases: list[int]
    tests: int
    edges: list[float]
    checks: list[CheckDriftDocument]
    bands: SpreadDocument
    surprise: SpreadDocument
    origins: list[ComparedDocument]
    chapters: list[ComparedDocument]
    new_origins: list[NewcomerDocument]
    new_chapters: list[NewcomerDocument]
    new_importers: Annotated[int, Field(description="How many importers were first declared now.")]


@router.get("/quality/drift", responses=documented(401, 403, 422))
def drift(
    service: Serving, account: ReadingModels, caller: Calling, weeks: Weeks = 12, until: Until = None
) -> DriftDocument:
    """Whether checks judge as they did; examples only for who may read cases."""
    from portcullis.store.weekly import P_EDGES

    check_days(None, until)
    desk = service.watching.quality
    window = desk.window(weeks, until)
    found = desk.drift(window)
    new = {topic: desk.newcomers(topic, window) for topic in ("origin", "chapter", "importer")}
    may = Permission.READ_CASES in caller.permissions
    values = _plain(found)
    for check in values["checks"]:
        check["curve"] = check["curve"] if check["spoke"] else []
    values |= {"edges": P_EDGES, "new_importers": new["importer"][0]}
    values |= {f"new_{topic}s": _plain(new[topic][1]) for topic in ("origin", "chapter")}
    return DriftDocument.model_validate(_named(service, values, may=may))


class RefusalDocument(_Document):
    """A field that items were refused for; example: what was said of one, for who may run batches."""

    field: str
    count: int
    example: str | None


class RefusedDocument(_Document):
    """Of batches handed in since then; read: refused items that the reasons were counted over."""

    since: dt.datetime
    batches: int
    items: int
    refused: int
    read: int
    reasons: list[RefusalDocument]


class ImportReportDocument(_Document):
    """What one import of official data read, repaired, refused and stored: rows."""

    at: dt.datetime
    kind: str
    file: str
    read: int
    repaired: int
    refused: int
    stored: int


class DataQualityDocument(_Document):
    """Shares of cases that lack a field; of scans read with limits; of lines by their code's state."""

    weeks: list[dt.date]
    tests: int
    fields: list[ComparedDocument]
    scans: list[ComparedDocument]
    codes: list[ComparedDocument]
    refused: RefusedDocument
    imports: list[ImportReportDocument]


@router.get("/quality/data", responses=documented(401, 403, 422))
def data(
    service: Serving, account: ReadingModels, caller: Calling, weeks: Weeks = 12, until: Until = None
) -> DataQualityDocument:
    """What declarations lack, how scans were read, codes that the table does not have, refusals, imports."""
    check_days(None, until)
    desk = service.watching.quality
    values = _plain(desk.data(desk.window(weeks, until)))
    if Permission.RUN_BATCHES not in caller.permissions:
        for reason in values["refused"]["reasons"]:
            reason["example"] = None
    may = Permission.READ_CASES in caller.permissions
    return DataQualityDocument.model_validate(_named(service, values, may=may))


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, properties that documents name among them."""
    from portcullis.watching.shares import Share

    if isinstance(value, Share):
        return {"hits": value.hits, "of": value.of, "rate": value.rate, "low": value.low, "high": value.high}
    if dataclasses.is_dataclass(value):
        values = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if "trend" in values:
            values["trend"] = [dataclasses.asdict(one) for one in values["trend"]]
        return {name: _plain(one) for name, one in values.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value


def _named(service: Service, values: Any, *, may: bool) -> Any:
    """Numbers of examples as ids of assessments, or none."""
    found = service.watching.quality.examples(_numbers(values)) if may else {}

    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [named(one) for one in value]
        if not isinstance(value, dict):
            return value
        out = {name: named(one) for name, one in value.items()}
        if isinstance(out.get("examples"), list):
            out["examples"] = [found[n].id for n in value["examples"] if n in found]
        if isinstance(value.get("example"), int):
            known = found.get(value["example"])
            out["example"] = None if known is None else known.id
        return out

    return named(values)


def _numbers(value: Any) -> Iterable[int]:
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, dict):
        yield from value.get("examples", ())
        if isinstance(value.get("example"), int):
            yield value["example"]
        for one in value.values():
            yield from _numbers(one)
