"""Suggestions with photos, lists of goods, dossiers: by the API and in the store."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa

from customs.hs import HsCode
from hs_classifier.scorer import HsScorer
from portcullis.broking.goods_file import MAX_ROWS
from portcullis.broking.list_runner import ListRunner
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.engine import snapshot, writing
from portcullis.store.goods_lists import ListState
from portcullis.store.vouching import Tally, check

LISTS = "/v1/hs/lists"
DOSSIERS = "/v1/hs/dossiers"
SHRIMP = "0306171090"
NEW = {
    "text": "냉동 새우살",
    "answers": [{"question": "용도?", "answer": "식용"}],
    "chosen": {"code": "0306.17-1090", "reason": "껍질을 벗긴 것"},
    "rejected": [{"code": "0303670000", "reason": "어류가 아님"}],
}


def faults(service: Service) -> list[str]:
    with snapshot(service.accounts.engine) as connection:
        return [str(f) for f in check(connection, service.audit.public_key, Tally(), images=service.images)]


def handed_in(broker: httpx.Client, text: str, encoding: str = "utf-8", **fields: str) -> httpx.Response:
    return broker.post(LISTS, files={"file": ("물품.csv", text.encode(encoding))}, data=fields)


def test_a_text_is_answered_as_json_and_as_a_form_alike(broker: httpx.Client) -> None:
    """The same document, whichever way it was sent."""
    plain = broker.post("/v1/hs/suggestions", json={"text": "냉동 새우살", "top": 2}).json()
    form = broker.post("/v1/hs/suggestions", files={"text": (None, "냉동 새우살"), "top": (None, "2")}).json()
    assert plain == form
    assert plain["levels"]["10"][0]["code"] == SHRIMP
    assert len(plain["levels"]["10"]) == 2
    assert plain["photo"] is None


def test_a_photo_that_has_no_say_is_told_and_stored_nowhere(
    broker: httpx.Client, hs: Service, make: SimpleNamespace
) -> None:
    """The small model knows no photos: beside a text one is left out, alone nothing is suggested."""
    photo = ("p.png", make.photo())
    both = broker.post("/v1/hs/suggestions", files={"text": (None, "냉동 새우살"), "photo": photo}).json()
    assert both["levels"]["10"][0]["code"] == SHRIMP
    assert both["photo"] == {
        **{"used": False, "reason": "The model was trained without photos.", "by_text": None},
    }
    alone = broker.post("/v1/hs/suggestions", files={"photo": photo}).json()
    assert alone["levels"] == {}
    assert alone["refused"]["reason"] == "The model was trained without photos."
    assert hs.images.names() == []


class SeesTyres:
    """A voice for photos that takes every photo for one of tyres."""

    def look(self, shots: Any) -> tuple[Any, Any]:
        return np.zeros((len(shots), 1)), np.zeros(len(shots), dtype=bool)

    def lift(self, leaf: Any, says: Any, tree: Any) -> Any:
        return np.where(np.arange(leaf.shape[1]) == tree.find(HsCode("4011100000")), 0.0, -20.0)[None]

    def alone(self, says: Any, tree: Any) -> Any:
        return self.lift(np.zeros((1, len(tree))), says, tree)


def test_a_photo_that_contradicts_the_text_is_told(
    broker: httpx.Client,
    hs: Service,
    small_hs: HsScorer,
    make: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both together, the text alone where it says another code, and the photo alone."""
    monkeypatch.setattr(small_hs.suggester, "photos", SeesTyres())
    photo = ("p.png", make.photo())

    def told(text: str) -> Any:
        return broker.post("/v1/hs/suggestions", files={"text": (None, text), "photo": photo}).json()

    both = told("냉동 새우살")
    assert both["levels"]["10"][0]["code"] == "4011100000"
    assert both["photo"]["used"]
    assert both["photo"]["by_text"]["code"] == SHRIMP
    assert told("승용차용 고무 타이어")["photo"]["by_text"] is None
    alone = told("")
    assert alone["refused"] is None
    assert alone["photo"] == {"used": True, "reason": None, "by_text": None}
    page = broker.post("/codes/suggestions", files={"text": (None, "냉동 새우살"), "photo": photo}).text
    assert "Photo and text do not agree." in page
    assert hs.images.names() == []


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ({"photo": ("p.png", b"no picture")}, "photo"),
        ({"text": (None, "x"), "top": (None, "0")}, "top"),
        ({"foto": (None, "x")}, "foto"),
        ({"text": (None, "x" * 20_001)}, "text"),
    ],
)
def test_a_form_that_is_wrong_names_its_part(
    broker: httpx.Client, files: dict[str, tuple[str | None, bytes | str]], field: str
) -> None:
    answer = broker.post("/v1/hs/suggestions", files=files)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == field


