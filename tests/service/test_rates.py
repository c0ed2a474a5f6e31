"""Limits on trying, shared by all workers: the counters, who is counted as what, and the answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from portcullis.identity import LoginRefused, TooManyFailures
from portcullis.identity.permissions import PERMISSIONS
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store import open_store, writing
from portcullis.store.accounts import Role
from portcullis.store.rates import Counters, open_rates, rate_count, rate_hit


@pytest.fixture
def counters(store_url: str, clock: Any) -> Iterator[Counters]:
    """The counters of an empty store, on both databases."""
    store = open_store(store_url)
    yield Counters(open_rates(store), clock)
    store.dispose()


@pytest.fixture
def second(service: Service, by_hand: Models, clock: Any) -> Iterator[Service]:
    """Another worker over the same store."""
    opened = Service.open(service.settings, by_hand, now=clock)
    yield opened
    opened.close()


def test_a_fixed_window_counts_from_its_first_event_to_its_end(counters: Counters, clock: Any) -> None:
    """Then it begins anew."""
    assert [counters.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    assert counters.incr("b", 60, amount=5) == 5
    ends = counters.get_expiry("a")
    assert ends == clock().timestamp() + 60
    clock.forward(seconds=59)
    assert counters.incr("a", 60) == 4
    assert counters.get_expiry("a") == ends
    clock.forward(seconds=1)
    assert counters.get("a") == 0
    assert counters.incr("a", 60) == 1


def test_a_moving_window_holds_the_events_of_the_last_seconds(counters: Counters, clock: Any) -> None:
    """Each event leaves by itself, and a refused one does not count."""
    first = clock().timestamp()
    assert counters.acquire_entry("a", 2, 60)
    clock.forward(seconds=30)
    assert counters.acquire_entry("a", 2, 60)
    assert not counters.acquire_entry("a", 2, 60)
    assert counters.get_moving_window("a", 2, 60) == (first, 2)
    clock.forward(seconds=30)
    assert counters.acquire_entry("a", 2, 60)
    assert not counters.acquire_entry("a", 2, 60, amount=2)
    counters.clear("a")
    assert counters.get_moving_window("a", 2, 60)[1] == 0


def test_many_at_once_get_exactly_as_much_as_there_is(counters: Counters) -> None:
    """Neither window lets one more through because two came together."""
    with ThreadPoolExecutor(8) as threads:
        entries = list(threads.map(lambda _: counters.acquire_entry("a", 5, 60), range(40)))
        sums = list(threads.map(lambda _: counters.incr("b", 60), range(40)))
    assert sum(entries) == 5
    assert sorted(sums) == list(range(1, 41))


def test_what_has_expired_is_removed_now_and_then(counters: Counters, clock: Any) -> None:
    """Names that were tried once do not stay for ever."""
    counters.incr("a", 60)
    counters.acquire_entry("b", 1, 60)
    clock.forward(seconds=61)
    counters._writes = 1_000
    counters.incr("c", 60)
    with counters.engine.connect() as connection:
        assert connection.scalars(sa.select(rate_count.c.key)).all() == ["c"]
        assert connection.scalars(sa.select(rate_hit.c.key)).all() == []


def test_the_counters_are_not_synced_and_do_not_wait_for_the_store(service: Service) -> None:
    """A writer that holds the store's lock stops no counter: they are in another file."""
    engine = service.registry.rates.counters.engine
    file = Path(str(engine.url.database))
    assert file.name == "rates.sqlite3"
    assert file.parent == service.settings.data
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 0
    with writing(service.accounts.engine):
        assert service.registry.rates.counters.incr("a", 60) == 1


def test_on_postgresql_the_counters_are_unlogged_tables(postgres_url: str) -> None:
    """They cost no write-ahead log."""
    engine = open_store(postgres_url)
    kinds = (
        "SELECT relname, relpersistence FROM pg_class WHERE relname IN ('rate_count', 'rate_hit', 'audit')"
    )
    with engine.connect() as connection:
        found = {row.relname: row.relpersistence for row in connection.exec_driver_sql(kinds)}
    engine.dispose()
    assert found == {"rate_count": "u", "rate_hit": "u", "audit": "p"}


def test_two_workers_count_the_same_wrong_passwords(
    service: Service, second: Service, make: SimpleNamespace
) -> None:
    """Three here and two there are five."""
    for worker in (service, second, service, second, service):
        with pytest.raises(LoginRefused, match="wrong"):
            worker.login.check(make.name, "wrong password")
    for worker in (service, second):
        with pytest.raises(TooManyFailures):
            worker.login.check(make.name, make.password)


def test_a_burst_of_wrong_passwords_gets_no_more_tries_than_one_after_another(
    service: Service, second: Service, make: SimpleNamespace
) -> None:
    """An attempt is counted before its password is looked at."""
    outcomes: list[type] = []

    def attempt(worker: Service) -> None:
        try:
            worker.login.check(make.name, "wrong password")
        except LoginRefused as error:
            outcomes.append(type(error))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attempt, [service, second] * 8))
    assert outcomes.count(LoginRefused) == 5
    assert outcomes.count(TooManyFailures) == 11


