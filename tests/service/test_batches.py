"""`/v1/batches` and `portcullis batch` over a live server and a real store."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from portcullis.jobs.executor import executor_of
from portcullis.jobs.report import report_csv
from portcullis.service import Service
from portcullis.store.accounts import Role
from portcullis.store.batch_tables import ItemState
from portcullis.store.batches import Item, ItemProblem

URL = "/v1/batches"
HEAD = "Declaration ID,Date,Country of Origin,Importer ID,HS10 Code,품명,Net Mass,Item Price,Currency\n"
Stored = Callable[[], tuple[int, list[str]]]


def row(name: str, **changes: str) -> str:
    """A line of a CSV file, good unless something is changed."""
    values = {
        **{"id": name, "date": "2025-04-30", "origin": "VN", "importer": "한빛", "hs": "0306171090"},
        **{"name": "냉동 새우", "kg": "20000", "value": "160000", "currency": "USD"},
        **changes,
    }
    return ",".join(values.values()) + "\n"


FILE = (HEAD + row("A") + row("B", hs="999") + row("C", value="40000") + row("A", kg="100")).encode()


@pytest.fixture
def ana(service: Service, address: str, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """A client of somebody who may run batches; the server's thread does them."""
    service.login.add("ana", make.password, Role.ANALYST)
    service.board.start(executor_of(service))
    with httpx.Client(base_url=address, auth=("ana", make.password), timeout=30) as client:
        yield client
    service.board.stop()


def submit(client: httpx.Client, file: bytes = FILE, **headers: str) -> httpx.Response:
    """Hand a file in."""
    return client.post(URL, files={"file": ("april.csv", file)}, headers=headers)


