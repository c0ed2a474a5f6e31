"""The scorer on a small world: contract, abstentions, calibration figures, and the real containers."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from customs import Case, DamagedArtefact, HsCode, Scorer
from customs.errors import InvalidConfig, InvalidValue, UnreadableFile
from customs.sentences import render
from customs.world import World
from xray_encoder.data import code_of_name, find_examples, main_line
from xray_encoder.examine import examine, same_lot
from xray_encoder.reading import read_scan
from xray_encoder.scorer import XrayScorer
from xray_encoder.train import fit_references, look_at_all, train


@pytest.fixture(scope="module")
def model(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xray") / "model"
    train([tiny_world], folder, config="packing", seed=1)
    return folder


@pytest.fixture(scope="module")
def scorer(model: Path) -> XrayScorer:
    return XrayScorer.load(model)


@pytest.fixture(scope="module")
def watchful(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> XrayScorer:
    """A model that learned, briefly, to see things planted into clean scans."""
    folder = tmp_path_factory.mktemp("watchful") / "model"
    options = {"inserted_steps": "120", "least_scans": "40"}
    train([tiny_world], folder, config="packing", overrides=options, seed=1)
    return XrayScorer.load(folder)


@pytest.fixture(scope="module")
def cases(tiny_world: Path) -> list[Case]:
    found = []
    for declaration, scan, _ in World.open(tiny_world).cases("past"):
        if scan is not None:
            found += Case.of(declaration, scan=read_scan(Path(scan).read_bytes()))
        if len(found) >= 6:
            break
    return found


def comparable(evidence: list[list]) -> list:
    return [[(e.model_dump_json(), e.artefact is not None) for e in row] for row in evidence]


def test_it_is_a_scorer_that_answers_every_check_in_order(scorer: XrayScorer, cases: list[Case]) -> None:
    assert isinstance(scorer, Scorer)
    for case, row in zip(cases, scorer.score(cases), strict=True):
        assert [e.check for e in row] == list(scorer.checks)
        assert {e.subject for e in row} == {case.subject}
        for evidence in row:
            for language in ("ko", "en"):
                assert render(evidence.message, language)


def test_a_clean_scan_has_density_mass_and_heat_map(scorer: XrayScorer, cases: list[Case]) -> None:
    row = scorer.score(cases[:1])[0]
    assert row[0].artefact is not None
    assert row[0].alternatives
    low, high = row[2].expected
    assert 0.5 * low < row[2].observed < 2 * high


def test_alone_and_in_a_batch_score_the_same(scorer: XrayScorer, cases: list[Case]) -> None:
    alone = [scorer.score([case])[0] for case in cases]
    assert comparable(alone) == comparable(scorer.score(cases))
    assert comparable(alone[::-1]) == comparable(scorer.score(cases[::-1]))


def test_saved_and_loaded_scores_the_same(scorer: XrayScorer, cases: list[Case], tmp_path: Path) -> None:
    scorer.save(tmp_path / "again")
    assert comparable(XrayScorer.load(tmp_path / "again").score(cases)) == comparable(scorer.score(cases))


def test_a_damaged_artefact_is_refused(model: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(model, tmp_path / "copy")
    path = copy / "normality.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(DamagedArtefact):
        XrayScorer.load(copy)


def test_the_same_seed_trains_the_same_model(model: Path, tiny_world: Path, tmp_path: Path) -> None:
    train([tiny_world], tmp_path / "twin", config="packing", seed=1)
    manifests = [json.loads((p / "manifest.json").read_text()) for p in (model, tmp_path / "twin")]
    assert manifests[0]["files"] == manifests[1]["files"]


def test_it_abstains_without_scan_code_or_weight(watchful: XrayScorer, cases: list[Case]) -> None:
    """Silence says why."""
    assert {e.message.id for e in watchful.score([Case("x")])[0]} == {"xray.no_scan"}
    packing, density, mass, packages, inserted = watchful.score([Case("x", scan=cases[0].scan)])[0]
    assert (packing.message.id, density.message.id) == ("xray.no_code", "xray.no_code")
    assert packing.alternatives, "what it looks like can still be said"
    assert mass.message.id == "xray.mass.no_weight"
    assert packages.message.id == "xray.packages.undeclared"
    assert not inserted.abstained, "what stands out of a load needs no papers"


def test_an_8_bit_copy_is_not_measured(scorer: XrayScorer, cases: list[Case]) -> None:
    scan = dataclasses.replace(cases[0].scan, bit_depth=8, degraded=("8-bit",))
    packing, density, mass, _, inserted = scorer.score([dataclasses.replace(cases[0], scan=scan)])[0]
    assert packing.message.id == "xray.packing.no_kind"
    assert (density.message.id, mass.message.id) == ("xray.density.bound", "xray.mass.bound")
    assert inserted.message.id == "xray.inserted.shallow"


def test_a_block_put_into_a_clean_load_is_odd_and_found(watchful: XrayScorer, tiny_world: Path) -> None:
    """Lead between frozen cartons, drawn in by the law of attenuation."""
    frozen = [
        Case.of(declaration, scan=read_scan(Path(scan).read_bytes()))[0]
        for declaration, scan, _ in World.open(tiny_world).cases("past")
        if scan is not None and declaration.lines[0].hsk.chapter.digits == "03"
    ]
    assert len(frozen) >= 3
    for case in frozen[:4]:
        top, left, bottom, right = watchful.look(case.scan).crop.cargo
        at = (
            slice(top + int(0.55 * (bottom - top)), top + int(0.75 * (bottom - top))),
            slice(left + 200, left + 224),
        )
        pixels = case.scan.transmission.copy()
        pixels[:, at[0], at[1]] *= np.exp(-6.0)
        spiked = dataclasses.replace(case, scan=dataclasses.replace(case.scan, transmission=pixels))
        clean, odd = (row[-1] for row in watchful.score([case, spiked]))
        assert odd.surprise > clean.surprise
        assert odd.p_value <= 0.05
        assert odd.message.params["along"] == pytest.approx(212 / (right - left), abs=0.03)
        assert odd.message.params["up"] == pytest.approx(0.35, abs=0.1)
        assert odd.artefact.values.max() > 0.5
        assert odd.artefact.box == (top, left, bottom, right)


def test_half_the_weight_declared_is_odd(scorer: XrayScorer, cases: list[Case]) -> None:
    """The scan shows twice what the papers say."""
    case = cases[0]
    line = case.line.model_copy(
        update={"gross_kg": None, "net_kg": type(case.line.net_kg)(float(case.declaration.gross_kg) / 2)}
    )
    lighter = case.declaration.model_copy(update={"lines": (line,)})
    honest, light = scorer.score([case, Case("light", line, lighter, scan=case.scan)])
    assert light[2].p_value < 0.05 < honest[2].p_value
    assert light[2].message.id == "xray.mass.light"


def test_only_the_main_line_answers_for_a_shared_scan(scorer: XrayScorer, cases: list[Case]) -> None:
    case = cases[0]
    kilograms = type(case.line.net_kg)
    heavy = case.line.model_copy(update={"gross_kg": None, "net_kg": kilograms(900)})
    small = case.line.model_copy(update={"gross_kg": None, "net_kg": kilograms(100)})
    both = case.declaration.model_copy(update={"lines": (small, heavy)})
    rows = scorer.score(Case.of(both, scan=case.scan))
    assert {e.message.id for e in rows[0]} == {"xray.not_main_line"}
    assert rows[1][0].p_value is not None
    third = small.model_copy(update={"net_kg": kilograms(90)})
    light = small.model_copy(update={"net_kg": kilograms(80)})
    thirds = case.declaration.model_copy(update={"lines": (small, third, light)})
    rows = scorer.score(Case.of(thirds, scan=case.scan))
    assert rows[0][0].message.id == rows[0][1].message.id == "xray.mixed_load"
    assert [row[2].p_value is None for row in rows] == [False, True, True], "weighed once"
    assert main_line(thirds.lines) is None


def test_an_examination_becomes_json(scorer: XrayScorer, cases: list[Case]) -> None:
    scan = cases[0].scan
    found = examine(scorer, scan, cases[0].declared).as_dict(scan)
    assert json.loads(json.dumps(found))["mass_kg"]["best"] > 100
    assert found["ranking"][0]["probability"] >= found["ranking"][1]["probability"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("0207_1.jpg", "0207"),
        ("0000_0.jpg", "0000"),
        ("0207141010_D1.tif", "0207141010"),
        ("poultry.jpg", None),
    ],
)
def test_a_file_name_starts_with_its_code(name: str, code: str | None) -> None:
    assert code_of_name(name) == code


def test_data_that_cannot_be_learned_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="not a folder"):
        find_examples([tmp_path / "nowhere"])
    with pytest.raises(InvalidValue, match="no scans"):
        find_examples([tmp_path])
    (tmp_path / "0207_1.png").write_text("not a picture")
    with pytest.raises(UnreadableFile, match=r"0207_1\.png"):
        find_examples([tmp_path])[0].read()
    with pytest.raises(InvalidConfig):
        train([tmp_path], tmp_path / "m", config="unknown")


def test_a_strange_container_stands_out_of_its_lot(scorer: XrayScorer, tiny_world: Path) -> None:
    """Three of one code and one of another, called one lot."""
    rows = look_at_all(find_examples([tiny_world]))
    code = max({r.code for r in rows}, key=lambda c: sum(r.code == c for r in rows))
    lot = [r.look for r in rows if r.code == code][:3]
    strange = next(r.look for r in rows if r.code[:2] != code[:2])
    odd = same_lot(scorer, [*lot, strange])
    assert int(np.argmax(odd)) == 3
    with pytest.raises(InvalidValue, match="lot"):
        same_lot(scorer, lot[:1])


def test_two_folders_with_files_of_one_name_are_learned_from(model: Path, tiny_world: Path) -> None:
    """Every past scan stays findable; the second of a name says so."""
    references = look_at_all(find_examples([tiny_world]))[:12]
    scorer, _ = fit_references([*references, *references], XrayScorer.load(model).parts.config)
    past = scorer.parts.past
    assert past is not None
    assert len(past) == 24
    assert f"{references[0].name} (2)" in past.ids


def test_the_backbone_trains_and_is_kept(tiny_world: Path, tmp_path: Path, cases: list[Case]) -> None:
    """A tiny one: it joins the features, survives saving, and does not depend on the batch."""
    options = {
        "backbone": "test_efficientnet",
        "epochs": "1",
        "rows": "32",
        "columns": "64",
        "least_scans": "20",
        "inserted_steps": "20",
        "trees": "30",
    }
    train([tiny_world], tmp_path / "m", overrides=options)
    one = XrayScorer.load(tmp_path / "m")
    assert one.parts.recogniser is not None
    assert one.parts.recogniser.pairs[0].backbone is not None
    assert comparable([one.score([c])[0] for c in cases[:2]]) == comparable(one.score(cases[:2]))


def test_the_command_goes_on_after_a_bad_image(model: Path, tiny_world: Path, tmp_path: Path) -> None:
    from portcullis.cli.app import app

    good = sorted((tiny_world / "scans").iterdir())[0]
    bad = tmp_path / "text.png"
    bad.write_text("not a picture")
    arguments = ["xray", "--model", str(model), str(bad), str(good), "--hs", good.name[:10], "--json"]
    result = CliRunner().invoke(app, [*arguments, "--heatmap", str(tmp_path / "maps")])
    assert result.exit_code == 2
    assert "text.png" in result.stderr
    answers = json.loads(result.stdout)
    assert "error" in answers[0]
    assert answers[1]["evidence"][0]["p_value"] is not None
    assert Path(answers[1]["heatmap"]).stat().st_size > 1000


@pytest.mark.eval_data
def test_a_real_poultry_container_is_usual_as_poultry_and_odd_as_tyres(
    eval_data: Path, tiny_world: Path, tmp_path: Path
) -> None:
    """Trained on the synthetic world and nineteen real scans, judged on the twentieth."""
    source, references = eval_data / "xray" / "ajna_containers_by_hs4", tmp_path / "references"
    references.mkdir()
    for path in source.iterdir():
        if path.name != "0207_1.jpg":
            (references / path.name).symlink_to(path)
    train([tiny_world, references], tmp_path / "m", config="packing")
    model = XrayScorer.load(tmp_path / "m")
    scan = read_scan((source / "0207_1.jpg").read_bytes())
    poultry, tyres = model.score([Case(c, scan=scan, hs=HsCode(c)) for c in ("0207141010", "4011101000")])
    assert poultry[0].p_value > 0.05
    assert tyres[0].p_value < 0.02
    likely = [a.hs for a in tyres[0].alternatives[:2]]  # poultry and citrus in cartons look alike
    assert HsCode("0207") in likely
    assert np.isfinite(tyres[0].surprise)
