"""Rivals, and the evaluation that sets everything side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from customs.errors import InvalidConfig
from portcullis.cli.app import app
from tabular_ae import presets
from tabular_ae.data import Panel
from tabular_ae.evaluate import evaluate, table
from tabular_ae.history import History
from tabular_ae.model import FlagshipConfig
from tabular_ae.plant import plant
from tabular_ae.presets import chosen, known
from tabular_ae.rivals import SIMPLE, Field, fit_boosted, fit_field, freight_z
from tabular_ae.rivals.features import features
from tabular_ae.rows import Rows
from tabular_ae.threshold_rules import flagged_by_rules
from tabular_ae.train import fit

ToRows = Callable[[pd.DataFrame], Rows]
QUICK = {
    "hidden": "8",
    "epochs": "2",
    "batch": "128",
    "learning_rate": "5e-3",
    "rounds": "15",
    "scale_rounds": "10",
    "odd_rounds": "20",
}
FITTED = ["PCA", "Isolation Forest", "LOF", "Elliptic Envelope"]
BOOSTED = ["boosted residual", "boosted residual, low price counts more"]
NAMES = [*SIMPLE, *FITTED, *BOOSTED]


@pytest.fixture(scope="module")
def given(panel_table: pd.DataFrame, toy_rows: ToRows) -> Rows:
    """The clean panel."""
    return toy_rows(panel_table)


@pytest.fixture(scope="module")
def later(given: Rows) -> Rows:
    """Its last half year."""
    return given.take(given.month > given.month.max() - 6)


@pytest.fixture(scope="module")
def rivals(given: Rows) -> Field:
    """All rivals, fitted on the months before."""
    return fit_field(given.take(given.month <= given.month.max() - 6), seed=0)


def times(rows: Rows, row: int, factor: float) -> Rows:
    """One row's value multiplied."""
    value = rows.value.copy()
    value[row] *= factor
    return dataclasses.replace(rows, value=value)


@pytest.mark.parametrize("factor", [0.2, 5.0])
@pytest.mark.parametrize("name", NAMES)
def test_each_rival_sees_a_price_five_times_off(rivals: Field, later: Rows, name: str, factor: float) -> None:
    """The row becomes the oddest but for a few; a rival that finds nothing would be no rival."""
    row = len(later) - 1
    scores = rivals.scores(times(later, row, factor))[name]
    assert (scores >= scores[row]).sum() <= 3
    assert rivals.scores(later)[name][row] < scores[row]


def test_rivals_do_not_look_ahead(rivals: Field, later: Rows) -> None:
    """Changing the last months leaves every score of the months before as it was."""
    last = later.month > later.month.max() - 2
    value = np.where(last, later.value * 7.0, later.value)
    before, after = rivals.scores(later), rivals.scores(dataclasses.replace(later, value=value))
    for name in NAMES:
        np.testing.assert_allclose(after[name][~last], before[name][~last], rtol=1e-9, err_msg=name)
        assert not np.allclose(after[name][last], before[name][last])


def test_other_countries_leave_the_row_itself_out(given: Rows) -> None:
    """Its own price moves what others see of the month, never what it sees itself."""
    row = len(given) - 1
    cut = times(given, row, 0.1)
    seen, moved = features(History(given), given), features(History(cut), cut)
    assert moved.others[row] == pytest.approx(seen.others[row])
    same = (given.hs == given.hs[row]) & (given.month == given.month[row])
    same[row] = False
    assert same.sum() == 3
    assert (moved.others[same] < seen.others[same]).all()


def test_a_low_price_counts_more_than_a_high_one_as_far_off(rivals: Field, later: Rows) -> None:
    """1.3 times in the second version of the boosted residual, the same otherwise."""
    scores = rivals.scores(later)
    ratio = scores[BOOSTED[1]] / scores[BOOSTED[0]]
    assert set(np.round(ratio, 6)) == {1.0, 1.3}


def test_a_new_item_in_a_new_month_has_no_score_rather_than_zero(rivals: Field, later: Rows) -> None:
    """NaN where neither the series nor its item has a past."""
    hs = later.hs.copy()
    hs[0] = "8703231000"
    scores = rivals.scores(dataclasses.replace(later, hs=hs))
    assert [name for name in NAMES if not np.isnan(scores[name][0])] == []
    assert all(np.isfinite(scores[name][1:]).all() for name in NAMES)


