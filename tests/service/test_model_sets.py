"""Sets of models: shown, switched while the service runs, and one that shadows without deciding."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from customs.artefact import ArtefactWriter, open_artefact
from customs.errors import CustomsError, DamagedArtefact, InvalidConfig
from fusion import Policy
from fusion.made_up import write_declarations
from fusion.train import train as train_fusion
from portcullis import switching
from portcullis.consignment import Consignment, Upload
from portcullis.fusing.prepare import module_versions
from portcullis.jobs.executor import executor_of
from portcullis.jobs.worker import work
from portcullis.judge import judge
from portcullis.models import Models, checked
from portcullis.server import open_service
from portcullis.service import Service
from portcullis.settings import Settings
from portcullis.store.accounts import Role
from portcullis.store.model_choices import Comparison, Part, Said

PEOPLE = {"kim": Role.INSPECTOR, "anna": Role.ANALYST, "boss": Role.ADMIN}
PASSWORD = "correct horse battery"


@pytest.fixture
def settings(
    tmp_path: Path, fresh: Path, quick_models: Path, other_tabular: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A data folder with the sets `default` and `next`, of a tabular model each."""
    monkeypatch.setattr(switching, "LOOK_SECONDS", 0.1)
    data = tmp_path / "data"
    shutil.copytree(fresh, data)
    shutil.copytree(quick_models / "tabular", data / "models" / "tabular")
    shutil.copytree(other_tabular, data / "models" / "sets" / "next" / "tabular")
    return Settings(data=data, language="en")


@pytest.fixture
def running(settings: Settings) -> Iterator[Service]:
    """A service that follows what is chosen."""
    opened = open_service(settings)
    for name, role in PEOPLE.items():
        if opened.accounts.by_name(name) is None:
            opened.login.add(name, PASSWORD, role)
    yield opened
    opened.close()


@pytest.fixture
def at(running: Service, make: SimpleNamespace) -> Iterator[Callable[..., httpx.Response]]:
    """Asks a live server as somebody."""
    with make.running(running) as address, httpx.Client(base_url=address, timeout=30) as client:

        def ask(who: str, method: str, path: str, **parts: Any) -> httpx.Response:
            return client.request(method, path, auth=(who, PASSWORD), **parts)

        yield ask


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def damage(folder: Path) -> None:
    """Flip one bit of a model's weights."""
    victim = next(p for p in sorted(folder.iterdir()) if p.suffix == ".safetensors")
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)


def versions(settings: Settings) -> tuple[str, str]:
    """Of the tabular model of `default` and of `next`."""
    folders = (settings.models / "tabular", settings.models / "sets" / "next" / "tabular")
    one, other = (open_artefact(folder).version for folder in folders)
    assert one != other
    return one, other


def test_all_sets_are_shown_with_what_is_known_of_their_models(at: Any, settings: Settings) -> None:
    """To whoever may read them."""
    answer = at("anna", "GET", "/v1/models")
    assert answer.status_code == 200
    body = answer.json()
    assert [(s["name"], s["problem"], [m["version"] for m in s["models"]]) for s in body["sets"]] == [
        (name, None, [version]) for name, version in zip(("default", "next"), versions(settings), strict=True)
    ]
    card = body["sets"][0]["models"][0]
    assert card["kind"] == "tabular"
    assert "price.unit_value" in card["checks"]
    assert len(card["trained_on"]) == 64
    assert card["figures"]
    assert (body["live"]["set"], body["live"]["current"], body["live"]["chosen_by"]) == (
        "default",
        True,
        None,
    )
    assert body["shadow"]["set"] is None
    assert at("kim", "GET", "/v1/models").status_code == 403
    assert at("anna", "PUT", "/v1/models/live", json={"set": "next"}).status_code == 403


