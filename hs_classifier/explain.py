"""Why this code and not the next: where their paths part, which words decide, which fact would change it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from customs.hs import HsCode
from customs.sentences import Language
from hs_classifier.official.table import Difference
from hs_classifier.text import Goods, clean

if TYPE_CHECKING:
    from hs_classifier.suggest import Suggester, Suggestion

# Facts tried, words left out, and how many of each are shown.
_TRIED, _SHOWN = 16, 3
_PHRASE = re.compile(r"[,;()\[\]·/]|\s+(?:or|and|및|이나|와)\s+")
_PHRASE_LENGTH = (2, 40)
_REST = frozenset({"other", "others", "기타", "기타의 것", "parts", "부분품"})


@dataclass(frozen=True, slots=True)
class Separation:
    """What separates the likeliest code from the runner-up.

    difference: their common parents and the branches at which they part, with the official wording.
    decided_by: words of the text without which the likeliest code would lose most, strongest first.
    would_change: facts that, added to the text, would make the runner-up's branch the likelier one.
    """

    best: HsCode
    runner_up: HsCode
    difference: Difference
    decided_by: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()


def separate(suggester: Suggester, suggestion: Suggestion) -> Separation | None:
    """The two likeliest ten-digit codes told apart by the table alone; None if there is but one."""
    codes = [a.hs for a in suggestion.levels.get(10, ()) if a.hs is not None]
    if len(codes) < 2:
        return None
    return Separation(codes[0], codes[1], suggester.table.difference(codes[0], codes[1]))


def explain(
    suggester: Suggester, goods: Goods, suggestion: Suggestion, language: Language
) -> Separation | None:
    """As `separate`, and the text asked again: without each of its words, and with each fact that may matter.

    Costs some thirty texts.
    """
    found = separate(suggester, suggestion)
    if found is None:
        return None
    words = list(dict.fromkeys(clean(goods.name).replace(";", " ").split()))[:_TRIED]
    without = (
        [Goods(_left_out(clean(goods.name), w), goods.description) for w in words] if len(words) > 1 else []
    )
    facts = _facts(suggester, found, goods, language)
    told = [Goods(f"{goods.name}; {fact}", goods.description) for fact in facts]
    asked = [goods, *without, *told]
    leaf = suggester.levels(asked)[10]  # (asked, leaves)
    tree = suggester.tree
    best, other = tree.find(found.best), tree.find(found.runner_up)
    assert best is not None
    assert other is not None
    drop = leaf[0, best] - leaf[1 : 1 + len(without), best]
    decided = (
        [words[i] for i in np.argsort(-drop, kind="stable")[:_SHOWN] if drop[i] > 0.05] if without else []
    )
    # the branch that the fact would have to lift: everything of the runner-up below the fork
    fork = _fork(found)
    mine = [i for i, code in enumerate(tree.leaves) if code.digits[: len(fork[0])] == fork[0]]
    theirs = [i for i, code in enumerate(tree.leaves) if code.digits[: len(fork[1])] == fork[1]]
    after = np.exp(leaf[1 + len(without) :])
    margin = after[:, theirs].sum(axis=1) - after[:, mine].sum(axis=1)
    changed = [facts[i] for i in np.argsort(-margin, kind="stable")[:_SHOWN] if margin[i] > 0]
    return Separation(found.best, found.runner_up, found.difference, tuple(decided), tuple(changed))


def _fork(found: Separation) -> tuple[str, str]:
    """Digits at which the two codes part, at 2, 4, 6 or 10 digits."""
    for level in (2, 4, 6):
        one, other = found.best.digits[:level], found.runner_up.digits[:level]
        if one != other:
            return one, other
    return found.best.digits, found.runner_up.digits


def _left_out(name: str, word: str) -> str:
    return " ".join(w for w in name.replace(";", " ; ").split() if w != word)


def _facts(suggester: Suggester, found: Separation, goods: Goods, language: Language) -> list[str]:
    """Phrases of the runner-up's own branch, of its wording first and then of trade, that the text lacks."""
    said = goods.full
    against = " ".join(clean(e.ko + " " + e.en) for e in found.difference.left)
    phrases: list[str] = []
    for entry in reversed(found.difference.right):
        wording = entry.ko if language == "ko" else entry.en
        phrases += _PHRASE.split(clean(wording))
    fork = _fork(found)[1]
    own: Sequence[str] = [
        term.text
        for term in suggester.voices.terms.terms
        if term.code.digits.startswith(fork) and _is_korean(term.text) == (language == "ko")
    ]
    wanted = dict.fromkeys(p.strip(" -.:") for p in [*phrases, *own])
    low, high = _PHRASE_LENGTH
    fresh = [
        p for p in wanted if low <= len(p) <= high and p not in _REST and p not in said and p not in against
    ]
    return fresh[:_TRIED]


def _is_korean(text: str) -> bool:
    return any("가" <= c <= "힣" for c in text)
