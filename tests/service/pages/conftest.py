"""A real browser for the pages: Debian's Chromium, driven through Playwright, signed in as any role."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from customs.config import make_config
from customs.hs import HsCode
from customs.world import World
from hs_classifier.data import Corpus, Sample
from hs_classifier.model import HsConfig
from hs_classifier.scorer import HsScorer
from hs_classifier.text import Goods
from hs_classifier.train import fit
from portcullis.broking.asked import Asked
from portcullis.broking.dossier_desk import Judged
from portcullis.demo.clock import Clock
from portcullis.demo.diary import SEOUL, Diary
from portcullis.demo.history import History
from portcullis.demo.office import Office
from portcullis.demo.official import import_official
from portcullis.demo.truth import Truth
from portcullis.identity.session import COOKIE
from portcullis.models import Models
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Role

ASSETS = Path(__file__).parents[3] / "platform" / "portcullis" / "web" / "assets"
OFFICE = {"width": 1366, "height": 768}
# What axe may not find; "minor" and "moderate" are looked at by people.
GRAVE = ("serious", "critical")


@pytest.fixture
def people(service: Service) -> dict[Role, Account]:
    """An account for each role of the test's service; nobody knows their passwords."""
    return {role: service.accounts.add(f"an-{role.value}", "no hash", role) for role in Role}


GOODS = {
    "0303670000": ("frozen alaska pollock", "냉동 명태"),
    "0303541000": ("frozen pacific salmon", "냉동 연어"),
    "0306171090": ("frozen shrimp peeled", "냉동 새우살"),
    "0901110000": ("green coffee beans", "커피 생두"),
    "0901210000": ("roasted coffee beans", "볶은 커피 원두"),
    "4011100000": ("new rubber tyres for passenger cars", "승용차용 고무 타이어"),
    "4011201090": ("new rubber tyres for trucks", "화물차용 고무 타이어"),
    "8471300000": ("portable laptop computer", "휴대용 노트북 컴퓨터"),
}
SMALL = {
    **{"embedding_dim": 16, "buckets": 500, "embedding_epochs": 1, "hidden": 16, "epochs": 4},
    **{"learning_rate": 0.01, "holdout": 0.3, "use_blstm": False, "use_glossary": False, "rounds": 30},
}


