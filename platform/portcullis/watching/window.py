"""Weekly cells of a stretch of time: the latest weeks beside those before them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from portcullis.store.weekly import ALL, Cell
from portcullis.watching.shares import ENOUGH, Share, noise_limit

RECENT = 4  # weeks that are looked at
NOTABLE = 0.05  # a smaller change is none that anybody needs to look after, however certain it is


class Verdict(StrEnum):
    """What a comparison says. DIFFERS: from the reference, but no more than before."""

    FEW = "few"
    USUAL = "usual"
    DIFFERS = "differs"
    CHANGED = "changed"


@dataclass(frozen=True)
class Window:
    """weeks: Mondays, oldest first; the last `RECENT` of them are held against those before."""

    weeks: tuple[dt.date, ...]
    cells: Mapping[str, Mapping[str, Mapping[dt.date, Cell]]] = field(repr=False)

    @classmethod
    def of(cls, last: dt.date, count: int, cells: Iterable[Cell]) -> Window:
        """The `count` weeks that end with `last`."""
        by_topic: dict[str, dict[str, dict[dt.date, Cell]]] = defaultdict(lambda: defaultdict(dict))
        for cell in cells:
            by_topic[cell.topic][cell.said][cell.week] = cell
        weeks = tuple(last - dt.timedelta(days=7 * n) for n in reversed(range(count)))
        return cls(weeks, by_topic)

    @property
    def recent(self) -> tuple[dt.date, ...]:
        """The weeks that are looked at."""
        return self.weeks[-RECENT:]

    @property
    def earlier(self) -> tuple[dt.date, ...]:
        """The weeks before them."""
        return self.weeks[:-RECENT]

    def said(self, topic: str) -> Sequence[str]:
        """All that was said of a topic."""
        return sorted(self.cells.get(topic, ()))

    def count(self, topic: str, said: str, weeks: Sequence[dt.date]) -> int:
        """How often."""
        cells = self.cells.get(topic, {}).get(said, {})
        return sum(cells[week].count for week in weeks if week in cells)

    def counts(self, topic: str, said: Iterable[str], weeks: Sequence[dt.date]) -> int:
        """How often one of several."""
        return sum(self.count(topic, one, weeks) for one in said)

    def amount(self, topic: str, said: Iterable[str], weeks: Sequence[dt.date]) -> float:
        """Sum of the amounts."""
        found = self.cells.get(topic, {})
        cells = (found.get(one, {}) for one in said)
        return sum(by_week[week].amount for by_week in cells for week in weeks if week in by_week)

    def examples(self, topic: str, said: Iterable[str], most: int = 5) -> tuple[int, ...]:
        """Numbers of cases of the recent weeks, newest first."""
        found = self.cells.get(topic, {})
        numbers = {
            found[one][week].latest
            for one in said
            if one in found
            for week in self.recent
            if week in found[one]
        }
        return tuple(sorted(numbers, reverse=True)[:most])


@dataclass(frozen=True)
class Compared:
    """A share in the recent weeks and before, week by week, and whether it changed."""

    name: str
    recent: Share
    earlier: Share
    trend: tuple[Share, ...]
    verdict: Verdict
    examples: tuple[int, ...] = ()

    @property
    def change(self) -> float | None:
        """Recent less earlier share."""
        if self.recent.rate is None or self.earlier.rate is None:
            return None
        return self.recent.rate - self.earlier.rate


def compared(
    window: Window,
    topic: str,
    said: Iterable[str],
    whole: tuple[str, Iterable[str]],
    *,
    name: str,
    tests: int,
) -> Compared:
    """How often something is said of so many (`whole`: topic and what is said there)."""
    mine, (of_topic, of_said) = tuple(said), (whole[0], tuple(whole[1]))

    def share(weeks: Sequence[dt.date]) -> Share:
        return Share(window.counts(topic, mine, weeks), window.counts(of_topic, of_said, weeks))

    recent, earlier = share(window.recent), share(window.earlier)
    return Compared(
        name=name,
        recent=recent,
        earlier=earlier,
        trend=tuple(share((week,)) for week in window.weeks),
        verdict=change_of(recent, earlier, tests),
        examples=window.examples(topic, mine),
    )


def change_of(recent: Share, earlier: Share, tests: int) -> Verdict:
    """Whether a share changed beyond noise, and by enough to matter."""
    if min(recent.of, earlier.of) < ENOUGH or recent.rate is None or earlier.rate is None:
        return Verdict.FEW
    change = abs(recent.rate - earlier.rate)
    beyond = change > noise_limit(recent.of, earlier.of, tests) and change >= NOTABLE
    return Verdict.CHANGED if beyond else Verdict.USUAL


CASES = ("case", (ALL,))
