"""Codes of older editions of the tariff, mapped through an official concordance and never guessed."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from customs.errors import InvalidValue
from customs.evidence import Message
from customs.readers.concordance import REVISIONS
from hs_classifier.official.table import Digits, digits_of

Status = Literal["mapped", "split", "removed", "not_listed", "which_edition", "no_edition", "no_table"]


@dataclass(frozen=True, slots=True)
class Link:
    """One row of a concordance: `old` ("" for a new code) became `new` ("" where it was removed).

    from_revision, to_revision: years of the editions, "" if the file does not say. partly: only a part of
    the goods of a code is meant.
    """

    old: str
    new: str
    from_revision: str = ""
    to_revision: str = ""
    valid_from: dt.date | None = None
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A code that goods of the old code may have now.

    listed: every step on the way to it is a row of the concordance; False if a step did not list the code,
    which then kept its digits. partly: only a part of the goods went this way, or came from the old code.
    """

    digits: str
    listed: bool = True
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of a code.

    digits: what was compared, which is shorter than the code where the concordance is.
    editions: those that were walked through, oldest first; for `which_edition` and `no_edition` those that
    can be asked for. targets: ascending; empty unless `mapped` or `split`.
    """

    code: str
    digits: str
    status: Status
    editions: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()

    @property
    def message(self) -> Message:
        """The sentence for an officer."""
        params: dict[str, str | int | float] = {"code": self.code}
        if self.status in ("which_edition", "no_edition"):
            params["editions"] = ", ".join(self.editions)
        elif self.status != "no_table":
            params["editions"] = " → ".join(self.editions) or "?"
            params["digits"] = self.digits
        if self.targets:
            params["targets"] = ", ".join(target.digits for target in self.targets)
        return Message(id=f"codes.map.{self.status}", params=params)


class Concordance:
    """All imported rows, by the step between two editions that they are about.

    >>> rows = [Link("030617", "030617", "2017", "2022"), Link("030617", "030695", "2017", "2022")]
    >>> [target.digits for target in Concordance(rows).map("0306.17", "2017").targets]
    ['030617', '030695']
    """

    def __init__(self, links: Iterable[Link]) -> None:
        self._steps: dict[str, dict[str, _Step]] = {}
        rows: dict[tuple[str, str], list[Link]] = {}
        for link in links:
            if link.old:
                rows.setdefault((link.from_revision, link.to_revision), []).append(link)
        for (begins, ends), found in rows.items():
            self._steps.setdefault(begins, {})[ends] = _Step(found)

    @property
    def editions(self) -> tuple[str, ...]:
        """Editions whose codes can be mapped, oldest first."""
        return tuple(sorted(self._steps))

    def map(self, code: Digits, edition: str | dt.date | None = None) -> Mapped:
        """Walk a code of an older edition to the newest one that the concordance reaches.

        Args:
            code: 4, 6, 8 or 10 digits.
            edition: its year, or the day of a document that was written under it. None: the only edition that
                lists the code; several answer with `which_edition`.

        Raises:
            InvalidValue: the code or the edition cannot be read.
        """
        digits = digits_of(code)
        if not self._steps:
            return Mapped(digits, digits, "no_table")
        if edition is None or self.editions == ("",):  # a file without editions is about the only step known
            lists = [e for e in self.editions if any(step.find(digits) for step in self._steps[e].values())]
            if len(lists) > 1:
                return Mapped(digits, digits, "which_edition", tuple(lists))
            start = lists[0] if lists else self.editions[-1]
        else:
            start = edition_of(edition)
            if start not in self._steps:
                return Mapped(digits, digits, "no_edition", self.editions)
        return self._walk(digits, start)

    def earlier(self, code: Digits) -> list[tuple[str, str]]:
        """Codes that became this one, or one below it, in one step: their digits and their edition."""
        digits = digits_of(code)
        return [
            (old, begins)
            for begins in self.editions
            for step in self._steps[begins].values()
            for old in step.became(digits)
        ]

    def _walk(self, digits: str, start: str) -> Mapped:
        walked, at, level = [start], start, len(digits)
        reached: dict[str, Target] = {digits: Target(digits)}
        listed_once = False
        while steps := self._steps.get(at):
            at = max(steps)
            onward: dict[str, Target] = {}
            for target in reached.values():
                rows = steps[at].find(target.digits)
                listed_once |= bool(rows)
                if not rows:
                    _add(onward, Target(target.digits, False, target.partly))
                for new, partly in rows:
                    if new:
                        level = min(level, len(new))
                        _add(onward, Target(new, target.listed, partly or target.partly))
            reached = onward
            walked.append(at)
            if at in walked[:-1]:  # only a file without editions leads back to where it began
                break
        editions = tuple(dict.fromkeys(e for e in walked if e))
        shared: dict[str, Target] = {}
        for target in reached.values():
            _add(shared, Target(target.digits[:level], target.listed, target.partly))
        targets = tuple(shared[d] for d in sorted(shared))
        if not listed_once:
            return Mapped(digits, digits, "not_listed", editions)
        status: Status = "removed" if not targets else "mapped" if len(targets) == 1 else "split"
        return Mapped(digits, digits[:level], status, editions, targets)


class _Step:
    """Rows between two editions, found by the digits of the old code."""

    def __init__(self, links: Iterable[Link]) -> None:
        self._links = sorted(links, key=lambda link: (link.old, link.new))
        self._olds = [link.old for link in self._links]

    def find(self, digits: str) -> list[tuple[str, bool]]:
        """New codes ("" for removed) of a code, of all codes below it, or of its nearest listed parent."""
        below = list(self._run(digits))
        if below:
            return [(link.new[: len(digits)], link.partly or link.old != digits) for link in below]
        for length in (8, 6, 4):
            if length < len(digits) and (above := list(self._run(digits[:length], exact=True))):
                return [(link.new, link.partly or len(above) > 1) for link in above]
        return []

    def became(self, digits: str) -> list[str]:
        """Old codes, another than this one, that lead to a new code or below it."""
        return list(
            dict.fromkeys(
                link.old for link in self._links if link.new.startswith(digits) and link.old != digits
            )
        )

    def _run(self, digits: str, *, exact: bool = False) -> Iterator[Link]:
        at = bisect_left(self._olds, digits)
        while at < len(self._olds) and self._olds[at].startswith(digits):
            if not exact or self._olds[at] == digits:
                yield self._links[at]
            at += 1


def _add(targets: dict[str, Target], target: Target) -> None:
    known = targets.get(target.digits, target)
    targets[target.digits] = Target(
        target.digits, known.listed or target.listed, known.partly and target.partly
    )


def edition_of(text: str | dt.date) -> str:
    """The edition of a text such as `2017` or `HS2017`, or the one in force on a day.

    >>> edition_of("HS 2017"), edition_of(dt.date(2021, 12, 31))
    ('2017', '2017')
    """
    if isinstance(text, dt.date):
        in_force = [year for year in REVISIONS if int(year) <= text.year]
        return in_force[-1] if in_force else REVISIONS[0]
    year = text.strip().upper().removeprefix("HSK").removeprefix("HS").strip()
    if year not in REVISIONS:
        raise InvalidValue(
            f"{text[:40]!r} is no edition of the Harmonised System",
            field="edition",
            remedy=f"give one of {', '.join(REVISIONS)}",
        )
    return year