def test_prices_that_never_move_are_no_obstacle(given: Rows, later: Rows) -> None:
    """A panel of constant unit values fits without a warning, and a price ten times off is the oddest."""
    still = dataclasses.replace(given, value=2.0 * given.weight)
    rivals = fit_field(still.take(still.month < later.month.min()), seed=0)
    off = times(dataclasses.replace(later, value=2.0 * later.weight), 7, 10.0)
    assert {name: int(np.argmax(score)) for name, score in rivals.scores(off).items()} == dict.fromkeys(
        NAMES, 7
    )


def test_freight_is_judged_against_other_items_of_the_route(given: Rows) -> None:
    """A rate trebled for all items of a route is ordinary, trebled for one it is not."""
    row = len(given) - 1
    route = (given.country == given.country[row]) & (given.month == given.month[row])
    alone = given.freight.copy()
    alone[row] *= 3.0
    all_of_them = np.where(route, given.freight * 3.0, given.freight)
    one, every = (dataclasses.replace(given, freight=f) for f in (alone, all_of_them))
    assert freight_z(History(one), one)[row] > 5.0
    assert freight_z(History(every), every)[row] < 4.0


def test_clean_months_give_rivals_honest_p_values(rivals: Field, later: Rows) -> None:
    """About one clean row in ten has a p-value of at most one in ten."""
    for name, p in rivals.p_values(rivals.scores(later)).items():
        assert 0.0 <= (p <= 0.1).mean() < 0.35, name
        assert p.min() > 0.0


def test_evaluation_puts_every_rival_in_one_table(panel_file: Path) -> None:
    """The same planted rows for all; on so clean a panel the default finds most price anomalies."""
    report = evaluate([panel_file], configs=["default"], overrides=QUICK, seeds=2, draws=20)
    names = ["random", *NAMES, "default"]
    for block in ("price", "all"):
        scores = report[block]["scores"]
        assert list(scores) == names
        assert scores["default"]["found"]["0.1"][0] > 0.4 * report[block]["planted"]
        assert scores["random"]["found"]["0.1"][0] < 0.4 * report[block]["planted"]
        assert scores["rolling-median z"]["auc_pr"][0] > 2 * scores["random"]["auc_pr"][0]
        mean, low, high = scores["default"]["found"]["0.1"]
        assert low <= mean <= high
    assert report["all"]["planted"] > report["price"]["planted"]
    assert report["not_planted"] == {
        "freight 20–30 × oil": "no oil price for these months, or none in the unit of the freight"
    }
    assert set(report["clean"]) == {*NAMES, "default"}
    assert [len(record["row"]) for record in report["planted_rows"]] == [report["all"]["planted"]] * 2
    json.dumps(report, allow_nan=True)
    printed = table(report)
    assert all(printed.count(f"| {name} |") == 3 for name in names if name != "random")
    assert "default / best rival" in printed


def test_ratios_are_taken_against_the_best_rival_of_each_figure(panel_file: Path) -> None:
    """Never against the default's own variants."""
    block = evaluate([panel_file], configs=["default"], overrides=QUICK, seeds=1, draws=0)["price"]
    best = block["ratios"]["default / best rival"]["auc_pr"]
    figures = {name: score["auc_pr"][0] for name, score in block["scores"].items() if name != "default"}
    assert best["rival"] == max(figures, key=lambda name: figures[name])
    assert best["ratio"] == [pytest.approx(block["scores"]["default"]["auc_pr"][0] / max(figures.values()))]


def test_the_command_line_takes_a_configuration_and_leaves_rivals_out(panel_file: Path) -> None:
    """One row for the configuration named, none for anyone else."""
    options = ["--config", "default", "--no-rivals", "--seeds", "1"]
    for key, value in QUICK.items():
        options += ["--set", f"{key}={value}"]
    done = CliRunner().invoke(app, ["evaluate", "tabular", "--data", str(panel_file), *options])
    assert done.exit_code == 0, done.output
    assert "| default |" in done.output
    assert "robust z" not in done.output


def test_options_of_tabular_are_refused_elsewhere(panel_file: Path) -> None:
    """The error names the option."""
    with pytest.raises(InvalidConfig, match="--grid is for tabular"):
        CliRunner().invoke(
            app, ["evaluate", "hs", "--data", str(panel_file), "--grid"], catch_exceptions=False
        )


