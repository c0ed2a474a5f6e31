"""Countries by name in both languages, and where on a map each one is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_CENTRES = Path(__file__).with_name("centres.tsv")
# What the CLDR has no name for: assigned by users of ISO 3166-1.
_NAMES = {"XI": ("북아일랜드", "Northern Ireland")}


@dataclass(frozen=True)
class Place:
    """A country: ISO 3166-1 alpha-2 code, names, and its middle in degrees (north and east positive).

    Names are the code, and the middle is None, for a label that is no country.
    """

    code: str
    ko: str
    en: str
    latitude: float | None
    longitude: float | None


@lru_cache(maxsize=512)
def place(code: str) -> Place:
    """What is known of a country.

    >>> place("VN").ko, place("VN").en, place("VN").latitude
    ('베트남', 'Vietnam', 16.6)
    """
    from babel import Locale

    names = _NAMES.get(code)
    if names is None:
        ko, en = (Locale(language).territories.get(code, code) for language in ("ko", "en"))
        names = str(ko), str(en)
    return Place(code, *names, *_centres().get(code, (None, None)))


@lru_cache(maxsize=1)
def _centres() -> dict[str, tuple[float, float]]:
    """Middle of each country, by code; one a line: code, latitude, longitude."""
    found = {}
    for line in _CENTRES.read_text(encoding="ascii").splitlines():
        code, latitude, longitude = line.split("\t")
        found[code] = (float(latitude), float(longitude))
    return found
