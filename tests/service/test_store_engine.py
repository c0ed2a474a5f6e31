"""Opening the store: safe settings, one schema, clear errors."""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from customs.errors import InvalidConfig
from portcullis import store
from portcullis.store import downgrade, metadata, open_engine, open_store, upgrade, writing
from portcullis.store.engine import revision_of, revisions
from portcullis.store.queue import Filter, Queue


def test_sqlite_is_set_up_for_one_writer_and_many_readers(tmp_path: Path) -> None:
    """WAL, full sync, foreign keys and a waiting time hold on every connection."""
    engine = open_store(f"sqlite:///{tmp_path}/new/store.db")
    with engine.connect() as connection:
        pragmas = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert found == ["wal", 1, 2, 10_000]
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(store_url: str) -> None:
    """A column added in code but not in a migration, or the other way round, shows here."""
    load_tables()
    engine = open_store(store_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert "official_trade" in metadata.tables
    assert differences == []


def test_an_upgrade_of_a_new_store_is_a_no_op(store_url: str) -> None:
    """The server upgrades at every start."""
    engine = open_store(store_url)
    tables = sa.inspect(engine).get_table_names()
    upgrade(engine)
    assert sa.inspect(engine).get_table_names() == tables
    engine.dispose()


def load_tables() -> None:
    """Import every module of the store, so that `metadata` is complete."""
    for module in pkgutil.iter_modules(store.__path__, "portcullis.store."):
        if not module.ispkg and not module.name.endswith(".migrations"):
            importlib.import_module(module.name)


def shape(engine: sa.Engine) -> dict[str, Any]:
    """What a schema is made of: columns, keys, indexes and triggers of each table."""
    inspector = sa.inspect(engine)
    triggers = (
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
        if engine.dialect.name == "postgresql"
        else "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    )
    with engine.connect() as connection:
        found = sorted(map(tuple, connection.exec_driver_sql(triggers)))
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            "primary": inspector.get_pk_constraint(table)["constrained_columns"],
            "foreign": sorted(
                (k["constrained_columns"], k["referred_table"]) for k in inspector.get_foreign_keys(table)
            ),
            "unique": sorted(u["column_names"] for u in inspector.get_unique_constraints(table)),
            "indexes": sorted((i["name"] or "", i["column_names"]) for i in inspector.get_indexes(table)),
            "triggers": [name for of, name in found if of == table],
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def a_row(table: sa.Table, connection: sa.Connection) -> dict[str, Any]:
    """Some row that the columns of a table allow; what it refers to is there already."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.foreign_keys:
            (key,) = column.foreign_keys
            row[column.name] = connection.scalar(sa.select(key.column))
            continue
        kind = column.type
        if isinstance(kind, sa.JSON):
            row[column.name] = {"lines": []}
        elif isinstance(kind, sa.Boolean):
            row[column.name] = True
        elif isinstance(kind, sa.LargeBinary):
            row[column.name] = b"1"
        elif isinstance(kind, sa.String):
            row[column.name] = "1"
        elif isinstance(kind, sa.DateTime):
            row[column.name] = dt.datetime(2025, 5, 1, tzinfo=dt.UTC)
        elif isinstance(kind, sa.Date):
            row[column.name] = dt.date(2025, 5, 1)
        else:
            row[column.name] = 1
    return row


def test_every_migration_goes_up_and_down_with_rows_in_every_table(store_url: str) -> None:
    """Down from the newest schema it is at each step what it was on the way up, nothing is left in the end.

    A row survives the way back as far as there is a table for it.
    """
    load_tables()
    engine = open_engine(store_url)
    shapes: dict[str, dict[str, Any]] = {}
    for revision in revisions():
        upgrade(engine, revision)
        shapes[revision] = shape(engine)
    with writing(engine) as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.insert().values(a_row(table, connection)))
    steps = revisions()
    for newer, older in reversed(list(zip(steps[1:], steps, strict=False))):
        downgrade(engine, older)
        assert shape(engine) == shapes[older], f"the way down from {newer} differs from {older}"
    with engine.connect() as connection:
        kept = {
            name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar()
            for name in shapes["0001"]
        }
    assert set(kept.values()) == {1}
    upgrade(engine)
    assert shape(engine) == shapes[steps[-1]]
    downgrade(engine, "base")
    assert shape(engine) == {}
    upgrade(engine)
    assert shape(engine) == shapes[steps[-1]]
    engine.dispose()


def test_two_processes_that_start_at_once_upgrade_once(store_url: str) -> None:
    """One waits for the other, then finds nothing to do."""
    engines = [open_engine(store_url) for _ in range(3)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(upgrade, engines))
    with engines[0].connect() as connection:
        assert revision_of(connection) == revisions()[-1]
    for engine in engines:
        engine.dispose()


def test_a_store_of_a_newer_version_is_refused(store_url: str) -> None:
    """Better than to work on tables that nobody here knows."""
    engine = open_store(store_url)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(InvalidConfig, match="schema 9999, which this version does not know"):
        open_store(store_url)


def test_assessments_survive_the_upgrades_and_enter_the_queue(tmp_path: Path, make: SimpleNamespace) -> None:
    """Old rows stay as they are, nobody can change them afterwards either, and the queue lists them."""
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    upgrade(engine, "0003")
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO account VALUES (1, 'kim', 'x', 'inspector', '2025-01-01')")
        connection.exec_driver_sql(
            "INSERT INTO assessment (number, id, created_at, account_id, declaration_id, declaration, band, "
            "report, scan) VALUES (1, 'a', '2025-01-01 00:00:00', 1, 'D1', ?, 'clear', ?, 'f00')",
            (
                make.declaration().decode(),
                '{"findings": [{"kind": "price.unit_value"}], "lines": [], "evidence": [], "chance": 0.25}',
            ),
        )
    upgrade(engine)
    with engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT scan, scan_details FROM assessment").one()
    assert tuple(row) == ("f00", None)
    (found,) = Queue(engine).page(Filter(hs="030617", usd_per_kg_from=7.9, usd_per_kg_to=8.1)).rows
    assert (found.id, found.lane, found.status, found.chance) == ("a", "release", "new", 0.25)
    assert found.findings == ("price.unit_value",)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), writing(engine) as connection:
        connection.exec_driver_sql("UPDATE assessment SET scan_details = '{}'")
    engine.dispose()


def test_a_failed_write_leaves_nothing_behind_not_even_a_table(tmp_path: Path) -> None:
    """Schema changes roll back too, because transactions begin before them."""
    engine = open_store(f"sqlite:///{tmp_path}/store.db")
    before = sa.inspect(engine).get_table_names()

    def fail() -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("CREATE TABLE half (a INTEGER)")
            connection.exec_driver_sql("INSERT INTO half VALUES (1)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert sa.inspect(engine).get_table_names() == before
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("store.db", "not a database URL"),
        ("nosuch://host/name", "not a known database"),
        ("sqlite:////proc/nowhere/store.db", "cannot be made"),
        ("sqlite:////proc/store.db", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why(url: str, said: str) -> None:
    """One sentence with the remedy, no traceback."""
    with pytest.raises(InvalidConfig, match=said):
        open_store(url)
