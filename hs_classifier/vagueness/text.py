"""What can be counted in a text: the numbers and letters that tell a vague one from a clear one."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hs_classifier.text import clean
from hs_classifier.vagueness.knowledge import WordKnowledge
from hs_classifier.vagueness.lexicon import Lexicon, stem, tokens

BUCKETS = 1 << 16
_CODE = re.compile(r"(?=[^\s;]*[a-z])(?=[^\s;]*\d)[^\s;]{3,}")
_JOINED = re.compile(r"(?<=\w)[-.'’](?=\w)")
_ACCENT = re.compile(r"[\u0300-\u036f]")
_SIGNS = re.compile(r"[^\w\s;�]|_")
# Two-byte characters read one byte at a time, and the sign for a byte that could not be read.
_BROKEN = re.compile(r"[âãåæçèéêëìí][\u0080-¿]+|�")
_VOWELLESS = re.compile(r"\b[b-df-hj-np-tv-xz]{3,}\b")
_DIGITS = re.compile(r"\d+")
# The kinds that leave everything open; garments, materials and the like at least name a chapter or two.
_EMPTY = {
    "general",
    "sector",
    "mixed",
    "sample",
    "gift",
    "packaging",
    "service",
    "document",
    "status",
    "size",
}
_EMPTY |= {"colour", "wearer", "filler", "occasion", "sales_talk"}
_GOODS = {"edible", "garment", "beauty", "home", "machine_part"}
_WORN = {"size", "colour", "wearer"}
# The key of an order, a template left unfilled, a code for a name: `[bn-12] p`, `{{title}}`, `hs code: 6101`.
_KEY = re.compile(r"\[[^\]]*\]\W*\w?|\{\{.*|.{0,12}hs ?code ?:? ?\d+")
_PLAIN = 29


def plain(text: str) -> str:
    """The cleaned text without signs: written with or without hyphens and dots, it is the same text.

    Collections of rulings differ in the signs they keep, so that signs must not count.

    >>> plain("T-Shirt, 1.5 mm; (new)")
    'tshirt 15 mm; new'
    """
    text = unicodedata.normalize("NFKD", _BROKEN.sub(" � ", clean(text)))
    text = unicodedata.normalize("NFC", _ACCENT.sub("", text))
    return " ".join(_SIGNS.sub(" ", _JOINED.sub("", text)).split())


def says_nothing(text: str) -> bool:
    """Whether every word is one that fits any goods, with no part number beside them, or it is a mere key.

    >>> says_nothing("Spare parts"), says_nothing("gift for dad"), says_nothing("frozen shrimp")
    (True, True, False)
    """
    if _KEY.fullmatch(clean(text)):
        return True
    cleaned = plain(text)
    parts = tokens(cleaned)
    if len(_CODE.findall(cleaned)) > sum(len(w) < 3 for w in parts):
        return False
    tagged = [set(tags) for tags in Lexicon.read().tags(parts)]
    if not parts or not all(tags & _EMPTY for tags in tagged):
        return False
    # chocolate is a colour beside a size, and goods elsewhere
    goods = [bool(tags & _GOODS) for tags in tagged]
    return not any(goods) or any(t & _WORN and not g for t, g in zip(tagged, goods, strict=True))


def letters(cleaned: Sequence[str]) -> Any:
    """(n, BUCKETS) sparse: runs of one to four characters within words, digits all alike."""
    from sklearn.feature_extraction.text import HashingVectorizer

    hashed = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(1, 4),
        n_features=BUCKETS,
        alternate_sign=False,
        lowercase=False,
        dtype=np.float32,
        norm="l2",
    )
    return hashed.transform([_DIGITS.sub("0", t).replace(";", " ") for t in cleaned])


def numbers(cleaned: Sequence[str], knowledge: WordKnowledge) -> npt.NDArray[np.float64]:
    """(n, numbers) what can be counted in each text; column 1 is the number of words."""
    lexicon = Lexicon.read()
    kinds = {kind: i for i, kind in enumerate(lexicon.kinds)}
    found = np.zeros((len(cleaned), _PLAIN + 2 * len(kinds)))
    for row, text in zip(found, cleaned, strict=True):
        parts = tokens(text)
        stems = [stem(w) for w in parts]
        letters = max(sum(map(len, parts)), 1)
        common = [w for w in stems if knowledge.common(w)]
        narrows = [knowledge.narrows[w] for w in common]
        named = [w for w in stems if w in knowledge.official]
        row[0] = len(text)
        row[1] = len(parts)
        row[2] = sum(map(len, common)) / letters
        row[3] = sum(map(len, named)) / letters
        row[4] = max(narrows, default=0.0)
        row[5] = sum(narrows)
        row[6] = row[5] / max(len(narrows), 1)
        row[7] = sum(c.isdigit() for c in text) / max(len(text), 1)
        row[8] = len(_CODE.findall(text))
        row[9] = len(_DIGITS.findall(text))
        row[10] = text.count("�")
        row[11] = max(map(len, parts), default=0)
        row[12] = len(parts) - len(common)
        row[13] = len(parts) - len(named)
        row[14] = sum(np.log1p(knowledge.seen.get(w, 0)) for w in stems) / max(len(stems), 1)
        row[15] = sum(np.log1p(knowledge.official.get(w, 0)) for w in stems) / max(len(stems), 1)
        row[16] = sum(len(w) <= 2 for w in parts)
        tagged = lexicon.tags(parts)
        rest = [w for w, tags in zip(stems, tagged, strict=True) if not tags]
        row[17] = sum(map(len, rest)) / letters
        row[18] = max((knowledge.narrows[w] for w in rest if knowledge.common(w)), default=0.0)
        row[19] = sum(knowledge.narrows[w] for w in rest if knowledge.common(w))
        row[20] = sum(not knowledge.common(w) for w in rest)
        row[21] = len(_VOWELLESS.findall(text))
        pairs = [f"{a} {b}" for a, b in itertools.pairwise(stems)]
        row[22] = sum(knowledge.common(p) for p in pairs) / max(len(pairs), 1)
        row[23] = sum(p in knowledge.official for p in pairs) / max(len(pairs), 1)
        row[24] = max((knowledge.narrows[p] for p in pairs if knowledge.common(p)), default=0.0)
        # the noun stands last in its segment, in English as in Korean
        noun = len(tokens(text.split(";")[0])) - 1
        if noun >= 0:
            row[25] = np.log1p(knowledge.seen.get(stems[noun], 0))
            row[26] = knowledge.narrows.get(stems[noun], 0.0) if knowledge.common(stems[noun]) else 0.0
            row[27] = np.log1p(knowledge.official.get(stems[noun], 0))
            row[28] = len(parts[noun])
            for tag in tagged[noun]:
                row[_PLAIN + len(kinds) + kinds[tag]] = 1.0
        for word, tags in zip(parts, tagged, strict=True):
            for tag in tags:
                row[_PLAIN + kinds[tag]] += len(word) / letters
    return found
