"""Webhooks against a real receiver on loopback: signed, tried again, once at a time, and lost by nobody."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

import portcullis
from portcullis.alerting.desk import WebhookDesk
from portcullis.alerting.parts import Alerting
from portcullis.identity.seal import BrokenSeal, Seal
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role
from portcullis.store.alerts import Alert, AlertKind, batch_finished
from portcullis.store.deliveries import WAITS, State
from portcullis.store.engine import writing
from portcullis.store.webhooks import LEASE, Webhook


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(data=folder, webhook_networks="127.0.0.0/8", webhook_http=True, language="en", **more)


@pytest.fixture
def service(tmp_path: Path, fresh: Path, by_hand: Models, clock: Any) -> Iterator[Service]:
    """A service whose webhooks may reach this machine; jitter is at its middle."""
    shutil.copytree(fresh, tmp_path / "data")
    opened = Service.open(settings(tmp_path / "data"), by_hand, now=clock)
    opened.alerting.dispatcher.chance = lambda: 0.5
    yield opened
    opened.close()


@pytest.fixture
def hooked(service: Service, receiver: Any, account: Account) -> Webhook:
    """A webhook for everything."""
    return WebhookDesk(service.alerting).add(receiver.url, account)[0]


def happen(alerting: Alerting, count: int = 1) -> None:
    with writing(alerting.alerts.engine) as connection:
        alerting.alerts.write(connection, *(batch_finished(f"b{i}", i, 0) for i in range(count)))


def states(service: Service, hook: Webhook) -> list[State]:
    return [delivery.state for delivery in service.alerting.webhooks.deliveries(hook.id)]


def verify_of_the_readme() -> Callable[..., bool]:
    """The example of the README, as a receiver would paste it."""
    readme = Path(portcullis.__file__).with_name("README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?def verify.*?)```", readme, re.S)
    assert len(code.strip().splitlines()) <= 14
    names: dict[str, Any] = {}
    exec(code, names)
    verify: Callable[..., bool] = names["verify"]
    return verify


def test_the_readme_shows_how_to_check_a_signature(service: Service, receiver: Any, account: Account) -> None:
    """What arrives passes; another body, id, secret or time does not."""
    found, secret = WebhookDesk(service.alerting).add(receiver.url, account)
    other = WebhookDesk(service.alerting).add(receiver.url + "2", account, [AlertKind.OUTCOME])[1]
    happen(service.alerting)
    assert service.alerting.dispatcher.run_due() == 1
    (headers, body), *none = receiver.got
    assert not none
    verify = verify_of_the_readme()
    now = service.alerting.webhooks.now().timestamp()
    assert verify(secret, headers, body, now)
    assert not verify(secret, headers, body + b" ", now)
    assert not verify(secret, headers | {"webhook-id": "msg_0"}, body, now)
    assert not verify(other, headers, body, now)
    assert not verify(secret, headers, body, now + 301)
    assert headers["content-type"] == "application/json"
    told = json.loads(body)
    assert told["type"] == told["data"]["kind"] == "batch.finished"
    assert told["data"]["details"] == {"done": 0, "refused": 0, "href": "/v1/batches/b0"}
    assert states(service, found) == [State.DELIVERED]


def test_only_what_was_asked_for_is_sent(service: Service, receiver: Any, account: Account) -> None:
    """By kind, and by band where an alert has one."""
    desk = WebhookDesk(service.alerting)
    desk.add(receiver.url, account, [AlertKind.DECIDED], "critical")
    desk.add(receiver.url, account, [AlertKind.DECIDED, AlertKind.BATCH_FINISHED], "watch")
    with writing(service.audit.engine) as connection:
        for band in ("clear", "high", "critical"):
            service.alerting.alerts.write(
                connection,
                Alert(AlertKind.DECIDED, band, {}, band=band),  # type: ignore[arg-type]
            )
        service.alerting.alerts.write(
            connection, batch_finished("b", 1, 0), Alert(AlertKind.OUTCOME, "D", {})
        )
    service.alerting.dispatcher.run_due()
    subjects = sorted(json.loads(body)["data"]["subject"] for _, body in receiver.got)
    assert subjects == ["b", "critical", "critical", "high"]


def test_a_failed_delivery_is_tried_again_later_and_later_until_it_is_dead(
    service: Service, receiver: Any, hooked: Webhook, clock: Any
) -> None:
    """The same id each time, so that the receiver can tell repeats; the time is that of the attempt."""
    receiver.answer = 500
    happen(service.alerting)
    run = service.alerting.dispatcher.run_due
    assert run() == 1
    for attempts, wait in enumerate(WAITS, start=1):
        (delivery,) = service.alerting.webhooks.deliveries(hooked.id)
        assert (delivery.state, delivery.attempts) == (State.PENDING, attempts)
        assert (delivery.last_status, delivery.last_error) == (500, "it answered 500")
        clock.forward(seconds=wait - 1)
        assert run() == 0
        clock.forward(seconds=1)
        assert run() == 1
    (delivery,) = service.alerting.webhooks.deliveries(hooked.id)
    assert (delivery.state, delivery.attempts) == (State.DEAD, len(WAITS) + 1)
    clock.forward(days=2)
    assert run() == 0
    assert len(receiver.got) == len(WAITS) + 1
    assert len(set(receiver.ids)) == 1
    times = [int(headers["webhook-timestamp"]) for headers, _ in receiver.got]
    assert [later - earlier for earlier, later in pairwise(times)] == list(WAITS)
    assert len({headers["webhook-signature"] for headers, _ in receiver.got}) == len(times)


def test_waits_differ_by_chance_and_follow_a_receiver_that_asks_for_more(
    service: Service, receiver: Any, hooked: Webhook, account: Account, clock: Any
) -> None:
    """A fifth more or less; Retry-After counts up to a day."""
    receiver.answer = 503
    waits = []
    for chance, asked in ((0.0, "0"), (1.0, "x"), (0.5, "100"), (0.5, "9999999")):
        service.alerting.dispatcher.chance = lambda chance=chance: chance
        receiver.headers = {"Retry-After": asked}
        happen(service.alerting)
        assert service.alerting.dispatcher.run_due() == 1
        newest = service.alerting.webhooks.deliveries(hooked.id)[0]
        waits.append((newest.next_at - clock()).total_seconds())
        for active in (False, True):  # drop it and begin anew
            service.alerting.webhooks.change(hooked, account, {"active": active})
    assert waits == [4.0, 6.0, 100.0, 86_400.0]


def vanish(handler: Any) -> None:
    handler.connection.close()


def trickle(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        handler.wfile.write(b"X-Slow: 1\r\n")
        time.sleep(0.05)


def babble(handler: Any) -> None:
    handler.wfile.write(b"what?\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "said"),
    [(vanish, "did not speak HTTP|connection broke"), (trickle, "too long"), (babble, "did not speak HTTP")],
)
def test_whatever_a_receiver_does_the_sender_goes_on(
    service: Service, receiver: Any, hooked: Webhook, clock: Any, answer: Any, said: str
) -> None:
    """A dead socket, a receiver that sends byte by byte, one that speaks something else: tried again."""
    service.alerting.dispatcher.sender.seconds = 0.4 if answer is trickle else 10
    receiver.answer = answer
    happen(service.alerting)
    begun = time.monotonic()
    assert service.alerting.dispatcher.run_due() == 1
    assert time.monotonic() - begun < 4  # the slow one would take five
    (delivery,) = service.alerting.webhooks.deliveries(hooked.id)
    assert delivery.state is State.PENDING
    assert delivery.last_status is None
    assert re.search(said, delivery.last_error or "")
    receiver.answer = 200
    service.alerting.dispatcher.sender.seconds = 10
    clock.forward(seconds=WAITS[0])
    assert service.alerting.dispatcher.run_due() == 1
    assert states(service, hooked) == [State.DELIVERED]
    assert service.alerting.webhooks.all()[0].failures == 0


def test_a_receiver_that_is_not_there_is_tried_again(
    service: Service, receiver: Any, hooked: Webhook
) -> None:
    """Nobody listens on the port."""
    receiver.close()
    happen(service.alerting)
    assert service.alerting.dispatcher.run_due() == 1
    (delivery,) = service.alerting.webhooks.deliveries(hooked.id)
    assert (delivery.state, delivery.last_status) == (State.PENDING, None)
    assert (delivery.last_error or "").startswith("no connection")


def test_a_long_answer_is_not_read_to_its_end(service: Service, receiver: Any, hooked: Webhook) -> None:
    """The status counts; a gigabyte behind it is nobody's business."""
    sent = []

    def pour(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1_000):
            handler.wfile.write(b"x" * 1_000_000)
            sent.append(1)

    receiver.answer = pour
    happen(service.alerting)
    begun = time.monotonic()
    service.alerting.dispatcher.run_due()
    assert time.monotonic() - begun < 3
    assert states(service, hooked) == [State.DELIVERED]
    assert len(sent) < 50


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(
    service: Service, receiver: Any, hooked: Webhook, status: int
) -> None:
    """It could lead inside."""
    receiver.answer = status
    receiver.headers = {"Location": receiver.url + "/inside"}
    happen(service.alerting)
    service.alerting.dispatcher.run_due()
    assert len(receiver.got) == 1
    (delivery,) = service.alerting.webhooks.deliveries(hooked.id)
    assert delivery.last_error == f"it answered {status}; redirects are not followed"
    assert delivery.state is State.PENDING