def test_the_live_set_is_switched_in_every_worker_and_stays_so(
    at: Any, running: Service, settings: Settings, make: SimpleNamespace
) -> None:
    """Audited; another worker over the same store follows, and so does the next start."""
    old, new = versions(settings)
    beside = open_service(settings)
    files = {"declaration": make.declaration()}
    first = at("kim", "POST", "/v1/assessments", files=files).json()
    assert first["report"]["versions"]["tabular"] == old
    assert at("boss", "PUT", "/v1/models/live", json={"set": "next"}).status_code == 200
    for service in (running, beside):
        until(lambda service=service: service.models.versions["tabular"] == new)  # type: ignore[misc]
    second = at("kim", "POST", "/v1/assessments", files=files).json()
    assert second["report"]["versions"]["tabular"] == new
    live = at("anna", "GET", "/v1/models").json()["live"]
    assert (live["set"], live["chosen_by"], live["current"]) == ("next", "boss", True)
    entry = running.audit.about("next")[-1]
    assert (entry.actor, entry.action) == ("boss", "models.live")
    assert entry.values["versions"] == {"tabular": new}
    beside.close()
    again = open_service(settings)
    assert again.models.versions["tabular"] == new
    again.close()


@pytest.mark.parametrize(
    ("wanted", "status", "said"),
    [
        ("missing", 404, "there is no set missing"),
        ("../next", 422, "not valid"),
        ("next", 422, "its sha256 differs"),
    ],
)
def test_what_is_not_a_sound_set_is_refused_and_the_live_one_stays(
    at: Any, running: Service, settings: Settings, wanted: str, status: int, said: str
) -> None:
    """A byte that is flipped, a set that is not there: nothing is stored."""
    damage(settings.models / "sets" / "next" / "tabular")
    answer = at("boss", "PUT", "/v1/models/live", json={"set": wanted})
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert running.choices.current(Part.LIVE) is None
    assert running.models.versions["tabular"] == versions_of_default(settings)
    assert at("boss", "PUT", "/v1/models/live", json={"set": "default"}).status_code == 200


def versions_of_default(settings: Settings) -> str:
    return open_artefact(settings.models / "tabular").version


def test_a_set_that_is_damaged_before_it_is_loaded_changes_nothing(
    at: Any, running: Service, settings: Settings, make: SimpleNamespace
) -> None:
    """The worker says why, and goes on with what it has; the next start refuses."""
    old, new = versions(settings)
    damage(settings.models / "sets" / "next" / "tabular")
    running.choices.choose(Part.LIVE, "next", {"tabular": new})
    until(lambda: running.switchboard.state(Part.LIVE).problem is not None)
    live = at("anna", "GET", "/v1/models").json()["live"]
    assert "sha256 differs" in live["problem"]
    assert (live["set"], live["chosen"], live["current"]) == ("default", "next", False)
    done = at("kim", "POST", "/v1/assessments", files={"declaration": make.declaration()})
    assert done.json()["report"]["versions"]["tabular"] == old
    with pytest.raises(DamagedArtefact, match="sha256 differs"):
        open_service(settings)
    shutil.rmtree(settings.models / "sets" / "next" / "tabular")
    shutil.copytree(settings.models / "tabular", settings.models / "sets" / "next" / "tabular")
    with pytest.raises(InvalidConfig, match="not those that were made live"):
        open_service(settings)


