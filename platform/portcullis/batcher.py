"""One thread that asks the models: what waits is judged together, and no more waits than is answered soon.

Models are not built to be called from two threads at once, and judge several consignments in less time than
one after the other. Request threads hand in and wait; the scoring thread takes what waits.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from customs.errors import CustomsError
from fusion import Policy
from portcullis.consignment import Consignment
from portcullis.judge import Verdict, judge, judge_all
from portcullis.metrics import Metrics
from portcullis.models import Models

log = logging.getLogger("portcullis.batcher")
T = TypeVar("T")
# How long the first of a batch waits for others that are being read just now.
_LINGER_SECONDS = 0.002
_FIRST_GUESS_SECONDS = 0.3  # for one consignment, before any was judged
_LONGEST_RETRY_SECONDS = 120


class Busy(CustomsError):
    """As much is in hand as can be answered soon; nothing was read or stored. seconds: when to come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "the service has as much in hand as it can answer soon",
            remedy=f"send it again in {seconds} s; nothing was stored",
        )
        self.seconds = seconds


def never() -> bool:
    """The caller still waits."""
    return False


@dataclass(eq=False)
class _Job:
    """Something for the scoring thread: a consignment, or work that needs the models."""

    consignment: Consignment | None = None
    work: Callable[[Models], Any] | None = None
    gone: Callable[[], bool] = never
    answer: Future[Any] = field(default_factory=Future)


class Batcher:
    """The scoring thread of a process, what waits for it, and how much is in hand.

    max_queue: requests that may be in hand at once, from the reading of the upload to the answer, and jobs
    that may wait for the models. max_batch: most consignments judged together. patience: seconds after which
    a job that nobody has begun is given up. The thread starts with the first job.
    """

    def __init__(
        self,
        models: Models,
        policy: Policy,
        metrics: Metrics,
        *,
        max_queue: int = 8,
        max_batch: int = 8,
        patience: float = 30.0,
    ) -> None:
        self._models = models
        self.policy = policy
        self.metrics = metrics
        self.max_queue = max_queue
        self.max_batch = max_batch
        self.patience = patience
        self._change = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._places = 0
        self._thread: threading.Thread | None = None
        self._closed = False
        self._pace = _FIRST_GUESS_SECONDS  # seconds for one job, of late

    @property
    def models(self) -> Models:
        """Those that answer now."""
        return self._models

    def switch(self, models: Models) -> None:
        """Let others answer from the next batch on; a batch that has begun is finished by its own."""
        self._models = models

    @property
    def full(self) -> bool:
        """Whether the next request would be refused."""
        return self._closed or self.in_hand >= self.max_queue

    @property
    def in_hand(self) -> int:
        """How many requests of this process are being read or wait for the models."""
        return max(self._places, len(self._waiting))

    @property
    def busy(self) -> bool:
        """Whether anything is in hand."""
        return self.in_hand > 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for one request, taken before its body is read; `Busy` where none is free."""
        with self._change:
            if self._closed or self._places >= self.max_queue:
                raise self._busy("places")
            self._places += 1
            self.metrics.in_hand.inc()
        try:
            yield
        finally:
            with self._change:
                self._places -= 1
                self.metrics.in_hand.dec()

    def judge(self, consignment: Consignment, gone: Callable[[], bool] = never) -> Verdict:
        """The verdict on a consignment, judged together with what else waits; its errors are its own.

        gone: says whether the caller has given up; such a job is skipped.
        """
        verdict: Verdict = self._ask(_Job(consignment=consignment, gone=gone))
        return verdict

    def call(self, work: Callable[[Models], T]) -> T:
        """What `work` answers, done with the models while nobody else uses them."""
        answer: T = self._ask(_Job(work=work))
        return answer

    def close(self, seconds: float = 10.0) -> bool:
        """Take nothing new and finish what waits; False where that took longer than `seconds`."""
        with self._change:
            self._closed = True
            self._change.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    def _ask(self, job: _Job) -> Any:
        with self._change:
            if self._closed or len(self._waiting) >= self.max_queue:
                raise self._busy("queue")
            self._waiting.append(job)
            self.metrics.waiting.inc()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)
                self._thread.start()
            self._change.notify_all()
        try:
            return job.answer.result(self.patience)
        except TimeoutError:
            if not job.answer.cancel():  # it was begun, or its own answer is such an error
                return job.answer.result()
            raise self._busy("patience") from None
        except CancelledError:
            raise self._busy("gone") from None

    def _busy(self, why: str) -> Busy:
        self.metrics.refusals.labels(why).inc()
        ahead = max(self._places, len(self._waiting))
        return Busy(min(max(math.ceil(self._pace * ahead), 1), _LONGEST_RETRY_SECONDS))

    def _run(self) -> None:
        while jobs := self._take():
            for job in jobs:
                if job.gone():
                    job.answer.cancel()
            alive = [job for job in jobs if job.answer.set_running_or_notify_cancel()]
            began = time.perf_counter()
            models = self._models
            for job in alive:
                if job.work is not None:
                    _settle(job, job.work, models)
            self._judge([job for job in alive if job.consignment is not None], models)
            if alive:
                self._pace += 0.2 * ((time.perf_counter() - began) / len(alive) - self._pace)

    def _take(self) -> list[_Job]:
        """The next jobs, oldest first; none when closed and all is done."""
        with self._change:
            while not self._waiting:
                if self._closed:
                    return []
                self._change.wait()
            if len(self._waiting) < min(self._places, self.max_batch):
                self._change.wait(_LINGER_SECONDS)
            jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.max_batch))]
            self.metrics.waiting.dec(len(jobs))
        return jobs

    def _judge(self, jobs: list[_Job], models: Models) -> None:
        """Judge together; where that fails, each alone, so that one fails only itself."""
        if not jobs:
            return
        self.metrics.batch_size.observe(len(jobs))
        consignments = [job.consignment for job in jobs if job.consignment is not None]
        if len(jobs) > 1:
            try:
                verdicts = judge_all(consignments, models, self.policy)
            except Exception:
                log.warning("a batch failed and is judged one by one", extra={"size": len(jobs)})
            else:
                for job, verdict in zip(jobs, verdicts, strict=True):
                    job.answer.set_result(verdict)
                return
        for job, consignment in zip(jobs, consignments, strict=True):
            _settle(job, judge, consignment, models, self.policy)


def _settle(job: _Job, work: Callable[..., Any], *of: Any) -> None:
    try:
        job.answer.set_result(work(*of))
    except BaseException as error:  # whoever waits gets it; this thread serves the others
        job.answer.set_exception(error)
