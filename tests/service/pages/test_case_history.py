"""What lies below a case, and the comparison of two settings: without a browser, and at one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from portcullis.consignment import Upload
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store import official, writing
from portcullis.store.accounts import Account, Role
from portcullis.store.audit import audit
from portcullis.store.casework import Decided, Decision, Found, Result

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html", "HX-Request": "true"}
Asking = Callable[..., httpx.Response]


@pytest.fixture
def cases(service: Service, account: Account, make: SimpleNamespace) -> list[str]:
    """Four cases of one item; the first three came another way; the first has an outcome; trade is known."""
    found = []
    for i, value in enumerate((160_000, 150_000, 165_000, 40_000)):
        text = make.declaration(
            id=f"D{i}",
            date=f"2025-04-{10 + i}",
            origin="US" if i == 3 else "VN",
            departure="CL" if i == 3 else "VN",
            line={"value": f"{value} USD"},
        )
        found.append(service.assess(Upload(declaration=text), account).id)
    service.work(found[0], Decided(decision=Decision.INSPECT, reason="risk"), account)
    service.work(found[0], Found(result=Result.DISCREPANCY, reason="undervaluation"), account)
    trade(service, "US", 30)
    trade(service, "VN", 5)
    return found


def trade(service: Service, country: str, months: int) -> None:
    """Monthly trade that ends in 2025-03, with one month of three times the weight."""
    rows = [
        {
            "month": f"{2022 + (9 + 30 - months + i) // 12}-{(9 + 30 - months + i) % 12 + 1:02d}",
            "flow": "I",
            "hs": "0306171090",
            "country": country,
            "value_usd": 80_000.0 + 1000 * (i % 5),
            "weight_kg": 30_000.0 if i == months - 1 else 10_000.0,
            "freight": 0.2,
            "freight_unit": "usd_per_kg",
        }
        for i in range(months)
    ]
    file = {"kind": "trade", "file": "t.csv", "sha256": "0" * 64, "at": service.accounts.now()}
    counts = {"rows_read": months, "rows_repaired": 0, "rows_refused": 0, "rows_stored": months}
    with writing(service.accounts.engine) as connection:
        made = connection.execute(official.imports.insert().values(**file, **counts))
        number = made.inserted_primary_key[0]
        connection.execute(official.trade.insert(), [{**row, "import_id": number} for row in rows])


@pytest.fixture
def asking(service: Service, people: dict[Role, Account], address: str) -> Iterator[Asking]:
    """Asks as a role, as a page of ours would."""
    with httpx.Client(base_url=address, headers=OWN, timeout=30) as client:

        def ask(role: Role, path: str, language: str = "en", **sent: Any) -> httpx.Response:
            cookie = f"{COOKIE}={service.sessions.issue(people[role])}; portcullis_language={language}"
            method = "POST" if "data" in sent else "GET"
            return client.request(method, path, headers={"Cookie": cookie}, **sent)

        yield ask


def plain(answer: httpx.Response) -> str:
    """The text of an answer without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_the_timeline_tells_all_deeds_in_their_order_with_their_reasons(
    cases: list[str], asking: Asking
) -> None:
    said = plain(asking(Role.ANALYST, f"/assessments/{cases[0]}/parts/timeline"))
    order = [said.index(word) for word in ("Assessed", "Decision: Inspect", "Outcome: Discrepancy found")]
    assert order == sorted(order)
    assert "Undervaluation" in said
    korean = plain(asking(Role.INSPECTOR, f"/assessments/{cases[0]}/parts/timeline", "ko"))
    assert "처리 결정: 검사" in korean
    assert "저가" in korean


def test_a_note_is_stored_once_and_a_wrong_one_keeps_what_was_typed(
    service: Service, cases: list[str], asking: Asking
) -> None:
    """Sent twice by a nervous hand it stands there once; markup in it is text."""
    path = f"/assessments/{cases[1]}/parts/timeline"
    sent = {"text": "<b>call</b> the importer", "once": "a1"}
    for _ in range(2):
        answer = asking(Role.INSPECTOR, path, data=sent)
        assert answer.status_code == 200
    assert [event.values for event in service.casework.history(cases[1])] == [
        {"text": sent["text"], "box": None}
    ]
    assert "&lt;b&gt;call&lt;/b&gt;" in answer.text
    long = "x" * 4001
    refused = asking(Role.INSPECTOR, path, data={"text": long, "once": "a2"})
    assert refused.status_code == 422
    assert long in refused.text
    assert "4,000" in refused.text
    assert len(service.casework.history(cases[1])) == 1


