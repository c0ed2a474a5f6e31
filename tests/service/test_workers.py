"""Processes: several on one port, one that dies, an end that finishes what was accepted."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psutil
import pytest

PROGRAM = [sys.executable, "-c", "from portcullis.cli import main; main()"]


class Served:
    """A `portcullis serve` process: its address and its log."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        assert process.stdout is not None
        found = re.search(r"http://\S+/", process.stdout.readline())
        assert found is not None, log.read_text(encoding="utf-8")
        self.address = found[0].rstrip("/")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Lines of the log about something."""
        text = self.log.read_text(encoding="utf-8").splitlines()
        return [
            line for line in map(json.loads, (t for t in text if t.startswith("{"))) if line["event"] == event
        ]

    def pids(self) -> list[int]:
        """Of all processes that came to serve, oldest first."""
        return [line["pid"] for line in self.lines("serving")]


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    return state != "Z"


@pytest.fixture
def serve(tmp_path: Path, quick_models: Path, fresh: Path) -> Callable[..., Any]:
    """Starts `portcullis serve` with real models of one module over a store with one account."""
    shutil.copytree(fresh, tmp_path / "data")

    @contextmanager
    def started(*options: str, **settings: str) -> Iterator[Served]:
        environment = {**os.environ, "PORTCULLIS_DATA": str(tmp_path / "data"), **settings}
        log = tmp_path / "log"
        words = ["serve", "--port", "0", "--models", str(quick_models / "tabular"), *options]
        with (
            log.open("w") as errors,
            subprocess.Popen(
                [*PROGRAM, *words], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
            ) as process,
        ):
            served = None
            try:
                served = Served(process, log)
                yield served
            finally:
                for pid in (process.pid, *(served.pids() if served else [])):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    return started


def send(served: Served, make: SimpleNamespace, name: str) -> httpx.Response:
    auth = (make.name, make.password)
    parts = {"declaration": make.declaration(id=name)}
    return httpx.post(f"{served.address}/v1/assessments", files=parts, auth=auth, timeout=60)


def counted(served: Served) -> float:
    """Assessments answered by all workers, those that died included."""
    figures = httpx.get(f"{served.address}/metrics").text
    found = re.search(
        r'requests_total\{method="POST",route="/v1/assessments",status="201"\} (\d+\.\d+)', figures
    )
    return float(found[1]) if found else 0.0


def test_a_worker_that_dies_is_started_anew_and_none_outlives_its_watcher(
    serve: Callable[..., Any], make: SimpleNamespace
) -> None:
    """Two share a port, figures are of all of them together; none stays behind and keeps the port."""
    with serve("--workers", "2") as served:
        until(lambda: len(set(served.pids())) == 2)
        first = served.pids()
        assert [send(served, make, f"D{n}").status_code for n in range(4)] == [201] * 4
        until(lambda: counted(served) == 4)  # a request is counted when its answer has gone out
        os.kill(first[0], signal.SIGKILL)
        until(lambda: len(served.pids()) == 3)
        assert served.lines("a worker died and is started anew")[0]["code"] == -signal.SIGKILL
        assert [send(served, make, f"E{n}").status_code for n in range(4)] == [201] * 4
        until(lambda: counted(served) == 8)
        served.process.kill()
        until(lambda: not any(alive(pid) for pid in served.pids()))


def test_what_was_accepted_is_answered_before_the_end(
    serve: Callable[..., Any], make: SimpleNamespace
) -> None:
    """Of requests under way at SIGTERM each is answered and stored, or was never accepted.

    The process that does batches is one for all workers, and ends with them.
    """
    settings = {"PORTCULLIS_MAX_QUEUE": "64", "PORTCULLIS_WORKERS": "2"}
    settings |= {"PORTCULLIS_EXECUTOR": "process", "PORTCULLIS_PROCESSES": "1"}
    with serve(**settings) as served, ThreadPoolExecutor(24) as threads:
        spawned = [
            p for p in psutil.Process(served.process.pid).children() if "spawn_main" in str(p.cmdline())
        ]
        assert len(spawned) == 3
        answers = [threads.submit(send, served, make, f"D{n}") for n in range(24)]
        until(lambda: any(answer.done() for answer in answers))
        served.process.terminate()
        assert served.process.wait(timeout=60) == 0
        assert not any(alive(pid) for pid in served.pids())
        assert not any(alive(one.pid) for one in spawned)
        good = 0
        for answer in answers:
            error = answer.exception(30)
            assert error is None or isinstance(error, httpx.ConnectError), error
            good += error is None and answer.result().status_code == 201
        assert good >= 1
        assert [line["complete"] for line in served.lines("stopped")] == [True, True]
        assert len([line for line in served.lines("answered") if line["status"] == 201]) == good
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{served.address}/healthz")
