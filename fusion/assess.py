"""Evidence in, one ordered and explained risk out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from customs.combine import cauchy_combination, combine_surprise
from customs.evidence import Alternative, Evidence, Message
from customs.hs import HsCode
from fusion.findings import RECOGNISING, elsewhere, find, in_order
from fusion.goods import weigh
from fusion.policy import BANDS, Policy
from fusion.report import RiskReport

if TYPE_CHECKING:
    from fusion.head.attributes import Attributes
    from fusion.joint import Joint
    from fusion.model import Fusion

# Mean probability from which another code is worth an officer's glance.
_NAMED = 0.1


def assess(
    evidence: Sequence[Evidence],
    *,
    subject: str,
    declared: HsCode | None = None,
    policy: Policy,
    versions: Mapping[str, str] | None = None,
    fusion: Fusion | None = None,
    attributes: Attributes | None = None,
    chance: float | None = None,
    instead: Mapping[HsCode, Sequence[Evidence]] | None = None,
) -> RiskReport:
    """Fuse all evidence on one line. Checks that abstained count for nothing, neither way.

    fusion: calibrates the combination on clean cases, and where it learned from outcomes says the chance of
    a finding, for which it needs the line's attributes, unless `chance` is given: whoever has many lines asks
    for all of them at once (`Fusion.chances`). instead: what the checks would say had another code
    been declared (see `goods.candidates`).
    """
    spoke = [e for e in evidence if not e.abstained]
    if chance is None and fusion is not None and attributes is not None:
        chance = fusion.chance(attributes, said_by(spoke))
    named = {**(versions or {}), "fusion": policy.version}
    joint = None if fusion is None else fusion.joint
    if fusion is not None:
        named["fusion"] = f"{policy.version} {fusion.version}"
    if not spoke:
        return RiskReport(
            subject=subject,
            declared=declared,
            risk=None,
            surprise=None,
            p_value=None,
            band="unknown",
            headline=Message(id="band.unknown"),
            evidence=tuple(evidence),
            versions=named,
        )
    heard, reference = list(evidence), None
    if joint is not None and any(e.check in joint.checks for e in spoke):
        p_value, surprise, reference = joint.one(said_by(spoke))
        heard = [_as_heard(e, joint) for e in evidence]
    else:
        weights = policy.shares([e.check for e in spoke])
        surprise = float(combine_surprise([_surprise(e) for e in spoke], weights, cap=policy.cap))
        p_value = float(cauchy_combination([e.p_value or 1.0 for e in spoke], weights, cap=policy.cap))
    band = policy.band(surprise)
    findings = find(heard, declared, policy)
    return RiskReport(
        subject=subject,
        declared=declared,
        risk=_risk(surprise),
        surprise=surprise,
        p_value=p_value,
        band=band,
        headline=_headline(band, p_value),
        findings=findings,
        evidence=tuple(evidence),
        alternatives=likely_codes(spoke, declared),
        versions=named,
        reference=reference,
        chance=chance,
        goods=weigh(evidence, declared, instead or {}),
    )


def merge(reports: Sequence[RiskReport], *, subject: str, policy: Policy) -> RiskReport:
    """One report for a declaration of several lines; a single line's report is returned under `subject`."""
    if len(reports) == 1:
        return reports[0].model_copy(update={"subject": subject})
    spoke = [r for r in reports if r.surprise is not None]
    surprise = p_value = None
    if spoke:
        surprise = float(combine_surprise([r.surprise or 0.0 for r in spoke], cap=policy.cap))
        p_value = float(cauchy_combination([r.p_value or 1.0 for r in spoke], cap=policy.cap))
    band = policy.band(surprise) if surprise is not None else "unknown"
    return RiskReport(
        subject=subject,
        risk=None if surprise is None else _risk(surprise),
        surprise=surprise,
        p_value=p_value,
        band=band,
        headline=Message(id="band.unknown") if p_value is None else _headline(band, p_value),
        findings=in_order(f for r in reports for f in r.findings),
        evidence=tuple(e for r in reports for e in r.evidence),
        versions=dict(reports[0].versions),
        chance=_any(r.chance for r in reports),
        lines=tuple(reports),
    )


def likely_codes(spoke: Sequence[Evidence], declared: HsCode | None) -> tuple[Alternative, ...]:
    """Headings outside the declared one that the sources point to: their mean probability, best first.

    Only the part of each source's probability that lies outside the declared heading counts, so a source
    that agrees with the declaration adds nothing; what stays below one in ten is not named. A price tells
    which codes cost as much and not what the goods are: it is no source.
    """
    if declared is None:
        return ()
    sources = [e for e in spoke if e.alternatives and e.check in RECOGNISING]
    total: dict[HsCode | None, float] = defaultdict(float)
    for source in sources:
        for other in elsewhere(source.alternatives, declared):
            heading = None if other.hs is None else other.hs.at(min(4, other.hs.level))
            total[heading] += other.probability / len(sources)
    ranked = sorted(total.items(), key=lambda item: -item[1])
    return tuple(Alternative(hs=hs, probability=min(p, 1.0)) for hs, p in ranked[:5] if p >= _NAMED)


def worst(reports: Sequence[RiskReport]) -> list[RiskReport]:
    """Reports in the order of a queue: most surprising first, those nobody could judge last.

    Where every report has the chance of a finding, learned from outcomes, that decides first.
    """
    learned = all(r.chance is not None for r in reports if r.surprise is not None)
    return sorted(
        reports,
        key=lambda r: (
            r.surprise is None,
            -(r.chance or 0.0) if learned else 0.0,
            -(r.surprise or 0.0),
            BANDS.index(r.band),
        ),
    )


def said_by(spoke: Sequence[Evidence]) -> dict[str, float]:
    """Check → surprise."""
    return {e.check: e.surprise or 0.0 for e in spoke}


def _as_heard(evidence: Evidence, joint: Joint) -> Evidence:
    """With the surprise that joint clean cases leave to its check."""
    if evidence.surprise is None or evidence.check not in joint.own:
        return evidence
    return evidence.model_copy(update={"surprise": joint.heard_one(evidence.check, evidence.surprise)})


def _any(chances: Iterable[float | None]) -> float | None:
    """The chance that something is found in any of the lines, as if they were independent."""
    known = [chance for chance in chances if chance is not None]
    return 1.0 - math.prod(1.0 - chance for chance in known) if known else None


def _surprise(evidence: Evidence) -> float:
    return max(evidence.surprise or 0.0, 0.0)


def _risk(surprise: float) -> float:
    return float(1.0 - 10.0**-surprise)


def _headline(band: str, p_value: float) -> Message:
    """In words, from the counted p-value: an extrapolated tail is no count of consignments."""
    return Message(id=f"band.{band}", params={} if band == "clear" else {"one_in": round(1.0 / p_value, 1)})
