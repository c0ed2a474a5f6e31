"""How good the data is that comes in: what declarations lack, scans, codes, refused items, imports."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from portcullis.store.batch_tables import ItemState, batch, batch_item
from portcullis.store.metadata import as_utc
from portcullis.store.official import imports
from portcullis.store.weekly import ALL, FIELDS
from portcullis.watching.window import CASES, Compared, Window, compared

CODE_STATES = ("valid", "not_valid", "unknown", "no_table")
MOST_REFUSED = 5_000  # items that are read, the newest ones
_IMPORTS = 12


@dataclass(frozen=True)
class Refusal:
    """What items of batches were refused for: the field at fault, how often, and one of the texts."""

    field: str
    count: int
    example: str


@dataclass(frozen=True)
class Refused:
    """Of the batches handed in since a time: items, how many were refused, and for what.

    read: how many of the refused items the reasons were counted over.
    """

    since: dt.datetime
    batches: int
    items: int
    refused: int
    read: int
    reasons: tuple[Refusal, ...]


@dataclass(frozen=True)
class ImportReport:
    """What one import read, repaired, refused and stored."""

    at: dt.datetime
    kind: str
    file: str
    read: int
    repaired: int
    refused: int
    stored: int


@dataclass(frozen=True)
class DataQuality:
    """All of it. fields, codes: shares of cases and of lines; scans: of the cases with a scan."""

    weeks: tuple[dt.date, ...]
    tests: int
    fields: tuple[Compared, ...]
    scans: tuple[Compared, ...]
    codes: tuple[Compared, ...]
    refused: Refused
    imports: tuple[ImportReport, ...]


def data_quality(window: Window, engine: sa.Engine, now: dt.datetime) -> DataQuality:
    """From the cells of a window, and what the store keeps of imports and of batches as recent as it is long.

    A declaration that was refused has no week: batches count by when they were handed in.
    """
    how = [said for said in window.said("scan") if said != ALL]
    tests = len(FIELDS) + len(how) + len(CODE_STATES)
    lines = ("code", CODE_STATES)
    return DataQuality(
        weeks=window.weeks,
        tests=tests,
        fields=tuple(compared(window, "lacks", (f,), CASES, name=f, tests=tests) for f in FIELDS),
        scans=tuple(compared(window, "scan", (s,), ("scan", (ALL,)), name=s, tests=tests) for s in how),
        codes=tuple(compared(window, "code", (s,), lines, name=s, tests=tests) for s in CODE_STATES),
        refused=_refused(engine, now - dt.timedelta(weeks=len(window.weeks))),
        imports=_imports(engine),
    )


def _refused(engine: sa.Engine, since: dt.datetime) -> Refused:
    b = batch.c
    inside = b.created_at >= since.astimezone(dt.UTC)
    sums = sa.select(sa.func.count(), *(sa.func.coalesce(sa.func.sum(c), 0) for c in (b["items"], b.refused)))
    items = (
        sa.select(batch_item.c.problems)
        .join(batch, b.number == batch_item.c.batch_number)
        .where(batch_item.c.state == ItemState.REFUSED.value, inside)
        .order_by(batch_item.c.batch_number.desc(), batch_item.c.number.desc())
        .limit(MOST_REFUSED)
    )
    with engine.connect() as connection:
        batches, count, refused = connection.execute(sums.where(inside)).one()
        problems = list(connection.scalars(items))
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for found in problems:
        for field in dict.fromkeys(_field(one) for one in found or ()):
            counts[field] += 1
        for one in found or ():
            examples.setdefault(_field(one), str(one.get("problem", "")))
    reasons = tuple(Refusal(field, n, examples[field]) for field, n in counts.most_common(12))
    return Refused(since, int(batches), int(count), int(refused), len(problems), reasons)


def _field(problem: dict[str, object]) -> str:
    """The field at fault, the same for whichever line it is of."""
    parts = re.split(r"[.\[\]]+", str(problem.get("field") or ""))
    return ".".join(part for part in parts if part and not part.isdigit())


def _imports(engine: sa.Engine) -> tuple[ImportReport, ...]:
    i = imports.c
    query = sa.select(
        *(i.at, i.kind, i.file, i.rows_read, i.rows_repaired, i.rows_refused, i.rows_stored)
    ).order_by(i.id.desc())
    with engine.connect() as connection:
        rows = connection.execute(query.limit(_IMPORTS)).all()
    return tuple(ImportReport(as_utc(at), *rest) for at, *rest in (tuple(row) for row in rows))
