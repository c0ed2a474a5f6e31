"""Load by Locust: one client alone, as many as it can take, three times as many, and minutes on end.

Client and server share the machine's cores; every request is a full consignment (see `consignments`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soak
from soak.consignments import prepare
from soak.live import PASSWORD, Live, megabytes, served
from soak.verdict import Reach, Result, percentile, say

from portcullis.store.accounts import Role

PREPARED = 24
MAX_ALONE_SECONDS, LEAST_RATE, MAX_P99_TIMES, MAX_GROWTH = 0.4, 8.0, 2.0, 0.02
_SAMPLE_SECONDS = 2.0


@dataclass(frozen=True)
class Phase:
    """What Locust wrote down between the end of the warm-up and the end."""

    seconds: float
    answers: list[dict[str, Any]]

    def times(self, status: int = 201) -> list[float]:
        """Seconds of each answer of one kind."""
        return [a["seconds"] for a in self.answers if a["status"] == status]

    @property
    def rate(self) -> float:
        """Accepted a second."""
        return len(self.times()) / self.seconds

    def figures(self) -> dict[str, Any]:
        """For the report."""
        times = self.times()
        return {
            "requests": len(self.answers),
            "statuses": {str(k): n for k, n in sorted(Counter(a["status"] for a in self.answers).items())},
            "accepted_a_second": round(self.rate, 2),
            "accepted_ms": {f"p{p}": round(1000 * percentile(times, p / 100)) for p in (50, 95, 99)},
        }


class Load:
    """Locust against one server."""

    def __init__(self, live: Live, bodies: Path) -> None:
        self.live = live
        self.bodies = bodies

    def run(self, users: int, seconds: float, *, rate: float | None = None, warm: float = 3.0) -> Phase:
        """So many users; with `rate`, together so many requests a second whatever the answers do."""
        out = self.live.folder / "answers.jsonl"
        environment = os.environ | {
            "SOAK_BODIES": str(self.bodies),
            "SOAK_AUTH": f"{Role.INSPECTOR.value}:{PASSWORD}",
            "SOAK_PACE": "0" if rate is None else str(users / rate),
            "SOAK_OUT": str(out),
        }
        file = Path(next(iter(soak.__path__)), "locustfile.py")
        command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--only-summary"]
        command += ["--host", self.live.address, "--users", str(users), "--spawn-rate", str(users)]
        command += [
            "--run-time",
            f"{math.ceil(seconds + warm)}s",
            "--stop-timeout",
            "60",
            "--loglevel",
            "ERROR",
        ]
        subprocess.run(
            command,
            env=environment,
            check=True,
            timeout=seconds + warm + 180,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        first = min((a["at"] for a in answers), default=0.0) + warm
        return Phase(seconds, [a for a in answers if first <= a["at"] < first + seconds])


@contextmanager
def memory(live: Live) -> Iterator[list[tuple[float, int]]]:
    """Seconds and bytes, sampled while it lasts."""
    samples: list[tuple[float, int]] = []
    done = threading.Event()
    began = time.monotonic()

    def look() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            samples.append((time.monotonic() - began, live.use().rss))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def growth(samples: list[tuple[float, int]], warm: float) -> float:
    """How much the median of the last sixth is above that of the sixth after the warm-up, as a share."""
    later = [rss for at, rss in samples if at >= warm]
    sixth = max(len(later) // 6, 1)
    first, last = sorted(later[:sixth]), sorted(later[-sixth:])
    return last[len(last) // 2] / first[len(first) // 2] - 1


def run(
    models: Path,
    world: Path,
    folder: Path,
    *,
    alone: float,
    each: float,
    minutes: float,
    arguments: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
) -> Result:
    """All phases, `alone` and `each` of them in seconds."""
    bodies = folder / "bodies"
    count = prepare(world, bodies, PREPARED)
    say(f"{count} consignments of {megabytes(sum(f.stat().st_size for f in bodies.rglob('*')) // count)} MB")
    with served(Live(folder, models, environment or {}, arguments), Role.INSPECTOR) as live:
        load = Load(live, bodies)
        load.run(2, 5)  # warm
        single = load.run(1, alone)
        say(f"alone: {single.figures()}")
        closed = {users: load.run(users, each) for users in (2, 4, 6)}
        best = max(closed, key=lambda users: closed[users].rate)
        capacity = closed[best].rate
        say(f"{best} clients: {closed[best].figures()}")
        with memory(live) as samples:
            steady = load.run(*_open(0.8 * capacity), 60 * minutes, rate=0.8 * capacity)
        grown = growth(samples, warm=min(60.0, 10 * minutes))
        say(f"at 80 %: {steady.figures()}, memory {grown:+.2%}")
        flood = load.run(*_open(3 * capacity), each, rate=3 * capacity)
        say(f"three times as many: {flood.figures()}")
        tracebacks = live.log().count("Traceback")
    normal, flooded = percentile(steady.times(), 0.99), percentile(flood.times(), 0.99)
    refused = [a for a in flood.answers if a["status"] == 429]
    other = [
        a
        for p in (single, *closed.values(), steady, flood)
        for a in p.answers
        if a["status"] not in (201, 429)
    ]
    figures = {
        "alone": single.figures(),
        "closed_loop": {users: phase.figures() for users, phase in closed.items()},
        "steady_at_80_percent": steady.figures(),
        "three_times_capacity": flood.figures(),
        "share_refused": round(len(refused) / max(len(flood.answers), 1), 3),
        "memory_mb": {"first": megabytes(samples[0][1]), "last": megabytes(samples[-1][1])},
        "minutes": minutes,
    }
    reach = (
        Reach.most("p95 alone, ms", 1000 * percentile(single.times(), 0.95), 1000 * MAX_ALONE_SECONDS),
        Reach.least("sustained a second", capacity, LEAST_RATE),
        Reach.most(
            "p99 of accepted at three times capacity, times normal",
            flooded / max(normal, 1e-9),
            MAX_P99_TIMES,
        ),
        Reach.none("refused without Retry-After", sum(a["retry_after"] is None for a in refused)),
        Reach.none("answers beside 201 and 429", len(other)),
        Reach.most("memory growth after warm-up", grown, MAX_GROWTH),
        Reach.none("tracebacks in the log", tracebacks),
    )
    return Result("load", reach, figures)


def _open(rate: float) -> tuple[int]:
    """Users enough to keep a rate though some answers take three seconds."""
    return (max(math.ceil(3 * rate), 4),)


def world_of(models: Path, folder: Path) -> Path:
    """The world beside the models, as `portcullis demo` leaves it; else a tiny one is made."""
    from customs.world import make_world
    from customs.world.opened import is_world

    if is_world(models.parent / "world"):
        return models.parent / "world"
    make_world(folder / "world", seed=7, size="tiny")
    return folder / "world"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument("--minutes", type=float, default=10, help="of steady load (default: %(default)s)")
    parser.add_argument(
        "--phase-seconds", type=float, default=30, help="of other load (default: %(default)s)"
    )
    parser.add_argument(
        "--serve",
        default="--workers 2",
        help="further words for `portcullis serve` (default: %(default)s)",
    )


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    return run(
        arguments.models,
        world_of(arguments.models, folder),
        folder,
        alone=arguments.phase_seconds,
        each=arguments.phase_seconds,
        minutes=arguments.minutes,
        arguments=tuple(arguments.serve.split()),
    )
