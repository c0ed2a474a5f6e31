"""Training: read texts, hold some out, fit the BLSTM and the index, tune, calibrate, write the artefact."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customs.artefact import fingerprint_of
from customs.calibrate import Conformal
from customs.config import load_config
from customs.errors import InvalidConfig
from customs.hs import HsCode
from customs.progress import Progress, silent
from hs_classifier.calibration import SetRule, fit_temperatures
from hs_classifier.codes import LEVELS, Array, CodeTree
from hs_classifier.data import Corpus, Sample, read_corpus, split
from hs_classifier.embed import train_vectors
from hs_classifier.model import HsConfig
from hs_classifier.network import fit_network
from hs_classifier.retrieve import Precedent, RulingIndex
from hs_classifier.scorer import HsScorer, oddness
from hs_classifier.suggest import CHUNK, Suggester
from hs_classifier.text import words

CONFIGS = Path(__file__).with_name("configs")
# Held-out texts looked at for tuning and for calibration, at most: more changes nothing but the time.
_ENOUGH = 3000


def train(
    data: Sequence[Path],
    out: Path,
    *,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
    nomenclature: Path | Sequence[Path] | None = None,
) -> dict[str, Any]:
    """Train on files of rulings or worlds and write the artefact `out`; answers with the figures.

    nomenclature: official tables of codes whose wording joins the training texts, so that codes
        without a ruling can be suggested.
    """
    chosen = load_config(HsConfig, CONFIGS, config, overrides)
    corpus = read_corpus(data, nomenclature, progress)
    scorer, figures = fit(corpus, chosen, seed=seed, device=device, progress=progress)
    tables = (
        [] if nomenclature is None else [nomenclature] if isinstance(nomenclature, Path) else [*nomenclature]
    )
    scorer.data_fingerprint = fingerprint_of([*data, *tables])
    scorer.save(out)
    return figures


def fit(
    corpus: Corpus, config: HsConfig, *, seed: int = 0, device: str = "cpu", progress: Progress = silent
) -> tuple[HsScorer, dict[str, Any]]:
    """Train and calibrate in memory; answers with the scorer and the figures of the held-out texts."""
    if len(config.level_weights) != len(LEVELS) or sum(config.level_weights) <= 0:
        raise InvalidConfig(
            f"got {config.level_weights}",
            field="config.level_weights",
            remedy="give four weights, for 2, 4, 6, 10",
        )
    begun = time.monotonic()
    parts = split(corpus.samples, share=config.holdout, seed=seed)
    tree = CodeTree(s.code for s in parts.train)
    tokens, targets = _examples(parts.train, tree, config)
    progress("learning word vectors", 0, 1)
    vocabulary, table = train_vectors(tokens, config, seed=seed)
    progress("learning word vectors", 1, 1)
    network = fit_network(
        tokens, targets, tree, vocabulary, table, config, seed=seed, device=device, progress=progress
    )
    progress("indexing texts", 0, 1)
    precedents = [
        Precedent(s.goods.name.strip()[:300] or s.goods.short[:300], s.code, s.source) for s in parts.train
    ]
    index = RulingIndex.build(precedents, [s.goods.full for s in parts.train])
    progress("indexing texts", 1, 1)
    suggester = Suggester(
        config=config,
        tree=tree,
        vocabulary=vocabulary,
        network=network,
        index=index,
        weight=1.0,
        temperatures=dict.fromkeys(LEVELS, 1.0),
        sets=SetRule(1.0, config.coverage),
        device=device,
    )
    tune, calibrate = parts.tune[:_ENOUGH], parts.calibrate[:_ENOUGH]
    figures = _tune(suggester, tune, progress)
    conformal = _calibrate(suggester, calibrate, progress)
    figures = {
        "texts_trained": len(parts.train),
        "texts_tuned_on": len(tune),
        "texts_calibrated_on": len(calibrate),
        "codes": len(tree),
        **corpus.left_out,
        **figures,
        "set_mass": suggester.sets.mass,
        "seconds": round(time.monotonic() - begun, 1),
    }
    kept = {k: v for k, v in figures.items() if k != "seconds"}  # the same training writes the same bytes
    return HsScorer(suggester, conformal, figures=kept), figures


def _examples(
    samples: Sequence[Sample], tree: CodeTree, config: HsConfig
) -> tuple[list[list[str]], np.ndarray]:
    """Word lists and their leaves; a sample with a description is read once without and once with it."""
    tokens, targets = [], []
    for s in samples:
        leaf = tree.find(s.code)
        for text in dict.fromkeys((s.goods.short, s.goods.full)):
            tokens.append(words(text, config.max_tokens))
            targets.append(leaf)
    return tokens, np.array(targets, dtype=np.int64)


def _tune(suggester: Suggester, held: Sequence[Sample], progress: Progress) -> dict[str, float]:
    """Set the blend's weight and the temperatures on held-out texts; answers with top-1 figures."""
    goods, truth = [s.goods for s in held], [s.code for s in held]
    voices: dict[str, Array] = {
        "blstm": np.exp(suggester.leaf(goods, "blstm")),
        "retrieval": np.exp(suggester.leaf(goods, "retrieval")),
    }
    grid = {"blstm": [1.0], "retrieval": [0.0], "tuned": [round(0.05 * i, 2) for i in range(21)]}
    figures: dict[str, float] = {}
    best = (-1.0, 0.0, 0.0)
    for i, weight in enumerate(choices := grid[suggester.config.blend]):
        mixed = weight * voices["blstm"] + (1 - weight) * voices["retrieval"]
        value = float(np.mean(list(hits(mixed, truth, suggester.tree, 1).values())))
        # as many right as possible; among equals the likeliest truths
        best = max(best, (round(value, 3), round(_likelihood(mixed, truth, suggester.tree), 6), weight))
        progress("tuning", i + 1, len(choices))
    suggester.weight = best[2]
    with np.errstate(divide="ignore"):
        leaf = np.log(best[2] * voices["blstm"] + (1 - best[2]) * voices["retrieval"])
    suggester.temperatures = fit_temperatures(leaf, truth, suggester.tree)
    for name, p in [*voices.items(), ("blend", np.exp(leaf))]:
        for level, share in hits(p, truth, suggester.tree, 1).items():
            figures[f"held_out.{name}.hs{level}.top1"] = round(share, 4)
    return {"blstm_weight": best[2], **figures}


