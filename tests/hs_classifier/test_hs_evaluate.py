"""Measuring: the figures have the promised shape and tell good from bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from hs_classifier.evaluate import evaluate, table

QUICK = {"embedding_dim": "16", "buckets": "500", "embedding_epochs": "1", "hidden": "16", "epochs": "4"}


def test_all_three_voices_are_measured_with_and_without_descriptions(
    corpus_csv: Path, tmp_path: Path
) -> None:
    """A code that was never trained on counts as a miss."""
    test = tmp_path / "later.csv"
    test.write_text(
        "hsk,name,description\n"
        "0303670000,frozen alaska pollock,whole\n"
        "4011201090,화물차용 고무 타이어,\n9701210000,oil painting,\n",
        encoding="utf-8",
    )
    report = evaluate([corpus_csv], test, seed=1, overrides=QUICK)
    assert report["tested"] == 3
    assert report["true_code_known"] == pytest.approx(2 / 3, abs=1e-3)
    assert set(report["results"]) == {"name", "name_and_description"}
    for result in report["results"].values():
        for voice in ("blstm", "retrieval", "blend"):
            for level in (4, 6, 10):
                shares = [result[voice][f"hs{level}.top{k}"] for k in (1, 3, 5)]
                assert shares == sorted(shares)
                assert shares[-1] <= 0.6667
        assert result["retrieval"]["hs10.top1"] == pytest.approx(2 / 3, abs=1e-3)
    assert "retrieval" in table(report)


def test_without_a_test_file_a_part_of_the_data_is_held_out(corpus_csv: Path) -> None:
    """By name, before anything is trained."""
    report = evaluate([corpus_csv], seed=1, overrides=QUICK)
    assert 40 <= report["tested"] <= 80
    assert set(report["results"]) == {"name"}
