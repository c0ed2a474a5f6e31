"""What the page of a case is given."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from customs.declaration import Declaration
from customs.evidence import Alternative
from customs.sentences import render
from fusion import RiskReport
from portcullis.store.assessments import Assessment
from portcullis.web.case.rows import EvidenceRow, FindingRow, LikelyRow, OtherCodeRow, Wording
from portcullis.web.frame import Frame, Page


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
class CasePage(Page):
    """One assessment: verdict, what to look for, and on what it rests."""

    template: ClassVar[str] = "case/case.html"
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
    likely: tuple[LikelyRow, ...]
    compared: str  # how many clean cases the risk was calibrated on, "" where it was not
    chance: str  # that an inspection finds something, "" where no outcomes were learned from
    facts: tuple[Fact, ...]
    goods: tuple[GoodsRow, ...]
    versions: tuple[str, ...]
    scan: str | None
    scan_notes: tuple[str, ...]  # what was changed to set it upright
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
    ) -> CasePage:
        """From a stored assessment and the official wording of its codes."""
        report, declaration, language = found.report, found.declaration, frame.language
        here = f"/v1/assessments/{found.id}"
        return cls(
            frame=frame,
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
            likely=LikelyRow.all(report, language, wording),
            compared=_compared(report),
            chance="" if report.chance is None else f"{report.chance:.0%}",
            facts=_facts(declaration),
            goods=_goods(declaration, wording),
            versions=tuple(report.versions.values()),
            scan=f"{here}/scan" if found.scan else None,
            scan_notes=found.scan.orientation if found.scan else (),
            heatmap=f"{here}/heatmap" if found.heatmap else None,
            photo=f"{here}/photo" if found.photo else None,
        )


def _others(report: RiskReport) -> tuple[Alternative, ...]:
    return report.alternatives or tuple(a for line in report.lines for a in line.alternatives)[:5]


def _compared(report: RiskReport) -> str:
    """The fewest clean cases that one of the lines was compared with."""
    sizes = [line.reference.size for line in (report.lines or (report,)) if line.reference is not None]
    return f"{min(sizes):,}" if sizes else ""


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
