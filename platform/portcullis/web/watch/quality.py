"""What the pages of drift, data and models are given."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from customs.sentences import Language, catalogue
from portcullis.insight.countries import place
from portcullis.report import check_label
from portcullis.store.weekly import P_EDGES, SURPRISE_EDGES
from portcullis.watching.data import DataQuality
from portcullis.watching.desks import Example
from portcullis.watching.drift import CheckDrift, Drift, Newcomer, Spread
from portcullis.watching.window import Compared
from portcullis.web.frame import Frame, Page
from portcullis.web.watch.figures import Rate, Spark

LENGTHS = (8, 12, 26, 52)


@dataclass(frozen=True)
class Asked:
    """The window that is shown: first and last Monday, of the recent weeks and of all."""

    weeks: int
    until: str
    first: str
    recent: str
    last: str
    cases: int
    query: str

    @classmethod
    def of(cls, weeks: tuple[dt.date, ...], recent: dt.date, until: dt.date | None, cases: int) -> Asked:
        """From a window; `until` as it was asked for."""
        wanted = [("weeks", str(len(weeks)))] + ([] if until is None else [("until", str(until))])
        return cls(
            weeks=len(weeks),
            until="" if until is None else str(until),
            first=str(weeks[0]),
            recent=str(recent),
            last=str(weeks[-1] + dt.timedelta(days=6)),
            cases=cases,
            query=urlencode(wanted),
        )


@dataclass(frozen=True)
class PartRow:
    """A share now and before."""

    code: str
    name: str
    recent: Rate
    earlier: Rate
    change: str
    spark: Spark
    verdict: str
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class SilenceRow:
    """Why a check was silent."""

    sentence: str
    rate: Rate
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class CheckRow:
    """One check; curve: shares of p-values up to `edges`, for drawing."""

    code: str
    name: str
    spoke: int
    before: int
    at_5: Rate
    at_1: Rate
    distance: str
    distance_limit: str
    moved: str
    moved_limit: str
    verdict: str
    spark: Spark
    silent: PartRow
    silences: tuple[SilenceRow, ...]
    curve: tuple[tuple[str, str], ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class NewRow:
    """What no earlier week had."""

    code: str
    name: str
    week: str
    cases: int
    example: Example | None


@dataclass(frozen=True, kw_only=True)
class DriftPage(Page):
    """Whether checks judge as they did, and what comes that did not come before."""

    template: ClassVar[str] = "watch/drift.html"
    asked: Asked
    tests: int
    checks: tuple[CheckRow, ...]
    changed: tuple[str, ...]
    bands: tuple[PartRow, ...]
    bands_verdict: str
    surprises: tuple[PartRow, ...]
    surprise_moved: str
    surprise_limit: str
    surprise_verdict: str
    origins: tuple[PartRow, ...]
    chapters: tuple[PartRow, ...]
    new_origins: tuple[NewRow, ...]
    new_chapters: tuple[NewRow, ...]
    new_importers: int
    newest_importers: tuple[NewRow, ...]


@dataclass(frozen=True)
class ImportRow:
    """One import of official data."""

    at: str
    kind: str
    file: str
    read: str
    repaired: str
    refused: str
    stored: str
    flawed: bool


@dataclass(frozen=True)
class RefusalRow:
    """What items were refused for; example: "" for who may not read it."""

    field: str
    rate: Rate
    example: str


@dataclass(frozen=True, kw_only=True)
class DataPage(Page):
    """How good the data is that comes in."""

    template: ClassVar[str] = "watch/data.html"
    asked: Asked
    tests: int
    changed: tuple[str, ...]
    fields: tuple[PartRow, ...]
    scans: tuple[PartRow, ...]
    codes: tuple[PartRow, ...]
    batches: int
    since: str
    refused: Rate
    read: int
    reasons: tuple[RefusalRow, ...]
    imports: tuple[ImportRow, ...]


@dataclass(frozen=True)
class PartState:
    """What does a part: the set, since when, by whom, how many days ago."""

    part: str
    set: str
    since: str
    by: str
    days: int
    versions: tuple[tuple[str, str], ...]
    problem: str


@dataclass(frozen=True)
class VersionRow:
    """A version and the weeks whose cases it judged."""

    module: str
    version: str
    first: str
    last: str
    cases: int
    live: bool


@dataclass(frozen=True, kw_only=True)
class ModelsPage(Page):
    """Which models answer, and since when."""

    template: ClassVar[str] = "watch/models.html"
    asked: Asked | None
    parts: tuple[PartState, ...]
    versions: tuple[VersionRow, ...]


def drift_page(
    frame: Frame,
    asked: Asked,
    found: Drift,
    new: Mapping[str, tuple[int, tuple[Newcomer, ...]]],
    known: Mapping[int, Example],
) -> DriftPage:
    """In words."""
    language = frame.language
    checks = tuple(_check(one, language, known) for one in found.checks)
    importers = new["importer"]
    may_read = frame.may("cases.read")
    return DriftPage(
        frame=frame,
        asked=asked,
        tests=found.tests,
        checks=checks,
        changed=tuple(c.name for c in checks if "changed" in (c.verdict, c.silent.verdict)),
        bands=tuple(_part(one, one.name, known) for one in found.bands.parts),
        bands_verdict=found.bands.verdict.value,
        surprises=_surprises(found.surprise, known),
        surprise_moved=_gap(found.surprise.moved),
        surprise_limit=_gap(found.surprise.limit),
        surprise_verdict=found.surprise.verdict.value,
        origins=tuple(_part(one, _country(one.name, language), known) for one in found.origins),
        chapters=tuple(_part(one, "", known) for one in found.chapters),
        new_origins=tuple(_new(one, _country(one.name, language), known) for one in new["origin"][1]),
        new_chapters=tuple(_new(one, "", known) for one in new["chapter"][1]),
        new_importers=importers[0],
        newest_importers=tuple(_new(one, one.name, known) for one in importers[1]) if may_read else (),
    )


def data_page(
    frame: Frame, asked: Asked, found: DataQuality, known: Mapping[int, Example], zone: ZoneInfo
) -> DataPage:
    """In words."""
    from portcullis.watching.shares import Share

    refused = found.refused
    every = [*found.fields, *found.scans, *found.codes]
    return DataPage(
        frame=frame,
        asked=asked,
        tests=found.tests,
        changed=tuple(one.name for one in every if one.verdict.value == "changed"),
        fields=tuple(_part(one, "", known) for one in found.fields),
        scans=tuple(_part(one, "", known) for one in found.scans),
        codes=tuple(_part(one, "", known) for one in found.codes),
        batches=refused.batches,
        since=refused.since.astimezone(zone).strftime("%Y-%m-%d"),
        refused=Rate.of_share(Share(refused.refused, refused.items)),
        read=refused.read,
        reasons=tuple(
            RefusalRow(
                one.field,
                Rate.of_share(Share(one.count, refused.read)),
                one.example if frame.may("batches.run") else "",
            )
            for one in refused.reasons
        ),
        imports=tuple(
            ImportRow(
                at=one.at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
                kind=one.kind,
                file=one.file,
                read=f"{one.read:,}",
                repaired=f"{one.repaired:,}",
                refused=f"{one.refused:,}",
                stored=f"{one.stored:,}",
                flawed=bool(one.refused or one.repaired),
            )
            for one in found.imports
        ),
    )


def numbers_of_drift(found: Drift, new: Iterable[Newcomer]) -> set[int]:
    """The examples that a page names."""
    parts = [*found.bands.parts, *found.surprise.parts, *found.origins, *found.chapters]
    numbers = {n for one in parts for n in one.examples} | {one.example for one in new}
    for check in found.checks:
        numbers |= {*check.examples, *(n for one in check.silences for n in one.examples)}
    return numbers


def numbers_of_data(found: DataQuality) -> set[int]:
    """The examples that a page names."""
    return {n for one in (*found.fields, *found.scans, *found.codes) for n in one.examples}


def _check(one: CheckDrift, language: Language, known: Mapping[int, Example]) -> CheckRow:
    return CheckRow(
        code=one.check,
        name=check_label(one.check, language),
        spoke=one.spoke,
        before=one.before,
        at_5=Rate.of_share(one.at_5),
        at_1=Rate.of_share(one.at_1),
        distance=_gap(one.distance),
        distance_limit=_gap(one.distance_limit),
        moved=_gap(one.moved),
        moved_limit=_gap(one.moved_limit),
        verdict=one.verdict.value,
        spark=Spark.of_trend(one.trend),
        silent=_part(one.silent, "", known),
        silences=tuple(
            SilenceRow(_reason(s.reason, language), Rate.of_share(s.share), _examples(s.examples, known))
            for s in one.silences
        ),
        curve=tuple((f"{x:g}", f"{y:.4f}") for x, y in zip(P_EDGES, one.curve, strict=True))
        if one.spoke
        else (),
        examples=_examples(one.examples, known),
    )


def _part(one: Compared, name: str, known: Mapping[int, Example]) -> PartRow:
    change = one.change
    return PartRow(
        code=one.name,
        name=name,
        recent=Rate.of_share(one.recent),
        earlier=Rate.of_share(one.earlier),
        change="–" if change is None else _points(change),
        spark=Spark.of_trend(one.trend),
        verdict=one.verdict.value,
        examples=_examples(one.examples, known),
    )


def _surprises(spread: Spread, known: Mapping[int, Example]) -> tuple[PartRow, ...]:
    """Bins by their ends."""
    ends = (0.0, *SURPRISE_EDGES)
    names = [f"{low:g} – {high:g}" for low, high in itertools.pairwise(ends)] + [f"> {ends[-1]:g}"]
    return tuple(_part(one, name, known) for one, name in zip(spread.parts, names, strict=True))


def _new(one: Newcomer, name: str, known: Mapping[int, Example]) -> NewRow:
    return NewRow(one.name, name, str(one.week), one.cases, known.get(one.example))


def _examples(numbers: Iterable[int], known: Mapping[int, Example]) -> tuple[Example, ...]:
    return tuple(known[n] for n in numbers if n in known)


def _country(code: str, language: Language) -> str:
    found = place(code)
    return found.ko if language == "ko" else found.en


def _points(change: float) -> str:
    """A change in points, of which none has no sign."""
    written = f"{100 * change:+.1f}"
    return "0.0" if written in ("+0.0", "-0.0") else written


def _gap(distance: float | None) -> str:
    """A distance between distributions, 0 to 1."""
    return "–" if distance is None else f"{distance:.2f}"


def _reason(name: str, language: Language) -> str:
    """The sentence of a reason, with dots for the values that differ from case to case."""
    if name not in catalogue():
        return name
    return re.sub(r"\{[^}]*\}", "…", catalogue()[name][language])
