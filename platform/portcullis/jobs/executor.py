"""Who does chunks beside the server: a thread of it, or processes of its own.

What has to survive is in the store, so an executor only starts, wakes and stops workers that each loop over
`Runner.run`; another engine needs no more than `board.Executor`.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import threading
import time
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING

from portcullis.jobs.board import Executor
from portcullis.jobs.runner import Runner
from portcullis.jobs.worker import work_for
from portcullis.settings import Settings

if TYPE_CHECKING:
    from portcullis.service import Service

log = logging.getLogger("portcullis.jobs")

# Requests wait for a slice that has begun, so it is short.
_INLINE_SLICE_SECONDS, _INLINE_MOST = 0.1, 8
_WATCH_SECONDS = 0.5
_LONGEST_WAIT = 30.0  # before a process that ends at once is started anew
_LIVED = 10.0  # seconds after which a process is taken to have started well


def executor_of(service: Service) -> Executor | None:
    """The executor that the settings ask for; None where batches are done elsewhere."""
    settings = service.settings
    if settings.executor == "process" and settings.workers > 1:
        return None  # whoever watches over the workers starts them once
    if settings.executor == "inline":
        return Inline(
            Runner(
                worker_name(),
                service.board.chunks,
                service.images,
                service.judge_all,
                slice_seconds=_INLINE_SLICE_SECONDS,
                most=_INLINE_MOST,
                pause=0.002,
                stored=service.stored,
            )
        )
    return Processes(settings, settings.processes) if settings.executor == "process" else None


def worker_name() -> str:
    """This process, as it stands beside the chunks that it claims."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Inline:
    """A thread of this process, with the models that answer requests; between two slices those come first."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self._thread = threading.Thread(target=runner.run, name="batches", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def wake(self) -> None:
        """There is work."""
        self.runner.wake()

    def stop(self, seconds: float) -> None:
        """Give the chunk back after the slice at hand, and end."""
        self.runner.stop()
        self._thread.join(seconds)


@dataclass
class _Slot:
    """The place of one worker process."""

    process: SpawnProcess
    started: float
    wait: float = 0.0  # before the next start
    again: float | None = None  # when that is


class Processes:
    """Worker processes with models of their own; one that ends unasked is started anew."""

    def __init__(self, settings: Settings, count: int) -> None:
        self.settings = settings
        self.count = count
        self._slots: list[_Slot] = []
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="batch processes", daemon=True)

    @property
    def pids(self) -> list[int]:
        """Of the processes that run now."""
        return [s.process.pid for s in self._slots if s.process.is_alive() and s.process.pid is not None]

    def start(self) -> None:
        """Start them; they load their models first."""
        self._slots = [_Slot(self._process(), time.monotonic()) for _ in range(self.count)]
        self._watcher.start()

    def wake(self) -> None:
        """Nothing to do: they look for themselves."""

    def stop(self, seconds: float) -> None:
        """Ask them to give their chunks back, and end those that do not in time."""
        self._stopping.set()
        if self._slots:
            self._watcher.join()
        end = time.monotonic() + seconds
        for slot in self._slots:
            slot.process.terminate()
        for slot in self._slots:
            slot.process.join(max(0.0, end - time.monotonic()))
            if slot.process.is_alive():
                slot.process.kill()
                slot.process.join()

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_SECONDS):
            for slot in self._slots:
                if not slot.process.is_alive():
                    self._restart(slot)

    def _restart(self, slot: _Slot) -> None:
        now = time.monotonic()
        if slot.again is None:
            lived = now - slot.started
            slot.wait = 0.0 if lived > _LIVED else min(max(1.0, 2 * slot.wait), _LONGEST_WAIT)
            slot.again = now + slot.wait
            log.warning("a batch process ended with %s", slot.process.exitcode)
        if now >= slot.again:
            slot.process, slot.started, slot.again = self._process(), now, None

    def _process(self) -> SpawnProcess:
        # spawned, not forked: neither models nor connections survive a fork
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=work_for, args=(self.settings, os.getpid()), daemon=True)
        process.start()
        return process
