"""What the goods most likely are: the codes that the sources point to, each held against every source.

Every source is asked anew as if another code had been declared: does the text, the photo, the scan, its
density, the unit value fit that code? A p-value p speaks against a code with the Bayes factor −e·p·ln p
(Sellke, Bayarri and Berger, "Calibration of p values for testing precise null hypotheses", The American
Statistician 55, 2001).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from customs.evidence import CodeField, Evidence, Message
from customs.hs import HsCode
from fusion.policy import Policy

# What can tell goods from goods, and the check that says so.
SOURCES: Mapping[str, str] = {
    "text": "hs.text",
    "photo": "hs.photo",
    "scan": "xray.packing",
    "density": "xray.density",
    "price": "price.unit_value",
}
# Checks whose oddness may mean that the code is wrong, and those whose alternatives are worth a try.
_ABOUT_CODES = (*SOURCES.values(), "hs.joint", "price.for_this_code")
_TRIED = 3
_WORTH = 0.1
# A code fits a source from one in twenty on, as everywhere here.
_FITS = 0.05
# No source says more than two hundred clean cases can show: papers that were written to agree with each other
# must not outweigh what was seen.
_LEAST_P = 0.005
Side = Literal["likely", "declared", "both", "neither", "against"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Stance(_Frozen):
    """What one source says: p-values under the declared and the likely code, and whose side it takes."""

    source: str
    declared: float
    likely: float
    side: Side
    sentence: Message


class Goods(_Frozen):
    """The code that fits best of those tried; probability: among them, all equally likely before."""

    code: CodeField
    probability: float = Field(ge=0, le=1)
    stances: tuple[Stance, ...]

    def sources(self, side: Side) -> tuple[str, ...]:
        """Names of the sources on one side."""
        return tuple(s.source for s in self.stances if s.side == side)


def candidates(evidence: Iterable[Evidence], declared: HsCode | None, policy: Policy) -> tuple[HsCode, ...]:
    """Codes worth asking every source about: none where nothing speaks against the declared one."""
    spoke = [e for e in evidence if e.check in _ABOUT_CODES and not e.abstained]
    if declared is None or not any(policy.severity(e.surprise or 0.0) for e in spoke):
        return ()
    best: dict[HsCode, float] = {}
    for item in spoke:
        for other in item.alternatives:
            if other.hs is None or other.probability < _WORTH:
                continue
            if not (other.hs.covers(declared) or declared.covers(other.hs)):
                best[other.hs] = max(best.get(other.hs, 0.0), other.probability)
    deepest = [c for c in best if not any(c != other and c.covers(other) for other in best)]
    return tuple(sorted(deepest, key=lambda c: (-best[c], c.digits))[:_TRIED])


def weigh(
    evidence: Sequence[Evidence], declared: HsCode | None, instead: Mapping[HsCode, Sequence[Evidence]]
) -> Goods | None:
    """Which code fits all sources best; instead: the evidence as it would be if that code had been declared.

    None where no other code was tried or no source can speak about one.
    """
    if declared is None or not instead:
        return None
    before = _by_source(evidence)
    found: dict[HsCode, tuple[float, dict[str, tuple[float, float]]]] = {}
    for code, answers in instead.items():
        after = _by_source(answers)
        shared = {s: (before[s], after[s]) for s in SOURCES if s in before and s in after}
        if shared:
            odds = sum(_against(mine) - _against(theirs) for mine, theirs in shared.values())
            found[code] = (odds, shared)  # ln of how much better this code fits than the declared one
    if not found:
        return None
    code, (odds, shared) = max(found.items(), key=lambda item: (item[1][0], item[0].digits))
    most = max(odds, 0.0)
    total = math.exp(-most) + sum(math.exp(other - most) for other, _ in found.values())
    if odds <= 0:  # none fits better than the declared one
        code, odds = declared, 0.0
    likely = declared if code == declared else code
    stances = tuple(_stance(s, p, q, declared, likely) for s, (p, q) in shared.items())
    return Goods(code=code, probability=min(math.exp(odds - most) / total, 1.0), stances=stances)


def _by_source(evidence: Iterable[Evidence]) -> dict[str, float]:
    """Source → p-value."""
    spoke = {e.check: e.p_value for e in evidence if e.p_value is not None}
    return {source: spoke[check] for source, check in SOURCES.items() if check in spoke}


def _against(p: float) -> float:
    """How strongly a p-value speaks against a code, 0 for not at all: −ln of that Bayes factor."""
    p = max(p, _LEAST_P)
    return 0.0 if p >= math.exp(-1) else -math.log(-math.e * p * math.log(p))


def _stance(source: str, declared_p: float, likely_p: float, declared: HsCode, likely: HsCode) -> Stance:
    fits_declared, fits_likely = declared_p > _FITS, likely_p > _FITS
    if likely == declared:
        side: Side = "declared" if fits_declared else "against"
    else:
        side = (
            "both"
            if fits_declared and fits_likely
            else "declared"
            if fits_declared
            else "likely"
            if fits_likely
            else "neither"
        )
    params: dict[str, str | int | float] = {"declared": str(declared), "likely": str(likely)}
    return Stance(
        source=source,
        declared=declared_p,
        likely=likely_p if likely != declared else declared_p,
        side=side,
        sentence=Message(id=f"goods.{source}.{side}", params=params),
    )
