"""The lines of a consignment on its page: which one is looked at, and what was found in each."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from customs.declaration import Declaration
from customs.sentences import Language
from fusion import RiskReport
from fusion.policy import SEVERITIES, Severity
from portcullis.web.case.rows import FindingRow, Wording

MOST_FINDINGS = 24  # on one page; a line's own are always among them


@dataclass(frozen=True)
class LineRow:
    """One line to choose. number: from 1; severity: of its gravest finding, "" without one."""

    number: int
    name: str
    hs: str
    band: str
    severity: str
    findings: int
    chosen: bool
    href: str

    @classmethod
    def all(
        cls, declaration: Declaration, report: RiskReport, chosen: int, kept: dict[str, str]
    ) -> tuple[LineRow, ...]:
        """Of a consignment with several lines; kept: what else the address says."""
        if not report.lines:
            return ()
        severities: dict[str, list[Severity]] = {}
        for finding in report.findings:
            severities.setdefault(finding.subject, []).append(finding.severity)
        rows = []
        for i, (line, judged) in enumerate(zip(declaration.lines, report.lines, strict=True)):
            found = severities.get(judged.subject, [])
            rows.append(
                cls(
                    number=i + 1,
                    name=line.name,
                    hs=str(line.hsk),
                    band=judged.band,
                    severity=max(found, key=SEVERITIES.index, default=""),
                    findings=len(found),
                    chosen=i == chosen,
                    href="?" + urlencode({"line": i + 1, **kept}),
                )
            )
        return tuple(rows)


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one line, gravest first; number: of the line, None where there is only one."""

    number: int | None
    name: str
    findings: tuple[FindingRow, ...]

    @classmethod
    def all(
        cls,
        declaration: Declaration,
        report: RiskReport,
        chosen: int,
        language: Language,
        wording: Wording,
        *,
        has_scan: bool,
    ) -> tuple[FindingGroup, ...]:
        """The chosen line's first, then the others' in the order of their gravest."""
        if not report.lines:
            rows = tuple(FindingRow.of(f, language, wording, has_scan=has_scan) for f in report.findings)
            return (cls(None, "", rows),) if rows else ()
        by_subject: dict[str, list[FindingRow]] = {report.lines[chosen].subject: []}
        shown = 0
        for finding in report.findings:
            own = finding.subject == report.lines[chosen].subject
            if own or shown < MOST_FINDINGS:
                rows_here = by_subject.setdefault(finding.subject, [])
                rows_here.append(FindingRow.of(finding, language, wording, has_scan=has_scan))
                shown += 1
        numbers = {judged.subject: i for i, judged in enumerate(report.lines)}
        return tuple(
            cls(
                numbers[subject] + 1 if subject in numbers else None,
                declaration.lines[numbers[subject]].name if subject in numbers else "",
                tuple(rows_found),
            )
            for subject, rows_found in by_subject.items()
            if rows_found
        )


def gravest(report: RiskReport) -> int:
    """The line that an officer looks at first: the one with the gravest finding, else the most surprising."""
    if not report.lines:
        return 0
    numbers = {judged.subject: i for i, judged in enumerate(report.lines)}
    for finding in report.findings:
        if finding.subject in numbers:
            return numbers[finding.subject]
    return max(range(len(report.lines)), key=lambda i: report.lines[i].surprise or 0.0)
