"""Writes the office's months into the store, in the order in which they happened."""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from customs.declaration import Declaration
from customs.progress import Progress, silent
from portcullis.consignment import Consignment, Upload
from portcullis.demo.clock import Clock
from portcullis.demo.diary import Diary, Done
from portcullis.judge import Verdict
from portcullis.service import Service
from portcullis.store.accounts import Account
from portcullis.store.assessments import New
from portcullis.store.engine import writing
from portcullis.store.queue import LANES, queue

CaseFiles = tuple[Declaration, Path | None, Path | None]
OPEN_DAYS = 14  # before the last day: of what came in, most is not decided yet
_TOGETHER = 48  # declarations that the models judge at once


@dataclass(frozen=True, eq=False)
class Arrival:
    """Declarations that one officer hands in at one time."""

    at: dt.datetime
    by: Account
    cases: tuple[CaseFiles, ...]


@dataclass(eq=False)
class History:
    """Fills one store; what it holds already is left as it is, so an interrupted history goes on.

    Time only moves forward: an assessment or a deed is written when the clock has come to it.
    """

    service: Service
    diary: Diary
    clock: Clock
    end: dt.datetime  # nothing is done later
    _ahead: list[tuple[dt.datetime, int, str, Done]] = field(default_factory=list)
    _turn: Iterator[int] = field(default_factory=itertools.count)

    def write(self, cases: Sequence[CaseFiles], progress: Progress = silent) -> None:
        """Assess all cases; decide, assign and inspect as the diary plans. The clock ends at `end`."""
        known = self._known()
        done = 0
        for arrivals in _together(self._arrivals(cases), _TOGETHER):
            new = [case for arrival in arrivals for case in arrival.cases if case[0].id not in known]
            judged = self._judged(new)
            for arrival in arrivals:
                self._work_until(arrival.at)
                self.clock.at = arrival.at
                known |= self._store(arrival, judged)
                for declaration, _, _ in arrival.cases:
                    self._plan(declaration, *known[declaration.id], arrival.at)
                done += len(arrival.cases)
                progress("months at the office", done, len(cases))
        self._work_until(self.end)
        self.clock.at = self.end

    def _arrivals(self, cases: Sequence[CaseFiles]) -> list[Arrival]:
        groups: dict[tuple[dt.datetime, str], tuple[Account, list[CaseFiles]]] = {}
        for case in cases:
            at, by = self.diary.arrival(case[0], scanned=case[1] is not None)
            groups.setdefault((at, by.name), (by, []))[1].append(case)
        return [Arrival(at, by, tuple(some)) for (at, _), (by, some) in sorted(groups.items(), key=_first)]

    def _judged(self, cases: Sequence[CaseFiles]) -> dict[str, New]:
        """What the models say of some declarations, by id."""
        uploads = [_upload(case) for case in cases]
        read = [Consignment.read(upload) for upload in uploads]
        verdicts: list[Verdict] = self.service.judge_all(read) if read else []
        return {
            one.declaration.id: New(one.declaration, verdict, one.scan, upload.scan, upload.photo)
            for upload, one, verdict in zip(uploads, read, verdicts, strict=True)
        }

    def _store(self, arrival: Arrival, judged: dict[str, New]) -> dict[str, tuple[str, str]]:
        """Assessment and lane, by declaration, of what an arrival brings that is new."""
        news = [judged[declaration.id] for declaration, _, _ in arrival.cases if declaration.id in judged]
        if not news:
            return {}
        images = [image for new in news for image in new.images]
        assessments = self.service.assessments
        with (
            writing(assessments.engine) as connection,
            assessments.images.putting(connection, *images) as names,
        ):
            left = iter(names)
            items = [(new, list(itertools.islice(left, len(new.images)))) for new in news]
            ids = assessments.write(connection, arrival.by, items)
            connection.commit()
        return {
            new.declaration.id: (one, LANES[new.verdict.report.band])
            for new, one in zip(news, ids, strict=True)
        }

    def _plan(self, declaration: Declaration, assessment_id: str, lane: str, came: dt.datetime) -> None:
        recent = declaration.date > (self.end - dt.timedelta(days=OPEN_DAYS)).date()
        deeds = self.diary.waiting if recent and self.diary.waits(declaration) else self.diary.deeds
        for done in deeds(declaration, lane, came):
            heapq.heappush(self._ahead, (done.at, next(self._turn), assessment_id, done))

    def _work_until(self, at: dt.datetime) -> None:
        while self._ahead and self._ahead[0][0] <= at:
            when, _, assessment_id, done = heapq.heappop(self._ahead)
            self.clock.at = when
            key = f"demo:{assessment_id}:{type(done.deed).__name__}:{when.isoformat()}"
            self.service.casework.add(assessment_id, done.deed, done.by, key=key)

    def _known(self) -> dict[str, tuple[str, str]]:
        """Assessment and lane of every declaration that the store holds."""
        query = sa.select(queue.c.declaration_id, queue.c.assessment_id, queue.c.lane)
        with self.service.assessments.engine.connect() as connection:
            return {row.declaration_id: (row.assessment_id, row.lane) for row in connection.execute(query)}


def _first(group: tuple[tuple[dt.datetime, str], object]) -> tuple[dt.datetime, str]:
    return group[0]


def _together(arrivals: Sequence[Arrival], most: int) -> Iterator[list[Arrival]]:
    """Runs of arrivals with about so many cases."""
    some: list[Arrival] = []
    for arrival in arrivals:
        some.append(arrival)
        if sum(len(one.cases) for one in some) >= most:
            yield some
            some = []
    if some:
        yield some


def _upload(case: CaseFiles) -> Upload:
    from xray_encoder.reading import find_siblings

    declaration, scan, photo = case
    return Upload(
        declaration=declaration.to_json().encode(),
        scan=() if scan is None else tuple((p.name, p.read_bytes()) for p in find_siblings(scan)),
        photo=None if photo is None else photo.read_bytes(),
    )
