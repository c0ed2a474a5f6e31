"""The nearest rulings of a text: character and word TF-IDF, the simple thing that is hard to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.hs import HsCode

# Hash spaces of character and word n-grams: hashing needs no vocabulary file.
_CHARS, _WORDS = 2**20, 2**18
_TERM = r"(?u)\w+"
# Rows of the index and their cosine similarities, nearest first.
Neighbours = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Precedent:
    """One text of the index: what was written, the code it has, where it comes from."""

    text: str
    code: HsCode
    source: str  # "ruling", "declared" or "wording" (the official name of the code)


@dataclass(frozen=True, slots=True)
class Near:
    """A precedent and its cosine similarity to a text, 0…1."""

    precedent: Precedent
    similarity: float


# A piece of text that more precedents share than this share and this number is not looked up.
_COMMON_SHARE, _COMMON = 0.03, 1500
# Descriptions learned from, at least, before their common words are played down.
_STYLE_FROM = 30


class RulingIndex:
    """Texts as unit vectors in one sparse matrix.

    style: (hashes,) 0…1, how much a piece of text says in a description: words that every description has
        ("use", "composed of", "size") say little. Ones where few descriptions were learned from.
    """

    def __init__(
        self,
        precedents: Sequence[Precedent],
        weights: Any,
        idf: npt.NDArray[np.float32],
        style: npt.NDArray[np.float32],
    ) -> None:
        self.precedents = tuple(precedents)
        self.weights = weights  # CSR (precedents, hashes)
        self.idf = idf  # (hashes,)
        self.style = style
        self.wording = np.array([p.source == "wording" for p in self.precedents], dtype=bool)
        self._by_hash = _without_common(weights.T.tocsr(), len(self.precedents))

    @classmethod
    def build(
        cls, precedents: Sequence[Precedent], cleaned: Sequence[str], descriptions: Sequence[int] = ()
    ) -> RulingIndex:
        """Index the cleaned texts of the precedents; `descriptions` are the rows that describe at length."""
        from scipy.sparse import diags

        counts = _counts(cleaned)
        idf = (np.log((1 + len(cleaned)) / (1 + counts.getnnz(axis=0))) + 1).astype(np.float32)
        style: npt.NDArray[np.float32] = np.ones(len(idf), dtype=np.float32)
        if len(descriptions) >= _STYLE_FROM:
            n = len(descriptions)
            seen = counts[np.asarray(descriptions)].getnnz(axis=0)
            style = (np.log((1 + n) / (1 + seen)) / np.log(1 + n)).astype(np.float32)
        plain = np.ones(len(cleaned), dtype=bool)
        plain[np.asarray(descriptions, dtype=np.int64)] = False
        weights = _weigh(counts, idf)
        if not plain.all():
            kept, damped = diags(plain.astype(np.float32)), diags((~plain).astype(np.float32))
            weights = (kept @ weights + damped @ _weigh(counts, idf * style)).tocsr()
            weights.eliminate_zeros()
        return cls(precedents, weights, idf, style)

    def similar(self, cleaned: Sequence[str], damping: float = 0.0) -> Any:
        """Cosine similarities to all precedents that share anything, CSR (texts, precedents).

        damping: power of `style` that weighs the texts: 0 for names, 1 for descriptions, 2 for both in one.
        """
        weight = self.idf if damping == 0 else (self.idf * self.style**damping).astype(np.float32)
        return (_weigh(_counts(cleaned), weight) @ self._by_hash).tocsr()

    def neighbours(self, cleaned: Sequence[str], k: int) -> list[Neighbours]:
        """Rows and similarities of the `k` nearest precedents of each text, nearest first; ties by row."""
        found = self.similar(cleaned)
        return [nearest(found, i, k) for i in range(len(cleaned))]

    def arrays(self) -> dict[str, npt.NDArray]:
        """The matrix as arrays for an artefact."""
        return {
            "data": self.weights.data,
            "indices": self.weights.indices.astype(np.int32),
            "indptr": self.weights.indptr.astype(np.int64),
            "idf": self.idf,
            "style": self.style,
        }

    def columns(self) -> dict[str, list[str]]:
        """The precedents as columns for an artefact."""
        return {
            "text": [p.text for p in self.precedents],
            "code": [p.code.digits for p in self.precedents],
            "source": [p.source for p in self.precedents],
        }

    @classmethod
    def restore(cls, arrays: dict[str, npt.NDArray], columns: dict[str, list]) -> RulingIndex:
        """The inverse of `arrays` and `columns`."""
        from scipy.sparse import csr_matrix

        parts = zip(columns["text"], columns["code"], columns["source"], strict=True)
        precedents = [Precedent(text, HsCode(code), source) for text, code, source in parts]
        shape = (len(precedents), _CHARS + _WORDS)
        weights = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape)
        return cls(precedents, weights, arrays["idf"], arrays["style"])


def nearest(
    similarity: Any,
    row: int,
    k: int,
    *,
    among: npt.NDArray[np.bool_] | None = None,
) -> Neighbours:
    """The `k` most similar precedents of one row of a CSR matrix, nearest first; ties by precedent.

    among: (precedents,) those that count; all where absent.
    """
    part = slice(similarity.indptr[row], similarity.indptr[row + 1])
    rows, values = similarity.indices[part], similarity.data[part]
    if among is not None:
        kept = among[rows]
        rows, values = rows[kept], values[kept]
    # six decimals: the order must not hang on the order in which a product was summed
    values = values.round(6)
    if len(values) > 4 * k:
        edge = np.partition(values, len(values) - k)[len(values) - k]
        kept = values >= edge
        rows, values = rows[kept], values[kept]
    best = np.lexsort((rows, -values))[:k]
    return rows[best].astype(np.int64), values[best]


def _without_common(by_hash: Any, n: int) -> Any:
    """CSR (hashes, precedents) without the pieces that a great many precedents share.

    They cost most of the time and change no order that matters.
    """
    spread = np.diff(by_hash.indptr)
    kept = np.repeat(spread <= max(_COMMON_SHARE * n, _COMMON), spread)
    by_hash.data = by_hash.data * kept
    by_hash.eliminate_zeros()
    return by_hash


def _counts(cleaned: Sequence[str]) -> Any:
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    shared = {"alternate_sign": False, "norm": None, "lowercase": False, "dtype": np.float32}
    chars = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), n_features=_CHARS, **shared)
    terms = HashingVectorizer(token_pattern=_TERM, ngram_range=(1, 2), n_features=_WORDS, **shared)
    return hstack([chars.transform(cleaned), terms.transform(cleaned)], format="csr")


def _weigh(counts: Any, idf: npt.NDArray[np.float32]) -> Any:
    """(1 + ln count) · idf; character and word part have equal length, the whole has length one."""
    from scipy.sparse import csr_matrix

    data = (1.0 + np.log(counts.data)) * idf[counts.indices]
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    part = row * 2 + (counts.indices >= _CHARS)
    length = np.sqrt(np.bincount(part, weights=data.astype(np.float64) ** 2, minlength=2 * counts.shape[0]))
    both = np.sqrt((length.reshape(-1, 2) > 0).sum(axis=1))  # a text may lack one part
    data = (data / (np.maximum(length, 1e-12)[part] * both[row])).astype(np.float32)
    return csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)
