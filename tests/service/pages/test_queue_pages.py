"""The queue's pages: filters in the address, many deeds at once, views, plans and published selections."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from customs.errors import InvalidValue
from portcullis.identity.session import COOKIE
from portcullis.planning import Wish
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.queue import Filter, Order, TopBy


@pytest.fixture
def cases(client: httpx.Client, make: SimpleNamespace) -> list[str]:
    """Ids of four cases: a usual one, and three that are cheaper and cheaper."""
    found = []
    for name, value in (
        ("usual", None),
        ("cheap", "40000 USD"),
        ("cheaper", "20000 USD"),
        ("gift", "90 USD"),
    ):
        line = {} if value is None else {"value": value}
        files = {"declaration": make.declaration(id=name, line=line)}
        found.append(client.post("/v1/assessments", files=files).json()["id"])
    return found


@pytest.fixture
def visit(address: str, service: Service, people: dict[Role, Account]) -> Iterator[httpx.Client]:
    """An analyst's visits to the pages, in Korean."""
    cookies = {COOKIE: service.sessions.issue(people[Role.ANALYST]), "portcullis_language": "ko"}
    with httpx.Client(base_url=address, cookies=cookies, timeout=30) as made:
        yield made


def test_a_share_by_the_chosen_kinds_is_one_of_all_cases_and_not_of_those_found(
    service: Service, cases: list[str]
) -> None:
    """Half of four cases are two, though only three have such a finding."""
    kinds = ("mismatch.hsk_price",)
    by_kinds = service.queue.page(Filter(kinds=kinds, top=0.5, top_by=TopBy.KINDS))
    overall = service.queue.page(Filter(kinds=kinds, top=0.34))
    assert by_kinds.total == len(by_kinds.rows) == 2
    assert overall.total == 2
    assert {row.declaration_id for row in by_kinds.rows} <= {"cheap", "cheaper", "gift"}


def test_text_is_looked_for_in_numbers_names_and_goods(client: httpx.Client, cases: list[str]) -> None:
    """Every word must occur, in any case; what looks like a pattern is none."""
    found = client.get("/v1/assessments", params={"text": "CHEAP"}).json()
    assert {item["declaration_id"] for item in found["items"]} == {"cheap", "cheaper"}
    assert client.get("/v1/assessments", params={"text": "chea%r"}).json()["total"] == 0


def test_many_cases_are_assigned_at_once_and_each_is_answered(client: httpx.Client, cases: list[str]) -> None:
    """One that does not exist keeps no other back; the same key does nothing twice."""
    body = {"ids": [*cases[:2], "nothing"], "deed": "decide", "decision": "inspect", "reason": "risk"}
    for _ in range(2):
        told = client.post("/v1/queue/deeds", json=body, headers={"Idempotency-Key": "k"}).json()
        assert [item["done"] for item in told["items"]] == [True, True, False]
        assert told["items"][2]["problem"]
    assert client.get("/v1/assessments", params={"status": "inspecting"}).json()["total"] == 2
    assert len(client.get(f"/v1/assessments/{cases[0]}/casework").json()["events"]) == 1


def test_a_published_selection_decides_its_cases_once_with_the_reason_of_their_arm(
    client: httpx.Client, service: Service, cases: list[str]
) -> None:
    """What was drawn by lot is `random`, so that its hit rate is that of all cases."""
    asked = {"budget": "3", "random": 0.3, "seed": 4}
    plan = client.get("/v1/queue/plan", params=asked).json()
    assert (plan["cases"], plan["chosen"], plan["drawn"]) == (4, 3, 1)
    answers = [
        client.post("/v1/queue/selections", params=asked, json={"fingerprint": plan["fingerprint"]})
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 201], answers[1].text
    made = answers[0].json()
    assert made["id"] == answers[1].json()["id"]
    assert made["refused"] == {}
    for case in made["cases"]:
        events = service.casework.history(case["assessment_id"])
        assert [e.values["reason"] for e in events] == ["risk" if case["arm"] == "risk" else "random"]
    found = client.get("/v1/assessments", params={"selection": made["id"]}).json()
    assert {i["id"] for i in found["items"]} == {c["assessment_id"] for c in made["cases"]}


def test_a_plan_that_the_queue_outran_is_not_published(client: httpx.Client, cases: list[str]) -> None:
    """Somebody decided a case meanwhile: the plan is another."""
    plan = client.get("/v1/queue/plan", params={"budget": "4"}).json()
    decided = {"decision": "release", "reason": "explained"}
    assert client.post(f"/v1/assessments/{cases[0]}/decisions", json=decided).status_code == 201
    body = {"fingerprint": plan["fingerprint"]}
    assert client.post("/v1/queue/selections", params={"budget": "4"}, json=body).status_code == 409
    assert client.get("/v1/assessments", params={"status": "inspecting"}).json()["total"] == 0


