"""The ways that people go through the pages, from the login on, in both languages and with the keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.identity.permissions import PERMISSIONS
from portcullis.store.accounts import Role
from portcullis.web.frame import HOMES, PLACES
from portcullis.web.words import translations

pytestmark = pytest.mark.browser

PLACE_WORDS = {"desk": "Desk", "codes": "HS codes", "queue": "Queue", "admin": "Administration"}


@pytest.fixture
def enter(office: SimpleNamespace, chromium: Any, make: SimpleNamespace) -> Iterator[Callable[..., Any]]:
    """Signs in by the form, with the keyboard alone: `enter(Role.BROKER, "ko")` is the first page seen.

    The test fails on anything that the console reports and on any request to another machine.
    """
    complaints: list[str] = []
    opened = []

    def enter_as(role: Role, language: str) -> Any:
        view = chromium.new_context(viewport={"width": 1366, "height": 768}, locale=f"{language}-KR")
        opened.append(view)
        page = view.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith((office.address, "blob:")) else complaints.append(r.url),
        )
        page.goto(f"{office.address}/?lang={language}")
        page.wait_for_selector("html[data-ready]")
        page.locator("[name=name]").focus()
        page.keyboard.type(role.value)
        page.keyboard.press("Tab")
        page.keyboard.type(make.password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda there: "/login" not in there)
        page.wait_for_selector("html[data-ready]")
        return page

    yield enter_as
    for view in opened:
        view.close()
    assert complaints == []


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_everybody_comes_in_where_their_work_is_and_goes_out_again(
    enter: Callable[..., Any], office: SimpleNamespace, axe: Callable[[Any], None], role: Role, language: str
) -> None:
    """The menu holds the places of the role and no others; its language and look stay; keys are listed."""
    page = enter(role, language)
    assert page.url.removeprefix(office.address).partition("?")[0] == HOMES[role]
    assert page.locator("html").get_attribute("lang") == language
    shown = [link.get_attribute("href") for link in page.locator("nav.places a").all()]
    assert shown == [place.href for place in PLACES if place.permission in PERMISSIONS[role]]
    here = page.locator("nav.places a[aria-current=page]")
    assert here.get_attribute("href") == HOMES[role]
    place = next(place.name for place in PLACES if place.href == HOMES[role])
    assert here.inner_text().strip() == translations(language).gettext(PLACE_WORDS[place])
    page.keyboard.press("Escape")  # out of the field that a broker begins in
    page.locator("body").press("?")
    page.locator("dialog#keys[open]").wait_for()
    assert page.locator("dialog#keys kbd").count() >= 2 * len(shown)
    axe(page)
    page.keyboard.press("Escape")
    page.locator(".mine details.menu summary").click()
    page.locator("#theme").select_option("dark")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.locator(".mine details.menu summary").click()
    axe(page)
    page.locator("form[action='/logout'] button").click()
    page.wait_for_url(re.compile("/login"))
    page.goto(office.address + HOMES[role])
    assert "/login" in page.url
    assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_inspector_hands_in_a_consignment_and_sees_why_it_is_odd(
    enter: Callable[..., Any],
    make: SimpleNamespace,
    axe: Callable[[Any], None],
    tmp_path: Path,
    language: str,
) -> None:
    """From the login to the finding and its place on the scan; then the case is in the list of the desk."""
    page = enter(Role.INSPECTOR, language)
    page.locator("body").press("g")
    page.keyboard.press("d")
    page.wait_for_url(re.compile("/desk"))
    (tmp_path / "papers.json").write_bytes(make.declaration(id="WALK-1", line={"value": "40000 USD"}))
    (tmp_path / "scan.png").write_bytes(make.scan())
    page.set_input_files("[name=declaration]", str(tmp_path / "papers.json"))
    page.set_input_files("[name=scan]", str(tmp_path / "scan.png"))
    page.get_by_role("button", name={"ko": "평가", "en": "Assess"}[language], exact=True).click()
    page.wait_for_url(re.compile("/assessments/"))
    page.wait_for_selector("html[data-ready]")
    assert "WALK-1" in page.locator("main").inner_text()
    axe(page)
