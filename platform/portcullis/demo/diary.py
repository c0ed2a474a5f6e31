"""What the office does with a case once the models have spoken: planned from its band and a die of its own.

A fixed share is inspected by chance, whatever the models say: only from those can the hit rate of everything
be told. Nothing here knows the truth but through the outcome of an inspection.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from customs.declaration import Declaration
from portcullis.demo.office import Office
from portcullis.demo.truth import Truth
from portcullis.store.accounts import Account
from portcullis.store.casework import Assigned, Decided, Decision, Deed, Found, Noted, Result
from portcullis.store.queue import Lane

RANDOM_SHARE = 0.04
SEOUL = ZoneInfo("Asia/Seoul")
_HOURS = (9, 11, 14, 16)  # when declarations come in
_NO_CAPACITY = 0.12  # of the doubtful, for whom nobody has time; the gravest are always inspected
_DOUBTFUL = 0.25  # of those to be looked at, which are inspected
_WAITING = 0.7  # of the latest cases, which nobody has decided yet
_SLOW = 0.08  # of the inspections, which wait for a laboratory


@dataclass(frozen=True)
class Done:
    """Somebody does something with a case at a time (UTC)."""

    at: dt.datetime
    by: Account
    deed: Deed


@dataclass(frozen=True)
class Diary:
    """Plans the deeds of one office; the same seed plans the same."""

    office: Office
    truth: Truth
    seed: int

    def arrival(self, declaration: Declaration, *, scanned: bool) -> tuple[dt.datetime, Account]:
        """When a declaration is handed in, and by whom: scans by inspectors, papers by the risk unit."""
        die = self._die(declaration, "arrival")
        staff = self.office.inspectors if scanned else self.office.analysts
        day = dt.datetime.combine(declaration.date, dt.time(die.choice(_HOURS)), SEOUL)
        return day.astimezone(dt.UTC), staff[declaration.date.toordinal() % len(staff)]

    def deeds(self, declaration: Declaration, lane: str, came: dt.datetime) -> Iterator[Done]:
        """All that is done with a case that came at a time and whose band recommends a lane, in order."""
        die = self._die(declaration, "deeds")
        by_chance = die.random() < RANDOM_SHARE
        analyst = die.choice(self.office.analysts)
        inspector = die.choice(self.office.inspectors)
        decided = self._soon(came, die, hours=(1, 30))
        if by_chance or lane == Lane.INSPECT or (lane == Lane.REVIEW and die.random() < _DOUBTFUL):
            if not by_chance and lane == Lane.REVIEW and die.random() < _NO_CAPACITY:
                yield Done(decided, analyst, Decided(decision=Decision.RELEASE, reason="no_capacity"))
                return
            reason = "random" if by_chance else "risk"
            yield Done(decided, analyst, Decided(decision=Decision.INSPECT, reason=reason))
            yield Done(decided + dt.timedelta(minutes=3), analyst, Assigned(assignee=inspector))
            yield from self._inspected(declaration, lane, decided, inspector, die)
        elif lane == Lane.REVIEW:
            if die.random() < 0.2:
                hold = Decided(
                    decision=Decision.HOLD, reason="documents_missing", note="포장명세서와 계약서 제출 요청"
                )
                yield Done(decided, analyst, hold)
                decided = self._soon(decided, die, hours=(24, 96))
                yield Done(decided, analyst, Noted(text="제출 서류 확인 완료"))
                decided += dt.timedelta(minutes=10)
            yield Done(decided, analyst, Decided(decision=Decision.RELEASE, reason="explained"))
        else:
            yield Done(decided, analyst, Decided(decision=Decision.RELEASE, reason="low_risk"))

    def waits(self, declaration: Declaration) -> bool:
        """Whether a case of the latest days is still to be decided."""
        return self._die(declaration, "waits").random() < _WAITING

    def waiting(self, declaration: Declaration, lane: str, came: dt.datetime) -> Iterator[Done]:
        """As `deeds`, of a case that waits: half of the gravest have somebody who will look at them."""
        die = self._die(declaration, "waiting")
        if lane == Lane.INSPECT and die.random() < 0.5:
            analyst, inspector = die.choice(self.office.analysts), die.choice(self.office.inspectors)
            yield Done(self._soon(came, die, hours=(1, 30)), analyst, Assigned(assignee=inspector))

    def _inspected(
        self,
        declaration: Declaration,
        lane: str,
        decided: dt.datetime,
        inspector: Account,
        die: random.Random,
    ) -> Iterator[Done]:
        looked = self._soon(decided, die, hours=(20, 72))
        if die.random() < _SLOW:
            waits = Found(result=Result.INCONCLUSIVE, reason="sample_pending", note="시료 분석 의뢰")
            yield Done(looked, inspector, waits)
            looked = self._soon(looked, die, hours=(72, 144))
        yield Done(looked, inspector, self.truth.found(declaration, flagged=lane == Lane.INSPECT))

    def _soon(self, after: dt.datetime, die: random.Random, *, hours: tuple[int, int]) -> dt.datetime:
        """Some hours later; what falls into the night waits for the morning."""
        at = (after + dt.timedelta(hours=die.uniform(*hours))).astimezone(SEOUL)
        if at.hour < 8 or at.hour >= 20:
            late = at.hour >= 20
            at = at.replace(hour=9, minute=die.randrange(60)) + dt.timedelta(days=late)
        return at.replace(second=die.randrange(60), microsecond=0).astimezone(dt.UTC)

    def _die(self, declaration: Declaration, what: str) -> random.Random:
        return random.Random(f"{self.seed}:{what}:{declaration.id}")  # noqa: S311
