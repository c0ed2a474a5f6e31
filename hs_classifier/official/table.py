"""The official table of codes: its tree, its wording, and the days on which a code is valid."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from customs.errors import InvalidValue
from customs.evidence import Message
from customs.hs import LENGTHS, SEPARATORS, HsCode
from customs.sentences import Language

if TYPE_CHECKING:
    import pandas as pd

    from hs_classifier.official.concordance import Concordance, Mapped
    from hs_classifier.official.search import Found, WordIndex

Status = Literal["valid", "not_yet", "ended", "after_table", "unknown"]
Digits = HsCode | str  # a text may also name a group of 3, 5, 7 or 9 digits, which is no HS code
# Levels that exist as soon as a code below them does, whether or not the table words them.
_SHARED = (2, 4, 6)
_AFTER_DIGITS = ":"  # sorts behind every digit: `prefix + ":"` is the end of what begins with `prefix`


@dataclass(frozen=True, slots=True)
class Entry:
    """A code, or a group of codes, as the table has it.

    digits: 2 to 10 of them; groups of 5, 7 and 9 digits are no HS codes, so `code` is None for them.
    ko, en: official wording, "" where the table has none. valid_from, valid_to: both days included, None
    where the table gives none. listed: False for a chapter, heading or subheading that is known only
    because codes below it are in the table.
    """

    digits: str
    ko: str = ""
    en: str = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    quantity_unit: str | None = None
    weight_unit: str | None = None
    listed: bool = True

    @property
    def level(self) -> int:
        """Number of digits."""
        return len(self.digits)

    @property
    def code(self) -> HsCode | None:
        """The HS code; None for a group of an odd number of digits."""
        return HsCode(self.digits) if len(self.digits) in LENGTHS else None

    def wording(self, language: Language) -> str:
        """The official wording, or that of the other language where the table lacks this one; may be ""."""
        return (self.ko or self.en) if language == "ko" else (self.en or self.ko)

    def __str__(self) -> str:
        d = self.digits
        return str(self.code) if self.code else ".".join(p for p in (d[:4], d[4:6], d[6:]) if p)


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a code may be declared on a day, and what the table says of its days.

    `after_table`: the code is valid to the last day that the table reaches, and the day asked for lies
    behind it, so that only a newer table can tell. `unknown`: the table does not have the code.
    """

    digits: str
    on: dt.date
    status: Status
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None

    @property
    def message(self) -> Message:
        """The sentence for an officer."""
        params: dict[str, str | int | float] = {"code": self.digits, "on": str(self.on)}
        if self.valid_from or self.valid_to:
            days = {"valid_from": str(self.valid_from or "…"), "valid_to": str(self.valid_to or "…")}
            return Message(id=f"codes.{self.status}", params={**params, **days})
        return Message(
            id="codes.undated" if self.status == "valid" else f"codes.{self.status}", params=params
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two codes part: the path they share, and the path of each below it, top down."""

    common: tuple[Entry, ...]
    left: tuple[Entry, ...]
    right: tuple[Entry, ...]

    @property
    def parent(self) -> Entry | None:
        """The deepest entry that both lie under; None if they share no chapter."""
        return self.common[-1] if self.common else None

    @property
    def parting(self) -> tuple[Entry | None, Entry | None]:
        """The first entry with wording on each side: what decides between them. None: that side ends here."""

        def first(branch: tuple[Entry, ...]) -> Entry | None:
            return next((e for e in branch if e.ko or e.en), branch[-1] if branch else None)

        return first(self.left), first(self.right)


class CodeTable:
    """The codes of one or several official tables, and nothing that they do not hold.

    Of a code with several periods of validity all are kept. Where a table without days (the international
    one) has the same code as one with days, it only fills wording that the other leaves empty.

    >>> table = CodeTable([Entry("03", "어류", "Fish"), Entry("0303670000", "명태", "Alaska pollock")])
    >>> [entry.digits for entry in table.path("0303.67-0000")]
    ['03', '0303', '030367', '0303670000']
    >>> table.get("0303670001") is None
    True
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.listed:
                found.setdefault(entry.digits, []).append(entry)
        self._versions = {digits: _merged(rows) for digits, rows in found.items()}
        implied = {digits[:n] for digits in found for n in _SHARED if n < len(digits)}
        self.nodes: tuple[str, ...] = tuple(sorted(implied.union(found)))
        """All digits of the tree in ascending order; what lies below a node follows it in one run."""
        self.place: dict[str, int] = {digits: i for i, digits in enumerate(self.nodes)}

    @classmethod
    def read(cls, paths: Path | Sequence[Path]) -> CodeTable:
        """Read official tables: the Korean one, the international one, or both (`customs.readers.hsk`)."""
        from customs.readers import hsk

        names = [paths] if isinstance(paths, Path) else paths
        return cls(entry for path in names for entry in entries_of(hsk.read(path).table))

    @classmethod
    def restore(cls, columns: Mapping[str, Sequence[Any]]) -> CodeTable:
        """The table that `columns` wrote out."""
        names = ("digits", "ko", "en", "valid_from", "valid_to", "quantity_unit", "weight_unit")
        day = {0: None}
        for number in {*columns["valid_from"], *columns["valid_to"]} - {0}:
            day[number] = dt.date.fromordinal(number)  # type: ignore[assignment]  # few days, many rows
        return cls(
            Entry(digits, ko, en, day[begins], day[ends], quantity or None, weight or None)
            for digits, ko, en, begins, ends, quantity, weight in zip(
                *(columns[n] for n in names), strict=True
            )
        )

    def columns(self) -> dict[str, list[Any]]:
        """For an artefact: a row for each period of each code; days as ordinals, 0 for none."""
        rows = [entry for digits in self.nodes for entry in self._versions.get(digits, ())]
        return {
            "digits": [e.digits for e in rows],
            "ko": [e.ko for e in rows],
            "en": [e.en for e in rows],
            "valid_from": [e.valid_from.toordinal() if e.valid_from else 0 for e in rows],
            "valid_to": [e.valid_to.toordinal() if e.valid_to else 0 for e in rows],
            "quantity_unit": [e.quantity_unit or "" for e in rows],
            "weight_unit": [e.weight_unit or "" for e in rows],
        }

    def __len__(self) -> int:
        """Number of codes and groups that the table lists."""
        return len(self._versions)

    def __contains__(self, code: object) -> bool:
        return (code.digits if isinstance(code, HsCode) else code) in self.place

    @cached_property
    def last_day(self) -> dt.date | None:
        """The last day that the table says anything about; None if it has no days."""
        return max((e.valid_to for e in self._entries() if e.valid_to), default=None)

    def versions(self, code: Digits) -> tuple[Entry, ...]:
        """All periods of a code, oldest first; empty if the table does not list it."""
        return self._versions.get(digits_of(code), ())

    def get(self, code: Digits, on: dt.date | None = None) -> Entry | None:
        """A code as it reads on a day or in its nearest period, without a day in its newest; None if unknown.

        Whether it is valid on that day is for `valid_on` to say.
        """
        digits = digits_of(code)
        versions = self._versions.get(digits)
        if not versions:
            return Entry(digits, listed=False) if digits in self.place else None
        if on is None:
            return versions[-1]
        begun = [entry for entry in versions if entry.valid_from is None or entry.valid_from <= on]
        return begun[-1] if begun else versions[0]

    def parent(self, code: Digits) -> str | None:
        """Digits of the nearest node above a code, which itself may be unknown; None above a chapter."""
        digits = digits_of(code)
        return next((digits[:n] for n in range(len(digits) - 1, 1, -1) if digits[:n] in self.place), None)

    def path(self, code: Digits, on: dt.date | None = None) -> tuple[Entry, ...]:
        """Entries from the chapter to the code.

        Chapter, heading and subheading are always there (unworded where the table has no wording for
        them), groups of 5, 7, 8 and 9 digits where the table has them. The path of an unknown code ends at
        the deepest level that is known; it is empty if not even the chapter is.
        """
        digits = digits_of(code)
        above = [digits[:n] for n in range(2, len(digits) + 1) if digits[:n] in self.place]
        return tuple(entry for d in above if (entry := self.get(d, on)) is not None)

    def children(self, code: Digits | None = None, on: dt.date | None = None) -> tuple[Entry, ...]:
        """Entries directly below a code (None: the chapters); with a day, only those valid on it."""
        if code is None:
            first, end = 0, len(self.nodes)
        else:
            place = self.place.get(digits_of(code))
            if place is None:
                return ()
            first, end = place + 1, self.end(place)
        below = []
        while first < end:
            below.append(self.nodes[first])
            first = self.end(first)
        entries = (self.get(digits, on) for digits in below)
        return tuple(e for e in entries if e and (on is None or self.counts(e.digits, on)))

    def codes(self, on: dt.date | None = None, level: int = 10) -> tuple[HsCode, ...]:
        """All codes of a level in ascending order; with a day, those valid on it.

        For a day behind the table's last one these are the codes of its last day; `valid_on` tells so.
        """
        wanted = (digits for digits in self.nodes if len(digits) == level)
        return tuple(HsCode(digits) for digits in wanted if on is None or self.counts(digits, on))

    def valid_on(self, code: Digits, on: dt.date) -> Validity:
        """Whether a code is valid on a day.

        A level without days of its own is valid as long as a code below it is; if nothing below it has
        days either, the table is undated, and what it lists counts as valid.
        """
        digits = digits_of(code)
        if digits not in self.place:
            return Validity(digits, on, "unknown")
        found = self._periods(digits) - {(None, None)}
        periods = sorted(found, key=lambda p: (p[0] or dt.date.min, p[1] or dt.date.max))
        if not periods:
            return Validity(digits, on, "valid")
        holding = [
            (begins or dt.date.min, ends or dt.date.max)
            for begins, ends in periods
            if (begins is None or begins <= on) and (ends is None or on <= ends)
        ]
        if holding:
            first, last = min(p[0] for p in holding), max(p[1] for p in holding)
            begins = None if first == dt.date.min else first
            return Validity(digits, on, "valid", begins, None if last == dt.date.max else last)
        past = [p for p in periods if p[1] is not None and p[1] < on]
        if not past:
            return Validity(digits, on, "not_yet", *periods[0])
        begins, ends = max(past, key=lambda p: p[1] or dt.date.max)
        return Validity(digits, on, "after_table" if ends == self.last_day else "ended", begins, ends)

    def difference(self, left: Digits, right: Digits, on: dt.date | None = None) -> Difference:
        """Where the paths of two codes part."""
        one, other = self.path(left, on), self.path(right, on)
        shared = sum(1 for a, b in zip(one, other, strict=False) if a.digits == b.digits)
        return Difference(one[:shared], one[shared:], other[shared:])

    @cached_property
    def words(self) -> WordIndex:
        """Words of all wordings, made when first asked for (a third of a second for 19,000 codes)."""
        from hs_classifier.official.search import WordIndex

        return WordIndex(self)

    def search(self, text: str, on: dt.date | None = None, limit: int = 20) -> Found:
        """Codes by their first digits or by words of their wording; see `hs_classifier.official.search`."""
        from hs_classifier.official.search import search

        return search(self, text, on=on, limit=limit)

    def map_old(
        self, code: Digits, concordance: Concordance | None, edition: str | dt.date | None = None
    ) -> Mapped:
        """What became of a code of an older edition; without a concordance it is not known."""
        from hs_classifier.official.concordance import Concordance

        return (concordance or Concordance(())).map(code, edition)

    def end(self, place: int) -> int:
        """Place behind the last node that begins with the digits of the node at `place`."""
        return bisect_left(self.nodes, self.nodes[place] + _AFTER_DIGITS, lo=place)

    def run(self, digits: str) -> range:
        """Places of all nodes that begin with some digits, whether or not these are a node themselves."""
        return range(bisect_left(self.nodes, digits), bisect_left(self.nodes, digits + _AFTER_DIGITS))

    def counts(self, digits: str, on: dt.date) -> bool:
        """Whether a day's list has a node: it is valid, or was on the table's last day, before the day."""
        return self.valid_on(digits, on).status in ("valid", "after_table")

    def _entries(self) -> Iterator[Entry]:
        for versions in self._versions.values():
            yield from versions

    def _periods(self, digits: str) -> set[tuple[dt.date | None, dt.date | None]]:
        """Periods of a node with days, or of what lies below a node without."""
        own = {(e.valid_from, e.valid_to) for e in self._versions.get(digits, ())} - {(None, None)}
        if own:
            return own
        below = (self._versions.get(self.nodes[i], ()) for i in self.run(digits))
        return {(e.valid_from, e.valid_to) for versions in below for e in versions}


def digits_of(code: Digits) -> str:
    """Digits of a code as people type it: 2 to 10, with dots, dashes and blanks between them.

    Raises:
        InvalidValue: there are other signs, or too few or too many digits; nothing is padded.
    """
    if isinstance(code, HsCode):
        return code.digits
    digits = code.strip().translate(SEPARATORS)
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidValue(
            f"{code[:80]!r} is not a code", field="code", remedy="give 2 to 10 digits, such as 0303.67-0000"
        )
    if not 2 <= len(digits) <= 10:
        raise InvalidValue(
            f"{digits[:80]!r} has {len(digits)} digit{'s' * (len(digits) > 1)}",
            field="code",
            remedy="give 2 to 10 digits; keep leading zeros",
        )
    return digits


def entries_of(table: pd.DataFrame) -> Iterator[Entry]:
    """Entries of a table as `customs.readers.hsk` reads it."""
    names = ("digits", "name_ko", "name_en", "valid_from", "valid_to", "quantity_unit", "weight_unit")
    for row in zip(*(table[name].tolist() for name in names), strict=True):
        yield Entry(*row)


def _merged(rows: Sequence[Entry]) -> tuple[Entry, ...]:
    """Periods of one code, oldest first, each once; wording without days only fills gaps."""
    if len(rows) == 1:  # nearly always, and a table has to load while somebody waits
        return (rows[0],)
    dated = {e.valid_from: e for e in rows if e.valid_from or e.valid_to}
    undated = [e for e in rows if not (e.valid_from or e.valid_to)]
    spare = Entry(rows[0].digits)
    for entry in undated:
        spare = _filled(spare, entry)
    if not dated:
        return (spare,)
    periods = sorted(dated.values(), key=lambda e: e.valid_from or dt.date.min)
    return tuple(_filled(entry, spare) for entry in periods)


def _filled(entry: Entry, spare: Entry) -> Entry:
    if entry.ko and entry.en and entry.weight_unit and entry.quantity_unit:
        return entry
    return replace(
        entry,
        ko=entry.ko or spare.ko,
        en=entry.en or spare.en,
        quantity_unit=entry.quantity_unit or spare.quantity_unit,
        weight_unit=entry.weight_unit or spare.weight_unit,
    )