def _likelihood(p: Array, truth: Sequence[HsCode], tree: CodeTree) -> float:
    """Mean log-probability of the true codes, bounded below; unknown codes count as the bound."""
    leaves = [tree.find(code) for code in truth]
    return float(
        np.mean([np.log(max(p[i, n], 1e-6)) if n is not None else np.log(1e-6) for i, n in enumerate(leaves)])
    )


def _calibrate(suggester: Suggester, held: Sequence[Sample], progress: Progress) -> Conformal:
    """Fit the set rule and the conformal scores of `hs.text` on texts that nothing else has seen."""
    scores: list[float] = []
    chains: list[tuple[str, ...]] = []
    gathered: dict[int, list[Array]] = {level: [] for level in LEVELS}
    for begin in range(0, len(held), CHUNK):
        part = held[begin : begin + CHUNK]
        levels = suggester.levels([s.goods for s in part])
        for i, s in enumerate(part):
            odd = oddness(levels, i, s.code, suggester.tree)
            if odd is not None:
                scores.append(odd.score)
                chains.append(s.code.backoff())
        for level in LEVELS:
            gathered[level].append(levels[level])
        progress("calibrating", min(begin + CHUNK, len(held)), len(held))
    together = {level: np.concatenate(arrays) for level, arrays in gathered.items()}
    suggester.sets = SetRule.fit(together, [s.code for s in held], suggester.tree, suggester.config.coverage)
    return Conformal.fit(scores, chains)


def hits(p: Array, truth: Sequence[HsCode], tree: CodeTree, top: int) -> dict[int, float]:
    """Share of texts whose true code is among the `top` likeliest, at 4, 6 and 10 digits."""
    with np.errstate(divide="ignore"):
        rolled = tree.roll_up(np.log(p))
    found: dict[int, float] = {}
    for level in LEVELS[1:]:
        best = np.argsort(-rolled[level], axis=1, kind="stable")[:, :top]
        nodes = np.array(
            [tree.find(code.at(level)) if tree.find(code.at(level)) is not None else -1 for code in truth]
        )
        found[level] = float((best == nodes[:, None]).any(axis=1).mean())
    return found
