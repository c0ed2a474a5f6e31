"""What the page of outcomes is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from customs.errors import Problem
from customs.evidence import Message
from customs.sentences import Language, render
from portcullis.insight.countries import place
from portcullis.report import check_label
from portcullis.watching.outcomes import Arm, Delay, Figures, Group
from portcullis.web.frame import Frame, Page
from portcullis.web.watch.figures import Rate, percent

PERIODS = (30, 90, 365)


@dataclass(frozen=True)
class Period:
    """A period to choose; days: how many, 0 for all."""

    days: int
    href: str
    chosen: bool


@dataclass(frozen=True)
class GroupRow:
    """Inspected cases with something in common; name: in words; href: the cases themselves."""

    code: str
    name: str
    rate: Rate
    meant: Rate | None
    href: str


@dataclass(frozen=True)
class WeekRow:
    """One week of outcomes."""

    week: str
    as_declared: int
    discrepancy: int
    inconclusive: int
    risk: Rate
    random: Rate


@dataclass(frozen=True)
class ChanceRow:
    """One bin of predicted chances beside what was found."""

    span: str
    predicted: str
    predicted_number: str
    found: Rate
    off: bool


@dataclass(frozen=True)
class LiftText:
    """How many times as often; ratio, high: "" where none can be given."""

    ratio: str
    low: str
    high: str
    sure: bool


@dataclass(frozen=True)
class Long:
    """A time; unit: minutes, hours or days."""

    number: str
    unit: str


@dataclass(frozen=True)
class DelayText:
    """How long something took."""

    cases: int
    median: Long
    nine_in_ten: Long


@dataclass(frozen=True, kw_only=True)
class OutcomesPage(Page):
    """What inspections brought in a period."""

    template: ClassVar[str] = "watch/outcomes.html"
    since: str
    until: str
    periods: tuple[Period, ...]
    problems: tuple[Problem, ...]
    cases: int
    inconclusive: int
    pending: int
    drawn_pending: int
    arms: dict[str, Rate]
    lift: LiftText | None
    weeks: tuple[WeekRow, ...]
    checks: tuple[GroupRow, ...]
    countries: tuple[GroupRow, ...]
    chapters: tuple[GroupRow, ...]
    offices: tuple[GroupRow, ...]
    causes: tuple[tuple[str, int], ...]
    chances: tuple[ChanceRow, ...]
    to_decision: DelayText | None
    to_outcome: DelayText | None


def outcomes_page(
    frame: Frame,
    found: Figures,
    asked: tuple[dt.date | None, dt.date | None],
    today: dt.date,
    problems: tuple[Problem, ...] = (),
    typed: tuple[str, str] | None = None,
) -> OutcomesPage:
    """The figures in words; typed: what stood in the fields, where it was no period."""
    language = frame.language
    since, until = asked
    shown = typed or ("" if since is None else str(since), "" if until is None else str(until))
    return OutcomesPage(
        frame=frame,
        since=shown[0],
        until=shown[1],
        periods=_periods(since, until, today),
        problems=problems,
        cases=found.cases,
        inconclusive=found.inconclusive,
        pending=found.pending,
        drawn_pending=found.drawn_pending,
        arms={arm.value: Rate.of_share(share) for arm, share in found.arms.items()},
        lift=_lift(found),
        weeks=tuple(
            WeekRow(
                str(week.week),
                week.as_declared,
                week.discrepancy,
                week.inconclusive,
                Rate.of_share(week.risk),
                Rate.of_share(week.random),
            )
            for week in found.weeks
        ),
        checks=_rows(found.checks, [check_label(g.name, language) for g in found.checks], "kind"),
        countries=_rows(found.countries, [_country(g.name, language) for g in found.countries], "origin"),
        chapters=_rows(found.chapters, ["" for _ in found.chapters], "hs"),
        offices=_rows(found.offices, ["" for _ in found.offices], "office"),
        causes=tuple((render(Message(id=f"reason.{reason}"), language), n) for reason, n in found.causes),
        chances=tuple(
            ChanceRow(
                f"{chance.low:.0%} – {chance.high:.0%}",
                percent(chance.predicted),
                f"{100 * chance.predicted:.2f}",
                Rate.of_share(chance.found),
                chance.off,
            )
            for chance in found.chances
        ),
        to_decision=_delay(found.to_decision),
        to_outcome=_delay(found.to_outcome),
    )


def _periods(since: dt.date | None, until: dt.date | None, today: dt.date) -> tuple[Period, ...]:
    found = [Period(0, "/outcomes?period=all", since is None and until is None)]
    for days in PERIODS:
        first = today - dt.timedelta(days=days - 1)
        found.append(Period(days, f"/outcomes?since={first}", since == first and until is None))
    return tuple(found)


def _rows(groups: Sequence[Group], names: Sequence[str], parameter: str) -> tuple[GroupRow, ...]:
    return tuple(
        GroupRow(
            code=group.name,
            name=name,
            rate=Rate.of_share(group.share),
            meant=None if group.meant is None else Rate.of_share(group.meant),
            href="/queue?" + urlencode([(parameter, group.name), ("status", "closed")]),
        )
        for group, name in zip(groups, names, strict=True)
    )


def _country(code: str, language: Language) -> str:
    found = place(code)
    return found.ko if language == "ko" else found.en


def _lift(found: Figures) -> LiftText | None:
    if found.lift is None:
        return None
    little = found.arms[Arm.RISK].says_little or found.arms[Arm.RANDOM].says_little
    ratio, low, high = (
        "" if n is None else f"{n:.2g}" if n < 10 else f"{n:,.0f}"
        for n in (found.lift.ratio, found.lift.low, found.lift.high)
    )
    return LiftText(ratio, low, high, sure=not little and bool(ratio))


def _delay(found: Delay | None) -> DelayText | None:
    if found is None:
        return None
    return DelayText(found.cases, _long(found.median), _long(found.nine_in_ten))


def _long(hours: float) -> Long:
    if hours >= 48:
        return Long(f"{hours / 24:,.1f}", "days")
    return (
        Long(f"{hours:.1f}", "hours")
        if hours >= 1
        else Long(f"{60 * hours:.0f}" if hours >= 1 / 60 else "<1", "minutes")
    )
