"""The past scans that look most like this one: of the model's references and of all that was stored here."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from customs.errors import CustomsError, InvalidValue
from customs.scan import Scan
from portcullis.insight.looks import edition, look_of, unreadable
from portcullis.insight.models import xray_of
from portcullis.models import Models
from portcullis.service import NoModel, NotFound
from portcullis.store.assessments import Assessment, Assessments
from portcullis.store.past import Ended, Past
from portcullis.store.queue import Queue, Summary
from portcullis.store.scan_looks import ScanLook, ScanLooks, StoredLook

if TYPE_CHECKING:
    from xray_encoder.search import Bank, Entry, Neighbour

log = logging.getLogger("portcullis.insight")
MOST_SIMILAR = 50
_STORED = "assessment:"  # before the ids of stored scans in the bank; references have names of files
_CATCH_UP = 4  # scans without numbers that one question waits for
_WIDEST = 1024  # neighbours looked through for those that are wanted


class Of(StrEnum):
    """Which scans are compared with."""

    SAME_CODE = "same_code"
    IMPORTER = "importer"
    ANY = "any"


@dataclass(frozen=True)
class SimilarScan:
    """A scan that looks alike. source: `assessment`, or `reference` of the trained model.

    id: of the assessment or the reference's file. distance, similarity: as of `xray_encoder.search`; code:
    of most of the load. normal: a reference, found as declared, or of the clear band with nothing found.
    """

    source: str
    id: str
    code: str
    importer: str
    date: dt.date | None
    distance: float
    similarity: float
    band: str | None
    outcome: Ended | None
    normal: bool


@dataclass(frozen=True)
class SimilarScans:
    """Scans that look alike, nearest first.

    match: the digits or the importer that they share with this one; None for any, or where there is nothing
    to match. kind: of picture; only those of one kind are compared. searched: scans that could be compared
    with; waiting: stored ones whose numbers are not worked out yet.
    """

    of: Of
    match: str | None
    kind: str
    model: str
    searched: int
    waiting: int
    scans: tuple[SimilarScan, ...]


@dataclass(frozen=True)
class _Wanted:
    """Which scans are asked for, and how many."""

    limit: int
    normal: bool
    stored: bool

    def takes(self, one: SimilarScan) -> bool:
        return (one.normal or not self.normal) and (one.source == "assessment" or not self.stored)


# Declaration, its day and the number of its assessment.
_When = tuple[str, dt.date, int]


@dataclass(frozen=True, eq=False)
class _Searched:
    """A bank of a version of the model with the stored scans in it, by the ids of their assessments.

    last: number of the look that was added last.
    """

    version: str
    bank: Bank
    stored: dict[str, _When]
    last: int


class SimilarDesk:
    """Answers about scans that look alike; holds one bank in memory and adds to it."""

    def __init__(
        self,
        looks: ScanLooks,
        assessments: Assessments,
        queue: Queue,
        past: Past,
        models: Callable[[], Models],
        scan_of: Callable[[Assessment], Scan],
    ) -> None:
        self.looks = looks
        self.assessments = assessments
        self.queue = queue
        self.past = past
        self.models = models
        self.scan_of = scan_of
        self._searched: _Searched | None = None
        self._lock = threading.Lock()

    def similar(
        self, found: Assessment, of: Of, *, limit: int = 10, normal: bool = False, stored: bool = False
    ) -> SimilarScans:
        """The nearest scans of older cases and of the model's references.

        normal: only those that are as they should be. stored: only scans of cases, whose pictures are here,
        and no references. Of the same code means the same ten digits, or the
        same six or four where none shares more.

        Raises:
            NotFound: the assessment has no scan.
            NoModel: no X-ray model with references is loaded.
            InvalidValue: `limit` is not 1 to `MOST_SIMILAR`.
        """
        if not 1 <= limit <= MOST_SIMILAR:
            raise InvalidValue(f"got {limit}", field="limit", remedy=f"give 1 to {MOST_SIMILAR}")
        if found.scan is None:
            raise NotFound("this assessment has no scan", field="id", remedy="none was uploaded")
        searched, waiting = self._bank()
        look = self._look(found)
        row = self.queue.get(found.id)
        assert row is not None  # every assessment has its row in the queue
        match: str | None = None
        scans: Sequence[SimilarScan] = ()
        for prefix in _prefixes(look.code) if of is Of.SAME_CODE else (None,):
            importer = row.importer if of is Of.IMPORTER else None
            wanted = _Wanted(limit, normal, stored)
            scans = self._nearest(searched, look, row, prefix, importer, wanted)
            match = prefix or importer
            if scans:
                break
        total = len(searched.bank)
        return SimilarScans(of, match, look.kind, searched.version, total, waiting, tuple(scans))

    def _nearest(
        self,
        searched: _Searched,
        look: ScanLook,
        mine: Summary,
        prefix: str | None,
        importer: str | None,
        wanted: _Wanted,
    ) -> Sequence[SimilarScan]:
        """The nearest that are older and wanted: ask for more until there are enough."""
        wide = 4 * wanted.limit
        while True:
            near = searched.bank.nearest(look.numbers, wide, hs=prefix, importer=importer, kind=look.kind)
            older = [one for one in near if _older(searched.stored.get(_id(one)), mine)]
            told = self._told(older)
            kept = [one for one in told if wanted.takes(one)][: wanted.limit]
            if len(kept) == wanted.limit or len(near) < wide or wide >= _WIDEST:
                return kept
            wide *= 4

    def _told(self, near: Sequence[Neighbour]) -> list[SimilarScan]:
        """Neighbours with what is known of their cases."""
        ids = [_id(one) for one in near if one.id.startswith(_STORED)]
        rows, outcomes = self.queue.rows(ids), self.past.outcomes(ids)
        found = []
        for one in near:
            case = rows.get(_id(one))
            ended = outcomes.get(_id(one))
            found.append(
                SimilarScan(
                    "reference" if case is None else "assessment",
                    one.id if case is None else case.id,
                    one.code,
                    one.importer,
                    None if case is None else case.date,
                    one.distance,
                    one.similarity,
                    None if case is None else case.band,
                    ended,
                    case is None or _normal(case.band, ended),
                )
            )
        return found

    def _bank(self) -> tuple[_Searched, int]:
        """The bank as of now, and how many stored scans are not in it yet."""
        models = self.models()
        scorer = xray_of(models)
        if scorer is None or scorer.parts.past is None:
            remedy = "train one with references: portcullis train xray"
            raise NoModel("no X-ray model with reference scans is loaded", field="models", remedy=remedy)
        waiting, newest = self.looks.missing(edition(), _CATCH_UP)
        for assessment_id in newest:
            found = self.assessments.get(assessment_id)
            if found is None:
                continue
            try:
                look = look_of(self.scan_of(found), found.declaration)
            except (CustomsError, KeyError) as error:  # one that cannot be read must not stop all searches
                log.warning("the scan of assessment %s cannot be compared: %s", assessment_id, error)
                look = unreadable()
            self.looks.keep(assessment_id, look)
            waiting -= 1
        with self._lock:
            known, version = self._searched, models.versions["xray"]
            if known is None or known.version != version:
                known = _Searched(version, scorer.parts.past, {}, 0)
            last, looks = self.looks.after(known.last, edition())
            new = [one for one in looks if one.assessment_id not in known.stored]
            if new:
                numbers = np.stack([stored.look.numbers for stored in new])
                bank = known.bank.added(numbers, [_entry(stored) for stored in new])
                known = _Searched(
                    version, bank, known.stored | {s.assessment_id: _when(s) for s in new}, last
                )
            self._searched = known
        return known, max(waiting, 0)

    def _look(self, found: Assessment) -> ScanLook:
        kept = self.looks.get(found.id, edition())
        if kept is None:
            kept = look_of(self.scan_of(found), found.declaration)
            self.looks.keep(found.id, kept)
        return kept


def _entry(stored: StoredLook) -> Entry:
    from xray_encoder.search import Entry

    name, look = _STORED + stored.assessment_id, stored.look
    return Entry(name, look.code, stored.importer, kind=look.kind, date=stored.date.isoformat())


def _id(one: Neighbour) -> str:
    return one.id.removeprefix(_STORED)


def _when(stored: StoredLook) -> _When:
    return stored.declaration_id, stored.date, stored.number


def _older(when: _When | None, mine: Summary) -> bool:
    """True for references, and for scans of other and earlier cases."""
    if when is None:
        return True
    declaration_id, *order = when
    return declaration_id != mine.declaration_id and order < [mine.date, mine.number]


def _normal(band: str, ended: Ended | None) -> bool:
    if ended is not None and ended.result in ("as_declared", "discrepancy"):
        return ended.result == "as_declared"
    return band == "clear"


def _prefixes(code: str) -> Sequence[str]:
    return [code[:n] for n in (10, 6, 4)] if code else []
