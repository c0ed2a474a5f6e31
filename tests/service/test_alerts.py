"""Alerts: written with what they tell, numbered in the order of commits, readable by whom it concerns."""

from __future__ import annotations

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
import sqlalchemy as sa

from customs.sentences import LANGUAGES
from fusion.policy import BANDS
from portcullis.alerting.document import alert_sentence, kind_label
from portcullis.alerting.reading import NEEDS
from portcullis.consignment import Upload
from portcullis.service import Service, utc_now
from portcullis.store.accounts import Account, Role
from portcullis.store.alerts import (
    Alert,
    AlertKind,
    Alerts,
    StoredAlert,
    batch_finished,
    model_shadowed,
    model_switched,
)
from portcullis.store.casework import Assigned, Decided, Decision, Found, Noted, Result
from portcullis.store.engine import open_store, writing

ODD = {"value": "9000 USD"}  # for goods of about 160,000


def assessed(service: Service, account: Account, make: SimpleNamespace, **line: str) -> str:
    return service.assess(Upload(make.declaration(line=line)), account).id


def test_a_risky_consignment_is_told_with_it_and_without_names(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """The alert has ids, band, findings and code; who imports what stays inside."""
    case = assessed(service, account, make, **ODD)
    (told,) = service.alerting.alerts.page(0)
    found = service.assessment(case)
    assert told.number == 1
    assert told.alert.kind is AlertKind.ASSESSED
    assert (told.alert.subject, told.alert.assessment) == ("D000123", case)
    assert told.alert.band == found.report.band in ("high", "critical")
    assert told.alert.details == {
        "hs": "0306171090",
        "findings": list(dict.fromkeys(f.kind for f in found.report.findings)),
        "href": f"/v1/assessments/{case}",
    }
    written = json.dumps(dict(told.alert.details), ensure_ascii=False)
    assert "Hanbit" not in written
    assert "SHRIMP" not in written


def test_only_bands_from_the_lowest_on_are_told(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """An ordinary consignment is no news, unless the setting says so; the same key tells once."""
    assessed(service, account, make)
    assert service.alerting.alerts.head() == 0
    found = service.assess(Upload(make.declaration(line=ODD)), account, "once")
    service.assess(Upload(make.declaration(line=ODD)), account, "once")
    assert service.alerting.alerts.head() == 1
    for lowest in BANDS:
        alerts = Alerts(service.audit.engine, utc_now, lowest)
        for band in BANDS:
            report = found.report.model_copy(update={"band": band})
            told = alerts.of_assessment("0" * 16, "D1", report)
            assert bool(told) == (BANDS.index(band) >= BANDS.index(lowest)), (band, lowest)


def test_what_is_done_with_a_case_is_told_and_words_of_people_are_not(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """Decisions, outcomes and assignments; a note is between those who work on the case."""
    case = assessed(service, account, make)
    service.work(case, Noted(text="the importer is my neighbour"), account)
    service.work(case, Decided(decision=Decision.INSPECT, reason="risk", note="my neighbour"), account)
    service.work(case, Assigned(assignee=account), account)
    service.work(case, Found(result=Result.DISCREPANCY, reason="undervaluation", note="neighbour"), account)
    told = [stored.alert for stored in service.alerting.alerts.page(0)]
    assert [alert.kind for alert in told] == ["decided", "assigned", "outcome"]
    assert {alert.subject for alert in told} == {"D000123"}
    assert {alert.assessment for alert in told} == {case}
    href = f"/v1/assessments/{case}"
    assert [alert.details for alert in told] == [
        {"decision": "inspect", "reason": "risk", "href": href},
        {"assignee": account.name, "href": href},
        {"result": "discrepancy", "reason": "undervaluation", "found_hs": None, "href": href},
    ]


def test_what_was_not_stored_is_not_told(service: Service) -> None:
    """Alert and deed share one transaction."""
    alerts = service.alerting.alerts

    def fail() -> None:
        with writing(alerts.engine) as connection:
            alerts.write(connection, batch_finished("b1", 3, 0))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert alerts.head() == 0
    with writing(alerts.engine) as connection:
        first, second = alerts.write(connection, batch_finished("b1", 3, 0), batch_finished("b2", 4, 1))
        assert alerts.write(connection) == []
    assert (first.number, second.number) == (1, 2)
    assert alerts.page(1) == [second]
    assert alerts.get(1) == first
    assert alerts.get(3) is None


def test_alerts_cannot_be_changed_or_taken_back(store_url: str) -> None:
    """The database itself refuses, on both kinds; times are read as they were written."""
    engine = open_store(store_url)
    alerts = Alerts(engine, utc_now)
    with writing(engine) as connection:
        (told,) = alerts.write(connection, batch_finished("b1", 3, 0))
    for verb in ("DELETE FROM alert", "UPDATE alert SET subject = 'other'"):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), writing(engine) as connection:
            connection.exec_driver_sql(verb)
    assert alerts.page(0) == [told]
    engine.dispose()


def test_whoever_reads_by_number_misses_no_alert_that_commits_late(store_url: str) -> None:
    """Eight writers hold their transactions open for a while; a reader sees every number, in order, once."""
    engine = open_store(store_url)
    alerts = Alerts(engine, utc_now)
    seen: list[int] = []
    written = threading.Event()

    def write(writer: int) -> None:
        for turn in range(6):
            with writing(engine) as connection:
                alerts.write(connection, batch_finished(f"{writer}.{turn}", 1, 0))
                time.sleep(random.Random(writer * 10 + turn).uniform(0, 0.02))

    def read() -> None:
        last = False
        while not last:
            last = written.is_set()  # one more look after the last write
            seen.extend(stored.number for stored in alerts.page(seen[-1] if seen else 0))

    with ThreadPoolExecutor(9) as pool:
        reading = pool.submit(read)
        writing_all = [pool.submit(write, writer) for writer in range(8)]
        for one in writing_all:
            one.exception()
        written.set()
        for one in writing_all:
            one.result()
        reading.result(timeout=30)
    assert seen == list(range(1, 49))
    engine.dispose()


def test_a_number_is_not_given_while_a_lower_one_may_still_commit(postgres_url: str) -> None:
    """On PostgreSQL the second writer waits for the first to end; SQLite has one writer anyway."""
    engine = open_store(postgres_url)
    alerts = Alerts(engine, utc_now)
    second: list[StoredAlert] = []

    def write() -> None:
        with writing(engine) as connection:
            second.extend(alerts.write(connection, batch_finished("second", 1, 0)))

    with writing(engine) as connection:
        (first,) = alerts.write(connection, batch_finished("first", 1, 0))
        other = threading.Thread(target=write)
        other.start()
        other.join(0.3)
        assert other.is_alive()
        assert alerts.page(0) == []
    other.join(10)
    assert [first.number, second[0].number] == [1, 2]
    engine.dispose()


def test_the_list_reads_on_from_a_number(service: Service, client: httpx.Client, account: Account) -> None:
    """Newest first glance, then everything behind it; `next` always leads on."""
    alerts = service.alerting.alerts
    told = [
        Alert(AlertKind.DECIDED, f"D{i}", {"decision": "hold", "reason": "expert_needed"}) for i in range(5)
    ]
    with writing(alerts.engine) as connection:
        alerts.write(connection, *told, batch_finished("b1", 3, 0))
    newest = client.get("/v1/alerts", params={"limit": 2, "lang": "en"}).json()
    # an inspector runs no batches: number 6 is not theirs, but need not be asked for again
    assert [a["number"] for a in newest["alerts"]] == [4, 5]
    assert newest["next"] == 6
    assert newest["alerts"][0]["sentence"] == "Declaration D3 was decided: hold (Expert needed)."
    page = client.get("/v1/alerts", params={"after": 0, "limit": 3}).json()
    assert ([a["number"] for a in page["alerts"]], page["next"]) == ([1, 2, 3], 3)
    page = client.get("/v1/alerts", params={"after": 3, "limit": 3}).json()
    assert ([a["number"] for a in page["alerts"]], page["next"]) == ([4, 5], 6)
    assert client.get("/v1/alerts", params={"after": 6}).json() == {"alerts": [], "next": 6}
    only = client.get("/v1/alerts", params={"after": 0, "kind": ["outcome", "assigned"]}).json()
    assert only == {"alerts": [], "next": 6}
    for wrong in ({"after": -1}, {"after": 2**63}, {"kind": "gossip"}, {"limit": 0}, {"limit": 201}):
        assert client.get("/v1/alerts", params=wrong).status_code == 422, wrong


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        (Role.INSPECTOR, {"decided"}),
        (Role.ANALYST, {"decided", "batch.finished", "model.switched"}),
        (Role.ADMIN, {"model.switched", "webhook.off"}),
        (Role.BROKER, None),
    ],
)
def test_everybody_reads_of_what_they_may_read(
    service: Service, address: str, make: SimpleNamespace, role: Role, kinds: set[str] | None
) -> None:
    """An alert is no way round a permission."""
    service.login.add("lee", make.password, role)
    alerts = service.alerting.alerts
    with writing(alerts.engine) as connection:
        alerts.write(
            connection,
            Alert(AlertKind.DECIDED, "D1", {"decision": "hold", "reason": "expert_needed"}),
            batch_finished("b1", 3, 0),
            model_switched("tabular", "tabular@1", "tabular@2"),
            Alert(AlertKind.WEBHOOK_OFF, "0" * 16, {"since": "2025-05-01"}),
        )
    answer = httpx.get(f"{address}/v1/alerts", auth=("lee", make.password))
    if kinds is None:
        assert answer.status_code == 403
    else:
        assert {alert["kind"] for alert in answer.json()["alerts"]} == kinds


