"""Health, readiness and metrics: what a watcher of the process sees, and who may."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from customs.errors import CustomsError
from portcullis import readiness
from portcullis.models import Models
from portcullis.readiness import Readiness
from portcullis.service import Service
from portcullis.store.accounts import Account, Role


def samples(text: str) -> dict[tuple[str, ...], float]:
    """(name, label values…) → value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_happened_is_counted_by_template_and_band(
    client: httpx.Client, make: SimpleNamespace, service: Service
) -> None:
    """An assessment with its evidence, a refusal, a route that is not there: no raw path anywhere."""
    parts = {"declaration": make.declaration(), "scan": ("s.png", make.scan())}
    done = client.post("/v1/assessments", files=parts)
    assert done.status_code == 201
    assert client.get(f"/v1/assessments/{done.json()['id']}").status_code == 200
    assert client.post("/v1/assessments", files={"declaration": b"{}"}).status_code == 422
    assert client.get("/v1/assessments/0000000000000000").status_code == 404
    assert client.get("/hanbit/secret").status_code == 404
    assert client.request("HANBIT", "/healthz").status_code == 405
    with pytest.raises(CustomsError, match="as much in hand"):
        fill(service)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = samples(answer.text)
    one = "/v1/assessments/{assessment_id}"
    assert found["portcullis_requests_total", "POST", "/v1/assessments", "201"] == 1
    assert found["portcullis_requests_total", "POST", "/v1/assessments", "422"] == 1
    assert found["portcullis_requests_total", "GET", one, "200"] == 1
    assert found["portcullis_requests_total", "GET", one, "404"] == 1
    assert found["portcullis_requests_total", "GET", "none", "404"] == 1
    assert found["portcullis_request_seconds_count", "/v1/assessments"] == 2
    assert found["portcullis_assessments_total", done.json()["report"]["band"]] == 1
    assert found["portcullis_evidence_total", "price.unit_value", "spoke"] == 1
    assert found["portcullis_model_seconds_count", "tabular"] == 2  # and once as what the scan looks like
    assert found["portcullis_batch_size_count",] == 1
    assert found["portcullis_refusals_total", "places"] == 1
    assert found["portcullis_queue_depth",] == found["portcullis_uploads_in_hand",] == 0
    assert sum(found[key] for key in found if key[0] == "portcullis_findings_total") == len(
        done.json()["report"]["findings"]
    )
    for secret in ("hanbit", "HANBIT", "D000123", done.json()["id"], make.name):
        assert secret not in answer.text


def fill(service: Service) -> None:
    """Take every place and one more."""
    if service.batcher.full:
        service.batcher.place().__enter__()
        raise AssertionError
    with service.batcher.place():
        fill(service)


@pytest.fixture
def watched(service: Service, by_hand: Models, request: pytest.FixtureRequest) -> Iterator[Service]:
    """A service with a setting of its own for who reads the metrics."""
    opened = Service.open(replace(service.settings, metrics=request.param), by_hand)
    opened.login.add("boss", "correct horse battery", Role.ADMIN)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("watched", "headers", "who", "status"),
    [
        ("local", {}, None, 200),
        ("local", {"X-Forwarded-For": "203.0.113.9"}, None, 401),
        ("local", {"X-Forwarded-For": "127.0.0.1"}, None, 401),
        ("local", {"Forwarded": "for=203.0.113.9"}, "boss", 200),
        ("signed", {}, None, 401),
        ("signed", {}, "kim", 403),
        ("signed", {}, "boss", 200),
        ("open", {"X-Forwarded-For": "203.0.113.9"}, None, 200),
    ],
    indirect=["watched"],
)
def test_metrics_are_for_this_machine_or_for_whoever_may(
    watched: Service, make: SimpleNamespace, headers: dict[str, str], who: str | None, status: int
) -> None:
    """A proxy on this machine does not make its visitors local."""
    auth = None if who is None else (who, make.password)
    with make.running(watched) as address:
        assert httpx.get(f"{address}/metrics", headers=headers, auth=auth).status_code == status


def test_a_service_that_can_work_is_ready(address: str, account: Account) -> None:
    """With its models' versions."""
    assert httpx.get(f"{address}/readyz").json() == {
        "status": "ready",
        "models": {"tabular": "tabular@byhand"},
    }


def test_a_full_service_is_not_ready_but_lives(address: str, service: Service) -> None:
    """A problem document with the reason."""
    places = [service.batcher.place() for _ in range(service.settings.max_queue)]
    for place in places:
        place.__enter__()
    answer = httpx.get(f"{address}/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert [p["field"] for p in answer.json()["problems"]] == ["queue"]
    assert httpx.get(f"{address}/healthz").status_code == 200
    for place in reversed(places):
        place.__exit__(None, None, None)
    assert httpx.get(f"{address}/readyz").status_code == 200


def test_a_store_that_hangs_or_fails_is_named_soon(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look ends in time though the store never answers, and only one thread hangs."""
    monkeypatch.setattr(readiness, "STORE_SECONDS", 0.2)
    thaw = threading.Event()
    frozen = Readiness(service.settings, service.batcher, thaw.wait)
    before, began = threading.active_count(), time.monotonic()
    assert [p.field for p in frozen.problems(False)] == ["store"]
    assert [p.field for p in frozen.problems(False)] == ["store"]
    assert time.monotonic() - began < 5
    assert threading.active_count() == before + 1
    thaw.set()
    assert frozen.problems(False) == []

    def broken() -> Any:
        raise OSError("gone")

    assert [p.field for p in Readiness(service.settings, service.batcher, broken).problems(False)] == [
        "store"
    ]


def test_other_reasons_not_to_be_ready(service: Service) -> None:
    """No disk, no models, an end that has begun."""
    settings = replace(service.settings, min_free_mb=10**9)
    asked = Readiness(settings, service.batcher, service.accounts.count)
    service.batcher.switch(Models({}, {}))
    assert [p.field for p in asked.problems(True)] == ["service", "models", "disk"]
