"""What was learned as an artefact: the same when it comes back, refused when damaged, and without names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from customs import DamagedArtefact, open_artefact
from fusion.data import Cases
from fusion.head.attributes import attributes
from fusion.head.model import Head
from fusion.keeping import load
from fusion.model import Fusion
from portcullis.models import Models


def test_a_head_comes_back_as_it_was(head: Head, head_folder: Path, declared: pd.DataFrame) -> None:
    """Scores, chances, reasons' profile, intervals."""
    again = load(head_folder).head
    assert again is not None
    rows = attributes(declared.tail(300))
    features, other = head.features(rows), again.features(rows)
    np.testing.assert_array_equal(other, features)
    raw, same = head.raw(rows, features), again.raw(rows, other)
    np.testing.assert_array_equal(same, raw)
    np.testing.assert_array_equal(again.chances(same), head.chances(raw))
    np.testing.assert_array_equal(again.profile.contributions(other), head.profile.contributions(features))
    assert again.chances.hits(raw[:20]) == head.chances.hits(raw[:20])
    assert again.figures == head.figures
    assert again.names == head.names
    assert load(head_folder).joint is None


def test_calibration_and_head_come_back_together(
    learned: Fusion, learned_folder: Path, make: SimpleNamespace
) -> None:
    again = load(learned_folder)
    cases: Cases = make.inspected(200, 15)
    assert again.config == learned.config
    assert again.version.startswith("fusion@")
    np.testing.assert_array_equal(again.evidence_features(cases), learned.evidence_features(cases))
    said = {"price.unit_value": 3.0, "hs.text": 0.4}
    row = attributes(cases.table.head(1))
    assert again.chance(row, said) == learned.chance(row, said)


def test_no_firm_is_named_in_any_file(
    head_folder: Path, learned_folder: Path, declared: pd.DataFrame
) -> None:
    """Labels are kept as hashes: a model that leaves the house tells nobody who was inspected."""
    firms = {str(name) for column in ("importer", "declarant", "seller", "forwarder")
             for name in declared[column].dropna().unique()}  # fmt: skip
    assert len(firms) > 100
    for folder in (head_folder, learned_folder):
        for path in folder.iterdir():
            if path.suffix == ".parquet":
                kinds = {str(field.type) for field in pq.read_schema(path)}
                assert kinds <= {"int64", "uint64", "double", "string"}
                table = pd.read_parquet(path)
                texts = {
                    str(v) for name in table.select_dtypes(exclude="number") for v in table[name].unique()
                }
                assert not texts & firms
            text = path.read_bytes().decode("utf-8", errors="ignore")
            assert not [name for name in firms if name in text], path


@pytest.mark.parametrize("which", ["head.json", "rates.parquet", "joint.json", "chances.safetensors"])
def test_a_damaged_file_is_refused_by_its_name(learned_folder: Path, tmp_path: Path, which: str) -> None:
    shutil.copytree(learned_folder, tmp_path / "m")
    victim = tmp_path / "m" / which
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    with pytest.raises(DamagedArtefact, match=which.replace(".", r"\.")):
        load(tmp_path / "m")


def test_trees_that_are_none_are_refused_in_a_sentence(head_folder: Path, tmp_path: Path) -> None:
    """As from another version of the library, hashes in order."""
    from customs.trees import Forest

    with pytest.raises(DamagedArtefact, match="trees cannot be read"):
        Forest(("not a tree",)).predict(np.zeros((1, 2), dtype=np.float32))


def test_the_manifest_says_what_was_learned(learned_folder: Path, head_folder: Path) -> None:
    figures = open_artefact(learned_folder, kind="fusion").manifest["figures"]
    assert figures["declarations"] == 3_000
    assert 0 < figures["clean_cases"] < 3_000
    assert figures["new_importers"]["share"] > 0
    assert open_artefact(head_folder, kind="fusion").manifest["figures"]["clean_cases"] is None
    assert json.dumps(figures)


def test_models_take_fusion_beside_the_scorers_and_only_once(
    learned_folder: Path, head_folder: Path, tmp_path: Path
) -> None:
    """It scores no cases itself and is no scorer."""
    found = Models.load([learned_folder])
    assert found.fusion is not None
    assert found.fusion.head is not None
    assert (dict(found.scorers), found.checks, dict(found.versions)) == ({}, (), {})
    shutil.copytree(learned_folder, tmp_path / "a")
    shutil.copytree(head_folder, tmp_path / "b")
    with pytest.raises(DamagedArtefact, match="both fusion"):
        Models.find(tmp_path)
