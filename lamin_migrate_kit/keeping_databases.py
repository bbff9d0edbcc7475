"""Databases that stay on a lasting server of our own, so that the next command copies them instead of building them.

Nobody can connect to a kept database, so nobody changes it, and it can always be copied. It is known by what it was
built from; the least recently used go when there are too many. What is in it is said beside it, as a digest: whoever
only asks whether something is the same copies nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING

from lamin_migrate_kit.scratch import PREFIX, ScratchDatabase, end_connections, maintenance, scratch_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.servers import Server

_KEPT = f"{PREFIX}kept_"
_AT_MOST = 4


def _unknown() -> None:
    return None


@contextmanager
def kept_or_built(
    server: Server,
    facts: Iterable[str] | None,
    build: Callable[[ScratchDatabase], bool],
    hint: str = "",
    digest: Callable[[], str | None] = _unknown,
    *,
    empty: Callable[[str], AbstractContextManager[ScratchDatabase]] | None = None,
) -> Iterator[ScratchDatabase]:
    """A database of one's own for this block: a copy of the one that was kept, else a new one.

    A new one is kept when the block ends without an error, so the block must leave it as `build` made it.

    Args:
        server: Where. Nothing is kept on servers that were given, or that end with this command.
        facts: What the database is built from, completely; None where that cannot be told: then nothing is kept.
        build: Fills an empty database, and says whether it did so from the facts alone.
        hint: As for `scratch_database`.
        digest: Says, when the block has ended, what is in it, if that is known; one word.
        empty: Makes the empty database for one block, given the hint; None lets `scratch_database` do it.
    """
    name = _name(server, facts) if facts is not None and server.lasting else None
    if name and (known := _found(server, name)) is not None:
        kept = ScratchDatabase(server, name, server.url.set(database=name))
        with scratch_database(server, template=kept, hint=hint) as database:
            yield database
            _note_digest(server, name, known, digest())
        return
    with empty(hint) if empty else scratch_database(server, hint=hint) as database:
        from_facts = build(database)
        yield database
        if name and from_facts:
            _keep(database, name, digest() or "")


def kept_digest(server: Server, facts: Iterable[str] | None) -> str | None:
    """The digest of the database that was kept for these facts; None where there is none, or it is not known."""
    if facts is None or not server.lasting:
        return None
    return _found(server, _name(server, facts)) or None


def kept_names(server: Server) -> tuple[str, ...]:
    """The names of what is kept on a server, the most recently used first."""
    with maintenance(server) as connection:
        return tuple(_by_use(connection))


def forget_kept(server: Server) -> None:
    """Drop everything that is kept on a server."""
    with maintenance(server) as connection:
        for name in _by_use(connection):
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}"')


def _name(server: Server, facts: Iterable[str]) -> str:
    digest = hashlib.sha256(str(server.version_num).encode())
    for fact in facts:
        digest.update(b"\0" + fact.encode())
    return f"{_KEPT}{digest.hexdigest()[:32]}"


def _found(server: Server, name: str) -> str | None:
    """The digest of what is kept under a name, empty where it is not known; None where nothing is."""
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    with maintenance(server) as connection:
        query = text(
            "SELECT coalesce(split_part(shobj_description(oid, 'pg_database'), ' ', 3), '')"
            " FROM pg_database WHERE datname = :name AND NOT datallowconn"
        )
        found = connection.execute(query, {"name": name}).scalar()
        if found is None:
            return None
        with suppress(DBAPIError):  # another command says so at the same moment
            _note_use(connection, name, found)
        return str(found)


def _note_digest(server: Server, name: str, known: str, digest: str | None) -> None:
    """Say beside what is kept what is in it, where that was not known: another version of the kit reads more."""
    from sqlalchemy.exc import DBAPIError

    if digest is not None and digest != known:
        with suppress(DBAPIError), maintenance(server) as connection:
            _note_use(connection, name, digest)


def _note_use(connection: Connection, name: str, digest: str) -> None:
    connection.exec_driver_sql(f"""COMMENT ON DATABASE "{name}" IS 'used {time.time_ns()} {digest}'""")


def _keep(database: ScratchDatabase, name: str, digest: str) -> None:
    from sqlalchemy.exc import DBAPIError

    # Where it cannot be kept (another command was faster, somebody is connected), it goes as scratch databases go.
    with suppress(DBAPIError), maintenance(database.server) as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS false')
        end_connections(connection, database.name)
        connection.exec_driver_sql(f'ALTER DATABASE "{database.name}" RENAME TO "{name}"')
        _note_use(connection, name, digest)
        for old in list(_by_use(connection))[_AT_MOST:]:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{old}"')


def _by_use(connection: Connection) -> Iterator[str]:
    rows = connection.exec_driver_sql(
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
        f" WHERE starts_with(datname, '{_KEPT}') ORDER BY 2 DESC NULLS LAST, 1"
    )
    return (str(name) for name, _ in rows.all())
