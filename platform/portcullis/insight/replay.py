"""A past period again, as an analyst asks for it: other thresholds, another budget, or the shadow's verdict.

A model set that never shadowed is compared by `portcullis replay`, which scores stored evidence anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from customs.errors import InvalidValue
from fusion.policy import BANDS, Policy
from fusion.rank import Budget, hit_rate
from portcullis.service import NotFound
from portcullis.store.queue import LANES, Lane
from portcullis.store.replays import (
    By,
    Longest,
    Moved,
    Period,
    Replays,
    Setting,
    Shadowed,
    ShadowSet,
    Thresholds,
    Way,
)

PAGE = 50
SIDES = ("a", "b")
MOST_SURPRISE = 100.0  # no threshold lies beyond: 1e-100 is no share of anything


class Compare(StrEnum):
    """What differs between the two settings."""

    POLICY = "policy"
    BUDGET = "budget"
    SHADOW = "shadow"


@dataclass(frozen=True)
class Question:
    """What is asked; each pair is of the setting before and of the one after.

    thresholds: band → least surprise; budgets: a share such as `5%`, or a count; shadow: the digest of its
    versions, None for the latest one.
    """

    compare: Compare
    period: Period
    thresholds: tuple[Mapping[str, float], Mapping[str, float]]
    budgets: tuple[str, str] = ("5%", "5%")
    orders: tuple[By, By] = (By.SURPRISE, By.SURPRISE)
    shadow: str | None = None


@dataclass(frozen=True)
class Rate:
    """Of the cases that a setting would inspect.

    inspected: those whose outcome is known; rate, low, high: share of hits among them with the exact interval
    that holds nineteen times in twenty, None where no outcome is known.
    """

    cases: int
    inspected: int
    hits: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """A period under two settings. lanes: in the order of a table; ways: pairs that some case has.

    cases: in the period; judged: those of them that some check could judge; compared: those that both
    settings put somewhere (of a shadow: what it scored). to_inspection, from_inspection: cases that come to,
    or fall out of, the lane of inspection. before, after, only_before, only_after: what was found among the
    cases that one setting would inspect, or only one. moved: a page of those that change, the most
    surprising first.
    """

    lanes: tuple[str, ...]
    ways: tuple[Way, ...]
    cases: int
    judged: int
    compared: int
    changed: int
    to_inspection: int
    from_inspection: int
    before: Rate
    after: Rate
    only_before: Rate
    only_after: Rate
    moved: tuple[Moved, ...]


@dataclass(frozen=True)
class ReplayDesk:
    """Answers what would have been; nothing is changed by asking."""

    replays: Replays
    policy: Policy

    def bands(self) -> dict[str, float]:
        """The thresholds in force."""
        return {band: self.policy.bands[band] for band in BANDS[2:]}

    def settings(self, asked: Question) -> tuple[Setting, Setting]:
        """Both settings of a question.

        Raises:
            InvalidValue: something cannot be; its field is that of the side and its name, such as `b_high`.
            NotFound: no such shadow scored cases of the period.
        """
        if asked.compare is Compare.SHADOW:
            return self._of_shadow(asked.period, asked.shadow)
        if asked.compare is Compare.POLICY:
            before, after = (self._thresholds(asked.thresholds[i], side) for i, side in enumerate(SIDES))
            return before, after
        first, second = (
            self._list_of(asked.period, asked.budgets[i], asked.orders[i], f"{side}_budget")
            for i, side in enumerate(SIDES)
        )
        return first, second

    def _thresholds(self, values: Mapping[str, float], side: str) -> Thresholds:
        last = 0.0
        for band in BANDS[2:]:
            value, field = values[band], f"{side}_{band}"
            if not 0 <= value <= MOST_SURPRISE:
                raise InvalidValue(f"got {value:g}", field=field, remedy=f"give 0 to {MOST_SURPRISE:g}")
            if value < last:
                raise InvalidValue(
                    f"got {value:g} after {last:g}",
                    field=field,
                    remedy=f"let {' ≤ '.join(BANDS[2:])}",
                )
            last = value
        return Thresholds({band: values[band] for band in BANDS[2:]})

    def _list_of(self, period: Period, budget: str, by: By, field: str) -> Longest:
        try:
            wanted = Budget.parse(budget)
        except InvalidValue as error:
            first = error.problems[0]
            raise InvalidValue(first.problem, field=field, remedy=first.remedy) from None
        return Longest(wanted.of(self.replays.count(period)[0]), by)

    def shadows(self, period: Period) -> Sequence[ShadowSet]:
        """Shadows that can be compared with what was live."""
        return self.replays.shadows(period)

    def _of_shadow(self, period: Period, digest: str | None) -> tuple[Shadowed, Shadowed]:
        known = self.shadows(period)
        found = next((one for one in known if digest in (None, one.digest)), None)
        if found is None:
            raise NotFound(
                "no such shadow scored cases of this period",
                field="shadow",
                remedy="widen the period, or let an administrator choose a shadow",
            )
        return Shadowed(found.digest, live=True), Shadowed(found.digest, live=False)

    def compare(self, period: Period, before: Setting, after: Setting, *, page: int = 1) -> Comparison:
        """The period under two settings, with one page of the cases that change."""
        ways = tuple(self.replays.ways(period, before, after))
        cases, judged = self.replays.count(period)
        lanes = (Lane.INSPECT.value, Lane.RELEASE.value) if isinstance(before, Longest) else BANDS[::-1]
        changed = sum(way.cases for way in ways if way.before != way.after)
        start = (page - 1) * PAGE
        moved = self.replays.moved(period, before, after, limit=PAGE, offset=start) if start < changed else []
        stay = [w for w in ways if is_inspected(w.before) == is_inspected(w.after)]
        come = [w for w in ways if is_inspected(w.after) and w not in stay]
        go = [w for w in ways if is_inspected(w.before) and w not in stay]
        return Comparison(
            lanes=tuple(lanes),
            ways=ways,
            cases=cases,
            judged=judged,
            compared=sum(way.cases for way in ways),
            changed=changed,
            to_inspection=sum(w.cases for w in come),
            from_inspection=sum(w.cases for w in go),
            before=_rate([w for w in ways if is_inspected(w.before)]),
            after=_rate([w for w in ways if is_inspected(w.after)]),
            only_before=_rate(go),
            only_after=_rate(come),
            moved=tuple(moved),
        )


def is_inspected(lane: str) -> bool:
    """Whether a band, or a lane of a list, means an inspection."""
    return lane == Lane.INSPECT or any(lane == band and to is Lane.INSPECT for band, to in LANES.items())


def _rate(ways: Sequence[Way]) -> Rate:
    cases, inspected, hits = (sum(getattr(w, name) for w in ways) for name in ("cases", "inspected", "hits"))
    if not inspected:
        return Rate(cases, 0, 0, None, None, None)
    return Rate(cases, inspected, hits, *hit_rate(hits, inspected))
