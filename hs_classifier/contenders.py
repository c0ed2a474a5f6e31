"""One contender of the bench in a process of its own, so that nobody's memory hides another's.

    python -m hs_classifier.contenders FOLDER NAME

FOLDER holds what `write_folder` wrote; the answer goes into FOLDER/NAME.json. Every contender is shown the
same texts, learns in its own way and names a heading and a subheading for the same questions.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.apart import peak_bytes
from customs.errors import CustomsError
from customs.hs import HsCode
from hs_classifier.data import Corpus, Sample
from hs_classifier.text import Goods

OURS, ASKING = "portcullis", "portcullis asking"
NEIGHBOUR, LINEAR, SENTENCES = "TF-IDF neighbour", "linear SGD", "sentence-transformers"
NAMES = (OURS, NEIGHBOUR, LINEAR, SENTENCES)
_NEIGHBOURS, _POWER = 30, 3.0
# Questions one by one, after some that do not count; and sizes of the peers, as their users choose them.
_ONE_BY_ONE, _WARM = 200, 20
_TERMS = 50_000
_SENTENCE_TOKENS, _SENTENCE_VOCABULARY = 128, 30_000
# At 4 and 6 digits; None where a contender refuses or does not go so deep.
Answer = tuple[str | None, str | None]
Answerer = Callable[[Sequence[Goods]], list[Answer]]


@dataclass(frozen=True)
class Plan:
    """What every contender is given: seed and threads of all of them, `key=value` over our configuration."""

    seed: int = 0
    threads: int = 1
    overrides: Mapping[str, str] = dataclasses.field(default_factory=dict)


def write_folder(folder: Path, shown: Sequence[Sample], asked: Sequence[Sample], plan: Plan) -> None:
    """Keep texts to learn from, questions and plan for the contenders."""
    for name, samples in (("shown", shown), ("asked", asked)):
        rows = [[s.goods.name, s.goods.description, s.code.digits, s.source] for s in samples]
        (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "plan.json").write_text(json.dumps(dataclasses.asdict(plan)), encoding="utf-8")


def read_samples(folder: Path, name: str) -> list[Sample]:
    """What `write_folder` kept as `shown` or `asked`."""
    rows = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return [Sample(Goods(text, more), HsCode(digits), source) for text, more, digits, source in rows]


def _plan(folder: Path) -> Plan:
    return Plan(**json.loads((folder / "plan.json").read_text(encoding="utf-8")))


# -- ours ------------------------------------------------------------------------------------------


def _ours(folder: Path) -> dict[str, Any]:
    """Train the default configuration and write its artefact; it is asked in another process, as in use."""
    from customs.config import load_config
    from hs_classifier.model import HsConfig
    from hs_classifier.train import CONFIGS, fit

    plan = _plan(folder)
    config = load_config(HsConfig, CONFIGS, "default", plan.overrides)
    corpus = Corpus(tuple(read_samples(folder, "shown")), {})
    (scorer, _), seconds = _timed(lambda: fit(corpus, config, seed=plan.seed))
    scorer.save(folder / "model")
    size = sum(path.stat().st_size for path in (folder / "model").iterdir())
    return {
        "settings": "configuration default" + "".join(f", {k}={v}" for k, v in plan.overrides.items()),
        "fit_seconds": seconds,
        "peak_mb": peak_bytes() / 2**20,
        "artefact_mb": size / 2**20,
    }


def _ours_asking(folder: Path) -> dict[str, Any]:
    from hs_classifier.scorer import HsScorer

    scorer, seconds = _timed(lambda: HsScorer.load(folder / "model"))

    def answer(goods: Sequence[Goods]) -> list[Answer]:
        found: list[Answer] = []
        for suggestion in scorer.suggest(goods):
            best = [suggestion.levels[n][0].hs if suggestion.levels.get(n) else None for n in (4, 6)]
            found.append((best[0].digits if best[0] else None, best[1].digits if best[1] else None))
        return found

    figures = _asked(answer, read_samples(folder, "asked"))
    return {"load_seconds": seconds, **figures, "asking_mb": peak_bytes() / 2**20}


# -- theirs ----------------------------------------------------------------------------------------


def _peer(folder: Path, name: str) -> dict[str, Any]:
    """Learn and be asked in one process: none of them has files of its own that are safe to read."""
    shown = read_samples(folder, "shown")
    learn = {NEIGHBOUR: _neighbour, LINEAR: _linear, SENTENCES: _sentences}[name]
    (answer, settings), seconds = _timed(lambda: learn(shown, folder, _plan(folder)))
    figures = _asked(answer, read_samples(folder, "asked"))
    peak = peak_bytes() / 2**20
    return {"settings": settings, "fit_seconds": seconds, **figures, "peak_mb": peak}


def _neighbour(shown: Sequence[Sample], folder: Path, plan: Plan) -> tuple[Answerer, str]:
    """Character and word TF-IDF, brute force over all texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.neighbors import NearestNeighbors
    from sklearn.pipeline import make_union

    reader = make_union(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)), TfidfVectorizer())
    index = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(shown)), metric="cosine", n_jobs=plan.threads)
    index.fit(reader.fit_transform([s.goods.full for s in shown]))
    codes = [s.code.digits for s in shown]

    def answer(goods: Sequence[Goods]) -> list[Answer]:
        distance, rows = index.kneighbors(reader.transform([g.full for g in goods]))
        return [_vote(codes, near, 1.0 - far) for near, far in zip(rows, distance, strict=True)]

    return answer, f"characters 2-5 and words, {_NEIGHBOURS} neighbours, similarity cubed"