@pytest.mark.parametrize("how", ["change", "remove"])
def test_a_webhook_that_is_switched_off_gets_nothing_more(
    service: Service, receiver: Any, hooked: Webhook, account: Account, how: str
) -> None:
    """Neither what waits nor what happens afterwards; switched on again it begins with the next alert."""
    desk = WebhookDesk(service.alerting)
    happen(service.alerting)
    if how == "remove":
        desk.remove(hooked.id, account)
    else:
        desk.change(hooked.id, account, {"active": False})
    happen(service.alerting)
    assert service.alerting.dispatcher.run_due() == 0
    assert service.alerting.webhooks.deliveries(hooked.id)[0].state is State.DROPPED
    if how == "change":
        desk.change(hooked.id, account, {"active": True})
        happen(service.alerting)
        assert service.alerting.dispatcher.run_due() == 1
    assert len(receiver.got) == (how == "change")
    actions = [entry.action for entry in service.audit.about(hooked.id)]
    assert actions[0] == "webhook.add"
    assert f"webhook.{how}" in actions


def test_a_webhook_that_fails_for_days_is_switched_off_and_an_alert_says_so(
    service: Service, receiver: Any, hooked: Webhook, clock: Any
) -> None:
    """Three days of nothing but failures; one success in between would have begun them anew."""
    receiver.answer = 500
    for _ in range(2):
        happen(service.alerting)
        service.alerting.dispatcher.run_due()
        clock.forward(days=1)
    receiver.answer = 200
    assert service.alerting.dispatcher.run_due() == 2
    receiver.answer = 500
    for day in range(4):
        assert service.alerting.webhooks.all()[0].active, day
        happen(service.alerting)
        assert service.alerting.dispatcher.run_due() >= 1
        clock.forward(days=1)
    found = service.alerting.webhooks.all()[0]
    assert not found.active
    told = service.alerting.alerts.latest(1, [AlertKind.WEBHOOK_OFF])
    assert [(t.alert.subject, t.alert.details["status"]) for t in told] == [(hooked.id, 500)]
    assert [e.action for e in service.audit.about(hooked.id)] == ["webhook.add", "webhook.off"]
    assert set(states(service, hooked)) <= {State.DELIVERED, State.DROPPED, State.DEAD}


