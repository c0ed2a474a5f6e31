"""Duty rates of a code on a day, as an imported rate file has them; nothing is computed or inferred."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from customs.sentences import Language
from hs_classifier.official.table import Digits, digits_of

# Kinds of rate as the Korean customs portal UNI-PASS lists them in its order of precedence.
KINDS: dict[str, tuple[str, str]] = {
    "A": ("기본세율", "base rate"),
    "B": ("잠정세율", "provisional rate"),
    "C": ("WTO 협정세율", "WTO bound rate"),
    "CIT": ("WTO 협정세율(정보기술제품)", "WTO bound rate, information technology"),
    "D": ("WTO 개도국 간 협정세율", "WTO rate among developing countries"),
    "E1": ("아시아·태평양 무역협정 세율", "Asia-Pacific Trade Agreement"),
    "E2": ("아시아·태평양 무역협정 세율(방글라데시)", "Asia-Pacific Trade Agreement, Bangladesh"),
    "E3": ("아시아·태평양 무역협정 세율(라오스)", "Asia-Pacific Trade Agreement, Laos"),
    "F": ("국제협력관세", "international cooperation duty"),
    "G": ("유엔무역개발회의 개도국 간 협정세율", "GSTP rate"),
    "I": ("덤핑방지관세", "anti-dumping duty"),
    "J": ("보복관세", "retaliatory duty"),
    "K": ("긴급관세", "safeguard duty"),
    "L": ("조정관세", "adjustment duty"),
    "M": ("상계관세", "countervailing duty"),
    "N": ("편익관세", "beneficial duty"),
    "P": ("할당관세", "quota duty"),
    "R": ("최빈개발도상국 특혜관세", "preference for least developed countries"),
    "T": ("농림축산물 특별긴급관세", "special safeguard, farm goods"),
    "W1": ("WTO 양허세율(별표 1나, W1)", "WTO bound rate, annex 1-B, W1"),
    "W2": ("WTO 양허세율(별표 1나, W2)", "WTO bound rate, annex 1-B, W2"),
}
_AGREEMENT = re.compile(r"F(?P<group>RC|CE)?(?P<partner>[A-Z]{2})\d\w*")
_GROUPS = {"RC": ("RCEP", "RCEP"), "CE": ("중미", "Central America")}
_PARTNERS = {
    "AS": ("아세안", "ASEAN"),
    "AU": ("호주", "Australia"),
    "CA": ("캐나다", "Canada"),
    "CL": ("칠레", "Chile"),
    "CN": ("중국", "China"),
    "CO": ("콜롬비아", "Colombia"),
    "EF": ("EFTA", "EFTA"),
    "EU": ("EU", "EU"),
    "GB": ("영국", "United Kingdom"),
    "ID": ("인도네시아", "Indonesia"),
    "IL": ("이스라엘", "Israel"),
    "IN": ("인도", "India"),
    "JP": ("일본", "Japan"),
    "KH": ("캄보디아", "Cambodia"),
    "NZ": ("뉴질랜드", "New Zealand"),
    "PE": ("페루", "Peru"),
    "PH": ("필리핀", "Philippines"),
    "SG": ("싱가포르", "Singapore"),
    "TR": ("튀르키예", "Türkiye"),
    "US": ("미국", "United States"),
    "VN": ("베트남", "Viet Nam"),
}
_FIRST = ("A", "B", "C", "CIT")


@dataclass(frozen=True, slots=True)
class Rate:
    """A duty rate as published.

    digits: the code it is given for. percent: of the value. amount: KRW for each `unit` (a specific duty;
    the unit is None where the file names none). scope, country, use: as in the file, "" if it says none.
    """

    digits: str
    kind: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    unit: str | None = None
    base_price: Decimal | None = None
    scope: str = ""
    country: str = ""
    use: str = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None

    def name(self, language: Language) -> str | None:
        """What the kind means: a base rate, or an agreement and its partner; None if it is not known here."""
        at = 0 if language == "ko" else 1
        if self.kind in KINDS:
            return KINDS[self.kind][at]
        agreement = _AGREEMENT.fullmatch(self.kind)
        if agreement is None:
            return None
        partner = _PARTNERS.get(agreement["partner"], (agreement["partner"],) * 2)[at]
        if agreement["group"]:
            return f"{_GROUPS[agreement['group']][at]} ({partner})"
        if agreement["partner"] not in _PARTNERS:
            return None
        return f"한·{partner} FTA" if language == "ko" else f"FTA with {partner}"

    def __str__(self) -> str:
        parts = [] if self.percent is None else [f"{self.percent:f} %"]
        if self.amount is not None:
            parts.append(f"{self.amount:,f} KRW per {self.unit or 'unit'}")
        return " + ".join(parts)


def in_force(rates: Iterable[Rate], code: Digits, on: dt.date) -> tuple[Rate, ...]:
    """Rates of a code on a day: base rates first, then by kind.

    A rate given for a parent holds for the code unless the file gives one of the same kind for a deeper
    level; of two periods that overlap, the later one holds.
    """
    digits = digits_of(code)
    best: dict[tuple[str, str, str, str], Rate] = {}
    for rate in rates:
        if not digits.startswith(rate.digits):
            continue
        if (rate.valid_from and on < rate.valid_from) or (rate.valid_to and on > rate.valid_to):
            continue
        key = (rate.kind, rate.scope, rate.country, rate.use)
        if key not in best or _precedence(rate) > _precedence(best[key]):
            best[key] = rate
    return tuple(sorted(best.values(), key=_order))


def _precedence(rate: Rate) -> tuple[int, dt.date]:
    return len(rate.digits), rate.valid_from or dt.date.min


def _order(rate: Rate) -> tuple[int, bool, str, str, str, str]:
    first = _FIRST.index(rate.kind) if rate.kind in _FIRST else len(_FIRST)
    return first, rate.kind not in KINDS, rate.kind, rate.country, rate.use, rate.scope
