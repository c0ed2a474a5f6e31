"""Counters that all workers share, as a storage of the library `limits`.

With SQLite they live in a file of their own beside the store, `rates.sqlite3`, which is not synced to disk:
they change with every request and must never wait for, or hold up, what has to last. With PostgreSQL they are
two UNLOGGED tables of the store. Losing them costs nothing but the counts of the last minutes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from limits.storage import MovingWindowSupport, Storage
from sqlalchemy.dialects import postgresql, sqlite

from portcullis.store.engine import open_engine, writing
from portcullis.store.metadata import metadata

FILE = "rates.sqlite3"
_PURGE_EVERY = 1_000  # writes of one process

# Times are seconds since 1970.
rate_count = sa.Table(
    "rate_count",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
)
rate_hit = sa.Table(
    "rate_hit",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("key", sa.String(200), nullable=False, index=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
)


def open_rates(store: sa.Engine) -> sa.Engine:
    """Where the counters of this store are; it closes with the store. A store in memory counts in itself."""
    file = store.url.database
    if store.dialect.name != "sqlite" or file in (None, "", ":memory:"):
        return store
    engine = open_engine(f"sqlite:///{Path(str(file)).with_name(FILE)}")
    sa.event.listen(engine, "connect", _do_not_sync)
    with writing(engine) as connection:
        metadata.create_all(connection, tables=[rate_count, rate_hit])
    sa.event.listen(store, "engine_disposed", lambda _: engine.dispose())
    return engine


class Counters(Storage, MovingWindowSupport):
    """Fixed and moving windows in the database; `now` is the service's clock."""

    STORAGE_SCHEME = None

    def __init__(self, engine: sa.Engine, now: Callable[[], dt.datetime]) -> None:
        super().__init__()
        self.engine = engine
        self.now = now
        self._writes = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the database raises."""
        return sa.exc.SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to the counter of a window that begins with its first count; answers with the sum."""
        now = self._seconds()
        dialect: Any = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        added = dialect.insert(rate_count).values(key=key, count=amount, expires_at=now + expiry)
        over = rate_count.c.expires_at <= now
        query = added.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": sa.case((over, added.excluded.count), else_=rate_count.c.count + amount),
                "expires_at": sa.case((over, added.excluded.expires_at), else_=rate_count.c.expires_at),
            },
        ).returning(rate_count.c.count)
        with writing(self.engine) as connection:
            self._purge(connection, now)
            return int(connection.execute(query).scalar_one())

    def get(self, key: str) -> int:
        """The sum in the window that is open; 0 if none is."""
        c = rate_count.c
        query = sa.select(c.count).where(c.key == key, c.expires_at > self._seconds())
        with self.engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def get_expiry(self, key: str) -> float:
        """When the open window ends; now if none is."""
        c = rate_count.c
        now = self._seconds()
        with self.engine.connect() as connection:
            found = connection.scalar(sa.select(c.expires_at).where(c.key == key, c.expires_at > now))
        return now if found is None else float(found)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` events now, unless the last `expiry` seconds would then hold more than `limit`."""
        now = self._seconds()
        with writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":  # one at a time for each key
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": key})
            self._purge(connection, now)
            connection.execute(rate_hit.delete().where(rate_hit.c.key == key, rate_hit.c.expires_at <= now))
            if self._window(connection, key, expiry, now)[1] + amount > limit:
                return False
            row = {"key": key, "at": now, "expires_at": now + expiry}
            connection.execute(rate_hit.insert(), [row] * amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Time of the oldest event of the last `expiry` seconds (now if there is none), and their number."""
        with self.engine.connect() as connection:
            return self._window(connection, key, expiry, self._seconds())

    def clear(self, key: str) -> None:
        """Forget one key."""
        with writing(self.engine) as connection:
            for table in (rate_count, rate_hit):
                connection.execute(table.delete().where(table.c.key == key))

    def reset(self) -> int:
        """Forget everything; answers with how much that was."""
        with writing(self.engine) as connection:
            return sum(connection.execute(table.delete()).rowcount for table in (rate_count, rate_hit))

    def check(self) -> bool:
        """Whether the counters can be read."""
        with self.engine.connect() as connection:
            connection.execute(sa.select(rate_count.c.key).limit(1))
        return True

    def _window(self, connection: sa.Connection, key: str, expiry: int, now: float) -> tuple[float, int]:
        h = rate_hit.c
        query = sa.select(sa.func.min(h.at), sa.func.count()).where(h.key == key, h.at > now - expiry)
        oldest, count = connection.execute(query).one()
        return now if oldest is None else float(oldest), int(count)

    def _purge(self, connection: sa.Connection, now: float) -> None:
        """Now and then, remove what has expired: keys that nobody uses again."""
        if self._writes % _PURGE_EVERY == 0:
            for table in (rate_count, rate_hit):
                connection.execute(table.delete().where(table.c.expires_at <= now))
        self._writes += 1

    def _seconds(self) -> float:
        return self.now().timestamp()


def _do_not_sync(raw: Any, record: object) -> None:
    cursor = raw.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()
