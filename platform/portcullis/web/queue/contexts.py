"""What the pages of the queue are given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from customs.errors import CustomsError
from customs.hs import HsCode
from customs.sentences import Language
from portcullis.planning import Plan
from portcullis.report import check_label
from portcullis.store.queue import Summary
from portcullis.store.saved_views import View
from portcullis.store.selections import Selection
from portcullis.web.frame import Page, Part
from portcullis.web.queue.choices import Choice, Group, country_name
from portcullis.web.queue.sources import Disagreement


@dataclass(frozen=True)
class Row:
    """One case of the table."""

    id: str
    date: dt.date
    declaration_id: str
    importer: str
    origin: str
    country: str
    hs: str
    more_lines: int
    goods: str
    band: str
    surprise: str
    findings: tuple[str, ...]
    chance: str
    duty: str
    status: str
    assignee: str | None
    result: str | None

    @classmethod
    def of(cls, found: Summary, language: Language) -> Row:
        """From the store's summary; what is not known is a dash."""
        return cls(
            id=found.id,
            date=found.date,
            declaration_id=found.declaration_id,
            importer=found.importer,
            origin=found.origin,
            country=country_name(found.origin, language),
            hs=str(HsCode(found.hs)),
            more_lines=found.lines - 1,
            goods=found.goods,
            band=found.band,
            surprise="–" if found.surprise is None else f"{found.surprise:.1f}",
            findings=tuple(check_label(kind, language) for kind in found.findings),
            chance="–" if found.chance is None else f"{found.chance:.0%}",
            duty="–" if found.duty_at_stake_usd is None else f"{found.duty_at_stake_usd:,.0f}",
            status=found.status,
            assignee=found.assignee,
            result=found.result,
        )


@dataclass(frozen=True)
class Wrong:
    """A field of the address that cannot be applied, and what it says; the page knows what it takes."""

    name: str
    got: str

    @classmethod
    def of(cls, error: CustomsError, pairs: Sequence[tuple[str, str]]) -> tuple[Wrong, ...]:
        """Each field once."""
        names = dict.fromkeys(problem.field or "" for problem in error.problems)
        return tuple(cls(name, ", ".join(v for n, v in pairs if n == name)[:80]) for name in names)


@dataclass(frozen=True)
class Chip:
    """One thing that narrows the list, and the address without it."""

    name: str
    value: str
    href: str


@dataclass(frozen=True)
class Range:
    """A period to choose with one click; name: a key of `range_words`."""

    name: str
    since: str
    until: str
    href: str
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class ResultsPart(Part):
    """Chips, the number of cases, and the first rows of the table."""

    template: ClassVar[str] = "queue/results.html"
    chips: tuple[Chip, ...]
    rows: tuple[Row, ...]
    total: int
    more: str | None  # where the next rows are
    query: str
    problems: tuple[Wrong, ...]
    may_work: bool


@dataclass(frozen=True, kw_only=True)
class RowsPart(Part):
    """Further rows of the table."""

    template: ClassVar[str] = "queue/rows.html"
    rows: tuple[Row, ...]
    more: str | None
    may_work: bool


@dataclass(frozen=True, kw_only=True)
class BudgetPart(Part):
    """What a budget comes to."""

    template: ClassVar[str] = "queue/budget.html"
    plan: Plan | None
    address: str  # of publishing exactly this plan
    minutes: float
    most: int
    problems: tuple[Wrong, ...]
    may_work: bool


@dataclass(frozen=True, kw_only=True)
class QueuePage(Page):
    """The queue."""

    template: ClassVar[str] = "queue/queue.html"
    values: Mapping[str, str]
    chosen: Mapping[str, tuple[str, ...]]
    ranges: tuple[Range, ...]
    countries: tuple[Choice, ...]
    departures: tuple[Choice, ...]
    kinds: tuple[Group, ...]
    officers: tuple[str, ...]
    views: tuple[View, ...]
    selection: Selection | None
    seed: int
    chips: tuple[Chip, ...]
    rows: tuple[Row, ...]
    total: int
    more: str | None
    query: str
    problems: tuple[Wrong, ...]
    may_work: bool


@dataclass(frozen=True, kw_only=True)
class DisagreementsPage(Page):
    """Cases in which two sources do not agree."""

    template: ClassVar[str] = "queue/disagreements.html"
    pairs: tuple[tuple[str, int, str], ...]  # name, how many cases, address
    pair: str | None
    chips: tuple[Chip, ...]
    query: str
    problems: tuple[Wrong, ...]
    cases: tuple[Disagreement, ...]
    total: int
    more: str | None
