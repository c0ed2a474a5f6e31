"""Chunks under workers that die, stall, race and are stopped, on both databases."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from soak.batch import declarations

from customs.errors import CustomsError
from portcullis.consignment import Consignment
from portcullis.jobs.executor import Inline, Processes, executor_of
from portcullis.jobs.runner import NotNow, Runner
from portcullis.judge import Verdict
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role
from portcullis.store.assessments import assessment
from portcullis.store.audit import check_chain
from portcullis.store.batch_tables import BatchState, ItemState, batch_chunk, batch_item
from portcullis.store.batches import Batch
from portcullis.store.casework import Conflict
from portcullis.store.chunks import ClaimLost, Result

Opening = Callable[..., Service]


@pytest.fixture
def opened(store_url: str, tmp_path: Path, by_hand: Models, clock: Any) -> Iterator[Opening]:
    """Services over one store, each as a process of its own would have it; chunks of ten."""
    made: list[Service] = []
    settings = Settings(data=tmp_path / "data", store_url=store_url, chunk_size=10, lease_seconds=60)

    def opened(now: Any = clock) -> Service:
        made.append(Service.open(settings, by_hand, now=now))
        return made[-1]

    yield opened
    for service in made:
        service.close()


@pytest.fixture
def service(opened: Opening) -> Service:
    """One of them."""
    return opened()


@pytest.fixture
def analyst(service: Service) -> Account:
    """Somebody who may run batches."""
    return service.accounts.add("ana", "-", Role.ANALYST)


def declared(make: Any, count: int) -> bytes:
    """JSON lines of so many declarations."""
    return b"\n".join(make.declaration(id=f"D{i:03}") for i in range(count))


def zip_of(make: Any, count: int) -> bytes:
    """A ZIP of so many cases."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for i in range(count):
            file.writestr(f"Z{i}/declaration.json", make.declaration(id=f"Z{i}"))
            file.writestr(f"Z{i}/scan.png", make.scan())
            file.writestr(f"Z{i}/photo.png", make.photo())
    return out.getvalue()


def runner(service: Service, judge: Any = None, **options: Any) -> Runner:
    """A worker of that service."""
    options = {"slice_seconds": 1.0, "most": 4, **options}
    return Runner("w", service.board.chunks, service.images, judge or service.judge_all, **options)


def assert_whole(service: Service, batch: Batch, assessed: int) -> None:
    """Every item has its own assessment, the counts are right, and the audit log holds each once."""
    found = service.batch(batch.id)
    assert (found.state, found.assessed, found.waiting) == (BatchState.DONE, assessed, 0)
    items = list(service.board.batches.every_item(batch.id))
    ids = [item.assessment for item in items if item.state is ItemState.ASSESSED]
    assert len(ids) == len(set(ids)) == assessed == service.assessments.count()
    with service.accounts.engine.connect() as connection:
        pairs = connection.execute(
            sa.select(batch_item.c.declaration_id, assessment.c.declaration_id).join(
                assessment, assessment.c.id == batch_item.c.assessment_id
            )
        ).all()
    assert all(ours == theirs for ours, theirs in pairs)
    entries = list(service.audit.entries())
    assert not list(check_chain(entries, service.audit.public_key))
    actions = Counter(entry.action for entry in entries)
    assert (actions["assess"], actions["batch.submit"], actions["batch.done"]) == (assessed, 1, 1)


