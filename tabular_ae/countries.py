"""Countries by whatever name a file gives them, and the groups of them that statistics add up."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache

EU = "EU"
# First and last month of membership, both included; None is open. Source: the accession treaties, and for the
# United Kingdom the withdrawal agreement (31 January 2020). Overseas parts with a code of their own (such as
# Réunion) are not members here: statistics that tell them apart mean to.
Membership = Mapping[str, tuple[str | None, str | None]]
EU_MEMBERS: Membership = {
    **dict.fromkeys(("BE", "DE", "FR", "IT", "LU", "NL"), (None, None)),
    **dict.fromkeys(("DK", "IE"), ("1973-01", None)),
    "GB": ("1973-01", "2020-01"),
    "GR": ("1981-01", None),
    **dict.fromkeys(("ES", "PT"), ("1986-01", None)),
    **dict.fromkeys(("AT", "FI", "SE"), ("1995-01", None)),
    **dict.fromkeys(("CY", "CZ", "EE", "HU", "LT", "LV", "MT", "PL", "SI", "SK"), ("2004-05", None)),
    **dict.fromkeys(("BG", "RO"), ("2007-01", None)),
    "HR": ("2013-07", None),
}
GROUPS: Mapping[str, Membership] = {EU: EU_MEMBERS}

# Names that neither ISO 3166 nor the Unicode locale data have: those of the US Census Bureau's Schedule C,
# of the Korea Customs Service, and codes in customs use.
_ALSO = {
    "UK": "GB",
    "EL": "GR",
    "BURMA": "MM",
    "KOREA SOUTH": "KR",
    "KOREA NORTH": "KP",
    "COTE D'IVOIRE": "CI",
    "CZECH REPUBLIC": "CZ",
    "CONGO, DEMOCRATIC REPUBLIC OF THE CONGO": "CD",
    "CONGO, REPUBLIC OF THE CONGO": "CG",
    "GAZA STRIP ADMINISTERED BY ISRAEL": "PS",
    "WEST BANK ADMINISTERED BY ISRAEL": "PS",
    "FEDERATED STATES OF MICRONESIA": "FM",
    "HONG KONG": "HK",
    "MACAO": "MO",
    "MACAU": "MO",
    "MACEDONIA": "MK",
    "ST HELENA": "SH",
    "SWAZILAND": "SZ",
    "TURKEY": "TR",
    "VATICAN CITY": "VA",
    "한국": "KR",
    "러시아 연방": "RU",
    "러시아연방": "RU",
    "터키": "TR",
    "체코공화국": "CZ",
    "홍콩": "HK",
    "마카오": "MO",
    "타이완": "TW",
    "유럽연합": EU,
    "유럽 연합": EU,
    "EUROPEAN UNION": EU,
}


@cache
def code_of(label: str) -> str | None:
    """ISO 3166-1 alpha-2 code of a code or an English, Korean or Census name; `EU`; None if unknown.

    >>> [code_of(label) for label in ("VN", "VIETNAM", "베트남", "KOREA, SOUTH", "Atlantis")]
    ['VN', 'VN', 'VN', 'KR', None]
    """
    names = _names()
    return names.get(_key(label)) or names.get(_key(label.partition("(")[0]))


def group_of(code: str | None, month: str, groups: Mapping[str, Membership] = GROUPS) -> str | None:
    """The group that the country `code` belongs to in `month` (YYYY-MM), or None."""
    for group, members in groups.items():
        if code is not None and code in members:
            first, last = members[code]
            if (first is None or first <= month) and (last is None or month <= last):
                return group
    return None


def _key(label: str) -> str:
    """Letters and digits alone, without accents and case."""
    plain = unicodedata.normalize("NFKD", label).casefold()
    return "".join(c for c in plain if c.isalnum())


@cache
def _names() -> dict[str, str]:
    import pycountry
    from babel import Locale

    found = {EU.casefold(): EU}
    for country in pycountry.countries:
        for part in ("alpha_2", "alpha_3", "name", "official_name", "common_name"):
            for form in _forms(getattr(country, part, "")):
                found.setdefault(_key(form), country.alpha_2)
    codes = set(found.values()) - {EU} | {"XK"}
    for language in ("en", "ko"):
        for code, name in Locale(language).territories.items():
            for form in _forms(name) if code in codes else ():
                found.setdefault(_key(form), code)
    return {**found, **{_key(name): code for name, code in _ALSO.items()}}


def _forms(name: str) -> tuple[str, ...]:
    """Usual spellings: with `and` for `&`, `Saint` or `St`, and without what is in brackets."""
    words = name.replace("&", "and").replace("St.", "Saint")
    return tuple(
        form for form in (name, words, words.replace("Saint", "St"), words.partition("(")[0]) if form
    )
