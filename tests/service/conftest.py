"""A service with small real parts: a store in a temporary folder, a scorer that is simple arithmetic."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import httpx
import numpy as np
import pytest

from customs.calibrate import Conformal
from customs.case import Case
from customs.evidence import Alternative, Contribution, Evidence, HeatMap, Message
from customs.hs import HsCode
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store import writing
from portcullis.store.accounts import Account, Role
from portcullis.store.accounts import account as account_table

NAME, PASSWORD = "kim", "correct horse battery"
DECLARATION: dict[str, Any] = {
    "id": "D000123",
    "date": "2025-04-30",
    "origin": "VN",
    "importer": "한빛수산 Hanbit Seafood",
    "container": "TEMU1234565",
    "lines": [
        {
            "hsk": "0306171090",
            "name": "냉동 새우 FROZEN SHRIMP",
            "net_kg": 20000,
            "gross_kg": 21500,
            "packages": 2000,
            "value": {"amount": "160000", "currency": "USD"},
        }
    ],
}


class PriceByHand:
    """A complete scorer in a few lines: unit values against a known lognormal, and one mark on a scan."""

    name = "by-hand"
    checks = ("price.unit_value", "xray.packing")

    def __init__(self) -> None:
        clean = np.random.default_rng(0).exponential(size=999)
        self.conformal = Conformal.fit(clean, [("all",)] * len(clean))

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        return [[self._price(case), self._packing(case)] for case in cases]

    def _price(self, case: Case) -> Evidence:
        assert case.line is not None
        observed = float(case.line.value.amount) / max(float(case.line.net_kg), 1.0)
        found = self.conformal(8 * abs(float(np.log(max(observed, 1e-9) / 8.0))), ("all",))
        why = (
            Message(id="price.level", params={"level": 8.0, "expected": 8.4}),
            Message(id="price.counterfactual", params={"nearest": 6.5}),
        )
        parts = (
            Contribution(driver="last_month", month="2025-03", effect=0.031),
            Contribution(driver="season", effect=-0.012),
        )
        return Evidence(
            check="price.unit_value",
            subject=case.subject,
            details=why if found.p_value < 0.05 else (),
            contributions=parts if found.p_value < 0.05 else (),
            p_value=found.p_value,
            surprise=found.surprise,
            observed=observed,
            expected=(6.0, 10.0),
            unit="USD/kg",
            reference=found.reference,
            message=Message(id="band.clear", params={"one_in": 1 / found.p_value}),
        )

    def _packing(self, case: Case) -> Evidence:
        if case.scan is None:
            return Evidence.abstain("xray.packing", case.subject, "band.unknown")
        found = self.conformal(5.0, ("all",))
        values = np.zeros((8, 16), dtype=np.float32)
        values[2:5, 9:12] = 1.0
        return Evidence(
            check="xray.packing",
            subject=case.subject,
            p_value=found.p_value,
            surprise=found.surprise,
            reference=found.reference,
            alternatives=(Alternative(hs=HsCode("4011"), probability=0.7),),
            message=Message(id="band.clear", params={"one_in": 1 / found.p_value}),
            artefact=HeatMap(values=values, box=(0, 0, case.scan.height, case.scan.width)),
        )

    def save(self, folder: Path) -> None:
        raise AssertionError("this scorer is arithmetic and is not kept")

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        raise AssertionError("this scorer is arithmetic and is not kept")


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.time = dt.datetime(2025, 5, 1, 4, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.time

    def forward(self, **parts: float) -> None:
        self.time += dt.timedelta(**parts)


def scan_file(rows: int = 60, columns: int = 200) -> bytes:
    """A 16-bit picture of a box of goods in bright air."""
    from PIL import Image

    pixels = np.full((rows, columns), 60_000, dtype=np.uint16)
    pixels[rows // 4 : -rows // 6, columns // 10 : -columns // 10] = 15_000
    return _file(Image.fromarray(pixels))


def photo_file() -> bytes:
    """A plain product photo."""
    from PIL import Image

    return _file(Image.fromarray(np.full((40, 60, 3), 180, dtype=np.uint8)))


def _file(picture: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def declaration(**changes: Any) -> bytes:
    """The usual declaration; `line` changes its line, everything else the declaration."""
    line = {**DECLARATION["lines"][0], **changes.pop("line", {})}
    return json.dumps({**DECLARATION, "lines": [line], **changes}, ensure_ascii=False).encode()


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Makers of the parts of an upload, and who may send one."""
    return SimpleNamespace(
        declaration=declaration,
        scan=scan_file,
        photo=photo_file,
        name=NAME,
        password=PASSWORD,
        running=running,
        listening=listening,
    )