def test_two_workers_at_once_never_do_one_chunk_twice(
    opened: Opening, service: Service, analyst: Account, make: Any
) -> None:
    """Four, each with connections of its own; whoever claims, claims alone."""
    batch = service.board.submit(declared(make, 95), name="n", account=analyst)
    judged: list[str] = []

    def work() -> None:
        own = opened()

        def judge(some: Sequence[Consignment]) -> list[Verdict]:
            judged.extend(one.declaration.id for one in some)
            return own.judge_all(some)

        runner(own, judge).run(until_idle=True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(judged) == [f"D{i:03}" for i in range(95)]
    assert_whole(service, batch, 95)


def test_a_worker_whose_lease_ended_cannot_store(
    opened: Opening, service: Service, analyst: Account, make: Any, clock: Any
) -> None:
    """Neither before nor after another took the chunk over; what the other stored stands."""
    batch = service.board.submit(declared(make, 5), name="n", account=analyst)
    stale = service.board.chunks.claim("stale")
    assert stale is not None
    results = [Result(task, problems=()) for task in stale.tasks]
    clock.forward(seconds=61)
    for act in (
        lambda: service.board.chunks.finish(stale, results),
        lambda: service.board.chunks.renew(stale),
    ):
        with pytest.raises(ClaimLost):
            act()
    other = opened()
    runner(other).run(until_idle=True)
    for late in ("finish", "fail", "release"):
        with pytest.raises(ClaimLost):
            getattr(service.board.chunks, late)(stale, *{"finish": [results], "fail": ["x"]}.get(late, []))
    assert_whole(service, batch, 5)


def test_a_lease_is_renewed_while_its_chunk_runs(
    opened: Opening, service: Service, analyst: Account, make: Any, clock: Any
) -> None:
    """Another worker that looks meanwhile finds nothing, however long the chunk takes."""
    service.board.submit(declared(make, 8), name="n", account=analyst)
    other = opened()
    taken: list[object] = []

    def slow(some: Sequence[Consignment]) -> list[Verdict]:
        clock.forward(seconds=40)
        taken.append(other.board.chunks.claim("other"))
        return service.judge_all(some)

    worker = runner(service, slow, most=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portcullis.jobs.runner.time.monotonic", lambda: clock.time.timestamp())
        assert worker.run_one()
    assert taken == [None] * len(taken)
    assert len(taken) >= 4
    assert service.assessments.count() == 8


def test_nothing_of_a_chunk_is_stored_where_storing_it_fails(
    service: Service, analyst: Account, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Assessments, audit entries, items and the chunk's state are one transaction."""
    batch = service.board.submit(declared(make, 5), name="n", account=analyst)
    before = service.audit.head()

    def broken(*_: object) -> None:
        raise sa.exc.OperationalError("update", {}, Exception("the disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(type(service.board.chunks), "_complete", broken)
        with pytest.raises(sa.exc.OperationalError):
            runner(service).run_one()
    assert service.assessments.count() == 0
    assert service.audit.head() == before
    found = service.batch(batch.id)
    assert (found.state, found.assessed, found.chunks_done) == (BatchState.RUNNING, 0, 0)


def test_a_chunk_that_fails_three_times_is_given_up_and_the_rest_goes_on_until_it_is_resumed(
    service: Service, analyst: Account, make: Any, clock: Any
) -> None:
    """Its items say why; a resumed batch does those and no others."""
    batch = service.board.submit(zip_of(make, 3), name="n", account=analyst)
    good = service.board.submit(declared(make, 3), name="n", account=analyst)
    files = (p for p in service.settings.data.joinpath("images").rglob("*") if p.is_file())
    (upload,) = [p for p in files if p.read_bytes()[:2] == b"PK"]
    hidden = upload.with_suffix(".away")
    upload.rename(hidden)
    worker = runner(service)
    for _ in range(5):
        while worker.run_one():
            pass
        clock.forward(seconds=20)
    failed = service.batch(batch.id)
    assert (failed.state, failed.failed, failed.chunks_failed) == (BatchState.DONE, 3, 1)
    assert service.batch(good.id).assessed == 3
    (item, *_), _ = service.board.batches.items(batch.id, state=ItemState.FAILED)
    assert "tried 3 times" in item.problems[0].problem
    assert service.board.batches.reasons(batch.id)[0][0] == 1
    hidden.rename(upload)
    with pytest.raises(Conflict):
        service.board.resume(good.id, analyst)
    service.board.resume(batch.id, analyst)
    assert service.batch(batch.id).state is BatchState.RUNNING
    runner(service).run(until_idle=True)
    again = service.batch(batch.id)
    assert (again.state, again.assessed, again.failed, again.chunks_done) == (BatchState.DONE, 3, 0, 1)
    assert service.assessments.count() == 6


def test_one_item_that_the_models_cannot_judge_fails_alone(
    service: Service, analyst: Account, make: Any
) -> None:
    """A refusal of the models is the item's, a mistake of ours can be tried again; the rest is assessed."""
    batch = service.board.submit(declared(make, 9), name="n", account=analyst)
    moods: dict[str, Exception] = {"D003": RuntimeError("no"), "D005": CustomsError("odd", field="scan")}

    def judge(some: Sequence[Consignment]) -> list[Verdict]:
        for one in some:
            if one.declaration.id in moods:
                raise moods[one.declaration.id]
        return service.judge_all(some)

    runner(service, judge).run(until_idle=True)
    found = service.batch(batch.id)
    assert (found.assessed, found.refused, found.failed, found.chunks_failed) == (7, 1, 1, 0)
    (refused,), _ = service.board.batches.items(batch.id, state=ItemState.REFUSED)
    assert (refused.declaration_id, refused.problems[0].field, refused.row) == ("D005", "scan", 6)
    moods.clear()
    service.board.resume(batch.id, analyst)
    runner(service).run(until_idle=True)
    last = service.batch(batch.id)
    assert (last.state, last.assessed, last.failed, last.chunks_done) == (BatchState.DONE, 8, 0, 1)


def test_a_batch_that_is_cancelled_stores_nothing_more(service: Service, analyst: Account, make: Any) -> None:
    """Also not the chunk that runs at that moment; what was done before stays."""
    batch = service.board.submit(declared(make, 25), name="n", account=analyst)
    worker = runner(service)
    worker.run_one()

    def cancelling(some: Sequence[Consignment]) -> list[Verdict]:
        if service.batch(batch.id).state is BatchState.RUNNING:
            service.board.cancel(batch.id, analyst)
        return service.judge_all(some)

    runner(service, cancelling).run(until_idle=True)
    found = service.batch(batch.id)
    assert (found.state, found.assessed, found.cancelled, found.waiting) == (BatchState.CANCELLED, 10, 15, 0)
    assert service.assessments.count() == 10
    with pytest.raises(Conflict):
        service.board.cancel(batch.id, analyst)
    with pytest.raises(Conflict):
        service.board.resume(batch.id, analyst)


def test_a_worker_that_is_stopped_gives_its_chunk_back(service: Service, analyst: Account, make: Any) -> None:
    """At once, and without counting as an attempt; models that serve others are waited for."""
    batch = service.board.submit(declared(make, 5), name="n", account=analyst)

    def busy(some: Sequence[Consignment]) -> list[Verdict]:
        threading.Timer(0.1, worker.stop).start()
        raise NotNow

    worker = runner(service, busy)
    assert worker.run() == 1
    with service.accounts.engine.connect() as connection:
        chunk = connection.execute(sa.select(batch_chunk)).one()
    assert (chunk.state, chunk.attempts, chunk.word) == ("waiting", 0, None)
    runner(service).run(until_idle=True)
    assert_whole(service, batch, 5)


def test_the_thread_of_the_server_does_batches_and_ends(
    service: Service, analyst: Account, make: Any
) -> None:
    """A batch is begun as soon as it is handed in."""
    executor = executor_of(service)
    assert isinstance(executor, Inline)
    service.board.start(executor)
    batch = service.board.submit(declared(make, 25), name="n", account=analyst)
    deadline = time.monotonic() + 20
    while service.batch(batch.id).state is not BatchState.DONE and time.monotonic() < deadline:
        time.sleep(0.02)
    service.board.stop(10)
    assert_whole(service, batch, 25)


def test_the_settings_say_who_does_batches(tmp_path: Path, by_hand: Models) -> None:
    """Processes of the server, or nobody here."""
    for name, kind in (("process", Processes), ("none", type(None))):
        service = Service.open(Settings(data=tmp_path, executor=name), by_hand)
        assert isinstance(executor_of(service), kind)
        service.close()
    with pytest.raises(CustomsError, match="inline or process or none"):
        Settings(executor="ray")


def command(settings: Settings, *more: str) -> subprocess.Popen[bytes]:
    """A real `portcullis work`."""
    environment = {
        **os.environ,
        "PORTCULLIS_DATA": str(settings.data),
        "PORTCULLIS_STORE_URL": settings.store_url,
        "PORTCULLIS_MODELS": str(settings.models),
        "PORTCULLIS_LEASE_SECONDS": str(settings.lease_seconds),
    }
    program = [sys.executable, "-c", "from portcullis.cli import main; main()", "work", *more]
    return subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL)


def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def real(tmp_path: Path, quick_models: Path) -> Iterator[Service]:
    """A service whose workers are processes with a real model; its leases end after two seconds."""
    settings = Settings(
        data=tmp_path / "data", models=quick_models / "tabular", chunk_size=5, lease_seconds=2
    )
    service = Service.open(settings, Models({}, {}))
    yield service
    service.close()


def test_a_batch_survives_a_worker_that_is_killed_in_the_middle(real: Service, tiny_world: Path) -> None:
    """kill -9 to one of two while it holds a chunk; the other does that one, too, every item exactly once."""
    analyst = real.accounts.add("ana", "-", Role.ANALYST)
    file = declarations(tiny_world, 250)
    batch = real.board.submit(file, name="n", account=analyst)
    c = batch_chunk.c
    with command(real.settings) as first, command(real.settings, "--until-idle") as second:
        held = sa.select(c.number).where(c.state == "running", c.worker.endswith(f":{first.pid}"))
        until(lambda: real.batch(batch.id).chunks_done >= 2 and _one(real, held) is not None)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        left = _one(real, held)
        assert left is not None
        assert second.wait(120) == 0
    assert_whole(real, batch, 250)
    attempts = _one(real, sa.select(c.attempts).where(c.number == left))
    assert attempts == 2


def _one(service: Service, query: sa.Select[Any]) -> Any:
    with service.accounts.engine.connect() as connection:
        return connection.scalar(query)


def test_a_worker_ends_on_sigterm_and_leaves_nothing_claimed(real: Service, tiny_world: Path) -> None:
    """Exit code 0; its chunk waits for the next."""
    analyst = real.accounts.add("ana", "-", Role.ANALYST)
    file = declarations(tiny_world, 200)
    batch = real.board.submit(file, name="n", account=analyst)
    with command(real.settings) as worker:
        until(lambda: real.batch(batch.id).chunks_done >= 1)
        worker.terminate()
        assert worker.wait(60) == 0
    with real.accounts.engine.connect() as connection:
        states = Counter(connection.scalars(sa.select(batch_chunk.c.state)))
    assert set(states) == {"done", "waiting"}
    assert real.batch(batch.id).assessed == 5 * states["done"] == real.assessments.count()


def test_a_worker_process_of_the_server_that_is_killed_is_started_anew(
    real: Service, tiny_world: Path
) -> None:
    """And all of them end with the executor."""
    analyst = real.accounts.add("ana", "-", Role.ANALYST)
    executor = Processes(replace(real.settings, executor="process"), 1)
    real.board.start(executor)
    (pid,) = executor.pids
    batch = real.board.submit(declarations(tiny_world, 100), name="n", account=analyst)
    until(lambda: real.batch(batch.id).chunks_done >= 1)
    os.kill(pid, signal.SIGKILL)
    until(lambda: real.batch(batch.id).state is BatchState.DONE)
    (successor,) = executor.pids
    assert successor != pid
    real.board.stop()
    assert executor.pids == []
    assert_whole(real, batch, 100)
