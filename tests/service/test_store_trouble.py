"""A store that stands still, dies, is busy or full: an answer in time, nothing half-written, recovery."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from portcullis.cli import main
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store import open_store, writing
from portcullis.store.accounts import Role
from portcullis.store.assessments import assessment
from portcullis.store.official import imports

URL = "/v1/assessments"
MOUNTED = "needs a small file system of its own: run as root where mount is allowed"


def opened(folder: Path, by_hand: Models, make: SimpleNamespace, **changes: Any) -> Service:
    """A service with one account."""
    service = Service.open(Settings(data=folder, **changes), by_hand)
    service.login.add(make.name, make.password, Role.INSPECTOR)
    return service


@contextmanager
def client_of(service: Service, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """A client of a live server over the service."""
    with (
        make.running(service) as address,
        httpx.Client(base_url=address, auth=(make.name, make.password), timeout=60) as client,
    ):
        yield client


@pytest.fixture
def on_postgres(
    tmp_path: Path, postgres_url: str, by_hand: Models, make: SimpleNamespace
) -> Iterator[Service]:
    service = opened(tmp_path / "data", by_hand, make, store_url=postgres_url)
    yield service
    service.close()


def parts(make: SimpleNamespace, number: int = 1) -> dict[str, Any]:
    return {"declaration": make.declaration(id=f"D{number}"), "scan": ("s.png", make.scan())}


def assert_trouble(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert ("retry-after" in answer.headers) is (status == 503)


def test_a_frozen_server_is_told_in_seconds_and_needs_no_restart(
    postgres: Any, on_postgres: Service, make: SimpleNamespace
) -> None:
    """503 with Retry-After, on the page of a browser, too; afterwards all goes on as if nothing had been."""
    with client_of(on_postgres, make) as client:
        assert client.post(URL, files=parts(make, 1)).status_code == 201
        with postgres.frozen(), ThreadPoolExecutor() as threads:
            began = time.monotonic()
            sent = threads.submit(client.post, URL, files=parts(make, 2))
            login = threads.submit(
                client.post,
                "/login",
                data={"name": make.name, "password": make.password},
                headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin"},
            )
            assert_trouble(client.get("/readyz"), 503)
            assert_trouble(sent.result(), 503)
            assert login.result().status_code == 503
            assert "<h1>503" in login.result().text
            assert time.monotonic() - began < 10
            assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert client.post(URL, files=parts(make, 3)).status_code == 201
    assert on_postgres.assessments.count() == 2


def test_a_killed_server_is_found_again_when_it_is_back(
    postgres: Any, on_postgres: Service, make: SimpleNamespace
) -> None:
    """Every acknowledged assessment is there after kill -9 of the server."""
    with client_of(on_postgres, make) as client:
        made = client.post(URL, files=parts(make, 1)).json()["id"]
        postgres.kill()
        try:
            assert_trouble(client.post(URL, files=parts(make, 2)), 503)
        finally:
            postgres.start()
        assert client.get(f"{URL}/{made}").status_code == 200
        assert client.post(URL, files=parts(make, 2)).status_code == 201
    assert on_postgres.assessments.count() == 2


def test_a_connection_lost_at_the_commit_costs_no_image(
    postgres: Any, on_postgres: Service, make: SimpleNamespace
) -> None:
    """The frozen server stores the row after all: its images must be there, and the same key finds it."""
    engine = on_postgres.assessments.engine
    stand_still = ExitStack()

    def freeze(connection: object) -> None:
        stand_still.enter_context(postgres.frozen())

    with client_of(on_postgres, make) as client:
        assert client.get(f"{URL}/0").status_code == 404
        sa.event.listen(engine, "commit", freeze, once=True)
        headers = {"Idempotency-Key": "once"}
        try:
            assert_trouble(client.post(URL, files=parts(make), headers=headers), 503)
        finally:
            stand_still.close()
        deadline = time.monotonic() + 10
        while on_postgres.assessments.count() == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        again = client.post(URL, files=parts(make), headers=headers)
        assert again.status_code == 201
        assert client.get(again.json()["scan"]["href"]).status_code == 200
    assert on_postgres.assessments.count() == 1


def test_a_slow_statement_is_no_silent_server(postgres: Any, on_postgres: Service) -> None:
    """The server answers others meanwhile, so the statement may take its time, up to its limit."""
    engine = on_postgres.assessments.engine
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 7 FROM pg_sleep(3)")) == 7
        connection.execute(sa.text("SET LOCAL statement_timeout = '200ms'"))
        with pytest.raises(sa.exc.OperationalError, match="statement timeout"):
            connection.execute(sa.text("SELECT pg_sleep(5)"))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_writer_that_does_not_end_makes_others_come_again(
    database: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    by_hand: Models,
    make: SimpleNamespace,
) -> None:
    """A lock is waited for as long as the setting says, and nothing stays of what could not be stored."""
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else ""
    service = opened(tmp_path / "data", by_hand, make, store_url=url, store_wait_seconds=0.5)
    with client_of(service, make) as client, writing(service.assessments.engine) as writer:
        service.audit.write(writer)  # takes the lock of the audit log
        began = time.monotonic()
        assert_trouble(client.post(URL, files=parts(make)), 503)
        assert time.monotonic() - began < 5
    assert (service.assessments.count(), service.images.names()) == (0, [])
    service.close()


def test_a_store_without_a_free_connection_makes_others_come_again(
    tmp_path: Path, by_hand: Models, make: SimpleNamespace
) -> None:
    """The pool is a bounded queue, too."""
    service = opened(tmp_path / "data", by_hand, make, store_connections=1, store_wait_seconds=0.3)
    with client_of(service, make) as client:
        with service.assessments.engine.connect():
            assert_trouble(client.get(f"{URL}/0"), 503)
        assert client.get(f"{URL}/0").status_code == 404
    service.close()


def test_a_full_sqlite_file_is_507_and_stores_nothing(service: Service, make: SimpleNamespace) -> None:
    """SQLite itself says that it is full; with room again all goes on."""
    engine = service.assessments.engine

    def allow_no_page_more(raw: Any, record: object, proxy: object) -> None:
        raw.execute("PRAGMA max_page_count = 1")

    with client_of(service, make) as client:
        sa.event.listen(engine, "checkout", allow_no_page_more)
        answers = [client.post(URL, files=parts(make, i)) for i in range(40)]
        sa.event.remove(engine, "checkout", allow_no_page_more)
        full = [answer for answer in answers if answer.status_code != 201]
        assert full
        for answer in full:
            assert_trouble(answer, 507)
        assert service.assessments.count() == len(answers) - len(full)
        engine.dispose()
        assert client.post(URL, files=parts(make, 99)).status_code == 201


@contextmanager
def small(folder: Path, size: str) -> Iterator[Path]:
    """A real file system of `size` at the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "portcullis-test", folder]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip(MOUNTED)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Write until no more than `leave` bytes are free."""
    room = os.statvfs(folder)
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        for _ in range(max(room.f_bavail * room.f_frsize - leave, 0) // 4096):
            file.write(b"\0" * 4096)
    return ballast


def test_a_full_disk_of_images_is_507_and_leaves_neither_row_nor_file(
    tmp_path: Path, by_hand: Models, make: SimpleNamespace
) -> None:
    """ENOSPC from a real file system, at the first image or half-way through one."""
    with small(tmp_path / "images", "1m") as images:
        service = opened(tmp_path / "data", by_hand, make, images=str(images))
        scan = os.urandom(64) + make.scan()
        assert len(scan) > 200
        with client_of(service, make) as client:
            assert client.post(URL, files=parts(make, 1)).status_code == 201
            before = service.images.names()
            ballast = fill(images)
            photo = {"photo": ("p.png", make.photo())}
            assert_trouble(client.post(URL, files={**parts(make, 2), **photo}), 507)
            assert (service.assessments.count(), service.images.names()) == (1, before)
            assert not list(images.rglob(".*"))
            ballast.unlink()
            assert client.post(URL, files={**parts(make, 2), **photo}).status_code == 201
        service.close()


def test_a_full_disk_of_sqlite_is_507_and_the_store_is_whole_afterwards(
    tmp_path: Path, by_hand: Models, make: SimpleNamespace
) -> None:
    """The write-ahead log finds no room."""
    with small(tmp_path / "disk", "3m") as disk:
        service = opened(tmp_path / "data", by_hand, make, store_url=f"sqlite:///{disk}/store.db")
        with client_of(service, make) as client:
            ballast = fill(disk, leave=40_000)
            answers = [client.post(URL, files=parts(make, i)) for i in range(12)]
            refused = [answer for answer in answers if answer.status_code != 201]
            assert refused
            for answer in refused:
                assert_trouble(answer, 507)
            ballast.unlink()
            assert client.post(URL, files=parts(make, 99)).status_code == 201
        assert service.assessments.count() == len(answers) - len(refused) + 1
        with service.assessments.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        service.close()


def test_a_full_disk_of_postgresql_is_507_and_stores_nothing(
    postgres: Any, tmp_path: Path, by_hand: Models, make: SimpleNamespace
) -> None:
    """A tablespace on a small file system."""
    with small(postgres.folder / "small", "16m") as disk, ExitStack() as cleaning:
        owner = os.stat(postgres.data)
        os.chown(disk, owner.st_uid, owner.st_gid)
        postgres.run(f"CREATE TABLESPACE small LOCATION '{disk}'")
        cleaning.callback(postgres.run, "DROP TABLESPACE small")
        postgres.run("CREATE DATABASE cramped TEMPLATE template0 TABLESPACE small")
        cleaning.callback(postgres.run, "DROP DATABASE cramped WITH (FORCE)")
        service = opened(tmp_path / "data", by_hand, make, store_url=postgres.url("cramped"))
        cleaning.callback(service.close)
        with client_of(service, make) as client:
            ballast = fill(disk)
            answers = [client.post(URL, files=parts(make, i)) for i in range(12)]
            refused = [answer for answer in answers if answer.status_code != 201]
            assert refused
            for answer in refused:
                assert_trouble(answer, 507)
            ballast.unlink()
            assert client.post(URL, files=parts(make, 99)).status_code == 201
        with service.assessments.engine.connect() as connection:
            rows = connection.scalar(sa.select(sa.func.count()).select_from(assessment))
        assert rows == len(answers) - len(refused) + 1


def test_errors_of_the_database_do_not_tell_what_was_in_a_row(service: Service) -> None:
    """They are logged, and logs hold nobody's data."""
    with pytest.raises(sa.exc.IntegrityError) as error, writing(service.accounts.engine) as connection:
        connection.execute(
            sa.text("INSERT INTO account (id, name) VALUES (:id, :name)"), {"id": 1, "name": "비밀 Hong"}
        )
    assert "Hong" not in str(error.value)


def test_a_command_says_in_one_line_that_the_store_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and no traceback; nothing of the file is stored."""
    file = tmp_path / "rulings.csv"
    file.write_text("hsk,name\n" + "".join(f"0303670000,명태 {i} {'살' * 40}\n" for i in range(2000)))
    with small(tmp_path / "disk", "2m") as disk:
        url = f"sqlite:///{disk}/store.db"
        engine = open_store(url)
        fill(disk, leave=100_000)
        monkeypatch.setattr(sys, "argv", ["portcullis", "import", "rulings", str(file), "--store", url])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("portcullis")]
        assert said == ["portcullis: the store is full (database or disk is full)"]
        with engine.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(imports)) == 0
        engine.dispose()
