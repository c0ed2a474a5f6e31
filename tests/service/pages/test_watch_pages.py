"""The pages of alerts, outcomes and quality: what they say to whom, and that alerts arrive by themselves."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from portcullis.consignment import Upload
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.alerts import model_switched
from portcullis.store.casework import Decided, Decision, Found, Result
from portcullis.store.engine import writing
from portcullis.watching.shares import Share
from portcullis.web.watch.figures import Rate, Spark


@pytest.fixture
def assess(service: Service, account: Account, make: SimpleNamespace) -> Callable[..., str]:
    """Assesses a declaration that is odd unless it is told otherwise; the id of the case."""

    def do(number: int, value: str = "40000 USD", **changes: Any) -> str:
        line = {"value": value}
        return service.assess(Upload(make.declaration(id=f"D{number}", line=line, **changes)), account).id

    return do


@pytest.fixture
def inspected(service: Service, account: Account, assess: Callable[..., str]) -> list[str]:
    """Four cases with outcomes: two drawn by lot, two chosen by risk."""
    cases = []
    for number, (reason, result, why) in enumerate(
        [
            ("random", Result.AS_DECLARED, "goods_match"),
            ("random", Result.DISCREPANCY, "undervaluation"),
            ("risk", Result.DISCREPANCY, "undervaluation"),
            ("risk", Result.DISCREPANCY, "misclassification"),
        ]
    ):
        case = assess(number)
        service.work(case, Decided(decision=Decision.INSPECT, reason=reason), account)
        service.work(case, Found(result=result, reason=why), account)
        cases.append(case)
    return cases


@pytest.fixture
def seen_by(address: str, service: Service, people: dict[Role, Account]) -> Callable[..., httpx.Response]:
    """Fetches a page as a role."""

    def get(role: Role, path: str, language: str = "en") -> httpx.Response:
        cookies = {COOKIE: service.sessions.issue(people[role]), "portcullis_language": language}
        return httpx.get(address + path, cookies=cookies, timeout=30)

    return get


def test_alerts_are_listed_with_words_bands_and_cases(
    seen_by: Callable[..., httpx.Response], inspected: list[str]
) -> None:
    """Newest first; the filters of the address hold, and what it does not know is left out."""
    page = seen_by(Role.INSPECTOR, "/alerts").text
    assert page.index("Declaration D3 has an outcome") < page.index("Declaration D0 has an outcome")
    assert f'href="/assessments/{inspected[0]}"' in page
    only = seen_by(Role.INSPECTOR, "/alerts?kind=decided&kind=nonsense&band=critical").text
    assert "was decided: inspect (Random selection)" in only
    assert "has an outcome" not in only
    assert 'value="decided" checked' in only
    none = seen_by(Role.INSPECTOR, "/alerts?band=clear", "ko").text
    assert "해당 조건의 알림이 없습니다" in none
    assert "Declaration" not in none


def test_rows_that_come_later_are_only_those_behind_the_last_one(
    seen_by: Callable[..., httpx.Response], service: Service, inspected: list[str]
) -> None:
    """What the script fetches; in the visitor's language, with the same filters."""
    head = service.alerting.alerts.head()
    rows = seen_by(Role.ANALYST, f"/alerts/new?after={head - 2}&kind=outcome", "ko").text
    assert rows.count("<tr") == 1
    assert f'data-number="{head}"' in rows
    assert "신고 D3: 검사 결과 불일치" in rows
    assert seen_by(Role.ANALYST, f"/alerts/new?after={head}").text.strip() == ""


def test_an_admin_sees_alerts_of_models_and_none_of_cases(
    seen_by: Callable[..., httpx.Response], service: Service, inspected: list[str]
) -> None:
    with writing(service.audit.engine) as connection:
        service.alerting.alerts.write(connection, model_switched("xray", "1", "2"))
    page = seen_by(Role.ADMIN, "/alerts").text
    assert "Model xray was switched" in page
    assert "Declaration" not in page
    assert inspected[0] not in page
    assert seen_by(Role.BROKER, "/alerts").status_code == 403
    assert seen_by(Role.BROKER, "/alerts/new?after=0").status_code == 403


def test_few_outcomes_are_shown_as_counts_and_not_as_rates(
    seen_by: Callable[..., httpx.Response], inspected: list[str]
) -> None:
    """1 of 2 is no 50 %; the bias of the choice by risk is said where its rate stands."""
    page = seen_by(Role.ANALYST, "/outcomes").text
    assert '<p class="big">1 of 2</p>' in page
    assert "too few to say" in page
    assert "50%" not in page.split('id="weeks"')[0]
    assert "They were chosen because something spoke against them" in page
    assert "Undervaluation" in page
    assert "0건" not in page
    korean = seen_by(Role.ANALYST, "/outcomes", "ko").text
    assert '<p class="big">2건 중 1건</p>' in korean
    assert "저가 신고" in korean


def test_without_outcomes_the_page_says_how_to_get_some(seen_by: Callable[..., httpx.Response]) -> None:
    page = seen_by(Role.INSPECTOR, "/outcomes").text
    assert "No outcome in this period" in page
    assert "drawn by lot" in page


def test_a_period_that_is_none_is_told_beside_the_field_and_what_was_typed_stays(
    seen_by: Callable[..., httpx.Response], inspected: list[str]
) -> None:
    answer = seen_by(Role.INSPECTOR, "/outcomes?since=2025-05-09&until=2025-05-01")
    assert answer.status_code == 422
    assert "2025-05-09 is after 2025-05-01" in answer.text
    assert 'value="2025-05-09"' in answer.text
    assert seen_by(Role.INSPECTOR, "/outcomes?since=soon").status_code == 422
    assert "No outcome in this period" in seen_by(Role.INSPECTOR, "/outcomes?until=2024-01-01").text