def test_past_cases_are_counted_and_where_there_are_none_that_is_said(
    cases: list[str], asking: Asking
) -> None:
    found = plain(asking(Role.ANALYST, f"/assessments/{cases[3]}/parts/past"))
    assert "Earlier cases 3 Outcome known 1 Discrepancy found 1 (100%)" in found
    assert "D0" in found
    route = plain(asking(Role.ANALYST, f"/assessments/{cases[3]}/parts/past?by=route"))
    assert "United States → Chile" in route
    assert "No earlier case." in route
    assert "Same importer" in plain(asking(Role.ANALYST, f"/assessments/{cases[3]}/parts/past?by=importer"))
    assert asking(Role.ANALYST, f"/assessments/{cases[3]}/parts/past?line=2").status_code == 404


def test_a_way_that_no_earlier_case_took_is_marked_in_words(cases: list[str], asking: Asking) -> None:
    answer = asking(Role.ANALYST, f"/assessments/{cases[3]}/parts/route")
    assert 'data-remark="new"' in answer.text
    said = plain(answer)
    assert "New for this item" in said
    assert "None of the 3 earlier cases" in said
    assert "Vietnam → South Korea" in said
    assert "100%" in said


def test_a_series_has_its_table_a_warning_where_it_is_short_and_no_range_of_all_origins(
    cases: list[str], asking: Asking
) -> None:
    path = f"/assessments/{cases[3]}/parts/trend"
    found = asking(Role.ANALYST, path)
    assert found.text.count("<tr data-month") == 30
    assert 'data-weight-out="above"' in found.text
    assert "too short" not in found.text
    assert "No model is loaded" in found.text
    everywhere = asking(Role.ANALYST, f"{path}?everywhere=true").text
    assert 'data-month="2025-03"' in everywhere
    assert 'data-weight="60000"' in everywhere
    assert "No model says what to expect of all origins" in everywhere
    assert "Only 5 months" in asking(Role.ANALYST, f"/assessments/{cases[1]}/parts/trend").text


def test_the_audit_trail_is_checked_when_it_is_shown(
    service: Service, cases: list[str], asking: Asking
) -> None:
    """A changed entry is told from a sound one, and so is what follows a lost one."""
    path = f"/assessments/{cases[0]}/parts/audit"
    sound = plain(asking(Role.INSPECTOR, path))
    assert "All 3 entries" in sound
    assert "contents changed" not in sound
    entries = service.audit.about(cases[0])
    with writing(service.accounts.engine) as connection:
        # whoever may change the database can take its guard away; the hashes still tell
        guards = connection.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
        )
        for name in guards.scalars().all():
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
        of = audit.update().where(audit.c.number == entries[1].number)
        connection.execute(of.values(details='{"id":"another"}'))
        of = audit.update().where(audit.c.number == entries[2].number)
        connection.execute(of.values(previous="f" * 64))
    broken = plain(asking(Role.INSPECTOR, path))
    assert "Something is wrong with these entries." in broken
    assert broken.count("contents changed") == 2  # what an entry follows is a part of what was hashed
    assert broken.count("does not follow the entry before") == 1
    assert broken.count("✓ sound") == 1


@pytest.mark.parametrize("part", ["timeline", "past", "route", "trend", "audit"])
def test_parts_are_for_those_who_read_cases(cases: list[str], asking: Asking, part: str) -> None:
    path = f"/assessments/{cases[0]}/parts/{part}"
    assert asking(Role.BROKER, path).status_code == 403
    assert asking(Role.ADMIN, path).status_code == 403
    assert asking(Role.INSPECTOR, path.replace(cases[0], "0" * 16)).status_code == 404