def ended(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The batch when it has ended."""
    assert answer.status_code == 202, answer.text
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        body: dict[str, Any] = client.get(answer.headers["location"]).json()
        if body["state"] not in ("waiting", "running"):
            return body
        time.sleep(0.02)
    raise AssertionError(body)


def test_a_file_is_acknowledged_judged_and_reported(ana: httpx.Client, service: Service) -> None:
    """Two declarations are assessed, one of two lines; the bad row is told with line, field and remedy."""
    answer = submit(ana)
    assert answer.json()["items"] == {
        **{"total": 3, "done": 1, "waiting": 2, "assessed": 0, "refused": 1, "failed": 0, "cancelled": 0}
    }
    body = ended(ana, answer)
    assert (body["name"], body["account"], body["kind"], body["state"]) == ("april.csv", "ana", "csv", "done")
    assert body["items"]["assessed"] == 2
    assert body["items"]["done"] == 3
    assert body["started_at"] <= body["finished_at"]
    (refused,) = ana.get(f"{URL}/{body['id']}/items", params={"state": "refused"}).json()["items"]
    assert (refused["row"], refused["declaration_id"], refused["assessment"]) == (3, "B", None)
    assert refused["problems"][0] == {
        **{"row": 3, "field": "hs", "problem": "the code has 3 digits"},
        "remedy": "correct this field",
    }
    assessed = ana.get(f"{URL}/{body['id']}/items", params={"state": "assessed"}).json()["items"]
    first = ana.get(f"/v1/assessments/{assessed[0]['assessment']}").json()
    assert first["account"] == "ana"
    assert len(first["declaration"]["lines"]) == 2
    assert (assessed[0]["band"], assessed[0]["surprise"]) == (
        first["report"]["band"],
        first["report"]["surprise"],
    )
    queued = ana.get("/v1/assessments").json()["items"]
    assert {case["declaration_id"] for case in queued} == {"A", "C"}
    acts = [entry.action for entry in service.audit.entries()]
    assert acts == ["batch.submit", "assess", "assess", "batch.done"]


def test_the_report_is_a_csv_file_for_spreadsheets(ana: httpx.Client) -> None:
    """UTF-8 with its mark; a row for each declaration in the order of the file."""
    body = ended(ana, submit(ana))
    answer = ana.get(f"{URL}/{body['id']}/report.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(r["row"], r["declaration_id"], r["state"]) for r in rows] == [
        ("2", "A", "assessed"),
        ("3", "B", "refused"),
        ("4", "C", "assessed"),
    ]
    assert rows[1]["remedy"]
    assert ana.get(f"/v1/assessments/{rows[2]['assessment']}").status_code == 200


def test_a_text_that_a_spreadsheet_would_run_is_quoted() -> None:
    """An importer may not run formulas on an officer's desk."""
    flaw = ItemProblem(2, "id", "-1 is no id", "+")
    text = "".join(report_csv([Item(1, 2, "@a", "=cmd|'/c calc'!A0", ItemState.REFUSED, (flaw,))]))
    assert text.splitlines()[1].split(",")[1:7] == [
        *("'@a", "'=cmd|'/c calc'!A0", "refused", "id", "'-1 is no id", "'+"),
    ]


def test_a_zip_of_cases_is_judged_with_its_pictures(ana: httpx.Client, make: SimpleNamespace) -> None:
    """Scan and photo are stored with the assessment; a broken picture refuses its case alone."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, scan in (("D1", make.scan()), ("D2", b"no picture"), ("D3", None)):
            file.writestr(f"{name}/declaration.json", make.declaration(id=name))
            if scan is not None:
                file.writestr(f"{name}/scan.png", scan)
        file.writestr("D1/photo.png", make.photo())
    body = ended(ana, submit(ana, out.getvalue()))
    assert (body["kind"], body["items"]["assessed"], body["items"]["refused"]) == ("zip", 2, 1)
    found = ana.get(f"{URL}/{body['id']}/items").json()["items"]
    assert [(i["source"], i["state"]) for i in found] == [
        *(("D1", "assessed"), ("D2", "refused"), ("D3", "assessed")),
    ]
    assert found[1]["problems"][0]["field"] == "scan"
    report = ana.get(f"/v1/assessments/{found[0]['assessment']}").json()
    assert report["scan"]["files"][0]["name"] == "scan.png"
    assert ana.get(report["photo"]["href"]).headers["content-type"] == "image/png"


def test_the_same_key_stores_once(ana: httpx.Client, service: Service) -> None:
    """The same file answers with the batch of the first time; another one is a mistake."""
    keyed = {"Idempotency-Key": "april"}
    first, again = submit(ana, **keyed), submit(ana, **keyed)
    assert first.json()["id"] == again.json()["id"]
    other = submit(ana, FILE + row("Z").encode(), **keyed)
    assert other.status_code == 422
    assert other.json()["problems"][0]["field"] == "Idempotency-Key"
    ended(ana, first)
    assert len(ana.get(URL).json()["items"]) == 1
    assert service.assessments.count() == 2


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "lacks the column"),
        (HEAD.encode(), "no rows"),
        ((HEAD + row("A", hs="1")).encode(), "none of its 1 declarations can be read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG picture"),
        (b"PK\x03\x04" + bytes(50), "not a ZIP file"),
        (b"PAR1" + bytes(50), "parquet"),
        ((HEAD + row("A")).encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_nothing_is_stored(
    ana: httpx.Client, stored: Stored, service: Service, file: bytes, said: str
) -> None:
    """422, one clear problem."""
    answer = submit(ana, file)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (problem,) = answer.json()["problems"]
    assert said in problem["problem"]
    assert stored() == (0, [])
    assert service.audit.head() is None
    assert ana.get(URL).json() == {"items": [], "next": None}


def test_a_file_with_too_many_declarations_is_refused(
    ana: httpx.Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is a setting."""
    limits = service.board.limits
    monkeypatch.setattr(service.board, "limits", type(limits)(2, limits.unpacked, limits.chunk))
    answer = submit(ana)
    assert answer.status_code == 413
    assert "more than 2 declarations" in answer.json()["detail"]


def test_only_those_who_run_batches_may_see_them(client: httpx.Client, ana: httpx.Client) -> None:
    """An inspector is refused everywhere."""
    found = submit(ana).headers["location"]
    for path in (URL, found, f"{found}/items", f"{found}/report.csv"):
        assert client.get(path).status_code == 403, path
    for path in (URL, f"{found}/cancel", f"{found}/resume"):
        assert client.post(path).status_code == 403, path


def test_pages_hold_every_batch_and_every_item_once(ana: httpx.Client) -> None:
    """Newest batch first, items in the order of the file."""
    ids = [ended(ana, submit(ana, FILE + row(f"X{i}").encode()))["id"] for i in range(3)]
    seen, cursor = [], {}
    while cursor is not None:
        page = ana.get(URL, params={"limit": 2, **cursor}).json()
        seen += [one["id"] for one in page["items"]]
        cursor = None if page["next"] is None else {"cursor": page["next"]}
    assert seen == ids[::-1]
    rows, cursor = [], {}
    while cursor is not None:
        page = ana.get(f"{URL}/{ids[0]}/items", params={"limit": 3, **cursor}).json()
        rows += [one["row"] for one in page["items"]]
        cursor = None if page["next"] is None else {"cursor": page["next"]}
    assert rows == [2, 3, 4, 6]


@pytest.mark.parametrize("path", ["", "/items", "/report.csv"])
def test_a_batch_that_is_none_is_not_found(ana: httpx.Client, path: str) -> None:
    """404 with a remedy."""
    answer = ana.get(f"{URL}/0123456789abcdef{path}")
    assert answer.status_code == 404
    assert answer.json()["problems"][0]["field"] == "id"


def test_a_batch_is_cancelled_once_and_only_failures_are_resumed(ana: httpx.Client, service: Service) -> None:
    """409 where the state does not allow it."""
    service.board.stop()
    found = submit(ana).headers["location"]
    assert ana.post(f"{found}/resume").status_code == 409
    body = ana.post(f"{found}/cancel").json()
    assert (body["state"], body["items"]["cancelled"], body["items"]["waiting"]) == ("cancelled", 2, 0)
    assert ana.post(f"{found}/cancel").status_code == 409
    assert ana.post(f"{URL}/nothing/cancel").status_code == 404
    acts = [entry.action for entry in service.audit.entries()]
    assert acts == ["batch.submit", "batch.cancel"]


def test_the_commands_do_the_same_on_the_store(
    service: Service, make: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Submit, status, report; an account that may not is refused with a sentence."""
    from typer.testing import CliRunner

    from customs.errors import InvalidValue
    from portcullis.cli.app import app

    monkeypatch.setenv("PORTCULLIS_DATA", str(service.settings.data))
    service.login.add("ana", make.password, Role.ANALYST)
    (tmp_path / "april.csv").write_bytes(FILE)
    run = CliRunner().invoke
    refused = run(app, ["batch", "submit", str(tmp_path / "april.csv"), "--account", make.name])
    assert isinstance(refused.exception, InvalidValue)
    done = run(app, ["batch", "submit", str(tmp_path / "april.csv"), "--account", "ana", "--json"])
    (batch,) = json.loads(done.stdout)
    assert (batch["items"], batch["refused"], batch["state"]) == (3, 1, "waiting")
    service.board.start(executor_of(service))
    watched = run(app, ["batch", "status", batch["id"], "--watch"])
    service.board.stop()
    assert "done" in watched.stdout
    assert "2 assessed, 1 refused, 0 failed" in watched.stdout
    run(app, ["batch", "report", batch["id"], "--out", str(tmp_path / "out" / "r.csv")])
    assert len((tmp_path / "out" / "r.csv").read_text("utf-8-sig").splitlines()) == 4
