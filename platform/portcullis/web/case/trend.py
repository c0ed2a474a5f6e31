"""An item's trade month by month with what is usual, and this declaration on it: a piece of a case's page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from customs.evidence import Evidence
from customs.sentences import Language
from portcullis.insight.countries import place
from portcullis.insight.series import LineSeries, Month
from portcullis.store.assessments import Assessment
from portcullis.web.case.past import LineChoice
from portcullis.web.case.rows import number
from portcullis.web.frame import Part

SHORT = 24  # months below which a season cannot be told from chance
MEMORY, LEAST = 24, 12  # months before that make a range, and how many of them must be known
_FREIGHT = "freight.per_kg"

Range = tuple[float, float] | None


@dataclass(frozen=True)
class Figure:
    """A value for scripts and for people; both "" where there is none."""

    raw: str
    text: str

    @classmethod
    def of(cls, value: float | None) -> Figure:
        """From a value."""
        return (
            cls("", "") if value is None or not math.isfinite(value) else cls(f"{value:.6g}", number(value))
        )


@dataclass(frozen=True)
class Measured:
    """A value beside its usual range; outside: above, below or ""."""

    value: Figure
    low: Figure
    high: Figure
    outside: str

    @classmethod
    def of(cls, value: float | None, usual: Range) -> Measured:
        """From a value and the range it is held against."""
        low, high = usual or (None, None)
        outside = ""
        if value is not None and low is not None and high is not None:
            outside = "above" if value > high else "below" if value < low else ""
        return cls(Figure.of(value), Figure.of(low), Figure.of(high), outside)


@dataclass(frozen=True)
class MonthRow:
    """One month of the series; flagged: the model finds all of the month remarkable."""

    month: str
    price: Measured
    freight: Measured
    weight: Measured
    flagged: bool


@dataclass(frozen=True)
class Declared:
    """This declaration on the series. freight: "" where its unit is not that of the series."""

    month: str
    price: Measured
    freight: Measured
    weight: Figure


@dataclass(frozen=True, kw_only=True)
class TrendPart(Part):
    """The series of one line; source: imported or model, "" where no trade is known."""

    template: ClassVar[str] = "case/parts/trend.html"
    id: str
    line: int
    lines: tuple[LineChoice, ...]
    everywhere: bool
    country: str
    hs: str
    item: str
    match: str
    source: str
    model: str
    first: str
    last: str
    freight_unit: str
    months: tuple[MonthRow, ...]
    short: bool
    declared: Declared

    @classmethod
    def of(cls, found: Assessment, line: LineSeries, language: Language, *, everywhere: bool) -> TrendPart:
        """From the series of a line."""
        series, point = line.series, line.declared
        months = () if series is None else series.months
        unit = "" if series is None or series.freight_unit is None else unit_text(series.freight_unit)
        freight = _freight(found, line.line)
        same = freight is not None and unit and freight.unit == unit
        expected = (
            None
            if point.expected_low is None or point.expected_high is None
            else (point.expected_low, point.expected_high)
        )
        return cls(
            language=language,
            id=found.id,
            line=line.line,
            lines=LineChoice.all(found),
            everywhere=everywhere,
            country=getattr(place(found.declaration.origin.code), language),
            hs=line.hs,
            item="" if series is None else series.item,
            match="" if series is None else series.match,
            source="" if series is None else series.source,
            model="" if series is None or series.model is None else series.model,
            first="" if series is None else series.first,
            last="" if series is None else series.last,
            freight_unit=unit,
            months=_rows(months),
            short=0 < sum(m.unit_value is not None for m in months) < SHORT,
            declared=Declared(
                month=point.month,
                price=Measured.of(point.unit_value, expected),
                freight=Measured.of(
                    freight.observed if same and freight is not None else None,
                    freight.expected if same and freight is not None else None,
                ),
                weight=Figure.of(point.weight_kg),
            ),
        )


def usual_ranges(values: Sequence[float | None]) -> list[Range]:
    """Of each month the range of nine in ten of the `MEMORY` before; None where fewer than `LEAST` are known.

    >>> usual_ranges([1.0] * 13)[11:]
    [None, (1.0, 1.0)]
    """
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    found: list[Range] = []
    for i in range(len(known)):
        before = known[max(0, i - MEMORY) : i]
        before = before[np.isfinite(before)]
        if len(before) < LEAST:
            found.append(None)
            continue
        low, high = np.quantile(before, (0.05, 0.95))
        found.append((float(low), float(high)))
    return found


def unit_text(unit: str) -> str:
    """A unit of freight as people write it.

    >>> unit_text("krw_per_kg")
    'KRW/kg'
    """
    money, per, weight = unit.partition("_per_")
    return f"{money.upper()}/{weight}" if per else unit


def _rows(months: Sequence[Month]) -> tuple[MonthRow, ...]:
    freight = usual_ranges([m.freight for m in months])
    weight = usual_ranges([m.weight_kg for m in months])
    rows = []
    for m, of_freight, of_weight in zip(months, freight, weight, strict=True):
        low, high = m.expected_low, m.expected_high
        expected = None if low is None or high is None else (low, high)
        rows.append(
            MonthRow(
                m.month,
                Measured.of(m.unit_value, expected),
                Measured.of(m.freight, of_freight),
                Measured.of(m.weight_kg, of_weight),
                m.flagged,
            )
        )
    return tuple(rows)


def _freight(found: Assessment, line: int) -> Evidence | None:
    report = found.report.lines[line - 1] if found.report.lines else found.report
    return next((e for e in report.evidence if e.check == _FREIGHT), None)
