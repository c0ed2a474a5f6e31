"""Why a text is vague, and the questions that would help most, given what it already says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from customs.evidence import Message
from hs_classifier.vagueness.lexicon import Lexicon, stem, tokens

MAX_QUESTIONS = 3
_SHOWN = 30  # characters of a word that is quoted
_DIGIT = re.compile(r"\d")
# In this order, because `free gift samples` is asked about as samples, not as a gift.
_REMARKS = ("sample", "gift", "document", "service", "mixed", "status", "packaging")
_LOOKS = frozenset(("size", "colour", "look", "wearer", "filler", "sales_talk"))
_TALK = _LOOKS | {"slogan", "everyday", "person", "occasion"}
# Questions in the order of what they decide, by what the goods seem to be.
_ASKED: dict[str, tuple[str, ...]] = {
    "parts": ("machine", "function", "material"),
    "garment": ("knit", "material", "wearer"),
    "footwear": ("sole", "wearer", "use_plain"),
    "cloth": ("composition", "knit", "form"),
    "edible": ("state", "composition", "packing"),
    "chemical": ("composition", "use_plain", "packing"),
    "beauty": ("body", "composition", "packing"),
    "machine": ("function", "power", "use_plain"),
    "home": ("material", "use_plain", "power"),
    "material": ("form", "use_plain", "composition"),
    "contents": ("contents", "material", "use_plain"),
    "code": ("name", "function", "machine"),
    "unknown": ("name", "material", "use_plain"),
}
# What the text says already is not asked.
_SAID = {"wearer": "wearer", "material": "material", "composition": "material", "knit": "specific"}
_SAID |= {"state": "specific", "power": "specific"}


def explain(cleaned: str) -> tuple[Message, tuple[Message, ...]]:
    """The reason as a sentence, and at most three questions, the most useful first.

    cleaned: as `hs_classifier.vagueness.model.plain` gives it.
    """
    parts = tokens(cleaned)
    tagged = Lexicon.read().tags(parts)
    kind, word = _kind(cleaned, parts, tagged)
    family = _family(kind, parts, tagged)
    said = {tag for tags in tagged for tag in tags}
    asked = [q for q in _ASKED[family] if _SAID.get(q) not in said]
    # where the text says most of it already, the plain questions still help: two at least
    asked += [q for q in ("name", "use_plain") if q not in asked][: max(2 - len(asked), 0)]
    params: dict[str, str | int | float] = {"word": word[:_SHOWN]} if word else {}
    return (
        Message(id=f"hs.vague.{kind}", params=params),
        tuple(Message(id=f"hs.ask.{q}") for q in asked[:MAX_QUESTIONS]),
    )


def _kind(cleaned: str, parts: Sequence[str], tagged: Sequence[tuple[str, ...]]) -> tuple[str, str]:
    """Which kind of vague a text is, and the word to quote (empty for none)."""
    if "�" in cleaned and sum(not t for t in tagged) * 2 >= len(parts):
        return "broken", ""
    listed = [(w, t) for w, t in zip(parts, tagged, strict=True) if t]
    unlisted = [w for w, t in zip(parts, tagged, strict=True) if not t]
    if all(_DIGIT.search(chunk) for chunk in cleaned.split()):
        return "number", ""
    if not listed:
        return "brand", ""
    for kind in _REMARKS:
        run = _last_run(kind, listed)
        if run:
            return kind, run
    if not unlisted:
        kinds = [set(tags) for _, tags in listed]
        if all(k & {"material", "filler", "colour"} for k in kinds) and any("material" in k for k in kinds):
            return "material", ""
        if all(k & _LOOKS for k in kinds):
            return "look", ""
        if all(k & _TALK for k in kinds):
            return "slogan", ""
    for kind in ("garment", "machine_part", "home", "beauty", "edible", "general"):
        for word, tags in _noun_first(listed):
            if kind in tags:
                return kind, word
    return ("slogan" if len(listed) > len(unlisted) else "brand"), ""


def _last_run(kind: str, listed: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """The last words in a row that are first of all of this kind: `as per invoice`."""
    found: list[str] = []
    for i, (word, tags) in enumerate(listed):
        if tags[0] == kind or (kind in tags and len(listed) == 1):
            follows = i > 0 and bool(found) and listed[i - 1][1] == tags
            found = [*found, word] if follows else [word]
    return " ".join(found)


def _noun_first(listed: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """The noun stands last, but before `for` or `with`; then the other words, from the end."""
    until = next((i for i, (_, tags) in enumerate(listed) if i and "filler" in tags), len(listed))
    return [*reversed(listed[:until]), *reversed(listed[until:])]


def _family(kind: str, parts: Sequence[str], tagged: Sequence[tuple[str, ...]]) -> str:
    """Which list of questions fits."""
    stems = {stem(w) for w in parts}
    tags = {tag for t in tagged for tag in t}
    if kind in ("document", "service", "status", "mixed", "gift", "sample", "packaging"):
        return "contents"
    for family, words in Lexicon.read().families.items():
        if stems & words:
            return family
    by_kind = {"number": "code", "machine_part": "parts", "material": "material"}
    if kind in by_kind:
        return by_kind[kind]
    if kind in _ASKED:
        return kind
    return next(
        (f for f in ("garment", "beauty", "edible", "home") if f in tags and kind == "general"), "unknown"
    )
