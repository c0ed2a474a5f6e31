"""Opening the store: one engine for each process, brought to the newest schema before use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import StaticPool

from customs.errors import InvalidConfig

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_SECONDS = 10
_WRITING = "portcullis_writing"
_UPGRADE_LOCK = 0x506F7274  # any fixed number; only this project's upgrades take it
_REMEDY = "give a URL such as sqlite:///portcullis.db or postgresql://user:password@host/name"


def open_engine(url: str) -> Engine:
    """An engine for a database URL; nothing is created or migrated yet.

    SQLite is set up for one server with many readers: WAL, foreign keys enforced, every commit synced to
    disk, writers waiting up to `BUSY_SECONDS`. `postgresql://` means the psycopg driver.

    Raises:
        InvalidConfig: the URL is none, or its driver is not installed.
    """
    parsed = _parse(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    options: dict[str, Any] = {"pool_pre_ping": not sqlite}
    if sqlite and parsed.database in (None, "", ":memory:"):
        options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    elif sqlite:
        _make_folder(Path(str(parsed.database)).parent)
        options["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    elif parsed.get_backend_name() == "postgresql":
        # times come back in the session's zone, and all of ours are in UTC
        options["connect_args"] = {"options": "-c timezone=UTC"}
    try:
        engine = create_engine(parsed, **options)
    except NoSuchModuleError:
        raise InvalidConfig(
            f"{parsed.drivername} is not a known database", field="store", remedy=_REMEDY
        ) from None
    except ModuleNotFoundError as error:
        raise InvalidConfig(
            f"the driver {error.name} is not installed",
            field="store",
            remedy="pip install 'portcullis[postgres]'",
        ) from None
    if sqlite:
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "checkin", _end_sqlite)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _set_up_postgresql)
    return engine


def open_store(url: str) -> Engine:
    """`open_engine`, then `upgrade`: what a command or the server starts with."""
    engine = open_engine(url)
    try:
        upgrade(engine)
    except OperationalError as error:
        raise InvalidConfig(
            f"the store at {engine.url.render_as_string(hide_password=True)} cannot be opened ({error.orig})",
            field="store",
            remedy="check the path, its permissions and that the database server runs",
        ) from None
    return engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`, in one transaction; two processes that start at once take turns."""
    with writing(engine) as connection:
        upgrade_in(connection, revision)


def upgrade_in(connection: Connection, revision: str = "head") -> None:
    """`upgrade` as a part of a `writing` transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that will write: all of it is stored, or nothing.

    On SQLite it takes the write lock at once. A transaction that reads first and writes later could be
    refused at the write, whatever the waiting time, because another writer came between.
    """
    with engine.execution_options(**{_WRITING: True}).begin() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and sees the store all the while as it is now."""
    options = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**options) as connection:
        # on SQLite it is the first read that fixes what is seen
        connection.execute(text("SELECT 1 FROM alembic_version")).all()
        yield connection


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise InvalidConfig(f"{url!r} is not a database URL", field="store", remedy=_REMEDY) from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidConfig(
            f"{folder} cannot be made: {error.strerror}",
            field="store",
            remedy="name a folder you may write to",
        ) from None


def _set_up_sqlite(raw: Any, record: object) -> None:
    # The driver's own transaction control would begin late and miss DDL; `_begin_sqlite` does it instead.
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_up_postgresql(raw: Any, record: object) -> None:
    # times come back in the zone of the session, which is otherwise the server's
    raw.execute("SET TIME ZONE 'UTC'")
    raw.commit()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _end_sqlite(raw: Any, record: object) -> None:
    # a COMMIT that failed leaves its transaction open, and SQLAlchemy takes it for closed
    if raw is not None and raw.in_transaction:
        raw.rollback()
