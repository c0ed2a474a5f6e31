"""Putting what a reader read into the official tables: one transaction, and a file twice changes nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import Connection, Engine, Table, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from customs.errors import UnreadableFile
from customs.progress import Progress, silent
from customs.readers.series import SeriesRead
from portcullis.store import official
from portcullis.store.engine import writing

if TYPE_CHECKING:
    from sqlalchemy.sql.dml import Insert

    from customs.readers.report import Read, Remark, RepairReport

CHUNK = 5_000
REMARKS, REMARKS_OF_ONE, LONGEST_GOT = 2_000, 200, 200  # of a report that is kept
Record = dict[str, Any]


@dataclass(frozen=True)
class Stored:
    """What an import left in the store: rows it wrote, and how many of them were not there before."""

    import_id: int
    rows: int
    new: int


def store(
    engine: Engine,
    kind: str,
    read: Read,
    *,
    file: str,
    data: bytes | str,
    progress: Progress = silent,
    record: Callable[[Connection, Stored], None] | None = None,
    actor: str | None = None,
) -> Stored:
    """Write a table of one of `official.TABLES` and the record of its import, all or nothing.

    Rows have natural keys: a row that is there already takes the new values, except that a value which the
    new row lacks stays as it was (concordances and rates are replaced whole). Equal rows of a file (rulings
    may repeat) are one row of the store.

    data: the file's bytes, or their sha256; actor: the account that asks; record: writes what else belongs
    to the same transaction.

    Raises:
        UnreadableFile: no row of the file could be read; nothing is stored.
    """
    table = official.TABLES[kind]
    keys = [column.name for column in table.primary_key]
    records = {tuple(r[k] for k in keys): r for r in _RECORDS[kind](read)}
    report = read.report
    if not records:
        reason = next(iter(report.reasons), "it has no figure")
        raise UnreadableFile(
            f"no row of {report.source} could be read; most often: {reason}",
            field="file",
            remedy=f"check that it is a file of {kind}; nothing was stored",
        )
    rows = list(records.values())
    with writing(engine) as connection:
        before = connection.scalar(select(func.count()).select_from(table)) or 0
        import_id = connection.scalar(
            insert(official.imports)
            .returning(official.imports.c.id)
            .values(
                kind=kind,
                file=file[-255:],
                sha256=data if isinstance(data, str) else hashlib.sha256(data).hexdigest(),
                at=dt.datetime.now(dt.UTC),
                rows_read=report.rows_read,
                rows_repaired=report.rows_repaired,
                rows_refused=report.rows_refused,
                rows_stored=len(rows),
                actor=actor,
                report=kept(report),
            )
        )
        statement = _upsert(table, keys, connection.dialect.name)
        for begin in range(0, len(rows), CHUNK):
            chunk = [{**row, "import_id": import_id} for row in rows[begin : begin + CHUNK]]
            connection.execute(statement, chunk)
            progress("storing", begin + len(chunk), len(rows))
        after = connection.scalar(select(func.count()).select_from(table)) or 0
        stored = Stored(int(import_id or 0), len(rows), after - before)
        own = official.imports.c.id == stored.import_id
        connection.execute(official.imports.update().where(own).values(rows_new=stored.new))
        if record is not None:
            record(connection, stored)
    return stored


def kept(report: RepairReport) -> dict[str, Any]:
    """What of a report the store keeps: counts of every reason, and the first remarks of each."""
    seen: Counter[str] = Counter()
    first: list[Remark] = []
    for remark in report.remarks:
        seen[remark.key] += 1
        if seen[remark.key] <= REMARKS_OF_ONE and len(first) < REMARKS:
            first.append(dataclasses.replace(remark, got=remark.got[:LONGEST_GOT]))
    return dataclasses.replace(report, remarks=tuple(first)).as_dict()


def _upsert(table: Table, keys: list[str], dialect: str) -> Insert:
    make: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect]
    statement = make(table)
    taken = {
        column.name: func.coalesce(statement.excluded[column.name], column)
        if column.nullable and not table.info.get("whole")
        else statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=taken)


def _records(frame: pd.DataFrame, table: Table) -> Iterator[Record]:
    """Rows as plain Python values, with the columns that the store keeps."""
    names = [column.name for column in table.columns if column.name in frame.columns]
    columns = [[_plain(value) for value in frame[name].tolist()] for name in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        # 1e-999999 is a number that somebody may write, but not one to write out
        return format(value, "f") if abs(value.adjusted()) < 40 else str(value)
    if isinstance(value, str | dt.date) or value is None:
        return value
    return None if pd.isna(value) else value


def _hsk(read: Read) -> Iterator[Record]:
    return _with_days(_records(read.table, official.hsk))


def _concordance(read: Read) -> Iterator[Record]:
    return _records(read.table, official.concordance)


def _rates(read: Read) -> Iterator[Record]:
    return _with_days(_records(read.table, official.rates))


def _with_days(records: Iterator[Record]) -> Iterator[Record]:
    """A period without a limit gets the days that stand for one."""
    for record in records:
        begins, ends = record["valid_from"] or official.ALWAYS, record["valid_to"] or official.FOR_EVER
        yield {**record, "valid_from": begins, "valid_to": ends}


def _trade(read: Read) -> Iterator[Record]:
    unit = read.freight_unit if isinstance(read, SeriesRead) else None
    for record in _records(read.table, official.trade):
        yield {**record, "freight_unit": unit if record["freight"] is not None else None}


def _freight(read: Read) -> Iterator[Record]:
    return _records(read.table, official.freight)


def _macro(read: Read) -> Iterator[Record]:
    long = read.table.melt(id_vars="month", var_name="series", value_name="value").dropna(subset="value")
    return _records(long, official.macro)


def _declarations(read: Read) -> Iterator[Record]:
    return _records(read.table, official.declarations)


def _rulings(read: Read) -> Iterator[Record]:
    for record in _records(read.table, official.rulings):
        identity = [record["reference"] or "", record["hs"], record["name"], record["description"]]
        yield {"key": hashlib.sha256("\0".join(identity).encode()).hexdigest(), **record}


_RECORDS: dict[str, Callable[[Read], Iterator[Record]]] = {
    "hsk": _hsk,
    "concordance": _concordance,
    "rates": _rates,
    "trade": _trade,
    "freight": _freight,
    "macro": _macro,
    "declarations": _declarations,
    "rulings": _rulings,
}
