"""The loop of every worker, whatever process it runs in: claim a chunk, judge it, store it once."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

from customs.declaration import Declaration
from customs.errors import CustomsError, Problem
from fusion import RiskReport
from portcullis.consignment import Consignment, Upload
from portcullis.jobs.archive import Archive
from portcullis.judge import Verdict
from portcullis.store.assessments import New
from portcullis.store.chunks import Chunks, Claim, ClaimLost, Result, Task
from portcullis.store.images import Images

log = logging.getLogger("portcullis.jobs")

Judging = Callable[[Sequence[Consignment]], list[Verdict]]
# The store is away, full or busy: whoever asks it waits. Its other errors are about what was to be stored.
NO_ANSWER = (OperationalError, InterfaceError, TimeoutError)
IDLE_SECONDS = 1.0  # between looks for work
_NOT_NOW_SECONDS = 0.2
_MOST_WITH_PICTURES = 8  # in a slice: each may be tens of megabytes when it is decoded
_TROUBLE_SECONDS = 2.0  # after the store did not answer


def _unnoticed(assessment_id: str, report: RiskReport) -> None:
    """Nobody wants to know."""


class NotNow(Exception):
    """The models serve others: ask again in a moment."""


class _Stopped(Exception):
    """The runner has to end in the middle of a chunk."""


@dataclass(frozen=True, eq=False)
class _Read:
    """A task whose parts have all been read."""

    task: Task
    upload: Upload
    consignment: Consignment


class Runner:
    """Does chunks, one after another.

    A chunk is judged in slices that take about `slice_seconds` each. Between two slices others may use the
    models, the lease is renewed, and a runner that has to stop gives the chunk back. `judge` may raise
    `NotNow`.
    """

    def __init__(
        self,
        name: str,
        chunks: Chunks,
        images: Images,
        judge: Judging,
        *,
        slice_seconds: float,
        most: int,
        pause: float = 0.0,
        stored: Callable[[str, RiskReport], None] = _unnoticed,
    ) -> None:
        self.name = name
        self.chunks = chunks
        self.images = images
        self.judge = judge
        self.slice_seconds = slice_seconds
        self.most = most  # declarations in a slice
        self.stored = stored  # told of each assessment that was stored
        self.pause = pause  # seconds between slices, for whoever waits for the models
        self.stopping = threading.Event()
        self._sizes: dict[str, int] = {}  # of the next slice, by kind of batch
        self._wake = threading.Event()

    def run(self, *, until_idle: bool = False) -> int:
        """Do chunks until `stop`, or until no worker anywhere has one left; how many were done here.

        A store that does not answer is waited for: what was claimed stays claimed, and what was not stored
        will be done again.
        """
        done = 0
        while not self.stopping.is_set():
            try:
                if self.run_one():
                    done += 1
                    continue
                if until_idle and self.chunks.idle():
                    break
            except NO_ANSWER as error:
                log.warning("the store does not answer (%s)", type(error).__name__)
                self.stopping.wait(_TROUBLE_SECONDS)
                continue
            self._wake.wait(IDLE_SECONDS)
            self._wake.clear()
        return done

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def stop(self) -> None:
        """Give the chunk back after the current slice and end `run`."""
        self.stopping.set()
        self._wake.set()

    def run_one(self) -> bool:
        """Claim one chunk and do it; False if there is none."""
        claim = self.chunks.claim(self.name)
        if claim is None:
            return False
        try:
            for assessment_id, report in self.chunks.finish(claim, self._results(claim)):
                self.stored(assessment_id, report)
        except _Stopped:
            self.chunks.release(claim)
        except ClaimLost as lost:
            log.warning("%s is somebody else's now", lost)
        except NO_ANSWER:
            raise
        except Exception as error:
            log.exception("chunk %s of batch %s failed", claim.chunk, claim.batch_id)
            said = str(error) if isinstance(error, CustomsError) else f"{type(error).__name__}: {error}"
            self._fail(claim, said)
        return True

    def _fail(self, claim: Claim, said: str) -> None:
        try:
            self.chunks.fail(claim, said)
        except ClaimLost as lost:
            log.warning("%s is somebody else's now", lost)

    def _results(self, claim: Claim) -> list[Result]:
        """What became of every task."""
        file = _File(self.images.read(claim.file)) if claim.kind == "zip" else None
        lease = _Lease(self.chunks, claim)
        results: list[Result] = []
        todo = list(claim.tasks)
        most = self.most if file is None else min(self.most, _MOST_WITH_PICTURES)
        size = min(self._sizes.get(claim.kind, 1), most)
        while todo:
            if self.stopping.wait(self.pause):
                raise _Stopped
            lease.keep()
            some, todo = todo[:size], todo[size:]
            begun = time.monotonic()
            results += self._slice(some, file, lease)
            took = max(time.monotonic() - begun, 1e-6)
            if len(some) == size or took > self.slice_seconds:
                size = max(1, min(most, 2 * size, int(len(some) * self.slice_seconds / took)))
        self._sizes[claim.kind] = size
        lease.keep()  # storing takes a moment, too
        return results

    def _slice(self, tasks: Sequence[Task], file: _File | None, lease: _Lease) -> list[Result]:
        """Judge some tasks together; one that cannot be read or judged leaves the others alone."""
        results: dict[int, Result] = {}
        readable: list[_Read] = []
        for task in tasks:
            try:
                readable.append(_read(task, file))
            except CustomsError as error:
                results[task.number] = Result(task, problems=error.problems)
        for one, verdict in self._judged(readable, lease):
            results[one.task.number] = _result(one, verdict)
        return [results[task.number] for task in tasks]

    def _judged(self, some: Sequence[_Read], lease: _Lease) -> list[tuple[_Read, Verdict | Exception]]:
        if not some:
            return []
        try:
            verdicts = self._verdicts(some, lease)
        except (_Stopped, ClaimLost, *NO_ANSWER):
            raise
        except Exception as error:
            if len(some) == 1:
                log.warning("a consignment could not be judged: %s", type(error).__name__)
                return [(some[0], error)]
            return [pair for one in some for pair in self._judged([one], lease)]
        return list(zip(some, verdicts, strict=True))

    def _verdicts(self, some: Sequence[_Read], lease: _Lease) -> list[Verdict]:
        """Ask the models, waiting for them where they serve others."""
        while True:
            try:
                return self.judge([one.consignment for one in some])
            except NotNow:
                if self.stopping.wait(_NOT_NOW_SECONDS):
                    raise _Stopped from None
                lease.keep()


class _Lease:
    """The lease on a chunk while it is done."""

    def __init__(self, chunks: Chunks, claim: Claim) -> None:
        self.chunks = chunks
        self.claim = claim
        self._renewed = time.monotonic()

    def keep(self) -> None:
        """Renew it when a third of it has gone."""
        if time.monotonic() - self._renewed > self.chunks.lease.total_seconds() / 3:
            self.chunks.renew(self.claim)
            self._renewed = time.monotonic()


class _File:
    """The archive of a batch while one of its chunks is done."""

    def __init__(self, data: bytes) -> None:
        self.archive = Archive(data, most_bytes=_CHECKED)

    def upload(self, content: dict[str, Any]) -> Upload:
        """The pictures of a case."""
        return Upload(
            declaration=json.dumps(content["declaration"]).encode(),
            scan=tuple((name, self.archive.read(name)) for name in content["scan"]),
            photo=None if content["photo"] is None else self.archive.read(content["photo"]),
        )


_CHECKED = 1 << 62  # the limit of the day it was handed in held already


def _read(task: Task, file: _File | None) -> _Read:
    if file is None:
        declaration = Declaration.from_dict(task.content["declaration"])
        return _Read(task, Upload(b""), Consignment(declaration))
    upload = file.upload(task.content)
    return _Read(task, upload, Consignment.read(upload))


def _result(one: _Read, verdict: Verdict | Exception) -> Result:
    if isinstance(verdict, CustomsError):
        return Result(one.task, problems=verdict.problems)
    if isinstance(verdict, Exception):
        said = f"the models could not judge it ({type(verdict).__name__})"
        problem = Problem(said, None, "resume the batch when the cause is put right")
        return Result(one.task, problems=(problem,), failed=True)
    return Result(
        one.task,
        New(
            one.consignment.declaration,
            verdict,
            scan=one.consignment.scan,
            scan_files=one.upload.scan,
            photo=one.upload.photo,
        ),
    )
