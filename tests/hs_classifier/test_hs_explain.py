"""What separates the likeliest code from the next."""

from __future__ import annotations

import dataclasses

import pytest

from customs.hs import HsCode
from hs_classifier.explain import explain, separate
from hs_classifier.official.table import CodeTable, Entry
from hs_classifier.scorer import HsScorer
from hs_classifier.suggest import Suggester
from hs_classifier.text import Goods

TABLE = CodeTable(
    [
        Entry("09", "커피", "Coffee"),
        Entry("0901", "커피", "Coffee"),
        Entry("090111", "볶지 아니한 것", "Not roasted"),
        Entry("090121", "볶은 것", "Roasted"),
        Entry("0901110000", "볶지 아니한 커피", "Coffee, not roasted"),
        Entry("0901210000", "볶은 커피", "Coffee, roasted"),
    ]
)


@pytest.fixture(scope="module")
def suggester(scorer: HsScorer) -> Suggester:
    return dataclasses.replace(scorer.suggester, table=TABLE)


def test_the_branches_part_below_the_common_parent(suggester: Suggester) -> None:
    """With their official wording."""
    (found,) = suggester(["coffee beans"])
    told = separate(suggester, found)
    assert told is not None
    assert {told.best.digits, told.runner_up.digits} == {"0901110000", "0901210000"}
    assert told.difference.parent is not None
    assert told.difference.parent.digits == "0901"
    here, there = told.difference.parting
    assert here is not None
    assert there is not None
    assert {here.en, there.en} == {"Not roasted", "Roasted"}


def test_a_word_that_decides_is_named(suggester: Suggester) -> None:
    """The one without which the code would lose most."""
    goods = Goods("green coffee beans")
    (found,) = suggester([goods])
    told = explain(suggester, goods, found, "en")
    assert told is not None
    assert told.best == HsCode("0901110000")
    assert told.decided_by[0] == "green"


def test_a_fact_that_would_change_the_code_changes_it(suggester: Suggester) -> None:
    """It is tried, not guessed: with it the other branch is the likelier."""
    goods = Goods("coffee beans")
    (found,) = suggester([goods])
    told = explain(suggester, goods, found, "en")
    assert told is not None
    assert told.would_change
    for fact in told.would_change:
        (changed,) = suggester([Goods(f"coffee beans; {fact}")])
        assert changed.levels[6][0].hs == told.runner_up.at(6)


def test_a_refused_text_has_nothing_to_separate(suggester: Suggester) -> None:
    """And no thirty askings are spent on it."""
    (found,) = suggester([""])
    assert explain(suggester, Goods(""), found, "ko") is None
