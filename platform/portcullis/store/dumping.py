"""The rows of a database as text, the same from SQLite and PostgreSQL, and back into either."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

VERSIONS = "alembic_version"
_CHUNK = 500


@dataclass
class Sum:
    """A digest over lines that does not mind their order: databases sort text differently."""

    rows: int = 0
    total: int = field(default=0)

    def add(self, line: bytes) -> None:
        """Count one line in."""
        self.rows += 1
        self.total = (self.total + int.from_bytes(hashlib.sha256(line).digest(), "big")) % 2**256

    @property
    def hex(self) -> str:
        """The digest as text."""
        return f"{self.total:064x}"


def tables_of(connection: sa.Connection) -> list[sa.Table]:
    """All tables as the database has them, those first that others refer to."""
    found = sa.MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSIONS]


def lines_of(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    """Each row as one line of JSON, in the order of the primary key."""
    columns = list(table.columns)
    writers = [_writer(column) for column in columns]
    query = sa.select(*(_as_text(connection, column) for column in columns))
    query = query.order_by(*table.primary_key.columns).execution_options(yield_per=_CHUNK)
    names = [column.name for column in columns]
    with connection.execute(query) as rows:
        for row in rows:
            values = {
                name: None if value is None else write(value)
                for name, write, value in zip(names, writers, row, strict=True)
            }
            yield (json.dumps(values, sort_keys=True, ensure_ascii=False) + "\n").encode()


def put(connection: sa.Connection, table: sa.Table, lines: Iterable[bytes]) -> None:
    """Insert what `lines_of` gave."""
    plain = connection.dialect.name == "sqlite"
    shape = sa.table(table.name, *(sa.column(c.name, _bound(c.type, plain=plain)) for c in table.columns))
    readers = {column.name: _reader(column, plain=plain) for column in table.columns}
    chunk: list[dict[str, Any]] = []
    for line in lines:
        values = json.loads(line)
        chunk.append({name: _read(readers[name], value) for name, value in values.items()})
        if len(chunk) == _CHUNK:
            connection.execute(shape.insert(), chunk)
            chunk = []
    if chunk:
        connection.execute(shape.insert(), chunk)


def go_on_counting(connection: sa.Connection, table: sa.Table) -> None:
    """On PostgreSQL: the next number of a counted key comes after the rows that were put."""
    if connection.dialect.name != "postgresql":
        return
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    for column in table.columns:
        where = {"table": quoted, "column": column.name}
        sequence = connection.scalar(sa.text("SELECT pg_get_serial_sequence(:table, :column)"), where)
        if sequence is not None:
            last = connection.scalar(sa.select(sa.func.max(column)))
            if last is not None:
                connection.execute(
                    sa.text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last}
                )


def _as_text(connection: sa.Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """JSON as the very text that is stored: NULL and a stored `null` stay two things."""
    if not isinstance(column.type, sa.JSON):
        return column
    if connection.dialect.name == "sqlite":
        return sa.type_coerce(column, sa.Text)
    return sa.cast(column, sa.Text)


def _writer(column: sa.Column[Any]) -> Callable[[Any], Any]:
    kind = column.type
    if isinstance(kind, sa.DateTime):
        return _write_time
    if isinstance(kind, sa.Date):
        return dt.date.isoformat
    if isinstance(kind, sa.LargeBinary):
        return lambda value: base64.b64encode(value).decode()
    if isinstance(kind, sa.Boolean):
        return bool
    if isinstance(kind, sa.JSON | sa.Float | sa.Integer | sa.String):
        return _same
    if isinstance(kind, sa.Numeric):
        return str
    raise TypeError(f"{column} is of a kind that no backup knows: {kind!r}")


def _reader(column: sa.Column[Any], *, plain: bool) -> Callable[[Any], Any]:
    kind = column.type
    if isinstance(kind, sa.DateTime):
        return _naive if plain else dt.datetime.fromisoformat
    if isinstance(kind, sa.Date):
        return dt.date.fromisoformat
    if isinstance(kind, sa.LargeBinary):
        return base64.b64decode
    if isinstance(kind, sa.JSON) and not plain:
        return _json
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return Decimal
    return _same


def _bound(kind: sa.types.TypeEngine[Any], *, plain: bool) -> sa.types.TypeEngine[Any]:
    if isinstance(kind, sa.JSON):
        return sa.Text() if plain else sa.JSON(none_as_null=True)
    return kind


def _read(read: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else read(value)


def _write_time(value: dt.datetime) -> str:
    """In UTC; SQLite gives times without a zone, and all of ours are in UTC."""
    aware = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
    return aware.isoformat()


def _naive(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=None)


def _json(text: str) -> Any:
    value = json.loads(text)
    return sa.JSON.NULL if value is None else value


def _same(value: Any) -> Any:
    return value
