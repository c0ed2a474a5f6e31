"""What all tests share: the tiny world, the real evaluation data where it is present, a PostgreSQL server."""

from __future__ import annotations

import ctypes
import dataclasses
import fcntl
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

# As the command line does: threads that spin while they wait cost a shared machine more than their work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Long runs of their own; to look for doctests there would import locust, which patches threads and ssl.
collect_ignore = ["soak"]
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def eval_data() -> Path:
    """The folder of real data; tests that need it skip, saying so, where it is absent."""
    folder = Path(os.environ.get("PORTCULLIS_EVAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real evaluation data is not at {folder}; set PORTCULLIS_EVAL_DATA")
    return folder


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first test process which needs it makes, and all others read."""
    room = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        room = room.parent
    folder = room / name
    with (room / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = factory.mktemp(name) / name
            make(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of a few declarations for each item."""
    from customs.world import make_world

    return made_once(tmp_path_factory, "tiny", lambda folder: make_world(folder, seed=7, size="tiny"))


@pytest.fixture(scope="session")
def settled_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny world in which 126 declarations were inspected, a fifth of them frauds of all kinds."""
    from customs.world import SIZES, make

    size = dataclasses.replace(
        SIZES["tiny"],
        past=1,
        always_scanned=0,
        settled=7,
        review=2,
        scan_share=0.05,
        photo_share=0.2,
        fraud_share=0.2,
        kinds=SIZES["queue"].kinds,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "SIZES", {"settled": size})
        return made_once(tmp_path_factory, "settled", lambda f: make.make_world(f, seed=5, size="settled"))


@pytest.fixture(scope="session")
def quick_models(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all three scorers, really trained on the tiny world."""
    from soak.quick import train

    return made_once(tmp_path_factory, "models", lambda folder: train(tiny_world, folder))


class PostgresServer:
    """A PostgreSQL server of its own: a new cluster in a temporary folder, on a free port of 127.0.0.1.

    It syncs to disk as a real one does, asks for a password, and lives in another time zone than UTC, so that
    a time stored without its zone shows.
    """

    user = "portcullis"

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="portcullis-pg-", dir="/tmp"))
        self.password = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._server: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            owner = names.get("postgres") or names["nobody"]
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        word = self.folder / "word"
        word.write_text(self.password)
        word.chmod(0o644)
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(
            [programs / "initdb", "-D", self.data, "-U", self.user, f"--pwfile={word}", *options],
            cwd=self.folder,
            check=True,
            capture_output=True,
            **self._as,
        )

    @property
    def data(self) -> Path:
        """Where the cluster keeps its files."""
        return self.folder / "data"

    @property
    def log(self) -> str:
        """What the server has said."""
        return (self.folder / "log").read_text(errors="replace")

    def url(self, database: str = "postgres") -> str:
        """Where a database is, for the store."""
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it answers; it ends with this process, whatever ends that."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "shared_buffers": "32MB",
            "timezone": "Asia/Seoul",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,
                **self._as,
            )
        ready = [self.programs / "pg_isready", "-q", "-t", "2", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + 60
        while subprocess.run(ready, check=False).returncode != 0:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{self.log}")
            time.sleep(0.05)

    def run(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows that a statement answers with, committed at once."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql)  # type: ignore[call-overload]
            return list(cursor.fetchall()) if cursor.description else []

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a new database, empty or as its template, that is dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server and all its processes stand still (SIGSTOP), and go on afterwards."""
        self._send(signal.SIGSTOP)
        try:
            while any(state != "T" for state in map(_state, self._pids())):
                time.sleep(0.01)
            yield
        finally:
            self.thaw()

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9 to the server and all its processes, as a power cut would; `start` recovers the cluster."""
        self._send(signal.SIGKILL)
        assert self._server is not None
        self._server.wait(10)

    def stop(self) -> None:
        """End the server; its files are removed."""
        if self._server is not None and self._server.poll() is None:
            self.thaw()
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pids(self) -> list[int]:
        # each of its processes leads a session of its own, so there is no group to send a signal to
        assert self._server is not None
        first = self._server.pid
        children = Path(f"/proc/{first}/task/{first}/children")
        return [first, *(map(int, children.read_text().split()) if children.exists() else ())]

    def _send(self, number: int) -> None:
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _state(pid: int) -> str:
    """One letter, as `ps` shows it; a process that has ended counts as stopped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except OSError:
        return "T"


def _end_with_parent() -> None:
    parent_death = 1
    ctypes.CDLL(None).prctl(parent_death, signal.SIGQUIT)


def _postgres_programs() -> Path | None:
    found = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[4]))
    # a wrapper on PATH has no initdb beside it
    for program in [*reversed(debian), *([Path(found).resolve()] if found else [])]:
        if program.with_name("initdb").exists():
            return program.parent
    return None


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A live PostgreSQL server, one for each test process; tests skip where it is not installed."""
    programs = _postgres_programs()
    if programs is None:
        missing = "PostgreSQL is not installed; on Debian: apt-get install postgresql"
        assert os.environ.get("CI", "").lower() not in ("true", "1"), missing
        pytest.skip(missing)
    server = PostgresServer(programs)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database for one test."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The URL of an empty store, once for each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def other_tabular(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tabular model of another seed than that of `quick_models`, really trained."""
    from soak.quick import QUICK

    from portcullis.modules import Module

    def train(folder: Path) -> None:
        Module.TABULAR.room("train").train([tiny_world], folder, overrides=dict(QUICK["tabular"]), seed=2)

    return made_once(tmp_path_factory, "other_tabular", train)