def test_a_receiver_that_says_gone_is_switched_off_at_once(
    service: Service, receiver: Any, hooked: Webhook
) -> None:
    """410 means never again."""
    receiver.answer = 410
    happen(service.alerting, 3)
    assert service.alerting.dispatcher.run_due() == 1
    assert not service.alerting.webhooks.all()[0].active
    assert service.alerting.alerts.latest(1)[0].alert.kind is AlertKind.WEBHOOK_OFF


def test_one_that_fails_does_not_hold_up_the_others(
    service: Service,
    receiver: Any,
    make_receiver: Callable[[], Any],
    hooked: Webhook,
    account: Account,
) -> None:
    """After a failure all that waits for the same receiver waits with it."""
    other = make_receiver()
    WebhookDesk(service.alerting).add(other.url, account)
    receiver.answer = 500
    happen(service.alerting, 20)
    assert service.alerting.dispatcher.run_due() == 21
    assert (len(receiver.got), len(other.got)) == (1, 20)


def test_two_dispatchers_send_everything_once(
    store_url: str, tmp_path: Path, by_hand: Models, receiver: Any, make: SimpleNamespace
) -> None:
    """Four workers of two processes' worth take turns through the store, on both kinds of database."""
    both = [Service.open(settings(tmp_path, store_url=store_url), by_hand) for _ in range(2)]
    root = both[0].login.add("root", make.password, Role.ADMIN)
    hook, _ = WebhookDesk(both[0].alerting).add(receiver.url, root)
    happen(both[0].alerting, 40)
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda i: both[i % 2].alerting.dispatcher.run_due(), range(4)))
    assert sum(sent) == 40
    assert sum(count > 0 for count in sent) >= 2
    assert len(receiver.ids) == len(set(receiver.ids)) == 40
    found = both[1].alerting.webhooks.deliveries(hook.id, limit=100)
    assert {(d.state, d.attempts) for d in found} == {(State.DELIVERED, 1)}
    for service in both:
        service.close()