def test_a_shadow_scores_everything_and_decides_nothing(
    at: Any, running: Service, settings: Settings, make: SimpleNamespace
) -> None:
    """Reports are as without it; how it differs is what its models say when they are asked alone."""
    assert at("boss", "PUT", "/v1/models/shadow", json={"set": "next"}).status_code == 200
    until(lambda: running.switchboard.state(Part.SHADOW).models is not None)
    live, shadow = Models.find(settings.models), Models.find(settings.models / "sets" / "next")
    uploads = [
        Upload(make.declaration(id=f"D{n}", line={"value": f"{v} USD"}))
        for n, v in enumerate((9e4, 16e4, 2e6))
    ]
    expected = []
    for upload in uploads:
        answer = at("kim", "POST", "/v1/assessments", files={"declaration": upload.declaration}).json()
        one, other = (judge(Consignment.read(upload), m, Policy.default()).report for m in (live, shadow))
        assert (answer["report"]["band"], answer["report"]["surprise"]) == (one.band, one.surprise)
        assert answer["report"]["versions"]["tabular"] == live.versions["tabular"]
        expected.append((one, other))
    until(lambda: at("anna", "GET", "/v1/models/shadow").json()["scored"] == 3)
    found = at("anna", "GET", "/v1/models/shadow").json()
    assert found["versions"] == dict(shadow.versions)
    assert found["changed"] == sum(one.band != other.band for one, other in expected)
    wanted: dict[tuple[str, str], int] = {}
    for one, other in expected:
        wanted[one.band, other.band] = wanted.get((one.band, other.band), 0) + 1
    assert {(b["live"], b["shadow"]): b["count"] for b in found["bands"]} == wanted
    difference = sum((o.surprise or 0) - (mine.surprise or 0) for mine, o in expected) / 3
    assert found["mean_difference"] == pytest.approx(difference)
    assert difference != 0
    assert at("boss", "PUT", "/v1/models/shadow", json={"set": None}).status_code == 200
    until(lambda: running.switchboard.state(Part.SHADOW).models is None)
    at("kim", "POST", "/v1/assessments", files={"declaration": make.declaration(id="D9")})
    assert running.choices.compared(dict(shadow.versions)).scored == 3


