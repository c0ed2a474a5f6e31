"""What the desk is given."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from customs.errors import Problem
from customs.hs import HsCode
from customs.sentences import Language
from portcullis.report import check_label
from portcullis.store.queue import Summary
from portcullis.web.desk.choices import Choice
from portcullis.web.frame import Page


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

    template: ClassVar[str] = "desk/desk.html"
    checks: tuple[str, ...]
    countries: tuple[Choice, ...]
    currencies: tuple[Choice, ...]
    units: tuple[Choice, ...]
    modes: tuple[str, ...]
    today: str
    has_table: bool  # of codes, to look them up in
    most_scan_bytes: int
    most_body_bytes: int
    latest: tuple[LatestRow, ...]
    once: str  # makes a form that is sent twice count once
    scan_types: str  # suffixes that the browser offers first
    declaration: str = ""
    problems: tuple[Problem, ...] = ()
    files_lost: bool = False
