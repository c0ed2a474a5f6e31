"""`portcullis evaluate fusion`: every rival on the same rows, shares with their intervals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from customs.errors import InvalidConfig, InvalidValue
from fusion import Policy, rivals
from fusion.data import Cases
from fusion.evaluate import evaluate, table
from fusion.evaluate.figures import (
    alarms,
    caught,
    interval,
    precision,
    ratio_interval,
    recall,
    reliability,
    spread,
)

Command = Callable[..., tuple[int, str, str]]


def intervals(found: Any) -> Iterator[dict[str, float]]:
    """Everything in a report that has a mean and limits."""
    if isinstance(found, dict):
        if {"mean", "low", "high"} <= set(found):
            yield found
        for value in found.values():
            yield from intervals(value)
    elif isinstance(found, list):
        for value in found:
            yield from intervals(value)


@pytest.fixture(scope="module")
def toy(make: SimpleNamespace) -> dict[str, str]:
    return {name: str(value) for name, value in make.toy.items()}


@pytest.fixture(scope="module")
def settings(toy: dict[str, str]) -> list[str]:
    """Of a command."""
    return [word for name, value in toy.items() for word in ("--set", f"{name}={value}")]


def test_the_head_on_declarations_stands_beside_its_rivals(
    make: SimpleNamespace, settings: list[str], command: Command, tmp_path: Path
) -> None:
    """Learned from one file, measured on another; figures are shares whose intervals hold the mean."""
    (tmp_path / "learn.csv").write_text(make.csv(700, 3), encoding="utf-8")
    (tmp_path / "later.csv").write_text(make.csv(400, 4, first=500_000, since=20), encoding="utf-8")
    files = ["--data", tmp_path / "learn.csv", "--test", tmp_path / "later.csv"]
    code, said, err = command("evaluate", "fusion", *files, "--seeds", "1", "--json", *settings)
    assert code == 0, err
    report = json.loads(said)
    assert (report["train"], report["test"], report["seeds"]) == (700, 400, [0])
    rows = {row["name"]: row for row in report["rows"]}
    assert {"fusion head", "logistic", "random forest", "LightGBM", "random"} <= set(rows)
    assert ("XGBoost" in rows) != ("XGBoost" in report["not_installed"])
    assert {"fusion head without pairs", "fusion head without names of firms"} <= set(rows)
    for found in intervals(report):
        assert 0 <= found["low"] <= found["mean"] <= found["high"] <= 1
    ten = {name: row["precision_10%"]["mean"] for name, row in rows.items()}
    assert ten["fusion head"] > ten["random"] + 0.2
    assert ten["fusion head"] > ten["fusion head without pairs"]
    assert 0 < report["new_importers"]["share"] < 1
    assert [row["name"] for row in report["new_importers"]["rows"]] == list(rows)
    assert 0 <= report["calibration"]["error"] < 0.15
    assert [e["budget"] for e in report["expected"]] == [0.01, 0.05, 0.10]
    text = table(report)
    assert all(name in text for name in rows)
    assert f"{ten['fusion head']:.3f}" in text


def test_without_a_second_file_the_last_weeks_are_measured_on(
    make: SimpleNamespace, toy: dict[str, str], tmp_path: Path
) -> None:
    """And without rivals there is the head alone."""
    (tmp_path / "d.csv").write_text(make.csv(1_000, 3), encoding="utf-8")
    report = evaluate([tmp_path / "d.csv"], seeds=2, seed=5, overrides=toy, with_rivals=False)
    assert [row["name"] for row in report["rows"]] == ["fusion head"]
    assert report["train"] + report["test"] == 1_000
    assert report["test"] == pytest.approx(200, abs=60)
    assert report["seeds"] == [5, 6]


@pytest.fixture(scope="module")
def measured(
    make: SimpleNamespace, toy: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Scored cases: 900 of known outcome, 600 under review."""
    folder = tmp_path_factory.mktemp("cases")
    make.inspected(900, 5).write(folder / "settled.parquet")
    later: Cases = make.inspected(600, 6)
    make.cases(later.surprise, later.table, kind=later.table["kind"]).write(folder / "review.parquet")
    return evaluate([folder / "settled.parquet", folder / "review.parquet"], seeds=1, overrides=toy)