def test_the_comparison_shows_what_changes_and_keeps_what_cannot_be_read(
    cases: list[str], asking: Asking
) -> None:
    """The address holds all; a wrong value stands in its field with the remedy beside it."""
    offered = plain(asking(Role.ANALYST, "/replay"))
    assert "Nothing is compared yet." in offered
    same = plain(asking(Role.ANALYST, "/replay?b_watch=1.3"))
    assert "Nothing changes" in same
    assert "A and B are the same setting." in same
    answer = asking(Role.ANALYST, "/replay?b_watch=0&b_high=0&b_critical=0")
    found = plain(answer)
    assert "of 4 cases change" in found
    assert "100%" in found  # the one case with an outcome is a hit
    assert f"/assessments/{cases[0]}" in answer.text
    wrong = asking(Role.ANALYST, "/replay?b_watch=x%22&since=2025-05-01&until=2025-01-01", "ko")
    assert wrong.status_code == 422
    assert 'value="x&#34;" aria-invalid="true"' in wrong.text
    assert "시작일은 종료일보다 늦지 않게" in wrong.text
    empty = plain(asking(Role.ANALYST, "/replay?b_watch=1&since=2031-01-01"))
    assert "No case in this period." in empty
    assert "No shadow scored cases" in plain(asking(Role.ANALYST, "/replay?compare=shadow"))
    assert asking(Role.INSPECTOR, "/replay").status_code == 403


TABS = ["timeline", "past", "route", "trend", "audit"]


@pytest.mark.browser
@pytest.mark.parametrize(("language", "scheme"), [("ko", "light"), ("en", "dark")])
def test_an_officer_reads_all_tabs_by_keyboard(
    open_as: Callable[..., Any], axe: Callable[[Any], None], cases: list[str], language: str, scheme: str
) -> None:
    """From a deep link on with the arrow keys; each tab is without a barrier in it."""
    page = open_as(Role.ANALYST, f"/assessments/{cases[3]}#timeline", language=language, color_scheme=scheme)
    page.locator("#timeline .deeds").wait_for()
    page.locator("#tab-timeline").focus()
    marks = {"past": "table", "route": "[data-map][data-ready]", "trend": "canvas", "audit": ".entries"}
    axe(page)
    for tab in TABS[1:]:
        page.keyboard.press("ArrowRight")
        page.locator(f"#{tab} {marks[tab]}").first.wait_for()
        assert page.locator("[role=tabpanel]:visible").get_attribute("id") == tab
        assert page.url.endswith(f"#{tab}")
        axe(page)
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-timeline"
    page.keyboard.press("h")
    page.keyboard.press("v")
    page.locator("[data-plot]").focus()
    page.keyboard.press("End")
    reading = page.locator("[data-reading]")
    assert "2025-04" in reading.inner_text()
    page.keyboard.press("ArrowLeft")
    assert "2025-03" in reading.inner_text()
    page.locator("[data-measure=weight]").click()
    page.locator("[data-log]").check()
    page.locator("[data-plot]").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert "30,000 kg" in reading.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1366


@pytest.mark.browser
def test_an_officer_writes_a_note_and_a_part_that_fails_can_be_asked_for_again(
    open_as: Callable[..., Any], axe: Callable[[Any], None], service: Service, cases: list[str]
) -> None:
    page = open_as(Role.INSPECTOR, f"/assessments/{cases[1]}#timeline", language="en", refused=(503,))
    page.get_by_label("Write a note").fill("asked for the invoice")
    page.get_by_role("button", name="Add note").click()
    page.locator(".said", has_text="asked for the invoice").wait_for()
    assert service.casework.history(cases[1])[0].account == "an-inspector"
    page.route(
        "**/parts/past",
        lambda route: route.fulfill(status=503, content_type="text/html", body="<!doctype html><p>x"),
    )
    page.get_by_role("tab", name="Past cases").click()
    page.locator("#past [role=alert]").wait_for()
    axe(page)
    page.unroute("**/parts/past")
    page.locator("#past").get_by_role("button", name="Try again").click()
    page.locator("#past table").first.wait_for()


@pytest.mark.browser
@pytest.mark.parametrize(("language", "scheme"), [("ko", "dark"), ("en", "light")])
def test_an_analyst_compares_two_policies(
    open_as: Callable[..., Any], axe: Callable[[Any], None], cases: list[str], language: str, scheme: str
) -> None:
    """The answer is found by its address alone, on a tablet too."""
    tablet = {"width": 820, "height": 1180}
    page = open_as(Role.ANALYST, "/replay", language=language, size=tablet, color_scheme=scheme)
    axe(page)
    page.locator("#b_watch").fill("0")
    page.locator("form.asking button").click()
    page.locator("#found .matrix").wait_for()
    assert "b_watch=0" in page.url
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    page.goto(page.url.split("?")[0] + "?compare=budget&a_budget=1&b_budget=50%25&b_by=chance")
    page.locator("#found .matrix").wait_for()
    axe(page)
