"""The stream of alerts: live over HTTP, resumed by number, bounded, and ended when it has to end."""

from __future__ import annotations

import base64
import json
import queue
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from portcullis.alerting.feed import Feed
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.alerts import Alert, AlertKind, Alerts, batch_finished
from portcullis.store.engine import writing

URL = "/v1/alerts/stream"


class Listening:
    """A browser's side of the stream: events as they come, comments and the retry hint beside them."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.events: queue.Queue[dict[str, str]] = queue.Queue()
        self.comments: queue.Queue[str] = queue.Queue()
        self.retry: str | None = None
        self.ended = threading.Event()
        self.broke: Exception | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        event: dict[str, str] = {}
        try:
            for line in self.response.iter_lines():
                name, _, value = line.partition(": ")
                if line == "":
                    if "data" in event:
                        self.events.put(event)
                    event = {}
                elif name == "":
                    self.comments.put(value)
                elif name == "retry":
                    self.retry = value
                else:
                    event[name] = value
        except (httpx.HTTPError, httpx.StreamError) as error:
            self.broke = error
        self.ended.set()

    def numbers(self, count: int) -> list[int]:
        return [int(self.events.get(timeout=10)["id"]) for _ in range(count)]


@pytest.fixture
def listen(client: httpx.Client, service: Service) -> Iterator[Callable[..., Listening]]:
    """Opens streams, as many as a test wants, and leaves them at its end."""
    service.alerting.feed.every = 0.05
    with ExitStack() as opened:

        def begin(auth: Any = None, **options: Any) -> Listening:
            extra = {} if auth is None else {"auth": auth}
            response = opened.enter_context(client.stream("GET", URL, timeout=30, **options, **extra))
            assert response.status_code == 200
            return Listening(response)

        yield begin
        service.alerting.feed.close()


def write(alerts: Alerts, *names: str) -> None:
    told = [Alert(AlertKind.ASSIGNED, name, {"assignee": "kim"}) for name in names]
    with writing(alerts.engine) as connection:
        alerts.write(connection, *told)


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


def test_whoever_listens_hears_what_happens_from_now_on(
    service: Service, listen: Callable[..., Listening]
) -> None:
    """Each event has a number, a kind and the alert as the list shows it."""
    alerts = service.alerting.alerts
    write(alerts, "before")
    one, two = listen(), listen()
    assert until(lambda: one.retry is not None and two.retry is not None)
    assert one.retry == "3000"
    assert one.response.headers["content-type"].startswith("text/event-stream")
    assert one.response.headers["cache-control"] == "no-store"
    time.sleep(0.1)
    write(alerts, "D1")
    for listener in (one, two):
        event = listener.events.get(timeout=10)
        assert (event["id"], event["event"]) == ("2", "assigned")
        assert json.loads(event["data"])["subject"] == "D1"
    assert one.events.empty()


def test_a_listener_that_comes_back_misses_nothing(
    service: Service, listen: Callable[..., Listening]
) -> None:
    """By Last-Event-ID, which a browser sends, rather than by `after`; more than is remembered, too."""
    alerts = service.alerting.alerts
    write(alerts, *(f"D{i}" for i in range(1_250)))
    assert listen(headers={"Last-Event-ID": "20"}, params={"after": 3}).numbers(1_230) == [*range(21, 1_251)]
    again = listen(params={"after": 1_248})
    assert again.numbers(2) == [1_249, 1_250]
    write(alerts, "new")
    assert again.numbers(1) == [1_251]


def test_a_number_from_the_future_begins_at_the_newest(
    service: Service, listen: Callable[..., Listening]
) -> None:
    """After a store was restored from a backup, nobody waits for numbers that were given once before."""
    alerts = service.alerting.alerts
    write(alerts, "D1")
    ahead = listen(headers={"Last-Event-ID": "999"})
    assert until(lambda: ahead.retry is not None)
    time.sleep(0.2)
    write(alerts, "D2")
    assert ahead.numbers(1) == [2]


def test_only_what_was_asked_for_and_may_be_read_is_sent(
    service: Service, listen: Callable[..., Listening], make: SimpleNamespace
) -> None:
    """An inspector hears of cases, an administrator of models and webhooks."""
    service.login.add("root", make.password, Role.ADMIN)
    alerts = service.alerting.alerts
    inspector = listen(params={"after": 0})
    narrow = listen(params={"after": 0, "kind": "decided"})
    admin = listen(auth=("root", make.password), params={"after": 0})
    with writing(alerts.engine) as connection:
        alerts.write(
            connection,
            batch_finished("b1", 3, 0),
            Alert(AlertKind.ASSIGNED, "D1", {"assignee": "kim"}),
            Alert(AlertKind.WEBHOOK_OFF, "0" * 16, {"since": "2025-05-01"}),
            Alert(AlertKind.DECIDED, "D1", {"decision": "hold", "reason": "expert_needed"}),
        )
    assert inspector.numbers(2) == [2, 4]
    assert narrow.numbers(1) == [4]
    assert admin.numbers(1) == [3]


def test_what_another_process_writes_is_heard(service: Service, listen: Callable[..., Listening]) -> None:
    """Several workers share the store and nothing else."""
    listener = listen()
    assert until(lambda: listener.retry is not None)
    time.sleep(0.1)
    program = """
        import datetime as dt, sys
        from portcullis.store.alerts import Alert, AlertKind, Alerts
        from portcullis.store.engine import open_engine, writing
        alerts = Alerts(open_engine(sys.argv[1]), lambda: dt.datetime.now(dt.UTC))
        with writing(alerts.engine) as connection:
            alerts.write(connection, Alert(AlertKind.ASSIGNED, "from elsewhere", {"assignee": "kim"}))
    """
    script = [sys.executable, "-c", textwrap.dedent(program), service.settings.store_url]
    subprocess.run(script, check=True, timeout=60)
    assert json.loads(listener.events.get(timeout=10)["data"])["subject"] == "from elsewhere"


def test_many_who_listen_cost_one_reader_and_no_thread_each(
    service: Service, client: httpx.Client, listen: Callable[..., Listening]
) -> None:
    """Sixty wait, and there are 40 threads for requests, which are still answered; the store is free."""
    queries: list[str] = []
    before = threading.active_count()
    listeners = [listen() for _ in range(60)]
    assert until(lambda: all(listener.retry for listener in listeners))
    time.sleep(0.3)
    # each listener of this test reads in a thread of its own; the service has its few
    assert threading.active_count() - before - 60 <= 50
    assert until(lambda: service.audit.engine.pool.checkedout() == 0)  # type: ignore[attr-defined]
    sa.event.listen(
        service.audit.engine,
        "before_cursor_execute",
        lambda *a: queries.append(a[2]) if "alert" in a[2] else 0,
    )
    time.sleep(0.5)
    assert 1 <= len(queries) <= 15  # every 0.05 s, whoever listens
    assert client.get("/v1/alerts").status_code == 200
    write(service.alerting.alerts, "D1")
    assert [listener.numbers(1) for listener in listeners] == [[1]] * 60


def test_when_as_many_listen_as_may_the_next_is_told_when_to_come(
    service: Service, client: httpx.Client
) -> None:
    """And a place is free again as soon as somebody leaves."""
    feed = service.alerting.feed
    feed.limit = 1
    with client.stream("GET", URL) as first:
        assert until(lambda: feed.listening == 1)
        refused = client.get(URL)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "30"
        assert refused.json()["title"] == "Service Unavailable"
        assert first.status_code == 200
    assert until(lambda: feed.listening == 0)
    with client.stream("GET", URL) as again:
        assert again.status_code == 200
    feed.close()


def test_a_listener_that_takes_nothing_is_let_go(
    service: Service, address: str, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that reads no more must not keep a place for ever, nor fill the memory."""
    monkeypatch.setattr("portcullis.api.alerts._SEND_SECONDS", 0.3)
    told = [Alert(AlertKind.ASSIGNED, f"D{i}", {"assignee": "x" * 20_000}) for i in range(1_000)]
    with writing(service.audit.engine) as connection:
        service.alerting.alerts.write(connection, *told)
    feed = service.alerting.feed
    url = httpx.URL(address)
    basic = base64.b64encode(f"{make.name}:{make.password}".encode()).decode()
    with socket.create_connection((url.host, url.port or 0)) as raw:
        raw.sendall(
            f"GET {URL}?after=0 HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Basic {basic}\r\n\r\n".encode()
        )
        assert until(lambda: feed.listening == 1)
        assert until(lambda: feed.listening == 0)


