"""Codes for goods: all voices ranked and calibrated, with what supports each code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from customs.case import Photo
from customs.evidence import Alternative
from customs.hs import HsCode
from hs_classifier.calibration import SetRule, code_set
from hs_classifier.codes import LEVELS, Array, CodeTree
from hs_classifier.official.table import CodeTable
from hs_classifier.ranker import Ranker
from hs_classifier.retrieve import Near, nearest
from hs_classifier.text import Goods, Refusal, refuse, refuse_noise, words
from hs_classifier.vagueness.model import VagueModel
from hs_classifier.vagueness.questions import explain
from hs_classifier.vagueness.text import plain, says_nothing
from hs_classifier.voices import Candidates, Voices

if TYPE_CHECKING:
    from hs_classifier.model import HsConfig
    from hs_classifier.photo.voice import PhotoVoice

Voice = Literal["blend", "blstm", "bag", "retrieval"]
# Texts looked at together; bounds memory to about 256 × codes × 4 bytes × a score.
CHUNK = 256
# Below this cosine, with no word ever seen before, a text is noise to the model.
_NOISE = 0.15
_SHOWN_RULINGS = 5
_LOOKED_AT = 30


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the goods may be, or why nothing is suggested.

    levels: for 2, 4, 6 and 10 digits the likeliest codes, best first.
    codes: the conformal set; it holds the right code at the rate the model was calibrated for.
    rulings: the nearest precedents that have one of the suggested codes, nearest first.
    """

    levels: dict[int, tuple[Alternative, ...]] = field(default_factory=dict)
    codes: tuple[HsCode, ...] = ()
    rulings: tuple[Near, ...] = ()
    refused: Refusal | None = None