def test_many_right_passwords_at_once_are_all_let_in(service: Service, make: SimpleNamespace) -> None:
    """A client that opens many connections with HTTP Basic locks nobody, and pays argon2 once."""
    looked = []
    fits = service.login._fits

    def counted(password: str, found: Any) -> bool:
        looked.append(found)
        return fits(password, found)

    service.login._fits = counted  # type: ignore[method-assign]
    begin = threading.Barrier(12)

    def enter(_: int) -> str:
        begin.wait()
        return service.login.check(make.name, make.password).name

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(enter, range(12))) == {make.name}
    assert len(looked) == 1


def test_an_address_that_tries_many_names_waits(service: Service, make: SimpleNamespace, clock: Any) -> None:
    """Other addresses do not, and right passwords from it did not count."""
    rates = service.registry.rates
    for i in range(60):
        rates.begin_login(f"name-{i}", "192.0.2.1")
        rates.right(f"name-{i}")
    for i in range(50):
        rates.begin_login(f"name-{i}", "192.0.2.1")
        rates.wrong("192.0.2.1")
    with pytest.raises(TooManyFailures) as waiting:
        service.login.check(make.name, make.password, "192.0.2.1")
    assert 0 < waiting.value.seconds <= 900
    assert service.login.check(make.name, make.password, "192.0.2.2")
    clock.forward(minutes=16)
    service.login._remembered.clear()
    assert service.login.check(make.name, make.password, "192.0.2.1")


def test_an_ipv6_subscriber_is_one_address(service: Service) -> None:
    """Whoever has a /64 has more addresses than could be counted; IPv4 in IPv6 is IPv4."""
    rates = service.registry.rates
    for i in range(50):
        rates.wrong(f"2001:db8::{i:x}")
        rates.wrong("::ffff:192.0.2.9")
    for address in ("2001:db8::ffff", "192.0.2.9"):
        with pytest.raises(TooManyFailures):
            rates.begin_login("kim", address)
    assert rates.begin_login("kim", "2001:db8:0:1::1") == 4


@pytest.fixture
def strict(service: Service, by_hand: Models, clock: Any) -> Iterator[Service]:
    """The service with a limit of three requests a minute, behind a proxy on this machine."""
    settings = replace(service.settings, requests_per_minute=3, trusted_proxies="127.0.0.1, 10.0.0.0/8")
    opened = Service.open(settings, by_hand, now=clock)
    yield opened
    opened.close()


def test_an_account_that_asks_too_often_is_told_when_to_come_again(
    strict: Service, make: SimpleNamespace, clock: Any
) -> None:
    """429 with Retry-After, for this account only, however it signs; a minute later it goes on."""
    lee = strict.login.add("lee", make.password, Role.INSPECTOR)
    _, key = strict.registry.keys.add(lee, "tests", PERMISSIONS[lee.role], 1, by="lee")
    bearer = {"Authorization": f"Bearer {key}"}
    with make.running(strict) as address, httpx.Client(base_url=address, timeout=30) as client:
        kim = (make.name, make.password)
        asked = [client.get("/v1/account", auth=kim).status_code for _ in range(4)]
        assert asked == [200, 200, 200, 429]
        answer = client.get("/v1/account", auth=kim)
        assert answer.headers["content-type"] == "application/problem+json"
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert answer.json()["title"] == "Too Many Requests"
        assert [client.get("/v1/account", headers=bearer).status_code for _ in range(4)] == [200] * 3 + [429]
        clock.forward(seconds=60)
        assert client.get("/v1/account", auth=kim).status_code == 200


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        (None, "127.0.0.1"),
        ("203.0.113.5", "203.0.113.5"),
        ("198.51.100.1, 203.0.113.5", "203.0.113.5"),
        ("203.0.113.5, 10.1.2.3", "203.0.113.5"),
        ("nonsense", "nonsense"),
    ],
)
def test_only_trusted_proxies_say_whose_address_it_is(
    strict: Service, make: SimpleNamespace, forwarded: str | None, counted: str
) -> None:
    """What a client wrote itself, further left, is not believed."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    with make.running(strict) as address:
        assert (
            httpx.get(address + "/v1/account", auth=("nobody", "x" * 12), headers=headers).status_code == 401
        )
    for _ in range(49):
        strict.registry.rates.wrong(counted)
    with pytest.raises(TooManyFailures):
        strict.registry.rates.begin_login("somebody", counted)


def test_without_trusted_proxies_the_header_is_ignored(
    service: Service, address: str, make: SimpleNamespace
) -> None:
    """Else anybody could have a new address for each attempt."""
    with httpx.Client(base_url=address) as client:
        for i in range(2):
            said = {"X-Forwarded-For": f"192.0.2.{i}"}
            assert client.get("/v1/account", auth=(f"n{i}", "wrong one"), headers=said).status_code == 401
        for _ in range(48):
            service.registry.rates.wrong("127.0.0.1")
        answer = client.get("/v1/account", auth=(make.name, make.password))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= 900


def test_no_limit_means_none(service: Service, by_hand: Models, tmp_path: Path, clock: Any) -> None:
    """0 turns the limit on requests off."""
    opened = Service.open(Settings(data=tmp_path / "other", requests_per_minute=0), by_hand, now=clock)
    for _ in range(50):
        opened.registry.rates.request(1)
    with opened.registry.rates.counters.engine.connect() as connection:
        assert connection.execute(sa.select(rate_count)).all() == []
    opened.close()
