"""From a consignment to one fused report: score every line, fuse, keep the heat-map."""

from __future__ import annotations

from dataclasses import dataclass

from customs.case import Case
from customs.evidence import Evidence, HeatMap
from customs.hs import HsCode
from fusion import Policy, RiskReport, assess, candidates, merge
from portcullis.consignment import Consignment
from portcullis.models import Models


@dataclass(frozen=True, eq=False)
class Verdict:
    """The report on a consignment, and where on its scan the oddness sits."""

    report: RiskReport
    heatmap: HeatMap | None = None


def judge(consignment: Consignment, models: Models, policy: Policy) -> Verdict:
    """Score all lines of a consignment with all models and fuse what they say."""
    cases = consignment.cases
    by_line = models.score(cases)
    reports = [
        _line(case, number, evidence, models, policy)
        for number, (case, evidence) in enumerate(zip(cases, by_line, strict=True))
    ]
    drawn = [e for evidence in by_line for e in evidence if e.artefact is not None]
    oddest = max(drawn, key=lambda e: e.surprise or 0.0, default=None)
    report = merge(reports, subject=consignment.declaration.id, policy=policy)
    return Verdict(report, None if oddest is None else oddest.artefact)


def _line(case: Case, number: int, evidence: list[Evidence], models: Models, policy: Policy) -> RiskReport:
    attributes = None
    if models.fusion is not None and models.fusion.head is not None and case.declaration is not None:
        from customs.readers.declarations import table_of
        from fusion.head.attributes import attributes as attributes_of

        attributes = attributes_of(table_of([case.declaration]).iloc[[number]])
    return assess(
        evidence,
        subject=case.subject,
        declared=case.declared,
        policy=policy,
        versions=models.versions,
        fusion=models.fusion,
        attributes=attributes,
        instead=_instead(case, evidence, models, policy),
    )


def _instead(
    case: Case, evidence: list[Evidence], models: Models, policy: Policy
) -> dict[HsCode, list[Evidence]]:
    """What all models would say, had the line been declared as one of the codes that the sources point to."""
    codes = candidates(evidence, case.declared, policy)
    return dict(zip(codes, models.score([case.redeclared(code) for code in codes]), strict=True))
