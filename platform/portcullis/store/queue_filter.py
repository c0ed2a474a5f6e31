"""Which cases of the queue are wanted, and the conditions that only those meet."""

from __future__ import annotations

import datetime as dt
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from customs.errors import InvalidValue
from customs.hs import SEPARATORS
from portcullis.store.accounts import account
from portcullis.store.queue_tables import queue, queue_kind, queue_line
from portcullis.store.selection_tables import cases_of


class _Holds(FunctionElement[bool]):
    """Whether a text holds another as it is; LIKE would fold every letter first, which takes longer."""

    name = "holds"
    type = sa.Boolean()
    inherit_cache = True


@compiles(_Holds)
def _holds(element: _Holds, compiler: SQLCompiler, **given: Any) -> str:
    find = "strpos" if compiler.dialect.name == "postgresql" else "instr"
    return f"({find}({compiler.process(element.clauses, **given)}) > 0)"


class TopBy(StrEnum):
    """By what a share of the oddest is measured."""

    OVERALL = "overall"  # the combined surprise, among what all other filters leave
    KINDS = "kinds"  # the surprise of the chosen kinds, among what all other filters but the kinds leave


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which cases are wanted; what is None or empty does not narrow.

    since, until: days of declaration, both included. hs: digits that the code of a line begins with. kinds:
    any of these findings. usd_per_kg_from, usd_per_kg_to: unit value of a line. top: only so large a share,
    the most surprising, of what all other fields leave; top_by: see `TopBy`. assignee: an account's name; ""
    is nobody. text: part of a number, a name or the goods. selection: the cases of a published selection.
    """

    since: dt.date | None = None
    until: dt.date | None = None
    origin: tuple[str, ...] = ()
    departure: tuple[str, ...] = ()
    hs: str | None = None
    kinds: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    lanes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    mode: str | None = None
    office: str | None = None
    importer: str | None = None
    declarant: str | None = None
    declaration_id: str | None = None
    usd_per_kg_from: float | None = None
    usd_per_kg_to: float | None = None
    least_surprise: float | None = None
    mismatch: bool | None = None
    has_scan: bool | None = None
    has_photo: bool | None = None
    assignee: str | None = None
    result: str | None = None
    top: float | None = None
    top_by: TopBy = TopBy.OVERALL
    text: str | None = None
    selection: str | None = None


def conditions_of(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    """What a row has to meet, but for `top`."""
    q = queue.c
    found: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(q.date >= wanted.since)
    if wanted.until is not None:
        found.append(q.date <= wanted.until)
    for column, values in (
        (q.origin, wanted.origin),
        (q.departure, wanted.departure),
        (q.band, wanted.bands),
        (q.lane, wanted.lanes),
        (q.status, wanted.statuses),
    ):
        if values:
            found.append(column.in_(values))
    for name in ("mode", "office", "declaration_id", "mismatch", "has_scan", "has_photo", "result"):
        if getattr(wanted, name) is not None:
            found.append(q[name] == getattr(wanted, name))
    for name in ("importer", "declarant"):
        if getattr(wanted, name):
            found.append(q[name].icontains(getattr(wanted, name), autoescape=True))
    if wanted.least_surprise is not None:
        found.append(q.surprise >= wanted.least_surprise)
    if wanted.assignee is not None:
        mine = sa.select(account.c.id).where(account.c.name == wanted.assignee)
        found.append(q.assignee_id.is_(None) if wanted.assignee == "" else q.assignee_id.in_(mine))
    if wanted.text:
        found += [_Holds(q.words, word) for word in folded(wanted.text).split()]
    if wanted.selection is not None:
        found.append(q.assessment_id.in_(cases_of(wanted.selection)))
    if wanted.kinds:
        found.append(q.number.in_(sa.select(queue_kind.c.number).where(queue_kind.c.kind.in_(wanted.kinds))))
    of_line = []
    if wanted.hs:
        # a range, because an index cannot tell what is LIKE something
        of_line.append(queue_line.c.hs >= wanted.hs)
        if (behind := str(int(wanted.hs) + 1).zfill(len(wanted.hs))) > wanted.hs:
            of_line.append(queue_line.c.hs < behind)
    if wanted.usd_per_kg_from is not None:
        of_line.append(queue_line.c.usd_per_kg >= wanted.usd_per_kg_from)
    if wanted.usd_per_kg_to is not None:
        of_line.append(queue_line.c.usd_per_kg <= wanted.usd_per_kg_to)
    if of_line:
        if wanted.kinds or wanted.text:  # few cases are left, of which each is asked
            found.append(sa.exists().where(queue_line.c.number == q.number, *of_line))
        else:  # asking each of all cases takes ten times as long as one list of such lines
            found.append(q.number.in_(sa.select(queue_line.c.number).where(*of_line)))
    return found


def folded(text: str) -> str:
    """As free text is compared: without case and without different ways to write one character."""
    return unicodedata.normalize("NFKC", text).casefold()


def digits(text: str) -> str:
    """Digits of a code or of its beginning, as a filter takes them; dots and dashes fall away."""
    plain = text.strip().translate(SEPARATORS)
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 10):
        raise InvalidValue(f"got {text!r}", field="hs", remedy="give up to ten digits, such as 0303")
    return plain
