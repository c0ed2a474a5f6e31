"""What the form offers to choose from: countries, currencies, units of quantity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from customs.sentences import Language
from portcullis.insight.countries import place

# Units of quantity as import declarations write them, with their names.
_UNITS: tuple[tuple[str, str, str], ...] = (
    ("KG", "킬로그램", "kilogram"),
    ("U", "개", "piece"),
    ("2U", "켤레·쌍", "pair"),
    ("12U", "다스", "dozen"),
    ("1000U", "천 개", "thousand pieces"),
    ("G", "그램", "gram"),
    ("T", "톤", "tonne"),
    ("CT", "캐럿", "carat"),
    ("L", "리터", "litre"),
    ("KL", "킬로리터", "kilolitre"),
    ("M", "미터", "metre"),
    ("M2", "제곱미터", "square metre"),
    ("M3", "세제곱미터", "cubic metre"),
    ("KWH", "킬로와트시", "kilowatt-hour"),
)
# Offered before all others: what most invoices are in.
_USUAL = ("USD", "KRW", "EUR", "JPY", "CNY", "GBP")


@dataclass(frozen=True)
class Choice:
    """One entry: the code that is declared, its name in the page's language, and in the other one."""

    code: str
    name: str
    other: str


@lru_cache(maxsize=2)
def countries(language: Language) -> tuple[Choice, ...]:
    """Every country that a declaration may name, by name."""
    import pycountry

    from customs.units import Country

    found = []
    for code in sorted({c.alpha_2 for c in pycountry.countries} | {"XK", "XI"}):
        known = place(Country(code).code)
        names = (known.ko, known.en) if language == "ko" else (known.en, known.ko)
        found.append(Choice(code, *names))
    return tuple(sorted(found, key=lambda choice: choice.name))


@lru_cache(maxsize=2)
def currencies(language: Language) -> tuple[Choice, ...]:
    """Every currency that a declaration may name, the usual ones first."""
    import pycountry
    from babel import Locale

    other = Locale("en" if language == "ko" else "ko")
    here = Locale(language)
    codes = sorted({c.alpha_3 for c in pycountry.currencies} - set(_USUAL))
    return tuple(
        Choice(code, str(here.currencies.get(code, code)), str(other.currencies.get(code, code)))
        for code in (*_USUAL, *codes)
    )


@lru_cache(maxsize=2)
def units(language: Language) -> tuple[Choice, ...]:
    """Units of quantity; others may be typed."""
    return tuple(Choice(code, *((ko, en) if language == "ko" else (en, ko))) for code, ko, en in _UNITS)
