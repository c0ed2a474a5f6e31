"""`/v1/series`: trade month by month with what is usual, and where the lines of a case lie on it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from portcullis.api.access import ReadingCases, ReadingSeries, Serving
from portcullis.api.documents import Id
from portcullis.api.problems import documented

router = APIRouter(prefix="/v1", tags=["series"])
_MONTH, _INCLUDED = r"^[12][0-9]{3}-(0[1-9]|1[0-2])$", "YYYY-MM, included."
From = Annotated[str | None, Query(alias="from", pattern=_MONTH, description=_INCLUDED)]
To = Annotated[str | None, Query(alias="to", pattern=_MONTH, description=_INCLUDED)]
Country = Annotated[
    str,
    Query(
        min_length=1,
        max_length=100,
        pattern=r"^[^\u0000-\u001f]+$",
        description="Origin: ISO alpha-2, or the label of the imported file.",
    ),
]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class MonthDocument(_Document):
    """One month; null where it cannot be told.

    unit_value, expected_low, expected_high: USD/kg; nine in ten clean months lie within the expected range.
    p_value, surprise: of all checks of the model together; price_p_value: of the unit value alone; flagged:
    p_value is at most the model's threshold.
    """

    month: str
    unit_value: float | None
    weight_kg: float
    value_usd: float
    freight: float | None
    expected_low: float | None
    expected_high: float | None
    p_value: float | None
    surprise: float | None
    price_p_value: float | None
    flagged: bool


class SeriesDocument(_Document):
    """Trade of an item from a country, oldest month first; months without trade are left out.

    item: the code whose trade it is. match: exact; coarser, where only a shorter code is known; finer, where
    the codes below were added up. source: imported, or model, where nothing was imported and the history that
    the model learned from stands in. model: its version, null without one. first, last: all months known.
    """

    hs: str
    country: str
    item: str
    match: str
    source: str
    model: str | None
    unit: str
    freight_unit: str | None
    first: str
    last: str
    months: list[MonthDocument]


class KnownSeriesDocument(_Document):
    """A series that can be asked for; source: imported or model."""

    hs: str
    country: str
    months: int
    first: str
    last: str
    source: str


class KnownDocument(_Document):
    """Series by code and country; more: there are others, which a longer prefix shows."""

    items: list[KnownSeriesDocument]
    more: bool


class DeclaredDocument(_Document):
    """A declared line on its series, and what the model said of it when it was assessed."""

    month: str
    unit_value: float | None
    weight_kg: float
    expected_low: float | None
    expected_high: float | None
    p_value: float | None
    surprise: float | None


class LineSeriesDocument(_Document):
    """One line of a declaration; series is null where no trade of the item from this country is known."""

    line: int
    hs: str
    country: str
    declared: DeclaredDocument
    series: SeriesDocument | None


class LinesSeriesDocument(_Document):
    """lines: how many the declaration has; only the first are here unless one was asked for."""

    lines: int
    unit: str
    items: list[LineSeriesDocument]


@router.get("/series", responses=documented(401, 403, 404, 422, 429, 503))
def series(
    service: Serving,
    account: ReadingSeries,
    hs: Annotated[str, Query(pattern=r"^[0-9]{4,10}$", description="4 to 10 digits.")],
    country: Country,
    start: From = None,
    end: To = None,
) -> SeriesDocument:
    """Unit value, weight, value and freight by month, with the expected range; 60 months if none are given,
    at most 240.
    """
    return SeriesDocument.model_validate(service.insight.series.series(hs, country, start, end))


@router.get("/series/items", responses=documented(401, 403, 422))
def items(
    service: Serving,
    account: ReadingSeries,
    hs: Annotated[str, Query(pattern=r"^[0-9]{0,10}$", description="Leading digits.")] = "",
    country: Country | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> KnownDocument:
    """Items and countries whose series are known."""
    found, more = service.insight.series.known(hs, country, limit)
    return KnownDocument(items=[KnownSeriesDocument.model_validate(one) for one in found], more=more)


@router.get("/assessments/{assessment_id}/series", responses=documented(401, 403, 404, 422, 429, 503))
def of_lines(
    service: Serving,
    account: ReadingCases,
    assessment_id: Id,
    line: Annotated[int | None, Query(ge=1, le=999, description="Only this one, from 1.")] = None,
    start: From = None,
    end: To = None,
) -> LinesSeriesDocument:
    """The series of a case's lines with the declared unit value on each; up to the month of the declaration
    if no end is given. Without a line, those of the first 20.
    """
    found = service.assessment(assessment_id)
    lines = service.insight.series.of_lines(found, line, start, end)
    return LinesSeriesDocument(
        lines=len(found.declaration.lines),
        unit="USD/kg",
        items=[LineSeriesDocument.model_validate(one) for one in lines],
    )
