"""Training the BLSTM and asking it: one visible loop, the same on every run with one seed."""

from __future__ import annotations

from collections.abc import Sequence

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


def fit_network(
    texts: Sequence[Sequence[str]],
    targets: npt.NDArray[np.int64],
    tree: CodeTree,
    vocabulary: Vocabulary,
    table: npt.NDArray[np.float32],
    config: HsConfig,
    *,
    seed: int,
    device: str = "cpu",
    progress: Progress = silent,
) -> BlstmClassifier:
    """Train on word lists and their leaves.

    The loss is the mean of −log p at 2, 4, 6 and 10 digits under `level_weights`, so that a wrong
    code in the right heading costs less than one in a foreign chapter.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BlstmClassifier(config, vocabulary.rows, len(tree))
        with torch.no_grad():
            model.bag.weight.copy_(torch.from_numpy(table))
        model.to(device).train()
        dense = [p for name, p in model.named_parameters() if not name.startswith("bag.")]
        optimisers: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.AdamW(dense, weight_decay=config.weight_decay), config.learning_rate)
        ]
        if config.tune_embeddings:
            optimisers.append((torch.optim.SparseAdam([model.bag.weight]), config.embedding_rate))
        up: dict[int, Tensor] = {level: torch.from_numpy(tree.up[level]).to(device) for level in LEVELS}
        # a small corpus takes smaller batches, so that an epoch still has about a hundred steps
        size = min(config.batch, max(16, len(texts) // 100))
        steps = config.epochs * -(-len(texts) // size)
        step = 0
        lengths = np.array([len(text) for text in texts])
        for _ in range(config.epochs):
            for rows in _batches(lengths, size, rng):
                # warm up over the first twentieth, then fall linearly to zero
                pace = min((step + 1) / (0.05 * steps + 1), (steps - step) / steps)
                for optimiser, rate in optimisers:
                    optimiser.param_groups[0]["lr"] = rate * pace
                    optimiser.zero_grad()
                bags = Bags.of([_drop(texts[i], config.word_dropout, rng) for i in rows], vocabulary, device)
                loss = _loss(model(bags), torch.from_numpy(targets[rows]).to(device), up, tree, config)
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


def _batches(
    lengths: npt.NDArray[np.int64], size: int, rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """All rows in random batches of texts of like length, so that little is padded."""
    # lengths are blurred so that a batch is not the same company in every epoch
    order = np.argsort(lengths * rng.uniform(0.8, 1.25, len(lengths)), kind="stable")
    batches = [order[begin : begin + size] for begin in range(0, len(order), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _drop(words: Sequence[str], share: float, rng: np.random.Generator) -> Sequence[str]:
    if share <= 0 or len(words) < 2:
        return words
    kept = [word for word, u in zip(words, rng.random(len(words)), strict=True) if u >= share]
    return kept or words


def _loss(logits: Tensor, target: Tensor, up: dict[int, Tensor], tree: CodeTree, config: HsConfig) -> Tensor:
    log_p = functional.log_softmax(logits, dim=1)  # (texts, leaves)
    total = logits.new_zeros(())
    for level, weight in zip(LEVELS, config.level_weights, strict=True):
        if weight == 0:
            continue
        if level == 10:
            nll = -log_p.gather(1, target[:, None])[:, 0]
        else:
            mine = up[level][None, :] == up[level][target][:, None]  # (texts, leaves): below the true parent
            nll = -log_p.masked_fill(~mine, float("-inf")).logsumexp(dim=1)
        total = total + weight * nll.mean()
    return total / sum(config.level_weights)
