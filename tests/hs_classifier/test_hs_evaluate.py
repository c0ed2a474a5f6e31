"""Measuring: the figures have the promised shape and tell good from bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from customs.errors import InvalidConfig
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


def test_each_half_of_a_test_is_learned_from_and_measured_once(corpus_csv: Path, tmp_path: Path) -> None:
    """Drawn by reference, so that two texts of one ruling stay on one side; vague texts are counted."""
    test = tmp_path / "later.jsonl"
    rows = [
        f'{{"reference_id": "R{i // 2}", "hsk": "{code}", "product_name": "{name} lot {i}"}}'
        for i, (code, name) in enumerate(
            [("0303670000", "frozen pollock"), ("0901210000", "roasted coffee")] * 6
        )
    ]
    test.write_text("\n".join(rows), encoding="utf-8")
    vague = tmp_path / "vague.txt"
    vague.write_text('parts\n"gift"\n\nfrozen alaska pollock\nsample\n', encoding="utf-8")
    report = evaluate([corpus_csv], test, seed=1, overrides=QUICK, learn_half=True, vague=vague)
    assert report["tested"] == 12
    assert report["vague_refused"] == pytest.approx(3 / 4)
    assert "75.0%" in table(report)


def test_codes_of_another_country_are_compared_at_six_digits(corpus_csv: Path, tmp_path: Path) -> None:
    """Eight digits are cut to the six that all countries share; ten-digit figures are then left out."""
    test = tmp_path / "later.csv"
    test.write_text("hsk,name\n03036790,frozen alaska pollock\n401120,tyres for trucks\n", encoding="utf-8")
    (result,) = evaluate([corpus_csv], test, seed=1, overrides=QUICK)["results"].values()
    assert result["blend"]["hs6.top1"] >= 0.5
    assert "hs10.top1" not in result["blend"]
    assert "hs10" not in result["calibration_error"]


def test_halving_nothing_is_refused(corpus_csv: Path) -> None:
    """With what to add."""
    with pytest.raises(InvalidConfig, match="add --test"):
        evaluate([corpus_csv], overrides=QUICK, learn_half=True)
