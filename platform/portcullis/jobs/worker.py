"""A process that does chunks and nothing else, with models of its own."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING

from portcullis.settings import Settings

if TYPE_CHECKING:
    from portcullis.jobs.runner import Runner

# Nobody waits for one declaration: a slice may be as large as is quickest.
_SLICE_SECONDS, _MOST = 5.0, 64
_WATCH_SECONDS = 1.0


def work(settings: Settings, *, until_idle: bool = False, parent: int | None = None) -> int:
    """Do chunks until SIGTERM or SIGINT, which let the slice at hand end; how many were done.

    until_idle: end, too, when no chunk waits or runs anywhere. parent: end when this is no longer the parent
    process.
    """
    # two processes that each take all cores take turns at best; libraries read this when they are loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    from portcullis import logs
    from portcullis.jobs.executor import worker_name
    from portcullis.jobs.runner import Runner
    from portcullis.server import open_service

    torch.set_num_threads(1)
    logs.configure(settings)
    service = open_service(settings)  # with the models that are live, also when others come to be
    runner = Runner(
        worker_name(),
        service.board.chunks,
        service.images,
        service.judge_all,
        slice_seconds=_SLICE_SECONDS,
        most=_MOST,
        stored=service.stored,
    )

    def stop(number: int, frame: FrameType | None) -> None:
        # by a thread: the handler may have interrupted this one while it holds the lock of an event
        threading.Thread(target=runner.stop).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if parent is not None:
        threading.Thread(target=_watch, args=(runner, parent), daemon=True).start()
    try:
        return runner.run(until_idle=until_idle)
    finally:
        service.close()


def work_for(settings: Settings, parent: int) -> None:
    """The whole life of a process that an executor starts."""
    work(settings, parent=parent)


def _watch(runner: Runner, parent: int) -> None:
    """A server that was killed takes its processes along."""
    while not runner.stopping.wait(_WATCH_SECONDS):
        if os.getppid() != parent:
            runner.stop()
