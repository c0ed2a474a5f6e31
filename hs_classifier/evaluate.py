"""How good the suggestions are on texts not trained on: BLSTM alone, retrieval alone, and both blended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customs.config import load_config
from customs.errors import InvalidValue
from customs.progress import Progress, silent
from hs_classifier.calibration import calibration_error, code_set
from hs_classifier.checks import TEXT, oddness
from hs_classifier.codes import LEVELS, Array, CodeTree
from hs_classifier.data import Corpus, Sample, read_corpus, split
from hs_classifier.model import HsConfig
from hs_classifier.scorer import HsScorer
from hs_classifier.suggest import CHUNK, Suggester, Voice
from hs_classifier.text import Goods
from hs_classifier.train import CONFIGS, fit, hits

_VOICES: tuple[Voice, ...] = ("retrieval", "bag", "blstm", "blend")
_TOPS = (1, 3, 5)


def evaluate(
    data: Sequence[Path],
    test: Path | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
    config: str = "default",
    overrides: Mapping[str, str] | None = None,
    device: str = "cpu",
    nomenclature: Path | Sequence[Path] | None = None,
) -> dict[str, Any]:
    """Train on `data` and measure on `test`, or on a tenth of `data` held out by name where there is no test.

    Answers with top-1, top-3 and top-5 shares at 4, 6 and 10 digits, once asked by name only and, where
    the test has descriptions, once by name and description; for the blend also the expected calibration
    error, the coverage and size of the conformal sets and how often the true code gets a small p-value.
    """
    chosen = load_config(HsConfig, CONFIGS, config, overrides)
    corpus = read_corpus(data, nomenclature, progress)
    if test is None:
        parts = split(corpus.samples, share=0.1, seed=seed + 1)
        asked: Sequence[Sample] = [corpus.samples[i] for i in parts.held]
        corpus = Corpus(tuple(corpus.samples[i] for i in parts.train), corpus.left_out, corpus.table)
    else:
        asked = [s for s in read_corpus([test]).samples if s.source != "wording"]
    if not asked:
        raise InvalidValue(
            "there is no text to test on", field="test", remedy="give a file with hsk and name"
        )
    scorer, trained = fit(corpus, chosen, seed=seed, device=device, progress=progress)
    known = [scorer.suggester.tree.find(s.code) is not None for s in asked]
    views = {"name": [Goods(s.goods.name) if s.goods.name else s.goods for s in asked]}
    if any(s.goods.description for s in asked):
        views["name_and_description"] = [s.goods for s in asked]
    return {
        "module": "hs",
        "config": config,
        "seed": seed,
        "tested": len(asked),
        "true_code_known": round(float(np.mean(known)), 4),
        "training": trained,
        "results": {view: _measure(scorer, goods, asked, progress, view) for view, goods in views.items()},
    }


def table(report: Mapping[str, Any]) -> str:
    """The report as lines for people: top-1/3/5 shares in per cent, then what calibration promised."""
    lines = [f"{report['tested']} texts, {report['training']['codes']} codes trained, seed {report['seed']}"]
    for view, result in report["results"].items():
        lines += ["", f"asked by {view.replace('_', ' ')}", f"{'':<12}{'HS4':>18}{'HS6':>18}{'HSK10':>18}"]
        for voice in (v for v in _VOICES if v in result):
            shares = [
                "/".join(f"{100 * result[voice][f'hs{level}.top{k}']:.1f}" for k in _TOPS)
                for level in LEVELS[1:]
            ]
            lines.append(f"{voice:<12}" + "".join(f"{share:>18}" for share in shares))
        errors = ", ".join(f"{level} {value:.3f}" for level, value in result["calibration_error"].items())
        small = ", ".join(f"{limit}: {value:.3f}" for limit, value in result["true_code_p_at_most"].items())
        lines += [
            f"calibration error: {errors}",
            f"sets: coverage {result['set']['coverage']:.3f}, mean size {result['set']['mean_size']:.2f}, "
            f"{result['set']['at_ten_digits']:.0%} at ten digits",
            f"true code has p at most {small}; refused {result['refused']:.1%}",
        ]
    return "\n".join(lines)


def _measure(
    scorer: HsScorer, goods: Sequence[Goods], asked: Sequence[Sample], progress: Progress, view: str
) -> dict[str, Any]:
    suggester, tree = scorer.suggester, scorer.suggester.tree
    voices = [v for v in _VOICES if _speaks(suggester, v)]
    top: dict[str, dict[str, float]] = {voice: {} for voice in voices}
    marks = _Marks(tree, scorer)
    for begin in range(0, len(goods), CHUNK):
        part = goods[begin : begin + CHUNK]
        truth = [s.code for s in asked[begin : begin + CHUNK]]
        for voice in voices:
            leaf = suggester.leaf(part, voice)
            for k in _TOPS:
                for level, share in hits(leaf, truth, tree, k).items():
                    key = f"hs{level}.top{k}"
                    top[voice][key] = top[voice].get(key, 0.0) + share * len(part) / len(goods)
            if voice == voices[-1]:
                marks.add(tree.sharpen(leaf, suggester.temperatures), asked[begin : begin + CHUNK])
        progress(f"measuring ({view.replace('_', ' ')})", min(begin + CHUNK, len(goods)), len(goods))
    shares = {voice: {key: round(value, 4) for key, value in found.items()} for voice, found in top.items()}
    refused = [refusal is not None for refusal in suggester.refusals(goods)]
    return {**shares, **marks.figures(), "refused": round(float(np.mean(refused)), 4)}


def _speaks(suggester: Suggester, voice: Voice) -> bool:
    if voice == "blend":
        return suggester.ranker is not None
    return voice != "blstm" or suggester.voices.network is not None


class _Marks:
    """What calibration promises, collected over chunks of the blend's answers."""

    def __init__(self, tree: CodeTree, scorer: HsScorer) -> None:
        self.tree, self.scorer = tree, scorer
        self.confidence: dict[int, list[float]] = {level: [] for level in LEVELS}
        self.correct: dict[int, list[bool]] = {level: [] for level in LEVELS}
        self.covered: list[bool] = []
        self.size: list[int] = []
        self.ten_digits: list[bool] = []
        self.p_values: list[float] = []

    def add(self, levels: dict[int, Array], asked: Sequence[Sample]) -> None:
        for i, sample in enumerate(asked):
            for level in LEVELS:
                best = int(np.argmax(levels[level][i]))
                self.confidence[level].append(float(np.exp(levels[level][i, best])))
                self.correct[level].append(self.tree.nodes[level][best] == sample.code.at(level))
            codes = code_set(levels, i, self.tree, self.scorer.suggester.sets.mass)
            self.covered.append(any(code.covers(sample.code) for code in codes))
            self.size.append(len(codes))
            self.ten_digits.append(codes[0].level == 10)
            odd = oddness(levels, i, sample.code, self.tree)
            if odd is not None:
                self.p_values.append(self.scorer.conformals[TEXT](odd.score, sample.code.backoff()).p_value)

    def figures(self) -> dict[str, Any]:
        p = np.array(self.p_values)
        return {
            "calibration_error": {
                f"hs{level}": round(calibration_error(self.confidence[level], self.correct[level]), 4)
                for level in LEVELS
            },
            "set": {
                "coverage": round(float(np.mean(self.covered)), 4),
                "mean_size": round(float(np.mean(self.size)), 2),
                "at_ten_digits": round(float(np.mean(self.ten_digits)), 4),
            },
            "true_code_p_at_most": {
                str(limit): round(float((p <= limit).mean()), 4) if len(p) else None
                for limit in (0.01, 0.05, 0.1)
            },
        }
