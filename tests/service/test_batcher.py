"""The one thread that asks the models: batches, refusals when full, callers that leave, a clean end."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from customs.case import Case
from customs.errors import CustomsError
from customs.evidence import Evidence
from fusion import Policy
from portcullis.batcher import Batcher, Busy
from portcullis.consignment import Consignment, Upload
from portcullis.judge import judge
from portcullis.metrics import Metrics
from portcullis.models import Models
from portcullis.service import Service
from portcullis.store.accounts import Account
from portcullis.store.queue import Filter, Order


class Door:
    """A scorer that answers while its door is open, and notes who is asked and by how many threads."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.name, self.checks = inner.name, inner.checks
        self.open = threading.Event()
        self.asked: list[list[str]] = []
        self.inside = threading.Lock()

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        assert self.inside.acquire(blocking=False), "two threads at once"
        try:
            self.asked.append([case.subject for case in cases])
            assert self.open.wait(20)
            bad = [case.subject for case in cases if case.subject.startswith("BAD")]
            if bad:
                raise CustomsError(f"{bad[0]} cannot be scored", field="declaration")
            answers: list[list[Evidence]] = self.inner.score(cases)
            return answers
        finally:
            self.inside.release()


@pytest.fixture
def door(by_hand: Models) -> Door:
    """Closed at first."""
    return Door(by_hand.scorers["tabular"])


@pytest.fixture
def behind(by_hand: Models, door: Door) -> Models:
    """Models behind the door."""
    return replace(by_hand, scorers={"tabular": door})


@pytest.fixture
def batcher(behind: Models, door: Door) -> Iterator[Batcher]:
    """Room for six, batches of up to four."""
    made = Batcher(behind, Policy.default(), Metrics(), max_queue=6, max_batch=4, patience=20)
    yield made
    door.open.set()
    assert made.close()


