"""What inspections brought: rates by arm, by what was odd, by place and goods, and the chance tested."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from portcullis.store.concluded import Concluded, ConcludedCases, Waiting
from portcullis.watching.shares import Lift, Share, lift

MOST_GROUPS = 15
_CHANCES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # upper ends of the bins of a predicted chance
_KEPT = 32
# Which causes a kind of finding speaks of; a discrepancy of another cause was met by luck.
_VALUE = frozenset({"undervaluation", "overvaluation", "false_documents"})
_GOODS = frozenset({"misclassification", "undeclared_goods", "prohibited_goods", "counterfeit"})
_AMOUNT = frozenset({"wrong_quantity", "undeclared_goods", "concealed_goods"})
MEANT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "price.unit_value": _VALUE | {"misclassification"},
        "price.for_this_code": _VALUE | {"misclassification"},
        "freight.per_kg": _VALUE | {"wrong_origin", "wrong_quantity"},
        "freight.vs_oil": _VALUE | {"wrong_origin", "wrong_quantity"},
        "volume.surge": frozenset({"wrong_origin", "wrong_quantity", "false_documents"}),
        "hs.text": _GOODS,
        "hs.photo": _GOODS,
        "hs.joint": _GOODS,
        "hs.vague_text": _GOODS,
        "xray.packing": _GOODS | _AMOUNT,
        "xray.density": _GOODS | _AMOUNT,
        "xray.mass": _AMOUNT | {"misclassification"},
        "xray.packages": _AMOUNT | {"misclassification"},
        "xray.inserted_object": frozenset({"concealed_goods", "undeclared_goods", "prohibited_goods"}),
        "mismatch.hsk_image": _GOODS | _AMOUNT,
        "mismatch.hsk_price": _VALUE | _GOODS,
        "mismatch.text_photo": _GOODS,
        "mismatch.image_mass": _AMOUNT | {"misclassification"},
    }
)


class Arm(StrEnum):
    """Why a case was inspected. RANDOM where lots were drawn, whatever else spoke for it."""

    RISK = "risk"
    RANDOM = "random"
    OTHER = "other"  # intelligence, or the request of another unit
    NONE = "none"  # an outcome without a decision to inspect


@dataclass(frozen=True)
class Group:
    """Inspected cases that have something in common. meant: discrepancies with a cause that it speaks of."""

    name: str
    share: Share
    meant: Share | None = None


@dataclass(frozen=True)
class Week:
    """One week of outcomes, by its Monday."""

    week: dt.date
    as_declared: int
    discrepancy: int
    inconclusive: int
    risk: Share
    random: Share


@dataclass(frozen=True)
class Chance:
    """Cases whose predicted chance fell into one bin. off: the prediction lies outside what was found."""

    low: float
    high: float
    predicted: float
    found: Share
    off: bool


@dataclass(frozen=True)
class Delay:
    """How long something took, in hours."""

    cases: int
    median: float
    nine_in_ten: float


@dataclass(frozen=True)
class Figures:
    """All of the outcome page. arms: of conclusive outcomes. pending: sent to inspection, nothing known."""

    cases: int
    inconclusive: int
    arms: Mapping[Arm, Share]
    lift: Lift | None
    drawn_pending: int
    pending: int
    weeks: Sequence[Week]
    checks: Sequence[Group]
    countries: Sequence[Group]
    chapters: Sequence[Group]
    offices: Sequence[Group]
    causes: Sequence[tuple[str, int]]
    chances: Sequence[Chance]
    to_decision: Delay | None
    to_outcome: Delay | None


class OutcomeDesk:
    """Counts the outcomes of one store; what was counted is kept until something is added."""

    def __init__(self, store: ConcludedCases, zone: dt.tzinfo) -> None:
        self.store = store
        self.zone = zone
        self._kept: dict[tuple[object, ...], Figures] = {}

    def newest_day(self) -> dt.date | None:
        """The local day of the latest outcome; None without any."""
        found = self.store.newest()
        return None if found is None else found.astimezone(self.zone).date()

    def figures(self, since: dt.date | None, until: dt.date | None) -> Figures:
        """Of outcomes recorded on these days of the office, both included; None: no limit."""
        key = (since, until, self.store.state())
        found = self._kept.get(key)
        if found is None:
            begin = None if since is None else dt.datetime.combine(since, dt.time(), self.zone)
            end = None if until is None else dt.datetime.combine(until, dt.time(), self.zone)
            if end is not None:
                end += dt.timedelta(days=1)
            found = figures_of(self.store.between(begin, end), self.store.waiting(), self.zone)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = found
        return found


def figures_of(cases: Sequence[Concluded], waiting: Waiting, zone: dt.tzinfo) -> Figures:
    """From the cases themselves."""
    settled = [case for case in cases if case.result != "inconclusive"]
    arms = _arms(settled)
    return Figures(
        cases=len(cases),
        inconclusive=len(cases) - len(settled),
        arms=arms,
        lift=lift(arms[Arm.RISK], arms[Arm.RANDOM]),
        drawn_pending=waiting.drawn,
        pending=waiting.all,
        weeks=_weeks(cases, zone),
        checks=_checks(settled),
        countries=_groups(settled, lambda case: case.origin),
        chapters=_groups(settled, lambda case: case.hs[:2]),
        offices=_groups([c for c in settled if c.office], lambda case: case.office or ""),
        causes=Counter(c.reason for c in settled if c.hit).most_common(),
        chances=_chances(settled),
        to_decision=_delay((c.created_at, c.decided_at) for c in cases),
        to_outcome=_delay((c.inspect_at, c.at) for c in settled),
    )


def arm_of(case: Concluded) -> Arm:
    """The arm of a case, by the reasons of all its decisions to inspect."""
    if "random" in case.reasons:
        return Arm.RANDOM
    if "risk" in case.reasons:
        return Arm.RISK
    return Arm.OTHER if case.reasons else Arm.NONE


def _arms(settled: Iterable[Concluded]) -> dict[Arm, Share]:
    by_arm: dict[Arm, list[Concluded]] = {arm: [] for arm in Arm}
    for case in settled:
        by_arm[arm_of(case)].append(case)
    return {arm: _share(cases) for arm, cases in by_arm.items()}


def _share(cases: Iterable[Concluded]) -> Share:
    hits = [case.hit for case in cases]
    return Share(sum(hits), len(hits))


def _weeks(cases: Sequence[Concluded], zone: dt.tzinfo) -> list[Week]:
    """All weeks from the first to the last outcome, those without any among them."""
    by_week: dict[dt.date, list[Concluded]] = defaultdict(list)
    for case in cases:
        day = case.at.astimezone(zone).date()
        by_week[day - dt.timedelta(days=day.weekday())].append(case)
    if not by_week:
        return []
    found, week, last = [], min(by_week), max(by_week)
    while week <= last:
        mine = by_week.get(week, [])
        results = Counter(case.result for case in mine)
        settled = [case for case in mine if case.result != "inconclusive"]
        arms = _arms(settled)
        counts = (results["as_declared"], results["discrepancy"], results["inconclusive"])
        found.append(Week(week, *counts, arms[Arm.RISK], arms[Arm.RANDOM]))
        week += dt.timedelta(days=7)
    return found


def _checks(settled: Sequence[Concluded]) -> list[Group]:
    by_kind: dict[str, list[Concluded]] = defaultdict(list)
    for case in settled:
        for kind in case.kinds:
            by_kind[kind].append(case)
    found = []
    for kind, cases in by_kind.items():
        causes = MEANT.get(kind)
        meant = None
        if causes is not None:
            meant = Share(sum(c.hit and c.reason in causes for c in cases), len(cases))
        found.append(Group(kind, _share(cases), meant))
    return sorted(found, key=lambda group: (-group.share.of, group.name))


def _groups(settled: Sequence[Concluded], name: Callable[[Concluded], str]) -> list[Group]:
    by_name: dict[str, list[Concluded]] = defaultdict(list)
    for case in settled:
        by_name[name(case)].append(case)
    found = [Group(key, _share(cases)) for key, cases in by_name.items()]
    return sorted(found, key=lambda group: (-group.share.of, group.name))[:MOST_GROUPS]


def _chances(settled: Sequence[Concluded]) -> list[Chance]:
    """Of cases that had a chance when they were assessed, inspected for whatever reason."""
    found, low = [], 0.0
    for high in _CHANCES:
        first = low == 0.0
        mine = [
            (case.chance, case)
            for case in settled
            if case.chance is not None and (low < case.chance <= high or (first and case.chance == 0.0))
        ]
        if mine:
            share = _share(case for _, case in mine)
            predicted = statistics.fmean(chance for chance, _ in mine)
            found.append(Chance(low, high, predicted, share, share.excludes(predicted, len(_CHANCES))))
        low = high
    return found


def _delay(times: Iterable[tuple[dt.datetime | None, dt.datetime | None]]) -> Delay | None:
    hours = sorted(
        (end - begin).total_seconds() / 3600 for begin, end in times if begin is not None and end is not None
    )
    if not hours:
        return None
    return Delay(len(hours), statistics.median(hours), hours[min(len(hours) - 1, int(0.9 * len(hours)))])
