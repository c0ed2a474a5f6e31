"""Training the BLSTM and asking it: one visible loop, the same on every run with one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from customs.progress import Progress, silent
from hs_classifier.codes import LEVELS, CodeTree
from hs_classifier.embed import Vocabulary
from hs_classifier.model import Bags, BlstmClassifier, HsConfig

# Texts a forward pass answers at once.
_CHUNK = 256
_Ids = npt.NDArray[np.int64]


def fit_network(
    texts: Sequence[Sequence[str]],
    targets: _Ids,
    tree: CodeTree,
    vocabulary: Vocabulary,
    table: npt.NDArray[np.float32],
    config: HsConfig,
    *,
    seed: int,
    shares: npt.NDArray[np.float64] | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> BlstmClassifier:
    """Train on word lists and their leaves.

    The loss is the mean of −log p at 2, 4, 6 and 10 digits under `level_weights`, so that a wrong
    code in the right heading costs less than one in a foreign chapter.

    shares: the chance of each text to be read in an epoch, where not all are to be read in all of them.
    """
    rng = np.random.default_rng(seed)
    lengths = np.array([len(text) for text in texts])
    chance = np.ones(len(texts)) if shares is None else shares
    runs = Runs.of(tree)
    rate = np.bincount(targets, weights=chance, minlength=len(tree)) / chance.sum()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BlstmClassifier(config, vocabulary.rows, len(tree))
        with torch.no_grad():
            model.bag.weight.copy_(torch.from_numpy(table))
        model.to(device).train()
        dense = [p for name, p in model.named_parameters() if not name.startswith("bag.")]
        optimisers: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.AdamW(dense, weight_decay=config.weight_decay, fused=True), config.learning_rate)
        ]
        if config.tune_embeddings:
            optimisers.append((torch.optim.SparseAdam([model.bag.weight]), config.embedding_rate))
        # a small corpus takes smaller batches, so that an epoch still has about a hundred steps
        size = min(config.batch, max(16, round(chance.sum()) // 100))
        epochs = [np.flatnonzero(rng.random(len(texts)) < chance) for _ in range(config.epochs)]
        steps = sum(-(-len(epoch) // size) for epoch in epochs)
        step = 0
        for epoch in epochs:
            for rows in _batches(epoch, lengths, size, rng):
                # warm up over the first twentieth, then fall linearly to zero
                pace = min((step + 1) / (0.05 * steps + 1), (steps - step) / steps)
                for optimiser, learning_rate in optimisers:
                    optimiser.param_groups[0]["lr"] = learning_rate * pace
                    optimiser.zero_grad()
                bags = Bags.of([_drop(texts[i], config.word_dropout, rng) for i in rows], vocabulary, device)
                seen = model.dropout(model.features(bags))  # (texts, width)
                target = targets[rows]
                picked = _candidates(target, rate, config.candidates, rng)
                if picked is None:
                    loss = path_loss(model.out(seen), target, runs, config.level_weights)
                else:
                    rivals = torch.from_numpy(picked.leaves).to(device)
                    logits = functional.linear(
                        seen, model.out.weight.index_select(0, rivals), model.out.bias.index_select(0, rivals)
                    )  # (texts, candidates)
                    loss = path_loss(logits, target, runs, config.level_weights, picked)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(dense, 5.0)
                for optimiser, _ in optimisers:
                    optimiser.step()
                step += 1
                progress("training the BLSTM", step, steps)
    return model.eval()


@torch.inference_mode()
def log_probabilities(
    model: BlstmClassifier, vocabulary: Vocabulary, texts: Sequence[Sequence[str]], device: str = "cpu"
) -> npt.NDArray[np.float64]:
    """(texts, leaves) log-probabilities; every text has at least one word."""
    found = np.empty((len(texts), model.out.out_features))
    for begin in range(0, len(texts), _CHUNK):
        part = texts[begin : begin + _CHUNK]
        logits = model(Bags.of(part, vocabulary, device))
        found[begin : begin + len(part)] = functional.log_softmax(logits.double(), dim=1).cpu().numpy()
    return found


@dataclass(frozen=True)
class Runs:
    """Where the leaves below each leaf's parent begin and end, for the levels of a tree: (levels, leaves)."""

    begin: _Ids
    end: _Ids

    @classmethod
    def of(cls, tree: CodeTree) -> Runs:
        """Leaves are sorted, so those of one parent are neighbours."""
        begin = [tree.starts[level][tree.up[level]] for level in LEVELS]
        end = [np.r_[tree.starts[level][1:], len(tree)][tree.up[level]] for level in LEVELS]
        return cls(np.array(begin), np.array(end))


