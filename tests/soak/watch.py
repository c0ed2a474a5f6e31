"""The watch pages over a large store: how long each takes, and what counting costs whoever stores a case."""

from __future__ import annotations

import argparse
import datetime as dt
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from soak.live import PASSWORD, Live, served
from soak.verdict import Reach, Result, percentile, say

from portcullis.store.accounts import Role
from portcullis.store.alerts import alert
from portcullis.store.assessments import assessment
from portcullis.store.casework import decision, outcome
from portcullis.store.engine import open_store, writing
from portcullis.store.queue import put, queue
from portcullis.store.weekly import count_in

PAGES = (
    "/alerts",
    "/alerts?kind=outcome&band=high",
    "/outcomes",
    "/outcomes?period=all",
    "/quality?weeks=12",
    "/quality?weeks=52",
    "/quality/data?weeks=52",
    "/quality/models",
)
MOST_MS = 300.0
MOST_COUNTING_MS = 0.5  # of a case in a batch
_CHUNK = 200  # as many as a batch stores at once
_ROUNDS = 8
_CHECKS = (
    *("price.unit_value", "price.for_this_code", "freight.per_kg", "freight.vs_oil", "volume.surge"),
    *("hs.text", "hs.vague_text", "hs.photo", "hs.joint"),
    *("xray.packing", "xray.density", "xray.mass", "xray.packages", "xray.inserted_object"),
)
_ORIGINS = ("CN", "VN", "US", "TH", "ID", "JP", "CL", "PE", "NO", "AU", "DE", "IN")
_BANDS = (("clear", 0.85), ("watch", 0.95), ("high", 0.985), ("critical", 1.0))
_INSPECTED = 0.1


def row(rng: random.Random, number: int, first: dt.date, days: int) -> dict[str, Any]:
    """A row of the table `assessment`; its report holds what the counts and the queue read."""
    draw = rng.random()
    band = next(name for name, end in _BANDS if draw <= end)
    day = first + dt.timedelta(days=rng.randrange(days))
    line = {
        "hsk": f"{rng.randrange(1, 97):02d}{rng.randrange(40):08d}",
        "name": "goods",
        "net_kg": 20_000.0,
        "gross_kg": 21_000.0 if rng.random() < 0.95 else None,
        "value": {"amount": "160000", "currency": "USD"},
    }
    declared = {
        "id": f"W{number:07d}",
        "date": day.isoformat(),
        "origin": rng.choice(_ORIGINS),
        "office": f"{rng.randrange(20):03d}",
        "importer": f"importer {min(int(rng.paretovariate(0.6)), 20_000)}",
        "lines": [line],
    }
    evidence: list[dict[str, Any]] = []
    for check in _CHECKS:
        silent = rng.random() < 0.2
        evidence.append(
            {
                "check": check,
                "p_value": None if silent else max(rng.random(), 1 / 300),
                "reference": None if silent else {"group": "all", "size": 299},
                "observed": None,
                "unit": None,
                "message": {"id": "xray.no_scan" if silent else "band.clear", "params": {}},
            }
        )
    kinds = rng.sample(_CHECKS, 2) if band in ("high", "critical") else []
    report = {
        "evidence": evidence,
        "findings": [{"kind": kind} for kind in kinds],
        "lines": [],
        "chance": rng.random() ** 3,
        "versions": {"tabular": "tabular@1", "hs": "hs@1", "xray": "xray@1"},
    }
    return {
        "id": f"{number:016x}",
        "created_at": dt.datetime.combine(day, dt.time(3), dt.UTC),
        "account_id": 1,
        "declaration_id": declared["id"],
        "declaration": declared,
        "band": band,
        "surprise": rng.expovariate(1.5),
        "report": report,
        "scan": None,
        "scan_details": None,
        "photo": None,
    }


