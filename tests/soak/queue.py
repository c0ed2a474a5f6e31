"""A store with 100,000 assessments: how soon every question of the queue is answered, and its first page."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from soak.live import PASSWORD, Live
from soak.queue_store import VIEW, fill
from soak.verdict import Reach, Result, percentile, say

from portcullis.store.accounts import Role

if TYPE_CHECKING:
    import httpx

Figures = dict[str, dict[str, float]]
MAX_ANSWER_MS, MAX_FIRST_PAGE_MS, TIMES = 300.0, 1_000.0, 7


# Every filter by itself, every order, what people combine, and the other questions of the page.
QUESTIONS: dict[str, str] = {
    "all": "/queue?order=surprise",
    **{f"order {o}": f"/queue?order={o}" for o in ("chance", "newest", "oldest", "revenue")},
    "order finding": "/queue?order=finding&kind=price.unit_value&kind=mismatch.hsk_price",
    "month": "/queue?since=2026-03-01&until=2026-03-31",
    "origin": "/queue?origin=VN",
    "origins": "/queue?origin=VN&origin=CN&origin=US",
    "departure": "/queue?departure=JP",
    "hs": "/queue?hs=0303",
    "kind": "/queue?kind=freight.per_kg",
    "band": "/queue?band=critical",
    "bands": "/queue?band=clear&band=watch",
    "lane": "/queue?lane=review",
    "status": "/queue?status=new",
    "mode": "/queue?mode=air",
    "office": "/queue?office=020",
    "importer": "/queue?importer=importer%2017",
    "declarant": "/queue?declarant=declarant%2017",
    "declaration": "/queue?declaration=Q0000777",
    "price": "/queue?usd_per_kg_from=2&usd_per_kg_to=3",
    "least surprise": "/queue?least_surprise=2",
    "mismatch": "/queue?mismatch=true",
    **{f"{n} {v}": f"/queue?{n}={v}" for n in ("has_scan", "has_photo") for v in ("true", "false")},
    "me": "/queue?assignee=me",
    "nobody": "/queue?assignee=nobody",
    "result": "/queue?result=discrepancy",
    "text": "/queue?text=goods%2017",
    "text that nothing has": "/queue?text=zzzzz",
    "long hs": "/queue?hs=0303892000&order=newest",
    "price from": "/queue?usd_per_kg_from=12&order=revenue",
    "top": "/queue?top=0.005",
    "top by kinds": "/queue?top=0.01&top_by=kinds&kind=freight.per_kg",
    "last month's top 0.5 % price anomalies from Vietnam": (
        "/queue?since=2026-03-01&until=2026-03-31&origin=VN&kind=price.unit_value&kind=mismatch.hsk_price"
        "&top=0.005&top_by=kinds&order=finding"
    ),
    "many": "/queue?since=2025-06-01&origin=CN&kind=hs.text&usd_per_kg_from=2&text=goods&order=revenue",
    "many of lines": "/queue?hs=03&usd_per_kg_from=2&usd_per_kg_to=9&has_scan=true&status=new&order=chance",
    "budget": "/queue/budget?budget=5%25",
    "budget of half": "/queue/budget?budget=50%25",
    "budget of what was found": "/queue/budget?budget=300&kind=mismatch.hsk_price&hs=03&text=goods",
    "budget of a month": "/queue/budget?budget=120&since=2026-03-01&until=2026-03-31",
    "disagreements": "/queue/disagreements",
    "disagreements of a pair": "/queue/disagreements?pair=code_price&origin=VN",
    "the whole page": "/queue?order=surprise&whole=",  # as a browser loads it, with all that it offers
}
EXPORTS = {"all": "/v1/queue/export", "of a country": "/v1/queue/export?origin=VN&order=chance"}


def run(models: Path, folder: Path, count: int, seed: int) -> Result:
    """Fill, serve, ask."""
    live = Live(folder, models)
    seconds = 0.0
    if not live.settings.data.exists():  # one that --keep left is asked again
        live.prepare(Role.ANALYST)
        seconds = fill(live.settings, count, seed)
        say(f"{count:,} assessments in {seconds:.0f} s")
    try:
        live.start()
        from playwright.sync_api import sync_playwright

        with sync_playwright() as tools:
            browser = tools.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
            page.goto(f"{live.address}/login")
            page.fill("[name=name]", Role.ANALYST.value)
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_url("**/queue*")
            first = []
            for _ in range(TIMES):
                began = time.monotonic()
                page.goto(f"{live.address}/queue?order=surprise")
                page.wait_for_selector("html[data-ready] #cases tr")
                first.append(1000 * (time.monotonic() - began))
            cookies = {c["name"]: c["value"] for c in page.context.cookies()}
            browser.close()
        figures, exports = _ask(live, cookies)
    finally:
        live.kill()
    worst = max(figures, key=lambda name: figures[name]["p95"])
    reach = (
        Reach.most(f"slowest answer, p95 ms ({worst})", figures[worst]["p95"], MAX_ANSWER_MS),
        Reach.most("first page usable, p95 ms", percentile(first, 0.95), MAX_FIRST_PAGE_MS),
    )
    told = {
        "assessments": count,
        "fill_seconds": round(seconds, 1),
        "load": [round(load, 1) for load in os.getloadavg()],
        "slow": [name for name, found in figures.items() if found["p95"] > MAX_ANSWER_MS],
        "answers_ms": figures,
        "exports_ms": exports,
    }
    return Result("queue", reach, told | {"first_page_ms": [round(ms) for ms in first]})


def _ask(live: Live, cookies: dict[str, str]) -> tuple[Figures, Figures]:
    """Milliseconds of every question, and of every export of 10,000 cases."""
    import httpx

    def measured(name: str, question: str) -> dict[str, float]:
        times = []
        cpu = live.cpu()
        for _ in range(TIMES):
            began = time.monotonic()
            headers = {} if question.endswith("whole=") else {"HX-Request": "true"}
            client.get(question, headers=headers).raise_for_status()
            times.append(1000 * (time.monotonic() - began))
        found = {k: round(percentile(times, share), 1) for k, share in (("p50", 0.5), ("p95", 0.95))}
        found["max"] = round(max(times), 1)
        found["cpu"] = round(1000 * (live.cpu() - cpu) / TIMES, 1)
        say(f"{name}: {json.dumps(found)}")
        return found

    said = {"Accept": "text/html"}
    with httpx.Client(base_url=live.address, cookies=cookies, headers=said, timeout=60) as client:
        view = next(v for v in client.get("/v1/views").json()["items"] if v["name"] == VIEW)
        asked = {**QUESTIONS, "saved view": f"/queue?{view['query']}"}
        for order in ("surprise", "chance", "revenue", "oldest"):
            asked[f"deep page by {order}"] = _deep(client, order)
        return (
            {name: measured(name, question) for name, question in asked.items()},
            {name: measured(name, question) for name, question in EXPORTS.items()},
        )


def _deep(client: httpx.Client, order: str) -> str:
    """The address of the rows behind the first 6,000."""
    cursor: dict[str, str] = {}
    for _ in range(30):
        page = client.get("/v1/assessments", params={"order": order, "limit": 200, **cursor}).json()
        cursor = {"cursor": page["next"]}
    return f"/queue/rows?order={order}&cursor={cursor['cursor']}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument("--assessments", type=int, default=100_000, help="(default: %(default)s)")


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    return run(arguments.models, folder, arguments.assessments, arguments.seed)
