"""Two settings over one past: the store's counts against the same thing worked out case by case."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from portcullis.consignment import Upload
from portcullis.service import Service
from portcullis.store import writing
from portcullis.store.accounts import Account, Role
from portcullis.store.audit import Audit
from portcullis.store.casework import Found, Result
from portcullis.store.model_choices import Said
from portcullis.store.queue import UNKNOWN, queue
from portcullis.store.replays import By, Longest, Period, Thresholds
from portcullis.web.case.trend import usual_ranges

VALUES = (160_000, 130_000, 90_000, 60_000, 40_000, 160_000)
IN_FORCE = {"watch": 1.3, "high": 2.0, "critical": 3.0}


@pytest.fixture
def ids(service: Service, account: Account, make: SimpleNamespace) -> list[str]:
    """Six cases, from usual to very odd; the last one could not be judged; two outcomes are known."""
    found = []
    for i, value in enumerate(VALUES):
        text = make.declaration(
            id=f"D{i}",
            date=f"2025-04-{10 + i}",
            departure="SG" if i == 4 else "VN",
            line={"value": f"{value} USD"},
        )
        found.append(service.assess(Upload(declaration=text), account).id)
    with writing(service.accounts.engine) as connection:
        unjudged = queue.update().where(queue.c.assessment_id == found[-1])
        connection.execute(unjudged.values(surprise=UNKNOWN, band="unknown"))
    service.work(found[4], Found(result=Result.DISCREPANCY, reason="undervaluation"), account)
    service.work(found[3], Found(result=Result.AS_DECLARED, reason="goods_match"), account)
    return found


def rows(service: Service) -> list[Any]:
    with service.accounts.engine.connect() as connection:
        return list(connection.execute(sa.select(queue).order_by(queue.c.number)))


@pytest.mark.both_databases
def test_the_counts_of_two_policies_are_those_of_each_case_judged_by_itself(
    service: Service, ids: list[str]
) -> None:
    """Also where two thresholds are equal: the graver band counts, as the policy has it."""
    desk = service.insight.replay
    surprises = [row.surprise for row in rows(service)]
    odd = sorted(s for s in surprises if s != UNKNOWN)
    other = {"watch": odd[2], "high": odd[3], "critical": odd[3]}

    def band(surprise: float, bands: dict[str, float]) -> str:
        if surprise == UNKNOWN:
            return "unknown"
        return next((b for b in ("critical", "high", "watch") if surprise >= bands[b]), "clear")

    wanted: dict[tuple[str, str], int] = {}
    for surprise in surprises:
        pair = band(surprise, IN_FORCE), band(surprise, other)
        wanted[pair] = wanted.get(pair, 0) + 1
    found = desk.compare(Period(), Thresholds(IN_FORCE), Thresholds(other))
    assert {(w.before, w.after): w.cases for w in found.ways} == wanted
    assert ("unknown", "unknown") in wanted
    assert found.changed == sum(n for (a, b), n in wanted.items() if a != b)
    assert [m.surprise for m in found.moved] == sorted((m.surprise for m in found.moved), reverse=True)
    assert (found.cases, found.judged, found.compared) == (6, 5, 6)
    assert sum(w.inspected for w in found.ways) == 2
    assert sum(w.hits for w in found.ways) == 1


@pytest.mark.both_databases
def test_a_list_has_just_so_many_cases_and_never_one_that_nobody_could_judge(
    service: Service, ids: list[str]
) -> None:
    """Lists by surprise and by chance, longer than the period, and within a part of it."""
    desk = service.insight.replay
    by_surprise = sorted(
        (r for r in rows(service) if r.surprise != UNKNOWN), key=lambda r: (-r.surprise, -r.number)
    )
    found = desk.compare(Period(), Longest(2, By.SURPRISE), Longest(99, By.CHANCE))
    assert {(w.before, w.after): w.cases for w in found.ways} == {
        ("inspect", "inspect"): 2,
        ("release", "inspect"): 3,
        ("release", "release"): 1,
    }
    assert {m.id for m in found.moved} == {r.assessment_id for r in by_surprise[2:]}
    assert (found.to_inspection, found.from_inspection) == (3, 0)
    none = desk.compare(Period(), Longest(0, By.SURPRISE), Longest(1, By.SURPRISE))
    assert [m.id for m in none.moved] == [by_surprise[0].assessment_id]
    some = Period(dt.date(2025, 4, 11), dt.date(2025, 4, 12))
    assert desk.compare(some, Longest(1, By.SURPRISE), Longest(2, By.SURPRISE)).compared == 2


@pytest.mark.both_databases
def test_a_shadow_is_compared_by_its_newest_verdict_on_what_it_scored(
    service: Service, ids: list[str]
) -> None:
    """Cases that it never saw are not in the table."""
    versions = {"tabular": "tabular@other"}
    for band in ("clear", "high"):
        service.choices.note("next", versions, Said(ids[0], "clear", band, 0.1, 2.1, 0.01))
    service.choices.note("next", versions, Said(ids[4], "critical", "critical", 9.0, 9.0, 0.001))
    desk = service.insight.replay
    shadow = desk.shadows(Period())[0]
    assert (shadow.name, shadow.scored) == ("next", 2)
    assert shadow.last.tzinfo is not None
    from portcullis.insight.replay import Compare, Question

    asked = Question(Compare.SHADOW, Period(), ({}, {}))
    found = desk.compare(Period(), *desk.settings(asked))
    assert {(w.before, w.after): w.cases for w in found.ways} == {
        ("clear", "high"): 1,
        ("critical", "critical"): 1,
    }
    assert [m.id for m in found.moved] == [ids[0]]
    assert (found.compared, found.cases) == (2, 6)


def test_the_comparison_over_http_says_what_is_known_and_what_not(
    service: Service, ids: list[str], people_of: dict[Role, str], address: str
) -> None:
    """An analyst may ask, an inspector may not; a threshold that falls is refused with its field."""
    with httpx.Client(base_url=address, headers={"Authorization": people_of[Role.ANALYST]}) as client:
        same = client.get("/v1/replay").json()
        assert (same["changed"], same["moved"], same["next"]) == (0, [], None)
        assert same["before"]["hits"] == 1
        assert same["only_before"] == {
            "cases": 0,
            "inspected": 0,
            "hits": 0,
            "rate": None,
            "low": None,
            "high": None,
        }
        refused = client.get("/v1/replay", params={"b_high": 0.5})
        assert refused.status_code == 422
        assert refused.json()["problems"][0]["field"] == "b_high"
        bad = client.get("/v1/replay", params={"compare": "budget", "a_budget": "many"})
        assert bad.json()["problems"][0]["field"] == "a_budget"
        assert client.get("/v1/replay", params={"compare": "shadow"}).status_code == 404
        route = client.get(f"/v1/assessments/{ids[5]}/past", params={"by": "route"}).json()
        assert (route["match"], route["value"], route["counts"]["cases"]) == ("route", "VN VN", 4)
    with httpx.Client(base_url=address, headers={"Authorization": people_of[Role.INSPECTOR]}) as client:
        assert client.get("/v1/replay").status_code == 403


@pytest.fixture
def people_of(service: Service) -> dict[Role, str]:
    """The Authorization header of a key for each role."""
    from portcullis.identity.permissions import PERMISSIONS

    made = {}
    for role in (Role.ANALYST, Role.INSPECTOR):
        owner = service.accounts.add(f"key-{role.value}", "no hash", role)
        key = service.registry.keys.add(owner, "test", PERMISSIONS[role], 1, by=owner.name)[1]
        made[role] = f"Bearer {key}"
    return made


@pytest.mark.both_databases
def test_the_log_gives_the_hashes_of_the_entries_that_it_has(service: Service, ids: list[str]) -> None:
    log: Audit = service.audit
    entries = log.page()
    wanted = {entry.number: entry.hash for entry in entries}
    assert log.hashes([*wanted, 10**9]) == wanted
    assert log.hashes([]) == {}


def test_a_usual_range_comes_from_the_months_before_and_from_enough_of_them() -> None:
    """The month itself has no part in its own range."""
    values: list[float | None] = [*(float(n) for n in range(12)), 1e6, None, 5.0]
    found = usual_ranges(values)
    assert found[:12] == [None] * 12
    assert found[12] == pytest.approx((0.55, 10.45))
    assert found[14] is not None
    assert found[14][1] > 11