@dataclass(frozen=True)
class Candidates:
    """Leaves drawn to stand for all, ascending, and the chance that each had to be drawn."""

    leaves: _Ids  # (candidates,)
    chance: npt.NDArray[np.float64]  # (candidates,)


def path_loss(
    logits: Tensor,
    target: _Ids,
    runs: Runs,
    weights: Sequence[float],
    candidates: Candidates | None = None,
) -> Tensor:
    """Mean over texts of Σ weight × −log p(true parent at 2, 4, 6, 10 digits) / Σ weight.

    logits: (texts, leaves), or (texts, candidates) where only some leaves are looked at. Each of these
        then counts 1/chance times in the sums, a text's own leaf once, so that the sums over all leaves
        are estimated without bias.
    target: (texts,) true leaves.
    """
    position = target if candidates is None else np.searchsorted(candidates.leaves, target)
    bounds = np.stack([runs.begin[:, target], runs.end[:, target]])  # (2, levels, texts)
    if candidates is not None:
        bounds = np.searchsorted(candidates.leaves, bounds)
        shift = torch.from_numpy(-np.log(candidates.chance)).to(logits)
        own = torch.zeros_like(logits)
        own[torch.arange(len(target)), torch.from_numpy(position)] = shift[position]
        logits = logits + (shift - own)
    loss: Tensor = _PathLoss.apply(logits, bounds, tuple(weights))
    return loss


class _PathLoss(torch.autograd.Function):
    """The gradient of −log Σ p over a run is p minus p within the run: one softmax serves all levels."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, bounds: _Ids, weights: tuple[float, ...]) -> Tensor:
        texts, total = len(logits), sum(weights)
        p = torch.softmax(logits, dim=1)  # (texts, leaves)
        gradient = p * total
        loss = logits.new_zeros(())
        for level, weight in enumerate(weights):
            if weight == 0:
                continue
            begin, end = bounds[:, level]
            size = end - begin  # (texts,)
            rows = np.repeat(np.arange(texts), size)
            columns = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size - begin, size)
            at = torch.from_numpy(rows * logits.shape[1] + columns).to(logits.device)
            row = torch.from_numpy(rows).to(logits.device)
            inside = p.view(-1)[at]  # (all leaves below the true parents,)
            # the floor keeps a hopeless start finite
            mass = p.new_zeros(texts).index_add_(0, row, inside).clamp_min_(1e-30)  # (texts,)
            gradient.view(-1).index_add_(0, at, inside / mass[row], alpha=-weight)
            loss = loss - weight * mass.log().mean()
        ctx.save_for_backward(gradient.div_(texts * total))
        return loss / total

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * above[0], None, None


def _candidates(
    target: _Ids, rate: npt.NDArray[np.float64], wanted: int, rng: np.random.Generator
) -> Candidates | None:
    """The leaves of a batch and as many more as `wanted`; None where that would be all."""
    if wanted <= 0 or wanted >= len(rate):
        return None
    drawn = rng.random(len(rate)) < wanted / len(rate)
    drawn[target] = True
    leaves = np.flatnonzero(drawn)
    # drawn blindly, or because another text of the batch has it
    missed = (1 - wanted / len(rate)) * (1 - rate[leaves]) ** (len(target) - 1)
    return Candidates(leaves, 1 - missed)


def _batches(rows: _Ids, lengths: _Ids, size: int, rng: np.random.Generator) -> list[_Ids]:
    """The rows in random batches of texts of like length, so that little is padded."""
    # lengths are blurred so that a batch is not the same company in every epoch
    order = rows[np.argsort(lengths[rows] * rng.uniform(0.8, 1.25, len(rows)), kind="stable")]
    batches = [order[begin : begin + size] for begin in range(0, len(order), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _drop(words: Sequence[str], share: float, rng: np.random.Generator) -> Sequence[str]:
    if share <= 0 or len(words) < 2:
        return words
    kept = [word for word, u in zip(words, rng.random(len(words)), strict=True) if u >= share]
    return kept or words