@pytest.fixture(scope="session")
def small_hs() -> HsScorer:
    """Trained once for all tests."""
    rng = random.Random(3)
    codes = list(GOODS)
    samples = []
    for i in range(400):
        code = codes[i % len(codes)]
        name = GOODS[code][i // len(codes) % 2]
        brand = f"{rng.choice(['star', 'ocean', 'delta', '한빛'])} lot {rng.randrange(1000)}"
        samples.append(Sample(Goods(f"{name} {brand}; {rng.choice(['box', 'bulk'])}"), HsCode(code)))
    return fit(Corpus(tuple(samples), {}), make_config(HsConfig, SMALL), seed=5)[0]


Opening = Callable[..., Any]


@pytest.fixture
def open_as(
    chromium: Any, address: str, service: Service, people: dict[Role, Account], request: pytest.FixtureRequest
) -> Iterator[Opening]:
    """Opens a page as a role: `open_as(Role.BROKER, "/codes", language="ko", size=…)`.

    The test fails on anything that the console reports and on any request to another machine. Answers that
    refuse (4xx) are reported by Chromium too: name those that the test means in `refused`. With
    SCREENSHOTS_DIR a picture of every page is kept in that folder at the end of the test.
    """
    complaints: list[str] = []
    with ExitStack() as opened:

        def open_page(
            role: Role,
            path: str,
            *,
            language: str = "ko",
            size: dict[str, int] = OFFICE,
            refused: tuple[int, ...] = (),
            **options: Any,
        ) -> Any:
            view = chromium.new_context(viewport=size, locale=f"{language}-KR", **options)
            opened.callback(view.close)
            token = service.sessions.issue(people[role])
            view.add_cookies(
                [
                    {"name": COOKIE, "value": token, "url": address},
                    {"name": "portcullis_language", "value": language, "url": address},
                ]
            )
            page = view.new_page()
            meant = tuple(f"status of {status}" for status in refused)

            def said(message: Any) -> None:
                if message.type in ("error", "warning") and not any(m in message.text for m in meant):
                    complaints.append(f"{page.url}: {message.text}")

            page.on("console", said)
            page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
            page.on(
                "request",
                lambda sent: None if sent.url.startswith((address, "blob:")) else complaints.append(sent.url),
            )
            page.goto(address + path)
            page.wait_for_selector("html[data-ready]", timeout=10_000)
            return page

        yield open_page
        folder = os.environ.get("SCREENSHOTS_DIR")
        if folder:
            pages = [page for context in chromium.contexts for page in context.pages]
            for i, page in enumerate(pages):
                name = f"{request.node.name}-{i}".replace("/", "_").replace("[", "-").replace("]", "")
                page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
    assert complaints == []


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], None]:
    """Asserts that axe finds nothing grave on a page as it stands now (WCAG 2.2 AA and good practice)."""
    source = (ASSETS / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

    def check(page: Any) -> None:
        page.evaluate(source)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = page.evaluate("tags => axe.run({runOnly: tags})", tags)
        grave = [
            f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']][:4]}"
            for v in found["violations"]
            if v["impact"] in GRAVE
        ]
        assert grave == [], page.url

    return check


@pytest.fixture(scope="session")
def office_folder(tmp_path_factory: pytest.TempPathFactory, tiny_world: Path, by_hand: Models) -> Path:
    """The data of an office that has worked for months on a tiny world, made once and only copied.

    An account for each role, named like it, whose password is `make.password`; imported tables; a batch.
    """
    folder = tmp_path_factory.mktemp("office") / "data"
    world, clock = World.open(tiny_world), Clock(dt.datetime(2024, 4, 2, tzinfo=dt.UTC))
    service = Service.open(Settings(data=folder, language="en"), by_hand, now=clock)
    hashed = service.login.hashed("correct horse battery")
    accounts = {role: service.accounts.add(role.value, hashed, role) for role in Role}
    import_official(service, world.folder)
    cases = list(world.cases("review"))
    end = dt.datetime.combine(cases[-1][0].date, dt.time(20), SEOUL).astimezone(dt.UTC)
    History(service, Diary(Office.of(service), Truth.read(world.folder), 5), clock, end).write(cases)
    file = "\n".join(declaration.to_json() for declaration, _, _ in cases[:3]).encode()
    service.board.submit(file, name="night.jsonl", account=accounts[Role.ANALYST])
    service.close()
    return folder


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory,
    office_folder: Path,
    by_hand: Models,
    small_hs: HsScorer,
    make: SimpleNamespace,
) -> Iterator[SimpleNamespace]:
    """A live service over a copy of the office's data: `service`, `address`, `cookie(role)`.

    Its broker has handed in a list of goods and written a dossier, its admin has set a webhook: `list_id`,
    `dossier_id`, `webhook_id`.
    """
    folder = tmp_path_factory.mktemp("open") / "data"
    shutil.copytree(office_folder, folder)
    models = Models({**by_hand.scorers, "hs": small_hs}, {**by_hand.versions, "hs": "hs@small"})
    service = Service.open(Settings(data=folder, language="en"), models)
    broker = service.accounts.named(Role.BROKER.value)
    handed_in = service.broking.lists.add(
        "품명\n냉동 새우살\n".encode(), broker, name="goods.csv", language="ko"
    )
    # to a port where nobody listens: only its pages are looked at
    admin = service.accounts.named(Role.ADMIN.value)
    webhook, _ = service.alerting.webhooks.add("http://127.0.0.1:9/hook", admin)
    written = service.broking.dossiers.write(
        Asked("냉동 새우살"),
        Judged(HsCode("0306171090"), "peeled"),
        [Judged(HsCode("0303670000"), "no fish")],
        broker,
        day=dt.date(2024, 6, 1),
        language="ko",
    )

    def cookie(role: Role | None) -> str:
        return "" if role is None else service.sessions.issue(service.accounts.named(role.value))

    with make.running(service) as address:
        yield SimpleNamespace(
            service=service,
            address=address,
            cookie=cookie,
            list_id=handed_in.id,
            dossier_id=written.id,
            webhook_id=webhook.id,
        )
    service.close()
