"""Finding codes by their first digits, or by the words of their path in Korean or English."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from customs.errors import InvalidValue
from customs.evidence import Message
from customs.hs import LENGTHS

if TYPE_CHECKING:
    from hs_classifier.official.table import CodeTable, Entry

LONGEST_QUERY = 300
MOST_HITS = 500
MOST_WORDS = 20
_DIGITS = re.compile(r"(?:hsk?(?:\s*code)?\s*[:.]?\s*)?(\d[\d.\-\s]*)", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9à-öø-ÿ]+|[가-힣]+|[^\W\d_]", re.IGNORECASE)
_HANGUL = re.compile(r"[가-힣]+")
# Words that name nothing; they count only if a query has no others.
_EMPTY = re.compile("a|an|and|for|in|not|of|on|or|others?|s|than|the|to|with|것|기타|또는|및|의|이나")
# What a wording takes out of itself is not what it is about.
_EXCLUDED = re.compile(r"\((?=[^()]*제외)[^()]*\)|\b(?:excluding|except|other than)\b[^;)]*", re.IGNORECASE)
# How much a word that is only part of a word of the wording counts, and how a parent's wording counts.
_BEGINS, _ENDS, _WITHIN, _TYPO = 0.9, 0.85, 0.7, 0.5
# by the parent's digits: a heading names much that is not in each of its codes
_FROM_PARENT = {2: 0.3, 3: 0.3, 4: 0.45, 5: 0.5}
_FROM_DEEPER = 0.6
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hit:
    """A code that was found: its path from the chapter, and the words of the query that its path has."""

    path: tuple[Entry, ...]
    score: float
    words: tuple[str, ...] = ()

    @property
    def entry(self) -> Entry:
        """The code itself."""
        return self.path[-1]


@dataclass(frozen=True)
class Found:
    """What a search found.

    digits: the digits asked for, None if words were. total: how many codes match, of which `hits` are the
    first. note: what a reader has to know of the answer. tokens: words of the wording that matched.
    """

    query: str
    digits: str | None
    hits: tuple[Hit, ...]
    total: int
    note: Message | None = None
    words: tuple[str, ...] = ()
    tokens: frozenset[str] = frozenset()

    def marks(self, text: str) -> tuple[tuple[int, int], ...]:
        """Where the words stand in a wording: begin and end of each, in order."""
        if self.digits is not None:
            return ()
        found = []
        for match in _WORD.finditer(text):
            token = _token(match[0])
            if token not in self.tokens:
                continue
            part = max((w for w in self.words if w in match[0].casefold()), key=len, default=None)
            begin = match.start() + (match[0].casefold().index(part) if part else 0)
            found.append((begin, begin + len(part) if part else match.end()))
        return tuple(found)

    def marked(self, text: str, before: str, after: str) -> str:
        """A wording with its marks written into it."""
        parts, at = [], 0
        for begin, end in self.marks(text):
            parts += [text[at:begin], before, text[begin:end], after]
            at = end
        return "".join([*parts, text[at:]])


def search(table: CodeTable, text: str, *, on: dt.date | None = None, limit: int = 20) -> Found:
    """Codes by two to ten digits as people type them, or by words of the official wording.

    Digits: the code itself, then what lies below it, in order; a code that is not valid on the day asked for
    is answered only if exactly it was asked for. Words: codes whose own wording has at least one of the
    words and whose path has as many of them as can be; parents' wording counts less than a code's own.

    Raises:
        InvalidValue: the text is empty, too long, has no word and no code; one digit or more than ten.
    """
    query = text.strip()
    if not query or len(query) > LONGEST_QUERY:
        raise InvalidValue(
            f"the text has {len(query):,} characters",
            field="query",
            remedy=f"give 1 to {LONGEST_QUERY}: digits of a code, or words of its wording",
        )
    if not 1 <= limit <= MOST_HITS:
        raise InvalidValue(f"got {limit}", field="limit", remedy=f"give 1 to {MOST_HITS}")
    typed = _DIGITS.fullmatch(query)
    if typed:
        return _by_digits(table, query, re.sub(r"\D", "", typed[1]), on, limit)
    return _by_words(table, query, on, limit)


def _by_digits(table: CodeTable, query: str, digits: str, on: dt.date | None, limit: int) -> Found:
    if not 2 <= len(digits) <= 10:
        raise InvalidValue(
            f"{query!r} has {len(digits)} digit{'s' * (len(digits) > 1)}",
            field="query",
            remedy="give 2 to 10 digits; keep leading zeros",
        )
    below = [table.nodes[i] for i in table.run(digits)]
    chosen = [d for d in below if d == digits or on is None or table.counts(d, on)]
    hits = tuple(Hit(table.path(d, on), 1.0) for d in chosen[:limit])
    return Found(query, digits, hits, len(chosen), _note(table, digits, bool(below)))


def _note(table: CodeTable, digits: str, any_below: bool) -> Message | None:
    if any_below:
        if len(digits) in LENGTHS or digits in table.place:
            return None
        return Message(id="codes.search.part", params={"digits": digits, "length": len(digits)})
    if len(digits) == 9 and "0" + digits in table.place:
        return Message(id="codes.search.lost_zero", params={"digits": digits, "with_zero": "0" + digits})
    parent = table.parent(digits)
    if parent is None:
        return Message(id="codes.search.no_chapter", params={"digits": digits})
    return Message(id="codes.search.no_code", params={"digits": digits, "parent": parent})


def _by_words(table: CodeTable, query: str, on: dt.date | None, limit: int) -> Found:
    words = query_words(query)
    if not words:
        raise InvalidValue(
            f"{query[:40]!r} has no word",
            field="query",
            remedy="give digits of a code, or words of its wording",
        )
    scored = table.words.score(words)
    order = np.lexsort((np.arange(len(scored.total)), -scored.total))
    order = order[scored.total[order] > 0]
    if on is not None:
        order = np.array([i for i in order if table.counts(table.nodes[i], on)], dtype=np.int64)
    hits = tuple(
        Hit(
            table.path(table.nodes[i], on),
            round(float(scored.total[i]), 4),
            tuple(word for word, has in zip(words, scored.has, strict=True) if has[i]),
        )
        for i in order[:limit]
    )
    missing = [word for word, has in zip(words, scored.has, strict=True) if not has.any()]
    note = Message(id="codes.search.no_word", params={"words": ", ".join(missing)}) if missing else None
    return Found(query, None, hits, len(order), note, scored.words, scored.tokens)


def query_words(text: str) -> tuple[str, ...]:
    """Words of a query, each once, without those that name nothing unless there are no others."""
    normal = unicodedata.normalize("NFKC", text)
    words = tuple(dict.fromkeys(match[0].casefold() for match in _WORD.finditer(normal)))
    return tuple(word for word in words if not _EMPTY.fullmatch(word))[:MOST_WORDS] or words[:MOST_WORDS]


@dataclass(frozen=True)
class _Scored:
    """total: (nodes,) scores, 0 without a match; has: for each word (nodes,), whether the path has it."""

    total: npt.NDArray[np.float64]
    has: list[npt.NDArray[np.bool_]]
    words: tuple[str, ...]
    tokens: frozenset[str]


class WordIndex:
    """Words of every node's own wording; a parent's words reach down when a query is scored.

    Nodes lie in ascending order of digits, so what lies below one is a slice of every array.
    """

    def __init__(self, table: CodeTable) -> None:
        self._end = [table.end(i) for i in range(len(table.nodes))]
        self._reach = [_FROM_PARENT.get(len(digits), _FROM_DEEPER) for digits in table.nodes]
        postings: dict[str, list[int]] = {}
        lengths = np.ones(len(table.nodes))
        for place, digits in enumerate(table.nodes):
            entry = table.get(digits)
            if entry is None:
                continue
            names = (_EXCLUDED.sub(" ", name) for name in (entry.ko, entry.en))
            own = {_token(m[0]) for name in names for m in _WORD.finditer(name)}
            lengths[place] = max(len(own), 1)
            for token in own:
                postings.setdefault(token, []).append(place)
        self._postings: dict[str, Places] = {t: np.array(p, dtype=np.int64) for t, p in postings.items()}
        # of two wordings with the same words the shorter one says more
        self._brevity = 1.0 / (1.0 + 0.12 * np.log(lengths))

    def score(self, words: tuple[str, ...]) -> _Scored:
        """How well each node's path has the words: rare words count more, and all of them most."""
        nodes = len(self._end)
        total, own_any = np.zeros(nodes), np.zeros(nodes, dtype=bool)
        has: list[npt.NDArray[np.bool_]] = []
        parts: list[str] = []
        tokens: set[str] = set()
        for word in words:
            best = np.zeros(nodes)
            for piece, meant in self._meanings(word):
                parts.append(piece)
                tokens |= meant.keys()
                best += self._one(meant, own_any)
            has.append(best > 0)
            total += best
        covered = np.sum(has, axis=0) / len(words) if has else total
        return _Scored(np.where(own_any, total * covered**2, 0.0), has, tuple(parts), frozenset(tokens))

    def _one(self, meant: dict[str, float], own_any: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """(nodes,) weight of one word: that of the best token in a node's own wording or above it."""
        own = np.zeros(len(self._end))
        for token, quality in meant.items():
            places = self._postings[token]
            own[places] = np.maximum(own[places], quality)
        places = np.flatnonzero(own)
        if not len(places):
            return own
        own_any[places] = True
        rarity = math.log(1 + len(self._end) / len(places))
        path = own * self._brevity
        for place in places:  # ascending, so parents come before their children
            below = slice(place + 1, self._end[place])
            np.maximum(path[below], self._reach[place] * own[place], out=path[below])
        return np.asarray(rarity * path)

    def _meanings(self, word: str) -> list[tuple[str, dict[str, float]]]:
        """A word, or the pieces of a compound, with the tokens that each may mean and how surely."""
        meant = self._tokens(word)
        if meant:
            return [(word, meant)]
        pieces = self._pieces(word) if _HANGUL.fullmatch(word) else []
        if pieces:
            return pieces
        return [(word, dict.fromkeys(self._near(word), _TYPO))]

    def _tokens(self, word: str) -> dict[str, float]:
        token = _token(word)
        found = {token: 1.0} if token in self._postings else {}
        korean = bool(_HANGUL.fullmatch(word))
        if len(word) < (2 if korean else 3):
            if korean and not found:  # one syllable: with a particle or one more syllable behind it
                found = {t: _WITHIN for t in self._postings if len(t) == 2 and t.startswith(word)}
            return found
        for other in self._postings:
            if other.startswith(word):
                found.setdefault(other, _BEGINS)
            elif korean and word in other:
                found.setdefault(other, _ENDS if other.endswith(word) else _WITHIN)
        return found

    def _pieces(self, word: str) -> list[tuple[str, dict[str, float]]]:
        """냉동새우 is 냉동 and 새우: the longest beginnings that wordings have, two syllables at least."""
        pieces: list[tuple[str, dict[str, float]]] = []
        at = 0
        while at < len(word):
            for end in range(len(word), at + 1, -1):
                meant = self._tokens(word[at:end]) if end - at < len(word) else {}
                if meant:
                    pieces.append((word[at:end], meant))
                    at = end
                    break
            else:
                at += 1
        return pieces

    def _near(self, word: str) -> list[str]:
        """Tokens one slip of the finger away, two in long words; Korean is compared letter by letter."""
        letters = unicodedata.normalize("NFD", word)
        slips = 1 if len(letters) < 8 else 2
        if len(letters) < 4:
            return []
        return [
            token
            for token in self._postings
            if not token.isdigit() and _slips(letters, unicodedata.normalize("NFD", token), slips) <= slips
        ]


def _token(word: str) -> str:
    """A word as it is indexed: without case, and without the plural of English.

    >>> [_token(w) for w in ("Shrimps", "berries", "boxes", "glass", "새우")]
    ['shrimp', 'berry', 'box', 'glass', '새우']
    """
    word = unicodedata.normalize("NFKC", word).casefold()
    if len(word) < 4 or not word.isascii() or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("shes", "ches", "xes", "sses", "zes", "oes")) else word[:-1]


def _slips(one: str, other: str, most: int) -> int:
    """Letters to insert, remove, replace or swap between two words; `most` + 1 if there are more.

    The optimal string alignment distance.
    """
    if abs(len(one) - len(other)) > most or len(set(one) ^ set(other)) > 2 * most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
