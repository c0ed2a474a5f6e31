"""What the page of a case is given."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from customs.declaration import Declaration
from customs.evidence import Alternative
from customs.sentences import Language, render
from customs.units import Country
from fusion import RiskReport
from portcullis.identity.permissions import Permission
from portcullis.insight.countries import place as country_place
from portcullis.insight.scans import ExpectedDensity
from portcullis.store.assessments import Assessment
from portcullis.web.case.expectation import Expectation
from portcullis.web.case.lines import FindingGroup, LineRow, gravest
from portcullis.web.case.measured import MeasuredRow
from portcullis.web.case.queue_place import QueuePlace
from portcullis.web.case.rows import EvidenceRow, LikelyRow, OtherCodeRow, Wording
from portcullis.web.case.work import Work
from portcullis.web.frame import Frame, Page


@dataclass(frozen=True)
class GoodsRow:
    """One declared line."""

    number: int
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
class CasePage(Page):
    """One assessment: verdict, what to look for, and on what it rests.

    line: the number of the line whose evidence is shown; lines: to choose from, none where there is one only.
    """

    template: ClassVar[str] = "case/case.html"
    id: str
    declaration_id: str
    when: str
    by: str
    band: str
    headline: str
    work: Work
    may_work: bool
    place: QueuePlace | None
    line: int
    lines: tuple[LineRow, ...]
    groups: tuple[FindingGroup, ...]
    more_findings: int  # that are not shown
    expectation: Expectation
    measured: tuple[MeasuredRow, ...]
    spoke: tuple[EvidenceRow, ...]
    silent: tuple[EvidenceRow, ...]
    others: tuple[OtherCodeRow, ...]
    likely: tuple[LikelyRow, ...]
    compared: str  # how many clean cases the risk was calibrated on, "" where it was not
    chance: str  # that an inspection finds something, "" where no outcomes were learned from
    facts: tuple[Fact, ...]
    goods: tuple[GoodsRow, ...]
    versions: tuple[str, ...]
    scan: str | None
    scan_notes: tuple[str, ...]  # what was changed to set it upright
    degraded: bool  # not all can be measured on the scan
    heatmap: str | None
    photo: str | None

    @classmethod
    def of(
        cls,
        found: Assessment,
        frame: Frame,
        zone: dt.tzinfo,
        *,
        wording: Wording,
        expected: ExpectedDensity | None,
        work: Work,
        line: int | None = None,
        place: QueuePlace | None = None,
    ) -> CasePage:
        """From a stored assessment, the official wording of its codes and where the case stands.

        line: that the visitor chose, from 1; None or one that is not there: the gravest.
        """
        report, declaration, language = found.report, found.declaration, frame.language
        here = f"/v1/assessments/{found.id}"
        chosen = gravest(report) if line is None or line > len(declaration.lines) else line - 1
        judged = report.lines[chosen] if report.lines else report
        # the scan shows the main goods, whichever line is looked at
        main = chosen if expected is None or expected.line is None else expected.line - 1
        on_scan = report.lines[main] if report.lines else report
        kept = {name: value for name, value in frame.query if name == "from"}
        groups = FindingGroup.all(
            declaration, report, chosen, language, wording, has_scan=found.scan is not None
        )
        return cls(
            frame=frame,
            id=found.id,
            declaration_id=declaration.id,
            when=found.created_at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z"),
            by=found.account,
            band=report.band,
            headline=render(report.headline, language),
            work=work,
            may_work=frame.may(Permission.WORK_CASES),
            place=place,
            line=chosen + 1,
            lines=LineRow.all(declaration, report, chosen, kept),
            groups=groups,
            more_findings=len(report.findings) - sum(len(group.findings) for group in groups),
            expectation=Expectation.of(expected, on_scan.evidence, wording, language),
            measured=MeasuredRow.all(declaration, declaration.lines[chosen], judged.evidence, language),
            spoke=tuple(EvidenceRow.of(e, language) for e in judged.spoke),
            silent=tuple(EvidenceRow.of(e, language) for e in judged.silent),
            others=OtherCodeRow.all(judged.alternatives or _others(report), wording),
            likely=LikelyRow.all(judged, language, wording),
            compared=_compared(report),
            chance="" if report.chance is None else f"{report.chance:.0%}",
            facts=_facts(declaration, language),
            goods=_goods(declaration, wording),
            versions=tuple(report.versions.values()),
            scan=f"{here}/scan" if found.scan else None,
            scan_notes=found.scan.orientation if found.scan else (),
            degraded=bool(found.scan and found.scan.degraded),
            heatmap=f"{here}/heatmap" if found.heatmap else None,
            photo=f"{here}/photo" if found.photo else None,
        )


def _others(report: RiskReport) -> tuple[Alternative, ...]:
    return report.alternatives or tuple(a for line in report.lines for a in line.alternatives)[:5]


def _compared(report: RiskReport) -> str:
    """The fewest clean cases that one of the lines was compared with."""
    sizes = [line.reference.size for line in (report.lines or (report,)) if line.reference is not None]
    return f"{min(sizes):,}" if sizes else ""


def _facts(declaration: Declaration, language: Language) -> tuple[Fact, ...]:
    told = {
        "date": declaration.date.isoformat(),
        "importer": declaration.importer,
        "declarant": declaration.declarant,
        "seller": declaration.seller,
        "forwarder": declaration.forwarder,
        "origin": _named(declaration.origin, language),
        "departure": declaration.departure and _named(declaration.departure, language),
        "mode": declaration.mode and declaration.mode.value,
        "office": declaration.office,
        "container": declaration.container,
        "gross": str(declaration.gross_kg),
    }
    return tuple(Fact(name, value) for name, value in told.items() if value)


def _named(country: Country, language: Language) -> str:
    """A country's name with its code."""
    known = country_place(country.code)
    return f"{known.ko if language == 'ko' else known.en} ({country.code})"


def _goods(declaration: Declaration, wording: Wording) -> tuple[GoodsRow, ...]:
    return tuple(
        GoodsRow(
            number=number,
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
        for number, line in enumerate(declaration.lines, start=1)
    )
