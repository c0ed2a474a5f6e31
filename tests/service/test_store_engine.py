"""Opening the store: safe settings, one schema, clear errors."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from customs.errors import InvalidConfig
from portcullis import store
from portcullis.store import metadata, open_engine, open_store, upgrade, writing
from portcullis.store.queue import Filter, Queue


def test_sqlite_is_set_up_for_one_writer_and_many_readers(tmp_path: Path) -> None:
    """WAL, full sync, foreign keys and a waiting time hold on every connection."""
    engine = open_store(f"sqlite:///{tmp_path}/new/store.db")
    with engine.connect() as connection:
        pragmas = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert found == ["wal", 1, 2, 10_000]
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(tmp_path: Path) -> None:
    """A column added in code but not in a migration, or the other way round, shows here."""
    for module in pkgutil.iter_modules(store.__path__, "portcullis.store."):
        if not module.ispkg and not module.name.endswith(".migrations"):
            importlib.import_module(module.name)
    engine = open_store(f"sqlite:///{tmp_path}/store.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert "official_trade" in metadata.tables
    assert differences == []


def test_an_upgrade_of_a_new_store_is_a_no_op(tmp_path: Path) -> None:
    """The server upgrades at every start."""
    engine = open_store(f"sqlite:///{tmp_path}/store.db")
    tables = sa.inspect(engine).get_table_names()
    upgrade(engine)
    assert sa.inspect(engine).get_table_names() == tables
    engine.dispose()


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
