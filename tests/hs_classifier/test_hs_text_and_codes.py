"""Cleaning, refusing, and the tree of codes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from customs.hs import HsCode
from hs_classifier.calibration import Ladder, SetRule, calibration_error, code_set, fit_temperatures
from hs_classifier.codes import LEVELS, CodeTree
from hs_classifier.text import MAX_CLEAN, Goods, clean, refuse, words


def tree_and_leaf(n: int = 50) -> tuple[CodeTree, np.ndarray]:
    rng = np.random.default_rng(0)
    digits = {
        f"{c:02d}{h:02d}{s:02d}{t:04d}" for c in (3, 9) for h in (1, 2) for s in (11, 12) for t in (0, 1000)
    }
    tree = CodeTree(HsCode(d) for d in digits)
    logits = rng.normal(scale=2, size=(n, len(tree)))
    return tree, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_a_parent_is_the_sum_of_its_children_at_every_level(temperature: float) -> None:
    """Also after calibration, whatever the temperatures."""
    tree, leaf = tree_and_leaf()
    levels = tree.sharpen(leaf, {2: 1.3, 4: temperature, 6: 0.8, 10: temperature})
    for above, below in itertools.pairwise(LEVELS):
        for i, parent in enumerate(tree.nodes[above]):
            children = [j for j, code in enumerate(tree.nodes[below]) if parent.covers(code)]
            np.testing.assert_allclose(
                np.exp(levels[below][:, children]).sum(axis=1), np.exp(levels[above][:, i]), atol=1e-12
            )
    for level in LEVELS:
        np.testing.assert_allclose(np.exp(levels[level]).sum(axis=1), 1.0)


def test_temperatures_of_one_change_nothing() -> None:
    """Then calibration is only the roll-up."""
    tree, leaf = tree_and_leaf()
    np.testing.assert_allclose(tree.sharpen(leaf, dict.fromkeys(LEVELS, 1.0))[10], leaf, atol=1e-9)


def test_a_leaf_without_any_probability_stays_without() -> None:
    """Retrieval gives zeros; their logarithm must not spread NaN."""
    tree, leaf = tree_and_leaf(1)
    leaf[0, 1:] = -np.inf
    leaf[0, 0] = 0.0
    levels = tree.sharpen(leaf, dict.fromkeys(LEVELS, 2.0))
    assert np.isfinite(levels[10]).all()
    assert np.exp(levels[10][0, 0]) == pytest.approx(1.0)


def test_fitted_temperatures_make_overconfident_answers_honest() -> None:
    """Truths drawn from p, answers given as p³ normalised: the error of calibration falls."""
    tree, leaf = tree_and_leaf(3000)
    rng = np.random.default_rng(1)
    truth = [tree.leaves[rng.choice(len(tree), p=np.exp(row) / np.exp(row).sum())] for row in leaf]
    loud = leaf * 3 - np.log(np.exp(leaf * 3).sum(axis=1, keepdims=True))
    temperatures = fit_temperatures(loud, truth, tree)

    def error(p: np.ndarray) -> float:
        best = p.argmax(axis=1)
        return calibration_error(
            p.max(axis=1), [tree.leaves[b] == t for b, t in zip(best, truth, strict=True)]
        )

    assert error(np.exp(loud)) > 0.15
    assert error(np.exp(tree.sharpen(loud, temperatures)[10])) < 0.05


def test_sets_hold_the_right_code_as_often_as_promised() -> None:
    """Nine in ten, on cases that the rule was not fitted on."""
    tree, leaf = tree_and_leaf(4000)
    rng = np.random.default_rng(2)
    truth = [tree.leaves[rng.choice(len(tree), p=np.exp(row) / np.exp(row).sum())] for row in leaf]
    levels = tree.roll_up(leaf)
    rule = SetRule.fit([Ladder.of(levels, i, tree) for i in range(2000)], truth[:2000], 0.9)
    held = [
        any(code.covers(truth[i]) for code in code_set(levels, i, tree, rule.mass)) for i in range(2000, 4000)
    ]
    assert 0.88 <= np.mean(held) <= 0.95


def test_an_unsure_set_widens_to_parents_and_a_sure_one_does_not() -> None:
    """Sixteen equal codes cannot be listed; their two chapters can."""
    tree, leaf = tree_and_leaf(1)
    flat = np.full_like(leaf, -np.log(len(tree)))
    assert [code.level for code in code_set(tree.roll_up(flat), 0, tree, 0.9)] == [4, 4, 4, 4]
    sure = np.full_like(leaf, np.log(0.01 / (len(tree) - 1)))
    sure[0, 3] = np.log(0.99)
    assert code_set(tree.roll_up(sure), 0, tree, 0.9) == (tree.leaves[3],)


def test_the_deepest_known_parent_of_a_code_is_found() -> None:
    """Eight digits are no level of the tree, so they are looked at as six."""
    tree, _ = tree_and_leaf(1)
    assert tree.deepest(HsCode("0301110000")) == HsCode("0301110000")
    assert tree.deepest(HsCode("0301119999")) == HsCode("030111")
    assert tree.deepest(HsCode("03011100")) == HsCode("030111")
    assert tree.deepest(HsCode("0355")) == HsCode("03")
    assert tree.deepest(HsCode("8703")) is None


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Frozen\tFISH ", "frozen fish"),
        ("<p class='x'>냉동 <b>명태</b></p>", "냉동 명태"),
        ("ＬＥＤ　램프", "led 램프"),
        ("5 < 6 and 7 > 2", "5 < 6 and 7 > 2"),
        ("a" * 1_000_000, "a" * MAX_CLEAN),
        ("", ""),
    ],
)
def test_texts_are_cleaned(text: str, cleaned: str) -> None:
    """Markup, width and case do not matter; length is bounded."""
    assert clean(text) == cleaned


def test_words_split_where_the_script_changes() -> None:
    """Part numbers and mixed names fall into their parts."""
    assert words(clean("PCB어셈블리 12V-Æther"), 10) == ["pcb", "어셈블리", "12", "v", "æther"]
    assert words("a b c d", 2) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "hs.refused.empty"),
        (" \n ", "hs.refused.empty"),
        ("<br/>", "hs.refused.empty"),
        ("123 456-7890", "hs.refused.no_words"),
        ("!!! ??? ---", "hs.refused.no_words"),
        ("🐟🦐", "hs.refused.no_words"),
        ("a", "hs.refused.no_words"),
    ],
)
def test_a_text_without_words_is_refused_with_questions(text: str, reason: str) -> None:
    """At most three questions."""
    refusal = refuse(Goods(text))
    assert refusal is not None
    assert refusal.reason.id == reason
    assert 1 <= len(refusal.questions) <= 3


@pytest.mark.parametrize("text", ["쌀", "tv", "fish 🐟", "茶"])
def test_short_but_real_names_are_read(text: str) -> None:
    """One syllable can name goods in Korean."""
    assert refuse(Goods(text)) is None


def test_a_description_stands_in_for_a_missing_name() -> None:
    """And joins a name where there is one."""
    assert Goods("", "냉동 명태").short == "냉동 명태"
    assert Goods("pollock", "frozen").full == "pollock frozen"
