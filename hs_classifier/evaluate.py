"""How good the suggestions are on texts not trained on: BLSTM alone, retrieval alone, and both blended."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from customs.config import load_config
from customs.errors import InvalidConfig, InvalidValue
from customs.progress import Progress, silent
from hs_classifier.calibration import calibration_error, code_set
from hs_classifier.checks import TEXT, oddness
from hs_classifier.codes import LEVELS, Array, CodeTree
from hs_classifier.data import Corpus, Sample, read_corpus, read_lines, read_test, split
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
    learn_half: bool = False,
    vague: Path | None = None,
    study: Sequence[str] = (),
    photos: Sequence[Path] = (),
    seeds: int = 1,
) -> dict[str, Any]:
    """Train on `data` and measure on `test`, or on a tenth of `data` held out by name where there is no test.

    Answers with top-1, top-3 and top-5 shares at 4, 6 and 10 digits (a test of six digits: at 4 and 6),
    once asked by name only and, where the test has descriptions, once by name and description; also the
    expected calibration error, the coverage and size of the conformal sets and how often the true code gets
    a small p-value.

    learn_half: learn from one half of `test`, drawn by reference, measure on the other, then the other way
        round; figures are of all of it.
    vague: a file of texts too vague to classify, one a line; how many of them are refused is told.
    study: parts of the two studies to rerun instead: "text", "photo", "joint"; the latter two need `photos`.
    """
    tables = (
        [] if nomenclature is None else [nomenclature] if isinstance(nomenclature, Path) else [*nomenclature]
    )
    if study:
        from hs_classifier.study import run

        return run(study, data, photos=photos, nomenclature=tables, seeds=seeds, seed=seed, progress=progress)
    chosen = load_config(HsConfig, CONFIGS, config, overrides)
    corpus = read_corpus(data, tables, progress)
    folds = _folds(corpus, test, learn_half, seed)
    measured: list[dict[str, Any]] = []
    weights: list[int] = []
    for learned, asked in folds:
        if not asked:
            raise InvalidValue(
                "there is no text to test on", field="test", remedy="give a file with hsk and name"
            )
        scorer, trained = fit(learned, chosen, seed=seed, device=device, progress=progress)
        views = {"name": [Goods(s.goods.name) if s.goods.name else s.goods for s in asked]}
        if any(s.goods.description for s in asked):
            views["name_and_description"] = [s.goods for s in asked]
        tree = scorer.suggester.tree
        found: dict[str, Any] = {
            "true_code_known": float(np.mean([tree.find(s.code) is not None for s in asked])),
            "results": {
                view: _measure(scorer, goods, asked, progress, view) for view, goods in views.items()
            },
        }
        if vague is not None:
            found["vague_refused"] = _refused(scorer, vague)
        measured.append(found)
        weights.append(len(asked))
    return {
        "module": "hs",
        "config": config,
        "seed": seed,
        "tested": sum(weights),
        "training": trained,
        **_mean(measured, weights),
    }


def _folds(
    corpus: Corpus, test: Path | None, learn_half: bool, seed: int
) -> list[tuple[Corpus, Sequence[Sample]]]:
    """What is learned and what is asked, once or twice."""
    samples = corpus.samples
    if test is None:
        if learn_half:
            raise InvalidConfig("there is no test to halve", field="learn-half", remedy="add --test FILE")
        parts = split(samples, share=0.1, seed=seed + 1)
        learned = tuple(samples[i] for i in parts.train)
        return [(dataclasses.replace(corpus, samples=learned), [samples[i] for i in parts.held])]
    asked = read_test(test)
    if not learn_half:
        return [(corpus, asked)]
    names = sorted({s.reference or s.goods.short for s in asked})
    drawn = np.random.default_rng(seed).permutation(len(names)) < len(names) // 2
    first = {name for name, one in zip(names, drawn, strict=True) if one}
    halves = [[s for s in asked if ((s.reference or s.goods.short) in first) == one] for one in (True, False)]
    return [(dataclasses.replace(corpus, samples=(*samples, *halves[k])), halves[1 - k]) for k in (0, 1)]


def _refused(scorer: HsScorer, path: Path) -> float:
    goods = read_lines(path, "vague")
    return float(np.mean([refusal is not None for refusal in scorer.suggester.refusals(goods)]))


def _mean(parts: Sequence[Any], weights: Sequence[int]) -> Any:
    """Nested figures of several folds, weighted by how many were asked."""
    if isinstance(parts[0], Mapping):
        return {key: _mean([part[key] for part in parts], weights) for key in parts[0]}
    if parts[0] is None:
        return None
    return round(float(np.average(parts, weights=weights)), 4)


def table(report: Mapping[str, Any]) -> str:
    """The report as lines for people: top-1/3/5 shares in per cent, then what calibration promised."""
    if "parts" in report:
        from hs_classifier.study import table as study_table

        return study_table(report)
    lines = [f"{report['tested']} texts, {report['training']['codes']} codes trained, seed {report['seed']}"]
    if "vague_refused" in report:
        lines.append(f"vague texts refused: {report['vague_refused']:.1%}")
    for view, result in report["results"].items():
        keys = [f"hs{level}" for level in LEVELS[1:] if f"hs{level}.top1" in result[_spoke(result)[0]]]
        lines += ["", f"asked by {view.replace('_', ' ')}", " " * 12 + "".join(f"{k:>18}" for k in keys)]
        for voice in _spoke(result):
            shares = ["/".join(f"{100 * result[voice][f'{key}.top{k}']:.1f}" for k in _TOPS) for key in keys]
            lines.append(f"{voice:<12}" + "".join(f"{share:>18}" for share in shares))
        chance = result["calibration_error_by_chance"]
        errors = ", ".join(
            f"{level} {value:.3f} ({chance[level]:.3f})"
            for level, value in result["calibration_error"].items()
        )
        small = ", ".join(f"{limit}: {value:.3f}" for limit, value in result["true_code_p_at_most"].items())
        lines += [
            f"calibration error (of exact probabilities, by chance): {errors}",
            f"sets: coverage {result['set']['coverage']:.3f}, mean size {result['set']['mean_size']:.2f}, "
            f"{result['set']['at_ten_digits']:.0%} at ten digits",
            f"true code has p at most {small}; refused {result['refused']:.1%}",
        ]
    return "\n".join(lines)


def _spoke(result: Mapping[str, Any]) -> list[str]:
    return [voice for voice in _VOICES if voice in result]


def _measure(
    scorer: HsScorer, goods: Sequence[Goods], asked: Sequence[Sample], progress: Progress, view: str
) -> dict[str, Any]:
    suggester, tree = scorer.suggester, scorer.suggester.tree
    voices = [v for v in _VOICES if _speaks(suggester, v)]
    top: dict[str, dict[str, float]] = {voice: {} for voice in voices}
    marks = _Marks(tree, scorer)
    least = min(s.code.level for s in asked)  # digits that every true code has
    for begin in range(0, len(goods), CHUNK):
        part = goods[begin : begin + CHUNK]
        truth = [s.code for s in asked[begin : begin + CHUNK]]
        for voice in voices:
            leaf = suggester.leaf(part, voice)
            for k in _TOPS:
                for level, share in hits(leaf, truth, tree, k).items():
                    if level > least:
                        continue
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
            for level in (n for n in LEVELS if n <= sample.code.level):
                best = int(np.argmax(levels[level][i]))
                self.confidence[level].append(float(np.exp(levels[level][i, best])))
                self.correct[level].append(self.tree.nodes[level][best] == sample.code.at(level))
            codes = code_set(levels, i, self.tree, self.scorer.suggester.sets.mass)
            self.covered.append(any(c.covers(sample.code) or sample.code.covers(c) for c in codes))
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
                if self.confidence[level]
            },
            # what probabilities that are exactly right would show on as few texts
            "calibration_error_by_chance": {
                f"hs{level}": round(_by_chance(self.confidence[level]), 4)
                for level in LEVELS
                if self.confidence[level]
            },
            "confidence": {
                f"hs{level}": round(float(np.mean(self.confidence[level])), 4)
                for level in LEVELS
                if self.confidence[level]
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


def _by_chance(confidence: Sequence[float], draws: int = 200) -> float:
    """Mean expected calibration error of probabilities that are exactly right, on as many texts."""
    rng = np.random.default_rng(0)
    p = np.asarray(confidence)
    return float(np.mean([calibration_error(p, rng.random(len(p)) < p) for _ in range(draws)]))
