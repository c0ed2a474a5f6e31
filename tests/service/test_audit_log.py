"""The audit log under many writers and under every way of changing it, on both databases."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from customs.errors import CustomsError
from portcullis.consignment import Upload
from portcullis.identity.secret import public_pem, read_public_pem, signing_key
from portcullis.planning import Wish
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role
from portcullis.store.accounts import account as account_table
from portcullis.store.assessments import assessment
from portcullis.store.audit import (
    Act,
    Audit,
    Entry,
    Head,
    audit,
    chained,
    check_chain,
    entries_of,
    head_of,
)
from portcullis.store.casework import EVENTS, Assigned, Decided, Decision, Found, Noted, Result
from portcullis.store.engine import open_store, snapshot, writing
from portcullis.store.queue import Filter
from portcullis.store.vouching import Tally, check

KEY = signing_key(b"a secret")


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def unlogged(service: Service, name: str, role: Role, password_hash: str = "x") -> Account:
    """An account that is not in the log, so that it begins with what the tests do."""
    row = {
        "name": name,
        "password_hash": password_hash,
        "role": role.value,
        "created_at": service.audit.now(),
    }
    with writing(service.audit.engine) as connection:
        connection.execute(account_table.insert().values(row))
    return service.accounts.named(name)


@pytest.fixture
def engine(store_url: str) -> Iterator[sa.Engine]:
    """An empty store on each kind of database."""
    opened = open_store(store_url)
    yield opened
    opened.dispose()


WRITER = """
import datetime as dt, sys, threading
from portcullis.identity.secret import signing_key
from portcullis.store.audit import Act, Audit
from portcullis.store.engine import open_engine
url, process, threads, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
engine = open_engine(url)
log = Audit(engine, signing_key(b"a secret"), lambda: dt.datetime.now(dt.UTC))
print("ready", flush=True)
sys.stdin.readline()
gate = threading.Barrier(threads)
failed = []
def write(thread):
    gate.wait()
    try:
        for i in range(times):
            log.add(Act(f"{process}.{thread}", "test", str(i), {"i": i}))
    except Exception as error:
        failed.append(repr(error))
