"""A store with 100,000 assessments: how soon every question of the queue is answered, and its first page.

The store is filled through its own insert path with made-up papers and reports; nothing is scored.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soak.live import PASSWORD, Live
from soak.verdict import Reach, Result, percentile, say

from portcullis.store.accounts import Role

if TYPE_CHECKING:
    import sqlalchemy as sa

    from portcullis.settings import Settings

MAX_ANSWER_MS, MAX_FIRST_PAGE_MS, TIMES = 300.0, 1_000.0, 7
_CHUNK = 2_000
_COUNTRIES = ("CN", "VN", "US", "ID", "TH", "JP", "DE", "CL", "NO", "IN", "BR", "PH", "AU", "PE", "IT")
_CODES = ("0303892000", "0306171090", "0805501000", "0901110000", "4011101000", "8471300000", "6109101000")
_KINDS = (
    *("price.unit_value", "mismatch.hsk_price", "freight.per_kg", "mismatch.hsk_image", "xray.density"),
    *("hs.text", "mismatch.text_photo", "volume.surge", "xray.inserted_object", "mismatch.image_mass"),
)


def rows(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Rows of the table `assessment` over a year: of all bands, with ties, and some that none could judge."""
    rng = random.Random(seed)
    first = dt.date(2025, 5, 1)
    for number in range(1, count + 1):
        # a tenth of a unit makes ties as coarse models do
        surprise = round(rng.expovariate(2.3), 1 if number % 5 == 0 else 6)
        band = next(b for b, least in _BANDS if surprise >= least)
        kinds = rng.sample(_KINDS, rng.randint(1, 3)) if surprise > 1.3 else []
        unknown = number % 97 == 0
        price = rng.lognormvariate(1.5, 0.6)
        kg = rng.uniform(500, 24_000)
        evidence = [
            {"check": "price.unit_value", "observed": price, "expected": [4.0, 6.5], "unit": "USD/kg"}
        ]
        line = {
            "hsk": rng.choice(_CODES),
            "name": f"goods {number % 977} of the usual kind",
            "net_kg": kg,
            "value": {"amount": f"{price * kg:.2f}", "currency": "USD"},
            "duty_rate": 8.0,
        }
        # one declaration in four has further lines, as in trade statistics
        lines = [line, *({**line, "hsk": rng.choice(_CODES)} for _ in range(rng.choice((0, 0, 0, 3))))]
        declared = {
            "id": f"Q{number:07d}",
            "date": (first + dt.timedelta(days=rng.randrange(365))).isoformat(),
            "origin": rng.choice(_COUNTRIES),
            "departure": rng.choice(_COUNTRIES),
            "mode": rng.choice(("sea", "air")),
            "office": rng.choice(("010", "020", "030")),
            "importer": f"importer {number % 3_001}",
            "declarant": f"declarant {number % 211}",
            "lines": lines,
        }
        findings = [{"kind": kind, "surprise": surprise * rng.uniform(0.6, 1)} for kind in kinds]
        chance = None if number % 53 == 0 else min(0.02 + surprise / 6, 0.97)
        judged = [{"evidence": evidence} for _ in lines] if len(lines) > 1 else []
        report = {"findings": findings, "evidence": evidence, "chance": chance, "lines": judged}
        yield {
            "number": number,
            "id": f"{number:016x}",
            "created_at": dt.datetime(2026, 5, 1, tzinfo=dt.UTC),
            "account_id": 1,
            "declaration_id": declared["id"],
            "declaration": declared,
            "band": "unknown" if unknown else band,
            "surprise": None if unknown else surprise,
            "report": report,
            "scan": None if number % 3 else f"{number:064x}",
            "photo": None if number % 7 else f"{number:064x}",
            "heatmap": None,
            "heatmap_box": None,
            "scan_details": None,
        }


_BANDS = (("critical", 3.0), ("high", 2.0), ("watch", 1.3), ("clear", -1.0))


def fill(settings: Settings, count: int, seed: int) -> float:
    """Write them, with the work that people did on one in ten; seconds that it took."""
    import sqlalchemy as sa

    from portcullis.store.assessments import assessment
    from portcullis.store.engine import open_store, writing
    from portcullis.store.queue_projection import put

    began = time.monotonic()
    engine = open_store(settings.store_url)
    made = rows(count, seed)
    while chunk := [row for _, row in zip(range(_CHUNK), made, strict=False)]:
        with writing(engine) as connection:
            connection.execute(assessment.insert(), chunk)
            put(connection, chunk)
    _work(engine, settings, count, seed)
    with engine.begin() as connection:
        connection.execute(sa.text("ANALYZE"))
    engine.dispose()
    return time.monotonic() - began


