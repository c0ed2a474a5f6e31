"""The text study on toys: splits, figures, rivals, the loss it trains with, and its table."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from customs.config import load_config
from customs.errors import InvalidConfig, InvalidValue
from customs.hs import HsCode
from hs_classifier import study
from hs_classifier.codes import LEVELS, CodeTree
from hs_classifier.data import Corpus, Sample, read_corpus
from hs_classifier.embed import Vocabulary, train_vectors
from hs_classifier.model import HsConfig
from hs_classifier.network import Candidates, Runs, fit_network, log_probabilities, path_loss
from hs_classifier.study import text
from hs_classifier.study.figures import Tally, half_width
from hs_classifier.study.folds import biggest_classes, deepest_level, folds, splits
from hs_classifier.study.rivals import RIVALS, answers
from hs_classifier.text import Goods, words

CONFIGS = text.CONFIGS
WORD2VEC = load_config(
    HsConfig, CONFIGS, "study-word2vec-blstm", {"embedding_dim": "8", "embedding_epochs": "2"}
)
SMALL = {"embedding_dim": "12", "embedding_epochs": "3", "hidden": "12", "learning_rate": "0.02"}
SENTENCES = [["frozen", "squid"], ["frozen", "cod"], ["green", "coffee"], ["frozen", "coffee"]] * 5


def samples_of(counts: dict[str, int], description: str = "") -> list[Sample]:
    return [
        Sample(Goods(f"goods {code}", description), HsCode(code))
        for code, n in counts.items()
        for _ in range(n)
    ]


def test_a_group_is_in_one_fold_and_every_row_in_exactly_one() -> None:
    """Folds are of like size even though one group is big."""
    groups = ["big"] * 20 + [f"g{i // 2}" for i in range(80)]
    parts = folds(groups, 5, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == list(range(100))
    homes = [{groups[i] for i in part} for part in parts]
    assert all(not (a & b) for i, a in enumerate(homes) for b in homes[:i])
    assert max(map(len, parts)) - min(map(len, parts)) <= 20


def test_big_groups_are_held_out_too() -> None:
    """A split that only ever held out small groups would flatter."""
    groups = ["big"] * 30 + [str(i) for i in range(70)]
    held = [
        next(iter(splits(groups, k=5, every_fold=False, rng=np.random.default_rng(seed))))[1]
        for seed in range(40)
    ]
    assert 2 <= sum(0 in rows for rows in held) <= 20


def test_every_fold_is_held_out_in_turn_when_asked() -> None:
    """Together they hold out each row once, and never train on what they hold out."""
    groups = [str(i) for i in range(23)]
    turns = list(splits(groups, k=5, every_fold=True, rng=np.random.default_rng(1)))
    assert sorted(np.concatenate([held for _, held in turns])) == list(range(23))
    assert all(not set(train) & set(held) and len(train) + len(held) == 23 for train, held in turns)


def test_classes_have_enough_cases_and_come_biggest_first() -> None:
    """Equals by code; a class of nine is no class of the study."""
    found = biggest_classes(
        samples_of({"0303670000": 10, "0302110000": 12, "0901110000": 10, "4011100000": 9}), 10
    )
    assert [c.digits for c in found] == ["0302110000", "0303670000", "0901110000"]


def test_the_deepest_level_with_enough_classes_is_taken() -> None:
    """Two headings of six cases hold ten-digit codes of three each."""
    told = samples_of({"0303670000": 3, "0303680000": 3, "0901110000": 3, "0901210000": 3})
    assert deepest_level(told, classes=4, least=3) == 10
    assert deepest_level(told, classes=2, least=6) == 4
    with pytest.raises(InvalidValue, match="chapters"):
        deepest_level(told, classes=3, least=6)


def test_a_tally_counts_first_and_third_places() -> None:
    """Over seeds the mean; equal scores do not make a guess right."""
    tally = Tally()
    scores = np.array([[3.0, 2.0, 1.0, 0.0], [0.0, 3.0, 2.0, 1.0]])
    tally.add(0, scores, np.array([0, 3]))
    tally.add(1, scores, np.array([0, 1]))
    figures = tally.figures()
    assert figures["ours"] == 75.0
    assert figures["top3"] == 100.0
    assert figures["low"] <= 75.0 <= figures["high"] <= 100.0


def test_an_interval_is_as_wide_as_seeds_or_texts_demand() -> None:
    """Agreeing seeds cannot make a hundred texts say more than they do; disagreeing ones widen."""
    assert half_width(np.array([0.5]), 100) == pytest.approx(0.098, abs=0.001)
    assert half_width(np.array([0.5, 0.5, 0.5]), 100) == pytest.approx(0.098, abs=0.001)
    assert half_width(np.array([0.3, 0.5, 0.7]), 10_000) == pytest.approx(0.497, abs=0.001)


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_learn_the_words_of_a_class(name: str) -> None:
    """And a class without a training text is not named before one with."""
    train = [t for i in range(12) for t in (f"frozen squid lot {i}", f"coffee beans bag {i}")]
    targets = np.array([0, 2] * 12)
    said = answers(train, targets, ["squid frozen", "beans of coffee"], 4, seed=0)[name]
    assert said.shape == (2, 4)
    assert said.argmax(axis=1).tolist() == [0, 2]
    assert said[0, 1] <= said[0].max()
    assert set(np.argsort(-said[0], kind="stable")[:1]) <= {0, 2}


def test_word2vec_gives_a_word_one_row_and_all_unknown_words_another() -> None:
    """A vocabulary made anew from the known words, as an artefact does, looks up the same rows."""
    config = dataclasses.replace(WORD2VEC, min_count=6)
    vocabulary, table = train_vectors(SENTENCES, config, seed=0)
    assert set(vocabulary.known) == {"frozen", "coffee"}
    assert table.shape == (vocabulary.rows, 8) == (3, 8)
    assert vocabulary.ids("squid").tolist() == vocabulary.ids("never").tolist() == [2]
    again = Vocabulary(vocabulary.known, min_n=2, max_n=5, buckets=0)
    assert all(again.ids(w).tolist() == vocabulary.ids(w).tolist() for w in ("frozen", "coffee", "new"))


def test_the_unknown_word_is_learned_where_rare_words_stand_for_it() -> None:
    """Without rare words its vector is zero: it says nothing."""
    learned = train_vectors(SENTENCES, dataclasses.replace(WORD2VEC, min_count=6), seed=0)[1]
    silent = train_vectors(SENTENCES, dataclasses.replace(WORD2VEC, min_count=1), seed=0)[1]
    assert np.abs(learned[-1]).max() > 0
    assert np.abs(silent[-1]).max() == 0


@pytest.mark.parametrize("name", text.CONFIGURATIONS)
def test_vectors_that_stay_fixed_are_centred_and_of_unit_spread(name: str) -> None:
    """Those that are tuned further are left as gensim learned them."""
    config = load_config(HsConfig, CONFIGS, name, {"embedding_dim": "8"})
    for tuned in (False, True):
        vocabulary, table = train_vectors(
            SENTENCES, dataclasses.replace(config, tune_embeddings=tuned), seed=0
        )
        vectors = np.array([table[vocabulary.ids(w)].mean(axis=0) for w in vocabulary.known])
        standard = abs(float(vectors.std()) - 1) < 0.01 and float(np.abs(vectors.mean(axis=0)).max()) < 0.01
        assert standard is not tuned


@pytest.mark.parametrize("values", [{"embedding": "word2vec", "buckets": "10"}, {"buckets": "0"}])
def test_a_configuration_whose_rows_do_not_fit_its_vectors_is_refused(values: dict[str, str]) -> None:
    """The error names the key."""
    with pytest.raises(InvalidConfig, match=r"config\.buckets"):
        load_config(HsConfig, CONFIGS, "default", values)


TREE = CodeTree(
    HsCode(f"{chapter}{heading}{sub}{leaf}00")
    for chapter in ("03", "09")
    for heading in ("01", "02")
    for sub in ("10", "20")
    for leaf in ("10", "20", "30")
)
WEIGHTS = (0.1, 0.2, 0.3, 0.4)


def test_the_loss_is_minus_log_p_of_every_parent() -> None:
    """Value and gradient are those of the plain sums over all leaves."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, len(TREE), generator=generator, dtype=torch.float64, requires_grad=True)
    target = np.array([0, 7, 7, 13, 23])
    loss = path_loss(logits, target, Runs.of(TREE), WEIGHTS)
    loss.backward()
    plain = logits.detach().clone().requires_grad_()
    log_p = plain.log_softmax(dim=1)
    expected = torch.zeros((), dtype=torch.float64)
    for level, weight in zip(LEVELS, WEIGHTS, strict=True):
        up = torch.from_numpy(TREE.up[level])
        below = up[None, :] == up[target][:, None]
        expected = expected - weight * log_p.masked_fill(~below, -torch.inf).logsumexp(dim=1).mean()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item())
    assert logits.grad is not None
    assert plain.grad is not None
    assert torch.allclose(logits.grad, plain.grad)


