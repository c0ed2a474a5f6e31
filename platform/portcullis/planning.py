"""What a budget of inspections comes to, before and when it is published: workload, hits, ties, lots."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from customs.errors import InvalidValue
from fusion.data import Floats
from fusion.rank import Budget, select
from portcullis.store.accounts import Account
from portcullis.store.casework import Conflict
from portcullis.store.queue import Filter, Queue, Status
from portcullis.store.selections import BY_LOT, Chosen, Selection, Selections

MAX_PUBLISHED = 1_000  # cases of one selection: all are decided in one transaction
OPEN = (Status.NEW.value, Status.HELD.value)  # nobody decided yet whether the goods are looked at
_EXACT = 2_000  # up to so many cases the interval is counted, beyond it is the normal one
_TAIL = 0.025


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked of a plan. budget: a count, or a share as `5%`; random: share of it that goes by lot;
    seed: of the lots and of the order of ties; minutes: that one inspection takes."""

    budget: str = "5%"
    random: float = 0.02
    seed: int = 0
    minutes: float = 45.0


@dataclass(frozen=True)
class Hits:
    """Inspections that find something, expected from the chances of the cases that have one.

    low, high: 95 % of what luck alone would make of these chances; a wrong calibration is not in it.
    unknown: chosen cases without a chance; they count as none.
    """

    mean: float
    low: int
    high: int
    unknown: int


@dataclass(frozen=True)
class Plan:
    """cases: open ones to choose from; by: what they were ranked by, `chance` or `surprise`.

    silent: could not be judged; tied: as risky as the last one chosen by risk, tied_out: of these not chosen.
    chosen: cases to inspect, by_risk: of these by their risk alone. hits: None where no chosen case has a
    chance. fingerprint: of the cases chosen and their arms.
    """

    cases: int
    silent: int
    by: str
    chosen: int
    by_risk: int
    places: int
    drawn: int
    tied: int
    tied_out: int
    hours: float
    hits: Hits | None
    fingerprint: str

    def record(self, wish: Wish, query: str) -> dict[str, Any]:
        """What a published selection keeps of it."""
        names = ("cases", "silent", "by", "places", "drawn", "tied", "tied_out", "hours", "fingerprint")
        hits = None if self.hits is None else asdict(self.hits)
        return {**asdict(wish), **{n: getattr(self, n) for n in names}, "hits": hits, "query": query}


@dataclass(frozen=True, eq=False)
class _Picked:
    """Chosen cases: (k,) rising numbers of the queue, with rank and arm as fusion's selection has them."""

    number: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int64]
    arm: npt.NDArray[np.str_]


@dataclass(frozen=True)
class Planning:
    """Makes plans over the queue of one store and publishes them."""

    queue: Queue
    selections: Selections

    def plan(self, wanted: Filter, wish: Wish) -> Plan:
        """What the budget comes to among the open cases that the filter leaves."""
        return self._plan(wanted, wish)[0]

    def _plan(self, wanted: Filter, wish: Wish) -> tuple[Plan, _Picked]:
        budget = Budget.parse(wish.budget)
        statuses = tuple(s for s in OPEN if not wanted.statuses or s in wanted.statuses)
        narrowed = replace(wanted, statuses=statuses)
        number, surprise, chance = self.queue.risks(narrowed) if statuses else (np.zeros(0),) * 3
        judged = np.isfinite(surprise)
        # a mixture of two scales would put all cases of one before the other
        by = "chance" if judged.any() and bool(np.isfinite(chance[judged]).all()) else "surprise"
        risk = np.where(judged, chance, np.nan) if by == "chance" else surprise
        found = select(risk, budget, random_share=wish.random, seed=wish.seed)
        at = np.flatnonzero(found.selected)
        picked = _Picked(number[at].astype(np.int64), found.rank[at], found.arm[at])
        plan = Plan(
            cases=len(number),
            silent=int((~judged).sum()),
            by=by,
            chosen=len(at),
            by_risk=int((~np.isin(picked.arm, BY_LOT)).sum()),
            places=found.budget,
            drawn=found.drawn,
            tied=found.tied,
            tied_out=found.tied_out,
            hours=len(at) * wish.minutes / 60.0,
            hits=expected(chance[at]),
            fingerprint=_fingerprint(picked),
        )
        return plan, picked

    def publish(
        self, wanted: Filter, wish: Wish, who: Account, *, query: str, fingerprint: str, key: str
    ) -> Selection:
        """Record the selection and decide to inspect its cases.

        Raises:
            Conflict: the queue is another than when the plan was shown.
            InvalidValue: it has no case, or too many at once.
        """
        earlier = self.selections.get(self.selections.id_of(who, key))
        if earlier is not None and earlier.plan["fingerprint"] == fingerprint:
            return earlier  # asked twice: the cases are no longer open, so the plan cannot be made again
        plan, picked = self._plan(wanted, wish)
        if not plan.chosen:
            raise InvalidValue("no open case is chosen", field="budget", remedy="widen filter or budget")
        if plan.chosen > MAX_PUBLISHED:
            raise InvalidValue(
                f"{plan.chosen:,} cases are chosen",
                field="budget",
                remedy=f"publish at most {MAX_PUBLISHED:,} at once",
            )
        if plan.fingerprint != fingerprint:
            raise Conflict(
                "the queue has changed since this plan was made",
                field="fingerprint",
                remedy="look at the plan as it is now and publish again",
            )
        return self.selections.publish(plan.record(wish, query), self._chosen(picked), who, key=key)

    def _chosen(self, picked: _Picked) -> list[Chosen]:
        """By rank, those that could not be judged last."""
        ids = self.queue.ids(picked.number.tolist())
        rows = zip(picked.number.tolist(), picked.rank.tolist(), picked.arm.tolist(), strict=True)
        chosen = [Chosen(ids[number], rank, arm) for number, rank, arm in rows]
        return sorted(chosen, key=lambda case: (case.rank == 0, case.rank))


def expected(chance: Floats) -> Hits | None:
    """Hits among cases of these chances (n,), NaN where there is none; None if no case has one.

    The number of hits is Poisson-binomial; its 95 % are counted exactly up to 2,000 cases.

    >>> expected(np.array([0.5, 0.5, np.nan]))
    Hits(mean=1.0, low=0, high=2, unknown=1)
    """
    known = chance[np.isfinite(chance)]
    if not len(known):
        return None
    mean = float(known.sum())
    if len(known) <= _EXACT:
        mass = np.zeros(len(known) + 1)
        mass[0] = 1.0
        for n, p in enumerate(known, start=1):
            mass[1 : n + 1] = mass[1 : n + 1] * (1 - p) + mass[:n] * p
            mass[0] *= 1 - p
        below = np.cumsum(mass)
        low = int(np.searchsorted(below, _TAIL))
        high = min(int(np.searchsorted(below, 1 - _TAIL)), len(known))
    else:
        spread = float(stats.norm.ppf(1 - _TAIL)) * math.sqrt(float((known * (1 - known)).sum()))
        low, high = max(math.floor(mean - spread), 0), min(math.ceil(mean + spread), len(known))
    return Hits(mean, low, high, len(chance) - len(known))


def _fingerprint(picked: _Picked) -> str:
    """Over numbers, which a store never gives twice, and arms."""
    parts = picked.number.astype("<i8").tobytes(), "\n".join(picked.arm.tolist()).encode()
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]
