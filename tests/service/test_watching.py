"""The figures that are watched, worked out from a real store and held against what was put there."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from scipy import stats

from portcullis.consignment import Upload
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.assessments import assessment
from portcullis.store.casework import Decided, Decision, Found, Result
from portcullis.store.concluded import Waiting
from portcullis.store.engine import downgrade, upgrade, writing
from portcullis.store.weekly import CHECK, P_EDGES, Cell, Weekly, cells, count_in, week_of, weekly_count
from portcullis.watching.data import CODE_STATES
from portcullis.watching.drift import drift_of
from portcullis.watching.outcomes import MEANT, Arm
from portcullis.watching.shares import Share, lift, noise_limit
from portcullis.watching.window import RECENT, Verdict, Window

MONDAY = dt.date(2025, 4, 28)


def in_store(service: Service) -> dict[tuple[str, str, dt.date], tuple[int, float]]:
    """All cells."""
    with service.audit.engine.connect() as connection:
        rows = connection.execute(sa.select(weekly_count)).all()
    return {(r.topic, r.said, r.week): (r.count, round(r.amount, 9)) for r in rows}


@pytest.fixture
def assess(service: Service, account: Account, make: SimpleNamespace) -> Callable[..., str]:
    """Assesses a declaration; the id of the case."""

    def do(number: int, scan: bool = False, **changes: Any) -> str:
        scans = (("s.png", make.scan()),) if scan else ()
        return service.assess(Upload(make.declaration(id=f"D{number}", **changes), scans), account).id

    return do


@pytest.mark.both_databases
def test_every_assessment_raises_the_cells_of_its_week(service: Service, assess: Callable[..., str]) -> None:
    """What was lacking, which codes, how each check judged; two weeks are two cells."""
    assess(1)
    assess(2, scan=True, line={"packages": None, "value": "40000 USD"})
    assess(3, date="2025-05-05", origin="CN")
    found = {key: count for key, (count, _) in in_store(service).items()}
    assert found["case", "all", MONDAY] == 2
    assert found["case", "all", dt.date(2025, 5, 5)] == 1
    assert found["lacks", "packages", MONDAY] == 1
    assert found["lacks", "scan", MONDAY] == 1
    assert found["lacks", "freight", MONDAY] == 2
    assert ("lacks", "gross_kg", MONDAY) not in found
    assert found["scan", "one_energy", MONDAY] == 1
    assert found["code", "no_table", MONDAY] == 2
    assert found["origin", "CN", dt.date(2025, 5, 5)] == 1
    assert found["importer", "한빛수산 Hanbit Seafood", MONDAY] == 2
    spoke = sum(
        n for (topic, _, week), n in found.items() if topic == CHECK + "price.unit_value" and week == MONDAY
    )
    assert spoke == 2
    assert found[CHECK + "xray.packing", "-band.unknown", MONDAY] == 1


@pytest.mark.both_databases
def test_an_upgrade_counts_what_was_assessed_before(service: Service, assess: Callable[..., str]) -> None:
    """The same cells as if they had been there from the beginning."""
    assess(1, scan=True)
    assess(2, line={"value": "40000 USD"})
    assess(3, date="2024-12-31")
    before = in_store(service)
    assert len(before) > 20
    downgrade(service.audit.engine, "0012")
    upgrade(service.audit.engine)
    assert in_store(service) == before


def test_a_code_is_valid_on_the_day_or_it_is_said_why_not(
    service: Service, assess: Callable[..., str]
) -> None:
    """As the table says when the case is assessed."""
    from portcullis.store.official import hsk, imports

    with writing(service.audit.engine) as connection:
        given = dict.fromkeys(("rows_read", "rows_repaired", "rows_refused", "rows_stored"), 1)
        at = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
        values = {"kind": "hsk", "file": "hsk.csv", "sha256": "0" * 64, "at": at, **given}
        number = connection.scalar(imports.insert().values(values).returning(imports.c.id))
        row = {"valid_from": dt.date(2024, 1, 1), "valid_to": dt.date(2025, 4, 30), "level": 10}
        row |= {"digits": "0306171090", "name_ko": "새우", "name_en": "shrimp", "import_id": number}
        connection.execute(hsk.insert().values(row))
    assess(1)
    assess(2, date="2025-05-01")
    assess(3, line={"hsk": "0306171000"})
    window = service.watching.quality.window(8, dt.date(2025, 5, 1))
    counts = {state: window.count("code", state, window.recent) for state in CODE_STATES}
    assert counts == {"valid": 1, "not_valid": 1, "unknown": 1, "no_table": 0}
    data = service.watching.quality.data(window)
    assert [(one.kind, one.read) for one in data.imports] == [("hsk", 1)]


def test_nothing_is_counted_where_the_assessment_is_not_stored(
    service: Service, assess: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both in one transaction."""
    assess(1)
    before = in_store(service)

    def fail(*values: object) -> None:
        raise RuntimeError("the alert cannot be written")

    monkeypatch.setattr(service.alerting.alerts, "write", fail)
    with pytest.raises(RuntimeError):
        assess(2)
    assert in_store(service) == before


