"""Everything that has an opinion on a text, gathered: candidate codes and what each voice says of them.

Voices: the nearest precedents (asked by name, by its first segment, by description, by both), the nearest
official wordings, the bag of words, the BLSTM, a transformer where one is configured, and the glossary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hs_classifier.bag import BagClassifier, bag_probabilities
from hs_classifier.codes import CodeTree
from hs_classifier.retrieve import RulingIndex, nearest
from hs_classifier.terms import TermIndex
from hs_classifier.text import Goods, head, opening, words

if TYPE_CHECKING:
    from hs_classifier.embed import Vocabulary
    from hs_classifier.model import BlstmClassifier, HsConfig
    from hs_classifier.transformer import TransformerBranch

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
# Leaves that a probability voice, and the glossary, put forward for each text.
_FORWARD = 20
_TINY = 1e-6


@dataclass(frozen=True)
class Candidates:
    """Candidate leaves of n texts, text by text, and what the voices say of each.

    text, leaf: (pairs,) which text and which leaf, ascending. columns: (pairs, features), NaN where a voice
    was not asked. rest: (n, leaves) probabilities for whatever is not among the candidates.
    similarity: CSR (n, precedents) by whole text, from which precedents are shown.
    """

    n: int
    text: Ids
    leaf: Ids
    columns: Floats
    rest: Floats
    similarity: Any = field(repr=False)

    def starts(self) -> Ids:
        """First pair of each text; every text has at least one."""
        return np.searchsorted(self.text, np.arange(self.n))


@dataclass(frozen=True)
class Asked:
    """One way of putting a text: which texts have it, and the wordings themselves."""

    rows: Ids
    texts: list[str]


@dataclass
class Voices:
    """The trained parts, over one tree of codes."""

    config: HsConfig
    tree: CodeTree
    index: RulingIndex
    bag: BagClassifier
    terms: TermIndex
    vocabulary: Vocabulary | None = None
    network: BlstmClassifier | None = None
    transformer: TransformerBranch | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        found = [self.tree.find(p.code) for p in self.index.precedents]
        if any(leaf is None for leaf in found):
            raise AssertionError("every precedent has a code of the tree")
        self.leaf_of: Ids = np.array(found, dtype=np.int64)
        rulings = self.leaf_of[~self.index.wording]
        self._prior = np.log1p(np.bincount(rulings, minlength=len(self.tree))).astype(np.float32)
        self._worded = np.zeros(len(self.tree), dtype=np.float32)
        self._worded[self.leaf_of[self.index.wording]] = 1.0

    def blstm(self, cleaned: Sequence[str]) -> Floats:
        """(texts, leaves) probabilities of the BLSTM; even ones where it knows no word."""
        from hs_classifier.network import log_probabilities

        assert self.network is not None
        assert self.vocabulary is not None
        tokens = [words(text, self.config.max_tokens) or ["-"] for text in cleaned]
        found = log_probabilities(self.network, self.vocabulary, tokens, self.device)
        return np.exp(found).astype(np.float32)

    def retrieval(self, cleaned: Sequence[str]) -> Floats:
        """(texts, leaves) shares of the votes of the nearest precedents."""
        found = self.index.similar(cleaned)
        return self._votes(found, len(cleaned), None, None)[0]

    def gather(self, goods: Sequence[Goods], unseen: Sequence[Ids] | None = None) -> Candidates:
        """Candidates and features for texts; `unseen` are the precedents that each text must not look at."""
        n = len(goods)
        name = Asked(np.arange(n), [g.short for g in goods])
        first = [head(text) for text in name.texts]
        described = np.array([i for i, g in enumerate(goods) if g.described], dtype=np.int64)
        description = Asked(described, [goods[i].described for i in described])
        whole = Asked(described, [goods[i].full for i in described])
        short = np.array([i for i in range(n) if first[i] != name.texts[i]], dtype=np.int64)
        segment = Asked(short, [first[i] for i in short])

        sheets: list[Callable[[Ids, Ids], list[Floats]]] = []
        put: npt.NDArray[np.bool_] = np.zeros((n, len(self.tree)), dtype=bool)
        similarity: Any = None
        for view, damping in ((name, 0.0), (segment, 0.0), (description, 1.0), (whole, 2.0)):
            found = self.index.similar(view.texts, damping) if len(view.rows) else None
            if view is name:
                similarity = found
            blocked = None if unseen is None else [unseen[i] for i in view.rows]
            votes, most = self._votes(found, len(view.rows), None, blocked)
            put[view.rows] |= votes > 0
            sheets.append(self._voted(view.rows, votes, most, n))
            if view is not segment and view is not whole:
                votes, most = self._votes(found, len(view.rows), self.index.wording, blocked)
                put[view.rows] |= votes > 0
                sheets.append(self._voted(view.rows, votes, most, n))
        rest = bag_probabilities(self.bag, name.texts)
        told = rest[:0]
        for view in (name, segment, description, whole):
            long = view is description or view is whole
            p = rest if view is name else bag_probabilities(self.bag, view.texts, described=long)
            self._put_forward(put, view.rows, p)
            sheets.append(self._said(view.rows, p, n))
            if view is whole:
                told = p
        rest = rest.copy()
        rest[described] = 0.5 * rest[described] + 0.5 * told
        for voice in self._readers():
            for view in (name, whole):
                p = voice(view.texts) if len(view.rows) else np.zeros((0, len(self.tree)), np.float32)
                self._put_forward(put, view.rows, p)
                sheets.append(self._said(view.rows, p, n))
        first_words = Asked(described, [opening(text) for text in description.texts])
        for view in (name, description, first_words):
            strength = self.terms(view.texts)
            if len(view.rows):
                named = sum(s[:, self.tree.up[level]] for level, s in strength.items())
                self._put_forward(put, view.rows, np.where(named > 0, named + rest[view.rows], 0.0))
            sheets.append(self._named(view.rows, strength, n))

        text, leaf = np.nonzero(put)
        length = np.array([len(t) for t in name.texts], dtype=np.float32)
        columns = [column for sheet in sheets for column in sheet(text, leaf)]
        columns += [self._prior[leaf], self._worded[leaf], length[text]]
        columns.append(np.isin(text, described).astype(np.float32))
        return Candidates(
            n, text, leaf, np.stack(columns, axis=1).astype(np.float32), rest, similarity=similarity
        )

    def _readers(self) -> list[Callable[[Sequence[str]], Floats]]:
        found: list[Callable[[Sequence[str]], Floats]] = []
        if self.network is not None:
            found.append(self.blstm)
        if self.transformer is not None:
            branch = self.transformer
            found.append(lambda texts: np.exp(branch.log_probabilities(texts)).astype(np.float32))
        return found

    def _votes(
        self,
        similarity: Any,
        n: int,
        among: npt.NDArray[np.bool_] | None,
        blocked: Sequence[Ids] | None,
    ) -> tuple[Floats, Floats]:
        """(n, leaves) shares of the neighbours' votes, and the similarity of the nearest of each leaf."""
        votes: Floats = np.zeros((n, len(self.tree)), dtype=np.float32)
        most: Floats = np.zeros((n, len(self.tree)), dtype=np.float32)
        for i in range(n):
            open_ = among
            if blocked is not None and len(blocked[i]):
                open_ = np.ones(len(self.leaf_of), dtype=bool) if among is None else among.copy()
                open_[blocked[i]] = False
            rows, values = nearest(similarity, i, self.config.neighbours, among=open_)
            leaves = self.leaf_of[rows]
            np.add.at(votes[i], leaves, values**self.config.power)
            np.maximum.at(most[i], leaves, values)
        votes /= np.maximum(votes.sum(axis=1, keepdims=True), 1e-9)
        return votes, most

    def _put_forward(self, put: npt.NDArray[np.bool_], rows: Ids, p: Floats) -> None:
        if not len(rows):
            return
        k = min(_FORWARD, p.shape[1])
        best = np.argpartition(-p, k - 1, axis=1)[:, :k]
        strong = np.take_along_axis(p, best, axis=1) > 0
        put[np.repeat(rows, k)[strong.ravel()], best.ravel()[strong.ravel()]] = True

    def _voted(self, rows: Ids, votes: Floats, most: Floats, n: int) -> Callable[[Ids, Ids], list[Floats]]:
        sums = {level: np.add.reduceat(votes, self.tree.starts[level], axis=1) for level in (6, 4)}
        tops = np.maximum.reduceat(most, self.tree.starts[4], axis=1)
        parts = [(votes, 10), (most, 10), (sums[6], 6), (sums[4], 4), (tops, 4)]
        return self._columns(rows, parts, n)

    def _said(self, rows: Ids, p: Floats, n: int) -> Callable[[Ids, Ids], list[Floats]]:
        sums = {level: np.add.reduceat(p, self.tree.starts[level], axis=1) for level in (6, 4, 2)}
        parts = [(np.log(p + _TINY), 10), *((np.log(sums[level] + _TINY), level) for level in (6, 4, 2))]
        return self._columns(rows, parts, n)

    def _named(self, rows: Ids, strength: dict[int, Floats], n: int) -> Callable[[Ids, Ids], list[Floats]]:
        whole: Floats = np.zeros((len(rows), len(self.tree)), dtype=np.float32)
        for level, values in strength.items():
            whole = np.maximum(whole, values[:, self.tree.up[level]])
        six = np.maximum.reduceat(whole, self.tree.starts[6], axis=1) if len(rows) else whole
        four = np.maximum.reduceat(whole, self.tree.starts[4], axis=1) if len(rows) else whole
        best: Floats = four.max(axis=1, keepdims=True) if len(rows) else whole
        share: Floats = (four / np.maximum(best, 1e-9)).astype(np.float32)
        parts: list[tuple[Floats, int]] = [
            (strength[10], 10),
            (six, 6),
            (four, 4),
            (share, 4),
        ]
        return self._columns(rows, parts, n)

    def _columns(
        self, rows: Ids, parts: Sequence[tuple[Floats, int]], n: int
    ) -> Callable[[Ids, Ids], list[Floats]]:
        """Look up pairs of text and leaf in tables of (rows, nodes of a level); NaN for texts not asked."""
        place = np.full(n, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))

        def columns(text: Ids, leaf: Ids) -> list[Floats]:
            at = place[text]
            asked = at >= 0
            found = []
            for values, level in parts:
                column: Floats = np.full(len(text), np.nan, dtype=np.float32)
                column[asked] = values[at[asked], self.tree.up[level][leaf[asked]]]
                found.append(column)
            return found

        return columns