running = [threading.Thread(target=write, args=(t,)) for t in range(threads)]
[t.start() for t in running]
[t.join() for t in running]
engine.dispose()
sys.exit("; ".join(failed) or 0)
"""


def test_fifty_writers_at_once_neither_fork_nor_break_the_chain(engine: sa.Engine, store_url: str) -> None:
    """Five processes of ten threads that all begin together; every entry of each is there, in its order."""
    processes, threads, times = 5, 10, 2
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, store_url, str(p), str(threads), str(times)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for p in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * processes, ended
    with engine.connect() as connection:
        entries = list(entries_of(connection))
    assert list(check_chain(entries, KEY.public_key())) == []
    assert [entry.number for entry in entries] == list(range(1, processes * threads * times + 1))
    by_writer: dict[str, list[str]] = {}
    for entry in entries:
        by_writer.setdefault(entry.actor, []).append(entry.subject)
    assert len(by_writer) == processes * threads
    assert set(map(tuple, by_writer.values())) == {tuple(map(str, range(times)))}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    by_hand: Any,
    make: SimpleNamespace,
) -> Iterator[Service]:
    """A service on each kind of database: two cases, one of which was worked on in every way."""
    folder = tmp_path_factory.mktemp("full")
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgres").database())
        opened = Service.open(Settings(data=folder, store_url=url, language="en"), by_hand)
        kim = unlogged(opened, "kim", Role.INSPECTOR)
        first = opened.assess(Upload(make.declaration(), (("s.png", make.scan()),), make.photo()), kim)
        opened.assess(Upload(make.declaration(id="D2")), kim)
        opened.work(first.id, Assigned(assignee=kim), kim)
        opened.work(first.id, Decided(decision=Decision.INSPECT, reason="risk", note="bay 4"), kim)
        opened.work(first.id, Noted(text="새우가 아님"), kim)
        published(opened, kim)
        opened.work(first.id, Found(result=Result.DISCREPANCY, reason="undervaluation"), kim)
        yield opened
        opened.accounts.engine.dispose()


def published(service: Service, who: Account) -> None:
    """The one case that is still open is chosen for inspection."""
    wanted, wish = Filter(), Wish(budget="1", random=0)
    plan = service.planning.plan(wanted, wish)
    service.planning.publish(wanted, wish, who, query="", fingerprint=plan.fingerprint, key="k")


TABLES = ("audit", "assessment", *EVENTS, "selection", "selection_case")


@pytest.fixture
def hand(full: Service) -> Iterator[sa.Connection]:
    """The hand of somebody who has the database itself; what it does is undone after the test."""
    engine = full.accounts.engine
    with writing(engine) as connection:
        for table in TABLES:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            else:
                for verb in ("update", "delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER {table}_no_{verb}")
        yield connection
        connection.rollback()


def test_the_database_refuses_to_change_what_is_only_added_to(full: Service) -> None:
    """Whoever sends the statement, and on PostgreSQL also where it empties the table at once."""
    engine = full.accounts.engine
    statements = ["UPDATE {0} SET {1} = {1}", "DELETE FROM {}"]
    if engine.dialect.name == "postgresql":
        statements.append("TRUNCATE {} CASCADE")
    for table in TABLES:
        column = "arm" if table == "selection_case" else "number"
        for statement in statements:
            with pytest.raises(sa.exc.IntegrityError, match="append-only"), writing(engine) as connection:
                connection.exec_driver_sql(statement.format(table, column))


def faults(
    service: Service, connection: sa.Connection, head: Head | None = None, images: bool = False
) -> list[str]:
    """All faults as this transaction sees them, in sentences."""
    kept = service.images if images else None
    found = check(connection, service.audit.public_key, Tally(), head=head, images=kept)
    return [str(fault) for fault in found]


def test_an_untouched_store_has_no_fault(full: Service) -> None:
    """Every row of every table has its entry, on either database, whatever its time zone."""
    tally = Tally()
    with snapshot(full.accounts.engine) as connection:
        head = head_of(connection)
        found = check(connection, full.audit.public_key, tally, head=head, images=full.images)
        assert list(found) == []
    assert tally.entries == 8
    assert tally.head == head
    done = {"assessment": 2, "decision": 2, "outcome": 1, "note": 1, "assignment": 1, "selection": 1}
    assert {kind: count for kind, count in tally.rows.items() if count} == done
    assert tally.images == 3


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET actor = 'lee' WHERE number = 3", "entry 3: its contents were changed"),
        ("UPDATE audit SET details = '[' WHERE number = 4", "entry 4: it does not say which decision"),
        ("DELETE FROM audit WHERE number = 3", "entry 4: entries 3 to 3 are missing"),
        ("DELETE FROM audit WHERE number = 1", "entry 2: entries 1 to 1 are missing"),
        ("UPDATE audit SET signature = '00' WHERE number = 2", "its signature is not of this installation"),
        ("DELETE FROM audit WHERE number > 4", "no entry vouches for it"),
        ("UPDATE note SET text = 'shrimp'", "is not what it vouches for"),
        ("UPDATE assessment SET created_at = '2020-01-01 00:00:00.000000'", "is not what it vouches for"),
        ("UPDATE decision SET decision = 'release'", "is not what it vouches for"),
        ("UPDATE assessment SET photo = scan", "is not what it vouches for"),
        ("UPDATE assessment SET report = '{'", "is not what it vouches for"),
        ("DELETE FROM outcome", "that it is about is missing"),
        ("UPDATE selection SET plan = '{}'", "is not what it vouches for"),
        ("UPDATE selection_case SET arm = 'random'", "is not what it vouches for"),
        ("DELETE FROM selection_case", "is not what it vouches for"),
        (
            "INSERT INTO selection_case SELECT s.id, a.id, 7, 'risk' FROM selection s, assessment a "
            "WHERE a.id NOT IN (SELECT assessment_id FROM selection_case)",
            "is not what it vouches for",
        ),
        (
            "INSERT INTO note (id, assessment_id, account_id, at, sequence, text) "
            "SELECT 'feed', assessment_id, account_id, at, 9, 'made up' FROM note",
            "note feed: no entry vouches for it",
        ),
    ],
)
def test_a_change_by_hand_is_found_and_said(
    full: Service, hand: sa.Connection, statement: str, said: str
) -> None:
    """Edits, deletions, additions, in the log and in the rows behind it."""
    if "'{'" in statement and hand.dialect.name == "postgresql":
        statement = statement.replace("'{'", "'[]'")  # PostgreSQL takes no text that is not JSON
    hand.exec_driver_sql(statement)
    assert [fault for fault in faults(full, hand) if said in fault]


def test_entries_that_change_places_are_found(full: Service, hand: sa.Connection) -> None:
    """Each still has its own contents; only the order is another."""
    for old, new in ((2, 999), (3, 2), (999, 3)):
        hand.exec_driver_sql(f"UPDATE audit SET number = {new} WHERE number = {old}")
    assert any("does not follow" in fault for fault in faults(full, hand))


def test_a_tail_that_was_cut_with_all_its_rows_is_found_by_the_head_that_was_written_down(
    full: Service, hand: sa.Connection
) -> None:
    """Nothing inside the database can tell; a number and a hash on paper can."""
    head = head_of(hand)
    hand.exec_driver_sql("DELETE FROM outcome")
    hand.exec_driver_sql("DELETE FROM audit WHERE number = 8")
    assert faults(full, hand) == []
    assert any("ends before it" in fault for fault in faults(full, hand, head))


def test_a_tail_that_was_written_anew_is_found_by_the_head_that_was_written_down(
    full: Service, hand: sa.Connection
) -> None:
    """Even by the installation itself, which has the key."""
    head = head_of(hand)
    hand.exec_driver_sql("DELETE FROM outcome")
    hand.exec_driver_sql("DELETE FROM audit WHERE number = 8")
    full.audit.write(hand, Act("kim", "login", "kim", {}))
    assert faults(full, hand) == []
    assert any("not the one that was written down" in fault for fault in faults(full, hand, head))


def test_a_chain_computed_anew_without_the_key_is_found(full: Service, hand: sa.Connection) -> None:
    """All hashes fit again; the signatures cannot."""
    entries = list(entries_of(hand))
    previous, rows = entries[2].previous, []
    for entry in entries[2:]:
        changed = Entry(**{**vars(entry), "details": json.dumps({"i": "x"}), "previous": previous})
        previous = chained(previous, changed.body)
        rows.append({**vars(changed), "hash": previous})
    hand.exec_driver_sql("DELETE FROM audit WHERE number > 2")
    hand.execute(audit.insert(), rows)
    found = faults(full, hand)
    assert not any("contents" in fault or "follow" in fault for fault in found)
    assert sum("signature" in fault for fault in found) == len(rows)


def test_two_entries_for_one_row_are_found(full: Service, hand: sa.Connection) -> None:
    """A second entry cannot make a changed row look vouched for."""
    first, *_ = entries_of(hand)
    full.audit.write(hand, Act("kim", "assess", first.subject, first.values))
    assert any("2 entries vouch for it" in fault for fault in faults(full, hand))


def test_an_image_that_was_changed_or_is_gone_is_found(full: Service, hand: sa.Connection) -> None:
    """Only when the files are asked for: reading them takes its time."""
    first, second, _ = sorted(Path(full.settings.images).glob("*/*"))
    whole = [first.read_bytes(), second.read_bytes()]
    first.write_bytes(b"another")
    second.unlink()
    try:
        assert faults(full, hand) == []
        changed, missing = sorted(faults(full, hand, images=True), key=lambda fault: "missing" in fault)
    finally:
        first.write_bytes(whole[0])
        second.write_bytes(whole[1])
    assert first.name in changed
    assert "changed" in changed
    assert second.name in missing


def test_the_command_says_each_fault_in_a_line_and_ends_with_one(
    service: Service,
    account: Account,
    make: SimpleNamespace,
    command: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
) -> None:
    """0 where all is well, 1 where something was changed, 2 where the question is wrong."""
    service.assess(Upload(make.declaration()), account)
    code, head, _ = command("audit", "head")
    assert code == 0
    code, said, _ = command("audit", "verify", "--head", head.strip(), "--images")
    assert (code, said.splitlines()[-1]) == (0, f"head {head.strip()}")
    assert command("audit", "verify", "--head", "1:xyz")[0] == 2
    code, pem, told = command("audit", "key")
    assert read_public_pem(pem.encode()) == service.audit.public_key
    assert "fingerprint" in told
    (tmp_path / "other.pem").write_text(public_pem(KEY.public_key()))
    code, said, _ = command("audit", "verify", "--key", str(tmp_path / "other.pem"))
    assert code == 1
    assert "entry 1: its signature is not of this installation" in said.splitlines()
    code, said, _ = command("audit", "verify", "--json")
    assert json.loads(said)["faults"] == []
    with writing(service.accounts.engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER assessment_no_update")
        connection.exec_driver_sql("UPDATE assessment SET photo = 'x'")
    code, said, _ = command("audit", "verify", "--json")
    assert code == 1
    assert json.loads(said)["faults"][0]["number"] == 1
    assert command("audit", "export", "--out", str(tmp_path / "log.jsonl"))[0] == 0
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["action"] == "assess"


def test_without_a_secret_or_a_key_the_command_says_what_it_needs_and_makes_none(
    command: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key made on the spot would find every signature wrong."""
    monkeypatch.setenv("PORTCULLIS_DATA", str(tmp_path / "nowhere"))
    code, _, told = command("audit", "key")
    assert code == 2
    assert "secret" in told
    assert not (tmp_path / "nowhere").exists()