def test_a_list_is_answered_row_by_row_with_its_own_columns_beside(broker: httpx.Client, hs: Service) -> None:
    """In CP949; a vague row and a short one are refused with their reasons, a formula is disarmed."""
    text = "번호,품명\n1,냉동 새우살\n2,\n3\n=4,볶은 커피 원두\n"
    made = handed_in(broker, text, "cp949", text_column="품명")
    assert made.status_code == 202
    where = made.headers["location"]
    assert made.json()["state"] == "waiting"
    assert ListRunner(hs.broking.lists).run_one()
    found = broker.get(where).json()
    assert {k: found[k] for k in ("state", "items", "done", "refused")} == {
        **{"state": "done", "items": 4, "done": 4, "refused": 2},
    }
    assert found["versions"] == {"hs": "hs@small"}
    rows = list(csv.DictReader(io.StringIO(broker.get(f"{where}/codes.csv").text.removeprefix("\ufeff"))))
    assert [row["번호"] for row in rows] == ["1", "2", "3", "'=4"]
    assert [row["code"] for row in rows] == ["0306.17-1090", "", "", "0901.21-0000"]
    assert [bool(row["refused"]) for row in rows] == [False, True, True, False]
    lines = [json.loads(line) for line in broker.get(f"{where}/codes.jsonl").text.splitlines()]
    assert [line["row"] for line in lines] == [0, 1, 2, 3]
    assert lines[0]["levels"]["10"][0]["code"] == SHRIMP


@pytest.mark.both_databases
def test_a_list_goes_on_where_another_process_left_it(
    broker: httpx.Client, hs: Service, clock: object
) -> None:
    """What is stored is not done twice; a lease that ran out is taken over, the first one's word is lost."""
    text = "name\n" + "frozen shrimp peeled\n" * 70
    where = handed_in(broker, text, text_column="name").headers["location"]
    lists = hs.broking.lists.lists
    turn = lists.claim()
    assert turn is not None
    assert lists.claim() is None
    lists.write(turn, [(0, False, {"kept": True})], {"hs": "earlier"})
    clock.forward(minutes=10)  # type: ignore[attr-defined]
    assert ListRunner(hs.broking.lists).run_one()
    found = broker.get(where).json()
    assert (found["state"], found["done"]) == ("done", 70)
    answers = list(lists.answers(turn.list))
    assert [number for number, _, _ in answers] == list(range(70))
    assert answers[0][2] == {"kept": True}
    with pytest.raises(Exception, match=turn.list.id):
        lists.write(turn, [(70, False, {})], {"hs": "late"})


@pytest.mark.both_databases
def test_a_list_is_paused_resumed_and_cancelled_by_its_owner_alone(
    broker: httpx.Client, hs: Service, people: dict[Role, Account]
) -> None:
    where = handed_in(broker, "name\nfrozen shrimp peeled\n", text_column="name").headers["location"]
    other = {"Cookie": f"{COOKIE}={hs.sessions.issue(people[Role.ANALYST])}"}
    assert broker.get(where, headers=other).status_code == 404
    assert broker.post(f"{where}/cancel", headers=other).status_code == 404
    assert broker.post(f"{where}/pause").json()["state"] == "paused"
    assert not ListRunner(hs.broking.lists).run_one()
    assert broker.post(f"{where}/pause").status_code == 409
    assert broker.post(f"{where}/resume").json()["state"] == "waiting"
    assert broker.post(f"{where}/cancel").json()["state"] == ListState.CANCELLED
    assert not ListRunner(hs.broking.lists).run_one()
    assert broker.get(where).json()["done"] == 0


def test_requests_come_before_lists(broker: httpx.Client, hs: Service) -> None:
    """While uploads fill the queue no row is asked; with a place free again the list goes on."""
    handed_in(broker, "name\nfrozen shrimp peeled\n", text_column="name")
    runner = ListRunner(hs.broking.lists)
    places = [hs.batcher.place() for _ in range(hs.batcher.max_queue)]
    for place in places:
        place.__enter__()
    turn = hs.broking.lists.lists.claim()
    assert turn is not None
    runner.stopping.set()  # it would wait for ever
    with pytest.raises(Exception, match=r"^$"):
        runner._turn(turn)
    assert list(hs.broking.lists.lists.answers(turn.list)) == []
    for place in places:
        place.__exit__(None, None, None)
    hs.broking.lists.lists.end(turn, ListState.WAITING)
    assert ListRunner(hs.broking.lists).run_one()
    assert len(list(hs.broking.lists.lists.answers(turn.list))) == 1


