"""From consignments to one fused report each: score every line, fuse, keep the heat-map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from customs.case import Case
from customs.evidence import Evidence, HeatMap
from customs.hs import HsCode
from fusion import Policy, RiskReport, assess, candidates, merge
from fusion.assess import said_by
from portcullis.consignment import Consignment
from portcullis.insight.looks import look_of_cases
from portcullis.models import Models
from portcullis.store.scan_looks import ScanLook


@dataclass(frozen=True, eq=False)
class Verdict:
    """The report on a consignment, where on its scan the oddness sits, and what the scan looks like."""

    report: RiskReport
    heatmap: HeatMap | None = None
    look: ScanLook | None = None


def judge(consignment: Consignment, models: Models, policy: Policy) -> Verdict:
    """Score all lines of a consignment with all models and fuse what they say."""
    return judge_all([consignment], models, policy)[0]


def judge_all(consignments: Sequence[Consignment], models: Models, policy: Policy) -> list[Verdict]:
    """One verdict for each consignment, in order, the same as alone.

    The models are asked twice whatever the number: about all lines, and about all lines as if they had been
    declared as the codes that the sources point to.
    """
    by_consignment = [consignment.cases for consignment in consignments]
    cases = [case for own in by_consignment for case in own]
    by_case = models.score(cases)
    instead = _instead(cases, by_case, models, policy)
    chances = _chances(consignments, by_case, models)
    reports = iter(
        assess(
            evidence,
            subject=case.subject,
            declared=case.declared,
            policy=policy,
            versions=models.versions,
            fusion=models.fusion,
            chance=chance,
            instead=others,
        )
        for case, evidence, others, chance in zip(cases, by_case, instead, chances, strict=True)
    )
    evidence_of = iter(by_case)
    verdicts = []
    for consignment, own in zip(consignments, by_consignment, strict=True):
        lines = list(islice(reports, len(own)))
        report = merge(lines, subject=consignment.declaration.id, policy=policy)
        heatmap = _oddest(islice(evidence_of, len(own)))
        verdicts.append(Verdict(report, heatmap, look_of_cases(own, models)))
    return verdicts


def _instead(
    cases: Sequence[Case], by_case: Sequence[list[Evidence]], models: Models, policy: Policy
) -> list[dict[HsCode, list[Evidence]]]:
    """For each line, what all models would say had it been declared as one of its candidate codes."""
    codes = [candidates(e, case.declared, policy) for case, e in zip(cases, by_case, strict=True)]
    others = [case.redeclared(code) for case, own in zip(cases, codes, strict=True) for code in own]
    answers = iter(models.score(others) if others else ())
    return [dict(zip(own, islice(answers, len(own)), strict=True)) for own in codes]


def _chances(
    consignments: Sequence[Consignment], by_case: Sequence[list[Evidence]], models: Models
) -> list[float | None]:
    """Of each line, the chance that an inspection finds something; None where no outcomes were learned."""
    if models.fusion is None or models.fusion.head is None:
        return [None] * len(by_case)
    from customs.readers.declarations import table_of
    from fusion.head.attributes import attributes

    rows = attributes(table_of([consignment.declaration for consignment in consignments]))
    said = [said_by([e for e in evidence if not e.abstained]) for evidence in by_case]
    return models.fusion.chances(rows, said)


def _oddest(by_line: Iterator[list[Evidence]]) -> HeatMap | None:
    """The heat-map of the most surprising check that drew one."""
    drawn = [e for evidence in by_line for e in evidence if e.artefact is not None]
    oddest = max(drawn, key=lambda e: e.surprise or 0.0, default=None)
    return None if oddest is None else oddest.artefact
