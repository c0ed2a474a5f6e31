"""Words that say little about what goods are, by the kind of thing they say, in Korean and English."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

_FILE = Path(__file__).with_name("words.toml")
# Letters of one script; digits are looked at apart, because they are sizes and part numbers.
_WORD = re.compile(r"[a-zß-ɏ]+(?:'[a-z]+)?|[가-힣]+")
Language = Literal["en", "ko"]
_LANGUAGES: tuple[Language, ...] = ("en", "ko")


@dataclass(frozen=True)
class Lexicon:
    """Kinds of words: `kinds` are their names, `of` the kinds of a word, `lists` the words of a kind."""

    kinds: tuple[str, ...]
    of: dict[str, tuple[str, ...]]
    lists: dict[tuple[str, Language], tuple[str, ...]]
    longest: int  # words in the longest phrase
    families: dict[str, frozenset[str]]  # stemmed words by the questions they call for

    @classmethod
    def read(cls) -> Lexicon:
        """The lists of `words.toml`; read once."""
        return _read()

    def tags(self, found: list[str]) -> list[tuple[str, ...]]:
        """For each word the kinds it belongs to, as part of a listed phrase or alone.

        >>> Lexicon.read().tags(["gift", "card"])
        [('gift',), ('gift',)]
        """
        tagged: list[tuple[str, ...]] = [()] * len(found)
        i = 0
        while i < len(found):
            for n in range(min(self.longest, len(found) - i), 0, -1):
                kinds = self.of.get(" ".join(found[i : i + n])) or (
                    self.of.get(stem(found[i])) if n == 1 else None
                )
                if kinds:
                    tagged[i : i + n] = [kinds] * n
                    break
            i += n
        return tagged


def tokens(cleaned: str) -> list[str]:
    """Words of letters of a cleaned text; digits and signs are left out.

    >>> tokens("men's 2xl 면티 t-shirt")
    ["men's", 'xl', '면티', 't', 'shirt']
    """
    return _WORD.findall(cleaned)


def stem(word: str) -> str:
    """The word without the s of a plural.

    >>> stem("parts"), stem("glass"), stem("gas")
    ('part', 'glass', 'gas')
    """
    return word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] != "s" else word


@lru_cache(maxsize=1)
def _read() -> Lexicon:
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    families = {
        name: frozenset(stem(w) for w in entry["words"].split())
        for name, entry in table.pop("families").items()
    }
    lists: dict[tuple[str, Language], tuple[str, ...]] = {}
    of: dict[str, tuple[str, ...]] = {}
    longest = 1
    for kind, entry in table.items():
        for language in _LANGUAGES:
            entries = tuple(dict.fromkeys(e.replace("_", " ") for e in entry[language].split()))
            lists[kind, language] = entries
            for text in entries:
                key = tokens(text)
                longest = max(longest, len(key))
                for joined in {" ".join(key), re.sub(r"(?<=\w)[-.'](?=\w)", "", text)} - {""}:
                    of[joined] = tuple(dict.fromkeys((*of.get(joined, ()), kind)))
    for key_text, kinds in list(of.items()):
        if " " not in key_text:
            of.setdefault(stem(key_text), kinds)
    return Lexicon(tuple(table), of, lists, longest, families)
