"""From surprising evidence to named findings: an ordered table of small rules, each a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from customs.evidence import Alternative, Evidence, Message
from customs.hs import HsCode
from fusion.policy import SEVERITIES, Policy
from fusion.report import Finding

Rule = Callable[[Mapping[str, Evidence], HsCode | None, Policy], Finding | None]
# Checks that tell what the goods are.
RECOGNISING = ("hs.text", "hs.photo", "xray.packing")
# The value by which price.for_this_code names a code that the price fits clearly better; else it names none.
_OTHER = "other"
# Probability from which a code that the price fits is worth listing.
_FITS = 0.1


def find(evidence: Sequence[Evidence], declared: HsCode | None, policy: Policy) -> tuple[Finding, ...]:
    """All findings of one line, most severe first.

    A disagreement between two sources is named as such and takes the place of the single check it rests on.
    What two checks see of one fact (the policy's echoes) is one finding, as severe as the oddest of them; an
    echo that the check it echoes does not confirm is no more than a note.
    """
    spoke = {e.check: e for e in evidence if not e.abstained}
    found = [finding for rule in MISMATCHES if (finding := rule(spoke, declared, policy)) is not None]
    taken = {check for finding in found for check in finding.evidence}
    for check, item in spoke.items():
        if not _is_odd(item, policy) or check in taken or _names_nothing(item):
            continue
        echoed = spoke.get(policy.echoes.get(check, ""))
        if echoed is not None and _is_odd(echoed, policy):
            continue  # that one's finding speaks of it
        members = _with_echoes(item, spoke, policy)
        others = tuple(a for member in members for a in member.alternatives)
        advice = Message(id=f"advice.{check}")
        finding = _finding(check, policy, members, item.message, advice, others)
        found.append(finding if echoed is None else finding.model_copy(update={"severity": SEVERITIES[0]}))
    return in_order(found)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Most severe first, then most surprising: a ceiling may keep a great surprise a mere note."""
    return tuple(sorted(findings, key=lambda f: (-SEVERITIES.index(f.severity), -f.surprise)))


def hsk_image(spoke: Mapping[str, Evidence], declared: HsCode | None, policy: Policy) -> Finding | None:
    """The scan does not look like the declared code; it looks like another."""
    scan = spoke.get("xray.packing")
    if scan is None or declared is None or not _is_odd(scan, policy):
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
        "mismatch.hsk_image", policy, [scan], sentence, Message(id="advice.mismatch.hsk_image"), others
    )


def hsk_price(spoke: Mapping[str, Evidence], declared: HsCode | None, policy: Policy) -> Finding | None:
    """The unit value is not one that this code's goods have."""
    price = spoke.get("price.unit_value")
    if price is None or declared is None or price.observed is None or price.expected is None:
        return None
    if not _is_odd(price, policy):
        return None
    members = _with_echoes(price, spoke, policy)
    low, high = price.expected
    direction = "low" if price.observed < low else "high"
    params: dict[str, str | int | float] = {
        "declared": str(declared),
        "observed": price.observed,
        "low": low,
        "high": high,
    }
    fits: list[Alternative] = []
    suffix = ""
    for echo in members[1:]:
        if _OTHER in echo.message.params:
            suffix, params[_OTHER] = ".other", echo.message.params[_OTHER]
            fits += [a for a in echo.alternatives if a.probability >= _FITS]
    sentence = Message(id=f"mismatch.hsk_price.{direction}{suffix}", params=params)
    # other sources that point to another code make a swapped code likelier than a false price
    others = [a for check in RECOGNISING if check in spoke for a in _pointing(spoke[check], declared, policy)]
    others += [a for a in fits if a.hs not in {other.hs for other in others}]
    advice = Message(id=f"advice.mismatch.hsk_price.{direction}")
    return _finding("mismatch.hsk_price", policy, members, sentence, advice, tuple(others))


