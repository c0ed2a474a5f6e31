"""Imports with their reports: looked at without a trace, stored once, kept, bounded, only by who may."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from customs.errors import InvalidConfig, UnreadableFile
from customs.readers.report import Remark, RepairReport
from portcullis.importing import Kind
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.audit import audit
from portcullis.store.dumping import lines_of, tables_of
from portcullis.store.engine import snapshot
from portcullis.store.intake import LONGEST_GOT, REMARKS, REMARKS_OF_ONE, kept
from portcullis.store.official import TABLES

HSK = (
    "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드,중량단위코드\n"
    "0303670000,20220101,20251231,명태,Alaska Pollack,,KG\n"
    "0306171090,20220101,20251231,새우,Shrimps,,KG\n"
    "0303670001,20220230,20251231,명태,Alaska Pollack,,KG\n"
).encode("cp949")
URL = "/v1/imports"


@pytest.fixture
def boss(service: Service) -> Account:
    """An administrator."""
    return service.login.add("boss", "correct horse battery", Role.ADMIN)


@pytest.fixture
def at(address: str, service: Service, boss: Account) -> Iterator[Callable[..., httpx.Response]]:
    """Asks the live server as somebody."""
    service.login.add("anna", "correct horse battery", Role.ANALYST)
    with httpx.Client(base_url=address, timeout=30) as client:

        def ask(who: str, method: str, path: str, **parts: Any) -> httpx.Response:
            return client.request(method, path, auth=(who, "correct horse battery"), **parts)

        yield ask


def everything(service: Service) -> dict[str, list[bytes]]:
    """All rows of all tables."""
    with snapshot(service.imports.engine) as connection:
        return {t.name: sorted(lines_of(connection, t)) for t in tables_of(connection)}


@pytest.mark.both_databases
def test_a_look_tells_the_same_as_an_import_and_leaves_no_trace(service: Service, boss: Account) -> None:
    """Not a row in any table, the audit log included."""
    before = everything(service)
    looked = service.imports.look(Kind.HSK, io.BytesIO(HSK), "hsk.csv", {})
    assert everything(service) == before
    assert looked.earlier is None
    found = service.imports.take(Kind.HSK, io.BytesIO(HSK), "hsk.csv", {}, boss)
    assert found.report == looked.report
    assert (found.rows_read, found.rows_refused, found.rows_stored, found.rows_new) == (3, 1, 2, 2)


@pytest.mark.both_databases
def test_a_report_is_kept_with_who_asked_and_every_refused_row(service: Service, boss: Account) -> None:
    found = service.imports.take(Kind.HSK, io.BytesIO(HSK), "C:\\Users\\lee\\hsk.csv", {}, boss)
    again = service.imports.get(found.id)
    assert again == found
    assert again is not None
    assert again.report is not None
    assert (again.file, again.actor, again.report["source"]) == ("hsk.csv", "boss", "hsk.csv")
    (refused,) = [r for r in again.report["remarks"] if r["refused"]]
    assert (refused["line"], refused["field"], refused["got"]) == (4, "valid_from", "20220230")
    with service.imports.engine.connect() as connection:
        act = connection.execute(sa.select(audit).where(audit.c.action == "data.import")).one()
        rows = connection.execute(sa.select(TABLES["hsk"].c.import_id)).scalars().all()
    assert (act.actor, act.subject) == ("boss", str(found.id))
    assert rows == [found.id, found.id]
    (listed,) = service.imports.page()
    assert (listed.id, listed.report) == (found.id, None), "lists do without the reports"


def test_the_same_file_is_told_and_adds_nothing(service: Service, boss: Account) -> None:
    """By its bytes and not its name; as another kind it is another file."""
    first = service.imports.take(Kind.HSK, io.BytesIO(HSK), "hsk.csv", {}, boss)
    looked = service.imports.look(Kind.HSK, io.BytesIO(HSK), "renamed.csv", {})
    assert looked.earlier == first
    second = service.imports.take(Kind.HSK, io.BytesIO(HSK), "renamed.csv", {}, boss)
    assert (second.rows_stored, second.rows_new) == (2, 0)
    assert service.imports.earlier(Kind.HSK, second.sha256) == second
    assert service.imports.earlier(Kind.HSK, second.sha256, before=second.id) == first
    assert service.imports.earlier(Kind.HSK, first.sha256, before=first.id) is None
    assert service.imports.earlier(Kind.TRADE, first.sha256) is None
    assert service.imports.earlier(Kind.HSK, "0" * 64) is None


@pytest.mark.parametrize(
    ("kind", "name", "data", "columns", "error"),
    [
        (Kind.HSK, "hsk.csv", HSK.splitlines()[0], {}, UnreadableFile),
        (Kind.HSK, "hsk.csv", b"", {}, UnreadableFile),
        (Kind.HSK, "hsk.xlsx", b"PK\x03\x04" + bytes(64), {}, UnreadableFile),
        (Kind.HSK, "hsk.csv", HSK, {"hs": "HS"}, InvalidConfig),
        (Kind.HSK, "..", HSK, {}, UnreadableFile),
        (Kind.TRADE, "hsk.csv", HSK, {}, UnreadableFile),
    ],
)
def test_a_file_that_cannot_be_read_leaves_no_trace(
    service: Service, boss: Account, kind: Kind, name: str, data: bytes, columns: Any, error: type[Exception]
) -> None:
    before = everything(service)
    with pytest.raises(error):
        service.imports.take(kind, io.BytesIO(data), name, columns, boss)
    assert everything(service) == before


def test_what_is_kept_of_a_report_is_bounded_and_its_counts_are_whole() -> None:
    """A wholly broken file of a million rows stays a small report."""
    remarks = [
        Remark(line, f"f{line % 50}", "x" * 5_000, "it is odd", refused=True) for line in range(50 * 1_000)
    ]
    reasons = {f"f{n}: it is odd": 1_000 for n in range(50)}
    found = kept(RepairReport("a.csv", 50_000, 0, 50_000, tuple(remarks), reasons))
    assert found["reasons"] == reasons
    assert len(found["remarks"]) == REMARKS
    assert {len(r["got"]) for r in found["remarks"]} == {LONGEST_GOT}
    by_field: dict[str, int] = {}
    for remark in found["remarks"]:
        by_field[remark["field"]] = by_field.get(remark["field"], 0) + 1
    assert max(by_field.values()) <= REMARKS_OF_ONE


def test_the_api_looks_stores_lists_and_shows(at: Callable[..., httpx.Response], service: Service) -> None:
    """The report in full with one import, without it in the list."""
    sent = {"data": {"kind": "hsk"}, "files": {"file": ("hsk.csv", HSK)}}
    looked = at("boss", "POST", URL, data={"kind": "hsk", "look_first": "true"}, files=sent["files"]).json()
    assert (looked["id"], looked["stored"], looked["refused"], looked["same_as"]) == (None, 0, 1, None)
    assert at("boss", "GET", URL).json() == {"imports": [], "next": None}
    made = [at("boss", "POST", URL, **sent).json() for _ in range(3)]
    assert [one["new"] for one in made] == [2, 0, 0]
    told = at("boss", "POST", URL, data={"kind": "hsk", "look_first": "true"}, files=sent["files"]).json()
    assert told["same_as"] == made[-1]["id"]
    listed = at("boss", "GET", URL, params={"limit": 2}).json()
    assert [one["id"] for one in listed["imports"]] == [made[2]["id"], made[1]["id"]]
    assert all(one["report"] is None for one in listed["imports"])
    rest = at("boss", "GET", URL, params={"before": listed["next"]}).json()
    assert ([one["id"] for one in rest["imports"]], rest["next"]) == ([made[0]["id"]], None)
    shown = at("boss", "GET", f"{URL}/{made[0]['id']}").json()
    assert shown["report"] == looked["report"]
    assert dt.datetime.fromisoformat(shown["at"]).tzinfo is not None
    assert at("boss", "GET", f"{URL}/99").status_code == 404


def test_a_file_above_the_limit_is_not_read(at: Callable[..., httpx.Response], service: Service) -> None:
    """The size of requests is bounded; nothing is stored."""
    large = {"file": ("hsk.csv", b"0" * (service.settings.max_body_mb * 1024 * 1024 + 1))}
    answer = at("boss", "POST", URL, data={"kind": "hsk"}, files=large)
    assert answer.status_code == 413
    assert service.imports.page() == []


@pytest.mark.parametrize(
    "parts",
    [
        {"data": {"kind": "moon"}, "files": {"file": ("hsk.csv", HSK)}},
        {"data": {"kind": "hsk"}},
        {"data": {"kind": "hsk"}, "files": {"file": ("hsk.csv", b"nothing")}},
    ],
)
def test_what_cannot_be_imported_is_refused(
    at: Callable[..., httpx.Response], service: Service, parts: Any
) -> None:
    answer = at("boss", "POST", URL, **parts)
    assert answer.status_code in (400, 422)
    assert answer.json()["problems"]
    assert service.imports.page() == []


@pytest.mark.parametrize("who", ["kim", "anna"])
def test_only_administrators_import(at: Callable[..., httpx.Response], service: Service, who: str) -> None:
    """Not even to look at a list of what was imported."""
    sent = {"data": {"kind": "hsk"}, "files": {"file": ("hsk.csv", HSK)}}
    assert at(who, "POST", URL, **sent).status_code == 403
    assert at(who, "GET", URL).status_code == 403
    assert at(who, "GET", f"{URL}/1").status_code == 403
    assert service.imports.page() == []