def test_drawn_candidates_stand_for_all_leaves_without_bias() -> None:
    """exp(loss) of one text is Σ exp(logits) over its own: the mean of many draws is that of all leaves."""
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(1, len(TREE))))
    target, runs, only_leaf = np.array([4]), Runs.of(TREE), (0.0, 0.0, 0.0, 1.0)
    whole = path_loss(logits, target, runs, only_leaf).exp().item()
    guesses = []
    for _ in range(3000):
        drawn = rng.random(len(TREE)) < 0.4
        drawn[target] = True
        leaves = np.flatnonzero(drawn)
        some = Candidates(leaves, np.full(len(leaves), 0.4))
        guesses.append(path_loss(logits[:, leaves], target, runs, only_leaf, some).exp().item())
    assert np.mean(guesses) == pytest.approx(whole, rel=0.03)
    assert np.std(guesses) > 0.05 * whole


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_network_taught_with_few_candidates_knows_all_codes(corpus: Corpus, share: float) -> None:
    """Also when each text is read in half of the epochs only."""
    config = load_config(
        HsConfig,
        CONFIGS,
        "default",
        {**SMALL, "learning_rate": "0.05", "buckets": "500", "epochs": "10", "candidates": "3"},
    )
    tree = CodeTree(s.code for s in corpus.samples)
    tokens = [words(s.goods.short, 10) for s in corpus.samples]
    targets = np.array([tree.find(s.code) for s in corpus.samples], dtype=np.int64)
    vocabulary, table = train_vectors(tokens, config, seed=0)
    seen: list[int] = []
    model = fit_network(
        tokens,
        targets,
        tree,
        vocabulary,
        table,
        config,
        seed=0,
        shares=np.full(len(tokens), share),
        progress=lambda stage, done, total: seen.append(total),
    )
    right = log_probabilities(model, vocabulary, tokens).argmax(axis=1) == targets
    assert right.mean() > 0.8
    if share < 1:
        # 640 texts in batches of 16 for 10 epochs are 400 steps
        assert seen[0] < 250


