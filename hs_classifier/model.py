"""The text classifier: sub-word vectors, a bidirectional LSTM, a softmax over ten-digit codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from customs.errors import InvalidConfig
from hs_classifier.embed import Vocabulary


@dataclass(frozen=True)
class HsConfig:
    """Everything that training the module decides; presets in `configs/`."""

    # word vectors
    embedding: Literal["fasttext", "word2vec"] = "fasttext"
    embedding_dim: int = 100
    embedding_window: int = 5
    embedding_epochs: int = 5
    min_count: int = 1
    min_n: int = 2
    max_n: int = 5
    buckets: int = 60_000  # rows for n-grams; word2vec has none
    tune_embeddings: bool = True  # False: fixed inputs, as in the study
    # network
    max_tokens: int = 48
    hidden: int = 128
    dense: int = 0  # width of a layer between LSTM and softmax; 0: none
    pooling: Literal["last", "max"] = "max"
    dropout: float = 0.3
    word_dropout: float = 0.1
    # training
    epochs: int = 10
    batch: int = 128
    candidates: int = 2048  # codes a batch is told apart from, where there are more; 0: all of them
    learning_rate: float = 2e-3
    embedding_rate: float = 5e-3  # of the word vectors, where they are tuned
    weight_decay: float = 1e-5
    level_weights: tuple[float, ...] = (0.1, 0.2, 0.2, 0.5)  # of the loss at 2, 4, 6 and 10 digits
    # bag of words
    bag_dim: int = 128
    bag_buckets: int = 2**17
    bag_epochs: int = 5
    bag_batch: int = 256
    bag_rate: float = 3e-3
    bag_embedding_rate: float = 1e-2
    bag_dropout: float = 0.3
    bag_word_dropout: float = 0.3
    bag_level_weights: tuple[float, ...] = (0.1, 0.3, 0.3, 0.3)
    # retrieval
    neighbours: int = 30
    power: float = 3.0
    # what answers: trees over all voices, or one voice alone
    voice: Literal["blend", "blstm", "bag"] = "blend"
    use_blstm: bool = True  # as a voice of the blend
    use_glossary: bool = True
    use_photos: bool = True
    transformer: str | None = None  # local folder, hub name or 'scratch': one more voice
    rounds: int = 150  # trees of each ranker
    rankers: int = 3
    # held-out texts: the blend, temperatures, sets and p-values are learned on them
    holdout: float = 0.13
    folds: int = 5
    coverage: float = 0.9

    @property
    def asks_blstm(self) -> bool:
        """Whether a BLSTM is trained and asked."""
        return self.voice == "blstm" or (self.voice == "blend" and self.use_blstm)

    def __post_init__(self) -> None:
        if (self.embedding == "word2vec") != (self.buckets == 0):
            raise InvalidConfig(
                f"got {self.buckets} with embedding {self.embedding!r}",
                field="config.buckets",
                remedy="give 0 with word2vec, which knows no parts of words, and more with fasttext",
            )


@dataclass(frozen=True)
class Bags:
    """A batch of texts: rows of the embedding table, where each word begins, how many words a text has."""

    ids: Tensor  # (all rows,)
    offsets: Tensor  # (all words,)
    lengths: Tensor  # (texts,), on the CPU

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]], vocabulary: Vocabulary, device: str = "cpu") -> Bags:
        """Look up every word; each text has at least one."""
        words = [vocabulary.ids(word) for text in texts for word in text]
        sizes = np.array([len(w) for w in words], dtype=np.int64)
        return cls(
            torch.from_numpy(np.concatenate(words)).to(device),
            torch.from_numpy(np.r_[0, np.cumsum(sizes)[:-1]]).to(device),
            torch.tensor([len(text) for text in texts], dtype=torch.int64),
        )


class BlstmClassifier(nn.Module):
    """Logits over ten-digit codes for batches of texts."""

    def __init__(self, config: HsConfig, rows: int, codes: int) -> None:
        super().__init__()
        self.config = config
        self.bag = nn.EmbeddingBag(rows, config.embedding_dim, mode="mean", sparse=True)
        self.bag.weight.requires_grad_(config.tune_embeddings)
        # two plain LSTMs, one fed backwards: packed sequences are several times slower on a CPU
        self.ahead = nn.LSTM(config.embedding_dim, config.hidden, batch_first=True)
        self.back = nn.LSTM(config.embedding_dim, config.hidden, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        width = 2 * config.hidden
        self.dense = nn.Linear(width, config.dense) if config.dense else None
        self.out = nn.Linear(config.dense or width, codes)

    def features(self, bags: Bags) -> Tensor:
        """(texts, 2 × hidden) or (texts, dense): what the softmax sees, for a joint model to build on."""
        vectors = self.dropout(self.bag(bags.ids, bags.offsets))  # (words, dim)
        lengths = bags.lengths.to(vectors.device)[:, None]  # (texts, 1)
        step = torch.arange(int(bags.lengths.max()), device=vectors.device)[None, :]  # (1, longest)
        within = step < lengths  # (texts, longest)
        first = lengths.cumsum(dim=0) - lengths  # (texts, 1): where each text begins among the words
        padded = nn.functional.embedding(
            torch.where(within, first + step, 0), vectors
        )  # (texts, longest, dim)
        mirror = torch.where(within, lengths - 1 - step, step)[:, :, None]  # (texts, longest, 1)
        ahead, _ = self.ahead(padded)  # (texts, longest, hidden)
        back, _ = self.back(padded.gather(1, mirror.expand_as(padded)))  # step 0 is the last word
        if self.config.pooling == "last":
            last = (lengths - 1)[:, :, None].expand(-1, 1, ahead.shape[2])
            pooled = torch.cat([ahead.gather(1, last), back.gather(1, last)], dim=2)[
                :, 0
            ]  # (texts, 2 × hidden)
        else:
            states = torch.cat([ahead, back], dim=2).masked_fill(
                ~within[:, :, None], -2.0
            )  # tanh stays above −1
            pooled = states.max(dim=1).values  # (texts, 2 × hidden)
        return pooled if self.dense is None else torch.relu(self.dense(self.dropout(pooled)))

    def forward(self, bags: Bags) -> Tensor:
        """(texts, codes) logits."""
        return self.out(self.dropout(self.features(bags)))
