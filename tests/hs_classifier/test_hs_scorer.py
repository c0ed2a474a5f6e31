"""The scorer and its suggestions on a little corpus."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from customs import Case, HsCode, Kilograms, Line, Money, Scorer
from customs.errors import DamagedArtefact
from customs.sentences import catalogue, placeholders, render
from hs_classifier.data import Corpus
from hs_classifier.model import HsConfig
from hs_classifier.scorer import HsScorer
from hs_classifier.text import Goods
from hs_classifier.train import fit


def case(code: str, name: str, description: str = "", subject: str = "D1/1") -> Case:
    line = Line(
        hsk=HsCode(code),
        name=name,
        description=description,
        net_kg=Kilograms(1000),
        value=Money(Decimal("100"), "USD"),
    )
    return Case(subject, line)


CASES = [
    case("0303670000", "frozen alaska pollock", subject="right"),
    case("0303670000", "new rubber tyres for trucks", subject="wrong"),
    case("4011201090", "화물차용 고무 타이어", "new tyres", subject="korean"),
    case("0303679999", "frozen pacific salmon", subject="unknown-leaf"),
    case("9701210000", "green coffee beans", subject="unknown-chapter"),
    case("0303670000", "12345", subject="digits"),
    case("0303670000", "ъъъ ыыы", subject="noise"),
    Case("no-line", hs=HsCode("0303")),
]


def test_it_keeps_the_contract(scorer: HsScorer) -> None:
    """One list for each case, in order, one evidence for each check."""
    assert isinstance(scorer, Scorer)
    answers = scorer.score(CASES)
    assert [a[0].subject for a in answers] == [c.subject for c in CASES]
    assert [tuple(e.check for e in a) for a in answers] == [scorer.checks] * len(CASES)
    assert scorer.score([]) == []


def test_a_wrong_code_is_odd_and_the_right_one_is_named(scorer: HsScorer) -> None:
    """The alternative is what the text says; a right code has none."""
    right, wrong, korean = (scorer.score([c])[0][0] for c in CASES[:3])
    assert right.p_value is not None
    assert wrong.p_value is not None
    assert right.p_value > 0.1 > wrong.p_value
    assert right.alternatives == ()
    assert wrong.alternatives[0].hs == HsCode("4011201090")
    assert wrong.surprise is not None
    assert right.surprise is not None
    assert wrong.surprise > right.surprise
    assert korean.alternatives == ()
    assert wrong.observed is not None
    assert wrong.expected is not None
    assert wrong.observed < wrong.expected[0] <= wrong.expected[1]


def test_an_unknown_code_is_judged_by_its_deepest_known_parent(scorer: HsScorer) -> None:
    """And the sentence says which."""
    evidence = scorer.score([CASES[3]])[0][0]
    assert not evidence.abstained
    assert evidence.message.id.endswith("_at_parent")
    assert evidence.message.params["looked_at"] == "0303.67"
    assert evidence.alternatives[0].hs == HsCode("030354")


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (4, "hs.text.unknown_code"),
        (5, "hs.refused.no_words"),
        (6, "hs.refused.noise"),
        (7, "hs.text.no_text"),
    ],
)
def test_it_abstains_with_a_reason(scorer: HsScorer, index: int, reason: str) -> None:
    """Silence is never a zero."""
    evidence = scorer.score([CASES[index]])[0][0]
    assert evidence.abstained
    assert evidence.message.id == reason


def test_a_case_scores_the_same_alone_and_in_a_batch(scorer: HsScorer) -> None:
    """Also beside a much longer text."""
    batch = scorer.score([*CASES, case("0303670000", "pollock " * 40)])
    for one, together in zip(CASES, batch, strict=False):
        alone = scorer.score([one])[0][0]
        assert alone.p_value == together[0].p_value
        assert alone.message.id == together[0].message.id
        if not alone.abstained:
            assert alone.surprise == pytest.approx(together[0].surprise, abs=1e-4)


def test_every_sentence_renders_in_both_languages(scorer: HsScorer) -> None:
    """With the values that the module gives."""
    for evidence in (e for row in scorer.score(CASES) for e in row):
        for language in ("ko", "en"):
            assert render(evidence.message, language)
    for name, entry in catalogue().items():
        if name.startswith("hs."):
            assert placeholders(entry["ko"]) == placeholders(entry["en"]), name


def test_saved_and_loaded_it_says_the_same(scorer: HsScorer, tmp_path: Path) -> None:
    """To the last digit, suggestions too."""
    scorer.save(tmp_path / "model")
    again = HsScorer.load(tmp_path / "model")
    assert again.score(CASES) == scorer.score(CASES)
    texts = ["frozen shrimp", "커피 원두", ""]
    assert again.suggest(texts) == scorer.suggest(texts)
    again.save(tmp_path / "again")
    manifests = [json.loads((tmp_path / n / "manifest.json").read_text()) for n in ("model", "again")]
    assert manifests[0]["fingerprint"] == manifests[1]["fingerprint"]


@pytest.mark.parametrize("name", ["network.safetensors", "precedents.parquet", "tuning.json"])
def test_a_damaged_artefact_is_refused(scorer: HsScorer, tmp_path: Path, name: str) -> None:
    """One changed byte is enough."""
    scorer.save(tmp_path / "model")
    path = tmp_path / "model" / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedArtefact, match="sha256"):
        HsScorer.load(tmp_path / "model")


def test_the_same_seed_gives_the_same_model(corpus: Corpus, tiny_config: HsConfig, tmp_path: Path) -> None:
    """Byte for byte; another seed gives another."""
    prints = []
    for n, seed in enumerate((1, 1, 2)):
        fit(corpus, tiny_config, seed=seed)[0].save(tmp_path / str(n))
        prints.append(json.loads((tmp_path / str(n) / "manifest.json").read_text())["fingerprint"])
    assert prints[0] == prints[1] != prints[2]


def test_training_learns_something(corpus: Corpus, tiny_config: HsConfig) -> None:
    """Held-out names are told far better than by a guess among eight codes."""
    figures = fit(corpus, tiny_config, seed=5)[1]
    assert figures["held_out.hs10.top1"] > 0.7


def test_p_values_of_clean_texts_are_not_small_too_often(
    scorer: HsScorer, goods_names: dict[str, tuple[str, str]]
) -> None:
    """Clean goods rarely fall under one in twenty."""
    clean = [
        case(code, f"{name} lot {n}")
        for code, names in goods_names.items()
        for name in names
        for n in range(8)
    ]
    p = np.array([e.p_value for (e, *_) in scorer.score(clean)], dtype=float)
    assert (p <= 0.05).mean() <= 0.1


def test_suggestions_have_all_levels_best_first(scorer: HsScorer) -> None:
    """With precedents that carry one of the suggested codes, nearest first."""
    (found,) = scorer.suggest([Goods("frozen pacific salmon", "whole fish in cartons")], top=3)
    assert set(found.levels) == {2, 4, 6, 10}
    assert found.levels[10][0].hs == HsCode("0303541000")
    for level, likely in found.levels.items():
        p = [a.probability for a in likely]
        assert p == sorted(p, reverse=True)
        assert sum(p) <= 1 + 1e-6
        assert len(likely) <= 3
        assert all(a.hs is not None and a.hs.level == level for a in likely)
    similarity = [near.similarity for near in found.rulings]
    assert similarity == sorted(similarity, reverse=True)
    assert {near.precedent.code for near in found.rulings} <= {a.hs for a in found.levels[10]}
    assert found.codes
    assert found.refused is None


@pytest.mark.parametrize(
    "text", ["frozen salmon " * 80_000, "<div>roasted <i>coffee</i> beans</div>", "🐟 frozen 명태 fish"]
)
def test_strange_but_readable_texts_are_answered(scorer: HsScorer, text: str) -> None:
    """A megabyte, markup, emoji and mixed scripts."""
    (found,) = scorer.suggest([text])
    assert found.refused is None
    assert found.levels[10]