def test_a_stream_ends_with_the_session_that_opened_it(
    service: Service, account: Account, listen: Callable[..., Listening]
) -> None:
    """Heartbeats come while it lasts; a new password ends what was signed in with the old one."""
    service.alerting.feed.heartbeat = 0.2
    cookie = f"{COOKIE}={service.sessions.issue(account)}"
    listener = listen(headers={"Cookie": cookie}, auth=lambda request: request)
    assert [listener.comments.get(timeout=10) for _ in range(2)] == ["heartbeat"] * 2
    assert not listener.ended.is_set()
    service.accounts.set_password(account.name, service.login.hashed("another password"))
    assert listener.ended.wait(10)
    assert listener.broke is None


def test_a_stream_that_is_never_silent_is_checked_as_well(
    service: Service, account: Account, listen: Callable[..., Listening]
) -> None:
    """Alerts all the time must not keep a closed account listening."""
    service.alerting.feed.heartbeat = 0.3
    listener = listen()
    stop = threading.Event()

    def talk() -> None:
        while not stop.wait(0.02):
            write(service.alerting.alerts, "D1")

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        assert listener.numbers(3)
        service.accounts.set_password(account.name, service.login.hashed("another password"))
        assert listener.ended.wait(10)
    finally:
        stop.set()
        talking.join()


