"""The artefact: what was saved scores the same, and what cannot be read is refused in one sentence."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from customs import Case, DamagedArtefact, InvalidConfig
from customs.artefact import ArtefactWriter, open_artefact
from tabular_ae.checks import CHECKS, OIL
from tabular_ae.data import Panel
from tabular_ae.macro import Macro
from tabular_ae.model import FlagshipConfig
from tabular_ae.panel_file import score_file
from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.rows import month_number
from tabular_ae.scorer import TabularScorer
from tabular_ae.train import fit, train

Declared = Callable[..., Case]
VARIANTS: dict[str, dict[str, Any]] = {
    "whole": {},
    "no networks": {"lstm": False},
    "no trees that predict": {"trees": False},
    "distance alone": {"exposure": False},
    "no look ahead": {"later_months": 0},
    "networks and distance": {"trees": False, "exposure": False},
}


def same(one: TabularScorer, other: TabularScorer, cases: list[Case], panel: Panel) -> None:
    """Both say the same of lines, word for word, and of rows, bit for bit."""
    assert other.score(cases) == one.score(cases)
    first, second = (pd.DataFrame(scorer.score_panel(panel.rows)) for scorer in (one, other))
    pd.testing.assert_frame_equal(second, first, check_exact=True)


@pytest.fixture
def cases(declared: Declared) -> list[Case]:
    """A line of every check, one to be explained, one that backs off, one that nothing is known of."""
    return [
        declared(freight="1500 USD"),
        declared(value="900 USD", freight="1500 USD"),
        declared(origin="NO"),
        declared(hsk="8703231000"),
    ]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_flagship_that_was_saved_scores_the_same(
    name: str, panel: Panel, toy_config: FlagshipConfig, cases: list[Case], tmp_path: Path
) -> None:
    """load(save(x)) is x with any of its parts left out; only the parts there are are kept."""
    config = dataclasses.replace(toy_config, epochs=1, rounds=5, scale_rounds=5, **VARIANTS[name])
    scorer = fit(panel, config)
    scorer.save(tmp_path / "m")
    again = TabularScorer.load(tmp_path / "m")
    assert again.price.config == config
    assert again.figures == scorer.figures
    same(scorer, again, cases, panel)
    kept = open_artefact(tmp_path / "m").manifest["files"]
    assert ("trees.parquet" in kept) == (config.trees or config.exposure)


@pytest.mark.parametrize("change", [{}, {"embedding": 3, "scaling": "robust"}, {"macro": False}])
def test_a_proposal_that_was_saved_scores_the_same(
    change: dict[str, Any], panel: Panel, cases: list[Case], tmp_path: Path
) -> None:
    """Columns, scaling and items travel with the network, and the other checks beside it."""
    scorer = fit(panel, ProposalConfig(window=6, hidden=6, epochs=1, learning_rate=5e-3, **change))
    scorer.save(tmp_path / "m")
    same(scorer, TabularScorer.load(tmp_path / "m"), cases, panel)
    assert "trees.parquet" not in open_artefact(tmp_path / "m").manifest["files"]


def test_without_freight_and_oil_less_is_kept(
    panel: Panel, toy_config: FlagshipConfig, cases: list[Case], tmp_path: Path
) -> None:
    """A check that has no model has none after loading either."""
    rows = dataclasses.replace(panel.rows, freight=np.full(len(panel.rows), np.nan))
    scorer = fit(Panel(rows), dataclasses.replace(toy_config, epochs=1, rounds=2, odd_rounds=2))
    scorer.save(tmp_path / "m")
    again = TabularScorer.load(tmp_path / "m")
    assert list(again.models.by_check) == list(scorer.models.by_check)
    assert len(again.models.by_check) == 3
    assert again.macro is None
    same(scorer, again, cases, panel)


def test_saving_again_what_was_loaded_changes_no_file(toy_scorer: TabularScorer, tmp_path: Path) -> None:
    """Bytes and fingerprint: nothing is lost or added on the way."""
    toy_scorer.save(tmp_path / "a")
    TabularScorer.load(tmp_path / "a").save(tmp_path / "b")
    first, second = (open_artefact(tmp_path / name).manifest for name in "ab")
    assert first["files"] == second["files"]
    assert first["fingerprint"] == second["fingerprint"]


@pytest.mark.parametrize("name", ["history.parquet", "trees.parquet", "macro.parquet", "network.safetensors"])
def test_a_damaged_artefact_is_refused(name: str, toy_scorer: TabularScorer, tmp_path: Path) -> None:
    """One changed byte in any file is enough."""
    toy_scorer.save(tmp_path / "m")
    victim = tmp_path / "m" / name
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(bytes(data))
    with pytest.raises(DamagedArtefact, match="sha256"):
        TabularScorer.load(tmp_path / "m")


@pytest.mark.parametrize("config", [{"model": "oracle"}, {}, {"goal": "predict"}])
def test_an_artefact_of_a_model_that_is_not_known_is_refused(config: dict[str, str], tmp_path: Path) -> None:
    """Its files are whole: what they mean is another matter, and the remedy is to train again."""
    with ArtefactWriter(tmp_path / "m", kind="tabular", config=config, preprocessing={"facts": {}}) as out:
        out.tensors("network", {})
    with pytest.raises(DamagedArtefact, match="another version — train the model again"):
        TabularScorer.load(tmp_path / "m")


def test_an_artefact_of_two_checks_is_refused(toy_scorer: TabularScorer, tmp_path: Path) -> None:
    """The manifest of the two checks had no facts of each."""
    config = dataclasses.asdict(toy_scorer.price.config)
    with ArtefactWriter(tmp_path / "m", kind="tabular", config=config, preprocessing={"extra": 0.1}) as out:
        out.tensors("network", {})
    with pytest.raises(DamagedArtefact, match="another version"):
        TabularScorer.load(tmp_path / "m")


def test_the_artefact_is_tables_and_tensors_alone(toy_scorer: TabularScorer, tmp_path: Path) -> None:
    """Nothing that would have to be unpickled."""
    toy_scorer.save(tmp_path / "m")
    assert {path.suffix for path in (tmp_path / "m").iterdir()} == {".parquet", ".safetensors", ".json"}
    json.loads((tmp_path / "m" / "manifest.json").read_text(encoding="utf-8"))


# -- figures that come later ---------------------------------------------------------------------------


def copy_of(scorer: TabularScorer) -> TabularScorer:
    """The same scorer, to be changed."""
    return TabularScorer(
        scorer.models, scorer.history, scorer.calibrations, scorer.converter, macro=scorer.macro
    )


def test_oil_that_becomes_known_takes_the_place_of_what_was(
    toy_scorer: TabularScorer, panel: Panel, declared: Declared
) -> None:
    """The evidence names the new price; months that the new figures lack keep the old ones."""
    case = declared(freight="1700 USD")
    scorer = copy_of(toy_scorer)
    may = month_number("2023-05")
    scorer.know(Macro(("dubai_usd_bbl",), may, np.array([[200.0]])))
    at = CHECKS.index(OIL)
    before, after = (s.score([case])[0][at] for s in (toy_scorer, scorer))
    assert after.message.params["oil"] == pytest.approx(200.0)
    assert before.message.params["oil"] != pytest.approx(200.0, rel=0.2)
    assert before.expected != after.expected
    assert scorer.macro is not None
    assert panel.macro is not None
    april = np.array([may - 1], dtype=np.int64)
    assert scorer.macro.one("dubai_usd_bbl", april) == panel.macro.one("dubai_usd_bbl", april)
    assert toy_scorer.macro is panel.macro


def test_a_scorer_without_figures_takes_some_in_and_still_has_no_check_of_them(
    panel: Panel, toy_config: FlagshipConfig, declared: Declared
) -> None:
    """What was not learned cannot be added afterwards."""
    bare = dataclasses.replace(panel, macro=None)
    scorer = fit(bare, dataclasses.replace(toy_config, lstm=False, rounds=2, odd_rounds=2))
    assert panel.macro is not None
    scorer.know(panel.macro)
    assert scorer.macro is not None
    assert scorer.score([declared(freight="1700 USD")])[0][CHECKS.index(OIL)].abstained


def test_a_proposal_that_learned_figures_scores_with_those_it_comes_to_know(
    panel: Panel, tmp_path: Path
) -> None:
    """As it does once it is saved and loaded again."""
    scorer = fit(panel, ProposalConfig(window=6, hidden=6, epochs=1, learning_rate=5e-3))
    assert panel.macro is not None
    scorer.know(dataclasses.replace(panel.macro, values=panel.macro.values * 3.0))
    known = scorer.score_panel(panel.rows)["surprise"]
    scorer.save(tmp_path / "m")
    np.testing.assert_array_equal(
        TabularScorer.load(tmp_path / "m").score_panel(panel.rows)["surprise"], known
    )


# -- files ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oil_file(tmp_path_factory: pytest.TempPathFactory, panel: Panel) -> Path:
    """The panel's oil as a file."""
    assert panel.macro is not None
    path = tmp_path_factory.mktemp("oil") / "macro.csv"
    months = [f"{2021 + m // 12}-{m % 12 + 1:02d}" for m in range(30)]
    pd.DataFrame({"month": months, "dubai_usd_bbl": panel.macro.values[:, 0]}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def model(
    panel_file: Path, oil_file: Path, quick: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A toy artefact that knows oil and freight in won."""
    out = tmp_path_factory.mktemp("kept") / "model"
    figures = train([panel_file], out, overrides=quick, macro=oil_file)
    assert figures["checks"] == list(CHECKS)
    return out


def test_freight_in_another_unit_is_one_clear_error(
    model: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """Dollars read as won would be a thousandth of the usual rate; nothing is written."""
    table = panel_table.tail(24).rename(columns={"freight_krw_per_kg": "freight_usd_per_kg"})
    table.to_csv(tmp_path / "usd.csv", index=False)
    with pytest.raises(InvalidConfig, match="usd_per_kg, the model knows it in krw_per_kg") as caught:
        score_file(model, tmp_path / "usd.csv", tmp_path / "out.parquet")
    assert caught.value.problems[0].field == "data"
    assert not (tmp_path / "out.parquet").exists()


def test_a_file_without_freight_is_scored_without_it(
    model: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """No unit is not another unit."""
    table = panel_table.tail(24).drop(columns="freight_krw_per_kg")
    table.to_csv(tmp_path / "bare.csv", index=False)
    assert score_file(model, tmp_path / "bare.csv", tmp_path / "out.parquet")["scored"] == 24
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert out[f"{OIL}.p_value"].isna().all()
    assert out["price.unit_value.p_value"].notna().all()


def test_a_file_scores_with_the_oil_that_is_named_for_it(
    model: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """Other figures of the same months change what oil implies, and nothing else."""
    table = panel_table[panel_table["month"] >= "2023-01"]
    table.to_csv(tmp_path / "p.csv", index=False)
    months = sorted(set(panel_table["month"]))
    high = pd.DataFrame({"month": months, "dubai_usd_bbl": np.linspace(40.0, 400.0, len(months))})
    high.to_csv(tmp_path / "oil.csv", index=False)
    score_file(model, tmp_path / "p.csv", tmp_path / "a.parquet")
    score_file(model, tmp_path / "p.csv", tmp_path / "b.parquet", macro=tmp_path / "oil.csv")
    a, b = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in "ab")
    moved = {name for name in a if not a[name].equals(b[name])}
    assert f"{OIL}.surprise" in moved
    assert moved <= {f"{OIL}.surprise", f"{OIL}.p_value", "surprise", "p_value", "flagged"}


def test_a_file_of_scores_says_what_its_rows_say(
    model: Path, panel_table: pd.DataFrame, panel: Panel, tmp_path: Path
) -> None:
    """The file adds the number of the row and nothing else."""
    panel_table.to_parquet(tmp_path / "p.parquet")
    score_file(model, tmp_path / "p.parquet", tmp_path / "s.parquet")
    out = pd.read_parquet(tmp_path / "s.parquet")
    found = TabularScorer.load(model).score_panel(panel.rows)
    assert list(out) == ["row", *found]
    for name in ("surprise", "p_value", "expected_low", "price.for_this_code.surprise", "months"):
        np.testing.assert_array_equal(out[name].to_numpy(), found[name], err_msg=name)
