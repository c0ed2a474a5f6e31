"""Notes about a place on the scan: kept, answered, vouched for, in the bundle; earlier notes still verify."""

from __future__ import annotations

import io
import zipfile
from types import SimpleNamespace

import httpx
import pytest
import sqlalchemy as sa

from portcullis.service import Service
from portcullis.store.accounts import Account
from portcullis.store.audit import digest
from portcullis.store.casework import Noted, digest_of, note, vouched

URL = "/v1/assessments"


@pytest.fixture
def case(client: httpx.Client, make: SimpleNamespace) -> str:
    """The id of a stored case with a scan of 60 rows and 200 columns."""
    files = {"declaration": make.declaration(), "scan": make.scan()}
    found: str = client.post(URL, files=files).json()["id"]
    return found


@pytest.mark.both_databases
def test_a_note_keeps_its_place_on_the_scan(client: httpx.Client, case: str, service: Service) -> None:
    """History answers it, and the audit log vouches for the place too."""
    body = {"text": "둥근 물체", "box": [10, 20, 30, 60]}
    assert client.post(f"{URL}/{case}/notes", json=body).json()["box"] == [10, 20, 30, 60]
    client.post(f"{URL}/{case}/notes", json={"text": "of the whole case"})
    events = client.get(f"{URL}/{case}/casework").json()["events"]
    assert [event["box"] for event in events] == [[10, 20, 30, 60], None]
    with service.accounts.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(note).order_by(note.c.number))]
    assert vouched("note", rows[0])["box"] == [10, 20, 30, 60]
    assert digest_of("note", rows[0]) != digest_of("note", {**rows[0], "box": [10, 20, 30, 61]})


def test_the_entry_of_a_note_without_a_place_is_as_before_there_were_places(
    client: httpx.Client, case: str, service: Service
) -> None:
    """An old store verifies: the digest of such a row is over the same values as ever."""
    client.post(f"{URL}/{case}/notes", json={"text": "old"})
    with service.accounts.engine.connect() as connection:
        row = dict(connection.execute(sa.select(note)).one()._mapping)
    before = {name: row[name] for name in ("id", "assessment_id", "account_id", "sequence", "text")}
    before |= {"kind": "note", "at": row["at"].isoformat() + "+00:00"}
    assert digest_of("note", row) == digest(before)


@pytest.mark.parametrize("box", [[0, 0, 61, 200], [0, 0, 60, 201], [5, 5, 5, 9], [-1, 0, 5, 5]])
def test_a_place_beyond_the_scan_is_refused(client: httpx.Client, case: str, box: list[int]) -> None:
    """The field is named, and nothing is kept."""
    answer = client.post(f"{URL}/{case}/notes", json={"text": "x", "box": box})
    assert answer.status_code == 422
    assert any("box" in (problem["field"] or "") for problem in answer.json()["problems"])
    assert client.get(f"{URL}/{case}/casework").json()["events"] == []


def test_the_bundle_tells_the_place(service: Service, account: Account, case: str) -> None:
    """In words for people, in numbers for whoever checks."""
    service.work(case, Noted(text="round", box=(10, 20, 30, 60)), account)
    file = io.BytesIO()
    service.bundle(case, account.name, file)
    with zipfile.ZipFile(file) as archive:
        assert b"rows 10\xe2\x80\x9330, columns 20\xe2\x80\x9360" in archive.read("report.en.html")
        assert b'"box":[10,20,30,60]' in archive.read("casework/note.jsonl").replace(b" ", b"")
