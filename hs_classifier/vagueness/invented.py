"""Invented texts: vague ones, as traders leave them on parcels, and short clear ones beside them.

They are put together from the lists of `words.toml`, from made-up brands and part numbers, and roughened
as such texts are: cut short, glued together, vowels dropped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hs_classifier.vagueness.lexicon import Language, Lexicon

_ONSETS: tuple[str, ...] = (
    "b",
    "br",
    "c",
    "ch",
    "cl",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gl",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pr",
)
_ONSETS += (
    "q",
    "zh",
    "gu",
    "ch",
    "il",
    "mo",
    "r",
    "s",
    "sh",
    "sk",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "x",
    "y",
    "z",
    "",
)
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ee", "ou", "ia", "y", "eo", "an", "uo", "io", "ella", "ina")
_CODAS = ("", "", "", "l", "n", "r", "s", "x", "t", "m", "nd", "ck", "ng")
# Parcel systems cut what was typed at a fixed width.
_WIDTH = 30
_SKEW = 1.6
_NO_VOWELS = str.maketrans("", "", "aeiou")


class Inventor:
    """Makes texts with the random numbers of `rng`; the same seed makes the same texts."""

    def __init__(self, rng: np.random.Generator, lexicon: Lexicon | None = None) -> None:
        self.rng = rng
        self.lexicon = lexicon or Lexicon.read()
        self.language: Language = "en"
        self._vague: tuple[tuple[Callable[[], str], float], ...] = (
            (self._general, 18.0),
            (self._remark, 8.0),
            (self._service, 3.0),
            (self._size_or_colour, 8.0),
            (self._garment, 14.0),
            (self._household, 11.0),
            (self._machine_part, 8.0),
            (self._slogan, 12.0),
            (self._beauty, 5.0),
            (self._retail, 12.0),
            (self._campaign, 4.0),
            (self._edible, 7.0),
            (self._brand, 8.0),
            (self._number, 5.0),
            (self._materials, 3.0),
            (self._category_key, 3.0),
        )

    def vague(self, n: int, korean: float = 0.12) -> list[str]:
        """`n` vague texts, lower case; `korean`: share of them in Korean."""
        return self._texts(n, korean, self._vague, rough=True)

    def clear(self, n: int, korean: float = 0.12) -> list[str]:
        """`n` short texts that say what the goods are: noun, material or state, and wearer or use."""
        makers = (
            (self._clear_garment, 3.0),
            (self._clear_household, 3.0),
            (self._clear_edible, 2.0),
            (self._clear_part, 2.0),
        )
        return self._texts(n, korean, makers, rough=False)

    def _texts(
        self, n: int, korean: float, makers: tuple[tuple[Callable[[], str], float], ...], *, rough: bool
    ) -> list[str]:
        share = np.array([w for _, w in makers])
        made = []
        for which in self.rng.choice(len(makers), size=n, p=share / share.sum()):
            self.language = "ko" if self.rng.random() < korean else "en"
            text = makers[which][0]()
            made.append(self._roughen(text) if rough else text)
        return made

    # -- what vague texts are made of

    def _general(self) -> str:
        first = self._some("sector", 0, 2)
        noun = self._one("general")
        if self._maybe(0.25):
            noun += f" {self._one('filler')} {self._one('general', 'garment', 'home', 'sector')}"
        if self._maybe(0.25):
            first = self._one("material", "wearer", "sales_talk", "occasion")
        return f"{first} {noun}"

    def _remark(self) -> str:
        kinds = ("mixed", "sample", "gift", "packaging", "service", "document", "status", "occasion")
        text = " ".join(self._one(*kinds) for _ in range(self._count(1, 3)))
        if self._maybe(0.3):
            text += f" {self._one('general', 'sector', 'sales_talk')}"
        if self._maybe(0.3):
            text += f" {self._figure()}"
        return text

    def _service(self) -> str:
        parts = [self._one("service", "service", "status", "document", "filler", "packaging", "general")]
        parts += [self._one("service", "status", "filler", "size") for _ in range(self._count(1, 4))]
        return " ".join([*parts, self._figure()] if self._maybe(0.3) else parts)

    def _retail(self) -> str:
        """A shop's till name: brand, line, shade and size, each cut to a few letters."""
        kinds = ("beauty", "beauty", "edible", "colour", "slogan", "everyday", "home", "size", "garment")
        parts = [self._pseudo()] if self._maybe(0.7) else [self._one("person")]
        parts += [self._one(*kinds) for _ in range(self._count(2, 6))]
        parts = [w if self._maybe(0.25) else self._shorten(w) for p in parts for w in p.split()]
        if self._maybe(0.3):
            parts.insert(self._count(0, len(parts)), self._code())
        if self._maybe(0.5):
            parts.append(self._measure())
        text = " ".join(parts)
        return f"{text} {text}" if self._maybe(0.04) else text

    def _campaign(self) -> str:
        season = self.rng.choice(["fy", "q", "h", "ss", "aw", "int", "xmas", "2k", "cl", "ex", "sept", "aug"])
        tag = f"{season}{self._count(1, 30)}"
        kinds = (
            "gift",
            "sample",
            "beauty",
            "slogan",
            "occasion",
            "sales_talk",
            "wearer",
            "garment",
            "colour",
        )
        parts = [tag, *(self._one(*kinds) for _ in range(self._count(1, 4)))]
        if self._maybe(0.5):
            parts = [*parts[1:], tag]
        return " ".join(parts)

    def _size_or_colour(self) -> str:
        parts = [self._one("colour", "size", "material") for _ in range(self._count(1, 3))]
        if self._maybe(0.4):
            parts.append(self._measure())
        if self._maybe(0.25):
            parts.insert(0, self._one("slogan", "sales_talk", "look"))
        return str(self.rng.choice([", ", " ", " - ", " / "])).join(parts)

    def _garment(self) -> str:
        before = self._some("look", 0, 3)
        noun = self._one("garment")
        if self._maybe(0.35):
            before = f"{self._one('wearer', 'colour', 'slogan')} {before}"
        if self._maybe(0.2):
            before = f"{self._pseudo()} {self._one('sales_talk')} {before}"
        after = f"with {self._some('look', 1, 3)}" if self._maybe(0.25) and self.language == "en" else ""
        return f"{before} {noun} {after}"

    def _household(self) -> str:
        before = (
            self._one("colour", "look", "sector", "doing", "edible", "everyday") if self._maybe(0.65) else ""
        )
        noun = self._one("home", "machine_part") if self._maybe(0.85) else self._one("general")
        return f"{before} {noun} {self._one('home', 'mixed', 'colour') if self._maybe(0.2) else ''}"

    def _machine_part(self) -> str:
        before = self._one("sector", "size", "doing", "home", "machine_part") if self._maybe(0.6) else ""
        after = self._one("general", "machine_part") if self._maybe(0.3) else ""
        return f"{before} {self._one('machine_part')} {after}"

    def _slogan(self) -> str:
        kinds: tuple[str, ...] = ("slogan", "slogan", "everyday", "everyday", "filler", "colour", "occasion")
        kinds += ("sales_talk", "look", "person", "edible")
        return " ".join(self._one(*kinds) for _ in range(self._count(1, 6)))

    def _beauty(self) -> str:
        parts = [self._pseudo()] if self._maybe(0.6) else []
        kinds = ("beauty", "beauty", "colour", "slogan", "sales_talk", "edible")
        parts += [self._one(*kinds) for _ in range(self._count(1, 4))]
        parts += [self._measure()] if self._maybe(0.45) else []
        if self._maybe(0.45):
            parts = [self._shorten(p) for p in parts]
        return " ".join(parts)

    def _edible(self) -> str:
        parts = [self._pseudo() if self._maybe(0.5) else self._one("person", "slogan", "sales_talk")]
        parts += [self._one("edible") for _ in range(self._count(1, 3))]
        parts += [self._one("colour", "size", "packaging", "mixed")] if self._maybe(0.3) else []
        parts += [self._measure()] if self._maybe(0.5) else []
        return " ".join(parts)

    def _brand(self) -> str:
        parts = [self._pseudo() for _ in range(self._count(1, 3))]
        if self._maybe(0.3):
            parts.insert(0, self._one("everyday", "person", "colour", "slogan"))
        if self._maybe(0.3):
            parts.append(self._one("slogan", "colour", "sales_talk", "general", "home", "garment"))
        if self._maybe(0.15):
            parts.append(str(self._count(2005, 2026)))
        if self._maybe(0.2):
            parts.append(self._figure())
        return " ".join(parts)

    def _number(self) -> str:
        code = self._code()
        if self._maybe(0.2):
            return f"[{code}-{self._code()}-{self._one('home', 'general', 'document')}_{self._one('size')}] p"
        extra = (
            f"{self.rng.choice([' ', '-', ',', '; '])}{self._one('colour', 'size')}"
            if self._maybe(0.5)
            else ""
        )
        return f"{code}{extra}" + (f",{self._code()}" if self._maybe(0.15) else "")

    def _materials(self) -> str:
        share = int(self.rng.integers(50, 101))
        text = f"{share}% {self._one('material')}"
        if share < 100 and self._maybe(0.6):
            text += f" {100 - share}% {self._one('material')}"
        return (
            text.replace("%", "" if self._maybe(0.5) else "%") if self._maybe(0.7) else self._one("material")
        )

    def _category_key(self) -> str:
        words = [self._one("wearer", "sector", "garment", "general", "edible", "home", "mixed")]
        words += [self._one("general", "garment", "mixed", "occasion", "sales_talk")]
        if self._maybe(0.3):
            return f"{words[0]} hs code:{self.rng.integers(10**5, 10**9)}"
        return str(self.rng.choice(["_", "-", ""])).join(words).replace(" ", "_")

    # -- what clear texts are made of

    def _clear_garment(self) -> str:
        parts = [self._one("wearer"), self._one("material"), self._one("specific"), self._one("garment")]
        parts[2] = str(self.rng.choice(["knitted", "woven"])) if self.language == "en" else "편직"
        parts += [f"of {self._one('material')}"] if self._maybe(0.2) and self.language == "en" else []
        return " ".join(parts + ([self._one("colour")] if self._maybe(0.3) else []))

    def _clear_household(self) -> str:
        use = (
            f"for {self._one('sector')} {self._one('home')}" if self.language == "en" else self._one("sector")
        )
        return f"{self._one('specific', 'colour', 'look')} {self._one('material')} {self._one('home')} {use}"

    def _clear_edible(self) -> str:
        return f"{self._one('specific')} {self._one('edible')} {self._one('edible')} {self._measure()}"

    def _clear_part(self) -> str:
        link = "for" if self.language == "en" else ""
        noun = f"{self._one('specific')} {self._one('material')} {self._one('machine_part')}"
        return f"{noun} {link} {self._one('sector')} {self._one('machine_part')}"

    # -- pieces

    def _maybe(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def _count(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def _one(self, *kinds: str) -> str:
        words = self.lexicon.lists[kinds[self.rng.integers(len(kinds))], self.language]
        # the lists begin with their commonest words
        return words[int(len(words) * self.rng.random() ** _SKEW)]

    def _some(self, kind: str, low: int, high: int) -> str:
        return " ".join(self._one(kind) for _ in range(self._count(low, high)))

    def _pseudo(self) -> str:
        def pick(parts: tuple[str, ...]) -> str:
            return parts[self.rng.integers(len(parts))]

        return "".join(pick(_ONSETS) + pick(_VOWELS) + pick(_CODAS) for _ in range(self._count(1, 3)))

    def _shorten(self, word: str) -> str:
        if len(word) < 5 or self._maybe(0.4):
            return word
        if self._maybe(0.5):
            return word[: self._count(3, 5)]
        return word[0] + word[1:].translate(_NO_VOWELS)

    def _figure(self) -> str:
        figure = int(self.rng.integers(1, 10 ** self._count(1, 4)))
        return str(figure - figure % 10 or figure) if self._maybe(0.5) else str(figure)

    def _measure(self) -> str:
        number = self._figure() if self._maybe(0.4) else str(self._count(1, 500))
        if self._maybe(0.25):
            return f"{number}-{self._count(2, 40)} {self.rng.choice(['years', 'uk', 'eu', 'm', 'cm'])}"
        unit = self.rng.choice(["ml", "g", "cm", "l", "m", "oz", "kg", "pcs", "s", "pk", "", "mm", "x"])
        return f"{number}{unit}"

    def _code(self) -> str:
        letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
        parts = []
        for _ in range(self._count(1, 3)):
            pool = letters if self._maybe(0.45) else digits
            part = "".join(pool[i] for i in self.rng.integers(len(pool), size=self._count(1, 5)))
            parts.append(part)
        return str(self.rng.choice(["", "-", "_", " "])).join(parts)

    def _misread(self, text: str) -> str:
        """As UTF-8 looks that was read as Latin-1: `piqué ©` becomes `piquã© â©`."""
        words = text.split()
        at = self.rng.integers(len(words) + 1)
        sign = str(self.rng.choice(["©", "®", "é", "ü", "™", "–", "’", "ñ", "의", "品"]))
        return " ".join([*words[:at], sign, *words[at:]]).encode().decode("latin-1").lower()

    def _roughen(self, text: str) -> str:
        text = " ".join(text.split())
        if self._maybe(0.12):
            amount = self._count(1, 60)
            front = [f"{amount} x", f"{amount}x", f"pack of {amount}", f"set of {amount}", f"{amount} pack"]
            text = f"{front[self.rng.integers(len(front))]} {text}"
        if self._maybe(0.08):
            text = f"{text} - {self._one('colour', 'size', 'packaging')}"
        if self._maybe(0.04):
            text = f"{text} {self._code()}"
        if self._maybe(0.04):
            text = text.replace(" ", "")
        if self._maybe(0.06):
            text = text.replace(" ", "-", 1)
        if self._maybe(0.06):
            text = text.replace(" ", ["; ", ", ", " & "][self.rng.integers(3)], 1)
        if self._maybe(0.05):
            text = f"pack of {self._count(1, 12)} {'abcdefgl'[self.rng.integers(8)]}){text}"
        if self._maybe(0.04):
            text = f"{text} ({self._one('colour', 'size', 'sales_talk', 'slogan')})"
        if self._maybe(0.05):
            text = self._misread(text)
        # half of the long ones are cut, in the middle of a word as often as not
        return text[:_WIDTH].strip() if self._maybe(0.6) else text
