"""What the training texts know of each word: how often it names goods, and how far it narrows the code."""

from __future__ import annotations

import itertools
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customs.hs import HsCode
from hs_classifier.vagueness.lexicon import stem, tokens

# A word seen in a single text may be a brand; two texts make it a word of the trade.
_COMMON = 2


@dataclass(frozen=True)
class WordKnowledge:
    """By term (stemmed word or pair): its texts, information on the heading in nats, official texts."""

    seen: dict[str, int]
    narrows: dict[str, float]
    official: dict[str, int]
    names: frozenset[int] = frozenset()  # keys of the official names of codes

    @classmethod
    def learn(
        cls, texts: Sequence[str], codes: Sequence[HsCode], official: Sequence[tuple[str, HsCode]] = ()
    ) -> WordKnowledge:
        """Count the words of cleaned texts and of the official wording.

        A word narrows the code by the Kullback-Leibler divergence of the headings of its texts from the
        headings of all texts, shrunk towards all texts by the weight of one text.
        """
        headings: dict[str, Counter[str]] = defaultdict(Counter)
        overall: Counter[str] = Counter()
        for text, code in zip(texts, codes, strict=True):
            overall[code.digits[:4]] += 1
            for word in terms(text):
                headings[word][code.digits[:4]] += 1
        total = sum(overall.values())
        narrows = {}
        headings = {w: c for w, c in headings.items() if " " not in w or c.total() >= _COMMON}
        for word, counted in headings.items():
            n = sum(counted.values())
            base = {h: overall[h] / total for h in counted}
            shares = {h: (c + base[h]) / (n + 1) for h, c in counted.items()}
            narrows[word] = sum(p * math.log(p / base[h]) for h, p in shares.items())
        seen = {word: sum(c.values()) for word, c in headings.items()}
        named = Counter(term for text, _ in official for term in terms(text))
        names = frozenset(key(part) for text, _ in official for part in text.split(";"))
        return cls(seen, narrows, dict(named), names)

    def common(self, word: str) -> bool:
        """Whether the stemmed word stands in more than one training text."""
        return self.seen.get(word, 0) >= _COMMON

    def arrays(self) -> dict[str, npt.NDArray]:
        """Counts and information of the words, in the order of `words`."""
        words = self.words()
        return {
            "word_seen": np.array([self.seen.get(w, 0) for w in words], dtype=np.int32),
            "word_narrows": np.array([self.narrows.get(w, 0.0) for w in words], dtype=np.float64),
            "word_official": np.array([self.official.get(w, 0) for w in words], dtype=np.int32),
            "official_names": np.array(sorted(self.names), dtype=np.uint32),
        }

    def words(self) -> list[str]:
        """All words, sorted."""
        return sorted(self.seen.keys() | self.official.keys())

    @classmethod
    def restore(cls, words: Sequence[str], arrays: dict[str, npt.NDArray]) -> WordKnowledge:
        """The inverse of `words` and `arrays`."""
        rows = zip(words, *(arrays[f"word_{k}"] for k in ("seen", "narrows", "official")), strict=True)
        table = [(w, int(s), float(n), int(o)) for w, s, n, o in rows]
        return cls(
            {w: s for w, s, _, _ in table if s},
            {w: n for w, s, n, _ in table if s},
            {w: o for w, _, _, o in table if o},
            frozenset(arrays["official_names"].tolist()),
        )


def key(name: str) -> int:
    """A number for a name, 32 bits, so that twenty thousand names are kept in little room."""
    return zlib.crc32(name.strip().encode())


def terms(text: str) -> set[str]:
    """The stemmed words of a text and its pairs of neighbouring words."""
    stems = [stem(w) for w in tokens(text)]
    return {*stems, *(f"{a} {b}" for a, b in itertools.pairwise(stems))}
