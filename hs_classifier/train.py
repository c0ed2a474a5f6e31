"""Training: read texts, hold some out, fit the voices, learn to weigh them, calibrate, write the artefact."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from customs.artefact import fingerprint_of
from customs.calibrate import Conformal
from customs.config import load_config
from customs.errors import InvalidConfig
from customs.hs import HsCode
from customs.progress import Progress, silent
from hs_classifier.bag import BagClassifier, Lesson, fit_bag
from hs_classifier.calibration import Ladder, SetRule, fit_temperatures
from hs_classifier.checks import JOINT, PHOTO, TEXT, VAGUE, oddness, photo_oddness
from hs_classifier.codes import LEVELS, CodeTree
from hs_classifier.data import Corpus, Sample, Split, read_corpus, split
from hs_classifier.embed import Vocabulary, train_vectors
from hs_classifier.model import BlstmClassifier, HsConfig
from hs_classifier.network import fit_network
from hs_classifier.ranker import Ranker
from hs_classifier.retrieve import Precedent, RulingIndex
from hs_classifier.scorer import HsScorer
from hs_classifier.suggest import CHUNK, Suggester
from hs_classifier.terms import Term, TermIndex, read_glossary
from hs_classifier.text import Goods, words
from hs_classifier.vagueness.model import VagueModel
from hs_classifier.voices import Candidates, Voices

if TYPE_CHECKING:
    from hs_classifier.photo.voice import PhotoVoice
    from hs_classifier.transformer import TransformerBranch

CONFIGS = Path(__file__).with_name("configs")
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
# Full rulings from which on they alone set temperatures and sets; texts looked at for those, at most.
_FULL, _ENOUGH = 100, 2000
# Names and codes from which on vague is told from clear by counting.
_VAGUE_FROM, _VAGUE_CODES = 2000, 200
# Photos from which on they are learned from.
_PHOTOS_FROM = 40
# How much an official wording, and a trade word, counts beside a ruling when words are learned.
_WORDING, _TERM = 0.5, 0.3
# Names with descriptions are few; together they count up to this share of the texts that weigh the voices.
_DESCRIBED = 0.25
# A description counts at most this often.
_MOST = 10.0


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
    photos: Sequence[Path] = (),
    vague: Path | None = None,
) -> dict[str, Any]:
    """Train on files of rulings or worlds and write the artefact `out`; answers with the figures.

    vague: texts that the user found too vague, one a line, beside those that are invented here.
    photos: folders or lists of photos with codes; a world brings its own.

    nomenclature: official tables of codes whose wording joins the training texts, so that codes
        without a ruling can be suggested.
    """
    chosen = load_config(HsConfig, CONFIGS, config, overrides)
    corpus = read_corpus(data, nomenclature, progress, photos=photos, vague=vague)
    scorer, figures = fit(corpus, chosen, seed=seed, device=device, progress=progress)
    tables = (
        [] if nomenclature is None else [nomenclature] if isinstance(nomenclature, Path) else [*nomenclature]
    )
    scorer.data_fingerprint = fingerprint_of([*data, *tables, *photos, *([vague] if vague else [])])
    scorer.save(out)
    return figures


def fit(
    corpus: Corpus, config: HsConfig, *, seed: int = 0, device: str = "cpu", progress: Progress = silent
) -> tuple[HsScorer, dict[str, Any]]:
    """Train and calibrate in memory; answers with the scorer and the figures of the held-out texts."""
    for name in ("level_weights", "bag_level_weights"):
        weights = getattr(config, name)
        if len(weights) != len(LEVELS) or sum(weights) <= 0:
            raise InvalidConfig(
                f"got {weights}", field=f"config.{name}", remedy="give four weights, for 2, 4, 6, 10"
            )
    begun = time.monotonic()
    samples = corpus.samples
    parts = split(samples, share=config.holdout, seed=seed)
    tree = CodeTree(s.code for s in samples)
    learned = [samples[i] for i in parts.train]
    terms = read_glossary() if config.use_glossary else ()
    progress("indexing texts", 0, 1)
    index, rows_of = _index(samples)
    progress("indexing texts", 1, 1)
    described = [s.goods.described for s in samples if s.goods.described]

    def read_words(taught: Sequence[Sample]) -> BagClassifier:
        lessons = _lessons(taught, terms, tree)
        return fit_bag(lessons, tree, config, seed=seed, descriptions=described, progress=progress)

    bag = read_words(learned)
    vocabulary, network = _blstm(learned, tree, config, seed, device, progress)
    voices = Voices(
        config=config,
        tree=tree,
        index=index,
        bag=bag,
        terms=TermIndex.build(terms, (s.goods.full for s in samples), tree),
        vocabulary=vocabulary,
        network=network,
        transformer=_transformer(learned, tree, config, seed, device, progress),
        device=device,
    )
    suggester = Suggester(
        config=config,
        voices=voices,
        ranker=None,
        temperatures=dict.fromkeys(LEVELS, 1.0),
        sets=SetRule(1.0, config.coverage),
        vague=_vague(samples, corpus.vague, seed),
        table=corpus.table,
    )
    held = [samples[i] for i in parts.held]
    leaf = _weigh(suggester, held, parts, rows_of, seed, progress)
    truth = [s.code for s in held]
    conformal = _calibrate(suggester, leaf, held, seed, progress)
    figures = {
        "texts_trained": len(learned),
        "texts_held_out": len(held),
        "codes": len(tree),
        "glossary_terms": len(voices.terms.terms),
        **corpus.left_out,
        **{f"held_out.hs{level}.top1": round(v, 4) for level, v in hits(leaf, truth, tree, 1).items()},
        "set_mass": suggester.sets.mass,
    }
    if all(s.source != "declared" for s in samples):
        # what was held out teaches too, once nothing is measured on it any more
        voices.bag = read_words(samples)
    conformals = {TEXT: conformal}
    if suggester.vague is not None:
        clear = suggester.vague.clear[np.isfinite(suggester.vague.clear)]
        conformals[VAGUE] = Conformal.fit(clear, [("all",)] * len(clear))
    suggester.photos, judged, told = _photos(corpus, suggester, seed, device, progress)
    conformals.update(judged)
    figures.update(told)
    seconds = round(time.monotonic() - begun, 1)
    # the same training writes the same bytes
    return HsScorer(suggester, conformals, figures=figures), {**figures, "seconds": seconds}


def _index(samples: Sequence[Sample]) -> tuple[RulingIndex, list[list[int]]]:
    """All texts as precedents, names and descriptions apart; and the rows of each sample."""
    precedents: list[Precedent] = []
    cleaned: list[str] = []
    descriptions: list[int] = []
    rows_of: list[list[int]] = []
    for s in samples:
        precedent = Precedent((s.goods.name.strip() or s.goods.short)[:300], s.code, s.source)
        rows_of.append([len(precedents)])
        precedents.append(precedent)
        cleaned.append(s.goods.short)
        if s.goods.described:
            rows_of[-1].append(len(precedents))
            descriptions.append(len(precedents))
            precedents.append(precedent)
            cleaned.append(s.goods.described)
    return RulingIndex.build(precedents, cleaned, descriptions), rows_of


def _lessons(samples: Sequence[Sample], terms: Sequence[Term], tree: CodeTree) -> list[Lesson]:
    """What the bag of words learns from: names, names with descriptions, wordings and trade words."""
    lessons = []
    for s in samples:
        leaf = tree.find(s.code)
        assert leaf is not None
        weight = _WORDING if s.source == "wording" else 1.0
        for text in dict.fromkeys((s.goods.short, s.goods.full)):
            lessons.append(Lesson(text, leaf, weight=weight))
    for term in terms:
        node = tree.find(term.code)
        if node is not None:
            level = term.code.level
            first = int(tree.starts[level][node])
            lessons.append(Lesson(term.text, first, level=level, weight=_TERM))
    return lessons


def _blstm(
    samples: Sequence[Sample],
    tree: CodeTree,
    config: HsConfig,
    seed: int,
    device: str,
    progress: Progress,
) -> tuple[Vocabulary | None, BlstmClassifier | None]:
    if not config.asks_blstm:
        return None, None
    tokens, targets = [], []
    for s in samples:
        for text in dict.fromkeys((s.goods.short, s.goods.full)):
            tokens.append(words(text, config.max_tokens))
            targets.append(tree.find(s.code))
    progress("learning word vectors", 0, 1)
    vocabulary, table = train_vectors(tokens, config, seed=seed)
    progress("learning word vectors", 1, 1)
    network = fit_network(
        tokens,
        np.array(targets, dtype=np.int64),
        tree,
        vocabulary,
        table,
        config,
        seed=seed,
        device=device,
        progress=progress,
    )
    return vocabulary, network


def _transformer(
    samples: Sequence[Sample],
    tree: CodeTree,
    config: HsConfig,
    seed: int,
    device: str,
    progress: Progress,
) -> TransformerBranch | None:
    if config.transformer is None:
        return None
    from hs_classifier.encoder import TransformerConfig
    from hs_classifier.transformer import TransformerBranch

    targets = np.array([tree.find(s.code) for s in samples], dtype=np.int64)
    return TransformerBranch.fit(
        [s.goods.full for s in samples],
        targets,
        tree,
        TransformerConfig(name_or_path=config.transformer),
        seed=seed,
        device=device,
        progress=progress,
    )


def _vague(samples: Sequence[Sample], own: Sequence[str], seed: int) -> VagueModel | None:
    """None where too few names of too few codes would teach what clear names look like."""
    rulings = [s for s in samples if s.source == "ruling"]
    if len(rulings) < _VAGUE_FROM or len({s.code for s in rulings}) < _VAGUE_CODES:
        return None
    official = [(s.goods.short, s.code) for s in samples if s.source == "wording"]
    names, codes = [s.goods.short for s in rulings], [s.code for s in rulings]
    return VagueModel.fit(names, codes, official, seed=seed, own=own)


def _weigh(
    suggester: Suggester,
    held: Sequence[Sample],
    parts: Split,
    rows_of: Sequence[Sequence[int]],
    seed: int,
    progress: Progress,
) -> Floats:
    """Learn to weigh the voices on held-out texts; answers with (held, leaves) log-probabilities.

    Each text is judged by trees that were fitted without it and without its group (cross-fitting), and no
    text sees a precedent of its own group. The trees that are kept learn from all of them.
    """
    tree, config, goods = suggester.tree, suggester.config, [s.goods for s in held]
    if config.voice != "blend":
        parts_ = [suggester.leaf(goods[b : b + CHUNK]) for b in range(0, len(goods), CHUNK)]
        return np.concatenate([part.astype(np.float32) for part in parts_])
    group = [parts.group[i] for i in parts.held]
    rows_of_group: dict[int, list[int]] = {}
    for i, g in zip(parts.held, group, strict=True):
        rows_of_group.setdefault(g, []).extend(rows_of[i])
    # as declared: with its description where it has one; and once more by name alone
    asked = [*goods, *(Goods(g.name) for g in goods if g.described)]
    whose = np.r_[np.arange(len(goods)), [i for i, g in enumerate(goods) if g.described]].astype(np.int64)
    unseen = [np.array(rows_of_group[group[i]], dtype=np.int64) for i in whose]
    found = [tree.find(s.code) for s in held]
    truth = np.array([-1 if leaf is None else leaf for leaf in found], dtype=np.int64)[whose]
    described = np.array([bool(g.described) for g in asked])
    boost = _DESCRIBED / (1 - _DESCRIBED) * (~described).sum() / max(described.sum(), 1)
    weight = np.where(described, np.clip(boost, 1.0, _MOST), 1.0)
    fold_of = {g: k for k, g in enumerate(np.random.default_rng(seed).permutation(sorted(set(group))))}
    fold = np.array([fold_of[group[i]] % config.folds for i in whose])
    chunks: list[tuple[Ids, Candidates]] = []
    for k in range(config.folds):
        members = np.flatnonzero(fold == k)
        for begin in range(0, len(members), CHUNK):
            rows = members[begin : begin + CHUNK]
            chunks.append(
                (rows, suggester.voices.gather([asked[i] for i in rows], [unseen[i] for i in rows]))
            )
            progress("asking the voices", sum(len(r) for r, _ in chunks), len(asked))
    leaf: Floats = np.zeros((len(goods), len(tree)), dtype=np.float32)
    for k in range(config.folds + 1):
        learn = [(r, c) for r, c in chunks if fold[r[0]] != k]
        judge = [(r, c) for r, c in chunks if fold[r[0]] == k]
        if not learn or not (judge or k == config.folds):
            continue
        ranker = Ranker.fit(
            [c for _, c in learn],
            [truth[r] for r, _ in learn],
            [weight[r] for r, _ in learn],
            rounds=config.rounds,
            models=config.rankers,
            seed=seed,
        )
        for rows, candidates in judge:
            answer = ranker(candidates)
            own = rows < len(goods)
            leaf[rows[own]] = answer[own]
        suggester.ranker = ranker
        progress("weighing the voices", k + 1, config.folds + 1)
    return leaf


def _calibrate(
    suggester: Suggester, leaf: Floats, held: Sequence[Sample], seed: int, progress: Progress
) -> Conformal:
    """Fit temperatures, the set rule and the conformal scores of `hs.text` on the held-out texts.

    Full rulings, those with descriptions, are what new cases look like; where there are enough of them,
    temperatures and sets are fitted on them alone, because bare names of long ago are easier.
    """
    tree = suggester.tree
    full = [i for i, s in enumerate(held) if s.goods.described]
    rows = np.array(full if len(full) >= _FULL else range(len(held)), dtype=np.int64)
    if len(rows) > _ENOUGH:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _ENOUGH, replace=False))
    suggester.temperatures = fit_temperatures(
        leaf[rows].astype(np.float64), [held[i].code for i in rows], tree
    )
    wanted = set(rows.tolist())
    scores: list[float] = []
    chains: list[tuple[str, ...]] = []
    ladders: list[Ladder] = []
    for begin in range(0, len(held), CHUNK):
        levels = tree.sharpen(leaf[begin : begin + CHUNK].astype(np.float64), suggester.temperatures)
        for i, s in enumerate(held[begin : begin + CHUNK]):
            odd = oddness(levels, i, s.code, tree)
            if odd is not None:
                scores.append(odd.score)
                chains.append(s.code.backoff())
            if begin + i in wanted:
                ladders.append(Ladder.of(levels, i, tree))
        progress("calibrating", min(begin + CHUNK, len(held)), len(held))
    suggester.sets = SetRule.fit(ladders, [held[i].code for i in rows], suggester.config.coverage)
    return Conformal.fit(scores, chains)


def _photos(
    corpus: Corpus, suggester: Suggester, seed: int, device: str, progress: Progress
) -> tuple[PhotoVoice | None, dict[str, Conformal], dict[str, Any]]:
    """Train on the photos, and calibrate `hs.photo` and `hs.joint` on those held out."""
    samples = corpus.photos
    if not suggester.config.use_photos or len({s.code for s in samples}) < 2 or len(samples) < _PHOTOS_FROM:
        return None, {}, {"photos": len(samples)}
    from hs_classifier.photo.branch import PhotoBranch
    from hs_classifier.photo.voice import PhotoVoice, normalised

    branch = PhotoBranch.fit(samples, seed=seed, device=device, progress=progress)
    voice, held = PhotoVoice(branch), branch.held
    assert held is not None
    log_p = normalised(held.log_probabilities)
    named = [(k, i) for k, i in enumerate(held.rows) if samples[i].goods is not None]
    texts = _read_photo_texts(suggester, voice, [samples[i].goods or Goods("") for _, i in named], progress)
    truth = np.array([voice.codes.index(samples[i].code) for i in held.rows], dtype=np.int64)
    tuned = [j for j, (k, _) in enumerate(named) if held.tuned[k]]
    if tuned:
        rows = np.array([named[j][0] for j in tuned])
        voice.tune(texts[tuned], log_p[rows], truth[rows])
    scores: dict[str, list[float]] = {PHOTO: [], JOINT: []}
    chains: dict[str, list[tuple[str, ...]]] = {PHOTO: [], JOINT: []}

    def judge(check: str, says: npt.NDArray[np.float64], i: int) -> None:
        odd = photo_oddness(says, samples[i].code, voice)
        if odd is not None:
            scores[check].append(odd.score)
            chains[check].append(samples[i].code.backoff())

    for k, i in enumerate(held.rows):
        if not held.tuned[k]:
            judge(PHOTO, log_p[k], int(i))
    for j, (k, i) in enumerate(named):
        if not held.tuned[k]:
            judge(JOINT, voice.pool(texts[j][None], log_p[k][None])[0], int(i))
    conformals = {c: Conformal.fit(values, chains[c]) for c, values in scores.items() if values}
    return voice, conformals, {"photos": len(samples), "photo_weight": voice.weight, **branch.figures}


def _read_photo_texts(
    suggester: Suggester, voice: PhotoVoice, goods: Sequence[Goods], progress: Progress
) -> npt.NDArray[np.float64]:
    """(goods, photo codes) log-probabilities of the texts that came with photos."""
    found = np.zeros((len(goods), len(voice.codes)))
    for begin in range(0, len(goods), CHUNK):
        part = goods[begin : begin + CHUNK]
        levels = suggester.levels(part)
        for k in range(len(part)):
            found[begin + k] = voice.read(levels, k, suggester.tree)
        progress("reading texts of photos", begin + len(part), len(goods))
    return found


def hits(log_p: npt.NDArray[Any], truth: Sequence[HsCode], tree: CodeTree, top: int) -> dict[int, float]:
    """Share of texts whose true code is among the `top` likeliest, at 4, 6 and 10 digits.

    log_p: (texts, leaves).
    """
    found: dict[int, float] = dict.fromkeys(LEVELS[1:], 0.0)
    for begin in range(0, len(truth), CHUNK):
        rolled = tree.roll_up(log_p[begin : begin + CHUNK].astype(np.float64))
        part = truth[begin : begin + CHUNK]
        for level in LEVELS[1:]:
            best = np.argsort(-rolled[level], axis=1, kind="stable")[:, :top]
            index = [tree.find(code.at(level)) if code.level >= level else None for code in part]
            nodes = np.array([-1 if node is None else node for node in index])
            found[level] += float((best == nodes[:, None]).any(axis=1).sum()) / len(truth)
    return found
