"""From surprising evidence to named findings: an ordered table of small rules, each a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from customs.evidence import Alternative, Evidence, Message
from customs.hs import HsCode
from fusion.policy import Policy, Severity
from fusion.report import Finding

Rule = Callable[[Mapping[str, Evidence], HsCode | None, Policy], Finding | None]


def find(evidence: Sequence[Evidence], declared: HsCode | None, policy: Policy) -> tuple[Finding, ...]:
    """All findings of one line, most surprising first.

    A disagreement between two sources is named as such and takes the place of the single check it rests on.
    """
    spoke = {e.check: e for e in evidence if not e.abstained}
    found = [finding for rule in MISMATCHES if (finding := rule(spoke, declared, policy)) is not None]
    taken = {check for finding in found for check in finding.evidence}
    for check, item in spoke.items():
        severity = policy.severity(item.surprise or 0.0)
        if severity is not None and check not in taken:
            found.append(
                _finding(
                    check, severity, [item], item.message, Message(id=f"advice.{check}"), item.alternatives
                )
            )
    return tuple(sorted(found, key=lambda f: -f.surprise))


def hsk_image(spoke: Mapping[str, Evidence], declared: HsCode | None, policy: Policy) -> Finding | None:
    """The scan does not look like the declared code; it looks like another."""
    scan = spoke.get("xray.packing")
    if scan is None or declared is None or (severity := policy.severity(scan.surprise or 0.0)) is None:
        return None
    others = elsewhere(scan.alternatives, declared)
    if not others:
        return None
    likely = others[0]
    name = "mismatch.hsk_image" if likely.hs is not None else "mismatch.hsk_image.empty"
    sentence = Message(
        id=name,
        params={"declared": str(declared), "likely": str(likely.hs or ""), "probability": likely.probability},
    )
    return _finding(
        "mismatch.hsk_image", severity, [scan], sentence, Message(id="advice.mismatch.hsk_image"), others
    )


def hsk_price(spoke: Mapping[str, Evidence], declared: HsCode | None, policy: Policy) -> Finding | None:
    """The unit value is not one that this code's goods have."""
    price = spoke.get("price.unit_value")
    if price is None or declared is None or price.observed is None or price.expected is None:
        return None
    if (severity := policy.severity(price.surprise or 0.0)) is None:
        return None
    low, high = price.expected
    direction = "low" if price.observed < low else "high"
    sentence = Message(
        id=f"mismatch.hsk_price.{direction}",
        params={"declared": str(declared), "observed": price.observed, "low": low, "high": high},
    )
    # other sources that point to another code make a swapped code likelier than a false price
    others = [
        a
        for check in ("hs.text", "xray.packing")
        if check in spoke
        for a in _pointing(spoke[check], declared, policy)
    ]
    advice = Message(id=f"advice.mismatch.hsk_price.{direction}")
    return _finding("mismatch.hsk_price", severity, [price], sentence, advice, tuple(others))


def image_mass(spoke: Mapping[str, Evidence], declared: HsCode | None, policy: Policy) -> Finding | None:
    """The scan weighs more or less than was declared."""
    mass = spoke.get("xray.mass")
    if mass is None or mass.observed is None or mass.expected is None:
        return None
    if (severity := policy.severity(mass.surprise or 0.0)) is None:
        return None
    low, high = mass.expected
    direction = "under" if mass.observed < low else "over"
    sentence = Message(
        id=f"mismatch.image_mass.{direction}", params={"declared_kg": mass.observed, "low": low, "high": high}
    )
    advice = Message(id=f"advice.mismatch.image_mass.{direction}")
    return _finding("mismatch.image_mass", severity, [mass], sentence, advice, ())


MISMATCHES: tuple[Rule, ...] = (hsk_image, hsk_price, image_mass)


def elsewhere(alternatives: Sequence[Alternative], declared: HsCode) -> tuple[Alternative, ...]:
    """Alternatives outside the declared heading, best first."""
    heading = declared.at(min(4, declared.level))
    return tuple(
        sorted(
            (a for a in alternatives if a.hs is None or not heading.covers(a.hs)),
            key=lambda a: -a.probability,
        )
    )


def _pointing(evidence: Evidence, declared: HsCode, policy: Policy) -> tuple[Alternative, ...]:
    odd = policy.severity(evidence.surprise or 0.0) is not None
    return elsewhere(evidence.alternatives, declared)[:1] if odd else ()


def _finding(
    kind: str,
    severity: Severity,
    evidence: Sequence[Evidence],
    sentence: Message,
    advice: Message,
    alternatives: tuple[Alternative, ...],
) -> Finding:
    return Finding(
        kind=kind,
        subject=evidence[0].subject,
        severity=severity,
        surprise=max(e.surprise or 0.0 for e in evidence),
        sentence=sentence,
        advice=advice,
        evidence=tuple(e.check for e in evidence),
        alternatives=alternatives[:5],
    )