def test_the_log_is_read_in_pages_by_those_who_may(
    service: Service, address: str, make: SimpleNamespace
) -> None:
    """An inspector may not; pages join without gap or overlap."""
    for i in range(5):
        service.audit.add(Act("kim", "login" if i % 2 else "logout", f"s{i}", {"i": i}))
    unlogged(service, "lee", Role.ANALYST, service.login.hashed(make.password))
    for name in (make.name, "lee"):  # a password that is remembered is no entry
        service.login.check(name, make.password)
    assert httpx.get(f"{address}/v1/audit", auth=(make.name, make.password)).status_code == 403
    with httpx.Client(base_url=address, auth=("lee", make.password)) as client:
        seen, after = [], 0
        while after is not None:
            answer = client.get("/v1/audit", params={"after": after, "limit": 2}).json()
            seen += answer["entries"]
            after = answer["next"]
        assert [entry["details"] for entry in seen] == [{"i": i} for i in range(5)]
        head = client.get("/v1/audit/head").json()
        assert (head["number"], head["hash"]) == (5, seen[-1]["hash"])
        assert read_public_pem(head["public_key"].encode()) == service.audit.public_key
        assert len(client.get("/v1/audit", params={"action": "login"}).json()["entries"]) == 2
        assert len(client.get("/v1/audit", params={"subject": "s3"}).json()["entries"]) == 1
        assert client.get("/v1/audit", params={"after": 2**64}).status_code == 422
        assert client.get("/v1/audit", params={"subject": "a\0b"}).status_code == 422


def test_a_snapshot_does_not_see_what_is_written_meanwhile(engine: sa.Engine) -> None:
    """Or a long check would find rows without entries on a busy server."""
    log = Audit(engine, KEY, now)
    log.add(Act("a", "b", "c", {}))
    with snapshot(engine) as connection:
        log.add(Act("a", "b", "d", {}))
        assert [entry.subject for entry in entries_of(connection)] == ["c"]
    assert log.head() is not None


def test_what_is_no_public_key_is_refused_with_a_remedy() -> None:
    """Text, and keys of another kind."""
    for text in (b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(CustomsError, match="no public key"):
            read_public_pem(text)


def test_times_come_back_in_utc_from_a_server_in_another_time_zone(full: Service) -> None:
    """The digest is over UTC."""
    with full.accounts.engine.connect() as connection:
        at = connection.scalar(sa.select(assessment.c.created_at).limit(1))
    assert at is not None
    assert abs((at.replace(tzinfo=dt.UTC) - now()).total_seconds()) < 600
