"""Rows are worked on while others are read, and nothing of that stays when it goes wrong."""

from __future__ import annotations

import threading
from typing import Any

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pytest
from sqlalchemy import Connection

from lamin_migrate_kit.catalog import queries
from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.rows import Rows, reading_rows
from lamin_migrate_kit.scratch import ScratchDatabase


class _Refused(psycopg2.extensions.cursor):
    """The server refuses one of the queries."""

    def execute(self, query: Any, *arguments: Any) -> None:
        super().execute("select 1 / 0" if query == queries.TYPES else query, *arguments)


class _Slow(psycopg2.extensions.cursor):
    """One of the first queries takes a minute."""

    def execute(self, query: Any, *arguments: Any) -> None:
        super().execute("select pg_sleep(60)" if query == queries.SCHEMAS else query, *arguments)


def driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


def test_every_query_is_asked_and_answered_under_its_name(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        connection.exec_driver_sql("create table t (a int primary key)")
        with reading_rows(connection) as rows:
            found = {name: getattr(rows, name) for name in Rows.__dataclass_fields__}
    assert found["server_version"] >= 150000
    assert [row[2] for row in found["columns"]] == ["a"]
    assert {row[4] for row in found["constraints"]} == {"p"}


def test_what_no_query_is_called_is_no_attribute(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection, reading_rows(connection) as rows:
        assert not hasattr(rows, "tables")


def test_a_query_that_the_server_refuses_is_what_is_raised_also_where_a_later_one_is_asked_for_first(
    scratch: ScratchDatabase,
) -> None:
    with scratch.connect() as connection:
        driver_of(connection).cursor_factory = _Refused
        with pytest.raises(psycopg2.errors.DivisionByZero):
            inspect_catalog(connection)
        driver_of(connection).rollback()
        with pytest.raises(psycopg2.errors.DivisionByZero), reading_rows(connection) as rows:
            assert rows.indexes is None
        driver_of(connection).cursor_factory = None
        driver_of(connection).rollback()
        assert inspect_catalog(connection).objects


def test_a_query_that_is_cancelled_ends_the_reading(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        driver = driver_of(connection)
        driver.cursor_factory = _Slow
        cancelling = threading.Timer(0.5, driver.cancel)
        cancelling.start()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            inspect_catalog(connection)
        cancelling.join()
        driver.cursor_factory = None
        driver_of(connection).rollback()
        assert inspect_catalog(connection).objects


def test_a_block_that_fails_leaves_the_connection_to_the_caller(scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        with pytest.raises(KeyboardInterrupt), reading_rows(connection):
            raise KeyboardInterrupt
        driver_of(connection).rollback()
        assert inspect_catalog(connection).objects