def test_writers_and_senders_never_wait_for_each_other_for_ever(
    postgres_url: str, tmp_path: Path, by_hand: Models, receiver: Any, make: SimpleNamespace
) -> None:
    """Webhooks are switched off (an alert of its own) while others write alerts for them: no deadlock."""
    service = Service.open(settings(tmp_path, store_url=postgres_url), by_hand)
    root = service.login.add("root", make.password, Role.ADMIN)
    desk = WebhookDesk(service.alerting)
    for _ in range(6):
        desk.add(receiver.url, root)
    receiver.answer = 410

    def work(turn: int) -> int:
        if turn % 2:
            return service.alerting.dispatcher.run_due()
        happen(service.alerting, 2)
        return 0

    with ThreadPoolExecutor(6) as pool:
        attempts = sum(pool.map(work, range(40)))
    attempts += service.alerting.dispatcher.run_due()
    assert attempts >= 6
    assert not any(hook.active for hook in service.alerting.webhooks.all())
    off = service.alerting.alerts.latest(100, [AlertKind.WEBHOOK_OFF])
    assert len(off) == 6
    service.close()


def test_what_was_written_before_a_crash_is_sent_after_it(
    service: Service, receiver: Any, hooked: Webhook, clock: Any
) -> None:
    """kill -9 between writing and sending, and again in the middle of sending: nothing is lost."""
    program = """
        import datetime as dt, os, signal, sys
        from portcullis.store.alerts import Alerts, batch_finished
        from portcullis.store.engine import open_engine, writing
        from portcullis.store.webhooks import Webhooks
        engine, at = open_engine(sys.argv[1]), dt.datetime.fromisoformat(sys.argv[2])
        alerts = Alerts(engine, lambda: at)
        with writing(engine) as connection:
            alerts.write(connection, batch_finished("b1", 1, 0), batch_finished("b2", 1, 0))
        assert Webhooks(engine, None, alerts, None, lambda: at).claim() is not None
        os.kill(os.getpid(), signal.SIGKILL)
    """
    script = [sys.executable, "-c", textwrap.dedent(program), service.settings.store_url, clock().isoformat()]
    assert subprocess.run(script, check=False, timeout=60).returncode == -signal.SIGKILL
    assert service.alerting.dispatcher.run_due() == 1  # the other one was in somebody's hand
    clock.forward(seconds=LEASE.total_seconds() - 1)
    assert service.alerting.dispatcher.run_due() == 0
    clock.forward(seconds=1)
    assert service.alerting.dispatcher.run_due() == 1
    assert sorted(json.loads(body)["data"]["subject"] for _, body in receiver.got) == ["b1", "b2"]
    assert states(service, hooked) == [State.DELIVERED] * 2


