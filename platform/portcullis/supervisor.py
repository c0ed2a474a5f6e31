"""Several worker processes on one port: started, kept alive, ended together.

Each worker is a whole service with models of its own over the shared store. A worker that dies is started
anew; one that cannot start at all ends everything, since the others could not either. If this process is
killed, its workers see their pipe end and leave.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType

from customs.errors import CustomsError
from portcullis import logs
from portcullis.jobs.executor import Processes
from portcullis.server import address_of
from portcullis.settings import Settings

log = logging.getLogger("portcullis.supervisor")
_READY = b"ready"
_LOOK_SECONDS = 0.2
_LONGEST_PAUSE = 30.0
_SHARED_METRICS = "PROMETHEUS_MULTIPROC_DIR"


class CannotStart(CustomsError):
    """A worker ended before it could answer."""


def supervise(settings: Settings, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Run `settings.workers` processes until a signal comes; `ready` is told the address when all answer."""
    logs.configure(settings)
    figures = tempfile.mkdtemp(prefix="portcullis-metrics-")
    before = dict(os.environ)
    os.environ[_SHARED_METRICS] = figures
    try:
        _Supervisor(settings, listener).run(ready)
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(figures, ignore_errors=True)


@dataclass(eq=False)
class _Worker:
    """One process; pipe: it says that it is ready, and sees by its end that we are gone."""

    process: SpawnProcess
    pipe: Connection
    ready: bool = False


@dataclass(eq=False)
class _Supervisor:
    settings: Settings
    listener: socket.socket
    workers: list[_Worker] = field(default_factory=list)
    stopped: bool = False
    told: bool = False
    failures: int = 0

    def run(self, ready: Callable[[str], None]) -> None:
        usual = {name: signal.signal(name, self._stop) for name in (signal.SIGTERM, signal.SIGINT)}
        batches = Processes(self.settings, self.settings.processes)
        try:
            for _ in range(self.settings.workers):
                self._start()
            if self.settings.executor == "process":
                batches.start()
            while not self.stopped:
                self._look(ready)
        finally:
            if self.settings.executor == "process":
                batches.stop(self.settings.shutdown_seconds)
            self._end()
            for name, handler in usual.items():
                signal.signal(name, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (self.settings, self.listener, theirs)
        process = context.Process(target=_work, args=arguments, name="portcullis worker", daemon=False)
        process.start()
        theirs.close()
        self.workers.append(_Worker(process, ours))

    def _look(self, ready: Callable[[str], None]) -> None:
        """Hear who is ready, and replace who died."""
        waiting: dict[int | Connection, _Worker] = {w.process.sentinel: w for w in self.workers}
        waiting |= {w.pipe: w for w in self.workers if not w.ready}
        for one in wait(list(waiting), timeout=_LOOK_SECONDS):
            worker = waiting[one]  # type: ignore[index]
            if isinstance(one, Connection):
                try:
                    worker.ready = one.recv_bytes() == _READY
                except (EOFError, OSError):
                    continue  # it died; its sentinel says so
            elif worker in self.workers:
                self._replace(worker)
        if all(worker.ready for worker in self.workers):
            self.failures = 0
            if not self.told:
                self.told = True
                ready(address_of(self.listener, self.settings))

    def _replace(self, worker: _Worker) -> None:
        self._bury(worker)
        if self.stopped:
            return
        code = worker.process.exitcode
        if not worker.ready:
            if not self.told:
                raise CannotStart("a worker could not start", remedy="what it said stands above")
            self.failures += 1
        log.error("a worker died and is started anew", extra={"pid": worker.process.pid, "code": code})
        pause = min(2.0**self.failures - 1.0, _LONGEST_PAUSE)
        until = time.monotonic() + pause
        while not self.stopped and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        if not self.stopped:
            self._start()

    def _bury(self, worker: _Worker) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)
        mark_process_dead(worker.process.pid)

    def _end(self) -> None:
        """Every worker finishes what it accepted; one that does not is killed."""
        self.listener.close()
        _signal(self.workers, signal.SIGTERM)
        end = time.monotonic() + self.settings.shutdown_seconds + 5
        for worker in self.workers:
            worker.process.join(max(end - time.monotonic(), 0))
        _signal([w for w in self.workers if w.process.is_alive()], signal.SIGKILL)
        for worker in list(self.workers):
            self._bury(worker)


def _signal(workers: Sequence[_Worker], number: int) -> None:
    for worker in workers:
        if worker.process.is_alive() and worker.process.pid is not None:
            os.kill(worker.process.pid, number)


def _work(settings: Settings, listener: socket.socket, pipe: Connection) -> None:
    """A worker's whole life."""
    from portcullis.server import open_service, serve

    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    threading.Thread(target=_leave_with, args=(pipe,), name="supervised", daemon=True).start()
    try:
        serve(open_service(settings), listener, lambda address: pipe.send_bytes(_READY))
    except CustomsError as error:
        for problem in error.problems:
            print(f"portcullis: {problem}", file=sys.stderr)
        sys.exit(2)


def _leave_with(pipe: Connection) -> None:
    """End this process when the one that watches over it is gone."""
    try:
        pipe.recv_bytes()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