def test_every_kind_has_a_permission_a_name_and_a_sentence_in_both_languages(
    service: Service, account: Account, make: SimpleNamespace
) -> None:
    """With every value filled in, for alerts as the platform itself makes them."""
    assert set(NEEDS) == set(AlertKind)
    case = assessed(service, account, make, **ODD)
    service.work(case, Decided(decision=Decision.RELEASE, reason="explained"), account)
    service.work(case, Assigned(assignee=account), account)
    service.work(case, Found(result=Result.AS_DECLARED, reason="goods_match"), account)
    alerts = service.alerting.alerts
    hook, _ = service.alerting.webhooks.add("https://example.org/", account)
    service.alerting.webhooks.test(hook, account)
    with writing(alerts.engine) as connection:
        alerts.write(
            connection,
            batch_finished("b1", 3, 0),
            model_switched("tabular", "tabular@1", "tabular@2"),
            model_shadowed("tabular", "tabular@1", "tabular@2"),
            Alert(AlertKind.WEBHOOK_OFF, "0" * 16, {"since": "2025-05-01"}),
        )
    told = alerts.page(0)
    assert {stored.alert.kind for stored in told} == set(AlertKind)
    for language in LANGUAGES:
        for stored in told:
            sentence = alert_sentence(stored, language)
            assert "–" not in sentence
            assert "{" not in sentence
            assert stored.alert.subject in sentence
            assert not kind_label(stored.alert.kind, language).startswith("alert.")
    korean = [alert_sentence(stored, "ko") for stored in told]
    assert "신고 D000123: 처리 결정 통관 (서류로 소명)." in korean
    older = replace(told[1], alert=Alert(AlertKind.DECIDED, "D1", {}))
    assert alert_sentence(older, "en") == "Declaration D1 was decided: – (–)."
