"""fastText word vectors, trained here on the texts at hand and read without gensim's own file format.

Bojanowski et al., "Enriching Word Vectors with Subword Information" (2017): a word is the mean of its
own vector and of the vectors of its character n-grams, which are hashed into buckets; a word never seen
is the mean of its n-grams alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from hs_classifier.model import HsConfig

Ids = npt.NDArray[np.int64]


class Vocabulary:
    """Words and n-gram buckets to row numbers of one table: words first, then buckets."""

    def __init__(self, known: Sequence[str], *, min_n: int, max_n: int, buckets: int) -> None:
        self.known = tuple(known)
        self.min_n, self.max_n, self.buckets = min_n, max_n, buckets
        self._index = {word: i for i, word in enumerate(self.known)}
        self._cache: dict[str, Ids] = {}

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return len(self.known) + self.buckets

    def __contains__(self, word: str) -> bool:
        return word in self._index

    def ids(self, word: str) -> Ids:
        """Rows whose mean is the word's vector; never empty."""
        found = self._cache.get(word)
        if found is None:
            from gensim.models.fasttext import ft_ngram_hashes

            own = [self._index[word]] if word in self._index else []
            grams = ft_ngram_hashes(word, self.min_n, self.max_n, self.buckets)
            found = np.array([*own, *(len(self.known) + h for h in grams)], dtype=np.int64)
            if len(self._cache) < 200_000:
                self._cache[word] = found
        return found


def train_vectors(
    sentences: Sequence[Sequence[str]], config: HsConfig, *, seed: int
) -> tuple[Vocabulary, npt.NDArray[np.float32]]:
    """Skip-gram fastText over lists of words; answers with the vocabulary and its (rows, dim) table.

    One worker thread: with more, gensim's result depends on their timing.
    """
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