def test_a_broker_and_a_stranger_hear_nothing(service: Service, address: str, make: SimpleNamespace) -> None:
    """The stream asks for the same permission as the list."""
    service.login.add("choi", make.password, Role.BROKER)
    assert httpx.get(address + URL, auth=("choi", make.password)).status_code == 403
    assert httpx.get(address + URL).status_code == 401


@pytest.mark.parametrize("number", ["-1", "x", str(2**63)])
def test_a_wrong_last_event_id_is_refused(client: httpx.Client, number: str) -> None:
    """It is a number of ours or none."""
    assert client.get(URL, headers={"Last-Event-ID": number}).status_code == 422


def test_closing_ends_every_stream_and_nobody_can_listen_again(
    service: Service, client: httpx.Client, listen: Callable[..., Listening]
) -> None:
    """At shutdown the server waits for nobody."""
    listeners = [listen(), listen()]
    assert until(lambda: service.alerting.feed.listening == 2)
    service.alerting.close()
    for listener in listeners:
        assert listener.ended.wait(10)
        assert listener.broke is None
    assert client.get(URL).status_code == 503
    assert not [t for t in threading.enumerate() if t.name == "alerts"]


def test_a_store_that_is_away_for_a_while_does_not_silence_the_stream(
    service: Service, listen: Callable[..., Listening], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader comes back by itself."""
    listener = listen()
    assert until(lambda: listener.retry is not None)
    time.sleep(0.1)
    page, failed = service.alerting.alerts.page, []

    def broken(*values: Any) -> Any:
        if len(failed) < 3:
            failed.append(1)
            raise sa.exc.OperationalError("SELECT", {}, Exception("the server closed the connection"))
        return page(*values)

    monkeypatch.setattr(service.alerting.alerts, "page", broken)
    write(service.alerting.alerts, "D1")
    assert listener.numbers(1) == [1]
    assert len(failed) == 3


SERVING = """
    import sys
    from pathlib import Path
    from portcullis.models import Models
    from portcullis.server import listen, serve
    from portcullis.service import Service
    from portcullis.settings import Settings
    service = Service.open(Settings(data=Path(sys.argv[1])), Models({}, {}))
    serve(service, listen("127.0.0.1", 0), lambda address: print(address, flush=True))
"""


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as `portcullis serve` runs it, in a process of its own, without models."""
    program = [sys.executable, "-c", textwrap.dedent(SERVING), folder]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, process.stderr.read() if process.stderr else ""
        yield process, address.rstrip("/")
    finally:
        process.kill()
        process.communicate()


def test_a_server_that_is_told_to_stop_does_not_wait_for_its_streams(
    tmp_path: Path, fresh: Path, make: SimpleNamespace
) -> None:
    """SIGTERM: the stream ends in order and the process is gone within seconds."""
    import shutil

    shutil.copytree(fresh, tmp_path / "data")
    with (
        serving(tmp_path / "data") as (process, address),
        httpx.Client(auth=(make.name, make.password), timeout=30) as client,
        client.stream("GET", address + URL) as response,
    ):
        listener = Listening(response)
        assert until(lambda: listener.retry is not None)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert listener.ended.wait(10)
        process.wait(10)
        assert time.monotonic() - begun < 5
        assert listener.broke is None


def test_a_feed_without_listeners_runs_nothing(service: Service) -> None:
    """The reader begins with the first listener and ends with the last."""
    import asyncio

    feed = Feed(service.alerting.alerts, every=0.02)
    write(service.alerting.alerts, "D1")

    async def twice() -> list[str]:
        found = []
        for after in (0, 1):
            stream = feed.listen(after, frozenset(AlertKind), lambda: frozenset(AlertKind))
            assert (await anext(stream)).startswith("retry")
            if after == 1:
                write(service.alerting.alerts, "D2")
            found.append(await anext(stream))
            await stream.aclose()  # type: ignore[attr-defined]
            while feed._reader is not None:
                await asyncio.sleep(0.01)
        return found

    assert not [t for t in threading.enumerate() if t.name == "alerts"]
    assert [event.split("\n")[0] for event in asyncio.run(twice())] == ["id: 1", "id: 2"]
    assert not [t for t in threading.enumerate() if t.name == "alerts"]
