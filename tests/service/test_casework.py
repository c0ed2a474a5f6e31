"""Decisions, outcomes, notes and assignments over a live server, and the audit entries behind them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from customs.sentences import catalogue
from portcullis.service import Service
from portcullis.store.accounts import Role
from portcullis.store.audit import check_chain
from portcullis.store.casework import DECISION_REASONS, EVENTS, OUTCOME_REASONS, digest_of

URL = "/v1/assessments"
INSPECT = {"decision": "inspect", "reason": "risk"}
CHEAPER = {"result": "discrepancy", "reason": "undervaluation"}


@pytest.fixture
def case(client: httpx.Client, make: SimpleNamespace) -> str:
    """The id of a stored case."""
    answer = client.post(URL, files={"declaration": make.declaration(line={"value": "40000 USD"})})
    found: str = answer.json()["id"]
    return found


@pytest.fixture
def deed(client: httpx.Client, case: str) -> Callable[..., httpx.Response]:
    """Does something with the case."""

    def post(kind: str, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return client.post(f"{URL}/{case}/{kind}", json=body, headers=headers)

    return post


def test_a_case_walks_from_the_queue_to_its_outcome(
    client: httpx.Client, case: str, deed: Callable[..., httpx.Response]
) -> None:
    """Assigned, decided, noted, closed with a reason; every step stays in its history."""
    assert deed("assignments", assignee="kim").json()["assignee"] == "kim"
    assert deed("decisions", **INSPECT, note="bay 4").json()["reason_words"] == "Risk score"
    assert deed("notes", text="새우가 아님").status_code == 201
    found = deed("outcomes", **CHEAPER, found_hs="1605.21-1000")
    assert found.json()["found_hs"] == "1605211000"
    now = client.get(f"{URL}/{case}/casework").json()
    assert (now["status"], now["assignee"], now["version"]) == ("closed", "kim", 4)
    assert (now["result"], now["reason"]) == ("discrepancy", "undervaluation")
    assert [event["kind"] for event in now["events"]] == ["assignment", "decision", "note", "outcome"]
    (row,) = client.get(URL, params={"status": "closed"}).json()["items"]
    assert (row["id"], row["result"]) == (case, "discrepancy")


def test_reason_codes_have_words_in_both_languages_and_only_those_are_taken(
    client: httpx.Client, deed: Callable[..., httpx.Response]
) -> None:
    """Two taps: a result, then one of its reasons."""
    codes = [c for group in (DECISION_REASONS, OUTCOME_REASONS) for many in group.values() for c in many]
    assert all(f"reason.{code}" in catalogue() for code in codes)
    listed = client.get("/v1/reasons?lang=ko").json()
    assert listed["outcomes"]["discrepancy"][0] == {"code": "undervaluation", "words": "저가 신고"}
    refused = deed("outcomes", result="as_declared", reason="undervaluation")
    assert refused.status_code == 422
    assert "goods_match" in refused.json()["problems"][0]["remedy"]


def test_two_officers_do_not_decide_past_each_other(deed: Callable[..., httpx.Response]) -> None:
    """The version that an officer saw must still be the case's."""
    assert deed("decisions", **INSPECT, version=0).status_code == 201
    late = deed("decisions", decision="release", reason="explained", version=0)
    assert late.status_code == 409
    assert late.json()["problems"][0]["field"] == "version"


def test_a_closed_case_is_not_decided_again_but_its_outcome_may_be_corrected(
    client: httpx.Client, case: str, deed: Callable[..., httpx.Response]
) -> None:
    """Both outcomes stay; the later one counts."""
    deed("outcomes", **CHEAPER)
    assert deed("decisions", **INSPECT).status_code == 409
    assert deed("outcomes", result="as_declared", reason="data_error").status_code == 201
    now = client.get(f"{URL}/{case}/casework").json()
    assert (now["result"], len(now["events"])) == ("as_declared", 2)


@pytest.mark.both_databases
def test_an_inconclusive_look_leaves_the_case_open(
    client: httpx.Client, case: str, deed: Callable[..., httpx.Response]
) -> None:
    """Nothing is known yet."""
    deed("decisions", **INSPECT)
    deed("outcomes", result="inconclusive", reason="sample_pending")
    assert client.get(f"{URL}/{case}/casework").json()["status"] == "inspecting"


