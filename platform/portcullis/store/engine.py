"""Opening the store: one engine for each process, brought to the newest schema before use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import StaticPool

from customs.errors import InvalidConfig
from portcullis.store import postgres

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")
_WRITING = "portcullis_writing"
_UPGRADE_LOCK = 0x506F7274  # any fixed number; only this project's upgrades take it
_REMEDY = "give a URL such as sqlite:///portcullis.db or postgresql://user:password@host/name"


@dataclass(frozen=True)
class Limits:
    """How many connections a process holds at most, and how long it waits.

    wait_seconds: for a free connection or for a lock that another writer holds.
    statement_seconds: for one statement of PostgreSQL; None for a command, which may take its time.
    """

    connections: int = 20
    wait_seconds: float = 10.0
    statement_seconds: float | None = None


COMMANDS = Limits()


def open_engine(url: str, limits: Limits = COMMANDS) -> Engine:
    """An engine for a database URL; nothing is created or migrated yet.

    SQLite is set up for one server with many readers: WAL, foreign keys enforced, every commit synced to
    disk, writers waiting for each other. `postgresql://` means the psycopg driver; its connections are tried
    before use, so that the service goes on when the server was away, and a server that has fallen silent is
    given up after some seconds.

    Raises:
        InvalidConfig: the URL is none, or its driver is not installed.
    """
    parsed = _parse(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    options: dict[str, Any] = {"pool_size": limits.connections, "max_overflow": 0}
    options |= {"pool_timeout": limits.wait_seconds}
    if not sqlite:
        options |= {"pool_pre_ping": True, "isolation_level": "READ COMMITTED"}
    if sqlite and parsed.database in (None, "", ":memory:"):
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    elif sqlite:
        _make_folder(Path(str(parsed.database)).parent)
        options["connect_args"] = {"timeout": limits.wait_seconds, "check_same_thread": False}
    try:
        # an error names the statement, not what was in it: errors are logged, people's data is not
        engine = create_engine(parsed, hide_parameters=True, **options)
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
        event.listen(engine, "connect", partial(_set_up_sqlite, limits))
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "checkin", _end_sqlite)
    elif engine.driver == "psycopg":
        event.listen(
            engine, "do_connect", lambda dialect, record, args, named: postgres.connect(*args, **named)
        )
        event.listen(engine, "connect", lambda raw, record: postgres.set_up(raw, limits))
        event.listen(engine, "checkin", postgres.end)
    return engine


def open_store(url: str, limits: Limits = COMMANDS) -> Engine:
    """`open_engine`, then `upgrade`: what a command or the server starts with."""
    engine = open_engine(url, limits)
    try:
        upgrade(engine)
    except OperationalError as error:
        engine.dispose()
        raise InvalidConfig(
            f"the store at {engine.url.render_as_string(hide_password=True)} cannot be opened ({error.orig})",
            field="store",
            remedy="check the path, its permissions and that the database server runs",
        ) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`, in one transaction; two processes that start at once take turns.

    Raises:
        InvalidConfig: a newer version of the program has upgraded this store.
    """
    with writing(engine) as connection:
        upgrade_in(connection, revision)


def upgrade_in(connection: Connection, revision: str = "head") -> None:
    """`upgrade` as a part of a `writing` transaction."""
    from alembic import command

    command.upgrade(_migrating(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision`; what only newer tables and columns hold is lost."""
    from alembic import command

    with writing(engine) as connection:
        command.downgrade(_migrating(connection), revision)


def revisions() -> list[str]:
    """All revisions of the schema that this version knows, oldest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def revision_of(connection: Connection) -> str | None:
    """The revision that the store has; None before its first upgrade."""
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _migrating(connection: Connection) -> Config:
    config = _config()
    if connection.dialect.name == "postgresql":
        postgres.without_limits(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    found = revision_of(connection)
    if found is not None and found not in revisions():
        raise InvalidConfig(
            f"the store has schema {found}, which this version does not know",
            field="store",
            remedy="run the version that upgraded it, or restore the backup from before the upgrade",
        )
    config.attributes["connection"] = connection
    return config


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


def _set_up_sqlite(limits: Limits, raw: Any, record: object) -> None:
    # The driver's own transaction control would begin late and miss DDL; `_begin_sqlite` does it instead.
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in (
        f"busy_timeout = {int(limits.wait_seconds * 1000)}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _end_sqlite(raw: Any, record: object) -> None:
    # a COMMIT that failed leaves its transaction open, and SQLAlchemy takes it for ended
    if raw is not None and raw.in_transaction:
        raw.rollback()