def image_mass(spoke: Mapping[str, Evidence], declared: HsCode | None, policy: Policy) -> Finding | None:
    """The scan weighs more or less than was declared."""
    mass = spoke.get("xray.mass")
    if mass is None or mass.observed is None or mass.expected is None:
        return None
    if not _is_odd(mass, policy):
        return None
    low, high = mass.expected
    direction = "under" if mass.observed < low else "over"
    sentence = Message(
        id=f"mismatch.image_mass.{direction}", params={"declared_kg": mass.observed, "low": low, "high": high}
    )
    advice = Message(id=f"advice.mismatch.image_mass.{direction}")
    return _finding("mismatch.image_mass", policy, [mass], sentence, advice, ())


def text_photo(spoke: Mapping[str, Evidence], declared: HsCode | None, policy: Policy) -> Finding | None:
    """The description says one thing and the photo shows another, whichever of them the code follows."""
    text, photo = spoke.get("hs.text"), spoke.get("hs.photo")
    if text is None or photo is None or declared is None:
        return None
    odd = [item for item in (photo, text) if _is_odd(item, policy)]
    says, shows = (_means(item, declared, policy) for item in (text, photo))
    if not odd or says is None or shows is None or says.covers(shows) or shows.covers(says):
        return None
    name = "mismatch.text_photo"
    sentence = Message(id=name, params={"declared": str(declared), "says": str(says), "shows": str(shows)})
    members = [member for item in odd for member in _with_echoes(item, spoke, policy)]
    others = tuple(a for item in odd for a in elsewhere(item.alternatives, declared)[:2])
    return _finding(name, policy, members, sentence, Message(id=f"advice.{name}"), others)


MISMATCHES: tuple[Rule, ...] = (hsk_image, hsk_price, image_mass, text_photo)


def elsewhere(alternatives: Sequence[Alternative], declared: HsCode) -> tuple[Alternative, ...]:
    """Alternatives outside the declared heading, best first."""
    heading = declared.at(min(4, declared.level))
    return tuple(
        sorted(
            (a for a in alternatives if a.hs is None or not heading.covers(a.hs)),
            key=lambda a: -a.probability,
        )
    )


def _means(evidence: Evidence, declared: HsCode, policy: Policy) -> HsCode | None:
    """The heading that a source points to: the declared one while nothing speaks against it."""
    if not _is_odd(evidence, policy):
        return declared.at(min(4, declared.level))
    others = elsewhere(evidence.alternatives, declared)
    found = others[0].hs if others else None
    return None if found is None else found.at(min(4, found.level))


def _is_odd(evidence: Evidence, policy: Policy) -> bool:
    return policy.severity(evidence.surprise or 0.0) is not None


def _with_echoes(item: Evidence, spoke: Mapping[str, Evidence], policy: Policy) -> list[Evidence]:
    """The evidence and what else, itself odd, saw the same fact."""
    echoes = [e for e in spoke.values() if policy.echoes.get(e.check) == item.check and _is_odd(e, policy)]
    return [item, *echoes]


def _names_nothing(item: Evidence) -> bool:
    """True for a price that fits others unusually well and yet none of them clearly better."""
    return item.check == "price.for_this_code" and _OTHER not in item.message.params


def _pointing(evidence: Evidence, declared: HsCode, policy: Policy) -> tuple[Alternative, ...]:
    return elsewhere(evidence.alternatives, declared)[:1] if _is_odd(evidence, policy) else ()


def _finding(
    kind: str,
    policy: Policy,
    evidence: Sequence[Evidence],
    sentence: Message,
    advice: Message,
    alternatives: tuple[Alternative, ...],
) -> Finding:
    """As severe as the oddest evidence it rests on, which has at least one that is odd."""
    severities = [s for e in evidence if (s := policy.severity(e.surprise or 0.0, e.check)) is not None]
    return Finding(
        kind=kind,
        subject=evidence[0].subject,
        severity=max(severities, key=SEVERITIES.index),
        surprise=max(e.surprise or 0.0 for e in evidence),
        sentence=sentence,
        advice=advice,
        evidence=tuple(e.check for e in evidence),
        alternatives=alternatives[:5],
    )
