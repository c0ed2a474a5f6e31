"""The way of a consignment from its origin to Korea: places, distances, and how usual it is for the item."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from customs.declaration import Declaration, Mode
from customs.evidence import Message
from customs.sentences import Language
from portcullis.insight.countries import Place, place
from portcullis.insight.past import PastDesk, items_of
from portcullis.store.assessments import Assessment
from portcullis.store.past import Way

IMPORTING = "KR"
_EARTH_KM = 6371.0
_COMMON = 5  # routes listed
_RARE = 0.05  # share of earlier cases below which a route is named as rare
_LONG, _FURTHER_KM = 1.5, 3000.0  # a way so many times and so much longer than the direct one is a detour


@dataclass(frozen=True)
class Leg:
    """One part of the way, between the middles of two countries, as the crow flies."""

    start: str
    end: str
    km: int


@dataclass(frozen=True)
class UsualRoute:
    """One route of earlier cases; share: of those whose departure is known."""

    origin: str | None
    departure: str | None
    count: int
    share: float


@dataclass(frozen=True)
class Usual:
    """How earlier cases of the item came. item, match: as of `PastCases`.

    known: cases that name a departure; same_route: those from the same origin by the same departure, share:
    their part of `known`, None without any; same_origin, same_mode: of all cases.
    """

    item: str
    match: str
    cases: int
    known: int
    same_route: int
    share: float | None
    same_origin: int
    same_mode: int | None
    routes: tuple[UsualRoute, ...]


@dataclass(frozen=True)
class Route:
    """transit: None if none was declared. way_km, direct_km: None where a country has no place on the map.

    facts: sentences on the way; none of them is an accusation.
    """

    origin: Place
    departure: Place | None
    transit: tuple[Place, ...] | None
    destination: Place
    mode: str | None
    office: str | None
    container: str | None
    legs: tuple[Leg, ...]
    way_km: int | None
    direct_km: int | None
    usual: Usual
    facts: tuple[Message, ...]


class RouteDesk:
    """Answers about routes."""

    def __init__(self, past: PastDesk) -> None:
        self.past = past

    def route(self, found: Assessment, language: Language, *, line: int = 1) -> Route:
        """The way of an assessment's goods; usual: for the item of one line. `NotFound` for no such line."""
        declared = found.declaration
        stops = [place(code) for code in _stops(declared)]
        legs = tuple(
            Leg(a.code, b.code, km) for a, b in pairwise(stops) if (km := distance_km(a, b)) is not None
        )
        way = sum(leg.km for leg in legs) if len(legs) == len(stops) - 1 else None
        direct = distance_km(stops[0], stops[-1])
        usual = self._usual(found, line)
        return Route(
            origin=stops[0],
            departure=None if declared.departure is None else place(declared.departure.code),
            transit=None if declared.transit is None else tuple(place(c.code) for c in declared.transit),
            destination=stops[-1],
            mode=None if declared.mode is None else declared.mode.value,
            office=declared.office,
            container=declared.container,
            legs=legs,
            way_km=way,
            direct_km=direct,
            usual=usual,
            facts=tuple(_facts(declared, usual, way, direct, language)),
        )

    def _usual(self, found: Assessment, line: int) -> Usual:
        before = self.past.before(found)
        hsk, hs6 = items_of(found, line)
        ways = self.past.past.ways(hsk, before)
        if ways:
            return _usual(found.declaration, hsk.prefix, "hsk", ways)
        return _usual(found.declaration, hs6.prefix, "hs6", self.past.past.ways(hs6, before))


def distance_km(a: Place, b: Place) -> int | None:
    """Great-circle distance between the middles of two countries, kilometres.

    >>> distance_km(place("VN"), place("KR"))
    3019
    """
    if None in (a.latitude, a.longitude, b.latitude, b.longitude):
        return None
    north_a, east_a, north_b, east_b = (
        math.radians(x or 0.0) for x in (a.latitude, a.longitude, b.latitude, b.longitude)
    )
    h = (
        math.sin((north_b - north_a) / 2) ** 2
        + math.cos(north_a) * math.cos(north_b) * math.sin((east_b - east_a) / 2) ** 2
    )
    return round(2 * _EARTH_KM * math.asin(math.sqrt(h)))


def _stops(declared: Declaration) -> list[str]:
    """Codes along the way, no country twice in a row."""
    way = [declared.origin, *([declared.departure] if declared.departure else []), *(declared.transit or ())]
    codes = [*(country.code for country in way), IMPORTING]
    return [code for i, code in enumerate(codes) if i == 0 or code != codes[i - 1]] or [IMPORTING]


def _usual(declared: Declaration, item: str, match: str, ways: list[Way]) -> Usual:
    origin = declared.origin.code
    departure = None if declared.departure is None else declared.departure.code
    mode = None if declared.mode is None else declared.mode.value
    routes: Counter[tuple[str | None, str | None]] = Counter()
    for way in ways:
        if way.departure is not None:
            routes[way.origin, way.departure] += way.count
    known = routes.total()
    same = routes[origin, departure] if departure is not None else 0
    return Usual(
        item=item,
        match=match,
        cases=sum(way.count for way in ways),
        known=known,
        same_route=same,
        share=same / known if known and departure is not None else None,
        same_origin=sum(way.count for way in ways if way.origin == origin),
        same_mode=None if mode is None else sum(way.count for way in ways if way.mode == mode),
        routes=tuple(
            UsualRoute(start, by, count, count / known) for (start, by), count in routes.most_common(_COMMON)
        ),
    )


def _facts(
    declared: Declaration, usual: Usual, way: int | None, direct: int | None, language: Language
) -> list[Message]:
    def name(code: str) -> str:
        return getattr(place(code), language)

    origin = declared.origin.code
    found: list[Message] = []
    if declared.departure is None:
        found.append(Message(id="route.no_departure"))
    elif declared.departure.code == origin:
        found.append(Message(id="route.from_origin", params={"origin": name(origin)}))
    else:
        params = {"origin": name(origin), "departure": name(declared.departure.code)}
        found.append(Message(id="route.from_elsewhere", params=dict(params)))
    if origin == IMPORTING:
        found.append(Message(id="route.returned"))
    if declared.transit:
        countries = ", ".join(name(country.code) for country in declared.transit)
        found.append(Message(id="route.transit", params={"countries": countries}))
    elif declared.transit is not None:
        found.append(Message(id="route.no_transit"))
    if way and direct and way > _LONG * direct and way - direct > _FURTHER_KM:
        found.append(Message(id="route.detour", params={"way": way, "direct": direct}))
    if declared.mode in (Mode.ROAD, Mode.RAIL):
        found.append(Message(id="route.no_land_link"))
    if declared.container is not None and declared.mode in (Mode.AIR, Mode.POST):
        found.append(Message(id="route.container_not_by_sea"))
    found.append(_how_usual(usual))
    return found


def _how_usual(usual: Usual) -> Message:
    item = usual.item
    if not usual.known:
        return Message(id="route.no_past", params={"item": item})
    params: dict[str, str | int | float] = {"item": item, "cases": usual.known}
    if usual.share is None:
        return Message(id="route.not_compared", params=params)
    if not usual.same_route:
        return Message(id="route.new", params=params)
    params |= {"count": usual.same_route, "share": usual.share}
    return Message(id="route.rare" if usual.share < _RARE else "route.usual", params=params)
