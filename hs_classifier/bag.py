"""A linear reader: hashed words, word pairs and syllables, one embedding, one softmax.

Joulin et al., "Bag of Tricks for Efficient Text Classification" (2017), with a loss at every level of the
code. It learns from official wording and trade words what a code is about even where no ruling names it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from customs.progress import Progress, silent
from hs_classifier.codes import LEVELS, CodeTree

if TYPE_CHECKING:
    from hs_classifier.model import HsConfig

_WORD = re.compile(r"[a-zß-ɏ]+|[가-힣]+|[^\W\d_a-zß-ɏ가-힣]+")
_MAX_WORDS = 80
_CHUNK = 256
# Descriptions from which on their common words are played down.
_STYLE_FROM = 30
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def features(cleaned: str, buckets: int) -> Ids:
    """Rows of a cleaned text in a table of `buckets` rows: words and their neighbours; the syllable pairs
    and triples of a Korean word, the four-letter pieces and the stem of a Latin one. Never empty."""
    found: list[str] = []
    before = ""
    for n, match in enumerate(_WORD.finditer(cleaned)):
        if n == _MAX_WORDS:
            break
        word = match.group()[:40]
        found.append("w" + word)
        if "가" <= word[0] <= "힣":
            found += ["k" + word[i : i + n] for n in (2, 3) for i in range(len(word) - n + 1)]
        elif len(word) > 3:
            bounded = f"<{word}>"
            found += ["e" + bounded[i : i + 4] for i in range(len(bounded) - 3)]
            found.append("p" + word[:5])
        if before:
            found.append(f"b{before}_{word}")
        before = word
    return np.array([zlib.crc32(f.encode()) % buckets for f in found] or [0], dtype=np.int64)


@dataclass(frozen=True)
class Lesson:
    """A text to learn from: its leaf, or any leaf below the node that it names, and that node's level."""

    text: str
    leaf: int
    level: int = 10
    weight: float = 1.0


