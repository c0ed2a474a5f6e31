"""The glossary of trade words: which of its terms a text contains, and which codes they name."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.hs import HsCode
from hs_classifier.codes import CodeTree
from hs_classifier.text import clean

FOLDER = Path(__file__).with_name("glossary")
_WORD = re.compile(r"[a-zß-ɏ]+|[가-힣]+|[0-9]+|[^\W\d_a-zß-ɏ가-힣]+")
_BUCKETS = 2**20
# A term of which less than this weight is in the text says nothing.
_LEAST = 0.5
_LEVELS = (4, 6, 10)


@dataclass(frozen=True, slots=True)
class Term:
    """A trade word or phrase (cleaned) and the code of 4, 6 or 10 digits that it names."""

    text: str
    code: HsCode


def read_glossary(folder: Path = FOLDER) -> tuple[Term, ...]:
    """Every term of the files `*.tsv`: code, English terms, Korean terms, split by semicolons."""
    found = []
    for path in sorted(folder.glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            digits, english, korean = line.split("\t")
            code = HsCode(digits)
            found += [Term(clean(t), code) for t in f"{english};{korean}".split(";") if clean(t)]
    return tuple(dict.fromkeys(found))


def pieces(cleaned: str) -> set[int]:
    """Hashed pieces of a text: stems of Latin words, syllable pairs of Korean words, numbers."""
    found: set[str] = set()
    for match in _WORD.finditer(cleaned):
        word = match.group()[:40]
        if "가" <= word[0] <= "힣" and len(word) > 1:
            found.update(word[i : i + 2] for i in range(len(word) - 1))
        else:
            found.add(_stem(word))
    return {zlib.crc32(piece.encode()) % _BUCKETS for piece in found}


class TermIndex:
    """How much of each term a text contains, as one sparse product."""

    def __init__(self, terms: Sequence[Term], idf: npt.NDArray[np.float32], tree: CodeTree) -> None:
        from scipy.sparse import csr_matrix

        self.idf = idf  # (buckets,)
        self.terms = tuple(t for t in terms if tree.find(t.code) is not None and pieces(t.text))
        bags = [np.array(sorted(pieces(t.text)), dtype=np.int64) for t in self.terms]
        sizes = np.array([len(b) for b in bags], dtype=np.int64)
        where = np.concatenate([*bags, np.empty(0, dtype=np.int64)])
        weight = self.idf[where] + 1e-3
        term = np.repeat(np.arange(len(bags)), sizes)
        mass = np.bincount(term, weights=weight, minlength=len(bags))
        # a long rare term that is all there says more than a short common one
        self.strength = np.sqrt(np.bincount(term, weights=weight**2, minlength=len(bags))).astype(np.float32)
        share = (weight / mass[term]).astype(np.float32)
        self._by_piece = csr_matrix((share, (where, term)), shape=(_BUCKETS, len(bags)))
        self._rows: dict[int, npt.NDArray[np.int64]] = {}
        self._nodes: dict[int, npt.NDArray[np.int64]] = {}
        for level in _LEVELS:
            rows = [i for i, t in enumerate(self.terms) if t.code.level == level]
            self._rows[level] = np.array(rows, dtype=np.int64)
            nodes = [tree.find(self.terms[i].code) for i in rows]
            self._nodes[level] = np.array(nodes, dtype=np.int64)
        self._widths = {level: len(tree.nodes[level]) for level in _LEVELS}

    @classmethod
    def build(cls, terms: Sequence[Term], corpus: Iterable[str], tree: CodeTree) -> TermIndex:
        """Learn from the cleaned texts of a corpus how common each piece is."""
        counts: npt.NDArray[np.int64] = np.zeros(_BUCKETS, dtype=np.int64)
        n = 0
        for text in corpus:
            counts[np.fromiter(pieces(text), dtype=np.int64)] += 1
            n += 1
        return cls(terms, np.log((1 + n) / (1 + counts)).astype(np.float32), tree)

    def __call__(self, cleaned: Sequence[str]) -> dict[int, npt.NDArray[np.float32]]:
        """For 4, 6 and 10 digits (texts, nodes): the strength of the best term of each node, 0 for none."""
        from scipy.sparse import csr_matrix

        bags = [sorted(pieces(text)) for text in cleaned]
        indptr = np.r_[0, np.cumsum([len(b) for b in bags])]
        where = np.array([p for bag in bags for p in bag], dtype=np.int64)
        asked = csr_matrix((np.ones(len(where), np.float32), where, indptr), shape=(len(bags), _BUCKETS))
        found: Any = (asked @ self._by_piece).tocsr()  # (texts, terms): share of the term that is there
        found.data = np.where(found.data >= _LEAST, found.data**4, 0.0).astype(np.float32)
        found.data *= self.strength[found.indices]
        answers = {}
        for level in _LEVELS:
            part = found[:, self._rows[level]].tocoo()
            best: npt.NDArray[np.float32] = np.zeros((len(bags), self._widths[level]), dtype=np.float32)
            np.maximum.at(best, (part.row, self._nodes[level][part.col]), part.data)
            answers[level] = best
        return answers


def _stem(word: str) -> str:
    """English plurals and -ing fall away; enough for nouns of trade."""
    for end in ("ies", "es", "s"):
        if len(word) > 4 and word.endswith(end) and not word.endswith("ss"):
            return word[: -len(end)] + ("y" if end == "ies" else "")
    return word
