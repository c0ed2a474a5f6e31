"""Many consignments judged in one go: each as alone, the models asked twice."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from customs.case import Case
from customs.evidence import Evidence
from customs.picture import read_photo
from customs.world import World
from fusion import Policy
from fusion.keeping import load
from fusion.made_up import write_declarations
from fusion.model import Fusion
from fusion.train import train
from portcullis.consignment import Consignment, Upload
from portcullis.judge import Verdict, judge, judge_all
from portcullis.models import Models
from xray_encoder.reading import read_scan

QUICK = {"rounds": "20", "patience": "5", "models": "1", "leaves": "7", "learning_rate": "0.2"}


@dataclasses.dataclass(frozen=True)
class Counting(Models):
    """Models that note how many cases they were asked about at once."""

    asked: list[int] = dataclasses.field(default_factory=list)

    def score(self, cases: Sequence[Case]) -> list[list[Evidence]]:
        self.asked.append(len(cases))
        return super().score(cases)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Fusion:
    """A fusion that learned chances from made-up declarations with outcomes."""
    folder = tmp_path_factory.mktemp("learned")
    write_declarations(folder / "d.csv", 3_000, seed=1)
    train([folder / "d.csv"], folder / "fusion", overrides=QUICK)
    return load(folder / "fusion")


@pytest.fixture
def consignments(make: SimpleNamespace) -> list[Consignment]:
    """An odd one with a scan, a plain one, one of two lines with a scan and a photo."""
    raw = json.loads(make.declaration(id="D3"))
    line = raw["lines"][0]
    raw["lines"] = [line, {**line, "hsk": "8703809000", "value": {"amount": "900", "currency": "USD"}}]
    scan = (("s.png", make.scan()),)
    uploads = [
        Upload(make.declaration(id="D1", line={"value": "90000 USD"}), scan),
        Upload(make.declaration(id="D2")),
        Upload(json.dumps(raw).encode(), scan, make.photo()),
    ]
    return [Consignment.read(upload) for upload in uploads]


def plain(verdict: Verdict, digits: int = 17) -> Any:
    """Report and heat-map as data, numbers to so many digits."""

    def rounded(value: Any) -> Any:
        match value:
            case float():
                return float(f"{value:.{digits}g}")
            case dict():
                return {k: rounded(v) for k, v in value.items()}
            case list() | tuple():
                return [rounded(v) for v in value]
        return value

    drawn = None if verdict.heatmap is None else verdict.heatmap.values.astype(float).tolist()
    return rounded([verdict.report.model_dump(mode="json"), drawn])


def test_each_consignment_is_judged_as_it_is_alone(
    by_hand: Models, learned: Fusion, consignments: list[Consignment]
) -> None:
    """Scans and lines are not mixed up, and each line has its own chance."""
    models = dataclasses.replace(by_hand, fusion=learned)
    policy = Policy.default()
    together = judge_all(consignments, models, policy)
    assert [v.report.subject for v in together] == ["D1", "D2", "D3"]
    assert [len(v.report.lines) for v in together] == [0, 0, 2]
    assert [v.heatmap is None for v in together] == [False, True, False]
    assert len({line.chance for line in together[2].report.lines}) == 2
    assert [plain(v) for v in together] == [plain(judge(c, models, policy)) for c in consignments]
    backwards = judge_all(consignments[::-1], models, policy)[::-1]
    assert [plain(v) for v in backwards] == [plain(v) for v in together]


def test_the_models_are_asked_twice_whatever_the_number(
    by_hand: Models, consignments: list[Consignment]
) -> None:
    """About all lines, then about those with a scan as if they were what it looks like."""
    models = Counting(by_hand.scorers, by_hand.versions)
    judge_all(consignments, models, Policy.default())
    assert models.asked == [4, 3]


def test_no_consignments_are_no_verdicts(by_hand: Models) -> None:
    """A batch may be empty."""
    assert judge_all([], by_hand, Policy.default()) == []


def test_trained_models_judge_a_batch_as_each_alone(quick_models: Path, tiny_world: Path) -> None:
    """To six digits, since a batch may be summed in another order."""
    models = Models.find(quick_models)
    found: dict[bool, list[Consignment]] = {True: [], False: []}
    for declaration, scan, photo in World.open(tiny_world).cases("review"):
        found[scan is not None].append(
            Consignment(
                declaration,
                None if scan is None else read_scan(scan.read_bytes(), name=scan.name),
                None if photo is None else read_photo(photo.read_bytes()),
            )
        )
    some = [*found[True][:4], *found[False][:4]]
    policy = Policy.default()
    alone = [plain(judge(c, models, policy), 6) for c in some]
    assert [plain(v, 6) for v in judge_all(some, models, policy)] == alone
    assert any(np.isfinite(v[0]["surprise"]) for v in alone)
