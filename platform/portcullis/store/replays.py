"""A past period under two settings: who changes lane, and what was found, counted where the cases are stored.

Each setting puts every case into one lane by what the queue's row says of it; the database counts the pairs
of lanes and lists those that differ, so that a period of any size answers at once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from portcullis.store.metadata import as_utc
from portcullis.store.model_choices import shadow_score
from portcullis.store.queue import UNKNOWN, Lane, queue

UNJUDGED = "unknown"
_KNOWN = ("as_declared", "discrepancy")
_HIT = "discrepancy"


class By(StrEnum):
    """What a list is ordered by."""

    SURPRISE = "surprise"
    CHANCE = "chance"


@dataclass(frozen=True)
class Period:
    """Days of declaration, both included; None does not narrow."""

    since: dt.date | None = None
    until: dt.date | None = None


@dataclass(frozen=True)
class Thresholds:
    """Bands by surprise: name → the least surprise of it, ascending; what lies below the first is `clear`."""

    bands: Mapping[str, float]


@dataclass(frozen=True)
class Longest:
    """The first `places` cases of a list are inspected, all others released; lots are left out."""

    places: int
    by: By


@dataclass(frozen=True)
class Shadowed:
    """The bands that models gave when a shadow scored beside: of the live ones, or of the shadow.

    digest: of the shadow's versions. Only cases that this shadow scored are compared, by its newest score.
    """

    digest: str
    live: bool


Setting = Thresholds | Longest | Shadowed


@dataclass(frozen=True)
class Way:
    """Cases that one setting puts into `before` and the other into `after`.

    inspected: those of them whose outcome is known; hits: those where a discrepancy was found.
    """

    before: str
    after: str
    cases: int
    inspected: int
    hits: int


@dataclass(frozen=True)
class Moved:
    """One case that changes lane."""

    id: str
    declaration_id: str
    date: dt.date
    importer: str
    goods: str
    hs: str
    origin: str
    surprise: float | None
    chance: float | None
    before: str
    after: str
    result: str | None


@dataclass(frozen=True)
class ShadowSet:
    """A shadow that scored something in the period."""

    name: str
    digest: str
    scored: int
    last: dt.datetime


class Replays:
    """Counts the cases of one store under two settings."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def count(self, period: Period) -> tuple[int, int]:
        """How many cases there are, and how many of them some check could judge."""
        judged = sa.func.count(sa.case((queue.c.surprise != UNKNOWN, 1)))
        query = sa.select(sa.func.count(), judged).where(*_within(period))
        with self.engine.connect() as connection:
            cases, known = connection.execute(query).one()
        return int(cases), int(known)

    def ways(self, period: Period, before: Setting, after: Setting) -> list[Way]:
        """Each pair of lanes that some case has."""
        with self.engine.connect() as connection:
            pairs = _pairs(connection, period, before, after)
        result = pairs.c.result
        query = sa.select(
            pairs.c.before,
            pairs.c.after,
            sa.func.count(),
            sa.func.count(sa.case((result.in_(_KNOWN), 1))),
            sa.func.count(sa.case((result == _HIT, 1))),
        ).group_by(pairs.c.before, pairs.c.after)
        with self.engine.connect() as connection:
            return [Way(*row) for row in connection.execute(query)]

    def moved(
        self, period: Period, before: Setting, after: Setting, *, limit: int, offset: int = 0
    ) -> list[Moved]:
        """Cases that change lane, the most surprising first."""
        with self.engine.connect() as connection:
            pairs = _pairs(connection, period, before, after)
            query = (
                sa.select(pairs)
                .where(pairs.c.before != pairs.c.after)
                .order_by(pairs.c.surprise.desc(), pairs.c.number.desc())
                .limit(limit)
                .offset(offset)
            )
            return [_moved(row) for row in connection.execute(query)]

    def shadows(self, period: Period) -> list[ShadowSet]:
        """Shadows that scored cases of the period, the latest first."""
        s = shadow_score.c
        query = (
            sa.select(
                sa.func.max(s.name), s.digest, sa.func.count(s.assessment_id.distinct()), sa.func.max(s.at)
            )
            .join(queue, queue.c.assessment_id == s.assessment_id)
            .where(*_within(period))
            .group_by(s.digest)
        )
        with self.engine.connect() as connection:
            found = [ShadowSet(row[0], row[1], row[2], as_utc(row[3])) for row in connection.execute(query)]
        return sorted(found, key=lambda one: one.last, reverse=True)