def test_fused_risk_on_cases_stands_beside_modules_and_combinations(measured: dict[str, Any]) -> None:
    """By kind of fraud, with what every part is worth."""
    assert (measured["settled"], measured["review"]) == (900, 600)
    rows = {row["name"]: row for row in measured["recall"]}
    assert {"mean", "max", "Fisher", "logistic on raw scores", "any flag", "Cauchy"} <= set(rows)
    assert {"tabular alone", "hs alone", "xray alone", "fused", "fused and learned"} <= set(rows)
    assert all(set(row["kinds"]) == {"lane", "price"} for row in rows.values())
    assert rows["fused"]["tied"] == 0.0
    assert rows["any flag"]["tied"] > 0.9
    five = {name: row["recall_5.0%"]["mean"] for name, row in rows.items()}
    assert five["fused and learned"] > five["fused"]
    modules = {row["module"] for row in measured["times_best_module"]}
    assert modules == {"tabular alone", "tabular alone, measured again"}
    shares = [found for row in measured["recall"] for found in intervals(row)]
    for found in shares:
        assert 0 <= found["low"] <= found["mean"] <= found["high"] <= 1
    assert {"as it is", "checks not measured again", "without photo", "without scan"} <= set(
        measured["ablations"]
    )
    text = table(measured)
    assert all(name in text for name in (*rows, *measured["alarms"], *measured["ablations"]))


def test_alarms_on_clean_cases_are_told_by_what_was_sent(measured: dict[str, Any]) -> None:
    """Of cases held out at random and of later ones; the exact interval holds the share."""
    alarms = measured["alarms"]
    assert set(alarms) == {"held out at random", "later months"}
    clean = {"held out at random": 1500 - measured["settled_frauds"], "later months": 600}
    clean["held out at random"] -= measured["frauds"]
    clean["later months"] -= measured["frauds"]
    for how, by_pattern in alarms.items():
        assert len(by_pattern) >= 2
        assert sum(found["0.01"]["cases"] for found in by_pattern.values()) <= clean[how]
        for found in by_pattern.values():
            for nominal, about in found.items():
                assert about["low"] <= about["share"] <= about["high"]
                assert about["low"] <= float(nominal) * 2.5


def test_a_module_that_hardly_ever_spoke_is_left_out_of_the_comparison(
    make: SimpleNamespace, toy: dict[str, str], tmp_path: Path
) -> None:
    """Too few clean scans to calibrate it by itself are no reason to measure nothing."""
    settled: Cases = make.inspected(300, 5)
    settled.surprise[60:, 4:] = np.nan
    settled.write(tmp_path / "s.parquet")
    later: Cases = make.inspected(200, 6)
    make.cases(later.surprise, later.table, kind=later.table["kind"]).write(tmp_path / "r.parquet")
    report = evaluate([tmp_path / "s.parquet"], tmp_path / "r.parquet", seeds=1, overrides=toy)
    names = [row["name"] for row in report["recall"]]
    assert "tabular alone" in names
    assert "xray alone" not in names


@pytest.mark.parametrize(
    ("make_cases", "said"),
    [
        (lambda make: make.inspected(200, 1), "0 under review"),
        (lambda make: make.cases(make.surprises(200, 1)), "0 cases of known outcome"),
    ],
    ids=["nothing to measure on", "nothing to learn from"],
)
def test_cases_of_one_kind_only_are_refused(
    make: SimpleNamespace, make_cases: Any, said: str, tmp_path: Path
) -> None:
    make_cases(make).write(tmp_path / "c.parquet")
    with pytest.raises(InvalidValue, match=said):
        evaluate([tmp_path / "c.parquet"])


def test_no_seeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="seeds"):
        evaluate([tmp_path], seeds=0)