def test_an_interval_is_clopper_and_pearsons() -> None:
    """Against the inversion of the binomial tails; nothing of nothing says nothing."""
    share = Share(3, 7)
    assert stats.binom.sf(2, 7, share.low) == pytest.approx(0.025)
    assert stats.binom.cdf(3, 7, share.high) == pytest.approx(0.025)
    assert share.says_little
    assert not Share(30, 300).says_little
    empty = Share(0, 0)
    assert (empty.rate, empty.low, empty.high) == (None, 0.0, 1.0)


def test_the_interval_of_the_lift_holds_the_truth_in_at_least_95_of_100_draws() -> None:
    """Rates of 30 % and 6 %: the true ratio is 5."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        found = lift(Share(int(rng.binomial(200, 0.3)), 200), Share(int(rng.binomial(80, 0.06)), 80))
        assert found is not None
        held += found.low <= 5 <= (math.inf if found.high is None else found.high)
    assert held >= 0.95 * 400
    assert lift(Share(0, 0), Share(1, 5)) is None
    nothing = lift(Share(5, 10), Share(0, 10))
    assert nothing is not None
    assert (nothing.ratio, nothing.high) == (None, None)


def windowed(
    rng: np.random.Generator, recent: float = 1.0, reference: int = 100_000, each: int = 300
) -> Window:
    """Twelve weeks of two checks; p-values uniform, in the recent weeks to the power of `recent`."""
    last = dt.date(2025, 4, 28)
    found = []
    for n in range(12):
        week = last - dt.timedelta(days=7 * n)
        found.append(Cell("case", "all", week, each, 0.0, n + 1))
        for check in ("a", "b"):
            p = rng.random(each) ** (recent if n < RECENT and check == "a" else 1.0)
            bins, counts = np.unique(np.searchsorted(P_EDGES, p), return_counts=True)
            for one, count in zip(bins, counts, strict=True):
                amount = int(count) / reference
                found.append(Cell(CHECK + check, str(one), week, int(count), amount, n + 1))
    return Window.of(last, 12, found)


def test_a_check_that_changed_is_told_and_one_that_did_not_is_not() -> None:
    drift = drift_of(windowed(np.random.default_rng(1), recent=1.5))
    first, second = drift.checks
    assert (first.check, first.verdict) == ("a", Verdict.CHANGED)
    assert (second.check, second.verdict) == ("b", Verdict.USUAL)
    assert first.moved is not None
    assert first.moved == pytest.approx(0.148, abs=0.04)  # max |x^(2/3) - x| = 4/27
    assert first.at_5.rate == pytest.approx(0.05 ** (2 / 3), abs=0.03)


def test_even_weeks_raise_a_false_alarm_in_fewer_than_one_of_twenty_windows() -> None:
    """All checks of a window together: the limits allow for their number."""
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(100):
        drift = drift_of(windowed(rng, each=60))
        alarms += any(check.verdict in (Verdict.CHANGED, Verdict.DIFFERS) for check in drift.checks)
    assert alarms <= 5


def test_few_reference_cases_widen_the_limit() -> None:
    """P-values counted on 60 cases cannot be held to the even spread as closely as on 100,000."""
    rng = np.random.default_rng(4)
    few = drift_of(windowed(rng, reference=60)).checks[0]
    many = drift_of(windowed(rng)).checks[0]
    assert few.distance_limit > 4 * many.distance_limit
    assert noise_limit(1200, 60, 8) == pytest.approx(few.distance_limit)


def test_too_few_cases_say_nothing() -> None:
    drift = drift_of(windowed(np.random.default_rng(5), recent=3.0, each=20))
    assert {check.verdict for check in drift.checks} == {Verdict.FEW}


def test_what_no_earlier_week_had_is_a_newcomer(service: Service, assess: Callable[..., str]) -> None:
    assess(1, date="2025-01-06")
    assess(2, date="2025-04-30", origin="CN", importer="새수입사")
    desk = service.watching.quality
    window = desk.window(12)
    assert window.weeks[-1] == MONDAY
    count, (new,) = desk.newcomers("origin", window)
    assert (count, new.name, new.cases, new.week) == (1, "CN", 1, MONDAY)
    assert [one.name for one in desk.newcomers("importer", window)[1]] == ["새수입사"]
    assert desk.examples([new.example])[new.example].declaration_id == "D2"
    assert {one.version for one in desk.versions()} >= {"tabular@byhand"}


@pytest.mark.both_databases
def test_outcomes_are_told_by_arm_and_only_lots_tell_of_all(
    service: Service, account: Account, assess: Callable[..., str], clock: Any
) -> None:
    """A case that was drawn counts there, even if risk spoke for it as well; the latest outcome counts."""

    def inspect(number: int, *reasons: str, result: str | None = "as_declared") -> str:
        case = assess(number, line={"value": "40000 USD"})
        clock.forward(hours=3)
        for reason in reasons:
            service.work(case, Decided(decision=Decision.INSPECT, reason=reason), account)
        if result is not None:
            why = {
                "as_declared": "goods_match",
                "discrepancy": "undervaluation",
                "inconclusive": "sample_pending",
            }
            service.work(case, Found(result=Result(result), reason=why[result]), account)
        return case

    inspect(1, "risk", result="discrepancy")
    inspect(2, "risk", "random", result="discrepancy")
    inspect(3, "random")
    inspect(4, "intelligence")
    inspect(5, "risk", result="inconclusive")
    inspect(6, "random", result=None)
    corrected = inspect(7, "risk", result="discrepancy")
    service.work(corrected, Found(result=Result.AS_DECLARED, reason="data_error"), account)
    inspect(8)
    found = service.watching.outcomes.figures(None, None)
    counted = {arm: (share.hits, share.of) for arm, share in found.arms.items()}
    assert counted == {Arm.RISK: (1, 2), Arm.RANDOM: (1, 2), Arm.OTHER: (0, 1), Arm.NONE: (0, 1)}
    assert (found.cases, found.inconclusive, found.pending, found.drawn_pending) == (7, 1, 2, 1)
    assert found.causes == [("undervaluation", 2)]
    (check,) = found.checks
    assert (check.name, check.share.hits, check.share.of) == ("mismatch.hsk_price", 2, 6)
    assert check.meant is not None
    assert check.meant.hits == 2
    assert found.to_decision is not None
    assert found.to_decision.median == pytest.approx(3)
    (week,) = found.weeks
    assert (week.as_declared, week.discrepancy, week.inconclusive) == (4, 2, 1)
    later = clock.time.date() + dt.timedelta(days=1)
    assert service.watching.outcomes.figures(later, None).cases == 0
    inspect(9, "random", result="discrepancy")
    assert service.watching.outcomes.figures(None, None).arms[Arm.RANDOM].of == 3  # what was kept is let go


def test_every_finding_that_has_words_says_of_which_causes_it_speaks() -> None:
    """So that a check that is added is given some."""
    from customs.sentences import catalogue
    from portcullis.store.casework import OUTCOME_REASONS

    named = {name.removeprefix("check.") for name in catalogue() if name.startswith("check.")} - {"fused"}
    assert set(MEANT) == named
    known = set(OUTCOME_REASONS[Result.DISCREPANCY])
    assert all(causes and causes <= known for causes in MEANT.values())


def test_the_api_answers_what_the_desks_count_and_shows_cases_only_to_who_may_read_them(
    service: Service, address: str, client: httpx.Client, assess: Callable[..., str]
) -> None:
    """An admin sees drift and no case; an inspector sees outcomes and no drift."""
    case = assess(1, line={"value": "40000 USD"})
    for role in (Role.ANALYST, Role.ADMIN):
        service.login.add(role.value, "correct horse battery", role)
    signed = {role: (role.value, "correct horse battery") for role in (Role.ANALYST, Role.ADMIN)}
    drift = {
        role: httpx.get(address + "/v1/quality/drift", auth=auth).json() for role, auth in signed.items()
    }
    price = {
        role: next(c for c in one["checks"] if c["check"] == "price.unit_value")
        for role, one in drift.items()
    }
    assert price[Role.ANALYST]["examples"] == [case]
    assert price[Role.ADMIN]["examples"] == []
    assert price[Role.ADMIN]["at_1"]["hits"] == 1
    data = httpx.get(address + "/v1/quality/data?weeks=8", auth=signed[Role.ADMIN]).json()
    assert next(f for f in data["fields"] if f["name"] == "freight")["recent"]["hits"] == 1
    assert httpx.get(address + "/v1/outcomes", auth=signed[Role.ADMIN]).status_code == 403
    assert client.get("/v1/quality/drift").status_code == 403
    assert client.get("/v1/outcomes").json()["arms"]["random"] == {
        **{"hits": 0, "of": 0, "rate": None, "low": 0.0, "high": 1.0}
    }
    wrong = client.get("/v1/outcomes", params={"since": "2025-05-02", "until": "2025-05-01"})
    assert wrong.status_code == 422
    assert wrong.json()["problems"][0]["field"] == "since"
    for strange in ("0001-01-01", "9999-12-31"):
        assert client.get("/v1/outcomes", params={"since": strange}).status_code == 422
        asked = httpx.get(address + "/v1/quality/drift", params={"until": strange}, auth=signed[Role.ADMIN])
        assert asked.status_code == 422


@pytest.mark.both_databases
def test_cells_are_what_the_stored_rows_say(service: Service, assess: Callable[..., str]) -> None:
    """They can be made anew from the table `assessment` at any time."""
    assess(1, scan=True)
    assess(2, date="2025-05-06")
    with service.audit.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(assessment))]
        again = cells(connection, [{**row, "report": _plain(row["report"])} for row in rows])
    assert {(c.topic, c.said, c.week): (c.count, round(c.amount, 9)) for c in again} == in_store(service)
    with writing(service.audit.engine) as connection:
        count_in(connection, [])
    weekly = Weekly(service.audit.engine)
    assert weekly.last_week(dt.date(2025, 5, 4)) == MONDAY  # a declaration dated ahead moves no window
    assert week_of(dt.date(2025, 5, 4)) == MONDAY
    assert service.watching.outcomes.store.waiting() == Waiting(0, 0)


def _plain(report: Any) -> Any:
    return json.loads(report) if isinstance(report, str) else report