def test_a_view_is_shared_replaced_and_deleted_only_by_its_owner(
    service: Service, people: dict[Role, Account]
) -> None:
    """And every change is in the audit log."""
    mine, other = people[Role.ANALYST], people[Role.INSPECTOR]
    view = service.views.save(mine, "Vietnam", "origin=VN", shared=True, is_default=True)
    assert [v.id for v in service.views.of(other)] == [view.id]
    assert service.views.default(other) is None
    again = service.views.save(mine, "Vietnam", "origin=VN&band=high")
    assert (again.id, again.query, again.shared) == (view.id, "origin=VN&band=high", False)
    assert service.views.of(other) == []
    with pytest.raises(Exception, match="no view"):
        service.views.delete(other, view.id)
    service.views.delete(mine, view.id)
    assert [e.action for e in service.audit.about(view.id)] == ["view.save", "view.save", "view.delete"]
    with pytest.raises(InvalidValue):
        service.views.save(mine, " ", "")


@pytest.mark.parametrize("query", ["origin=vn", "no_such=filter", "top=2"])
def test_a_view_of_no_filter_is_refused(client: httpx.Client, query: str) -> None:
    """It could never be shown."""
    answer = client.put("/v1/views", json={"name": "odd", "query": query})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == query.split("=")[0]


def test_the_list_leaves_as_a_table_that_a_spreadsheet_does_not_run(
    client: httpx.Client, make: SimpleNamespace
) -> None:
    """A name that begins like a formula gets an apostrophe."""
    client.post("/v1/assessments", files={"declaration": make.declaration(id="d", importer="=1+1")})
    text = client.get("/v1/queue/export").text
    assert text.startswith("\ufeffid,declaration_id,")
    assert ",'=1+1," in text


@pytest.mark.both_databases
def test_every_filter_and_order_finds_the_same_on_either_database(
    service: Service, cases: list[str], people: dict[Role, Account]
) -> None:
    """Also text with signs that patterns know, codes that end in nines, plans, and what a plan published."""

    def found(order: Order = Order.SURPRISE, **wanted: Any) -> list[str]:
        return [row.declaration_id for row in service.queue.page(Filter(**wanted), order=order).rows]

    assert found(text="CHEAP shrimp", order=Order.OLDEST) == ["cheap", "cheaper"]
    assert found(text="chea_") == found(text="%") == []
    assert len(found(hs="0306")) == len(found(hs="0306171090")) == len(found(hs="03", kinds=())) == 4
    assert found(hs="99") == found(hs="0307") == found(hs="0305999999") == []
    assert found(usd_per_kg_from=1, usd_per_kg_to=2.5, order=Order.OLDEST) == ["cheap", "cheaper"]
    assert found(hs="0306", usd_per_kg_to=0.1, text="gift") == ["gift"]
    kinds = ("mismatch.hsk_price",)
    by_kinds = found(Order.FINDING, kinds=kinds, top=0.5, top_by=TopBy.KINDS)
    assert by_kinds == [r.declaration_id for r in service.queue.first(Filter(kinds=kinds), Order.FINDING, 2)]
    for order in Order:
        whole = [row.id for row in service.queue.page(Filter(kinds=kinds), order=order).rows]
        assert whole == [row.id for row in service.queue.first(Filter(kinds=kinds), order, 9)]
        assert len(whole) == 3
    number, surprise, chance = service.queue.risks(Filter())
    assert list(number) == sorted(number)
    assert len(surprise) == len(chance) == 4
    who, wanted, wish = people[Role.ANALYST], Filter(hs="0306"), Wish(budget="2", random=0.5, seed=3)
    plan = service.planning.plan(wanted, wish)
    assert (plan.cases, plan.chosen, plan.drawn, plan.by_risk) == (4, 2, 1, 1)
    made = service.planning.publish(wanted, wish, who, query="", fingerprint=plan.fingerprint, key="k")
    chosen = service.planning.selections.cases(made.id)
    assert {c.assessment_id for c in chosen} == {
        row.id for row in service.queue.page(Filter(selection=made.id)).rows
    }
    assert service.planning.plan(wanted, wish).cases == 2