def deeds(rng: random.Random, rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Decision and outcome of one case in ten, every fifth of them drawn by lot."""
    for one in rows:
        if rng.random() >= _INSPECTED:
            continue
        common = {"assessment_id": one["id"], "account_id": 1, "note": ""}
        at = one["created_at"] + dt.timedelta(hours=rng.expovariate(0.2))
        reason = "random" if rng.random() < 0.2 else "risk"
        hit = rng.random() < (0.05 if reason == "random" else 0.3)
        yield (
            {**common, "id": "d" + one["id"][1:], "at": at, "sequence": 1}
            | {"decision": "inspect", "reason": reason},
            {**common, "id": "o" + one["id"][1:], "at": at + dt.timedelta(hours=20), "sequence": 2}
            | {"result": "discrepancy" if hit else "as_declared", "found_hs": None}
            | {"reason": "undervaluation" if hit else "goods_match"},
        )


def fill(engine: sa.Engine, count: int, seed: int) -> dict[str, float]:
    """Store so many cases; how long counting took, seconds: of all in chunks, and of one case by itself."""
    rng = random.Random(seed)
    days = 52 * 7
    first = dt.date.today() - dt.timedelta(days=days)
    took, alone = 0.0, []
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        rows = [{**row(rng, n, first, days), "number": n + 1} for n in range(start, start + size)]
        with writing(engine) as connection:
            # what a report says is in the counts and the queue; a store of 1 GB would measure the disk
            connection.execute(assessment.insert(), [{**one, "report": {}} for one in rows])
            put(connection, rows)
            began = time.perf_counter()
            count_in(connection, rows)
            took += time.perf_counter() - began
            found = list(deeds(rng, rows))
            if found:
                connection.execute(decision.insert(), [one for one, _ in found])
                connection.execute(outcome.insert(), [one for _, one in found])
                done = [one["assessment_id"] for one, _ in found]
                connection.execute(
                    queue.update().where(queue.c.assessment_id.in_(done)).values(status="closed")
                )
            told = [one for one in rows if one["band"] in ("high", "critical")]
            connection.execute(alert.insert(), [_alert(one) for one in told])
        if start % 10_000 == 0:
            say(f"{start} of {count}")
    for n in range(count, count + 100):  # as single assessments do
        one = {**row(rng, n, first, days), "number": n + 1}
        with writing(engine) as connection:
            connection.execute(assessment.insert(), {**one, "report": {}})
            put(connection, [one])
            began = time.perf_counter()
            count_in(connection, [one])
            alone.append(time.perf_counter() - began)
    return {"chunks": took, "alone": percentile(alone, 0.5)}


def _alert(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": one["number"],
        "at": one["created_at"],
        "kind": "assessed",
        "subject": one["declaration_id"],
        "assessment_id": one["id"],
        "band": one["band"],
        "details": {},
    }


@contextmanager
def signed_in(live: Live) -> Iterator[httpx.Client]:
    """A client with the analyst's login cookie."""
    own = {"Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=live.address, timeout=60, headers=own) as client:
        client.post("/login", data={"name": Role.ANALYST.value, "password": PASSWORD})
        yield client


def run(models: Path, folder: Path, count: int, seed: int) -> Result:
    """Fill a store behind a running server, then ask it for every page."""
    with served(Live(folder, models), Role.ANALYST) as live, signed_in(live) as client:
        engine = open_store(live.settings.store_url)
        counting = fill(engine, count, seed)
        with engine.connect() as connection:
            cells = connection.scalar(sa.text("SELECT count(*) FROM weekly_count"))
        engine.dispose()
        client.get("/alerts").raise_for_status()
        first, again = {}, {}
        for page in PAGES:
            times = []
            for _ in range(_ROUNDS):
                began = time.perf_counter()
                answer = client.get(page)
                times.append(1000 * (time.perf_counter() - began))
                answer.raise_for_status()
            first[page], again[page] = round(times[0], 1), round(percentile(times[1:], 0.5), 1)
    each = 1000 * counting["chunks"] / count
    figures = {
        "cases": count,
        "cells": cells,
        "first_ms": first,
        "again_ms": again,
        "counting_ms_a_case_in_a_batch": round(each, 3),
        "counting_ms_alone": round(1000 * counting["alone"], 2),
    }
    reach = (
        Reach.most("slowest page again, ms", max(again.values()), MOST_MS),
        Reach.most("slowest page the first time, ms", max(first.values()), 3 * MOST_MS),
        Reach.most("counting a case in a batch, ms", each, MOST_COUNTING_MS),
    )
    return Result("watch", reach, figures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument(
        "--watched", type=int, default=100_000, help="cases in the store (default: %(default)s)"
    )


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    return run(arguments.models, folder, arguments.watched, arguments.seed)