@pytest.mark.parametrize("by", ["a thread of the server", "a process of its own"])
def test_batches_are_judged_by_the_live_set_and_offered_to_the_shadow(
    at: Any,
    running: Service,
    settings: Settings,
    make: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    """Whoever does them, they are judged and shadowed like what comes one by one."""
    assert at("boss", "PUT", "/v1/models/live", json={"set": "next"}).status_code == 200
    assert at("boss", "PUT", "/v1/models/shadow", json={"set": "default"}).status_code == 200
    until(lambda: running.switchboard.state(Part.SHADOW).models is not None)
    until(lambda: running.models.versions["tabular"] == versions(settings)[1])
    lines = b"\n".join(make.declaration(id=f"D{n}") for n in range(2))
    batch = at("anna", "POST", "/v1/batches", files={"file": ("two.jsonl", lines)}).headers["location"]
    if by == "a thread of the server":
        running.board.start(executor_of(running))
    else:
        monkeypatch.setattr("portcullis.jobs.worker.signal.signal", lambda *_: None)
        assert work(settings, until_idle=True) == 1
    until(lambda: at("anna", "GET", batch).json()["state"] == "done")
    running.board.stop()
    items = at("anna", "GET", f"{batch}/items").json()["items"]
    made = [at("anna", "GET", f"/v1/assessments/{item['assessment']}").json() for item in items]
    assert [m["report"]["versions"]["tabular"] for m in made] == [versions(settings)[1]] * 2
    if by == "a thread of the server":  # a process drops what waits when it ends
        until(lambda: at("anna", "GET", "/v1/models/shadow").json()["scored"] == 2)


def test_what_the_shadow_has_no_room_for_is_dropped_and_counted(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer never waits for it, and a failing shadow harms nobody."""
    board = running.switchboard
    board.close()
    monkeypatch.setattr(switching, "MAX_WAITING", 2)
    board._states[Part.SHADOW] = replace(board.state(Part.SHADOW), name="next", models=running.models)
    for n in range(5):
        board.offer(f"nothing-{n}")
    assert (board.waiting, board.dropped) == (2, 3)
    board._closed = False
    board._shadow_one()
    assert board.waiting == 1
    text = running.metrics.text().decode()
    assert 'portcullis_shadow_total{how="dropped"} 3.0' in text
    assert 'portcullis_shadow_total{how="failed"} 1.0' in text


def test_a_fusion_of_other_modules_is_refused(tmp_path: Path, quick_models: Path) -> None:
    """It was calibrated on what exactly they say; training writes that down."""
    data = tmp_path / "d.csv"
    write_declarations(data, 2_000, seed=1)
    quick = {"rounds": "5", "patience": "5", "models": "1", "leaves": "7", "recall_trees": "2"}
    tabular = quick_models / "tabular"
    mine = module_versions(quick_models)
    assert mine["tabular"] == open_artefact(tabular).version
    assert set(mine) == {"tabular", "hs", "xray"}
    train_fusion([data], tmp_path / "good", overrides=quick, modules=mine)
    assert set(checked([tabular, tmp_path / "good"])) == {"tabular", "fusion"}
    train_fusion(
        [data], tmp_path / "bad", overrides=quick, modules={**mine, "tabular": "tabular@000000000000"}
    )
    with pytest.raises(DamagedArtefact, match="was calibrated on what tabular@000000000000 says"):
        checked([tabular, tmp_path / "bad"])
    with ArtefactWriter(tmp_path / "silent", kind="fusion", config={}) as writer:
        writer.document("notes", {})
    assert set(checked([tabular, tmp_path / "silent"])) == {"tabular", "fusion"}


def test_the_command_line_lists_and_chooses(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a running service; a damaged set is one line and exit code 2."""
    from portcullis.cli import main

    monkeypatch.setenv("PORTCULLIS_DATA", str(settings.data))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["portcullis", "models", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    old, new = versions(settings)
    assert run("live", "next")[0] == run("shadow", "default")[0] == 0
    code, out, _ = run("list", "--json")
    assert code == 0
    listed = json.loads(out)
    assert (listed["live"], listed["shadow"]) == ("next", "default")
    assert [m["version"] for s in listed["sets"] for m in s["models"]] == [old, new]
    assert "next (live)" in run("list")[1]
    service = open_service(settings)
    assert service.models.versions["tabular"] == new
    assert service.audit.about("next")[-1].action == "models.live"
    service.close()
    assert run("shadow", "--none")[0] == 0
    assert run("shadow")[0] == 2
    damage(settings.models / "sets" / "next" / "tabular")
    code, _, error = run("live", "next")
    assert code == 2
    assert "sha256 differs" in error
    assert len(error.splitlines()) == 1


def test_names_of_sets_cannot_leave_the_folder(settings: Settings) -> None:
    """Whatever somebody types."""
    from portcullis.model_sets import set_folder

    for name in ("..", "../x", "a/b", "", "A", "x" * 41):
        with pytest.raises(CustomsError, match="is no name of a set"):
            set_folder(settings.models, name)


def test_choices_and_what_a_shadow_said_are_kept_on_both_databases(
    store_url: str, tmp_path: Path, by_hand: Models, make: SimpleNamespace
) -> None:
    """Added, never changed: the database itself refuses."""
    service = Service.open(Settings(data=tmp_path / "data", store_url=store_url), by_hand)
    service.login.add("boss", PASSWORD, Role.ADMIN)
    boss = service.accounts.by_name("boss")
    assert boss is not None
    choices, versions = service.choices, {"tabular": "tabular@1"}
    assert choices.current(Part.SHADOW) is None
    assert choices.compared(versions) == Comparison(0, 0, None, {})
    choices.choose(Part.SHADOW, "next", versions, boss)
    choices.choose(Part.LIVE, "other", versions)
    found = choices.current(Part.SHADOW)
    assert found is not None
    assert (found.name, found.account, found.versions) == ("next", "boss", versions)
    assert found.at.utcoffset() == dt.timedelta(0)
    choices.choose(Part.SHADOW, None, {})
    assert choices.current(Part.SHADOW).name is None  # type: ignore[union-attr]
    case = service.assess(Upload(make.declaration()), boss).id
    for band, surprise in (("clear", 0.5), ("watch", 1.5), ("unknown", None)):
        choices.note("next", versions, Said(case, "clear", band, 0.25, surprise, None))
    choices.note("next", {"tabular": "tabular@2"}, Said(case, "clear", "high", 0.25, 2.0, 0.01))
    compared = choices.compared(versions)
    assert (compared.scored, compared.changed, compared.mean_difference) == (3, 2, 0.75)
    assert compared.bands == {("clear", "clear"): 1, ("clear", "watch"): 1, ("clear", "unknown"): 1}
    for table in ("model_choice", "shadow_score"):
        with (
            pytest.raises(sa.exc.DBAPIError, match="append-only"),
            service.accounts.engine.begin() as connection,
        ):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    service.close()
