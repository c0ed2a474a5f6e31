"""A store as a year of work leaves it: 100,000 made-up papers with their reports, and deeds on one in ten.

It is written through the store's own insert path; nothing is scored.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

    from portcullis.settings import Settings

VIEW = "Vietnam, grave"
_CHUNK = 2_000
_PRICE = "price.unit_value"
_COUNTRIES = ("CN", "VN", "US", "ID", "TH", "JP", "DE", "CL", "NO", "IN", "BR", "PH", "AU", "PE", "IT")
_CODES = ("0303892000", "0306171090", "0805501000", "0901110000", "4011101000", "8471300000", "6109101000")
_KINDS = (
    *("price.unit_value", "mismatch.hsk_price", "freight.per_kg", "mismatch.hsk_image", "xray.density"),
    *("hs.text", "mismatch.text_photo", "volume.surge", "xray.inserted_object", "mismatch.image_mass"),
)
_PAIRS = {
    "mismatch.hsk_image": "xray.packing",
    "mismatch.hsk_price": "price.for_this_code",
    "mismatch.text_photo": "hs.photo",
}  # which check such a finding rests on; others rest on the check of their name
_BANDS = (("critical", 3.0), ("high", 2.0), ("watch", 1.3), ("clear", -1.0))


def rows(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Rows of the table `assessment` over a year: of all bands, with ties, and some that none could judge."""
    rng = random.Random(seed)
    first = dt.date(2025, 5, 1)
    for number in range(1, count + 1):
        # a tenth of a unit makes ties as coarse models do
        surprise = round(rng.expovariate(2.3), 1 if number % 5 == 0 else 6)
        band = next(b for b, least in _BANDS if surprise >= least)
        kinds = rng.sample(_KINDS, rng.randint(1, 3)) if surprise > 1.3 else []
        price = rng.lognormvariate(1.5, 0.6)
        kg = rng.uniform(500, 24_000)
        line = {
            "hsk": rng.choice(_CODES),
            "name": f"goods {number % 977} of the usual kind",
            "net_kg": kg,
            "value": {"amount": f"{price * kg:.2f}", "currency": "USD"},
            "duty_rate": 8.0,
        }
        # one declaration in four has further lines, as in trade statistics
        lines = [line, *({**line, "hsk": rng.choice(_CODES)} for _ in range(rng.choice((0, 0, 0, 3))))]
        declared: dict[str, Any] = {
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
        findings = {kind: surprise * rng.uniform(0.6, 1) for kind in kinds}
        odd = None if number % 97 == 0 else surprise
        band = "unknown" if odd is None else band
        report = _report(declared["id"], band, odd, findings, price)
        report["chance"] = None if number % 53 == 0 else min(0.02 + surprise / 6, 0.97)
        if len(lines) > 1:
            report["lines"] = [
                _report(f"{declared['id']}/{i}", band, odd, findings, price) for i in (1, 2, 3, 4)
            ]
        yield {
            "number": number,
            "id": f"{number:016x}",
            "created_at": dt.datetime(2026, 5, 1, tzinfo=dt.UTC),
            "account_id": 1,
            "declaration_id": declared["id"],
            "declaration": declared,
            "band": band,
            "surprise": odd,
            "report": report,
            "scan": None if number % 3 else f"{number:064x}",
            "photo": None if number % 7 else f"{number:064x}",
            "heatmap": None,
            "heatmap_box": None,
            "scan_details": None,
        }


def _report(
    subject: str, band: str, surprise: float | None, findings: dict[str, float], price: float
) -> dict[str, Any]:
    """A report as fusion writes it: the price, and whatever else a finding rests on."""
    odd = {_PAIRS.get(kind, kind): value for kind, value in findings.items()}
    return {
        "subject": subject,
        "risk": None if surprise is None else 1 - 10**-surprise,
        "surprise": surprise,
        "p_value": None if surprise is None else 10**-surprise,
        "band": band,
        "headline": {"id": f"band.{band}", "params": {"one_in": 10 ** (surprise or 0)}},
        "findings": [
            {
                **{"kind": kind, "subject": subject, "severity": "alarm", "surprise": value},
                "sentence": {"id": kind},
                "advice": {"id": f"advice.{kind}"},
                "evidence": [_PAIRS.get(kind, kind)],
            }
            for kind, value in findings.items()
        ],
        "evidence": [
            {
                **{"check": check, "subject": subject, "message": {"id": check}},
                **{"p_value": 10**-value, "surprise": value, "reference": {"group": "all", "size": 999}},
                "alternatives": [{"hs": "0805501000", "probability": 0.6}],
                **({"observed": price, "expected": [4.0, 6.5], "unit": "USD/kg"} if check == _PRICE else {}),
            }
            for check, value in {_PRICE: 0.3, **odd}.items()
        ],
        "lines": [],
    }


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
    """Decisions, outcomes and assignments of one case in ten, and a view, as the service stores them."""
    from portcullis.identity import read_secret
    from portcullis.identity.secret import signing_key
    from portcullis.service import utc_now
    from portcullis.store.accounts import Accounts, Role
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