class BagClassifier(nn.Module):
    """Logits over leaves for hashed texts."""

    def __init__(self, config: HsConfig, leaves: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(config.bag_buckets, config.bag_dim, mode="sum", sparse=True)
        nn.init.normal_(self.table.weight, std=0.1)
        self.norm = nn.LayerNorm(config.bag_dim)
        self.dropout = nn.Dropout(config.bag_dropout)
        self.out = nn.Linear(config.bag_dim, leaves)
        # how much each row weighs: its inverse document frequency among the texts learned from
        self.idf: Tensor
        self.register_buffer("idf", torch.ones(config.bag_buckets))
        # how much each row says in a description: what every description has says little
        self.style: Tensor
        self.register_buffer("style", torch.ones(config.bag_buckets))

    def forward(self, ids: Tensor, offsets: Tensor, shares: Tensor) -> Tensor:
        """ids, shares: (all rows,); offsets: (texts,); answers with (texts, leaves) logits."""
        summed = self.table(ids, offsets, per_sample_weights=shares)  # (texts, dim)
        return self.out(self.dropout(self.norm(summed)))

    def batch(self, texts: Sequence[Ids], *, described: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Rows, where each text begins among them, and weights of length one for each text."""
        sizes = np.array([len(t) for t in texts])
        ids = torch.from_numpy(np.concatenate(texts))
        offsets = torch.from_numpy(np.r_[0, np.cumsum(sizes)[:-1]])
        weight = self.idf[ids] * self.style[ids] if described else self.idf[ids]
        text = torch.from_numpy(np.repeat(np.arange(len(texts)), sizes))
        length = torch.zeros(len(texts)).index_add_(0, text, weight * weight).sqrt()
        return ids, offsets, weight / length[text].clamp_min(1e-6)


def fit_bag(
    lessons: Sequence[Lesson],
    tree: CodeTree,
    config: HsConfig,
    *,
    seed: int,
    descriptions: Sequence[str] = (),
    progress: Progress = silent,
) -> BagClassifier:
    """Train on texts; one that names a heading only is learned from at two and four digits.

    descriptions: cleaned; from enough of them it is learned which words all descriptions have.
    """
    rng = np.random.default_rng(seed)
    rows = [features(lesson.text, config.bag_buckets) for lesson in lessons]
    weight = np.array([lesson.weight for lesson in lessons], dtype=np.float32)
    leaf = np.array([lesson.leaf for lesson in lessons])
    depth = np.array([lesson.level for lesson in lessons])
    known = np.bincount(np.concatenate([np.unique(r) for r in rows]), minlength=config.bag_buckets)
    up: dict[int, Tensor] = {level: torch.from_numpy(tree.up[level]) for level in LEVELS}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BagClassifier(config, len(tree)).train()
        model.idf.copy_(torch.from_numpy(np.log((1 + len(rows)) / (1 + known)).astype(np.float32)))
        if len(descriptions) >= _STYLE_FROM:
            n = len(descriptions)
            seen = np.zeros(config.bag_buckets)
            for text in descriptions:
                seen[np.unique(features(text, config.bag_buckets))] += 1
            share = np.log((1 + n) / (1 + seen)) / np.log(1 + n)
            model.style.copy_(torch.from_numpy(share.astype(np.float32)))
        dense = [p for name, p in model.named_parameters() if not name.startswith("table.")]
        optimisers: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.AdamW(dense, weight_decay=1e-4, fused=True), config.bag_rate),
            (torch.optim.SparseAdam([model.table.weight]), config.bag_embedding_rate),
        ]
        size = min(config.bag_batch, max(16, len(rows) // 100))
        steps = config.bag_epochs * -(-len(rows) // size)
        step = 0
        for _ in range(config.bag_epochs):
            order = rng.permutation(len(rows))
            for begin in range(0, len(rows), size):
                part = order[begin : begin + size]
                pace = min((step + 1) / (0.05 * steps + 1), (steps - step) / steps)
                for optimiser, rate in optimisers:
                    optimiser.param_groups[0]["lr"] = rate * pace
                    optimiser.zero_grad()
                logits = model(*model.batch([_thin(rows[i], config.bag_word_dropout, rng) for i in part]))
                loss = _loss(
                    logits, leaf[part], depth[part], weight[part], up, tree, config.bag_level_weights
                )
                loss.backward()
                torch.nn.utils.clip_grad_norm_(dense, 5.0)
                for optimiser, _ in optimisers:
                    optimiser.step()
                step += 1
                progress("reading words", step, steps)
    return model.eval()


@torch.inference_mode()
def bag_probabilities(model: BagClassifier, cleaned: Sequence[str], *, described: bool = False) -> Floats:
    """(texts, leaves) probabilities; `described` where the texts are descriptions, or hold them."""
    found = np.empty((len(cleaned), model.out.out_features), dtype=np.float32)
    buckets = model.table.num_embeddings
    for begin in range(0, len(cleaned), _CHUNK):
        part = [features(text, buckets) for text in cleaned[begin : begin + _CHUNK]]
        found[begin : begin + len(part)] = functional.softmax(
            model(*model.batch(part, described=described)), dim=1
        ).numpy()
    return found


def _loss(
    logits: Tensor,
    leaf: Ids,
    depth: Ids,
    weight: Floats,
    up: dict[int, Tensor],
    tree: CodeTree,
    level_weights: Sequence[float],
) -> Tensor:
    """Mean of −log p(true parent) over the levels that each text names."""
    target = torch.from_numpy(leaf)
    log_p = functional.log_softmax(logits, dim=1)  # (texts, leaves)
    p = log_p.exp()
    total = logits.new_zeros(len(leaf))
    for level, share in zip(LEVELS, level_weights, strict=True):
        if level == 10:
            nll = -log_p.gather(1, target[:, None])[:, 0]
        else:
            nodes = logits.new_zeros(len(leaf), len(tree.nodes[level])).index_add_(1, up[level], p)
            nll = -torch.log(nodes.gather(1, up[level][target][:, None])[:, 0] + 1e-9)
        total = total + share * nll * torch.from_numpy((depth >= level).astype(np.float32))
    return (total * torch.from_numpy(weight)).mean()


def _thin(rows: Ids, share: float, rng: np.random.Generator) -> Ids:
    if share <= 0 or len(rows) < 2:
        return rows
    kept = rows[rng.random(len(rows)) >= share]
    return kept if len(kept) else rows