def test_one_that_was_sent_but_not_written_down_comes_again_with_the_same_id(
    service: Service, receiver: Any, hooked: Webhook, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: a receiver tells repeats by the id. The late writer changes nothing any more."""
    happen(service.alerting)
    webhooks = service.alerting.webhooks
    settle, late = webhooks.settle, []
    monkeypatch.setattr(webhooks, "settle", lambda *values: late.append(values))
    assert service.alerting.dispatcher.run_due() == 1
    monkeypatch.setattr(webhooks, "settle", settle)
    clock.forward(seconds=LEASE.total_seconds())
    receiver.answer = 500
    assert service.alerting.dispatcher.run_due() == 1
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1
    settle(*late[0])
    (delivery,) = webhooks.deliveries(hooked.id)
    assert (delivery.state, delivery.attempts, delivery.last_status) == (State.PENDING, 1, 500)


def test_the_worker_sends_by_itself_and_stops_when_it_is_closed(
    service: Service, receiver: Any, hooked: Webhook
) -> None:
    """In threads of the serving process; an error of the store does not end them."""
    dispatcher = service.alerting.dispatcher
    dispatcher.every = 0.02
    claim, failed = service.alerting.webhooks.claim, []

    def broken() -> Any:
        if len(failed) < 2:
            failed.append(1)
            raise sa.exc.OperationalError("SELECT", {}, Exception("the server closed the connection"))
        return claim()

    service.alerting.webhooks.claim = broken  # type: ignore[method-assign]
    service.alerting.start()
    happen(service.alerting, 5)
    deadline = time.monotonic() + 10
    while len(receiver.got) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    service.alerting.close()
    assert len(receiver.got) == len(set(receiver.ids)) == 5
    assert not [t for t in threading.enumerate() if t.name.startswith("webhooks")]
    happen(service.alerting)
    time.sleep(0.1)
    assert len(receiver.got) == 5


def test_old_deliveries_are_forgotten_and_pending_ones_never(
    service: Service, receiver: Any, hooked: Webhook, clock: Any
) -> None:
    """After thirty days; the alerts themselves stay."""
    happen(service.alerting)
    service.alerting.dispatcher.run_due()
    happen(service.alerting)
    clock.forward(days=29)
    assert service.alerting.webhooks.forget_finished() == 0
    clock.forward(days=2)
    assert service.alerting.webhooks.forget_finished() == 1
    assert states(service, hooked) == [State.PENDING]
    assert service.alerting.alerts.head() == 2


def test_secrets_lie_sealed_in_the_store(
    service: Service, receiver: Any, account: Account, hooked: Webhook
) -> None:
    """A copy of the database signs nothing, and one webhook's secret does not pass for another's."""
    found, secret = WebhookDesk(service.alerting).add(receiver.url, account)
    key = service.alerting.webhooks.key_of(found)
    raw = b"".join(path.read_bytes() for path in service.settings.data.glob("*.sqlite3*"))
    assert key not in raw
    assert secret.removeprefix("whsec_").encode() not in raw
    assert found.secret.encode() in raw
    with pytest.raises(BrokenSeal):
        service.alerting.webhooks.seal.open(found.secret, hooked.id)
    with pytest.raises(BrokenSeal):
        service.alerting.webhooks.seal.open("no seal", found.id)
    service.alerting.webhooks.seal = Seal(b"k" * 32)
    happen(service.alerting)
    service.alerting.dispatcher.run_due()
    assert not receiver.got
    (delivery,) = service.alerting.webhooks.deliveries(found.id)
    assert "secret cannot be read" in (delivery.last_error or "")