def test_presets_are_the_proposals_and_the_default_and_each_has_its_own_keys() -> None:
    """An override goes to the configurations that have the key, and to none is an error."""
    assert {"proposal-a", "proposal-b", "proposal-original-windows", "default"} <= set(known())
    found = {p.name: p for p in chosen(None, {"embedding": "3", "hidden": "7"})}
    assert found["proposal-b"].config.embedding == 3
    assert all(p.config.hidden == 7 for p in found.values())
    assert found["proposal-a"].proposal
    assert not found["default"].proposal
    with pytest.raises(InvalidConfig) as caught:
        chosen(["default"], {"colour": "red"})
    assert caught.value.problems[0].field == "config.colour"
    with pytest.raises(InvalidConfig, match="there is no configuration 'proposal-z'"):
        chosen(["proposal-z"])


def test_the_grid_adds_the_proposals_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each under its own name, one change from its preset, with overrides on top."""
    of_b = {name: entry for name, entry in presets.GRID.items() if entry[0] == "proposal-b"}
    monkeypatch.setattr(presets, "GRID", of_b)
    found = {p.name: p for p in presets.chosen(["default"], {"hidden": "5"}, grid=True)}
    assert list(found) == ["default", *of_b]
    assert len(found) > 8
    assert found["proposal-b, windows of 6"].config.window == 6
    assert found["proposal-b, windows of 6"].proposal
    assert {p.config.hidden for p in found.values()} == {5}


def test_threshold_rules_are_fitted_on_held_out_months(
    panel: Panel, later: Rows, toy_config: FlagshipConfig
) -> None:
    """Top tenth flags about a tenth of planted rows and finds more than chance; so does the tuned rule."""
    learn = panel.rows.take(panel.rows.month < later.month.min())
    scorer = fit(dataclasses.replace(panel, rows=learn, cases=()), toy_config)
    planted = plant(later, 1)
    found = flagged_by_rules(scorer, learn, planted, seed=1)
    assert set(found) == {"top5", "top10", "iqr", "dynamic", "tuned"}
    assert found["top5"]["flagged"] < found["top10"]["flagged"] < 0.4
    for rule in ("top10", "tuned"):
        assert found[rule]["precision"] > 2 * planted.odd.mean()
        assert found[rule]["found"] == pytest.approx(
            found[rule]["precision"] * found[rule]["flagged"] * len(later)
        )


def test_undervaluation_in_a_world_stands_out_from_clean_lines(tiny_world: Path) -> None:
    """Only the evaluation reads the truth; undervalued lines are odder than clean ones."""
    report = evaluate(
        [tiny_world],
        configs=["default"],
        overrides={**QUICK, "epochs": "4"},
        seeds=1,
        draws=0,
        with_rivals=False,
    )
    lines = report["declared_lines"][tiny_world.name]
    assert lines["price.unit_value: clean"]["p<=0.05"] < 0.2
    assert any("under_invoicing" in name for name in lines)
    assert all(
        line["p<=0.05"] >= 0.5 for name, line in lines.items() if name == "price.unit_value: under_invoicing"
    )


@pytest.mark.parametrize("start", ["2019-01", "2030-01", "soon"])
def test_a_split_outside_the_data_is_refused(panel_file: Path, start: str) -> None:
    """There must be months on both sides."""
    with pytest.raises(InvalidConfig) as caught:
        evaluate([panel_file], test_from=start, seeds=1)
    assert caught.value.problems[0].field == "test_from"


@pytest.mark.eval_data
def test_on_real_imports_the_boosted_residual_is_the_rival_to_beat(eval_data: Path) -> None:
    """US panel, one seed: it finds more than the rolling median in the top 1 %, and chance finds nothing."""
    source = pd.read_parquet(eval_data / "trade" / "us_seafood_imports.parquet")
    rows = Rows.of(source.rename(columns={"hs6": "hs"}))
    learn, test = rows.take(rows.month < 2019 * 12 + 6), rows.take(rows.month >= 2019 * 12 + 6)
    planted = plant(test.take(test.month < 2019 * 12 + 9), 0)
    history = History(learn)
    joined = history.with_rows(planted.rows)
    scores = fit_boosted(history, learn, seed=0)(joined, planted.rows)
    scores["rolling-median z"] = SIMPLE["rolling-median z"](joined, planted.rows)
    found = {
        name: int(planted.odd[np.argsort(-np.nan_to_num(s))[: len(s) // 100]].sum())
        for name, s in scores.items()
    }
    assert found["boosted residual"] > found["rolling-median z"] > 8