@pytest.fixture(scope="session")
def by_hand() -> Models:
    """Models of simple arithmetic."""
    return Models({"tabular": PriceByHand()}, {"tabular": "tabular@byhand"})


@pytest.fixture
def clock() -> Clock:
    """The service's clock."""
    return Clock()


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory, by_hand: Models) -> Path:
    """The folder of a store with one account and nothing else, made once."""
    folder = tmp_path_factory.mktemp("fresh") / "data"
    made = Service.open(Settings(data=folder), by_hand)
    # not by `login.add`: the audit log of a test begins with what the test does
    row = {
        "name": NAME,
        "password_hash": made.login.hashed(PASSWORD),
        "role": Role.INSPECTOR.value,
        "created_at": made.accounts.now(),
    }
    with writing(made.accounts.engine) as connection:
        connection.execute(account_table.insert().values(row))
    made.accounts.engine.dispose()
    return folder


@pytest.fixture(scope="session")
def fresh_database(postgres: Any, fresh: Path, by_hand: Models) -> str:
    """The name of a PostgreSQL database with the same account, to be copied."""
    postgres.run("CREATE DATABASE fresh TEMPLATE template0")
    made = Service.open(Settings(data=fresh, store_url=postgres.url("fresh")), by_hand)
    made.login.add(NAME, PASSWORD, Role.INSPECTOR)
    made.close()
    return "fresh"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `both_databases` run over a service on SQLite and on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_databases") and "service" in metafunc.fixturenames:
        metafunc.parametrize("service", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def service(
    request: pytest.FixtureRequest, tmp_path: Path, fresh: Path, by_hand: Models, clock: Clock
) -> Iterator[Service]:
    """A service over a store with one account."""
    shutil.copytree(fresh, tmp_path / "data")
    settings = Settings(data=tmp_path / "data", max_body_mb=4, language="en")
    with ExitStack() as databases:
        if getattr(request, "param", "sqlite") == "postgresql":
            template = request.getfixturevalue("fresh_database")
            url = databases.enter_context(request.getfixturevalue("postgres").database(template))
            settings = replace(settings, store_url=url)
        opened = Service.open(settings, by_hand, now=clock)
        yield opened
        opened.close()


@pytest.fixture
def account(service: Service) -> Account:
    """Somebody who may sign in."""
    found = service.accounts.by_name(NAME)
    assert found is not None
    return found


@contextmanager
def running(service: Service) -> Iterator[str]:
    """A live server over a service; its address."""
    from portcullis.api.app import make_app

    with listening(make_app(service)) as address:
        yield address


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """A live server in a thread; its address."""
    import uvicorn

    from portcullis.server import listen

    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", proxy_headers=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


@pytest.fixture
def address(service: Service, account: Account) -> Iterator[str]:
    """A live server over the service."""
    with running(service) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """A real HTTP client that signs every request by HTTP Basic."""
    with httpx.Client(base_url=address, auth=(NAME, PASSWORD), timeout=30) as made:
        yield made


@pytest.fixture
def command(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line over the service's store; exit code, stdout and stderr."""
    from portcullis.cli import main

    monkeypatch.setenv("PORTCULLIS_DATA", str(service.settings.data))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["portcullis", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def stored(service: Service) -> Callable[[], tuple[int, list[str]]]:
    """What the store holds now: number of assessments, names of images."""
    return lambda: (service.assessments.count(), service.images.names())


class Receiver:
    """A server on loopback that remembers what came (headers, body) and answers as it is told.

    answer: a status, or a function that is given the request's handler.
    """

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer: int | Callable[[Any], None] = 204
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.got.append((headers, self.rfile.read(int(headers.get("content-length", 0)))))
                if callable(outer.answer):
                    outer.answer(self)
                    return
                self.send_response(outer.answer)
                for name, value in {"Content-Length": "0", **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *values: Any) -> None:
                return

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *values: Any) -> None:
                return

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def make_receiver() -> Iterator[Callable[[], Receiver]]:
    """Makes receivers of webhooks, closed at the end of the test."""
    with ExitStack() as made:

        def one() -> Receiver:
            receiver = Receiver()
            made.callback(receiver.close)
            return receiver

        yield one


@pytest.fixture
def receiver(make_receiver: Callable[[], Receiver]) -> Receiver:
    """A receiver of webhooks."""
    return make_receiver()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The installed Chromium, without a window; not for longer: Playwright keeps an event loop running."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield opened
        opened.close()
