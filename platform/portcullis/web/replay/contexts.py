"""What the page of the comparison is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from customs.errors import Problem
from customs.sentences import Language
from fusion.policy import BANDS
from portcullis.insight.countries import place
from portcullis.insight.replay import PAGE, Comparison, Rate, is_inspected
from portcullis.store.replays import Moved, ShadowSet, Way
from portcullis.web.case.rows import percent
from portcullis.web.frame import Frame, Page
from portcullis.web.replay.asked import Asked


@dataclass(frozen=True)
class Cell:
    """Cases of one lane before and one after. way: same, up (towards inspection or a graver band), down."""

    count: str
    way: str
    inspected: str
    hits: str


@dataclass(frozen=True)
class MatrixRow:
    """One lane before."""

    lane: str
    cells: tuple[Cell, ...]
    total: str


@dataclass(frozen=True)
class RateRow:
    """What is known of the cases that a setting would inspect; rate, interval: "" where nothing is."""

    name: str
    cases: str
    inspected: str
    hits: str
    rate: str
    interval: str

    @classmethod
    def of(cls, name: str, found: Rate) -> RateRow:
        """From a rate."""
        interval = ""
        if found.low is not None and found.high is not None:
            interval = f"{percent(found.low)} – {percent(found.high)}"
        return cls(
            name,
            f"{found.cases:,}",
            f"{found.inspected:,}",
            f"{found.hits:,}",
            "" if found.rate is None else percent(found.rate),
            interval,
        )


@dataclass(frozen=True)
class MovedRow:
    """One case that changes lane."""

    href: str
    declaration_id: str
    date: str
    goods: str
    hs: str
    origin: str
    surprise: str
    chance: str
    before: str
    after: str
    way: str
    result: str


@dataclass(frozen=True)
class Result:
    """A comparison, written out. lists: whether lanes are those of a list."""

    lanes: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]
    totals: tuple[str, ...]
    cases: str
    compared: str
    unjudged: str
    changed: str
    to_inspection: str
    from_inspection: str
    rates: tuple[RateRow, ...]
    outcomes: int
    moved: tuple[MovedRow, ...]
    first: str
    last: str
    previous: str
    next: str

    @classmethod
    def of(cls, found: Comparison, asked: Asked, language: Language) -> Result:
        """From a comparison; lanes that no case has under either setting are left out."""
        used = {lane for way in found.ways for lane in (way.before, way.after)}
        lanes = tuple(lane for lane in found.lanes if lane in used)
        ways = {(way.before, way.after): way for way in found.ways}
        start = (asked.page - 1) * PAGE
        more = start + len(found.moved) < found.changed
        return cls(
            lanes=lanes,
            matrix=tuple(
                MatrixRow(
                    old,
                    tuple(_cell(old, new, ways.get((old, new))) for new in lanes),
                    f"{sum(way.cases for way in found.ways if way.before == old):,}",
                )
                for old in lanes
            ),
            totals=tuple(f"{sum(w.cases for w in found.ways if w.after == lane):,}" for lane in lanes),
            cases=f"{found.cases:,}",
            compared=f"{found.compared:,}",
            unjudged=f"{found.cases - found.judged:,}" if found.cases > found.judged else "",
            changed=f"{found.changed:,}" if found.changed else "",
            to_inspection=f"{found.to_inspection:,}",
            from_inspection=f"{found.from_inspection:,}",
            rates=tuple(
                RateRow.of(name, rate)
                for name, rate in (
                    ("a", found.before),
                    ("b", found.after),
                    ("only_a", found.only_before),
                    ("only_b", found.only_after),
                )
            ),
            outcomes=sum(way.inspected for way in found.ways),
            moved=tuple(_moved(one, language) for one in found.moved),
            first=f"{start + 1:,}",
            last=f"{start + len(found.moved):,}",
            previous=asked.address(asked.page - 1) if asked.page > 1 and found.changed else "",
            next=asked.address(asked.page + 1) if more else "",
        )


@dataclass(frozen=True)
class ShadowRow:
    """A shadow that can be chosen."""

    digest: str
    name: str
    scored: str
    last: str


@dataclass(frozen=True, kw_only=True)
class ReplayPage(Page):
    """The comparison: what is asked, what is wrong with it, and the answer.

    wrong: fields whose values cannot be; in_force: band → threshold of the policy that decides now; same:
    whether both sides are one setting.
    """

    template: ClassVar[str] = "replay/replay.html"
    compare: str
    texts: Mapping[str, str]
    in_force: Mapping[str, str]
    version: str
    bands: tuple[str, ...]
    shadows: tuple[ShadowRow, ...]
    wrong: frozenset[str]
    same: bool
    found: Result | None

    @classmethod
    def of(
        cls,
        frame: Frame,
        asked: Asked,
        *,
        in_force: Mapping[str, float],
        version: str,
        shadows: Sequence[ShadowSet],
        zone: dt.tzinfo,
        problems: Sequence[Problem] = (),
        found: Comparison | None = None,
    ) -> ReplayPage:
        """From what was asked and found."""
        return cls(
            frame=frame,
            compare=asked.compare.value,
            texts=asked.texts,
            in_force={band: f"{value:g}" for band, value in in_force.items()},
            version=version,
            bands=BANDS[2:],
            shadows=tuple(
                ShadowRow(
                    one.digest,
                    one.name,
                    f"{one.scored:,}",
                    one.last.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
                )
                for one in shadows
            ),
            wrong=frozenset(one.field for one in problems if one.field),
            same=asked.same,
            found=None if found is None else Result.of(found, asked, frame.language),
        )


def _cell(old: str, new: str, way: Way | None) -> Cell:
    if way is None:
        return Cell("", "same" if old == new else "", "", "")
    return Cell(
        f"{way.cases:,}",
        _way(old, new),
        f"{way.inspected:,}" if way.inspected else "",
        f"{way.hits:,}" if way.inspected else "",
    )


def _way(old: str, new: str) -> str:
    if old == new:
        return "same"
    order: list[str] = list(BANDS)
    graver = order.index(new) > order.index(old) if {old, new} <= set(order) else is_inspected(new)
    return "up" if graver else "down"


def _moved(found: Moved, language: Language) -> MovedRow:
    return MovedRow(
        href=f"/assessments/{found.id}",
        declaration_id=found.declaration_id,
        date=found.date.isoformat(),
        goods=found.goods,
        hs=found.hs,
        origin=getattr(place(found.origin), language),
        surprise="" if found.surprise is None else f"{found.surprise:.2f}",
        chance="" if found.chance is None else percent(found.chance),
        before=found.before,
        after=found.after,
        way=_way(found.before, found.after),
        result=found.result or "",
    )
