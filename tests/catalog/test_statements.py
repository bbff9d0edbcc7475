"""Statements are run as they come, all of them or none, and whoever runs them can be stopped."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import Connection

from lamin_migrate_kit.beside import beside
from lamin_migrate_kit.catalog.statements import StatementStream
from lamin_migrate_kit.scratch import ScratchDatabase


def tables(connection: Connection) -> int:
    return int(
        connection.exec_driver_sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'made%%'").scalar_one()  # type: ignore[arg-type]
    )


def test_statements_are_run_while_others_are_still_worked_out(scratch: ScratchDatabase) -> None:
    stream = StatementStream()
    with scratch.connect() as connection, beside(lambda: stream.run(connection), stream.stop) as running:
        for number in range(450):
            stream.add(f"CREATE TABLE made_{number} (share text DEFAULT '5 %%')")
            time.sleep(0.001 if number < 50 else 0)
        stream.end(complete=True)
        assert running()
        assert tables(connection) == 450
        connection.rollback()
        assert tables(connection) == 0


def test_statements_that_are_there_already_are_run_too(scratch: ScratchDatabase) -> None:
    stream = StatementStream()
    stream.add("CREATE TABLE made (a int)")
    stream.end(complete=True)
    with scratch.connect() as connection:
        assert stream.run(connection)
        assert tables(connection) == 1


def test_no_statement_is_nothing_to_run(scratch: ScratchDatabase) -> None:
    stream = StatementStream()
    stream.end(complete=True)
    with scratch.connect() as connection:
        assert stream.run(connection)


@pytest.mark.parametrize("statement", ["CREATE TABLE made (a nonsense)", "SELECT 1 / 0"])
def test_nothing_stays_of_what_the_server_refuses(scratch: ScratchDatabase, statement: str) -> None:
    stream = StatementStream()
    for one in ("CREATE TABLE made_before (a int)", statement, "CREATE TABLE made_after (a int)"):
        stream.add(one)
    stream.end(complete=True)
    with scratch.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE made_by_the_caller (a int)")
        assert not stream.run(connection)
        assert tables(connection) == 1


def test_nothing_stays_of_statements_that_are_not_all(scratch: ScratchDatabase) -> None:
    stream = StatementStream()
    with scratch.connect() as connection, beside(lambda: stream.run(connection), stream.stop) as running:
        stream.add("CREATE TABLE made (a int)")
        time.sleep(0.1)
        stream.end(complete=False)
        assert not running()
        assert tables(connection) == 0


def test_whoever_waits_for_the_next_statement_can_be_stopped(scratch: ScratchDatabase) -> None:
    stream = StatementStream()
    stream.add("CREATE TABLE made (a int)")
    with scratch.connect() as connection:
        with pytest.raises(KeyboardInterrupt), beside(lambda: stream.run(connection), stream.stop):
            raise KeyboardInterrupt
        assert tables(connection) == 0


def test_whoever_waits_for_the_server_can_be_stopped(scratch: ScratchDatabase) -> None:
    stream = StatementStream()
    stream.add("SELECT pg_sleep(60)")
    stream.end(complete=True)
    stopping = threading.Timer(0.5, stream.stop)
    began = time.monotonic()
    with scratch.connect() as connection:
        stopping.start()
        assert not stream.run(connection)
    stopping.join()
    assert time.monotonic() - began < 30
