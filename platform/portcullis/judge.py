"""From a consignment to one fused report: score every line, fuse, keep the heat-map."""

from __future__ import annotations

from dataclasses import dataclass

from customs.evidence import HeatMap
from fusion import Policy, RiskReport, assess, merge
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
    versions = models.versions
    reports = [
        assess(evidence, subject=case.subject, declared=case.declared, policy=policy, versions=versions)
        for case, evidence in zip(cases, by_line, strict=True)
    ]
    drawn = [e for evidence in by_line for e in evidence if e.artefact is not None]
    oddest = max(drawn, key=lambda e: e.surprise or 0.0, default=None)
    report = merge(reports, subject=consignment.declaration.id, policy=policy)
    return Verdict(report, None if oddest is None else oddest.artefact)
