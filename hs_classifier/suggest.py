"""Codes for goods: the classifier and the nearest rulings, blended and calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from customs.evidence import Alternative
from customs.hs import HsCode
from hs_classifier.calibration import SetRule, code_set
from hs_classifier.codes import LEVELS, Array, CodeTree
from hs_classifier.retrieve import Near, RulingIndex, votes
from hs_classifier.text import Goods, Refusal, refuse, refuse_noise, words

if TYPE_CHECKING:
    from hs_classifier.embed import Vocabulary
    from hs_classifier.model import BlstmClassifier, HsConfig

Voice = Literal["blend", "blstm", "retrieval"]
# Texts looked at together; bounds memory to about 256 × codes × 8 bytes × a few.
CHUNK = 256
# Below this cosine, with no word ever seen before, a text is noise to the model.
_NOISE = 0.15
_SHOWN_RULINGS = 5


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
    """A trained classifier and index over one tree of codes."""

    config: HsConfig
    tree: CodeTree
    vocabulary: Vocabulary
    network: BlstmClassifier
    index: RulingIndex
    weight: float  # of the BLSTM in the blend
    temperatures: dict[int, float]
    sets: SetRule
    device: str = "cpu"

    def __post_init__(self) -> None:
        found = [self.tree.find(p.code) for p in self.index.precedents]
        if any(leaf is None for leaf in found):
            raise AssertionError("every precedent has a code of the tree")
        self._leaf_of: npt.NDArray[np.int64] = np.array(found, dtype=np.int64)

    def __call__(self, texts: Sequence[str | Goods], top: int = 5) -> list[Suggestion]:
        """One suggestion for each text, in order; a text without words is refused with questions."""
        goods = [Goods(t) if isinstance(t, str) else t for t in texts]
        answers: list[Suggestion] = []
        for begin in range(0, len(goods), CHUNK):
            answers.extend(self._chunk(goods[begin : begin + CHUNK], top))
        return answers

    def refusals(self, goods: Sequence[Goods]) -> list[Refusal | None]:
        """For each of the goods None, or why its text cannot be read."""
        return [self._refusal(g) for g in goods]

    def leaf(self, goods: Sequence[Goods], voice: Voice = "blend") -> Array:
        """(goods, leaves) log-probabilities before calibration, of the blend or of one part alone.

        With a description, the name alone and the name with its description are asked and averaged.
        """
        short, full = [g.short for g in goods], [g.full for g in goods]
        long = [i for i, g in enumerate(goods) if short[i] != full[i]]
        p = self._leaf(short, voice)
        if long:
            p[long] = 0.5 * p[long] + 0.5 * self._leaf([full[i] for i in long], voice)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(p))

    def levels(self, goods: Sequence[Goods], voice: Voice = "blend") -> dict[int, Array]:
        """Calibrated (goods, nodes) log-probabilities at 2, 4, 6 and 10 digits."""
        return self.tree.sharpen(self.leaf(goods, voice), self.temperatures)

    def _leaf(self, cleaned: Sequence[str], voice: Voice) -> Array:
        weight = {"blend": self.weight, "blstm": 1.0, "retrieval": 0.0}[voice]
        p: Array = np.zeros((len(cleaned), len(self.tree)))
        silent = np.ones(len(cleaned), dtype=bool)
        if weight < 1:
            near = self.index.neighbours(cleaned, self.config.neighbours)
            p = votes(near, self._leaf_of, self.tree, self.config.power)
            silent = p.sum(axis=1) == 0
        if weight == 0:
            p[silent] = 1.0 / len(self.tree)
            return p
        share = np.where(silent, 1.0, weight)[:, None]
        return np.asarray(share * self._network(cleaned) + (1.0 - share) * p)

    def _network(self, cleaned: Sequence[str]) -> Array:
        from hs_classifier.network import log_probabilities

        tokens = [words(text, self.config.max_tokens) for text in cleaned]
        return np.exp(log_probabilities(self.network, self.vocabulary, tokens, self.device))

    def _refusal(self, goods: Goods) -> Refusal | None:
        refusal = refuse(goods)
        if refusal is not None:
            return refusal
        text = goods.full
        if any(word in self.vocabulary for word in words(text, self.config.max_tokens) if len(word) > 1):
            return None
        (_, similarity) = self.index.neighbours([text], 1)[0]
        return None if len(similarity) and similarity[0] >= _NOISE else refuse_noise()

    def _chunk(self, goods: Sequence[Goods], top: int) -> list[Suggestion]:
        refused = self.refusals(goods)
        answers = [Suggestion(refused=refusal) for refusal in refused]
        rows = [i for i, refusal in enumerate(refused) if refusal is None]
        if not rows:
            return answers
        asked = [goods[i] for i in rows]
        levels = self.levels(asked)
        near = self.index.neighbours([g.full for g in asked], self.config.neighbours)
        for k, i in enumerate(rows):
            best: dict[int, tuple[Alternative, ...]] = {
                level: _best(levels[level][k], self.tree.nodes[level], top) for level in LEVELS
            }
            likely = {a.hs for a in best[10]}
            precedents = ((self.index.precedents[r], float(s)) for r, s in zip(*near[k], strict=True))
            rulings = [Near(p, min(s, 1.0)) for p, s in precedents if p.code in likely]
            answers[i] = Suggestion(
                best, code_set(levels, k, self.tree, self.sets.mass), tuple(rulings[:_SHOWN_RULINGS])
            )
        return answers


def _best(log_p: Array, nodes: Sequence[HsCode], top: int) -> tuple[Alternative, ...]:
    # six decimals, ties by code: a text ranks the same alone and in a batch
    p = np.exp(log_p).round(6)
    order = np.argsort(-p, kind="stable")[:top]
    return tuple(Alternative(hs=nodes[i], probability=min(float(p[i]), 1.0)) for i in order if p[i] > 0)
