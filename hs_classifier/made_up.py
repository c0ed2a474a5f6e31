"""Made-up goods with made-up ten-digit codes, for the bench: as many and as long as real ruling names are.

A code's wording is a noun, a material, a use and a state, so that a classifier has something to learn; what
traders add (brands, part numbers, packing) tells nothing, and a fifth of the names hold nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from customs.hs import HsCode
from hs_classifier.data import Sample
from hs_classifier.text import Goods

_Word = tuple[str, str]


def _words(text: str) -> tuple[_Word, ...]:
    """English and Korean of each word."""
    pairs = (one.strip().split("=") for one in text.split(","))
    return tuple((english, korean) for english, korean in pairs)


_NOUNS = _words(
    "pump=펌프,valve=밸브,filter=여과기,shirt=셔츠,jacket=재킷,glove=장갑,lamp=램프,motor=전동기,"
    "cable=케이블,bottle=병,box=상자,knife=칼,chair=의자,table=탁자,sensor=센서,battery=전지,"
    "camera=카메라,printer=인쇄기,tyre=타이어,brake=브레이크,gear=기어,bearing=베어링,screw=나사,"
    "spring=스프링,tube=관,plate=판,sheet=시트,film=필름,yarn=실,fabric=직물,carpet=양탄자,towel=수건,"
    "bag=가방,shoe=신발,hat=모자,toy=완구,ball=공,brush=솔,paste=페이스트,powder=분말,oil=기름,"
    "sauce=소스,juice=주스,tea=차,biscuit=비스킷,noodle=국수,fish=생선,shrimp=새우,meat=고기,"
    "cheese=치즈,seed=종자,flour=가루,resin=수지,paint=페인트,glue=접착제,soap=비누,cream=크림,"
    "tablet=정제,needle=바늘,mirror=거울"
)
_MATERIALS = _words(
    "steel=철강제,stainless steel=스테인리스강제,aluminium=알루미늄제,copper=구리제,brass=황동제,"
    "glass=유리제,plastic=플라스틱제,rubber=고무제,silicone=실리콘제,wooden=목제,bamboo=대나무제,"
    "paper=종이제,cotton=면제,woollen=양모제,silk=견제,polyester=폴리에스터제,nylon=나일론제,"
    "leather=가죽제,ceramic=도자제,stone=석제,rice=쌀,wheat=밀,soya=대두,maize=옥수수,citrus=감귤,"
    "berry=베리,nut=견과,coconut=코코넛,ginseng=인삼,seaweed=해조"
)
_USES = _words(
    "for vehicles=차량용,for aircraft=항공기용,for ships=선박용,for laboratories=실험실용,"
    "for hospitals=병원용,for kitchens=주방용,for offices=사무용,for agriculture=농업용,"
    "for construction=건설용,for mining=광업용,for textiles=섬유용,for printing=인쇄용,"
    "for children=어린이용,for women=여성용,for men=남성용,for animals=동물용,for sports=운동용,"
    "for packing=포장용,for heating=난방용,for cooling=냉방용,for measuring=측정용,for cleaning=청소용,"
    "for retail sale=소매용,for industry=산업용"
)
_STATES = _words(
    "new=신품,used=중고,frozen=냉동,dried=건조,fresh=신선,roasted=볶은,unassembled=미조립,"
    "coated=도포한,printed=인쇄한,dyed=염색한,knitted=편물,woven=직조한,electric=전기식,manual=수동식,"
    "portable=휴대용,spare=예비"
)
_BRANDS = (
    "Star",
    "Ocean",
    "Delta",
    "Nova",
    "Prime",
    "Hanbit",
    "Maru",
    "Daon",
    "Orion",
    "Vertex",
    "Solid",
    "Terra",
)
_CHAPTERS = tuple(c for c in range(1, 98) if c != 77)
_HEADINGS, _SUBHEADINGS, _LEAVES = 13, 5, 6
_MOST_CODES = len(_CHAPTERS) * _HEADINGS * _SUBHEADINGS * _LEAVES // 2
# Of real ruling names: written in Korean; without a word about the goods. Codes for each text.
_KOREAN, _BARE, _CODES = 0.18, 0.2, 0.3
# Sentences of a description beside its own; how steeply the number of texts falls from code to code.
_SENTENCES, _TAIL = 7, 1.0


def made_up(rows: int, seed: int) -> list[Sample]:
    """`rows` names with their codes; of all codes, most without a name, the wording in two languages."""
    rng = np.random.default_rng(seed)
    codes = _codes(max(24, min(round(rows * _CODES), _MOST_CODES)), rng)
    ruled = rng.permutation(len(codes))[: max(12, round(0.4 * len(codes)))]
    share = 1.0 / (np.arange(len(ruled)) + 10.0) ** _TAIL
    drawn = ruled[rng.choice(len(ruled), size=rows, p=share / share.sum())]
    samples = [Sample(Goods(_name(codes[i], rng)), codes[i]) for i in drawn]
    samples += [
        Sample(Goods(" ; ".join(part[language] for part in _parts(code))), code, "wording")
        for code in codes
        for language in (0, 1)
    ]
    return samples


def described(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """The same samples, every second with a description of some sixty words, as brokers have them."""
    rng = np.random.default_rng([seed, 1])
    return [
        Sample(Goods(s.goods.name, _description(s.code, rng)), s.code, s.source) if i % 2 else s
        for i, s in enumerate(samples)
    ]


def _codes(n: int, rng: np.random.Generator) -> list[HsCode]:
    """`n` different codes in ascending order."""
    every = len(_CHAPTERS) * _HEADINGS * _SUBHEADINGS * _LEAVES
    found = []
    for number in np.sort(rng.permutation(every)[:n]).tolist():
        rest, leaf = divmod(number, _LEAVES)
        rest, sub = divmod(rest, _SUBHEADINGS)
        chapter, heading = divmod(rest, _HEADINGS)
        found.append(
            HsCode(f"{_CHAPTERS[chapter]:02d}{heading + 1:02d}{10 * (sub + 1):02d}{1000 * (leaf + 1):04d}")
        )
    return found


def _parts(code: HsCode) -> tuple[_Word, _Word, _Word, _Word]:
    """The words that stand for chapter, heading, subheading and code; the same for all below it."""
    digits = code.digits
    heading = int(digits[:2]) * _HEADINGS + int(digits[2:4])
    return (
        _NOUNS[int(digits[:2]) % len(_NOUNS)],
        _NOUNS[heading * 7 % len(_NOUNS)],
        _MATERIALS[(heading * 11 + int(digits[4:6])) % len(_MATERIALS)],
        _both(
            _USES[(heading + int(digits[6])) % len(_USES)], _STATES[int(digits[6]) * heading % len(_STATES)]
        ),
    )


def _both(use: _Word, state: _Word) -> _Word:
    return f"{state[0]} {use[0]}", f"{use[1]} {state[1]}"


def _name(code: HsCode, rng: np.random.Generator) -> str:
    dress = f"{rng.choice(_BRANDS)} {chr(65 + rng.integers(26))}{rng.integers(10, 9999)}"
    if rng.random() < _BARE:
        return f"{dress} {rng.choice(_BRANDS)}"
    language = int(rng.random() < _KOREAN)
    told = [part[language] for part in _parts(code)[1:] if rng.random() < 0.8] or [_parts(code)[1][language]]
    packing = f"; {rng.integers(1, 50)} kg" if rng.random() < 0.4 else ""
    return f"{' '.join(told)}; {dress}{packing}"


def _description(code: HsCode, rng: np.random.Generator) -> str:
    """What the goods are, once, among sentences that any goods could have."""
    language = int(rng.random() < _KOREAN)
    own = " ".join(part[language] for part in _parts(code)[1:])
    others = [
        f"{_NOUNS[a][language]} {_MATERIALS[b][language]} {_USES[c][language]} {_STATES[d][language]}"
        f" {rng.integers(1, 500)} mm {rng.choice(_BRANDS)}"
        for a, b, c, d in zip(
            *(rng.integers(len(w), size=_SENTENCES) for w in (_NOUNS, _MATERIALS, _USES, _STATES)),
            strict=True,
        )
    ]
    return ". ".join([own, *others])
