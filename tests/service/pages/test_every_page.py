"""Every page that the application has, as each role that may see it, looked at in a real browser.

Pages are found by themselves: a new route is looked at without a word here, unless it has a parameter of a
name that `FILLED` does not know.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute, iter_route_contexts

from portcullis.api.app import make_app
from portcullis.identity.session import COOKIE
from portcullis.store.accounts import Role
from portcullis.store.batch_tables import batch as batches
from portcullis.store.queue import queue
from portcullis.web.frame import PLACES

pytestmark = pytest.mark.browser

# One value for each parameter of a path; `assessment_id` and `batch_id` are those of the store.
FILLED = {
    "name": "inspector",
    "code": "0306171090",
    "hs": "0306171090",
    "country": "VN",
    "module": "tabular",
    "number": "1",
}
OFFICE, TABLET = {"width": 1366, "height": 768}, {"width": 820, "height": 1180}


@dataclasses.dataclass(frozen=True)
class Look:
    """A way of looking at pages; the four together hold every pair of language, theme and size."""

    language: str
    theme: str
    size: str

    @property
    def pixels(self) -> dict[str, int]:
        return OFFICE if self.size == "office" else TABLET

    def __str__(self) -> str:
        return f"{self.language}-{self.theme}-{self.size}"


LOOKS = (
    Look("ko", "light", "office"),
    Look("ko", "dark", "tablet"),
    Look("en", "light", "tablet"),
    Look("en", "dark", "office"),
)
# What a page is asked: language, title and heading, whether it scrolls sideways, fields without a name.
QUESTIONS = """() => {
  const shown = e => e.type !== "hidden" && e.checkVisibility();
  const named = e => e.labels?.length || e.ariaLabel || e.ariaLabelledByElements?.length
    || e.getAttribute("aria-labelledby");
  const page = document.scrollingElement;
  return {
    language: document.documentElement.lang,
    title: document.title.split("·")[0].trim(),
    headings: [...document.querySelectorAll("h1")].filter(h => h.checkVisibility() && h.innerText.trim())
      .length,
    sideways: page.scrollWidth - page.clientWidth,
    wide: [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right
      > innerWidth + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 90)),
    nameless: [...document.querySelectorAll("input, select, textarea")].filter(e => shown(e) && !named(e))
      .map(e => e.outerHTML.slice(0, 90)),
  };
}"""
QUIET = """() => document.documentElement.hasAttribute("data-ready")
  && !document.querySelector(".htmx-request, [aria-busy=true]")"""


@dataclasses.dataclass(frozen=True)
class Route:
    """A route of the pages with its address filled in, and what it answered to each role."""

    path: str
    address: str
    status: dict[Role | None, int]
    whole: bool  # a page, no piece of one and no file

    @property
    def seen_by(self) -> list[Role | None]:
        return [role for role, status in self.status.items() if status == 200]


@pytest.fixture(scope="module")
def ground(office: SimpleNamespace) -> SimpleNamespace:
    """The office with all its routes; their parameters stand for what its store holds."""
    best = sa.select(queue.c.assessment_id).order_by(queue.c.has_scan.desc(), queue.c.surprise.desc())
    with office.service.assessments.engine.connect() as connection:
        case = connection.execute(best.limit(1)).scalar_one()
        batch = connection.execute(sa.select(batches.c.id).limit(1)).scalar_one()
    mine = {name: getattr(office, name) for name in ("list_id", "dossier_id", "webhook_id")}
    office.filled = FILLED | mine | {"assessment_id": case, "batch_id": batch}
    office.routes = routes(office)
    return office


def routes(ground: SimpleNamespace) -> list[Route]:
    """Every route that answers to GET beside those of the API."""
    found = []
    with httpx.Client(base_url=ground.address, headers={"Accept": "text/html"}) as client:
        for context in iter_route_contexts(make_app(ground.service).routes):
            route = context.route if hasattr(context, "route") else context
            if not isinstance(route, APIRoute) or route.include_in_schema or "GET" not in route.methods:
                continue
            names = re.findall(r"{(\w+)", route.path)
            assert set(names) <= set(ground.filled), (
                f"{route.path}: say in FILLED what stands for its parameter"
            )
            address = re.sub(r"{(\w+)[^}]*}", lambda m: ground.filled[m[1]], route.path)
            status: dict[Role | None, int] = {}
            whole = False
            for role in (None, *Role):
                cookies = {"Cookie": f"{COOKIE}={ground.cookie(role)}"}
                with client.stream("GET", address, headers=cookies) as answer:
                    status[role] = answer.status_code
                    kind = answer.headers.get("content-type", "")
                    if answer.status_code == 200 and kind.startswith("text/html"):
                        answer.read()
                        whole |= "<html" in answer.text
            found.append(Route(route.path, address, status, whole))
    return found


def visits(ground: SimpleNamespace, look: Look) -> list[tuple[Route, Role | None]]:
    """Every page as the first role that may see it; as each of the others in one of the looks."""
    turn = LOOKS.index(look)
    return [
        (route, role)
        for number, route in enumerate(route for route in ground.routes if route.whole)
        for place, role in enumerate(route.seen_by)
        if place == 0 or (number + place) % len(LOOKS) == turn
    ]


def test_every_route_of_the_pages_answers_somebody(ground: SimpleNamespace) -> None:
    """With a page, a piece of one, a file, a way to another page, or by asking for what it needs."""
    silent = [r.address for r in ground.routes if not {200, 302, 303, 307, 422} & set(r.status.values())]
    assert [address for address in silent if not address.startswith("/login/provider")] == []
    assert {r.path for r in ground.routes if r.whole} >= {"/login", "/desk", "/assessments/{assessment_id}"}


def test_no_page_is_broken_for_anybody(ground: SimpleNamespace) -> None:
    """Whoever may not see a page is told so; nothing fails."""
    assert [(r.address, r.status) for r in ground.routes if max(r.status.values()) >= 500] == []


def test_every_place_of_the_menu_is_a_page(ground: SimpleNamespace) -> None:
    """Nobody is led nowhere."""
    assert {place.href for place in PLACES} <= {route.address for route in ground.routes if route.whole}


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_is_fit_to_be_used(
    ground: SimpleNamespace, chromium: Any, axe: Callable[[Any], None], look: Look
) -> None:
    """In its language, with a title and a heading, no field without a name, nothing off the side, nothing
    in the console, nothing from elsewhere, and nothing grave for axe."""
    wrong: list[str] = []
    with chromium.new_context(viewport=look.pixels, locale=f"{look.language}-KR") as view:
        kept = {"portcullis_language": look.language, "portcullis_theme": look.theme}
        view.add_cookies([{"name": n, "value": v, "url": ground.address} for n, v in kept.items()])
        page = view.new_page()
        page.on(
            "console",
            lambda said: (
                wrong.append(f"{page.url}: {said.text}") if said.type in ("error", "warning") else None
            ),
        )
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on(
            "request",
            lambda sent: None if sent.url.startswith((ground.address, "blob:")) else wrong.append(sent.url),
        )
        for route, role in visits(ground, look):
            view.clear_cookies(name=COOKIE)
            if role is not None:
                view.add_cookies([{"name": COOKIE, "value": ground.cookie(role), "url": ground.address}])
            wrong += [
                f"{route.address} as {role}: {said}" for said in looked_at(page, ground, route, look, axe)
            ]
    assert not wrong, "\n".join(wrong)


def looked_at(
    page: Any, ground: SimpleNamespace, route: Route, look: Look, axe: Callable[[Any], None]
) -> Iterator[str]:
    """What is wrong with one page."""
    page.goto(ground.address + route.address)
    page.wait_for_function(QUIET, timeout=10_000)
    keep(page, f"{look}{route.path}")
    said = page.evaluate(QUESTIONS)
    if said["language"] != look.language:
        yield f"its language is {said['language']}"
    if not said["title"]:
        yield "it has no title"
    if said["headings"] != 1:
        yield f"it has {said['headings']} headings of the first order"
    if said["sideways"] > 0:
        yield f"it scrolls sideways by {said['sideways']} pixels: {said['wide']}"
    if said["nameless"]:
        yield f"fields without a name: {said['nameless']}"
    try:
        axe(page)
    except AssertionError as error:
        yield f"axe: {error}"


def keep(page: Any, name: str) -> None:
    """A picture of the page, where the environment names a folder for them."""
    folder = os.environ.get("SCREENSHOTS_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{re.sub(r'[^a-z-]+', '_', name)}.png"))


def test_the_looks_hold_every_pair() -> None:
    """Of language, theme and size."""
    for names in itertools.combinations(("language", "theme", "size"), 2):
        assert len({tuple(getattr(look, name) for name in names) for look in LOOKS}) == 4
