"""Earlier cases of the same item or importer, what was decided and found, and how such goods came here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from customs.errors import InvalidValue
from portcullis.service import NotFound
from portcullis.store.assessments import Assessment
from portcullis.store.past import Case, Counts, OfImporter, OfItem, OfRoute, Past, PastLine, Wanted
from portcullis.store.queue import Queue

MOST_PAST = 100


class By(StrEnum):
    """What makes an earlier case one to compare with."""

    ITEM = "item"
    IMPORTER = "importer"
    ROUTE = "route"


@dataclass(frozen=True)
class PastCases:
    """Earlier cases, newest first. value: the code, the importer, or the countries of the route.

    match: `hsk`; `hs6`, where no earlier case has the same ten digits; `importer`; `route`, of the same
    origin and departure; `origin`, where this case declares no departure.
    """

    by: By
    match: str
    value: str
    counts: Counts
    lines: tuple[PastLine, ...]


class PastDesk:
    """Answers about what came before."""

    def __init__(self, past: Past, queue: Queue) -> None:
        self.past = past
        self.queue = queue

    def cases(self, found: Assessment, by: By, *, line: int = 1, limit: int = 20) -> PastCases:
        """Cases older than this one.

        Raises:
            NotFound: there is no such line.
            InvalidValue: `limit` is not 1 to `MOST_PAST`.
        """
        if not 1 <= limit <= MOST_PAST:
            raise InvalidValue(f"got {limit}", field="limit", remedy=f"give 1 to {MOST_PAST}")
        before = self.before(found)
        wanted: Wanted
        if by is By.IMPORTER:
            value = found.declaration.importer
            wanted = OfImporter(value)
            match, counts = "importer", self.past.counts(wanted, before)
        elif by is By.ROUTE:
            wanted = _route_of(found)
            match = "origin" if wanted.departure is None else "route"
            value = " ".join(filter(None, (wanted.origin, wanted.departure)))
            counts = self.past.counts(wanted, before)
        else:
            item, match, counts = self.item(found, line)
            wanted, value = item, item.prefix
        return PastCases(by, match, value, counts, tuple(self.past.lines(wanted, before, limit)))

    def item(self, found: Assessment, line: int) -> tuple[OfItem, str, Counts]:
        """The item by which earlier cases are known, `hsk` or `hs6`, and their counts."""
        hsk, hs6 = items_of(found, line)
        before = self.before(found)
        counts = self.past.counts(hsk, before)
        return (hsk, "hsk", counts) if counts.cases else (hs6, "hs6", self.past.counts(hs6, before))

    def before(self, found: Assessment) -> Case:
        """This case, as what others are earlier than."""
        row = self.queue.get(found.id)
        assert row is not None  # every assessment has its row in the queue
        return Case(row.number, row.declaration_id, row.date)


def _route_of(found: Assessment) -> OfRoute:
    departure = found.declaration.departure
    return OfRoute(found.declaration.origin.code, None if departure is None else departure.code)


def items_of(found: Assessment, line: int) -> tuple[OfItem, OfItem]:
    """The items by which earlier cases of a line are looked up: its ten digits, then its six."""
    code = line_code(found, line)
    return OfItem(code), OfItem(code[:6])


def line_code(found: Assessment, line: int) -> str:
    """Declared digits of a line; `NotFound` if there is no such line."""
    lines = found.declaration.lines
    if not 1 <= line <= len(lines):
        raise NotFound(f"there is no line {line}", field="line", remedy=f"give a line from 1 to {len(lines)}")
    return lines[line - 1].hsk.digits
