"""From file to artefact to file, as the command line does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from customs import Case
from customs.errors import CustomsError, InvalidConfig, UnreadableFile
from customs.world import World
from tabular_ae.panel_file import score_file
from tabular_ae.scorer import TabularScorer
from tabular_ae.train import train


@pytest.fixture(scope="module")
def model(panel_file: Path, quick: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy artefact."""
    out = tmp_path_factory.mktemp("model") / "tabular"
    figures = train([panel_file], out, overrides=quick)
    assert figures["rows"] == 720
    return out


def test_one_row_in_is_one_row_out(model: Path, panel_table: pd.DataFrame, tmp_path: Path) -> None:
    """Bad rows keep their places, with nulls and a reason each."""
    bad = panel_table.tail(6).copy().astype({"hs": object, "weight_kg": object})
    bad.iloc[0, bad.columns.get_loc("weight_kg")] = 0
    bad.iloc[1, bad.columns.get_loc("weight_kg")] = -4
    bad.iloc[2, bad.columns.get_loc("month")] = "2023-13"
    bad.iloc[3, bad.columns.get_loc("hs")] = "fish"
    bad.to_csv(tmp_path / "bad.csv", index=False)
    summary = score_file(model, tmp_path / "bad.csv", tmp_path / "out.parquet")
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert out["row"].tolist() == list(range(6))
    assert out["p_value"].isna().tolist() == [True] * 4 + [False] * 2
    assert out["flagged"].isna().tolist() == [True] * 4 + [False] * 2
    assert out["reason"].notna().tolist() == [True] * 4 + [False] * 2
    assert summary["rows"] == 6
    assert summary["scored"] == 2


def test_a_file_without_one_good_row_still_gets_an_answer_for_each(
    model: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """All refused, nothing lost."""
    panel_table.head(3).assign(weight_kg=0).to_csv(tmp_path / "none.csv", index=False)
    assert score_file(model, tmp_path / "none.csv", tmp_path / "out.parquet")["scored"] == 0
    assert pd.read_parquet(tmp_path / "out.parquet")["reason"].notna().all()


def test_a_file_scores_as_its_rows_do(
    model: Path, panel_file: Path, panel_table: pd.DataFrame, tmp_path: Path
) -> None:
    """The file adds nothing but its form, and one planted fall to a third stands out."""
    fallen = panel_table.copy()
    fallen.loc[fallen.index[-1], "value_usd"] /= 3.0
    fallen.rename(columns={"hs": "code"}).to_parquet(tmp_path / "p.parquet")
    score_file(model, tmp_path / "p.parquet", tmp_path / "out.parquet", columns={"hs": "code"})
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert out["price.unit_value.p_value"].iloc[-1] <= 0.01
    assert out["unit_value"].iloc[-1] < out["expected_low"].iloc[-1]
    inside = (out["unit_value"] >= out["expected_low"]) & (out["unit_value"] <= out["expected_high"])
    assert inside[out["months"] > 6].mean() == pytest.approx(0.9, abs=0.08)


@pytest.mark.parametrize(
    ("columns", "field"), [({"hs": "tariff"}, "hs"), ({"colour": "hs"}, "map")]
)  # fmt: skip
def test_an_unknown_column_is_one_clear_error(
    panel_file: Path, tmp_path: Path, columns: dict[str, str], field: str
) -> None:
    """It names what is missing, or what there is no such thing as."""
    with pytest.raises(CustomsError) as caught:
        train([panel_file], tmp_path / "m", columns=columns)
    assert caught.value.problems[0].field == field
    assert not (tmp_path / "m").exists()


def test_too_little_to_learn_from_is_said(panel_table: pd.DataFrame, tmp_path: Path) -> None:
    """Three months are no series."""
    panel_table[panel_table["month"] <= "2021-03"].to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(UnreadableFile, match="over 3 months"):
        train([tmp_path / "short.csv"], tmp_path / "m")


def test_an_unknown_preset_lists_what_there_is(panel_file: Path, tmp_path: Path) -> None:
    """The remedy is in the error."""
    with pytest.raises(InvalidConfig, match="default, proposal-a"):
        train([panel_file], tmp_path / "m", config="proposal-z")


def test_the_artefact_names_its_training(model: Path) -> None:
    """Figures and fingerprint travel with the model."""
    scorer = TabularScorer.load(model)
    assert scorer.figures["rows"] == 720
    assert scorer.figures["series"] == 24
    assert scorer.figures["trained_to"] == "2023-06"
    assert scorer.figures["calibrated_to"] == "2023-06"
    assert len(scorer.data_fingerprint) == 64


def test_a_world_trains_on_its_past_alone(tiny_world: Path, quick: dict[str, str], tmp_path: Path) -> None:
    """Months from the cutoff on are history to be compared with, never to be learned from."""
    figures = train([tiny_world], tmp_path / "m", overrides=quick)
    assert figures["calibrated_to"] == "2024-04"
    scorer = TabularScorer.load(tmp_path / "m")
    assert scorer.converter.freight_unit == "krw_per_kg"
    assert scorer.converter.krw_per_usd
    world = World.open(tiny_world)
    cases = [case for d in world.declarations("review") for case in Case.of(d)]
    spoken = [e[0].p_value is not None for e in scorer.score(cases)]
    assert np.mean(spoken) > 0.9


@pytest.mark.eval_data
def test_the_real_panel_trains_and_its_later_months_are_calibrated(
    eval_data: Path, quick: dict[str, str], tmp_path: Path
) -> None:
    """US imports: learned to 2019-06 in two epochs, clean rows after it flagged as promised."""
    whole = pd.read_parquet(eval_data / "trade" / "us_seafood_imports.parquet")
    whole[whole["month"] <= "2019-06"].to_parquet(tmp_path / "a.parquet")
    later = whole[(whole["month"] > "2019-06") & (whole["month"] <= "2019-12")]
    later.to_parquet(tmp_path / "b.parquet")
    train(
        [tmp_path / "a.parquet"],
        tmp_path / "m",
        columns={"hs": "hs6"},
        overrides={**quick, "epochs": "1", "batch": "512"},
    )
    score_file(tmp_path / "m", tmp_path / "b.parquet", tmp_path / "s.parquet", columns={"hs": "hs6"})
    out = pd.read_parquet(tmp_path / "s.parquet")
    assert len(out) == len(later)
    assert out["p_value"].notna().mean() > 0.99
    assert np.mean(out["p_value"].dropna() <= 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(out["p_value"].dropna() <= 0.01) == pytest.approx(0.01, abs=0.006)
