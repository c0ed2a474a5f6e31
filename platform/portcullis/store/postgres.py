"""Connections to PostgreSQL that wait for nothing for ever, not even for a server that stands still."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

    from portcullis.store.engine import Limits

CONNECT_SECONDS = 2  # libpq knows no shorter time
SILENT_SECONDS = 2.0
# A process that stands still in a transaction must not keep its locks from all others.
IDLE_SECONDS = 300


def connect(*args: Any, **options: Any) -> Connection[Any]:
    """A connection of the psycopg driver whose every wait is watched (`_watched`)."""
    options.setdefault("connect_timeout", CONNECT_SECONDS)
    options.setdefault("keepalives_idle", 30)
    return _watching().connect(*args, **options)


def set_up(raw: Connection[Any], limits: Limits) -> None:
    """Limits and time zone of a new session: times come back in UTC wherever the server stands."""
    values = {
        "timezone": "UTC",
        "lock_timeout": f"{limits.wait_seconds:g}s",
        "statement_timeout": f"{limits.statement_seconds or 0:g}s",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s" if limits.statement_seconds else "0",
    }
    calls = ", ".join("set_config(%s, %s, false)" for _ in values)
    raw.execute(f"SELECT {calls}", [part for item in values.items() for part in item])
    raw.commit()


def end(raw: Connection[Any] | None, record: object) -> None:
    """Before a connection goes back: a COMMIT that was never sent left its transaction open."""
    from psycopg import Error
    from psycopg.pq import TransactionStatus

    if raw is None or raw.closed or raw.info.transaction_status == TransactionStatus.IDLE:
        return
    try:
        raw.rollback()
    except Error:
        raw.close()


def without_limits(connection: Any) -> None:
    """For one transaction that may take as long as it takes, such as a migration."""
    for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {name} = 0")


@cache
def _watching() -> type[Connection[Any]]:
    import psycopg

    class Watched(psycopg.Connection[Any]):
        """Asks after a server that keeps silent, because no timeout of the server helps when it is frozen.

        A slow statement goes on for as long as the server answers others.
        """

        def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
            return super().wait(self._watched(gen), *args, **options)

        def _watched(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            heard = time.monotonic()
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if ready:
                        heard = time.monotonic()
                    elif time.monotonic() - heard > SILENT_SECONDS:
                        self._ask()
                        heard = time.monotonic()
                    wanted = gen.send(ready)
            except StopIteration as done:
                return done.value

        def _ask(self) -> None:
            from psycopg import conninfo, pq

            where = conninfo.make_conninfo(
                "", host=self.info.host, port=self.info.port, connect_timeout=CONNECT_SECONDS
            )
            if pq.PGconn.ping(where.encode()) in (pq.Ping.OK, pq.Ping.REJECT):
                return
            self.pgconn.finish()
            raise psycopg.OperationalError("the database server does not answer")

    return Watched
