"""The whole way with real models: a world is scored, fusion learns from it, lists and reports follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from customs.evidence import Evidence
from customs.hs import HsCode
from customs.world import World
from fusion.data import Cases
from fusion.keeping import load
from portcullis.cli.app import app

Command = Callable[..., tuple[int, str, str]]


def run(*arguments: object) -> None:
    """A command in this process, as typer runs it."""
    app([str(a) for a in arguments], standalone_mode=False)


@pytest.fixture(scope="module")
def whole(
    settled_world: Path, quick_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> SimpleNamespace:
    """Scored cases of the settled world and a fusion that was trained on them."""
    folder = tmp_path_factory.mktemp("whole")
    cases, fusion = folder / "cases.parquet", folder / "fusion"
    run("score", "cases", "--model", quick_models, "--data", settled_world, "--out", cases)
    run("train", "fusion", "--data", cases, "--out", fusion)
    return SimpleNamespace(
        world=World.open(settled_world), cases=cases, fusion=fusion, models=quick_models, folder=folder
    )


def test_every_line_of_the_world_is_scored_with_what_is_known_of_it(whole: SimpleNamespace) -> None:
    """Periods, outcomes and truth beside it; pictures spoke where there were any."""
    cases = Cases.read(whole.cases)
    world: World = whole.world
    wanted = [d for period in ("settled", "review") for d in world.declarations(period)]  # type: ignore[arg-type]
    assert cases.table["declaration_id"].tolist() == [d.id for d in wanted]
    assert cases.table["subject"].tolist() == [f"{d.id}/1" for d in wanted]
    assert (cases.table["period"] == "settled").sum() == 126
    outcomes, truth = world.outcomes(), world.truth()
    for at, d in enumerate(wanted):
        found = outcomes.get(d.id)
        assert np.isnan(cases.outcome[at]) if found is None else cases.outcome[at] == found.fraud
        assert cases.table["kind"].iloc[at] == truth.get(d.id, "")
    sent = {d.id: (scan is not None, photo is not None) for d, scan, photo in world.cases()}
    spoke = np.isfinite(cases.surprise)
    for check, part in (("xray.packing", 0), ("hs.photo", 1)):
        said = spoke[:, cases.checks.index(check)]
        assert said.any()
        assert not any(said[at] and not sent[d.id][part] for at, d in enumerate(wanted))
    first = cases.evidence_of(0)
    assert [e.check for e in first] == list(cases.checks)
    assert all(isinstance(e, Evidence) and e.subject == cases.table["subject"].iloc[0] for e in first)


def test_fusion_is_calibrated_on_what_was_found_clean(whole: SimpleNamespace) -> None:
    """25 frauds are too few for a head."""
    fusion = load(whole.fusion)
    cases = Cases.read(whole.cases)
    assert fusion.joint is not None
    assert fusion.head is None
    assert len(fusion.joint.patterns.groups["all"]) == (cases.outcome == 0).sum() == 101


def test_a_day_is_ranked_evaluated_and_replayed(
    whole: SimpleNamespace, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "ranked.parquet"
    code, said, _ = command(
        "rank", "--model", whole.fusion, "--data", whole.cases, "--out", out, "--budget", "20", "--json"
    )
    assert (code, json.loads(said)["selected"]) == (0, 20)
    ranked = pd.read_parquet(out)
    cases = Cases.read(whole.cases)
    assert ranked["declaration_id"].tolist() == cases.table["declaration_id"].tolist()
    fraud = (cases.table["kind"] != "").to_numpy()
    assert fraud[ranked["selected"]].mean() > fraud.mean()
    code, said, _ = command("evaluate", "fusion", "--data", whole.cases, "--seeds", "1", "--json")
    report = json.loads(said)
    assert (report["settled"], report["review"], report["frauds"]) == (126, 36, 7)
    assert "fused" in {row["name"] for row in report["recall"]}
    assert "fused and learned" not in {row["name"] for row in report["recall"]}
    code, said, _ = command("replay", "--data", whole.cases, "--against", whole.fusion, "--json")
    assert code == 0
    assert sum(way["cases"] for way in json.loads(said)["counts"]) == 162


def test_a_consignment_is_assessed_with_the_calibration(
    whole: SimpleNamespace, command: Command, tmp_path: Path
) -> None:
    """The report says with how many clean cases it was compared, and versions name the model."""
    declaration = whole.world.declarations("review")[0]
    (tmp_path / "d.json").write_text(declaration.to_json(), encoding="utf-8")
    options = ["--model", whole.models, "--model", whole.fusion, "--declaration", tmp_path / "d.json"]
    code, said, err = command("assess", *options)
    assert code == 0, err
    report = json.loads(said)
    assert report["reference"]["size"] >= 99
    assert report["chance"] is None
    assert "fusion@" in report["versions"]["fusion"]
    cases = Cases.read(whole.cases)
    at = cases.table["declaration_id"].tolist().index(declaration.id)
    by_check = {e["check"]: e["surprise"] for e in report["evidence"]}
    scored = dict(zip(cases.checks, cases.surprise[at], strict=True))
    said = {check: s for check, s in by_check.items() if s is not None}
    assert set(said) >= {"price.unit_value", "hs.text"}
    assert said == pytest.approx({check: scored[check] for check in said}, rel=1e-5)


def test_a_wrong_code_is_weighed_by_every_source(
    whole: SimpleNamespace, command: Command, tmp_path: Path
) -> None:
    """Frozen shrimps declared under the code of tyres: the description is on the side of the likely code."""
    for declaration in whole.world.declarations("review"):
        line = declaration.lines[0]
        if declaration.id not in whole.world.truth() and line.hsk.chapter.digits == "03":
            break
    body: dict[str, Any] = json.loads(declaration.to_json())
    body["lines"][0]["hsk"] = "4011100000"
    (tmp_path / "d.json").write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    options = ["--model", whole.models, "--model", whole.fusion, "--declaration", tmp_path / "d.json"]
    code, said, err = command("assess", *options, "--lang", "ko")
    assert code == 0, err
    goods = json.loads(said)["goods"]
    assert goods is not None
    assert HsCode(goods["code"]).chapter.digits == "03"
    sides = {stance["source"]: stance["side"] for stance in goods["stances"]}
    assert sides["text"] == "likely"
    assert all(any("가" <= c <= "힣" for c in s["sentence"]["sentence"]) for s in goods["stances"])


def test_a_world_can_be_named_as_it_is(
    whole: SimpleNamespace, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is scored by the modules that are there, and nothing else is trained: the same calibration."""
    monkeypatch.setattr("portcullis.fusing.prepare._workers", lambda: 1)
    before = sorted(path.name for path in whole.models.iterdir())
    options = ["--data", whole.world.folder, "--models", whole.models, "--out", tmp_path / "m"]
    code, _, err = command("train", "fusion", *options)
    assert code == 0, err
    one, other = load(tmp_path / "m").joint, load(whole.fusion).joint
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.patterns.groups["all"], other.patterns.groups["all"])
    assert sorted(path.name for path in whole.models.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("score", "cases", "--map", "a=b"), "--map is for tabular"),
        (("train", "hs", "--models", "x"), "--models is for fusion"),
        (("evaluate", "xray", "--models", "x"), "--models is for fusion"),
        (("evaluate", "fusion", "--nomenclature", "x"), "--nomenclature is for hs"),
    ],
)
def test_an_option_of_another_module_is_refused(
    whole: SimpleNamespace, command: Command, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    more: list[object] = ["--data", whole.cases]
    if arguments[0] != "evaluate":
        more += ["--out", tmp_path / "o"]
    if arguments[0] == "score":
        more += ["--model", whole.models]
    code, _, err = command(*arguments, *more)
    assert code == 2
    assert words in err
