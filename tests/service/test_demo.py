"""The whole of it with real models: a tiny demonstration, interrupted, gone on with, and used."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from customs.declaration import Declaration
from customs.errors import CustomsError
from customs.sentences import catalogue
from customs.world import World
from fusion.model import FUSED
from portcullis.cli.user import opened
from portcullis.consignment import Consignment, Upload
from portcullis.demo import Demo
from portcullis.identity import LoginRefused
from portcullis.judge import judge
from portcullis.service import Service
from portcullis.settings import Settings


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


class Watcher:
    """Notes the stages of a build, and may stop it at one."""

    def __init__(self, stop_at: str = "") -> None:
        self.stages: set[str] = set()
        self.stop_at = stop_at

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.stages.add(stage)
        if self.stop_at and stage.startswith(self.stop_at):
            raise Interrupted


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A demo whose first build was interrupted between two models and whose second went through."""
    demo = Demo(tmp_path_factory.mktemp("here") / "demo", size="tiny")
    settings = demo.settings(Settings(language="en"))
    first, second = Watcher(stop_at="hs:"), Watcher()
    with pytest.raises(Interrupted):
        demo.build(settings, first)
    service = demo.build(settings, second)
    return SimpleNamespace(demo=demo, settings=settings, service=service, first=first, second=second)


def under_review(built: SimpleNamespace) -> int:
    """Declarations that the office has seen."""
    return len(World.open(built.demo.world).declarations("review"))


def upload_of(declaration: Declaration, scan: Path | None, photo: Path | None) -> Upload:
    """What an officer would hand in."""
    return Upload(
        declaration.to_json().encode(),
        () if scan is None else ((Path(scan).name, Path(scan).read_bytes()),),
        None if photo is None else Path(photo).read_bytes(),
    )


@pytest.fixture(scope="module")
def scanned(built: SimpleNamespace) -> tuple[Declaration, Path]:
    """A consignment of the review period that has a scan."""
    cases = World.open(built.demo.world).cases("review")
    return next((d, Path(scan)) for d, scan, _ in cases if scan is not None)


def test_an_interrupted_build_goes_on_where_it_stopped(built: SimpleNamespace) -> None:
    """What was complete is not made again."""
    assert any(stage.startswith("tabular:") for stage in built.first.stages)
    assert not any(stage.startswith("tabular:") for stage in built.second.stages)
    assert any(stage.startswith("xray:") for stage in built.second.stages)
    assert not list(built.demo.folder.glob(".*"))


def test_a_second_start_does_nothing_again(built: SimpleNamespace) -> None:
    """No stage runs, the store and the logins stay as they were."""
    again = Watcher()
    count, passwords = built.service.assessments.count(), built.demo.passwords()
    service = built.demo.build(built.settings, again)
    assert again.stages == set()
    assert service.assessments.count() == count == under_review(built)
    assert built.demo.passwords() == passwords


def test_fusion_is_trained_where_outcomes_are_known(
    settled_world: Path, tiny_world: Path, tmp_path: Path
) -> None:
    """And passed over in a world that has none to learn from."""
    for name, world in (("with", settled_world), ("without", tiny_world)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "world").symlink_to(world)
    trained = {name: [m.value for m in Demo(tmp_path / name)._trained()] for name in ("with", "without")}
    assert trained["without"] == ["tabular", "hs", "xray"]
    assert trained["with"] == ["tabular", "hs", "xray", "fusion"]


def test_a_store_that_was_filled_in_part_is_filled_up_without_doubles(built: SimpleNamespace) -> None:
    """As after an interruption while filling."""
    (built.demo.folder / "stamps" / "store").unlink()
    built.demo.build(built.settings)
    assert built.service.assessments.count() == under_review(built)


def test_every_check_has_a_name_in_words(built: SimpleNamespace) -> None:
    """Officers do not read ids; a name without a check would promise what is not built.

    All checks together have a name too, since that sum is a reason in a list.
    """
    named = {name.removeprefix("check.") for name in catalogue() if name.startswith("check.")}
    checks = {name for name in named if not name.startswith("mismatch.")}
    assert checks == {*built.service.models.checks, FUSED}


def test_what_an_office_reads_in_was_imported(built: SimpleNamespace) -> None:
    """Codes with their duty and rulings, statistics, freight, the economy."""
    import sqlalchemy as sa

    from portcullis.store import official

    with built.service.assessments.engine.connect() as connection:
        for name, table in official.TABLES.items():
            count = connection.scalar(sa.select(sa.func.count()).select_from(table))
            assert (count > 0) == (name not in ("concordance", "declarations")), name
        codes = set(connection.scalars(sa.select(official.rates.c.digits)))
        ruled = set(connection.scalars(sa.select(official.rulings.c.hs)))
    assert {line.hsk.digits for line in World.open(built.demo.world).declarations()[0].lines} <= codes & ruled


