"""Databases that exist for one `with` block, under a prefix of our own on whichever server."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.beside import beside
from lamin_migrate_kit.interruption import (
    signals_deferred,
    statement_cancelled_by_interrupt,
    surely_afterwards,
    termination_raises,
)
from lamin_migrate_kit.servers.folders import process_runs
from lamin_migrate_kit.servers.server import Server, kept_engine, maintenance_engine, raise_if_gone

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

PREFIX = "lamin_migrate_scratch_"
_LONGEST_NAME = 63  # bytes; Postgres cuts what is longer
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ScratchDatabase:
    """A database that is dropped when its `with` block ends.

    Attributes:
        server: The server that it is on.
        name: Its name, which starts with PREFIX.
        url: Its URL; the driver is `postgresql+psycopg2`.
    """

    server: Server
    name: str
    url: URL

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A new connection; the caller commits. Nothing keeps it open after the block.

        Raises:
            ServerGone: The server stopped answering.
        """
        from sqlalchemy.exc import DBAPIError

        try:
            with kept_engine(self.url, self.server.own).connect() as connection:
                driver = connection.connection.dbapi_connection
                assert driver is not None
                with statement_cancelled_by_interrupt(driver.cancel):
                    yield connection
        except DBAPIError as error:
            raise_if_gone(self.server, error)
            raise


@contextmanager
def scratch_database(
    server: Server, *, template: ScratchDatabase | None = None, hint: str = ""
) -> Iterator[ScratchDatabase]:
    """Create a database for this block, empty or as a copy of another one; drop it at the end, whatever happens.

    Args:
        server: Where to create it.
        template: The scratch database to copy; connections to it are ended first.
        hint: A word that makes the name readable, such as "current".

    Raises:
        ServerGone: The server stopped answering.
        sqlalchemy.exc.DBAPIError: The server refused, for instance because its disk is full.
    """
    with _dropped_afterwards(server, hint) as database:
        with signals_deferred():
            _create(database, template)
        yield database


@contextmanager
def database_ahead(server: Server, *, hint: str = "") -> Iterator[Callable[[], ScratchDatabase]]:
    """Begin to create an empty database, which takes a server up to a tenth of a second, and let the block go on.

    Args:
        server: Where to create it. Somebody has talked to it before: nothing is imported beside the block.
        hint: As for `scratch_database`.

    Yields:
        What waits for the database and returns it, or raises what `scratch_database` does.
    """
    with _dropped_afterwards(server, hint) as database, beside(partial(_create, database, None)) as creating:

        def created() -> ScratchDatabase:
            creating()
            return database

        yield created


class EmptyDatabases:
    """Empty databases on a server; one that somebody will need soon can be begun ahead.

    Args:
        server: Where they are created.
        stack: Closed when nobody needs those that were begun ahead any more.
    """

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server = server
        self._stack = stack
        self._ahead: dict[str, Callable[[], ScratchDatabase]] = {}

    def begin(self, hint: str) -> Callable[[], ScratchDatabase]:
        """Begin one for whoever takes one with this hint next; see `database_ahead` for what is returned."""
        self._ahead[hint] = self._stack.enter_context(database_ahead(self.server, hint=hint))
        return self._ahead[hint]

    @contextmanager
    def take(self, hint: str) -> Iterator[ScratchDatabase]:
        """The one that was begun, which is there until the stack is closed, or else a new one for this block."""
        if hint in self._ahead:
            yield self._ahead.pop(hint)()
        else:
            with scratch_database(self.server, hint=hint) as database:
                yield database


@contextmanager
def _dropped_afterwards(server: Server, hint: str) -> Iterator[ScratchDatabase]:
    name = scratch_name(hint)
    database = ScratchDatabase(server, name, server.url.set(database=name))
    with termination_raises(), surely_afterwards(partial(_drop, database)):
        try:
            yield database
        except Exception as error:
            raise_if_gone(server, error)
            raise


def scratch_name(hint: str = "") -> str:
    """A new name: PREFIX, this machine, this process, something random, and the hint, in at most 63 bytes."""
    readable = re.sub(r"[^a-z0-9]+", "_", hint.lower()).strip("_")
    words = [_machine(), str(os.getpid()), secrets.token_hex(4), readable]
    return (PREFIX + "_".join(word for word in words if word))[:_LONGEST_NAME]


@cache
def _machine() -> str:
    """Six digits that stand for the processes that see each other's pids: this boot of this machine or container."""
    facts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            facts.append(os.readlink(path) if path.endswith("pid") else Path(path).read_text())
        except OSError:  # not Linux
            continue
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:6]


def _create(database: ScratchDatabase, template: ScratchDatabase | None) -> None:
    # Without a template of ours, template0: template1 may hold whatever the site has put there.
    source = template.name if template else "template0"
    strategy = " STRATEGY file_copy" if database.server.own else ""
    with maintenance(database.server) as connection:
        _sweep_once(database.server, connection)
        if template is not None:
            end_connections(connection, template.name)
        where = "" if template else f" ENCODING 'UTF8' {_locale(connection, database.server.major)}"
        connection.exec_driver_sql(f'CREATE DATABASE "{database.name}" TEMPLATE "{source}"{where}{strategy}')


def end_connections(connection: Connection, name: str) -> None:
    """End the connections to a database, and wait until they are gone.

    Postgres does the same by itself, looking again every 100 ms; a connection that was closed just now takes 1 ms.
    """
    from sqlalchemy import text

    ours = "datname = :name AND backend_type = 'client backend' AND usename = current_user"
    ending = text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
    deadline = time.monotonic() + _END_SECONDS
    while connection.execute(ending, {"name": name}).all() and time.monotonic() < deadline:
        time.sleep(0.001)


def _locale(connection: Connection, major: int) -> str:
    """The clause that gives every scratch database the same order and case rules: those of Unicode code points."""
    if major >= 17:
        return "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
    # Before 17 C.UTF-8 is the C library's, under one of two spellings, or missing.
    known = connection.exec_driver_sql(
        "SELECT collcollate FROM pg_collation WHERE collcollate IN ('C.UTF-8', 'C.utf8') AND collprovider = 'c' LIMIT 1"
    ).scalar()
    return f"LOCALE_PROVIDER libc LOCALE '{known or 'C'}'"


def _drop(database: ScratchDatabase) -> None:
    from sqlalchemy.exc import OperationalError

    try:
        with maintenance(database.server) as connection:
            end_connections(connection, database.name)
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')
    except OperationalError as error:
        raise_if_gone(database.server, error)
        raise


_SWEPT: set[URL] = set()


def _sweep_once(server: Server, connection: Connection) -> None:
    """Drop what processes of ours left behind when they were killed: on our own servers, once a process.

    Left behind is only what a process of this very machine made that does not run any more.
    """
    if not server.own or server.url in _SWEPT:
        return
    _SWEPT.add(server.url)
    names = connection.exec_driver_sql(
        f"SELECT datname FROM pg_database WHERE starts_with(datname, '{PREFIX}{_machine()}_')"
    ).scalars()
    for name in names.all():
        pid = name.removeprefix(f"{PREFIX}{_machine()}_").partition("_")[0]
        if pid.isdigit() and not process_runs(int(pid)):
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def maintenance(server: Server) -> Iterator[Connection]:
    """A connection to the server's maintenance database, on which every statement commits by itself."""
    with maintenance_engine(server.url, server.own).connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")
