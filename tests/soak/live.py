"""A real `portcullis serve` in a process of its own: started, watched, killed, and cleaned away."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from portcullis.identity import Registry, read_secret
from portcullis.identity.secret import signing_key
from portcullis.service import utc_now
from portcullis.settings import PREFIX, Settings
from portcullis.store.accounts import Role
from portcullis.store.audit import Audit
from portcullis.store.engine import open_store

PASSWORD = "a password for soaking only"
START_SECONDS = 120
_ADDRESS = re.compile(r"https?://[^\s/]+")
_MB = 1024 * 1024


@dataclass(frozen=True)
class Use:
    """What a server takes of the machine, its children included: bytes, files, threads."""

    rss: int
    files: int
    threads: int


@dataclass(eq=False)
class Live:
    """A server over the store in `folder`, which also holds its temporary files and its log.

    environment: further settings, `PORTCULLIS_…`; arguments: further words after `portcullis serve`.
    """

    folder: Path
    models: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    address: str = ""
    started: list[float] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None

    @property
    def settings(self) -> Settings:
        """Those the server runs under, as far as they say where things lie."""
        given = {**self.environment, f"{PREFIX}DATA": str(self.folder / "data")}
        return Settings.read(given)

    @property
    def temporary(self) -> Path:
        """Where the server may put temporary files."""
        return self.folder / "tmp"

    def prepare(self, *roles: Role) -> None:
        """Make the store with an account for each role, named like it."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        engine = open_store(self.settings.store_url)
        secret = read_secret(self.settings.data)
        audit = Audit(engine, signing_key(secret), utc_now)
        registry = Registry.open(engine, self.settings, audit, secret, utc_now)
        for role in roles:
            registry.login.add(role.value, PASSWORD, role)
        engine.dispose()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        environment |= {
            f"{PREFIX}REQUESTS_PER_MINUTE": "0",
            **self.environment,
            f"{PREFIX}DATA": str(self.folder / "data"),
            "TMPDIR": str(self.temporary),
        }
        command = [sys.executable, "-c", "from portcullis.cli import main; main()", "serve", "--port", "0"]
        command += ["--models", str(self.models), *self.arguments]
        before = time.monotonic()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                text=True,
                start_new_session=True,
            )
        alarm = threading.Timer(START_SECONDS, self._process.kill)
        alarm.start()
        try:
            assert self._process.stdout is not None
            said = ""
            while not (found := _ADDRESS.search(said)):
                said = self._process.stdout.readline()
                if not said:
                    raise RuntimeError(f"the server did not start:\n{self.log()[-2000:]}")
            self.address = found.group()
        finally:
            alarm.cancel()
        with httpx.Client(base_url=self.address, timeout=10) as client:
            while client.get("/readyz").status_code != 200:
                if time.monotonic() - before > START_SECONDS:
                    raise RuntimeError("the server is not ready")
                time.sleep(0.05)
        self.started.append(time.monotonic() - before)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a power cut would, its workers with it."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end (SIGTERM), and wait; its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how) if how is signal.SIGKILL else process.send_signal(how)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
        self._process = None
        return process.returncode

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """What it wrote to stderr so far."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def client(self, role: Role, timeout: float = 60) -> httpx.Client:
        """A client that signs every request for the account of a role."""
        return httpx.Client(base_url=self.address, auth=(role.value, PASSWORD), timeout=timeout)

    def use(self) -> Use:
        """What the process and its children take now."""
        assert self._process is not None
        rss = files = threads = 0
        whole = psutil.Process(self._process.pid)
        for process in (whole, *whole.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
                rss += process.memory_info().rss
                files += process.num_fds()
                threads += process.num_threads()
        return Use(rss, files, threads)

    def cpu(self) -> float:
        """Seconds of processor time that the process has taken so far."""
        assert self._process is not None
        user, system = psutil.Process(self._process.pid).cpu_times()[:2]
        return float(user + system)

    def leftovers(self) -> list[str]:
        """Temporary files, and half-written ones among the images."""
        images = Path(self.settings.images)
        waiting = [p for p in images.rglob(".*") if p.is_file()] if images.is_dir() else []
        return sorted(str(p) for p in (*self.temporary.rglob("*"), *waiting))


@dataclass
class Watch:
    """The highest memory seen while it watched, bytes."""

    peak: int = 0


@contextmanager
def watching(live: Live, seconds: float = 0.05) -> Iterator[Watch]:
    """Look at the memory of a server and its children, again and again."""
    watch, done = Watch(), threading.Event()

    def look() -> None:
        while not done.wait(seconds):
            with suppress(psutil.NoSuchProcess, AssertionError):
                watch.peak = max(watch.peak, live.use().rss)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()


@contextmanager
def served(live: Live, *roles: Role) -> Iterator[Live]:
    """Prepared and started; ended whatever happens."""
    live.prepare(*roles)
    try:
        live.start()
        yield live
    finally:
        live.kill()


def megabytes(size: int) -> float:
    """Rounded."""
    return round(size / _MB, 1)