def test_the_same_key_does_a_thing_once(
    client: httpx.Client, case: str, deed: Callable[..., httpx.Response]
) -> None:
    """Even when two taps arrive at the same moment; another body under the key is refused."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: deed("outcomes", key="tap", **CHEAPER), range(8)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    assert client.get(f"{URL}/{case}/casework").json()["version"] == 1
    assert deed("outcomes", key="tap", result="as_declared", reason="goods_match").status_code == 422


@pytest.mark.parametrize("name", ["nobody-here", "eva"])
def test_a_case_is_given_only_to_somebody_who_may_work_on_it(
    service: Service, make: SimpleNamespace, deed: Callable[..., httpx.Response], name: str
) -> None:
    """A broker is no officer."""
    service.login.add("eva", make.password, Role.BROKER)
    answer = deed("assignments", assignee=name)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "assignee"
    assert deed("assignments", assignee=None).status_code == 201


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("notes", {"text": ""}),
        ("notes", {"text": "a\0b"}),
        ("notes", {"text": " \n"}),
        ("notes", {"text": "x" * 4001}),
        ("notes", {"text": "no scan to be on", "box": [0, 0, 10, 10]}),
        ("notes", {"text": "inside out", "box": [10, 0, 5, 10]}),
        ("notes", {"text": "three sides", "box": [0, 0, 5]}),
        ("decisions", {"decision": "burn", "reason": "risk"}),
        ("outcomes", {**CHEAPER, "found_hs": "77"}),
        ("outcomes", {**CHEAPER, "extra": 1}),
    ],
)
def test_a_deed_that_cannot_be_is_refused_and_nothing_is_stored(
    service: Service, case: str, deed: Callable[..., httpx.Response], kind: str, body: dict[str, Any]
) -> None:
    """One clear error; the history stays empty."""
    answer = deed(kind, **body)
    assert answer.status_code == 422
    assert answer.json()["problems"]
    assert service.casework.history(case) == []


def test_a_case_that_does_not_exist_is_not_found(client: httpx.Client, deed: object) -> None:
    """For every deed and for the history."""
    for kind, body in (("notes", {"text": "x"}), ("decisions", INSPECT), ("outcomes", CHEAPER)):
        assert client.post(f"{URL}/0000/{kind}", json=body).status_code == 404
    assert client.get(f"{URL}/0000/casework").status_code == 404


def test_every_deed_has_one_audit_entry_that_vouches_for_it(
    service: Service, case: str, deed: Callable[..., httpx.Response]
) -> None:
    """The digest in the signed chain is that of the row."""
    deed("decisions", **INSPECT)
    deed("outcomes", **CHEAPER)
    entries = service.audit.about(case)
    assert [entry.action for entry in entries] == ["assess", "decision", "outcome"]
    with service.casework.engine.connect() as connection:
        for entry in entries[1:]:
            row = connection.execute(sa.select(EVENTS[entry.action])).one()._mapping
            assert entry.values == {"id": row["id"], "sha256": digest_of(entry.action, row)}
    assert list(check_chain(service.audit.entries(), service.audit.public_key)) == []


@pytest.mark.parametrize("table", [*EVENTS, "audit", "assessment"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET number = number", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_what_was_done(
    service: Service, case: str, deed: Callable[..., httpx.Response], table: str, statement: str
) -> None:
    """Decisions, outcomes, notes, assignments, audit and assessments are append-only."""
    for kind, body in (
        ("assignments", {"assignee": "kim"}),
        ("notes", {"text": "x"}),
        ("decisions", INSPECT),
    ):
        deed(kind, **body)
    deed("outcomes", **CHEAPER)
    with (
        pytest.raises(sa.exc.IntegrityError, match="append-only"),
        service.audit.engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement.format(table))


def test_a_deed_that_cannot_be_written_down_is_not_done(
    service: Service, case: str, deed: Callable[..., httpx.Response]
) -> None:
    """Row, audit entry and the queue's row are stored together or not at all."""
    with service.audit.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    assert deed("decisions", **INSPECT).status_code == 500
    assert service.casework.history(case) == []
    assert service.case(case).status == "new"
