"""What an officer gets: one risk, the findings behind it, and the evidence behind those."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from customs.evidence import Alternative, CodeField, Evidence, Message, Reference
from fusion.goods import Goods
from fusion.policy import Band, Severity


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Finding(_Frozen):
    """One thing that does not fit.

    kind: a check (`price.unit_value`) or a disagreement between two sources (`mismatch.hsk_image`).
    sentence: what does not fit; advice: what to look for. evidence: the checks it rests on.
    """

    kind: str
    subject: str
    severity: Severity
    surprise: float
    sentence: Message
    advice: Message
    evidence: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = ()


class RiskReport(_Frozen):
    """One consignment (or one of its lines) as fused from all evidence.

    surprise: −log10 of the combined tail probability: the order of a queue, without ties.
    risk: 1 − 10^(−surprise): how far up among clean consignments this one would stand, 0 … 1.
    p_value: combined from the counted p-values, so never below what the reference groups can show;
        None when no check could speak, which is no clearance (`band` is "unknown").
    reference: the clean cases that were sent with as much, on which risk and p-value were calibrated; None
        where no fusion model was loaded and the combination is taken at its word.
    chance: that an inspection finds something, learned from outcomes; None where none were learned from.
    goods: the code that fits all sources best, where something speaks against the declared one.
    lines: a report for each line when there are several; findings and evidence then name their line.
    """

    subject: str
    declared: CodeField = None
    risk: float | None = Field(ge=0, le=1)
    surprise: float | None
    p_value: float | None = Field(gt=0, le=1)
    band: Band
    headline: Message
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    reference: Reference | None = None
    chance: float | None = Field(default=None, ge=0, le=1)
    goods: Goods | None = None
    lines: tuple[RiskReport, ...] = ()

    @property
    def spoke(self) -> tuple[Evidence, ...]:
        """Evidence of the checks that could speak, oddest first."""
        return tuple(
            sorted((e for e in self.evidence if not e.abstained), key=lambda e: -(e.surprise or 0.0))
        )

    @property
    def silent(self) -> tuple[Evidence, ...]:
        """Evidence of the checks that abstained, with their reasons."""
        return tuple(e for e in self.evidence if e.abstained)
