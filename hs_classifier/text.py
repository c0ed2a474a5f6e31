"""What a trader wrote about the goods, cleaned the same way for training and for asking."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from customs.evidence import Message

# Beyond this a text is a manual, not a description; what is read is the beginning.
MAX_RAW = 20_000
MAX_CLEAN = 2_000
_TAG = re.compile(r"<[/!]?[A-Za-z][^<>]{0,200}>")
_SPACE = re.compile(r"\s+")
# A new word begins where the script changes: `PCB어셈블리 12V` has four words.
_WORD = re.compile(r"[a-zß-ɏ]+|[가-힣]+|[0-9]+|[^\W\d_a-zß-ɏ가-힣]+")
# What stands before a description's first words, and how far those go.
_BULLET = re.compile(r"^(?:[\W_]|[ㅇᄋo○](?=\s)|물품\s?개요|개요|물품\s?설명)+")
_OPENING = 100
# Scripts in which one character can name goods: 쌀 (rice), 배 (pear), 茶 (tea).
_SYLLABIC = ("HANGUL", "CJK", "HIRAGANA", "KATAKANA")


# A name longer than this carries its description with it.
_LONGEST_NAME = 120
# Where a description begins: a new line, a bullet, a bracketed title, a dash between blanks, a full stop.
_TURN = re.compile(r"\s*(?:\n|[•·▪※ㅇᄋ○●□■]\s|\(\s?개요\s?\)|\s[-–—]\s?(?=\S)|(?<=\w\w)[.:]\s)")


@dataclass(frozen=True, slots=True)
class Goods:
    """Name and, where there is one, description of goods, as written."""

    name: str
    description: str = ""

    @classmethod
    def of(cls, text: str) -> Goods:
        """Goods from one text; a long one is taken for a name with its description behind it.

        >>> Goods.of("smart lamp; LX-2 - LED light source with a battery, " + "for bedrooms " * 9).name
        'smart lamp; LX-2'
        """
        if len(text) <= _LONGEST_NAME:
            return cls(text)
        raw = text[:MAX_RAW].strip()
        turn = next((m for m in _TURN.finditer(raw) if m.start() > 2), None)
        at = turn.start() if turn is not None and turn.start() <= 2 * _LONGEST_NAME else -1
        if at < 0:
            at = raw.rfind(" ", 0, _LONGEST_NAME)
        return cls(raw[:at].rstrip(" -"), raw[at:]) if at > 0 else cls(raw)

    @property
    def short(self) -> str:
        """The cleaned name; the description stands in where there is no name."""
        return clean(self.name) or clean(self.description)

    @property
    def described(self) -> str:
        """The cleaned description; empty where there is none, or nothing but it."""
        return clean(self.description) if clean(self.name) else ""

    @property
    def full(self) -> str:
        """The cleaned name followed by the cleaned description."""
        return f"{clean(self.name)} {clean(self.description)}".strip()[:MAX_CLEAN]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text is not classified and what would help, as sentences to be rendered."""

    reason: Message
    questions: tuple[Message, ...]


def clean(text: str) -> str:
    """Lower case, one blank between words, no markup, compatibility characters replaced.

    Reads the first 20,000 characters and answers with at most 2,000.

    >>> clean("<b>ＬＥＤ</b>  Lamp &amp; 전구")
    'led lamp & 전구'
    """
    text = html.unescape(text[:MAX_RAW])
    text = unicodedata.normalize("NFKC", _TAG.sub(" ", text))
    return _SPACE.sub(" ", text).strip().lower()[:MAX_CLEAN].rstrip()


def words(cleaned: str, limit: int) -> list[str]:
    """The first `limit` words of a cleaned text.

    >>> words("pcb어셈블리 12v", 8)
    ['pcb', '어셈블리', '12', 'v']
    """
    found = []
    for match in _WORD.finditer(cleaned):
        found.append(match.group()[:40])
        if len(found) == limit:
            break
    return found


def head(cleaned: str) -> str:
    """The first segment of a name, which often paraphrases the tariff: `food preparations; brand x`."""
    return cleaned.split(";", 1)[0].strip() or cleaned


def opening(cleaned: str) -> str:
    """The first words of a description, where it says what the goods are, without bullet and title."""
    return _BULLET.sub("", cleaned)[:_OPENING]


def refuse(goods: Goods) -> Refusal | None:
    """A refusal for a text without words, else None."""
    text = goods.full
    if not text:
        return _refusal("hs.refused.empty", ("hs.ask.name", "hs.ask.use"))
    letters = [c for c in text if c.isalpha()]
    if len(letters) >= 2 or any(unicodedata.name(c, "").startswith(_SYLLABIC) for c in letters):
        return None
    return _refusal("hs.refused.no_words", ("hs.ask.name", "hs.ask.material", "hs.ask.use"))


def refuse_noise() -> Refusal:
    """A refusal for words that resemble nothing the model was trained on."""
    return _refusal("hs.refused.noise", ("hs.ask.name", "hs.ask.material", "hs.ask.use"))


def _refusal(reason: str, questions: Sequence[str]) -> Refusal:
    return Refusal(Message(id=reason), tuple(Message(id=q) for q in questions))
