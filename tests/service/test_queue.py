"""The queue: filters, orders, pages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from portcullis.service import Service
from portcullis.store.queue import Filter, Order, queue

URL = "/v1/assessments"


@pytest.fixture
def ids(client: httpx.Client, make: SimpleNamespace) -> dict[str, str]:
    """Name by id of five cases that differ in what the filters look at."""

    def add(name: str, scan: bool = False, line: dict[str, Any] | None = None, **changes: Any) -> str:
        files = {"declaration": make.declaration(id=name, line=line or {}, **changes)}
        if scan:
            files["scan"] = make.scan()
        found: str = client.post(URL, files=files).json()["id"]
        return found

    return {
        add("usual"): "usual",
        add("cheap", line={"value": "40000 USD"}): "cheap",
        add("cheaper", line={"value": "20000 USD"}, origin="CN", departure="HK"): "cheaper",
        add("scanned", scan=True, date="2025-03-01"): "scanned",
        add("tyres", line={"hsk": "4011101000", "value": "5 EUR"}, importer="Eva 100% Tyres"): "tyres",
    }


def asked(client: httpx.Client, ids: dict[str, str], **params: Any) -> list[str]:
    """Names of what a list answers with."""
    answer = client.get(URL, params=params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["total"] >= len(body["items"])
    return [ids[item["id"]] for item in body["items"]]


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"since": "2025-04-01"}, {"usual", "cheap", "cheaper", "tyres"}),
        ({"until": "2025-03-01"}, {"scanned"}),
        ({"origin": ["CN", "US"]}, {"cheaper"}),
        ({"departure": "HK"}, {"cheaper"}),
        ({"hs": "4011"}, {"tyres"}),
        ({"hs": "0306.17-1090"}, {"usual", "cheap", "cheaper", "scanned"}),
        ({"kind": "mismatch.hsk_price"}, {"cheap", "cheaper", "tyres"}),
        ({"kind": ["mismatch.hsk_price", "mismatch.hsk_image"]}, {"cheap", "cheaper", "tyres", "scanned"}),
        ({"mismatch": False}, {"usual"}),
        ({"band": "clear"}, {"usual"}),
        ({"lane": "release"}, {"usual"}),
        ({"usd_per_kg_from": 1.5, "usd_per_kg_to": 2.5}, {"cheap"}),
        ({"usd_per_kg_to": 1.5}, {"cheaper", "tyres"}),
        ({"importer": "eva 100%"}, {"tyres"}),
        ({"importer": "_va"}, set()),
        ({"declaration": "cheap"}, {"cheap"}),
        ({"has_scan": True}, {"scanned"}),
        ({"status": "new"}, {"usual", "cheap", "cheaper", "scanned", "tyres"}),
        ({"status": "closed"}, set()),
        ({"assignee": "nobody"}, {"usual", "cheap", "cheaper", "scanned", "tyres"}),
        ({"assignee": "me"}, set()),
        ({"top": 0.2}, {"tyres"}),
        ({"top": 0.4, "hs": "03"}, {"cheaper", "cheap"}),
        ({"since": "2025-04-01", "origin": "VN", "mismatch": True}, {"cheap", "tyres"}),
    ],
)
def test_a_filter_narrows_the_queue(
    client: httpx.Client, ids: dict[str, str], params: dict[str, Any], names: set[str]
) -> None:
    """Each of the screens' filters by itself, and some together."""
    found = asked(client, ids, **params)
    assert set(found) == names
    assert len(found) == len(names)


def test_the_most_surprising_case_comes_first(client: httpx.Client, ids: dict[str, str]) -> None:
    """And other orders do as they say."""
    first = asked(client, ids)
    assert first[-1] == "usual"
    assert first.index("cheaper") < first.index("cheap")
    assert asked(client, ids, order="oldest") == list(ids.values())
    assert asked(client, ids, order="newest") == list(ids.values())[::-1]


@pytest.mark.parametrize("order", list(Order))
def test_pages_hold_every_case_once_also_when_many_are_equally_surprising(
    client: httpx.Client, service: Service, ids: dict[str, str], order: Order
) -> None:
    """The order is total: no case is lost or shown twice at the border of two pages."""
    with service.queue.engine.begin() as connection:
        connection.execute(queue.update().values(surprise=sa.case((queue.c.number > 3, -1.0), else_=2.5)))
    seen, cursor = [], None
    while True:
        params = {"order": order.value, "limit": 2, **({"cursor": cursor} if cursor else {})}
        body = client.get(URL, params=params).json()
        assert body["total"] == 5
        seen += [item["id"] for item in body["items"]]
        cursor = body["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)
    assert seen == [row.id for row in service.queue.page(Filter(), order=order, limit=200).rows]


def test_a_case_that_no_check_could_judge_is_last_and_in_the_lane_of_review(
    client: httpx.Client, service: Service, ids: dict[str, str], make: SimpleNamespace
) -> None:
    """Silence is no clearance; its surprise is null, not a number."""
    with service.queue.engine.begin() as connection:
        connection.execute(queue.update().where(queue.c.number == 2).values(surprise=-1.0))
    last = client.get(URL).json()["items"][-1]
    assert (last["declaration_id"], last["surprise"]) == ("cheap", None)


@pytest.mark.parametrize(
    "params",
    [
        {"since": "2025-05-01", "until": "2025-04-01"},
        {"cursor": "abc"},
        {"cursor": "WyJuZXdlc3QiLCAxXQ"},  # of another order
        {"cursor": "W10"},
        {"order": "newest", "cursor": "WyJuZXdlc3QiLCAxZTQwMF0"},
        {"top": 0},
        {"limit": 0},
        {"limit": 201},
        {"hs": "shrimp"},
        {"origin": "vn"},
        {"usd_per_kg_from": "nan"},
        {"importer": "a\0"},
        {"no_such": "filter"},
    ],
)
def test_a_filter_that_cannot_be_is_refused(client: httpx.Client, params: dict[str, Any]) -> None:
    """One clear error each."""
    answer = client.get(URL, params=params)
    assert answer.status_code == 422, answer.text
    assert answer.json()["problems"]


def test_findings_are_told_in_words(client: httpx.Client, ids: dict[str, str]) -> None:
    """In the visitor's language."""
    row = client.get(URL, params={"lang": "ko"}).json()["items"][0]
    assert row["findings"]
    assert all(word and not word.startswith("mismatch.") for word in row["findings_words"])
