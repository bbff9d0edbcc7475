"""Scratch databases: made, cloned and dropped, whatever happens in between."""

from __future__ import annotations

import dataclasses
import re
import signal
import subprocess
import sys
import threading
import time

import psycopg2
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit import scratch as scratch_module
from lamin_migrate_kit.errors import ServerGone
from lamin_migrate_kit.scratch import PREFIX, ScratchDatabase, database_ahead, scratch_database, scratch_name
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.servers.server import open_engine
from lamin_migrate_kit.settings import Settings


def names(server: Server) -> list[str]:
    with open_engine(server.url, own=True).connect() as connection:
        return list(connection.exec_driver_sql("SELECT datname FROM pg_database ORDER BY 1").scalars())


def run_sql(database: ScratchDatabase, statement: str) -> None:
    with database.connect() as connection:
        connection.exec_driver_sql(statement)
        connection.commit()


def test_a_scratch_database_is_empty_and_ours_by_name(server: Server) -> None:
    with scratch_database(server, hint="current") as database:
        assert database.name.startswith(PREFIX)
        assert database.name.endswith("_current")
        assert database.name in names(server)
        with database.connect() as connection:
            assert connection.exec_driver_sql("SELECT current_database()").scalar() == database.name
            assert (
                connection.exec_driver_sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").scalar() == 0
            )


def test_afterwards_it_is_dropped(server: Server) -> None:
    with scratch_database(server) as database:
        pass
    assert database.name not in names(server)


def test_it_is_dropped_after_an_exception_too(server: Server) -> None:
    with pytest.raises(ZeroDivisionError), scratch_database(server) as database:
        raise ZeroDivisionError
    assert database.name not in names(server)


def test_it_is_dropped_under_open_connections_of_others(server: Server) -> None:
    with scratch_database(server) as database:
        elsewhere = create_engine(database.url).connect()
        elsewhere.exec_driver_sql("SELECT 1")
    assert database.name not in names(server)
    elsewhere.invalidate()
    elsewhere.engine.dispose()


def test_it_has_nothing_that_the_site_put_into_its_template(server: Server) -> None:
    engine = open_engine(server.url.set(database="template1"), own=True)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS of_the_site ()")
        with scratch_database(server) as database, database.connect() as connection:
            assert connection.exec_driver_sql("SELECT to_regclass('of_the_site')").scalar() is None
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS of_the_site")


def test_a_clone_has_the_rows_and_its_own_life(server: Server) -> None:
    with scratch_database(server) as one:
        run_sql(one, "CREATE TABLE notebook AS SELECT 1 AS id")
        with scratch_database(server, template=one) as two:
            run_sql(two, "UPDATE notebook SET id = 2")
            with two.connect() as connection:
                assert connection.exec_driver_sql("SELECT id FROM notebook").scalar() == 2
        with one.connect() as connection:
            assert connection.exec_driver_sql("SELECT id FROM notebook").scalar() == 1


def test_cloning_ends_the_connections_to_the_template(server: Server) -> None:
    with scratch_database(server) as one, one.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        with scratch_database(server, template=one) as two:
            assert two.name in names(server)
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql("SELECT 1")


@pytest.mark.parametrize("hint", ["", "current", 'Ünï "cödé"; DROP', "x" * 100, "--", "%s"])
def test_any_hint_makes_a_name_that_postgres_keeps_whole(server: Server, hint: str) -> None:
    assert re.fullmatch(r"[a-z0-9_]{1,63}", scratch_name(hint))
    with scratch_database(server, hint=hint) as database:
        assert database.name in names(server)


def test_names_never_meet() -> None:
    assert len({scratch_name("same") for _ in range(1000)}) == 1000


def test_many_at_once_from_threads(server: Server) -> None:
    made = []

    def work() -> None:
        with scratch_database(server) as database:
            made.append(database.name)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 6
    assert not set(made) & set(names(server))


def test_an_error_of_the_server_comes_through_as_it_is(server: Server) -> None:
    with pytest.raises(DBAPIError, match="division by zero"), scratch_database(server) as database:
        run_sql(database, "SELECT 1/0")
    assert database.name not in names(server)


def test_a_template_that_is_gone_is_an_error_and_leaves_nothing(server: Server) -> None:
    with scratch_database(server) as one:
        pass
    with pytest.raises(DBAPIError, match="does not exist"), scratch_database(server, template=one, hint="lost"):
        pass
    assert not [name for name in names(server) if name.endswith("_lost")]


