"""Queue and casework are the same on every database."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from portcullis.consignment import Upload
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Role
from portcullis.store.audit import check_chain
from portcullis.store.casework import EVENTS, Assigned, Conflict, Decided, Decision, Found, Noted, Result
from portcullis.store.queue import Filter, Order


def test_cases_are_queued_decided_and_closed(
    store_url: str, tmp_path: Path, by_hand: Models, make: SimpleNamespace
) -> None:
    """Every filter and order is a query that the database understands; of eight officers one decides."""
    service = Service.open(Settings(data=tmp_path, store_url=store_url), by_hand)
    kim = service.login.add("kim", make.password, Role.INSPECTOR)
    for value in (160_000, 40_000, 20_000):
        body = make.declaration(id=f"D{value}", line={"value": f"{value} USD"})
        service.assess(Upload(body), kim)
    every = Filter(
        since=dt.date(2025, 1, 1),
        until=dt.date(2026, 1, 1),
        origin=("VN",),
        hs="0306",
        kinds=("mismatch.hsk_price",),
        bands=("critical", "high", "watch"),
        lanes=("inspect", "review"),
        statuses=("new",),
        importer="hanbit",
        usd_per_kg_from=0.5,
        usd_per_kg_to=3,
        least_surprise=0.1,
        mismatch=True,
        has_scan=False,
        assignee="",
        top=0.5,
    )
    assert [row.declaration_id for row in service.queue.page(every).rows] == ["D20000"]
    for order in Order:
        first = service.queue.page(Filter(), order=order, limit=2)
        rest = service.queue.page(Filter(), order=order, limit=2, cursor=first.next)
        assert len({row.id for row in (*first.rows, *rest.rows)}) == 3
    case = service.queue.page(Filter(declaration_id="D20000")).rows[0].id

    def decide(_: int) -> bool:
        try:
            service.work(case, Decided(decision=Decision.INSPECT, reason="risk"), kim, version=0)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(8))) == 1
        list(pool.map(lambda i: service.work(case, Noted(text=f"note {i}"), kim), range(8)))
    service.work(case, Assigned(assignee=kim), kim)
    service.work(case, Found(result=Result.DISCREPANCY, reason="undervaluation"), kim, key="tap")
    service.work(case, Found(result=Result.DISCREPANCY, reason="undervaluation"), kim, key="tap")
    row = service.case(case)
    assert (row.status, row.assignee, row.version) == ("closed", "kim", 11)
    assert [event.sequence for event in service.casework.history(case)] == list(range(1, 12))
    assert list(check_chain(service.audit.entries(), service.audit.public_key)) == []
    for table in (*EVENTS, "audit", "assessment"):
        with (
            pytest.raises(sa.exc.IntegrityError, match="append-only"),
            service.audit.engine.begin() as connection,
        ):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    service.accounts.engine.dispose()
