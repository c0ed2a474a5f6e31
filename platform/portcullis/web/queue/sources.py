"""What each source says the goods are: declared code, description, photo, scan, unit value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from customs.hs import HsCode
from customs.sentences import Language
from fusion import RiskReport
from portcullis.store.assessments import Assessment
from portcullis.web.queue.choices import country_name

# Pairs of sources that can disagree, by the finding that says so.
PAIRS: Mapping[str, str] = MappingProxyType(
    {
        "code_scan": "mismatch.hsk_image",
        "code_price": "mismatch.hsk_price",
        "code_text": "hs.text",
        "code_photo": "hs.photo",
        "text_photo": "mismatch.text_photo",
        "weight_scan": "mismatch.image_mass",
    }
)
_CHECKS = {"text": "hs.text", "photo": "hs.photo", "scan": "xray.packing", "price": "price.for_this_code"}
ODD = 1.7  # surprise from which a source is shown as speaking against the code: one in fifty


@dataclass(frozen=True)
class Says:
    """What one source says. state: silent, agrees, or against; code, percent: of what it takes them for."""

    source: str
    state: str
    code: str
    percent: str


@dataclass(frozen=True)
class Disagreement:
    """One case of the disagreement view."""

    id: str
    declaration_id: str
    country: str
    goods: str
    declared: str
    says: tuple[Says, ...]
    likely: str | None  # the code that fits all sources best
    likely_percent: str

    @classmethod
    def of(cls, found: Assessment, language: Language) -> Disagreement:
        """Of the line in which most speaks against the code."""
        lines = found.report.lines or (found.report,)
        index = max(range(len(lines)), key=lambda i: lines[i].surprise or 0.0)
        report, line = lines[index], found.declaration.lines[index]
        goods = report.goods
        return cls(
            id=found.id,
            declaration_id=found.declaration.id,
            country=country_name(str(found.declaration.origin), language),
            goods=line.name,
            declared=str(line.hsk),
            says=tuple(_says(source, check, report) for source, check in _CHECKS.items()),
            likely=None if goods is None or goods.code is None else str(goods.code),
            likely_percent="" if goods is None else f"{goods.probability:.0%}",
        )


def _says(source: str, check: str, report: RiskReport) -> Says:
    spoken = next((e for e in report.evidence if e.check == check), None)
    if spoken is None or spoken.surprise is None:
        return Says(source, "silent", "", "")
    # what a finding rests on speaks against the code, also where other evidence made the finding
    against = spoken.surprise >= ODD or any(check in finding.evidence for finding in report.findings)
    if not against or not spoken.alternatives:
        return Says(source, "against" if against else "agrees", "", "")
    best = max(spoken.alternatives, key=lambda a: a.probability)
    code = "" if best.hs is None else str(HsCode(best.hs.digits))
    return Says(source, "against", code, f"{best.probability:.0%}")