@dataclass
class Suggester:
    """Trained voices, how they are weighed, and what their probabilities are worth."""

    config: HsConfig
    voices: Voices
    ranker: Ranker | None  # None where one voice answers alone
    temperatures: dict[int, float]
    sets: SetRule
    vague: VagueModel | None = None
    table: CodeTable = field(default_factory=lambda: CodeTable(()))
    photos: PhotoVoice | None = None

    @property
    def tree(self) -> CodeTree:
        """The codes that can be suggested."""
        return self.voices.tree

    def __call__(
        self,
        texts: Sequence[str | Goods],
        top: int = 5,
        photos: Sequence[Sequence[Photo]] | None = None,
    ) -> list[Suggestion]:
        """One suggestion for each text, in order; a text that says too little is refused with questions.

        photos: of the goods of each text, where there are any; goods may have photos and no text.
        """
        goods = [Goods.of(t) if isinstance(t, str) else t for t in texts]
        shots = [()] * len(goods) if photos is None else photos
        answers: list[Suggestion] = []
        for begin in range(0, len(goods), CHUNK):
            part = slice(begin, begin + CHUNK)
            answers.extend(self._chunk(goods[part], shots[part], top))
        return answers

    def refusals(self, goods: Sequence[Goods]) -> list[Refusal | None]:
        """For each of the goods None, or why its text cannot be classified."""
        found = [self._unreadable(g) for g in goods]
        if self.vague is not None:
            rows = [i for i, refusal in enumerate(found) if refusal is None]
            for i, refusal in zip(rows, self.vague.refusals([goods[i] for i in rows]), strict=True):
                found[i] = refusal
        else:
            for i, g in enumerate(goods):
                if found[i] is None and says_nothing(g.full):
                    found[i] = Refusal(*explain(plain(g.full)))
        return found

    def leaf(self, goods: Sequence[Goods], voice: Voice | None = None) -> Array:
        """(goods, leaves) log-probabilities before calibration, of all voices or of one alone."""
        voice = voice or self.config.voice
        if voice == "blend":
            assert self.ranker is not None
            return self.ranker(self.voices.gather(goods))
        from hs_classifier.bag import bag_probabilities

        ask = {
            "blstm": self.voices.blstm,
            "retrieval": self.voices.retrieval,
            "bag": lambda texts: bag_probabilities(self.voices.bag, texts),
        }[voice]
        p = np.asarray(ask([g.short for g in goods]), dtype=np.float64)
        rows = [i for i, g in enumerate(goods) if g.described]
        if rows:
            p[rows] = 0.5 * p[rows] + 0.5 * ask([goods[i].full for i in rows])
        silent = p.sum(axis=1) == 0
        p[silent] = 1.0 / p.shape[1]
        return np.asarray(np.log(np.maximum(p, 1e-12)))

    def levels(self, goods: Sequence[Goods], voice: Voice | None = None) -> dict[int, Array]:
        """Calibrated (goods, nodes) log-probabilities at 2, 4, 6 and 10 digits."""
        return self.tree.sharpen(self.leaf(goods, voice), self.temperatures)

    def _unreadable(self, goods: Goods) -> Refusal | None:
        refusal = refuse(goods)
        if refusal is not None:
            return refusal
        known = self.voices.vocabulary
        text = goods.full
        if known is not None and any(w in known for w in words(text, self.config.max_tokens) if len(w) > 1):
            return None
        (_, similarity) = self.voices.index.neighbours([text], 1)[0]
        return None if len(similarity) and similarity[0] >= _NOISE else refuse_noise()

    def _chunk(self, goods: Sequence[Goods], photos: Sequence[Sequence[Photo]], top: int) -> list[Suggestion]:
        refused = self.refusals(goods)
        answers = [Suggestion(refused=refusal) for refusal in refused]
        seen = self._look(photos)
        readable = [i for i, refusal in enumerate(refused) if refusal is None]
        rows = sorted({*readable, *seen})
        if not rows:
            return answers
        leaf: Array = np.zeros((len(rows), len(self.tree)))
        gathered: Candidates | None = None
        place = {i: k for k, i in enumerate(readable)}
        if readable:
            asked = [goods[i] for i in readable]
            gathered = self.voices.gather(asked)
            read = self.ranker(gathered) if self.ranker is not None else self.leaf(asked)
        for k, i in enumerate(rows):
            if i in place:
                leaf[k] = read[place[i]]
            if i in seen and self.photos is not None:
                says = seen[i][None]
                known = i in place
                leaf[k] = (
                    self.photos.lift(leaf[k][None], says, self.tree)
                    if known
                    else self.photos.alone(says, self.tree)
                )[0]
        levels = self.tree.sharpen(leaf, self.temperatures)
        for k, i in enumerate(rows):
            best: dict[int, tuple[Alternative, ...]] = {
                level: _best(levels[level][k], self.tree.nodes[level], top) for level in LEVELS
            }
            rulings: tuple[Near, ...] = ()
            if gathered is not None and i in place:
                rulings = self._rulings(gathered, place[i], {a.hs for a in best[10]})
            answers[i] = Suggestion(best, code_set(levels, k, self.tree, self.sets.mass), rulings)
        return answers

    def _look(self, photos: Sequence[Sequence[Photo]]) -> dict[int, Array]:
        """Row to (codes,) log-probabilities of its photos, where they are like photos seen before."""
        rows = [i for i, shots in enumerate(photos) if len(shots)]
        if not rows or self.photos is None:
            return {}
        log_p, foreign = self.photos.look([photos[i] for i in rows])
        return {i: log_p[k] for k, i in enumerate(rows) if not foreign[k]}

    def _rulings(self, gathered: Candidates, row: int, likely: set[HsCode | None]) -> tuple[Near, ...]:
        index = self.voices.index
        found: dict[tuple[str, HsCode], Near] = {}
        for r, s in zip(*nearest(gathered.similarity, row, _LOOKED_AT), strict=True):
            precedent = index.precedents[r]
            if precedent.code in likely:
                found.setdefault((precedent.text, precedent.code), Near(precedent, min(float(s), 1.0)))
        return tuple(found.values())[:_SHOWN_RULINGS]


def _best(log_p: Array, nodes: Sequence[HsCode], top: int) -> tuple[Alternative, ...]:
    # six decimals, ties by code: a text ranks the same alone and in a batch
    p: npt.NDArray[np.float64] = np.exp(log_p).round(6)
    k = min(top, len(p))
    edge = np.partition(p, len(p) - k)[len(p) - k]
    near = np.flatnonzero(p >= edge)
    order = near[np.argsort(-p[near], kind="stable")][:k]
    return tuple(Alternative(hs=nodes[i], probability=min(float(p[i]), 1.0)) for i in order if p[i] > 0)
