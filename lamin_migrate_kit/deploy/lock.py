"""One deployment at a time: an advisory lock on the instance, held by the session that migrates."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit.deploy.errors import DeploymentRunning

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.schema_module import SchemaModule

# The first half of the lock's key marks it as ours ("lamk"); the second one is the module's.
_CLASS = 0x6C616D6B
_POLL_SECONDS = 0.2


@contextmanager
def deployment_lock(
    connection: Connection, module: SchemaModule, wait: float, on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the module's lock on an instance for this block.

    It is asked for again and again, and not waited for within one query: whoever waits in a query holds a snapshot,
    and the other deployment's CREATE INDEX CONCURRENTLY would wait for that one, until the server calls it a deadlock.

    Args:
        connection: The session that will migrate. No transaction is open on it when the block begins.
        module: Deployments of different modules do not wait for each other.
        wait: How long to wait for another deployment, in seconds.
        on_wait: Told once who is waited for.

    Raises:
        DeploymentRunning: The other deployment did not end in time.
    """
    key = {"class": _CLASS, "module": module_key(module)}
    deadline = time.monotonic() + wait
    while not _try_lock(connection, key):
        if on_wait:
            on_wait(_holder(connection, key))
            on_wait = None
        if time.monotonic() >= deadline:
            raise _still_running(connection, module, key, wait)
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        # A lost connection has given the lock back already.
        with suppress(DBAPIError):
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:class, :module)"), key)
            connection.commit()


def module_key(module: SchemaModule) -> int:
    """The second half of the lock's key, a signed 32-bit number that stands for the module."""
    name = module.schema_id or module.package
    return zlib.crc32(name.encode()) - 2**31


def _try_lock(connection: Connection, key: dict[str, int]) -> bool:
    locked = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:class, :module)"), key))
    connection.commit()
    return locked


def _holder(connection: Connection, key: dict[str, int]) -> str:
    """Who holds the lock, in words."""
    query = text(
        "SELECT format('%s, process %s, connected since %s', usename, pid, to_char(backend_start, 'HH24:MI:SS'))"
        " FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted AND objsubid = 2"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid::bigint = :class AND objid::bigint = :module & 4294967295"
    )
    holder = connection.scalar(query, key)
    connection.commit()
    return holder or "a deployment that has just ended"


def _still_running(connection: Connection, module: SchemaModule, key: dict[str, int], wait: float) -> DeploymentRunning:
    return DeploymentRunning(
        f"Another deployment of {module.name} is running on this instance, and did not end within {wait:g} s.",
        details=f"it belongs to {_holder(connection, key)}",
        next_command="wait for it to end, then run the same command again",
    )