def toy_rulings(path: Path, codes: dict[str, str], cases: int = 14) -> Path:
    rows = [
        f'{code},"{name} {i % 7}; lot {i}","{name} packed in boxes {i}"'
        for code, name in codes.items()
        for i in range(cases)
    ]
    path.write_text("\n".join(["hsk,name,description", *rows]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The study of twelve toy codes in eleven chapters, two seeds."""
    names = (
        "squid",
        "coffee",
        "tyres",
        "laptop",
        "apple",
        "shirt",
        "paper",
        "steel",
        "toys",
        "chair",
        "lamp",
    )
    codes = {f"{10 + i}01100000": name for i, name in enumerate(names)}
    path = toy_rulings(tmp_path_factory.mktemp("study") / "toy.csv", {**codes, "1001200000": "cuttlefish"})
    fast = {**SMALL, "embedding_dim": "16", "learning_rate": "0.05", "min_count": "1"}
    scale = text.Scale(sizes=(6, 100), grouped_sizes=(6,), epochs=10, few_epochs=3, overrides=fast)
    found = text.run([path], seeds=2, scale=scale)
    return {"seeds": 2, "seed": 0, "parts": {"text": found}}


def test_every_configuration_answers_the_same_splits(report: dict[str, Any]) -> None:
    """By name under both splits, and with descriptions; class counts above what there is are cut to it."""
    rows = report["parts"]["text"]["rows"]
    names = {*text.CONFIGURATIONS, *RIVALS}
    seen = {
        key: {r["configuration"] for r in rows if (r["modality"], r["classes"], r["split"]) == key}
        for key in {(r["modality"], r["classes"], r["split"]) for r in rows}
    }
    assert seen[("name", 6, "random")] == {*names, text.PRODUCT}
    assert seen[("name", 12, "random")] == seen[("name", 6, "grouped")] == names
    assert any(modality == "name + description" for modality, _, _ in seen)
    assert all(row["low"] <= row["ours"] <= row["high"] and row["ours"] <= row["top3"] for row in rows)


def test_the_study_learns_what_a_toy_says(report: dict[str, Any]) -> None:
    """The study's configurations and the rivals beat a guess among six by far."""
    for row in report["parts"]["text"]["rows"]:
        if row["configuration"] in RIVALS:
            assert row["ours"] > 90
        elif row["configuration"] in text.CONFIGURATIONS and row["classes"] == 6:
            assert row["ours"] > 70, row


def test_a_published_figure_stands_only_beside_its_own_task(report: dict[str, Any]) -> None:
    """Six classes are not a hundred; of descriptions the study's figure is shown and called another task."""
    found = report["parts"]["text"]
    assert all(r["published"] is None for r in found["rows"] if r["modality"] == "name")
    told = {r["configuration"]: r["published"] for r in found["rows"] if "+" in r["modality"]}
    assert told["study-fasttext-blstm"] == 90.04
    assert told["tfidf-linear"] is None
    assert any("another task" in note for note in found["notes"])


def test_the_table_has_a_line_for_each_row_and_every_note(report: dict[str, Any]) -> None:
    """Cells of one width; a missing figure is a dash; a bar within a cell breaks nothing."""
    odd = {
        "configuration": "a|b",
        "modality": "photo",
        "classes": 5,
        "published": 73.12,
        "ours": 50.0,
        "low": 40.0,
        "high": 60.0,
        "differs": "no weights",
    }
    both = {**report, "parts": {**report["parts"], "photo": {"rows": [odd], "notes": ["small"]}}}
    printed = study.table(both)
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    assert len(lines) == len(report["parts"]["text"]["rows"]) + 1 + 4
    assert {line.count("|") for line in lines} == {10}
    assert "| a/b " in printed
    assert "73.12" in printed
    assert "40.0–60.0" in printed
    assert all(f"- {note}" in printed for note in report["parts"]["text"]["notes"])


@pytest.mark.parametrize(
    ("parts", "more", "field"),
    [
        (["texts"], {}, "study"),
        ([], {}, "study"),
        (["text"], {"seeds": 0}, "seeds"),
        (["text", "joint"], {}, "photos"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_read(
    parts: list[str], more: dict[str, Any], field: str
) -> None:
    """The file that does not exist is never opened."""
    with pytest.raises(InvalidValue) as caught:
        study.run(parts, [Path("nowhere.csv")], **more)
    assert caught.value.problems[0].field == field


def test_too_few_cases_are_refused(tmp_path: Path) -> None:
    """Nine of a code are not ten."""
    path = toy_rulings(tmp_path / "few.csv", {"0303670000": "pollock", "0901110000": "coffee"}, cases=9)
    with pytest.raises(InvalidValue, match="10 or more"):
        text.run([path], seeds=1)


def test_the_real_names_allow_the_studys_class_counts(eval_data: Path) -> None:
    """667 ten-digit codes have ten names or more; the hundred biggest have 16,130 names."""
    samples = read_corpus([eval_data / "hs" / "clip_names.csv"]).samples
    classes = biggest_classes(samples, 10)
    assert len(classes) >= 300
    top = set(classes[:100])
    assert sum(s.code in top for s in samples) > 15_000


def test_a_word2vec_model_answers_the_same_after_it_was_kept(corpus: Corpus, tmp_path: Path) -> None:
    """What `train hs --config study-word2vec-blstm` writes has one row for a word and none for its parts."""
    from hs_classifier.scorer import HsScorer
    from hs_classifier.train import fit

    config = load_config(HsConfig, CONFIGS, "study-word2vec-blstm", {**SMALL, "epochs": "3"})
    scorer = fit(corpus, config, seed=1)[0]
    scorer.save(tmp_path / "model")
    asked = ["frozen alaska pollock", "커피 원두 neverseen"]
    assert HsScorer.load(tmp_path / "model").suggest(asked) == scorer.suggest(asked)