def test_quality_shows_cases_to_analysts_and_only_figures_to_admins(
    seen_by: Callable[..., httpx.Response], service: Service, inspected: list[str]
) -> None:
    """In weeks of declaration; strange windows are the usual one."""
    for path in ("/quality", "/quality/data"):
        assert inspected[-1] in seen_by(Role.ANALYST, path).text
        admin = seen_by(Role.ADMIN, path)
        assert admin.status_code == 200
        assert not any(case in admin.text for case in inspected)
        assert seen_by(Role.INSPECTOR, path).status_code == 403
        assert seen_by(Role.ANALYST, f"{path}?weeks=-3&until=9999-12-31").status_code == 200
    drift = seen_by(Role.ANALYST, "/quality?weeks=8").text
    assert "with 4 cases" in drift
    assert "Too few to say" in drift
    assert "한빛수산" in drift
    assert "한빛수산" not in seen_by(Role.ADMIN, "/quality?weeks=8").text
    data = seen_by(Role.ANALYST, "/quality/data?weeks=8", "ko").text
    assert "품목분류표 미등록" in data
    models = seen_by(Role.ANALYST, "/quality/models").text
    assert "tabular@byhand" in models


def test_an_empty_store_has_pages_without_figures(seen_by: Callable[..., httpx.Response]) -> None:
    assert "No assessment in this window" in seen_by(Role.ANALYST, "/quality").text
    assert "No batch was handed in" in seen_by(Role.ANALYST, "/quality/data").text
    assert "No case was assessed yet" in seen_by(Role.ANALYST, "/quality/models").text
    assert "No alert yet" in seen_by(Role.ANALYST, "/alerts").text


def test_refused_items_are_counted_by_their_field_and_quoted_only_to_who_runs_batches(
    seen_by: Callable[..., httpx.Response],
    service: Service,
    people: dict[Role, Account],
    make: SimpleNamespace,
) -> None:
    good = make.declaration(id="good")
    bad = make.declaration(id="bad", line={"net_kg": -5})
    worse = make.declaration(id="worse", origin="Vietnam-land")
    data = b"\n".join((good, bad, worse))
    service.board.submit(data, name="b.jsonl", account=people[Role.ANALYST])
    analyst, admin = (seen_by(role, "/quality/data").text for role in (Role.ANALYST, Role.ADMIN))
    assert "2 of 3 items refused" in analyst
    assert "lines.net_kg" in analyst
    assert "vietnam-land" in analyst.lower()
    assert "lines.net_kg" in admin
    assert "vietnam-land" not in admin.lower()


def test_a_trend_breaks_where_a_week_has_no_cases() -> None:
    """A line across it would invent a value."""
    weeks = [Share(1, 10), Share(2, 10), Share(0, 0), Share(5, 10)]
    drawn = Spark.of_trend(weeks)
    assert len(drawn.lines) == 1
    assert len(drawn.dots) == 3
    assert (drawn.first, drawn.last, drawn.most) == ("10%", "50%", "50%")
    assert Rate.of_share(Share(0, 0)).interval == "–"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "live", "two"),
    [("ko", "실시간 수신 중", "새 알림 2건 보기"), ("en", "Live", "Show 2 new alerts")],
)
def test_alerts_arrive_by_themselves_wait_while_paused_and_are_axe_clean(
    open_as: Callable[..., Any],
    axe: Callable[[Any], None],
    service: Service,
    account: Account,
    assess: Callable[..., str],
    language: str,
    live: str,
    two: str,
) -> None:
    """On the keyboard; the title counts what waits."""
    page = open_as(Role.INSPECTOR, "/alerts", language=language)
    page.wait_for_selector(f"#state:has-text('{live}')")
    axe(page)
    first = assess(1)
    page.wait_for_selector(f"#rows a[href='/assessments/{first}']")
    assert page.is_hidden("#none")
    page.keyboard.press("p")
    service.work(first, Decided(decision=Decision.INSPECT, reason="risk"), account)
    service.work(first, Found(result=Result.DISCREPANCY, reason="undervaluation"), account)
    page.wait_for_selector(f"#waiting:has-text('{two}')")
    assert page.locator("#rows tr").count() == 1
    assert page.title().startswith("(2) ")
    axe(page)
    page.keyboard.press("p")
    page.wait_for_selector("#rows tr:nth-child(3)")
    assert not page.title().startswith("(")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.getAttribute('href')") == f"/assessments/{first}"
    assert page.locator("#said").text_content() != ""


@pytest.mark.browser
@pytest.mark.parametrize("language", ["ko", "en"])
def test_outcomes_and_quality_are_axe_clean_in_both_themes_with_their_charts(
    open_as: Callable[..., Any], axe: Callable[[Any], None], inspected: list[str], language: str
) -> None:
    """Also on a tablet, where nothing makes the page wider than the screen."""
    page = open_as(Role.ANALYST, "/outcomes", language=language)
    page.wait_for_selector("#weeks-chart canvas")
    axe(page)
    for path in ("/quality", "/quality/data", "/quality/models"):
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/")[2] + path)
        page.wait_for_selector("html[data-ready]")
        if path == "/quality":
            page.wait_for_selector("#surprise-chart canvas")
            page.locator(".checks summary").first.click()
            page.wait_for_selector(".checks .curve canvas")
        axe(page)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        axe(page)
    tablet = open_as(Role.ANALYST, "/outcomes", language=language, size={"width": 820, "height": 1180})
    tablet.wait_for_selector("#weeks-chart canvas")
    assert tablet.evaluate("document.documentElement.scrollWidth") == 820