def _linear(shown: Sequence[Sample], folder: Path, plan: Plan) -> tuple[Answerer, str]:
    """One linear model for each heading; for each of ten thousand codes it would not fit into memory."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import SGDClassifier

    reader = TfidfVectorizer(max_features=_TERMS)
    model = SGDClassifier(random_state=plan.seed, n_jobs=plan.threads)
    model.fit(reader.fit_transform([s.goods.full for s in shown]), [s.code.digits[:4] for s in shown])
    # by column, or the library copies all weights for every single text
    model.coef_ = np.asfortranarray(model.coef_)

    def answer(goods: Sequence[Goods]) -> list[Answer]:
        return [(str(hs4), None) for hs4 in model.predict(reader.transform([g.full for g in goods]))]

    return answer, f"words, at most {_TERMS:,}; headings only"


def _sentences(shown: Sequence[Sample], folder: Path, plan: Plan) -> tuple[Answerer, str]:
    """Sentence vectors of an encoder of MiniLM-L6's shape with random weights, then all cosines."""
    model = _sentence_model([s.goods.full for s in shown], folder / "encoder", plan.seed)
    codes = [s.code.digits for s in shown]

    def encode(texts: list[str]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = model.encode(
            texts, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True, device="cpu"
        )
        return found

    known = encode([s.goods.full for s in shown])  # (texts, 384)
    k = min(_NEIGHBOURS, len(shown))

    def answer(goods: Sequence[Goods]) -> list[Answer]:
        found: list[Answer] = []
        for begin in range(0, len(goods), 256):
            cosine = encode([g.full for g in goods[begin : begin + 256]]) @ known.T  # (256, texts)
            near = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
            found += [_vote(codes, row, values[row]) for row, values in zip(near, cosine, strict=True)]
        return found

    return answer, "6 layers x 384, random weights (speed only), 30 neighbours"


def _sentence_model(texts: Sequence[str], path: Path, seed: int) -> Any:
    """The library's pipeline over a folder made here: nothing is fetched."""
    import torch
    from transformers import PreTrainedTokenizerFast

    from hs_classifier.encoder import TransformerConfig, make_encoder, quiet

    shape = TransformerConfig(
        vocabulary=_SENTENCE_VOCABULARY, width=384, layers=6, heads=12, max_tokens=_SENTENCE_TOKENS
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder, tokenizer, _ = make_encoder(texts, shape)
    library = importlib.import_module("sentence_transformers")
    parts = importlib.import_module("sentence_transformers.sentence_transformer.modules")
    with quiet():
        encoder.save_pretrained(path)  # type: ignore[operator]
        special = {"pad_token": "[PAD]"}
        reader = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, model_max_length=_SENTENCE_TOKENS, **special
        )
        reader.save_pretrained(path)
        return library.SentenceTransformer(
            modules=[parts.Transformer(str(path)), parts.Pooling(shape.width)], device="cpu"
        )


def _vote(codes: Sequence[str], near: Sequence[int], similarity: npt.NDArray[Any]) -> Answer:
    """The heading and the subheading with most of the neighbours' cubed similarity."""
    best = []
    for digits in (4, 6):
        weight: dict[str, float] = {}
        for row, value in zip(near, similarity, strict=True):
            prefix = codes[row][:digits]
            weight[prefix] = weight.get(prefix, 0.0) + max(float(value), 0.0) ** _POWER
        best.append(max(weight, key=lambda prefix: weight[prefix]))
    return best[0], best[1]


# -- measuring -------------------------------------------------------------------------------------


def _asked(answer: Answerer, asked: Sequence[Sample]) -> dict[str, Any]:
    """Questions one by one, then all at once, and how many of the answers are right."""
    goods = [s.goods for s in asked]
    for i in range(_WARM):
        answer([goods[-1 - i % len(goods)]])
    one = [_timed(partial(answer, [goods[i % len(goods)]]))[1] for i in range(_ONE_BY_ONE)]
    found, seconds = _timed(lambda: answer(goods))
    truth = [(s.code.digits[:4], s.code.digits[:6]) for s in asked]
    right = np.mean([(a[0] == t[0], a[1] == t[1]) for a, t in zip(found, truth, strict=True)], axis=0)
    return {
        "one_ms": {"p50": 1000 * float(np.quantile(one, 0.5)), "p95": 1000 * float(np.quantile(one, 0.95))},
        "per_second": len(goods) / seconds,
        "answered": float(np.mean([a[0] is not None for a in found])),
        "hs4_top1": float(right[0]),
        "hs6_top1": float(right[1]) if any(a[1] is not None for a in found) else None,
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    done = work()
    return done, max(time.perf_counter() - begun, 1e-9)


def measure(folder: Path, name: str) -> dict[str, Any]:
    """Run one contender in this process."""
    ours = {OURS: _ours, ASKING: _ours_asking}
    return ours[name](folder) if name in ours else _peer(folder, name)


def main(folder: str, name: str) -> None:
    """Run one contender and write its answer, or what is wrong with the user's input."""
    try:
        found = measure(Path(folder), name)
    except CustomsError as error:
        found = {"problems": [dataclasses.asdict(problem) for problem in error.problems]}
    (Path(folder) / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