@pytest.mark.parametrize(
    ("asked", "field", "remedy"),
    [
        ("/queue/budget?random=x", "random", "0부터 1까지의 비율"),
        ("/queue/budget?random=2", "random", "0부터 1까지의 비율"),
        ("/queue/budget?seed=-1", "seed", "정수"),
        ("/queue/budget?seed=99999999999", "seed", "정수"),
        ("/queue/budget?minutes=0", "minutes", "분 단위"),
        ("/queue/budget?minutes=nan", "minutes", "분 단위"),
        ("/queue/budget?budget=much", "budget", "비율(예: 5%)"),
        ("/queue/budget?budget=1e400", "budget", "비율(예: 5%)"),
        ("/queue?since=2026-13-01", "since", "2026-03-31 형식"),
        ("/queue?since=2026-03-02&until=2026-03-01", "since", "이른 날짜부터"),
        ("/queue?hs=12345678901", "hs", "10자리"),
        ("/queue?top=2", "top", "0 초과 1 이하"),
        ("/queue?mismatch=perhaps", "mismatch", "조건에 제시된 값"),
        ("/queue?limit=x&origin=vn", "origin", "국가부호"),
        ("/queue?no_such=1", "no_such", "없는 조회 조건"),
        ("/queue/disagreements?usd_per_kg_from=-1", "usd_per_kg_from", "0 이상"),
        ("/queue/disagreements?cursor=nonsense", "cursor", "첫 쪽부터"),
    ],
)
def test_what_an_address_cannot_mean_is_said_with_its_field_and_a_remedy(
    visit: httpx.Client, asked: str, field: str, remedy: str
) -> None:
    """In the language of the page, as 422, whether a whole page or a part of one is asked for."""
    for headers in ({}, {"HX-Request": "true"}):
        answer = visit.get(asked, headers={"Accept": "text/html", **headers})
        assert answer.status_code == 422, answer.text
        assert f'data-field="{field}"' in answer.text
        assert remedy in answer.text
        assert "Traceback" not in answer.text
        assert "Input should" not in answer.text


def test_the_export_has_the_order_of_the_list(client: httpx.Client, cases: list[str]) -> None:
    """Oldest first, or newest first."""
    for order, expected in (("oldest", "usual cheap cheaper gift"), ("newest", "gift cheaper cheap usual")):
        lines = client.get("/v1/queue/export", params={"order": order}).text.splitlines()[1:]
        assert " ".join(line.split(",")[1] for line in lines) == expected


def test_an_address_keeps_by_what_a_share_is_measured_only_where_that_says_something(
    visit: httpx.Client,
) -> None:
    """The form sends it always."""
    kept = "kind=hs.text&top=0.5&top_by=kinds"
    for asked, pushed in (
        (kept, kept),
        ("top=0.5&top_by=kinds", "top=0.5"),
        ("top_by=kinds", "order=surprise"),
    ):
        answer = visit.get(f"/queue?{asked}", headers={"HX-Request": "true"})
        assert answer.headers["HX-Push-Url"] == f"/queue?{pushed}"


def test_disagreements_are_those_of_the_filter(visit: httpx.Client, cases: list[str]) -> None:
    """The link carries it there, and back."""
    page = visit.get("/queue?text=cheaper").text
    assert 'href="/queue/disagreements?text=cheaper"' in page
    shown = visit.get("/queue/disagreements?text=cheaper").text
    assert ">cheaper<" in shown
    assert ">gift<" not in shown
    assert 'href="/queue?text=cheaper"' in shown


@pytest.mark.browser
@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_analyst_filters_selects_and_assigns_on_the_keyboard(
    open_as: Any, axe: Any, cases: list[str], service: Service, language: str
) -> None:
    """The address follows the filter; the selection outlives it; each state is accessible, dark too."""
    page = open_as(Role.ANALYST, "/queue", language=language, color_scheme="dark", refused=(422,))
    axe(page)
    page.keyboard.press("/")
    page.keyboard.type("cheap")
    page.wait_for_url("**text=cheap**")
    page.wait_for_selector("#cases tr:nth-child(2):last-child")
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    axe(page)
    page.select_option("#bulk-assignee", "an-analyst")
    page.click("#bulk-assign")
    page.wait_for_selector("#bulk", state="hidden")
    mine = service.queue.page(Filter(assignee="an-analyst"))
    assert {row.declaration_id for row in mine.rows} == {"cheap", "cheaper"}
    page.click("#budget-card summary")
    page.fill("#b-budget", "2")
    page.press("#b-budget", "Enter")
    page.wait_for_selector("#publish")
    axe(page)
    page.fill("#f-text", "cheaper")  # the plan is of the cases that are shown
    page.locator("#publish", has_text="1").wait_for()
    page.fill("#b-budget", "much")
    page.press("#b-budget", "Enter")
    page.wait_for_selector("#b-budget[aria-invalid=true]")
    assert page.inner_text("#wrong-budget") == page.inner_text("#plan [data-field=budget] .remedy")
    page.fill("#f-since", "2025.4.1")
    page.press("#f-since", "Enter")
    page.wait_for_url("**since=2025-04-01**")
    page.fill("#f-until", "soon")
    page.press("#f-until", "Enter")
    page.wait_for_selector("#f-until[aria-invalid=true]")
    axe(page)
    page.fill("#f-until", "")
    page.press("#f-until", "Enter")
    page.wait_for_selector("#f-until:not([aria-invalid])")
    page.goto(page.url.split("/queue")[0] + "/queue/disagreements")
    axe(page)
