"""All that is watched, over one store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa

from portcullis.store.concluded import ConcludedCases
from portcullis.store.queue import queue
from portcullis.store.weekly import Weekly, week_of
from portcullis.watching.data import DataQuality, data_quality
from portcullis.watching.drift import Drift, Newcomer, drift_of
from portcullis.watching.outcomes import OutcomeDesk
from portcullis.watching.window import Window

LENGTHS = (8, 12, 26, 52)  # weeks of a window
_MOST_NEW = 12


@dataclass(frozen=True)
class Example:
    """A case to look at."""

    id: str
    declaration_id: str
    band: str


@dataclass(frozen=True)
class ModelWeeks:
    """A version that reports name: first and last week of declaration, and how many cases."""

    module: str
    version: str
    first: dt.date
    last: dt.date
    cases: int


class QualityDesk:
    """Drift, data quality and the versions at work."""

    def __init__(self, engine: sa.Engine, now: Callable[[], dt.datetime]) -> None:
        self.engine = engine
        self.weekly = Weekly(engine)
        self.now = now

    def window(self, weeks: int, until: dt.date | None = None) -> Window:
        """So many weeks up to that of a day; without one, up to the latest week that has a case."""
        today = self.now().date()
        last = week_of(until or self.weekly.last_week(today) or today)
        first = last - dt.timedelta(days=7 * (weeks - 1))
        return Window.of(last, weeks, self.weekly.between(first, last))

    def drift(self, window: Window) -> Drift:
        """Of the checks, and of what comes."""
        return drift_of(window)

    def data(self, window: Window) -> DataQuality:
        """What is lacking, refused and imported."""
        return data_quality(window, self.engine, self.now())

    def newcomers(self, topic: str, window: Window) -> tuple[int, tuple[Newcomer, ...]]:
        """Countries (`origin`), chapters or importers new in the recent weeks: how many, and the largest."""
        found = self.weekly.newcomers(topic, window.recent[0], window.recent[-1])
        rows = sorted((Newcomer(*row) for row in found), key=lambda one: (-one.cases, one.name))
        return len(rows), tuple(rows[:_MOST_NEW])

    def versions(self) -> tuple[ModelWeeks, ...]:
        """All versions that any report names, newest first."""
        found = [
            ModelWeeks(said.partition(" ")[0], said.partition(" ")[2], *row)
            for said, row in self.weekly.span("version").items()
        ]
        return tuple(sorted(found, key=lambda one: (one.module, one.last, one.first), reverse=True))

    def examples(self, numbers: Iterable[int]) -> Mapping[int, Example]:
        """Cases by their numbers."""
        wanted = sorted(set(numbers))
        q = queue.c
        found: dict[int, Example] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(wanted), 500):
                some = q.number.in_(wanted[start : start + 500])
                query = sa.select(q.number, q.assessment_id, q.declaration_id, q.band).where(some)
                found |= {row[0]: Example(*row[1:]) for row in connection.execute(query)}
        return found


@dataclass(frozen=True, eq=False)
class Watching:
    """One desk for each page."""

    outcomes: OutcomeDesk
    quality: QualityDesk

    @classmethod
    def over(cls, engine: sa.Engine, zone: dt.tzinfo, now: Callable[[], dt.datetime]) -> Self:
        """The desks over one store; zone: of the office, whose days outcomes are counted by."""
        return cls(OutcomeDesk(ConcludedCases(engine), zone), QualityDesk(engine, now))
