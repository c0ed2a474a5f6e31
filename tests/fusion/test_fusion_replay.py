"""A past period under another model, policy or budget: which cases change lane."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from customs.errors import InvalidValue
from fusion import Policy
from fusion.data import Cases
from fusion.head.model import Head
from fusion.joint import Joint
from fusion.model import Fusion, FusionConfig
from fusion.rank import Budget
from fusion.replay import Setting, replay

Command = Callable[..., tuple[int, str, str]]
STRICT = """
[bands]
watch = 0.5
high = 1.0
critical = 2.0
[findings]
note = 1.7
warning = 2.3
alarm = 3.3
[combine]
cap = 0.9
"""


@pytest.fixture(scope="module")
def past(make: SimpleNamespace) -> Cases:
    """400 cases, of which two in three were inspected."""
    cases: Cases = make.inspected(400, 61)
    outcome = np.where(np.arange(400) % 3 == 0, np.nan, cases.outcome)
    table = cases.table.assign(outcome=pd.array([None if np.isnan(o) else int(o) for o in outcome], "Int8"))
    return dataclasses.replace(cases, table=table)


@pytest.fixture(scope="module")
def calibrated(joint: Joint) -> Fusion:
    return Fusion(FusionConfig(), joint)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy file with lower bands."""
    path = tmp_path_factory.mktemp("policy") / "strict.toml"
    path.write_text(STRICT, encoding="utf-8")
    return path


@pytest.mark.parametrize("budget", [None, Budget(share=0.1)], ids=["bands", "budget"])
@pytest.mark.parametrize("kind", ["none", "clean", "learned"])
def test_the_same_setting_moves_nothing(
    past: Cases, policy: Policy, calibrated: Fusion, learned: Fusion, kind: str, budget: Budget | None
) -> None:
    fusion = {"none": None, "clean": calibrated, "learned": learned}[kind]
    setting = Setting(policy, fusion, budget)
    found = replay(past, setting, setting)
    assert not found.moved.any()
    assert all(way["from"] == way["to"] for way in found.counts())
    assert len(found.changes(past.table)) == 0


def test_counts_add_up_and_say_what_inspections_had_found(
    past: Cases, policy: Policy, calibrated: Fusion, strict: Path
) -> None:
    """By hand from the lanes of both settings."""
    found = replay(past, Setting(policy, calibrated), Setting(Policy.read(strict), calibrated))
    ways = {(way["from"], way["to"]): way for way in found.counts()}
    assert sum(way["cases"] for way in ways.values()) == len(past)
    assert {way: w["cases"] for way, w in ways.items()} == Counter(
        zip(found.before, found.after, strict=True)
    )
    assert sum(way["inspected"] for way in ways.values()) == np.isfinite(past.outcome).sum()
    assert sum(way["hits"] for way in ways.values()) == np.nansum(past.outcome)
    upward = ways["clear", "watch"]
    mine = (np.array(found.before) == "clear") & (np.array(found.after) == "watch")
    assert upward["cases"] == mine.sum() > 0
    assert upward["inspected"] == np.isfinite(past.outcome[mine]).sum()
    assert upward["hits"] == np.nansum(past.outcome[mine])
    moved_first = [way["from"] != way["to"] for way in found.counts()]
    assert moved_first == sorted(moved_first, reverse=True)


def test_the_cases_that_move_are_listed_most_changed_first(
    past: Cases, policy: Policy, calibrated: Fusion
) -> None:
    """Without a model the sum is taken at its word; with one it is counted on clean cases."""
    found = replay(past, Setting(policy), Setting(policy, calibrated))
    changes = found.changes(past.table)
    assert len(changes) == found.moved.sum() > 5
    assert (changes["before"] != changes["after"]).all()
    rows = changes["row"].to_numpy()
    assert changes["declaration_id"].tolist() == past.table["declaration_id"].iloc[rows].tolist()
    assert [found.before[i] for i in rows] == changes["before"].tolist()
    size = (changes["order_after"] - changes["order_before"]).abs()
    assert (np.diff(size) <= 0).all()


def test_lists_of_one_length_swap_as_many_in_as_out(
    past: Cases, policy: Policy, calibrated: Fusion, learned: Fusion
) -> None:
    """A head orders the list; what it sends out and in is equal in number."""
    budget = Budget(count=40)
    found = replay(past, Setting(policy, calibrated, budget), Setting(policy, learned, budget))
    ways = {(way["from"], way["to"]): way for way in found.counts()}
    assert ways["inspect", "release"]["cases"] == ways["release", "inspect"]["cases"] > 0
    assert ways["inspect", "inspect"]["cases"] + ways["inspect", "release"]["cases"] == 40
    assert ways["release", "inspect"]["hits"] > ways["inspect", "release"]["hits"]


def test_a_head_gives_lists_and_leaves_the_bands_to_the_evidence(
    past: Cases, policy: Policy, learned: Fusion
) -> None:
    """It never takes a case out of a band."""
    bare = dataclasses.replace(learned, head=None)
    assert not replay(past, Setting(policy, bare), Setting(policy, learned)).moved.any()


