"""Hostile files and requests against a live server: refused in words, and nothing stays behind."""

from __future__ import annotations

import argparse
import io
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from PIL import Image
from soak.hostile_files import MARK, Hostile, files
from soak.hostile_requests import Request, requests
from soak.live import Live, megabytes, served, watching
from soak.uploads import declaration, parts, photo, scan
from soak.verdict import Reach, Result, percentile, say

from portcullis.store.accounts import Role
from portcullis.store.assessments import assessment
from portcullis.store.engine import open_store
from portcullis.store.images import Images

URL = "/v1/assessments"
MAX_JUMP_MB = 300
WARM = 12
# Of a hundred, this many are requests that are hostile as a whole, the others files.
REQUESTS_OF_HUNDRED = 20


def send_file(client: httpx.Client, hostile: Hostile) -> httpx.Response:
    """One hostile part, everything else sound."""
    rng = random.Random(hostile.data[:64])
    sound = {
        "declaration": ("d.json", json.dumps(declaration(rng, "H")).encode(), "application/json"),
        "scan": ("s.png", scan(1), "image/png"),
        "photo": ("p.png", photo(1), "image/png"),
    }
    bad = {hostile.part: (hostile.name, hostile.data, "application/octet-stream")}
    return client.post(URL, files={**sound, **bad})


def send_request(client: httpx.Client, request: Request) -> httpx.Response | None:
    """None where the server closed the connection while we still sent, as it may."""
    body = request.body if isinstance(request.body, bytes) else request.body()
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in request.headers.items()]
    try:
        return client.post(URL, content=body, headers=headers)
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        if isinstance(request.body, bytes):
            raise
        return None


def fault(answer: httpx.Response, may_pass: bool) -> str | None:
    """What is wrong with an answer to something hostile."""
    if answer.status_code == 201:
        return None if may_pass else "taken as sound"
    if not 400 <= answer.status_code < 500:
        return f"answered {answer.status_code}"
    if answer.headers.get("content-type") != "application/problem+json":
        return "no problem document"
    told: dict[str, Any] = answer.json()
    if not told["problems"] and told["status"] == 422:
        return "no word on what is wrong"
    return None


def leak(client: httpx.Client, taken: dict[str, Any]) -> str | None:
    """Whether a picture of what was taken is not ours: no readable PNG, or with what was smuggled in."""
    for part in ("scan", "heatmap", "photo"):
        if taken[part] is not None:
            picture = client.get(taken[part]["href"])
            if picture.status_code != 200 or MARK in picture.content or b"PK\x03\x04" in picture.content:
                return f"its {part} leaves as it came"
            with Image.open(io.BytesIO(picture.content)) as opened:
                opened.load()
    return None


def attack(live: Live, count: int, seed: int = 1) -> Result:
    """Warm the server up, note its memory and its store, send everything, and look at what is left."""
    whole = count * REQUESTS_OF_HUNDRED // 100
    sent: list[Hostile | Request] = [*files(count - whole, seed), *requests(whole, seed)]
    wrong: list[str] = []
    statuses: Counter[str] = Counter()
    times: list[float] = []
    jumps: dict[str, float] = {}
    taken: set[str] = set()
    with live.client(Role.INSPECTOR) as client:
        for number in range(WARM):
            client.post(URL, files=parts(number, f"W{number}")).raise_for_status()
        baseline = live.use().rss
        errors, stored = live.log().count("Traceback"), what_is_stored(live)
        for number, hostile in enumerate(sent, start=1):
            began = time.monotonic()
            with watching(live) as watch:
                answer = send(client, hostile)
            times.append(time.monotonic() - began)
            jumps[hostile.family] = max(jumps.get(hostile.family, 0.0), megabytes(watch.peak - baseline))
            statuses["closed" if answer is None else str(answer.status_code)] += 1
            if found := verdict_on(client, hostile, answer, taken):
                told = "" if answer is None else answer.text[:200]
                wrong.append(f"{number} {hostile.family} {_shown(hostile)}: {found}: {told}")
                say(wrong[-1])
            if not live.alive:
                wrong.append(f"{number} {hostile.family} {_shown(hostile)}: the server died")
                break
        after = client.post(URL, files=parts(1, "AFTER")) if live.alive else None
    left = what_is_stored(live)
    leftovers = live.leftovers()
    sound = after is not None and after.status_code == 201
    figures = {
        "sent": len(sent),
        "families": len({s.family for s in sent}),
        "answers": dict(sorted(statuses.items())),
        "baseline_mb": megabytes(baseline),
        "jump_mb_by_family": dict(sorted(jumps.items(), key=lambda item: -item[1])[:6]),
        "slowest_seconds": round(max(times), 2),
        "p50_seconds": round(percentile(times, 0.5), 3),
        "wrong": wrong[:20],
        "leftovers": leftovers[:5],
    }
    reach = (
        Reach.none("hostile inputs not refused properly", len(wrong)),
        Reach.none("tracebacks in the log", live.log().count("Traceback") - errors),
        Reach.most("memory jump, MB", max(jumps.values()), MAX_JUMP_MB),
        Reach.none("assessments stored beyond the sound ones", left[0] - stored[0] - len(taken) - sound),
        Reach.none("images that no assessment names", left[1]),
        Reach.none("temporary files left", len(leftovers)),
        Reach.least("sound consignments taken afterwards", float(sound), 1),
    )
    return Result("hostile", reach, figures)


def send(client: httpx.Client, hostile: Hostile | Request) -> httpx.Response | None:
    """One hostile thing."""
    return send_file(client, hostile) if isinstance(hostile, Hostile) else send_request(client, hostile)


def verdict_on(
    client: httpx.Client, hostile: Hostile | Request, answer: httpx.Response | None, taken: set[str]
) -> str | None:
    """What is wrong with an answer, None if nothing; ids of what was stored go into `taken`."""
    if answer is None:
        return None
    found = fault(answer, hostile.may_pass)
    if answer.status_code == 201:
        taken.add(answer.json()["id"])
        found = found or leak(client, answer.json())
    return found


def _shown(hostile: Hostile | Request) -> str:
    return hostile.name if isinstance(hostile, Hostile) else repr(hostile.headers)[:80]


def what_is_stored(live: Live) -> tuple[int, int]:
    """Number of assessments, and of images that none of them names."""
    engine = open_store(live.settings.store_url)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(assessment)).all()
    engine.dispose()
    named = {name for row in rows for name in (row.scan, row.photo, row.heatmap) if name is not None}
    named |= {f["sha256"] for row in rows if row.scan_details for f in row.scan_details["files"]}
    return len(rows), len(set(Images(live.settings.images).names()) - named)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument("--files", type=int, default=500, help="hostile inputs (default: %(default)s)")


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    with served(Live(folder, arguments.models), Role.INSPECTOR) as live:
        return attack(live, arguments.files, arguments.seed)