def _pairs(connection: sa.Connection, period: Period, before: Setting, after: Setting) -> Any:
    """Rows of the queue in the period with the lane under each setting, as a subquery."""
    q = queue.c
    columns = (q.number, q.assessment_id, q.declaration_id, q.date, q.importer, q.goods, q.hs, q.origin)
    lanes = [
        _lane(connection, period, one).label(name) for name, one in (("before", before), ("after", after))
    ]
    query = sa.select(*columns, q.surprise, q.chance, q.result, *lanes).where(*_within(period))
    digests = {one.digest for one in (before, after) if isinstance(one, Shadowed)}
    for digest in digests:
        s = shadow_score.c
        newest = sa.select(sa.func.max(s.number)).where(s.digest == digest).group_by(s.assessment_id)
        query = query.join(shadow_score, s.assessment_id == q.assessment_id).where(s.number.in_(newest))
    return query.subquery()


def _lane(connection: sa.Connection, period: Period, setting: Setting) -> sa.ColumnElement[str]:
    q = queue.c
    match setting:
        case Thresholds():
            # of equal thresholds the gravest band counts, as `Policy.band` has it
            ways = [(q.surprise >= least, name) for name, least in reversed(list(setting.bands.items()))]
            ways.insert(0, (q.surprise == UNKNOWN, UNJUDGED))
            return sa.case(*ways, else_="clear")
        case Longest():
            return sa.case(
                (_first(connection, period, setting), Lane.INSPECT.value), else_=Lane.RELEASE.value
            )
        case Shadowed():
            return shadow_score.c.live_band if setting.live else shadow_score.c.band


def _first(connection: sa.Connection, period: Period, wanted: Longest) -> sa.ColumnElement[bool]:
    """True for the first cases of the list; those that nobody could judge are never on it."""
    if wanted.places < 1:
        return sa.false()
    keys = _keys(wanted.by)
    judged = queue.c.surprise != UNKNOWN
    last = connection.execute(
        sa.select(*keys)
        .where(judged, *_within(period))
        .order_by(*(key.desc() for key in keys))
        .offset(wanted.places - 1)
        .limit(1)
    ).one_or_none()
    if last is None:  # the list is longer than the period
        return judged
    return sa.and_(judged, sa.tuple_(*keys) >= sa.tuple_(*(sa.literal(value) for value in last)))


def _keys(by: By) -> Sequence[sa.ColumnElement[Any]]:
    """What decides the order, as the queue has it: newer cases first among equals, so it is total."""
    plain: Sequence[sa.ColumnElement[Any]] = (queue.c.surprise, queue.c.number)
    return plain if by is By.SURPRISE else (sa.func.coalesce(queue.c.chance, UNKNOWN), *plain)


def _within(period: Period) -> list[sa.ColumnElement[bool]]:
    found = []
    if period.since is not None:
        found.append(queue.c.date >= period.since)
    if period.until is not None:
        found.append(queue.c.date <= period.until)
    return found


def _moved(row: Any) -> Moved:
    return Moved(
        id=row.assessment_id,
        declaration_id=row.declaration_id,
        date=row.date,
        importer=row.importer,
        goods=row.goods,
        hs=row.hs,
        origin=row.origin,
        surprise=None if row.surprise == UNKNOWN else row.surprise,
        chance=row.chance,
        before=row.before,
        after=row.after,
        result=row.result,
    )
