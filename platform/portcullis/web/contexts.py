"""What each page is given: a frozen dataclass whose fields are exactly the names its template uses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from customs.declaration import Declaration
from customs.errors import Problem
from customs.evidence import Alternative, Contribution, Evidence
from customs.hs import HsCode
from customs.sentences import Language, render
from fusion import Finding, RiskReport
from portcullis.report import check_label, driver_label
from portcullis.store.assessments import Assessment, Summary

Wording = Mapping[HsCode, str]
# Parts of an expectation that a page shows; the API gives all.
_PARTS = 8


@dataclass(frozen=True, kw_only=True)
class Page:
    """What every page is given."""

    template: ClassVar[str]
    language: Language
    account: str | None
    style: str  # address of the style sheet


@dataclass(frozen=True, kw_only=True)
class LoginPage(Page):
    """The form to sign in."""

    template = "login.html"
    name: str = ""
    refused: bool = False
    wait_minutes: int | None = None
    next: str = "/"


@dataclass(frozen=True, kw_only=True)
class ErrorPage(Page):
    """Something that cannot be shown."""

    template = "error.html"
    status: int
    title: str
    detail: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class LatestRow:
    """One assessment in the list."""

    id: str
    when: str
    declaration_id: str
    importer: str
    goods: str
    hs: str
    more_lines: int
    band: str
    findings: tuple[str, ...]

    @classmethod
    def of(cls, found: Summary, language: Language, zone: dt.tzinfo) -> LatestRow:
        """From the store's summary."""
        return cls(
            id=found.id,
            when=found.created_at.astimezone(zone).strftime("%m-%d %H:%M"),
            declaration_id=found.declaration_id,
            importer=found.importer,
            goods=found.goods,
            hs=str(HsCode(found.hs)),
            more_lines=found.lines - 1,
            band=found.band,
            findings=tuple(check_label(kind, language) for kind in found.findings),
        )


@dataclass(frozen=True, kw_only=True)
class DeskPage(Page):
    """The form for a consignment, and the latest assessments."""

    template = "desk.html"
    checks: tuple[str, ...]
    latest: tuple[LatestRow, ...]
    once: str  # makes a form that is sent twice count once
    declaration: str = ""
    problems: tuple[Problem, ...] = ()
    files_lost: bool = False


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
class FindingRow:
    """One thing that does not fit, and what to look for."""

    label: str
    subject: str
    severity: str
    sentence: str
    advice: str
    others: tuple[OtherCodeRow, ...]

    @classmethod
    def of(cls, finding: Finding, language: Language, wording: Wording) -> FindingRow:
        """From a finding."""
        return cls(
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
        share = evidence.unit == "probability"
        write = (lambda value: f"{value:.0%}") if share else number
        return cls(
            label=check_label(evidence.check, language),
            subject=evidence.subject,
            observed="" if evidence.observed is None else write(evidence.observed),
            expected="" if low_high is None else f"{write(low_high[0])} – {write(low_high[1])}",
            unit="" if share else evidence.unit or "",
            p_value="" if evidence.p_value is None else f"{evidence.p_value:.2g}",
            group=evidence.reference.group if evidence.reference else "",
            size=f"{evidence.reference.size:,}" if evidence.reference else "",
            sentence=render(evidence.message, language),
            details=tuple(render(detail, language) for detail in evidence.details),
            parts=PartRow.all(evidence.contributions, language),
        )


@dataclass(frozen=True)
class GoodsRow:
    """One declared line."""

    hs: str
    wording: str
    name: str
    description: str
    net: str
    gross: str
    packages: str
    value: str
    freight: str


@dataclass(frozen=True)
class Fact:
    """One declared fact of the whole consignment: which, and what was declared."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class AssessmentPage(Page):
    """One assessment: verdict, what to look for, and on what it rests."""

    template = "assessment.html"
    id: str
    declaration_id: str
    when: str
    by: str
    band: str
    headline: str
    several_lines: bool
    findings: tuple[FindingRow, ...]
    spoke: tuple[EvidenceRow, ...]
    silent: tuple[EvidenceRow, ...]
    others: tuple[OtherCodeRow, ...]
    facts: tuple[Fact, ...]
    goods: tuple[GoodsRow, ...]
    versions: tuple[str, ...]
    scan: str | None
    heatmap: str | None
    photo: str | None

    @classmethod
    def of(
        cls,
        found: Assessment,
        language: Language,
        zone: dt.tzinfo,
        *,
        account: str,
        style: str,
        wording: Wording,
    ) -> AssessmentPage:
        """From a stored assessment and the official wording of its codes."""
        report, declaration = found.report, found.declaration
        here = f"/v1/assessments/{found.id}"
        return cls(
            language=language,
            account=account,
            style=style,
            id=found.id,
            declaration_id=declaration.id,
            when=found.created_at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z"),
            by=found.account,
            band=report.band,
            headline=render(report.headline, language),
            several_lines=len(declaration.lines) > 1,
            findings=tuple(FindingRow.of(f, language, wording) for f in report.findings),
            spoke=tuple(EvidenceRow.of(e, language) for e in report.spoke),
            silent=tuple(EvidenceRow.of(e, language) for e in report.silent),
            others=OtherCodeRow.all(_others(report), wording),
            facts=_facts(declaration),
            goods=_goods(declaration, wording),
            versions=tuple(report.versions.values()),
            scan=f"{here}/scan" if found.scan else None,
            heatmap=f"{here}/heatmap" if found.heatmap else None,
            photo=f"{here}/photo" if found.photo else None,
        )


PAGES: tuple[type[Page], ...] = (LoginPage, ErrorPage, DeskPage, AssessmentPage)


def number(value: float) -> str:
    """A figure with as many digits as an officer reads.

    >>> number(23817.4), number(12.345), number(0.01234), number(5e295)
    ('23,817', '12.3', '0.0123', '5e+295')
    """
    size = abs(value)
    if size >= 1e12:
        return f"{value:.3g}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def _others(report: RiskReport) -> tuple[Alternative, ...]:
    return report.alternatives or tuple(a for line in report.lines for a in line.alternatives)[:5]


def _facts(declaration: Declaration) -> tuple[Fact, ...]:
    told = {
        "date": declaration.date.isoformat(),
        "importer": declaration.importer,
        "declarant": declaration.declarant,
        "seller": declaration.seller,
        "forwarder": declaration.forwarder,
        "origin": str(declaration.origin),
        "departure": declaration.departure and str(declaration.departure),
        "mode": declaration.mode and declaration.mode.value,
        "office": declaration.office,
        "container": declaration.container,
        "gross": str(declaration.gross_kg),
    }
    return tuple(Fact(name, value) for name, value in told.items() if value)


def _goods(declaration: Declaration, wording: Wording) -> tuple[GoodsRow, ...]:
    return tuple(
        GoodsRow(
            hs=str(line.hsk),
            wording=wording.get(line.hsk, ""),
            name=line.name,
            description=line.description,
            net=f"{float(line.net_kg):,.0f}",
            gross="" if line.gross_kg is None else f"{float(line.gross_kg):,.0f}",
            packages="" if line.packages is None else f"{line.packages:,}",
            value=str(line.value),
            freight="" if line.freight is None else str(line.freight),
        )
        for line in declaration.lines
    )