def test_declarations_without_outcomes_are_refused_by_name(
    make: SimpleNamespace, command: Command, tmp_path: Path
) -> None:
    """The column that lacks is named, in training too."""
    lines = [line.rsplit(",", 1)[0] for line in make.csv(50, 1).splitlines()]
    (tmp_path / "blind.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for verb in (["evaluate", "fusion"], ["train", "fusion", "--out", tmp_path / "m"]):
        code, _, err = command(*verb, "--data", tmp_path / "blind.csv")
        assert code == 2
        assert "blind.csv has no outcomes" in err
        assert "우범여부" in err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("score", "places", "chances"),
    [
        ([3.0, 2.0, 1.0], 2, [1, 1, 0]),
        ([2.0, 1.0, 1.0, 1.0], 2, [1, 1 / 3, 1 / 3, 1 / 3]),
        ([1.0, 1.0], 5, [1, 1]),
        ([0.0, 0.0, 0.0, 0.0], 1, [0.25] * 4),
    ],
)
def test_equal_scores_share_the_places_at_the_cut(
    score: list[float], places: int, chances: list[float]
) -> None:
    """Nobody gains from the order of the file."""
    assert caught(np.array(score), places).tolist() == pytest.approx(chances)


def test_recall_and_precision_are_what_they_are_called() -> None:
    fraud = np.array([True, False, True, False, False, False, False, False, False, False])
    score = np.arange(10.0)[::-1]
    assert recall(score, fraud, 0.2) == 0.5
    assert precision(score, fraud, 0.2) == 0.5
    assert recall(score, fraud, 0.3) == 1.0
    assert recall(score, np.zeros(10, dtype=bool), 0.3) == 0.0


def test_an_interval_holds_the_mean_and_narrows_with_more_cases() -> None:
    """Bootstrapped test sets; a rival's ratio to itself is one."""
    rng = np.random.default_rng(0)
    widths = []
    for n in (300, 3_000):
        fraud = rng.random(n) < 0.2
        score = fraud + rng.normal(size=n)
        mean, low, high = interval([score], fraud, 0.1, "precision")
        assert low <= mean <= high
        widths.append(high - low)
        assert ratio_interval(score, score, fraud, 0.1) == (1.0, 1.0, 1.0)
    assert widths[1] < 0.6 * widths[0]
    assert spread((0.9853, 0.972, 0.9951)) == "0.985 (0.972-0.995)"


def test_reliability_is_zero_where_chances_are_shares() -> None:
    chance = np.repeat([0.0, 0.5, 1.0], 200)
    outcome = np.concatenate([np.zeros(200), np.tile([0.0, 1.0], 100), np.ones(200)])
    exact = reliability(chance, outcome, bins=3)
    assert exact["error"] == pytest.approx(0.0)
    assert exact["brier"] == pytest.approx(0.25 / 3)
    assert reliability(1 - chance, outcome, bins=3)["error"] > 0.5
    assert alarms(np.array([True, False, False, False]))["share"] == 0.25


def test_rivals_of_evidence_are_the_textbooks_ones(make: SimpleNamespace) -> None:
    """On three cases by hand: two checks, one silent in the last."""
    surprise = np.array([[3.0, 1.0], [0.5, 0.5], [np.nan, 2.5]])
    names = ("price.unit_value", "hs.text")
    review = Cases(make.cases(make.surprises(3, 0)).table, names, 10.0**-surprise, surprise)
    found = rivals.of_evidence(review, review, Policy.default(), 0)
    assert found["mean"].tolist() == [2.0, 0.5, 2.5]
    assert found["max"].tolist() == [3.0, 0.5, 2.5]
    assert found["any flag"].tolist() == [1.0, 0.0, 1.0]
    assert found["flags counted"].tolist() == [1, 0, 1]
    # Fisher: of p = 0.001 and 0.1, 4 degrees of freedom; alone a p-value is itself
    assert 10 ** -found["Fisher"][0] == pytest.approx(1e-4 * (1 - np.log(1e-4)), rel=1e-9)
    assert found["Fisher"][2] == pytest.approx(2.5)
    assert found["logistic on raw scores"].tolist() == [0.0] * 3  # nothing was inspected