def test_without_a_model_lanes_are_those_of_the_report(past: Cases, policy: Policy) -> None:
    """The same combination that `assess` uses, case by case."""
    from customs import Evidence, Message, Reference
    from fusion import assess

    found = replay(past, Setting(policy), Setting(policy))
    for i in (0, 3, 11, 57):
        evidence = [
            Evidence(
                check=check,
                subject="D",
                p_value=10.0 ** -past.surprise[i, j],
                surprise=float(past.surprise[i, j]),
                reference=Reference(group="all", size=99),
                message=Message(id="band.unknown"),
            )
            for j, check in enumerate(past.checks)
            if np.isfinite(past.surprise[i, j])
        ]
        report = assess(evidence, subject="D", policy=policy)
        assert found.before[i] == report.band
        assert found.order_before[i] == pytest.approx(report.surprise)


def test_what_nobody_could_judge_is_unknown_and_never_inspected(
    past: Cases, policy: Policy, calibrated: Fusion, learned: Fusion
) -> None:
    surprise = past.surprise.copy()
    surprise[4] = np.nan
    silent = dataclasses.replace(past, surprise=surprise)
    for fusion in (None, calibrated, learned):
        bands = replay(silent, Setting(policy, fusion), Setting(policy, fusion))
        assert bands.before[4] == "unknown"
        lists = [Setting(policy, fusion, Budget(share=0.99))] * 2
        assert replay(silent, *lists).before[4] == "release"


def test_a_list_cannot_be_compared_with_bands(past: Cases, policy: Policy) -> None:
    with pytest.raises(InvalidValue, match="budget"):
        replay(past, Setting(policy, budget=Budget(count=5)), Setting(policy))


def test_a_model_of_plain_declarations_has_no_bands(past: Cases, policy: Policy, head: Head) -> None:
    """With a budget it has lists."""
    plain = Fusion(FusionConfig(), head=head)
    with pytest.raises(InvalidValue, match="give --budget"):
        replay(past, Setting(policy, plain), Setting(policy, plain))
    lists = replay(past, Setting(policy, plain, Budget(count=7)), Setting(policy, plain, Budget(count=9)))
    assert Counter(zip(lists.before, lists.after, strict=True))["release", "inspect"] == 2


def test_the_command_lists_what_moves_and_keeps_it(
    past: Cases, learned_folder: Path, strict: Path, command: Command, tmp_path: Path
) -> None:
    """As JSON and as a table of the cases; by a period's days."""
    past.write(tmp_path / "c.parquet")
    options = ["--data", tmp_path / "c.parquet", "--model", learned_folder, "--against-policy", strict]
    code, said, _ = command("replay", *options, "--json", "--out", tmp_path / "new" / "moved.parquet")
    assert code == 0
    answer = json.loads(said)
    assert answer["cases"] == 400
    assert answer["moved"] == len(answer["changes"]) > 0
    assert sum(way["cases"] for way in answer["counts"] if way["from"] != way["to"]) == answer["moved"]
    kept = pd.read_parquet(tmp_path / "new" / "moved.parquet")
    assert kept["declaration_id"].tolist() == [c["declaration_id"] for c in answer["changes"]]
    code, said, _ = command("replay", *options, "--since", "2024-02-01", "--until", "2024-02-29")
    assert code == 0
    days = pd.to_datetime(past.table["date"])
    assert f"{int(((days >= '2024-02-01') & (days <= '2024-02-29')).sum())} cases, " in said
    assert "clear → watch: " in said
    assert "hits of" in said


def test_plain_declarations_are_replayed_as_lists(
    make: SimpleNamespace, head_folder: Path, command: Command, tmp_path: Path
) -> None:
    """Under another length of the list, with what the outcomes in the file say."""
    (tmp_path / "d.csv").write_text(make.csv(300, 71), encoding="utf-8")
    options = ["--data", tmp_path / "d.csv", "--model", head_folder]
    code, said, _ = command("replay", *options, "--budget", "30", "--against-budget", "10%", "--json")
    assert (code, json.loads(said)["moved"]) == (0, 0)
    code, said, _ = command("replay", *options, "--budget", "30", "--against-budget", "0.05", "--json")
    (way,) = [w for w in json.loads(said)["counts"] if w["from"] != w["to"]]
    assert (way["from"], way["to"], way["cases"], way["inspected"]) == ("inspect", "release", 15, 15)
    code, said, _ = command("replay", "--data", tmp_path / "d.csv")
    assert code == 0
    assert "300 cases, 0 change lane" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "yesterday"), "since: got 'yesterday'"),
        (("--since", "2031-01-01"), "no cases in this period"),
        (("--against-budget", "5"), "one setting has a budget"),
        (("--budget", "none"), "budget: got 'none'"),
        (("--policy", "gone.toml"), "gone.toml cannot be read"),
    ],
)
def test_what_cannot_be_replayed_is_one_line(
    past: Cases, command: Command, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    past.write(tmp_path / "c.parquet")
    code, said, err = command("replay", "--data", tmp_path / "c.parquet", *options)
    assert (code, said) == (2, "")
    assert words in err
    assert err.count("\n") == 1
