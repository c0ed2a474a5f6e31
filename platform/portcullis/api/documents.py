"""Shapes of the API's answers, for OpenAPI and for checking what leaves."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from customs.sentences import Language

# Text that a database can hold (pydantic refuses lone surrogates by itself).
Text = Annotated[str, StringConstraints(pattern=r"^[^\u0000]*$")]


def _written_day(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("write a day such as 2025-04-30")
    return value


# A day as ISO 8601 writes it; pydantic by itself also takes 0, for 1970-01-01.
Day = Annotated[dt.date, BeforeValidator(_written_day)]
# The id of something stored, as it stands in an address.
Id = Annotated[str, Path(pattern=r"^[!-~]{1,64}$", max_length=64)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Sentence(_Document):
    """A message with its values, and the sentence they make."""

    id: str
    params: dict[str, str | int | float]
    sentence: str


class OtherCode(_Document):
    """A code that the goods may have instead; null is an empty container."""

    hs: str | None
    probability: float


class ReferenceGroup(_Document):
    """The clean cases that a p-value was counted on."""

    group: str
    size: int


class ContributionDocument(_Document):
    """What one driver adds to the expected value, as a share of it; month: YYYY-MM if of one month."""

    driver: str
    month: str | None
    effect: float


class EvidenceDocument(_Document):
    """What one check says; a null p-value means that it abstained, and the message says why.

    details: further sentences, such as why the expectation is what it is; contributions: its parts.
    """

    check: str
    subject: str
    p_value: float | None
    surprise: float | None
    observed: float | None
    expected: tuple[float, float] | None
    unit: str | None
    reference: ReferenceGroup | None
    alternatives: list[OtherCode]
    message: Sentence
    details: list[Sentence]
    contributions: list[ContributionDocument]


class FindingDocument(_Document):
    """One thing that does not fit, and what to look for."""

    kind: str
    subject: str
    severity: str
    surprise: float
    sentence: Sentence
    advice: Sentence
    evidence: list[str]
    alternatives: list[OtherCode]


class StanceDocument(_Document):
    """What one source says of the goods: p-values under the declared and the likely code, and its side."""

    source: str
    declared: float
    likely: float
    side: str
    sentence: Sentence


class GoodsDocument(_Document):
    """The code that fits all sources best among those tried, and how likely it is among these."""

    code: str
    probability: float
    stances: list[StanceDocument]


class ReportDocument(_Document):
    """The fused report.

    reference: the clean cases sent with as much, on which risk and p-value were calibrated; chance: that an
    inspection finds something, learned from outcomes; goods: where something speaks against the declared
    code. Null where there is none.
    """

    subject: str
    declared: str | None
    risk: float | None
    surprise: float | None
    p_value: float | None
    band: str
    headline: Sentence
    findings: list[FindingDocument]
    evidence: list[EvidenceDocument]
    alternatives: list[OtherCode]
    versions: dict[str, str]
    reference: ReferenceGroup | None
    chance: float | None
    goods: GoodsDocument | None
    lines: list[ReportDocument]


class ImageDocument(_Document):
    """Where a picture is, and the sha256 of the file it was made from."""

    href: str
    sha256: str


class ScanFileDocument(_Document):
    """One file of a scan, by the name it came with."""

    name: str
    sha256: str


class ScanDocument(ImageDocument):
    """Where the scan's preview is, the files it was read from, and how.

    energies: a name for each plane, lowest first. orientation: what was changed to set it upright.
    degraded: why measuring on it is limited. sha256: of the first file.
    """

    files: list[ScanFileDocument]
    energies: list[str]
    orientation: list[str]
    degraded: list[str]


class AssessmentDocument(_Document):
    """A stored assessment."""

    id: str
    created_at: dt.datetime
    account: str
    language: Language
    declaration: dict[str, Any]
    report: ReportDocument
    scan: ScanDocument | None
    heatmap: ImageDocument | None
    photo: ImageDocument | None


class CaseRow(_Document):
    """One case of the queue.

    hs, goods: of the first line. findings: kinds, gravest first, and their words. lane: what the band
    recommends; status: how far the case has come; version: how often somebody worked on it. surprise: null
    where no check could speak. duty_at_stake_usd: duty that would be lacking if the goods were worth what
    their code and origin usually are (value below the expected range, to its geometric middle; without VAT);
    null where that cannot be told.
    """

    id: str
    created_at: dt.datetime
    date: dt.date
    declaration_id: str
    importer: str
    origin: str
    departure: str | None
    goods: str
    hs: str
    lines: int
    band: str
    lane: str
    surprise: float | None
    chance: float | None
    duty_at_stake_usd: float | None
    mismatch: bool
    findings: list[str]
    findings_words: list[str]
    has_scan: bool
    has_photo: bool
    status: str
    assignee: str | None
    result: str | None
    reason: str | None
    version: int


class QueueDocument(_Document):
    """A page of the queue; total: of all pages; next: the cursor of the next page, null on the last."""

    items: list[CaseRow]
    total: int
    next: str | None


class Health(_Document):
    """Whether the process answers, and what it can do."""

    status: str
    models: dict[str, str]
