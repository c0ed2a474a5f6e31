"""The log: a line for each request, and nobody's data in any of them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from customs.case import Case
from customs.evidence import Evidence
from portcullis import logs
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account

SECRETS = ("Hanbit", "한빛", "D7654321", "TEMU1234565", "0306171090", "SHRIMP", "geheim", "kim", "160000")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged, at the lowest level; the loggers are as before afterwards."""
    names = ("portcullis", "uvicorn", "uvicorn.error", "uvicorn.access")
    kept = [(logging.getLogger(n), logging.getLogger(n).level, logging.getLogger(n).handlers) for n in names]
    root, hook = logging.getLogger(), threading.excepthook
    level, handlers = root.level, root.handlers
    stream = io.StringIO()
    logs.configure(Settings(log_level="debug"), stream)
    yield stream
    root.handlers, threading.excepthook = handlers, hook
    root.setLevel(level)
    for logger, before, own in kept:
        logger.setLevel(before)
        logger.handlers = own


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


class Talkative:
    """A scorer whose errors quote what they were given."""

    name, checks = "talkative", ("price.unit_value",)

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        logging.getLogger("some.library").error("cannot score %s", cases[0].declaration)
        try:
            raise ValueError(f"bad value in {cases[0].declaration!r}")
        except ValueError as error:
            raise RuntimeError(f"no score for {cases[0].declaration!r}") from error


def test_nothing_of_a_person_or_their_goods_is_in_the_log(
    service: Service, account: Account, make: SimpleNamespace, written: io.StringIO
) -> None:
    """Not of the path, query, headers, body, login, nor of an exception that quotes the declaration."""
    models = Models({"tabular": Talkative()}, {"tabular": "t@1"})  # type: ignore[dict-item]
    failing = Service.open(service.settings, models)
    body = {
        "declaration": make.declaration(id="D7654321"),
        "scan": ("Hanbit SHRIMP.png", make.scan(), "image/png"),
    }
    headers = {
        "X-Request-ID": "Hanbit-D7654321",
        "User-Agent": "Hanbit geheim",
        "Idempotency-Key": "Hanbit geheim",
        "Referer": "http://x/?importer=Hanbit",
    }
    with make.running(service) as address, httpx.Client(base_url=address, headers=headers, timeout=30) as c:
        c.auth = (make.name, make.password)
        kept = c.post("/v1/assessments?importer=Hanbit", files=body)
        assert kept.status_code == 201
        assert c.get("/v1/assessments/D7654321?goods=SHRIMP").status_code == 404
        assert c.get("/Hanbit/한빛?geheim").status_code == 404
        assert (
            c.post("/v1/assessments?D7654321", files={"declaration": b'{"id": "D7654321"}'}).status_code
            == 422
        )
        assert c.post("/v1/hs/suggestions", json={"text": "SHRIMP", "geheim": 1}).status_code == 422
        assert httpx.get(f"{address}/v1/assessments/x", auth=("kim", "geheim")).status_code == 401
    headers["Idempotency-Key"] = "another geheim"
    with make.running(failing) as address, httpx.Client(base_url=address, headers=headers, timeout=30) as c:
        c.auth = (make.name, make.password)
        broken = c.post("/v1/assessments", files=body)
        assert broken.status_code == 500
    failing.close()

    async def forgotten() -> None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "Task exception was never retrieved", "exception": ValueError("Hanbit D7654321")}
        )

    asyncio.run(forgotten())
    thread = threading.Thread(target=lambda: int("Hanbit D7654321"))
    thread.start()
    thread.join()

    text = written.getvalue()
    for secret in (*SECRETS, kept.json()["id"]):
        assert secret not in text
        assert secret.encode("unicode_escape").decode() not in text
    found = lines(written)
    answered = [line for line in found if line["event"] == "answered"]
    assert [(line["route"], line["status"]) for line in answered] == [
        ("/v1/assessments", 201),
        ("/v1/assessments/{assessment_id}", 404),
        ("none", 404),
        ("/v1/assessments", 422),
        ("/v1/hs/suggestions", 422),
        ("/v1/assessments/{assessment_id}", 401),
        ("/v1/assessments", 500),
    ]
    assert [line["account"] for line in answered] == [account.id] * 2 + [None] + [account.id] * 2 + [
        None,
        account.id,
    ]
    assert all(uuid.UUID(line["request_id"]) and line["ms"] > 0 for line in answered)
    mistake = next(line for line in found if line["event"] == "a request failed by a mistake of ours")
    assert [error["type"] for error in mistake["error"]] == ["RuntimeError", "ValueError"]
    assert mistake["error"][0]["at"][-1].endswith(" score")
    assert mistake["request_id"] == answered[-1]["request_id"] == broken.headers["x-request-id"]
    events = {line["event"]: line for line in found}
    assert "cannot score %s" in events
    assert events["Task exception was never retrieved"]["error"] == [{"type": "ValueError", "at": []}]
    assert events["a thread ended with an error"]["error"][0]["type"] == "ValueError"


def test_a_callers_uuid_is_the_request_id_everywhere(client: httpx.Client, written: io.StringIO) -> None:
    """So that its own log and ours can be laid side by side; anything else is replaced."""
    own = str(uuid.uuid4())
    assert client.get("/healthz", headers={"X-Request-ID": own}).headers["x-request-id"] == own
    for other in ("20250430-000123", "x" * 500, "홍".encode().decode("latin-1")):
        answer = client.get("/healthz", headers={"X-Request-ID": other.encode("latin-1")})
        assert uuid.UUID(answer.headers["x-request-id"])
    assert lines(written)[0]["request_id"] == own
    assert all(line["level"] == "debug" for line in lines(written))


def test_the_console_format_is_for_people(written: io.StringIO) -> None:
    """One line, not JSON, and the level that was set."""
    stream = io.StringIO()
    logs.configure(replace(Settings(), log_format="console", log_level="warning"), stream)
    log = logging.getLogger("portcullis.test")
    log.info("not this")
    log.warning("this", extra={"size": 3})
    assert "not this" not in stream.getvalue()
    assert "this" in stream.getvalue()
    assert "size=3" in stream.getvalue()
