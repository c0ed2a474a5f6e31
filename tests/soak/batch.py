"""A batch of declarations without scans: how long until each has its report in the store."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import httpx
from soak.live import Live, served
from soak.load import world_of
from soak.verdict import Reach, Result, say

from portcullis.settings import EXECUTORS
from portcullis.store.accounts import Role

URL = "/v1/batches"
MAX_SECONDS = 120.0
_GIVE_UP_TIMES = 5


def declarations(world: Path, count: int) -> bytes:
    """JSON lines: the world's declarations again and again, each with an id of its own."""
    from customs.world import World

    known = World.open(world).declarations()
    papers = [json.loads(declaration.to_json()) for declaration in known]
    lines = [{**papers[n % len(papers)], "id": f"B{n:07d}"} for n in range(count)]
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()


def watch(client: httpx.Client, address: str, seconds: float) -> dict[str, Any]:
    """What it says when it has ended, or when `seconds` are over."""
    until = time.monotonic() + seconds
    while True:
        told: dict[str, Any] = client.get(address).raise_for_status().json()
        if told["finished_at"] is not None or time.monotonic() > until:
            return told
        say(f"{told['items']['done']} of {told['items']['total']}")
        time.sleep(1)


def run(models: Path, folder: Path, count: int, world: Path, executor: str = "process") -> Result:
    """Hand it in and wait for the end."""
    data = declarations(world, count)
    settings = {"PORTCULLIS_EXECUTOR": executor}
    with (
        served(Live(folder, models, settings), Role.ANALYST) as live,
        live.client(Role.ANALYST, 300) as client,
    ):
        began = time.monotonic()
        answer = client.post(URL, files={"file": ("batch.jsonl", data, "application/jsonl")})
        answer.raise_for_status()
        handed_in = time.monotonic() - began
        told = watch(client, f"{URL}/{answer.json()['id']}", _GIVE_UP_TIMES * MAX_SECONDS)
        seconds = time.monotonic() - began
    items = told["items"]
    figures = {
        "declarations": count,
        "executor": executor,
        "megabytes": round(len(data) / 1024 / 1024, 1),
        "handed_in_seconds": round(handed_in, 2),
        "seconds": round(seconds, 1),
        "a_second": round(items["done"] / seconds, 1),
        "items": items,
    }
    reach = (
        Reach.most("seconds for 10,000", seconds * 10_000 / count, MAX_SECONDS),
        Reach.none("declarations not assessed", count - items["assessed"]),
    )
    return Result("batch", reach, figures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument("--declarations", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--executor", default="process", choices=EXECUTORS[:2], help="(default: %(default)s)")


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    world = world_of(arguments.models, folder)
    return run(arguments.models, folder, arguments.declarations, world, arguments.executor)