@pytest.fixture
def read(make: SimpleNamespace) -> Callable[..., Consignment]:
    """A consignment by its id."""
    return lambda name, **changes: Consignment.read(Upload(make.declaration(id=name, **changes)))


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Callers."""
    with ThreadPoolExecutor(12) as pool:
        yield pool


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.002)


def hand_in(
    batcher: Batcher,
    door: Door,
    threads: ThreadPoolExecutor,
    consignments: Sequence[Consignment],
    **options: Any,
) -> list[Future[Any]]:
    """One job that is being scored and others that wait behind it, in order."""
    found = [threads.submit(batcher.judge, consignments[0], **options)]
    until(lambda: len(door.asked) == 1)
    for number, consignment in enumerate(consignments[1:], start=1):
        found.append(threads.submit(batcher.judge, consignment, **options))
        until(lambda wanted=number: len(batcher._waiting) == wanted)  # type: ignore[misc]
    return found


def test_what_waits_is_judged_together_and_as_alone(
    batcher: Batcher, door: Door, read: Any, threads: ThreadPoolExecutor, by_hand: Models
) -> None:
    """One is scored while four wait; those four are one batch. Each caller gets its own verdict."""
    some = [read(f"D{n}", line={"net_kg": 20_000 - 2_000 * n}) for n in range(5)]
    answers = hand_in(batcher, door, threads, some)
    door.open.set()
    got = [answer.result(10).report for answer in answers]
    assert got == [judge(one, by_hand, batcher.policy).report for one in some]
    assert len({report.surprise for report in got}) == 5
    assert door.asked == [["D0/1"], ["D1/1", "D2/1", "D3/1", "D4/1"]]


def test_an_error_fails_only_its_own_consignment(
    batcher: Batcher, door: Door, read: Any, threads: ThreadPoolExecutor
) -> None:
    """The others of its batch are answered."""
    answers = hand_in(batcher, door, threads, [read(n) for n in ("D1", "D2", "BAD", "D3")])
    door.open.set()
    assert [answers[i].result(10).report.subject for i in (0, 1, 3)] == ["D1", "D2", "D3"]
    with pytest.raises(CustomsError, match="BAD/1 cannot be scored"):
        answers[2].result(10)
    assert batcher.judge(read("D4")).report.subject == "D4"


def test_when_the_queue_is_full_the_next_is_told_when_to_come_again(
    batcher: Batcher, door: Door, read: Any, threads: ThreadPoolExecutor
) -> None:
    """Six wait behind the one that is scored; work with the models is refused as well."""
    answers = hand_in(batcher, door, threads, [read(f"D{n}") for n in range(7)])
    assert batcher.full
    with pytest.raises(Busy) as error:
        batcher.judge(read("D8"))
    assert 1 <= error.value.seconds <= 120
    with pytest.raises(Busy):
        batcher.call(lambda models: None)
    door.open.set()
    assert [answer.result(10).report.subject for answer in answers] == [f"D{n}" for n in range(7)]
    assert not batcher.full


def test_the_wait_that_is_told_follows_the_pace(batcher: Batcher, door: Door) -> None:
    """Slow work makes it longer."""
    door.open.set()

    def told() -> int:
        try:
            for place in places:
                place.__enter__()
            with pytest.raises(Busy) as error:
                batcher.place().__enter__()
            return error.value.seconds
        finally:
            for place in reversed(places):
                place.__exit__(None, None, None)

    places = [batcher.place() for _ in range(6)]
    before = told()
    for _ in range(2):
        batcher.call(lambda models: time.sleep(0.8))
    places = [batcher.place() for _ in range(6)]
    assert told() > before


def test_a_caller_that_left_is_skipped(
    batcher: Batcher, door: Door, read: Any, threads: ThreadPoolExecutor
) -> None:
    """The models are not asked for it."""
    left = threading.Event()
    answers = hand_in(batcher, door, threads, [read(f"D{n}") for n in range(2)])
    gone = threads.submit(batcher.judge, read("GONE"), left.is_set)
    until(lambda: len(batcher._waiting) == 2)
    left.set()
    door.open.set()
    assert [answer.result(10).report.subject for answer in answers] == ["D0", "D1"]
    assert isinstance(gone.exception(10), Busy)
    assert door.asked == [["D0/1"], ["D1/1"]]


def test_a_job_that_waits_too_long_is_given_up(
    behind: Models, door: Door, read: Any, threads: ThreadPoolExecutor
) -> None:
    """Its caller is told to come again; the one that was begun is still answered."""
    batcher = Batcher(behind, Policy.default(), Metrics(), patience=0.2)
    begun = threads.submit(batcher.judge, read("D1"))
    until(lambda: len(door.asked) == 1)
    with pytest.raises(Busy):
        batcher.judge(read("D2"))
    door.open.set()
    assert begun.result(10).report.subject == "D1"
    assert batcher.close()
    assert door.asked == [["D1/1"]]


def test_models_are_switched_between_batches(
    batcher: Batcher, door: Door, read: Any, threads: ThreadPoolExecutor, by_hand: Models
) -> None:
    """What was begun is finished by the models that began it."""
    answers = hand_in(batcher, door, threads, [read("D1"), read("D2")])
    batcher.switch(replace(by_hand, versions={"tabular": "tabular@new"}))
    door.open.set()
    versions = [answer.result(10).report.versions["tabular"] for answer in answers]
    assert versions == ["tabular@byhand", "tabular@new"]


def test_closing_finishes_what_waits_and_takes_nothing_new(
    batcher: Batcher, door: Door, read: Any, threads: ThreadPoolExecutor
) -> None:
    """Everybody who was taken in is answered."""
    answers = hand_in(batcher, door, threads, [read(f"D{n}") for n in range(6)])
    assert not batcher.close(0.05)
    with pytest.raises(Busy):
        batcher.judge(read("D9"))
    door.open.set()
    assert batcher.close(10)
    assert [answer.result(10).report.subject for answer in answers] == [f"D{n}" for n in range(6)]


@pytest.fixture
def narrow(service: Service, behind: Models, clock: Any) -> Iterator[Service]:
    """A service behind the door, with room for two."""
    opened = Service.open(replace(service.settings, max_queue=2), behind, now=clock)
    yield opened
    opened.close()


def send(address: str, make: SimpleNamespace, name: str, **options: Any) -> httpx.Response:
    files = {"declaration": make.declaration(id=name), "scan": ("s.png", make.scan(), "image/png")}
    auth = (make.name, make.password)
    return httpx.post(f"{address}/v1/assessments", files=files, auth=auth, **{"timeout": 20, **options})


def test_a_full_service_answers_429_and_keeps_nothing(
    narrow: Service, account: Account, door: Door, make: SimpleNamespace, threads: ThreadPoolExecutor
) -> None:
    """Before the body is read, even one that is no upload at all; those that were accepted are answered."""
    auth = (make.name, make.password)
    with make.running(narrow) as address, httpx.Client(base_url=address, auth=auth, timeout=20) as client:
        taken = [threads.submit(send, address, make, f"D{n}") for n in range(2)]
        until(lambda: narrow.batcher.full)
        for content in (b"x" * 3_900_000, b"", b"x" * 3_900_000):  # its end is sent though nobody reads it
            kind = {"Content-Type": "multipart/form-data; boundary=b"}
            refused = client.post("/v1/assessments", content=content, headers=kind)
            assert refused.status_code == 429
            assert refused.headers["content-type"] == "application/problem+json"
            assert re.fullmatch("[1-9][0-9]*", refused.headers["retry-after"])
            assert "nothing was stored" in refused.json()["detail"]
        assert client.get("/healthz").status_code == 200
        wrong = httpx.post(f"{address}/v1/assessments", content=b"", auth=(make.name, "wrong"))
        assert wrong.status_code == 401
        door.open.set()
        assert [answer.result(20).status_code for answer in taken] == [201, 201]
        assert send(address, make, "D3").status_code == 201
    assert narrow.assessments.count() == 3


def test_the_page_of_a_full_service_says_so(
    narrow: Service, account: Account, door: Door, make: SimpleNamespace, threads: ThreadPoolExecutor
) -> None:
    """With the status and header that a browser understands."""
    with make.running(narrow) as address, httpx.Client(base_url=address, timeout=20) as browser:
        own = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        browser.post("/login", data={"name": make.name, "password": make.password}, headers=own)
        taken = [threads.submit(send, address, make, f"D{n}") for n in range(2)]
        until(lambda: narrow.batcher.full)
        page = browser.post("/desk", files={"declaration": (None, make.declaration())}, headers=own)
        assert page.status_code == 429
        assert int(page.headers["retry-after"]) >= 1
        assert "nothing was stored" in page.text
        door.open.set()
        assert [answer.result(20).status_code for answer in taken] == [201, 201]


def test_a_client_that_hung_up_is_neither_scored_nor_stored(
    narrow: Service, account: Account, door: Door, make: SimpleNamespace, threads: ThreadPoolExecutor
) -> None:
    """Its place is free again."""
    with make.running(narrow) as address:
        first = threads.submit(send, address, make, "D1")
        until(lambda: len(door.asked) == 1)
        with pytest.raises(httpx.ReadTimeout):
            send(address, make, "GONE", timeout=0.5)
        until(lambda: any(job.gone() for job in list(narrow.batcher._waiting)))
        door.open.set()
        assert first.result(20).status_code == 201
        until(lambda: not narrow.batcher.full)
        assert send(address, make, "D2").status_code == 201
    kept = narrow.queue.page(Filter(), order=Order.NEWEST).rows
    assert [row.declaration_id for row in kept] == ["D2", "D1"]
