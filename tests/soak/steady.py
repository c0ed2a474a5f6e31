"""Many requests of all kinds, good and bad: files, threads and memory stay as they were after the warm-up."""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
from soak.live import Live, Use, megabytes, served
from soak.uploads import parts
from soak.verdict import Reach, Result

from portcullis.store.accounts import Role

URL = "/v1/assessments"
WARM_SHARE, LEAST_WARM, MAX_GROWTH = 0.25, 60, 0.02


def calls(client: httpx.Client) -> Iterator[httpx.Response]:
    """Endless: consignments, reading them in every way, decisions, pages, and mistakes."""
    for number in itertools.count():
        made = client.post(URL, files=parts(number, f"S{number}"), headers={"Idempotency-Key": f"s{number}"})
        yield made
        case = f"{URL}/{made.json()['id']}"
        yield client.get(case)
        for picture in ("scan", "heatmap", "photo"):
            yield client.get(f"{case}/{picture}")
        yield client.get(URL, params={"order": "surprise", "limit": 20})
        yield client.get(f"{case}/casework")
        yield client.post(f"{case}/notes", json={"text": f"note {number}"})
        yield client.post("/v1/hs/suggestions", json={"text": "frozen shrimp", "top": 3})
        yield client.post(URL, files={"declaration": b"{", "scan": b"no scan", "photo": b"no photo"})
        yield client.post(URL, content=b"nothing", headers={"Content-Type": "text/plain"})
        yield client.get("/v1/nothing")
        yield client.get("/login", headers={"Accept": "text/html"})
        yield httpx.get(str(client.base_url.join("/readyz")))
        yield httpx.get(str(client.base_url.join(case)))  # without a password, on a connection of its own


def at_rest(live: Live) -> Use:
    """What it takes when nobody asks: the least of a few looks, for threads and files come and go."""
    looks = []
    for _ in range(5):
        time.sleep(0.2)
        looks.append(live.use())
    return Use(min(u.rss for u in looks), min(u.files for u in looks), min(u.threads for u in looks))


def measure(live: Live, count: int) -> Result:
    """Some requests warm up; what `count` more of them leave is measured."""
    statuses: Counter[int] = Counter()
    with live.client(Role.INSPECTOR) as client:
        asked = calls(client)
        for _ in range(max(int(count * WARM_SHARE), LEAST_WARM)):
            next(asked)
        before = at_rest(live)
        for answer in itertools.islice(asked, count):
            statuses[answer.status_code] += 1
        after = at_rest(live)
    leftovers = live.leftovers()
    figures = {
        "requests": count,
        "statuses": dict(sorted(statuses.items())),
        "rss_mb": {"before": megabytes(before.rss), "after": megabytes(after.rss)},
        "files": {"before": before.files, "after": after.files},
        "threads": {"before": before.threads, "after": after.threads},
    }
    reach = (
        Reach.most("more open files", after.files - before.files, 0),
        Reach.most("more threads", after.threads - before.threads, 0),
        Reach.most("memory growth after warm-up", after.rss / before.rss - 1, MAX_GROWTH),
        Reach.none("answers 5xx", sum(n for status, n in statuses.items() if status >= 500)),
        Reach.none("temporary files left", len(leftovers)),
    )
    return Result("steady", reach, figures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument("--requests", type=int, default=2_000, help="mixed ones (default: %(default)s)")


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    with served(Live(folder, arguments.models), Role.INSPECTOR) as live:
        return measure(live, arguments.requests)
