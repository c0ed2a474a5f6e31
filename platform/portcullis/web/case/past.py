"""Earlier cases like this one, as a piece of its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from customs.evidence import Message
from customs.sentences import Language, render
from portcullis.insight.countries import place
from portcullis.insight.past import By, PastCases
from portcullis.store.assessments import Assessment
from portcullis.store.past import PastLine
from portcullis.web.case.rows import number, percent
from portcullis.web.frame import Part


@dataclass(frozen=True)
class LineChoice:
    """A line of the declaration that can be chosen."""

    number: int
    code: str
    name: str

    @classmethod
    def all(cls, found: Assessment) -> tuple[LineChoice, ...]:
        """Of a declaration."""
        lines = enumerate(found.declaration.lines, start=1)
        return tuple(cls(i, str(line.hsk), line.name) for i, line in lines)


@dataclass(frozen=True)
class Cause:
    """A cause of discrepancies, how often, and its share of them."""

    words: str
    count: int
    share: float


@dataclass(frozen=True)
class PastRow:
    """One line of an earlier case; href: "" of an imported declaration."""

    href: str
    declaration_id: str
    date: str
    importer: str
    goods: str
    hs: str
    origin: str
    price: str
    band: str
    decision: str
    result: str
    reason: str
    found_hs: str


@dataclass(frozen=True, kw_only=True)
class PastPart(Part):
    """Earlier cases; rate: share of hits among those inspected, "" where nobody was."""

    template: ClassVar[str] = "case/parts/past.html"
    id: str
    by: str
    match: str
    value: str
    line: int
    lines: tuple[LineChoice, ...]
    cases: int
    inspected: int
    discrepancies: int
    rate: str
    causes: tuple[Cause, ...]
    rows: tuple[PastRow, ...]

    @classmethod
    def of(cls, found: Assessment, cases: PastCases, language: Language, *, line: int) -> PastPart:
        """From earlier cases of a line."""
        counts, value = cases.counts, cases.value
        if cases.by is By.ROUTE:
            value = " → ".join(_country(code, language) for code in value.split())
        return cls(
            language=language,
            id=found.id,
            by=cases.by.value,
            match=cases.match,
            value=value,
            line=line,
            lines=LineChoice.all(found),
            cases=counts.cases,
            inspected=counts.inspected,
            discrepancies=counts.discrepancies,
            rate=percent(counts.discrepancies / counts.inspected) if counts.inspected else "",
            causes=tuple(
                Cause(_reason(code, language), n, n / max(counts.discrepancies, 1))
                for code, n in counts.causes
            ),
            rows=tuple(_row(one, language) for one in cases.lines),
        )


def _row(found: PastLine, language: Language) -> PastRow:
    way = dict.fromkeys(code for code in (found.origin, found.departure) if code)
    ended = found.outcome
    return PastRow(
        href="" if found.id is None else f"/assessments/{found.id}",
        declaration_id=found.declaration_id,
        date=found.date.isoformat(),
        importer=found.importer or "",
        goods=found.goods or "",
        hs=found.hs,
        origin=" → ".join(_country(code, language) for code in way),
        price="" if found.unit_value is None else f"{number(found.unit_value)} {found.unit}",
        band=found.band or "",
        decision="" if found.decision is None else found.decision[0],
        result="" if ended is None else ended.result,
        reason="" if ended is None else _reason(ended.reason, language),
        found_hs="" if ended is None else ended.found_hs or "",
    )


def _country(code: str, language: Language) -> str:
    name: str = getattr(place(code), language)
    return name


def _reason(code: str, language: Language) -> str:
    return render(Message(id=f"reason.{code}"), language)