@pytest.mark.parametrize(
    ("text", "fields", "field"),
    [
        ("", {}, "file"),
        ("name\n", {}, "file"),
        ("a,a\n1,2\n", {}, "file"),
        ("name\nx\0y\n", {}, "file"),
        ("name\n" + "x\n" * (MAX_ROWS + 1), {}, "file"),
        ("name\nx\n", {"text_column": "nome"}, "text_column"),
        ("name,b\nx,y\n", {"text_column": "name", "description_column": "name"}, "description_column"),
    ],
    ids=["empty", "no-row", "twice", "binary", "too-long", "no-column", "same-column"],
)
def test_a_file_that_cannot_be_done_is_refused_with_a_remedy(
    broker: httpx.Client, text: str, fields: dict[str, str], field: str
) -> None:
    answer = handed_in(broker, text, **fields)
    assert answer.status_code in (413, 422)
    problem = answer.json()["problems"][0]
    assert problem["field"] == field
    assert problem["remedy"]


def test_a_dossier_holds_what_the_models_said_and_the_log_vouches_for_it(
    broker: httpx.Client, hs: Service, make: SimpleNamespace
) -> None:
    """With photo, reasons, what the table said on the day, sources; a change by hand is found."""
    parts = {"dossier": (None, json.dumps(NEW)), "photo": ("p.png", make.photo())}
    made = broker.post(DOSSIERS, files=parts)
    assert made.status_code == 201, made.text
    found = broker.get(made.headers["location"]).json()
    assert found == made.json()
    document = found["document"]
    assert found["chosen"] == document["chosen"]["code"] == SHRIMP
    assert document["rejected"] == [{"code": "0303670000", "reason": "어류가 아님"}]
    assert document["facts"]["answers"] == NEW["answers"]
    assert document["suggestions"]["levels"]["10"][0]["code"] == SHRIMP
    assert document["codes"][SHRIMP]["validity"]["status"] == "valid"
    assert document["codes"][SHRIMP]["rates"]["rates"][0]["percent"] == "20"
    assert document["sources"]["models"]["hs"] == "hs@small"
    assert document["sources"]["table"]["file"] == "hsk.csv"
    assert hs.images.names() == [found["photo"]]
    assert broker.get(f"{made.headers['location']}/photo").headers["content-type"] == "image/png"
    entry = hs.broking.dossiers.dossiers.entry(found["id"])
    assert entry is not None
    assert entry.values["sha256"] == found["digest"]
    assert faults(hs) == []
    with writing(hs.accounts.engine) as connection:
        connection.execute(sa.text("DROP TRIGGER dossier_no_update"))
        connection.execute(sa.text("UPDATE dossier SET title = 'another'"))
    assert any("is not what it vouches for" in fault for fault in faults(hs))


@pytest.mark.both_databases
def test_a_dossier_cannot_be_changed_and_is_read_by_its_writer_alone(
    broker: httpx.Client, hs: Service, people: dict[Role, Account]
) -> None:
    where = broker.post(DOSSIERS, json=NEW).headers["location"]
    other = {"Cookie": f"{COOKIE}={hs.sessions.issue(people[Role.ADMIN])}"}
    assert broker.get(where, headers=other).status_code == 404
    assert broker.get(DOSSIERS, headers=other).json() == {"items": [], "next": None}
    assert len(broker.get(DOSSIERS).json()["items"]) == 1
    with pytest.raises(sa.exc.IntegrityError), writing(hs.accounts.engine) as connection:
        connection.execute(sa.text("UPDATE dossier SET chosen = '1'"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": "", "answers": []}, "text"),
        ({"chosen": {"code": "0306", "reason": "x"}}, "chosen"),
        ({"chosen": {"code": SHRIMP, "reason": " "}}, "reason"),
        ({"rejected": [{"code": "0303670000", "reason": ""}]}, "rejected"),
        ({"rejected": [{"code": SHRIMP, "reason": "x"}]}, "rejected"),
        ({"chosen": {"code": "shrimp", "reason": "x"}}, "hs"),
        ({"more": 1}, "more"),
    ],
    ids=str,
)
def test_a_dossier_that_would_not_hold_up_is_refused_and_nothing_is_stored(
    broker: httpx.Client, change: dict[str, object], field: str
) -> None:
    answer = broker.post(DOSSIERS, json={**NEW, **change})
    assert answer.status_code == 422
    assert [p["field"] for p in answer.json()["problems"]] == [field]
    assert broker.get(DOSSIERS).json()["items"] == []
