"""Word vectors, trained here on the texts at hand and read without gensim's own file format.

fastText — Bojanowski et al., "Enriching Word Vectors with Subword Information" (2017): a word is the mean
of its own vector and of the vectors of its character n-grams, which are hashed into buckets; a word never
seen is the mean of its n-grams alone.

word2vec — Mikolov et al., "Distributed Representations of Words and Phrases" (2013): a word is its own
vector and nothing else; all words never seen share one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from hs_classifier.model import HsConfig

Ids = npt.NDArray[np.int64]
# Stands for rare words while word2vec learns; no word of a text has angle brackets.
_UNKNOWN = "<unknown>"


class Vocabulary:
    """Words and n-gram buckets to row numbers of one table: words first, then buckets.

    Without buckets a word has one row, and the row after the last word is that of every unknown word.
    """

    def __init__(self, known: Sequence[str], *, min_n: int, max_n: int, buckets: int) -> None:
        self.known = tuple(known)
        self.min_n, self.max_n, self.buckets = min_n, max_n, buckets
        self._index = {word: i for i, word in enumerate(self.known)}
        self._cache: dict[str, Ids] = {}

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return len(self.known) + max(self.buckets, 1)

    def __contains__(self, word: str) -> bool:
        return word in self._index

    def ids(self, word: str) -> Ids:
        """Rows whose mean is the word's vector; never empty."""
        found = self._cache.get(word)
        if found is None:
            found = self._look_up(word)
            if len(self._cache) < 200_000:
                self._cache[word] = found
        return found

    def _look_up(self, word: str) -> Ids:
        own = [self._index[word]] if word in self._index else []
        if not self.buckets:
            return np.array(own or [len(self.known)], dtype=np.int64)
        from gensim.models.fasttext import ft_ngram_hashes

        grams = ft_ngram_hashes(word, self.min_n, self.max_n, self.buckets)
        return np.array([*own, *(len(self.known) + h for h in grams)], dtype=np.int64)


def train_vectors(
    sentences: Sequence[Sequence[str]], config: HsConfig, *, seed: int
) -> tuple[Vocabulary, npt.NDArray[np.float32]]:
    """Skip-gram vectors over lists of words; answers with the vocabulary and its (rows, dim) table.

    Vectors that are not tuned further are centred and brought to unit spread over the words: gensim's all
    lean one way and differ in size between the two methods, which a network with fixed inputs cannot mend.
    One worker thread: with more, gensim's result depends on their timing.
    """
    learn = _word2vec if config.embedding == "word2vec" else _fasttext
    vocabulary, table = learn(sentences, config, seed)
    return vocabulary, table if config.tune_embeddings else _standardised(vocabulary, table)


def _standardised(vocabulary: Vocabulary, table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    words = np.array([table[vocabulary.ids(word)].mean(axis=0) for word in vocabulary.known])  # (words, dim)
    centre = words.mean(axis=0)
    silent = ~table.any(axis=1)
    # a word is the mean of its rows, so what is taken from each row is taken from each word
    table = (table - centre) / max(float((words - centre).std()), 1e-6)
    table[silent] = 0.0  # what says nothing still does
    return table.astype(np.float32)


def _fasttext(
    sentences: Sequence[Sequence[str]], config: HsConfig, seed: int
) -> tuple[Vocabulary, npt.NDArray[np.float32]]:
    from gensim.models import FastText

    model = FastText(
        sentences=[list(s) for s in sentences],
        vector_size=config.embedding_dim,
        window=config.embedding_window,
        min_count=config.min_count,
        sg=1,
        negative=5,
        min_n=config.min_n,
        max_n=config.max_n,
        bucket=config.buckets,
        epochs=config.embedding_epochs,
        seed=seed + 1,
        workers=1,
    )
    vocabulary = Vocabulary(
        model.wv.index_to_key, min_n=config.min_n, max_n=config.max_n, buckets=config.buckets
    )
    table = np.concatenate([model.wv.vectors_vocab, model.wv.vectors_ngrams]).astype(np.float32)
    return vocabulary, table


def _word2vec(
    sentences: Sequence[Sequence[str]], config: HsConfig, seed: int
) -> tuple[Vocabulary, npt.NDArray[np.float32]]:
    """Words rarer than `min_count` are read as one unknown word, so that its row is learned.

    Where there are none (`min_count` of 1) that row is zero: an unknown word then says nothing.
    """
    from gensim.models import Word2Vec

    counts = Counter(word for s in sentences for word in s)
    frequent = {word for word, n in counts.items() if n >= config.min_count}
    model = Word2Vec(
        sentences=[[w if w in frequent else _UNKNOWN for w in s] for s in sentences],
        vector_size=config.embedding_dim,
        window=config.embedding_window,
        min_count=1,
        sg=1,
        negative=5,
        epochs=config.embedding_epochs,
        seed=seed + 1,
        workers=1,
    )
    known = [word for word in model.wv.index_to_key if word != _UNKNOWN]
    unknown = (
        model.wv[_UNKNOWN]
        if _UNKNOWN in model.wv.key_to_index
        else np.zeros(config.embedding_dim, dtype=np.float32)
    )
    table = np.vstack([*(model.wv[word] for word in known), unknown]).astype(np.float32)
    return Vocabulary(known, min_n=config.min_n, max_n=config.max_n, buckets=0), table
