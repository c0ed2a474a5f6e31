"""The PostgreSQL server that the tests run on is real: it syncs, freezes, dies and comes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest


def test_it_syncs_to_disk_and_knows_its_password(postgres: Any, postgres_url: str) -> None:
    """Durable as in production, and nobody enters without the password."""
    assert postgres.run("SHOW fsync") == [("on",)]
    assert postgres.run("SHOW synchronous_commit") == [("on",)]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres_url.replace(postgres.password, "wrong"))


def test_each_test_has_an_empty_database(postgres: Any, postgres_url: str) -> None:
    """And another one beside it knows nothing of its tables."""
    postgres.run("CREATE TABLE here (a integer)", postgres_url.rsplit("/", 1)[1])
    count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    with postgres.database() as other:
        assert postgres.run(count, other.rsplit("/", 1)[1]) == [(0,)]


def test_a_frozen_server_answers_nobody_until_it_goes_on(postgres: Any, postgres_url: str) -> None:
    """SIGSTOP reaches the processes of open connections, too."""
    connection = psycopg.connect(postgres_url, autocommit=True)
    with connection, postgres.frozen(), ThreadPoolExecutor() as threads:
        asked = threads.submit(connection.execute, "SELECT 1")
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.3)
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(postgres_url, connect_timeout=1)
        postgres.thaw()
        assert asked.result(timeout=10).fetchone() == (1,)


def test_a_killed_server_keeps_what_it_acknowledged(postgres: Any, postgres_url: str) -> None:
    """It recovers from its log at the next start."""
    name = postgres_url.rsplit("/", 1)[1]
    postgres.run("CREATE TABLE kept AS SELECT 7 AS a", name)
    postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_url)
    postgres.start()
    assert postgres.run("SELECT a FROM kept", name) == [(7,)]