def _work(engine: sa.Engine, settings: Settings, count: int, seed: int) -> None:
    """Decisions, outcomes and assignments of one case in ten, and a shared view, as the service stores them."""
    from portcullis.identity import read_secret
    from portcullis.identity.secret import signing_key
    from portcullis.service import utc_now
    from portcullis.store.accounts import Accounts
    from portcullis.store.alerts import Alerts
    from portcullis.store.audit import Audit
    from portcullis.store.casework import Assigned, Casework, Decided, Decision, Deed, Found, Result
    from portcullis.store.saved_views import SavedViews

    rng = random.Random(seed)
    audit = Audit(engine, signing_key(read_secret(settings.data)), utc_now)
    work = Casework(engine, audit, Alerts(engine, utc_now), utc_now)
    who = Accounts(engine, audit, utc_now).named(Role.ANALYST.value)
    worked = [f"{number:016x}" for number in rng.sample(range(1, count + 1), count // 10)]
    deeds: list[Deed] = [
        Decided(decision=Decision.INSPECT, reason="risk"),
        Decided(decision=Decision.RELEASE, reason="low_risk"),
        Decided(decision=Decision.HOLD, reason="documents_missing"),
        Found(result=Result.DISCREPANCY, reason="undervaluation"),
        Found(result=Result.AS_DECLARED, reason="goods_match"),
        Assigned(assignee=who),
    ]
    for start in range(0, len(worked), _CHUNK):
        work.add_all({case: rng.choice(deeds) for case in worked[start : start + _CHUNK]}, who)
    SavedViews(engine, audit, utc_now).save(who, VIEW, "origin=VN&band=high&order=chance", shared=True)


VIEW = "Vietnam, grave"


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
    "no scan": "/queue?has_scan=false",
    "no photo": "/queue?has_photo=false",
    "nobody": "/queue?assignee=nobody",
    "result": "/queue?result=discrepancy",
    "text": "/queue?text=goods%2017",
    "text that nothing has": "/queue?text=zzzzz",
    "top": "/queue?top=0.005",
    "last month's top 0.5 % price anomalies from Vietnam": (
        "/queue?since=2026-03-01&until=2026-03-31&origin=VN&kind=price.unit_value&kind=mismatch.hsk_price"
        "&top=0.005&top_by=kinds&order=finding"
    ),
    "many": "/queue?since=2025-06-01&origin=CN&kind=hs.text&usd_per_kg_from=2&text=goods&order=revenue",
    "budget": "/queue/budget?budget=5%25",
    "budget of a month": "/queue/budget?budget=120&since=2026-03-01&until=2026-03-31",
}


def run(models: Path, folder: Path, count: int, seed: int) -> Result:
    """Fill, serve, ask."""
    live = Live(folder, models)
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
        figures = _ask(live.address, cookies)
    finally:
        live.kill()
    worst = max(figures, key=lambda name: figures[name]["p95"])
    reach = (
        Reach.most(f"slowest answer, p95 ms ({worst})", figures[worst]["p95"], MAX_ANSWER_MS),
        Reach.most("first page usable, p95 ms", percentile(first, 0.95), MAX_FIRST_PAGE_MS),
    )
    slow = [name for name, found in figures.items() if found["p95"] > MAX_ANSWER_MS]
    told = {"assessments": count, "fill_seconds": round(seconds, 1), "slow": slow, "answers_ms": figures}
    return Result("queue", reach, told | {"first_page_ms": [round(ms) for ms in first]})


def _ask(address: str, cookies: dict[str, str]) -> dict[str, dict[str, float]]:
    import httpx

    found: dict[str, dict[str, float]] = {}
    headers = {"HX-Request": "true", "Accept": "text/html"}
    with httpx.Client(base_url=address, cookies=cookies, headers=headers, timeout=60) as client:
        for name, question in QUESTIONS.items():
            times = []
            for _ in range(TIMES):
                began = time.monotonic()
                client.get(question).raise_for_status()
                times.append(1000 * (time.monotonic() - began))
            shares = {"p50": 0.5, "p95": 0.95}
            found[name] = {k: round(percentile(times, share), 1) for k, share in shares.items()}
            found[name]["max"] = round(max(times), 1)
            say(f"{name}: {json.dumps(found[name])}")
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of this soak."""
    parser.add_argument("--assessments", type=int, default=100_000, help="(default: %(default)s)")


def main(arguments: argparse.Namespace, folder: Path) -> Result:
    """Run as the command line asks."""
    return run(arguments.models, folder, arguments.assessments, arguments.seed)
