"""The way of the goods on a map and in a table, as a piece of a case's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from customs.sentences import Language, render
from portcullis.insight.countries import Place, place
from portcullis.insight.route import IMPORTING, Route
from portcullis.store.assessments import Assessment
from portcullis.web.case.past import LineChoice
from portcullis.web.frame import Part

# Facts that an officer should look at; the others describe.
_ODD = frozenset(
    {"route.detour", "route.no_land_link", "route.container_not_by_sea", "route.new", "route.rare"}
)


@dataclass(frozen=True)
class Fact:
    """A sentence on the way, and whether it is worth a look."""

    sentence: str
    odd: bool


@dataclass(frozen=True)
class Stop:
    """A country of the declared way; latitude, longitude: degrees, "" where the map has no place for it."""

    role: str
    code: str
    name: str
    latitude: str
    longitude: str


@dataclass(frozen=True)
class LegRow:
    """A part of the declared way; remark: new or rare, of the part that is seldom or never seen."""

    start: str
    end: str
    km: str
    remark: str


@dataclass(frozen=True)
class UsualRow:
    """A route of earlier cases with its places; weight: 0 to 1; same: this case came that way."""

    stops: tuple[Stop, ...]
    count: str
    share: str
    weight: float
    same: bool


@dataclass(frozen=True, kw_only=True)
class RoutePart(Part):
    """The declared way and the usual ones."""

    template: ClassVar[str] = "case/parts/route.html"
    id: str
    line: int
    lines: tuple[LineChoice, ...]
    facts: tuple[Fact, ...]
    stops: tuple[Stop, ...]
    legs: tuple[LegRow, ...]
    way: str
    mode: str
    office: str
    container: str
    item: str
    cases: str
    usual: tuple[UsualRow, ...]

    @classmethod
    def of(cls, found: Assessment, route: Route, language: Language, *, line: int) -> RoutePart:
        """From the answer about a route."""
        usual, messages = route.usual, {fact.id for fact in route.facts}
        remark = "new" if "route.new" in messages else "rare" if "route.rare" in messages else ""
        origin, departure = route.origin, route.departure
        stops = _stops(route, language)
        compared = {origin.code, (departure or origin).code}
        return cls(
            language=language,
            id=found.id,
            line=line,
            lines=LineChoice.all(found),
            facts=tuple(Fact(render(fact, language), fact.id in _ODD) for fact in route.facts),
            stops=stops,
            legs=tuple(
                LegRow(
                    _name(place(leg.start), language),
                    _name(place(leg.end), language),
                    f"{leg.km:,}",
                    remark if leg.start in compared else "",
                )
                for leg in route.legs
            ),
            way="" if route.way_km is None else f"{route.way_km:,}",
            mode=route.mode or "",
            office=route.office or "",
            container=route.container or "",
            item=usual.item,
            cases=f"{usual.known:,}" if usual.known else "",
            usual=tuple(
                UsualRow(
                    tuple(
                        _stop(role, place(code), language) for role, code in _ways(one.origin, one.departure)
                    ),
                    f"{one.count:,}",
                    f"{one.share:.0%}",
                    one.share,
                    one.origin == origin.code and departure is not None and one.departure == departure.code,
                )
                for one in usual.routes
            ),
        )


def _ways(origin: str | None, departure: str | None) -> list[tuple[str, str]]:
    """Roles and codes of a usual route, each country once in a row."""
    codes = [("origin", origin), ("departure", departure), ("destination", IMPORTING)]
    known = [(role, code) for role, code in codes if code is not None]
    return [pair for i, pair in enumerate(known) if i == 0 or pair[1] != known[i - 1][1]]


def _stops(route: Route, language: Language) -> tuple[Stop, ...]:
    way = [("origin", route.origin)]
    if route.departure is not None:
        way.append(("departure", route.departure))
    way += [("transit", one) for one in route.transit or ()]
    way.append(("destination", route.destination))
    kept = [pair for i, pair in enumerate(way) if i == 0 or pair[1].code != way[i - 1][1].code]
    return tuple(_stop(role, one, language) for role, one in kept)


def _stop(role: str, found: Place, language: Language) -> Stop:
    north, east = found.latitude, found.longitude
    return Stop(
        role,
        found.code,
        _name(found, language),
        "" if north is None else f"{north}",
        "" if east is None else f"{east}",
    )


def _name(found: Place, language: Language) -> str:
    name: str = getattr(found, language)
    return name