def test_connection_that_is_lost_is_told_once_and_by_nobody_else(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLAlchemy logs a traceback, onto the terminal, when it cannot roll back what a driver's own cursor began."""
    with (
        pytest.raises(psycopg2.OperationalError, match="terminat"),
        scratch_database(server) as database,
        database.connect() as connection,
    ):
        connection.connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert caplog.records == []


# --- created beside something else


def test_a_database_that_was_begun_ahead_is_there_when_it_is_asked_for(server: Server) -> None:
    with database_ahead(server, hint="ahead") as created:
        database = created()
        assert database.name.endswith("_ahead")
        run_sql(database, "CREATE TABLE t ()")
        assert created() is database
    assert database.name not in names(server)


def test_a_database_that_was_begun_ahead_and_never_asked_for_is_dropped(server: Server) -> None:
    with database_ahead(server, hint="unasked"):
        pass
    assert not [name for name in names(server) if name.endswith("_unasked")]


def test_a_refusal_is_raised_where_the_database_is_asked_for(server: Server) -> None:
    with open_engine(server.url, own=True).connect() as connection:
        connection.exec_driver_sql("CREATE ROLE lamin_migrate_guest LOGIN")
        connection.commit()
        guest = dataclasses.replace(server, url=server.url.set(username="lamin_migrate_guest"), own=False)
        try:
            with (
                pytest.raises(DBAPIError, match="permission denied to create database"),
                database_ahead(guest, hint="refused") as created,
            ):
                created()
        finally:
            connection.exec_driver_sql("DROP ROLE lamin_migrate_guest")
            connection.commit()
    assert not [name for name in names(server) if name.endswith("_refused")]


# --- however the process ends


def leftovers(server: Server, pid: int) -> list[str]:
    return [name for name in names(server) if f"_{pid}_" in name]


SCRIPT = """
import sys
from sqlalchemy import make_url
from lamin_migrate_kit.scratch import database_ahead, scratch_database
from lamin_migrate_kit.servers.server import describe_server
server = describe_server("embedded", make_url(sys.argv[1]), own=sys.argv[2] == "own")
print("ready", flush=True)
while True:
    with (
        database_ahead(server) as created,
        scratch_database(server) as one,
        scratch_database(server, template=one) as two,
        two.connect() as connection,
    ):
        created()
        if len(sys.argv) > 3:
            print(two.name, flush=True)
            connection.exec_driver_sql("SELECT pg_sleep(60)")
"""


def start_script(server: Server, *arguments: str) -> subprocess.Popen[str]:
    url = server.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", SCRIPT, url, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
@pytest.mark.parametrize(
    ("milliseconds", "number", "own"),
    [
        (0, signal.SIGINT, "own"),
        (7, signal.SIGINT, "given"),
        (19, signal.SIGTERM, "own"),
        (33, signal.SIGINT, "own"),
        (71, signal.SIGHUP, "given"),
        (110, signal.SIGINT, "given"),
        (160, signal.SIGTERM, "given"),
        (230, signal.SIGINT, "own"),
    ],
)
def test_a_signal_at_any_moment_leaves_no_database(
    server: Server, number: signal.Signals, milliseconds: int, own: str
) -> None:
    process = start_script(server, own)
    time.sleep(milliseconds / 1000)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert leftovers(server, process.pid) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_statement_that_would_take_a_minute(server: Server, number: signal.Signals) -> None:
    process = start_script(server, "own", "sleep")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode in (-signal.SIGINT, 128 + number)
    assert leftovers(server, process.pid) == []


def test_what_a_killed_process_left_is_dropped_by_the_next_one(server: Server) -> None:
    process = start_script(server, "own", "sleep")
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate()
    assert len(leftovers(server, process.pid)) == 3
    scratch_module._SWEPT.clear()
    with scratch_database(server):
        assert leftovers(server, process.pid) == []


def test_sweeping_leaves_databases_of_running_processes_and_of_other_machines(server: Server) -> None:
    elsewhere = f"{PREFIX}ffffff_1_deadbeef"
    with open_engine(server.url, own=True).connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        autocommit.exec_driver_sql(f"CREATE DATABASE {elsewhere}")
        try:
            with scratch_database(server) as mine:
                scratch_module._SWEPT.clear()
                with scratch_database(server):
                    assert mine.name in names(server)
                    assert elsewhere in names(server)
        finally:
            autocommit.exec_driver_sql(f"DROP DATABASE {elsewhere}")


def test_given_servers_are_never_swept(server: Server) -> None:
    process = start_script(server, "own", "sleep")
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate()
    scratch_module._SWEPT.clear()
    with scratch_database(dataclasses.replace(server, own=False)):
        assert len(leftovers(server, process.pid)) == 3
    with scratch_database(server):
        assert leftovers(server, process.pid) == []


def test_a_server_that_is_gone_is_said_so(settings: Settings) -> None:
    with open_server(settings) as server:
        pass
    with pytest.raises(ServerGone, match="stopped answering") as caught, scratch_database(server):
        pass
    assert "run the command again" in str(caught.value)
