"""What the evidence of one check, and what follows from it, is to a page: rows of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from customs.evidence import Alternative, Contribution, Evidence
from customs.hs import HsCode
from customs.sentences import Language, render
from fusion import Finding, RiskReport
from portcullis.report import check_label, driver_label, unit_label

Wording = Mapping[HsCode, str]
# From one in twenty on a figure is called unusual, as everywhere here.
ODD = 0.05
# Parts of an expectation that a page shows; the API gives all.
_PARTS = 8


@dataclass(frozen=True)
class OtherCodeRow:
    """A code that the goods may have; no code means an empty container."""

    code: str | None
    wording: str
    percent: str
    share: float

    @classmethod
    def all(cls, others: Sequence[Alternative], wording: Wording) -> tuple[OtherCodeRow, ...]:
        """From alternatives; those below one per cent say nothing and are left out."""
        return tuple(
            cls(
                None if other.hs is None else str(other.hs),
                "" if other.hs is None else wording.get(other.hs, ""),
                f"{other.probability:.0%}",
                round(other.probability, 4),
            )
            for other in others
            if other.probability >= 0.01
        )


@dataclass(frozen=True)
class LikelyRow:
    """What the goods of one line most likely are, and what every source says of it."""

    subject: str
    code: str
    wording: str
    percent: str
    is_declared: bool
    stances: tuple[str, ...]

    @classmethod
    def all(cls, report: RiskReport, language: Language, wording: Wording) -> tuple[LikelyRow, ...]:
        """Of each line in which something speaks against the declared code."""
        return tuple(
            cls(
                line.subject,
                str(line.goods.code),
                "" if line.goods.code is None else wording.get(line.goods.code, ""),
                f"{line.goods.probability:.0%}",
                line.goods.code == line.declared,
                tuple(render(stance.sentence, language) for stance in line.goods.stances),
            )
            for line in (report.lines or (report,))
            if line.goods is not None
        )


@dataclass(frozen=True)
class FindingRow:
    """One thing that does not fit, and what to look for.

    kind: the check or the disagreement; evidence: the checks it rests on; on_scan: it has a place there.
    """

    kind: str
    evidence: tuple[str, ...]
    on_scan: bool
    label: str
    subject: str
    severity: str
    sentence: str
    advice: str
    others: tuple[OtherCodeRow, ...]

    @classmethod
    def of(
        cls, finding: Finding, language: Language, wording: Wording, *, has_scan: bool = False
    ) -> FindingRow:
        """From a finding; has_scan: there is a picture to show it on."""
        return cls(
            kind=finding.kind,
            evidence=finding.evidence,
            on_scan=has_scan and any(check.startswith("xray.") for check in finding.evidence),
            label=check_label(finding.kind, language),
            subject=finding.subject,
            severity=finding.severity,
            sentence=render(finding.sentence, language),
            advice=render(finding.advice, language),
            others=OtherCodeRow.all(finding.alternatives[:3], wording),
        )


@dataclass(frozen=True)
class PartRow:
    """What one driver, in one month where there is one, adds to an expectation."""

    driver: str
    month: str
    effect: str

    @classmethod
    def all(cls, parts: Sequence[Contribution], language: Language) -> tuple[PartRow, ...]:
        """From contributions, the largest of them first."""
        largest = sorted(parts, key=lambda part: -abs(part.effect))[:_PARTS]
        return tuple(
            cls(driver_label(part.driver, language), part.month or "", f"{part.effect:+.1%}")
            for part in largest
        )


@dataclass(frozen=True)
class EvidenceRow:
    """One check's figures, what they mean, and why that is expected."""

    check: str
    label: str
    subject: str
    observed: str
    expected: str
    unit: str
    p_value: str
    group: str
    size: str
    sentence: str
    details: tuple[str, ...]
    parts: tuple[PartRow, ...]

    @classmethod
    def of(cls, evidence: Evidence, language: Language) -> EvidenceRow:
        """From evidence that speaks or abstains."""
        low_high = evidence.expected
        write = _WRITERS.get(evidence.unit or "", number)
        return cls(
            check=evidence.check,
            label=check_label(evidence.check, language),
            subject=evidence.subject,
            observed="" if evidence.observed is None else write(evidence.observed),
            expected="" if low_high is None else f"{write(low_high[0])} – {write(low_high[1])}",
            unit="" if write is percent else unit_label(evidence.unit or "", language),
            p_value="" if evidence.p_value is None else f"{evidence.p_value:.2g}",
            group=evidence.reference.group if evidence.reference else "",
            size=f"{evidence.reference.size:,}" if evidence.reference else "",
            sentence=render(evidence.message, language),
            details=tuple(render(detail, language) for detail in evidence.details),
            parts=PartRow.all(evidence.contributions, language),
        )


def number(value: float) -> str:
    """A figure with as many digits as an officer reads.

    >>> number(23817.4), number(12.345), number(0.01234), number(5e295)
    ('23,817', '12.3', '0.0123', '5e+295')
    """
    size = abs(value)
    if size >= 1e12:
        return f"{value:.3g}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def percent(value: float) -> str:
    """A probability as an officer reads it: never 0 % for what may be, never 100 % for what may not.

    >>> percent(0.62), percent(0.031), percent(0.0002), percent(0.9998), percent(0), percent(1)
    ('62%', '3.1%', '<0.1%', '>99.9%', '0%', '100%')
    """
    if 0 < value < 0.001:
        return "<0.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    return f"{value:.0%}" if 0.1 <= value <= 0.99 or value in (0, 1) else f"{value:.1%}"


def count(value: float) -> str:
    """Whole things: an expected 1,234.6 packages are 1,235."""
    return f"{value:,.0f}"


_WRITERS: dict[str, Callable[[float], str]] = {"probability": percent, "packages": count}