def test_the_service_has_the_real_time_once_it_is_built(built: SimpleNamespace) -> None:
    """Only the history has the time of the world."""
    now = dt.datetime.now(dt.UTC)
    assert abs(built.service.casework.now() - now) < dt.timedelta(minutes=1)


def test_the_logins_work_and_only_their_owner_reads_them(built: SimpleNamespace) -> None:
    """A made-up password for each role."""
    assert stat.S_IMODE(built.demo.logins.stat().st_mode) == 0o600
    service: Service = built.service
    for name, password in built.demo.passwords().items():
        assert service.login.check(name, password).role == name


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """It is not ours."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CustomsError, match="other files"):
        Demo(tmp_path).build(Settings(data=tmp_path / "data"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thesis.txt"]


def test_planted_frauds_stand_above_clean_consignments(built: SimpleNamespace) -> None:
    """Of a fraud and a clean consignment, the fraud is mostly the more surprising; nobody trained on it."""
    with (built.demo.world / "truth.csv").open(encoding="utf-8") as file:
        planted = {row["declaration_id"] for row in csv.DictReader(file)}
    service: Service = built.service
    odd, clean = [], []
    for case in World.open(built.demo.world).cases("review"):
        verdict = judge(Consignment.read(upload_of(*case)), service.models, service.policy)
        assert verdict.report.surprise is not None
        (odd if case[0].id in planted else clean).append(verdict.report.surprise)
    above = sum(o > c for o in odd for c in clean) / (len(odd) * len(clean))
    assert above > 0.75


@pytest.fixture(scope="module")
def live(built: SimpleNamespace, make: SimpleNamespace) -> Any:
    """A live server with the real models, and a client that is signed in."""
    auth = ("inspector", built.demo.passwords()["inspector"])
    with (
        make.running(built.service) as address,
        httpx.Client(base_url=address, auth=auth, timeout=30) as client,
    ):
        yield client


def test_an_upload_is_judged_by_all_three_modules(
    live: httpx.Client, built: SimpleNamespace, scanned: tuple[Declaration, Path]
) -> None:
    """Price, text and scan speak; nothing is claimed about a photo."""
    declaration, scan = scanned
    parts = {"declaration": declaration.to_json().encode(), "scan": (scan.name, scan.read_bytes())}
    answer = live.post("/v1/assessments", files=parts, headers={"Accept-Language": "ko"})
    assert answer.status_code == 201
    report = answer.json()["report"]
    assert [e["check"] for e in report["evidence"]] == list(built.service.models.checks)
    spoke = {e["check"] for e in report["evidence"] if e["p_value"] is not None}
    assert spoke >= {"price.unit_value", "hs.text", "xray.packing", "xray.mass"}
    assert {"tabular", "hs", "xray", "fusion"} <= set(report["versions"])
    assert all(e["message"]["sentence"] for e in report["evidence"])
    assert live.get(answer.json()["scan"]["href"]).content.startswith(b"\x89PNG")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_text_gets_suggestions_or_questions(live: httpx.Client, language: str) -> None:
    """In the language that was asked for."""
    url = f"/v1/hs/suggestions?lang={language}"
    body = live.post(url, json={"text": "냉동 흰다리새우 FROZEN SHRIMP", "top": 3}).json()
    assert body["levels"]["4"][0]["code"] == "0306"
    assert len(body["levels"]["10"]) == 3
    refused = live.post(url, json={"text": "12345"}).json()["refused"]
    assert any("가" <= letter <= "힣" for letter in refused["reason"]) == (language == "ko")


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "text"), ({"text": 3}, "text"), ({"text": "a", "top": 0}, "top"), ({"x": 1}, "x")],
)
def test_a_wrong_request_for_suggestions_names_its_field(
    live: httpx.Client, body: dict[str, Any], field: str
) -> None:
    """The one error shape again."""
    answer = live.post("/v1/hs/suggestions", json=body)
    assert answer.status_code == 422
    assert field in {p["field"] for p in answer.json()["problems"]}


def command(*args: object) -> subprocess.CompletedProcess[str]:
    """Run `portcullis` as a person would."""
    program = [sys.executable, "-c", "from portcullis.cli import main; main()", *map(str, args)]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)


def test_assess_prints_one_report_and_draws_the_heatmap(
    built: SimpleNamespace, scanned: tuple[Declaration, Path], tmp_path: Path
) -> None:
    """No store is needed, and none is made."""
    declaration, scan = scanned
    (tmp_path / "d.json").write_text(declaration.to_json(), encoding="utf-8")
    done = command(
        *("assess", "--model", built.demo.models, "--declaration", tmp_path / "d.json", "--scan", scan),
        *("--heatmap", tmp_path / "heat.png", "--lang", "ko"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["subject"] == declaration.id
    assert report["band"] in ("clear", "watch", "high", "critical")
    assert any("가" <= letter <= "힣" for letter in report["headline"]["sentence"])
    assert (tmp_path / "heat.png").read_bytes().startswith(b"\x89PNG")
    assert {p.name for p in tmp_path.iterdir()} == {"d.json", "heat.png"}


def test_assess_finds_the_other_energy_beside_a_scan_or_takes_both_as_named(
    built: SimpleNamespace, scanned: tuple[Declaration, Path], tmp_path: Path
) -> None:
    """One file with its sibling, or the option twice: the same report; a lone energy makes another."""
    from PIL import Image

    declaration, scan = scanned
    (tmp_path / "d.json").write_text(declaration.to_json(), encoding="utf-8")
    (tmp_path / "alone").mkdir()
    low, high, alone = tmp_path / "a_6MV.tif", tmp_path / "a_9MV.tif", tmp_path / "alone" / "a_6MV.tif"
    with Image.open(scan) as pages:
        for place, path in enumerate((low, high)):
            pages.seek(place)
            pages.save(path)
    shutil.copy(low, alone)
    said = []
    for given in ((high,), (low, high), (alone,)):
        options = [word for path in given for word in ("--scan", path)]
        done = command(
            "assess", "--model", built.demo.models / "xray", "--declaration", tmp_path / "d.json", *options
        )
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))
    assert said[0] == said[1]
    assert said[0]["evidence"] != said[2]["evidence"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda d, m: (d / "d.json").write_text('{"id": "x"}'), "add this field"),
        (lambda d, m: next(m.glob("hs/*.safetensors")).write_bytes(b"x"), "sha256 differs"),
        (lambda d, m: shutil.rmtree(m / "tabular"), None),
    ],
    ids=["bad declaration", "damaged model", "a module that is not there"],
)
def test_assess_refuses_in_one_line_or_goes_on_without(
    built: SimpleNamespace,
    scanned: tuple[Declaration, Path],
    tmp_path: Path,
    damage: Callable[[Path, Path], object],
    said: str | None,
) -> None:
    """Exit code 2 and no traceback; a missing module is only absent."""
    models = tmp_path / "models"
    shutil.copytree(built.demo.models, models)
    (tmp_path / "d.json").write_text(scanned[0].to_json(), encoding="utf-8")
    damage(tmp_path, models)
    done = command("assess", "--model", models, "--declaration", tmp_path / "d.json")
    assert "Traceback" not in done.stderr
    if said is None:
        assert done.returncode == 0
        assert not any(e["check"].startswith("price.") for e in json.loads(done.stdout)["evidence"])
    else:
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stdout == ""


def test_serve_prints_its_address_answers_and_stops_when_told(built: SimpleNamespace, tmp_path: Path) -> None:
    """A free port, everything kept in the data folder, SIGTERM ends it."""
    program = [sys.executable, "-c", "from portcullis.cli import main; main()"]
    options = ["serve", "--port", "0", "--models", str(built.demo.models)]
    environment = {**os.environ, "PORTCULLIS_DATA": str(tmp_path / "data")}
    with subprocess.Popen(
        [*program, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = re.search(r"http://\S+/", process.stdout.readline())
        assert address is not None
        assert set(httpx.get(address[0] + "readyz").json()["models"]) == {"tabular", "hs", "xray"}
        process.terminate()
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)
        assert "portcullis user add" in process.stderr.read()
    assert (tmp_path / "data" / "portcullis.sqlite3").exists()


def test_the_password_that_user_add_prints_works_until_a_new_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody keeps a password that is printed once for ever."""
    monkeypatch.setenv("PORTCULLIS_DATA", str(tmp_path / "data"))
    store = f"sqlite:///{tmp_path / 'p.sqlite3'}"
    added = command("user", "add", "lee", "--role", "broker", "--store", store)
    assert added.stdout.startswith("added lee (broker), password ")
    changed = command("user", "password", "lee", "--store", store)
    first, second = (done.stdout.split()[-1] for done in (added, changed))
    with opened(store) as registry:
        assert registry.login.check("lee", second).name == "lee"
        with pytest.raises(LoginRefused):
            registry.login.check("lee", first)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("add", "park", "--role", "emperor"), "inspector"), (("password", "nobody"), "no account 'nobody'")],
)
def test_user_refuses_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("PORTCULLIS_DATA", str(tmp_path / "data"))
    wrong = command("user", *arguments, "--store", f"sqlite:///{tmp_path / 'p.sqlite3'}")
    assert wrong.returncode == 2
    assert said in wrong.stderr
