"""How vague a text is: too little in it to choose a code, measured, calibrated and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.evidence import Message
from customs.hs import HsCode
from hs_classifier.text import Goods, Refusal
from hs_classifier.vagueness.invented import Inventor
from hs_classifier.vagueness.knowledge import WordKnowledge, key
from hs_classifier.vagueness.lexicon import tokens
from hs_classifier.vagueness.questions import explain
from hs_classifier.vagueness.text import letters, numbers, plain, says_nothing

# Share of held-out clear names that may be refused; the promise is kept by counting, not by the model.
LEVEL = 0.033
_BINS = 10
_CHUNK = 4096
# Fewer clear names than this cannot show a share of one in thirty.
_LEAST = 200
_FOLDS, _HELD = 4, 0.15  # the share of names that calibrates
_C = 2.0
# Invented texts: so many vague ones at most, and a short clear one for every six of them.
_MADE, _SHORT = 30_000, 6
# A short list of a user's own vague texts is repeated, to be heard among the invented ones.
_OWN_SHARE = 0.5
_LENGTHS = (2, 3, 4, 6)  # words: one, two, three, four and five, more
# Above every logit, so that a text of nothing but empty words is vaguer than any other.
_SURE = 100.0


@dataclass
class VagueModel:
    """An additive model over numbers of a text and over its letters, with clear names to compare with.

    edges: (numbers, bins - 1) where the bins of each number begin.
    weights: of the bins, then of the hashed letters; bias.
    clear: scores of held-out clear names, ascending.
    level: share of such names that may be refused.
    """

    knowledge: WordKnowledge
    edges: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float32]
    bias: float
    clear: npt.NDArray[np.float64]
    level: float = LEVEL

    @classmethod
    def fit(
        cls,
        train_texts: Sequence[str],
        codes: Sequence[HsCode],
        official: Sequence[tuple[str, HsCode]] = (),
        *,
        seed: int,
        level: float = LEVEL,
        invented: int = _MADE,
        own: Sequence[str] = (),
    ) -> VagueModel:
        """Learn from clear names with their codes and from vague texts that are invented here.

        Names that share their first segment stay on one side of every split, because a later name is
        never a twin of an earlier one. `InvalidValue` if there are fewer than two hundred names.

        official: official wording of codes; a word that stands there names goods.
        own: vague texts that the user has seen; they make up half of the vague ones.
        """
        from sklearn.linear_model import LogisticRegression

        rng = np.random.default_rng(seed)
        texts = [plain(t) for t in train_texts]
        *folds, held = _parts(texts, rng)
        if len(texts) < _LEAST or len(held) < _LEAST // 10 or not all(folds):
            raise InvalidValue(
                f"{len(texts)} names are too few to tell vague from clear",
                field="data",
                remedy=f"give at least {_LEAST} names with their codes",
            )
        wording = [(plain(text), code) for text, code in official]

        def learn(rows: Sequence[int]) -> WordKnowledge:
            return WordKnowledge.learn([texts[i] for i in rows], [codes[i] for i in rows], wording)

        clear = [texts[i] for fold in folds for i in fold]
        inventor = Inventor(rng)
        n = min(invented, 3 * len(clear))
        short, vague = inventor.clear(n // _SHORT), inventor.vague(n)
        if own:
            vague[: int(n * _OWN_SHARE)] = [own[i] for i in rng.integers(len(own), size=int(n * _OWN_SHARE))]
        made = [plain(t) for t in short + vague]
        whole = learn([i for fold in folds for i in fold])
        # a name must be met as a new name will be: by what the other names know of its words
        others = [learn([i for o in folds if o is not fold for i in o]) for fold in folds]
        counted = [numbers([texts[i] for i in fold], k) for fold, k in zip(folds, others, strict=True)]
        table = np.vstack([*counted, numbers(made, whole)])
        inner = np.linspace(0, 1, _BINS + 1)[1:-1]
        edges = np.quantile(table, inner, axis=0).T  # (numbers, bins - 1)
        model = cls(whole, edges, np.zeros(0, np.float32), 0.0, np.zeros(0), level)
        y = np.r_[np.zeros(len(clear) + len(short)), np.ones(len(vague))]
        fit = LogisticRegression(C=_C, max_iter=300, tol=1e-3).fit(model._design(clear + made, table), y)
        model.weights, model.bias = fit.coef_[0].astype(np.float32), float(fit.intercept_[0])
        model.clear = np.sort(model.score([train_texts[i] for i in held]))
        return model

    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """(n,) higher = vaguer, in units of a logit.

        +inf for a text without letters; -100 for the official name of a code, and for a script that no
        word of which is known here: nothing can be said against it.
        """
        cleaned = [plain(t) for t in texts]
        found = np.array([-_SURE if any(c.isalpha() for c in t) else np.inf for t in cleaned], dtype=float)
        named = self.knowledge.names
        rows = [
            i for i, t in enumerate(cleaned) if tokens(t) and (key(t) not in named or says_nothing(texts[i]))
        ]
        for begin in range(0, len(rows), _CHUNK):
            part = rows[begin : begin + _CHUNK]
            asked = [cleaned[i] for i in part]
            logit = self._design(asked, numbers(asked, self.knowledge)) @ self.weights + self.bias
            empty = np.array([says_nothing(texts[i]) for i in part])
            # six decimals: the order must not hang on the order in which a sum was taken
            found[part] = np.where(empty, np.maximum(logit, 0.0) + _SURE, logit).round(6)
        return found

    def p_values(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """(n,) share of held-out clear names at least as vague (split conformal, the text counted in)."""
        return self._p(self.score(texts))

    def refusals(self, goods: Sequence[Goods]) -> list[Refusal | None]:
        """For each of the goods None, or why its text is too vague and what would help.

        A vague name with a description that is not vague is not vague: the clearer of the name and of
        both together counts.
        """
        p = self.p_values([g.name if g.name.strip() else g.description for g in goods])
        again = [i for i, g in enumerate(goods) if p[i] <= self.level and g.full != g.short]
        if again:
            p[again] = np.maximum(p[again], self.p_values([goods[i].full for i in again]))
        return [
            Refusal(*self.reasons(g.short)) if p_value <= self.level else None
            for g, p_value in zip(goods, p, strict=True)
        ]

    def clearest(self, goods: Goods) -> float:
        """The score that counts for goods: of the name, or of name and description where that is clearer."""
        texts = [goods.name if goods.name.strip() else goods.description]
        if goods.full != goods.short:
            texts.append(goods.full)
        return float(self.score(texts).min())

    def reasons(self, text: str) -> tuple[Message, tuple[Message, ...]]:
        """Which kind of vague a text is and at most three questions, the most useful first."""
        return explain(plain(text))

    def arrays(self) -> dict[str, npt.NDArray]:
        """What was learnt, as arrays for an artefact."""
        return {
            "edges": self.edges,
            "weights": self.weights,
            "bias": np.array([self.bias]),
            "clear": self.clear,
            **self.knowledge.arrays(),
        }

    def facts(self) -> dict[str, Any]:
        """The words and the level, as JSON for an artefact; the words fit a table column as well."""
        return {"level": self.level, "words": self.knowledge.words()}

    @classmethod
    def restore(cls, arrays: dict[str, npt.NDArray], facts: Mapping[str, Any]) -> VagueModel:
        """The inverse of `arrays` and `facts`."""
        knowledge = WordKnowledge.restore(facts["words"], arrays)
        rest = (arrays["edges"], arrays["weights"], float(arrays["bias"][0]), arrays["clear"])
        return cls(knowledge, *rest, level=float(facts["level"]))

    def _p(self, score: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        below = np.searchsorted(self.clear, score, side="left")
        return np.asarray((len(self.clear) - below + 1) / (len(self.clear) + 1))

    def _design(self, cleaned: Sequence[str], table: npt.NDArray[np.float64]) -> Any:
        """(n, columns) sparse: the bin of each number twice, then the letters.

        Once for all texts alike, once for texts with as many words: one unknown word of one is another
        matter than one of six.
        """
        from scipy.sparse import csr_matrix, hstack

        n, k = table.shape
        columns = np.empty((n, 2 * k), dtype=np.int64)
        for j in range(k):
            columns[:, j] = j * _BINS + np.searchsorted(self.edges[j], table[:, j], side="left")
        length = np.searchsorted(_LENGTHS, table[:, 1], side="right")
        columns[:, k:] = k * _BINS * (1 + length[:, None]) + columns[:, :k]
        ones, starts = np.ones(2 * n * k, np.float32), np.arange(0, 2 * n * k + 1, 2 * k)
        binned = csr_matrix((ones, columns.ravel(), starts), shape=(n, k * _BINS * (2 + len(_LENGTHS))))
        return hstack([binned, letters(cleaned)], format="csr")


def _parts(texts: Sequence[str], rng: np.random.Generator) -> list[list[int]]:
    """Rows in `_FOLDS` equal parts and one to calibrate on; equal texts once, equal heads together."""
    heads: dict[str, list[int]] = {}
    for i in dict(zip(reversed(texts), reversed(range(len(texts))), strict=True)).values():
        heads.setdefault(texts[i].split(";", 1)[0].strip(), []).append(i)
    parts: list[list[int]] = [[] for _ in range(_FOLDS + 1)]
    bounds = np.linspace(0, 1 - _HELD, _FOLDS + 1)[1:]
    for group, u in zip(heads.values(), rng.random(len(heads)), strict=True):
        parts[int(np.searchsorted(bounds, u, side="right"))].extend(group)
    return parts
