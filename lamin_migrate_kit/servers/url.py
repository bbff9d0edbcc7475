"""The server that `LAMIN_MIGRATE_SERVER_URL` names: used as it is, never reconfigured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.servers.server import Server, describe_server, kept_engine, safe_url

if TYPE_CHECKING:
    from sqlalchemy import URL
    from sqlalchemy.exc import OperationalError

    from lamin_migrate_kit.settings import Settings

NAME = "url"
VARIABLE = "LAMIN_MIGRATE_SERVER_URL"
_EXAMPLE = f"export {VARIABLE}=postgresql://USER:PASSWORD@HOST:5432/postgres"
_SECRETS = ("password", "sslpassword")


@contextmanager
def open_url(settings: Settings, major: int | None) -> Iterator[Server]:
    """The given server, after asking whether it can be used.

    Raises:
        Unavailable: The variable is not set, or another major is asked for.
        ServerError: The server cannot be reached, refuses us, is too old, or gives no right to create databases.
    """
    if settings.server_url is None:
        raise Unavailable(f"{VARIABLE} is not set")
    server = inspect_given(NAME, parse_url(settings.server_url), own=False)
    if major is not None and server.major != major:
        raise Unavailable(f"{VARIABLE} names a Postgres {server.version}, not {major}")
    yield server


def inspect_given(provider: str, url: URL, *, own: bool, lasting: bool = False) -> Server:
    """Connect to a server that somebody else started, and check that the kit can work there.

    Raises:
        ServerError: It cannot be reached, refuses us, is too old, or gives no right to create databases.
    """
    from sqlalchemy.exc import OperationalError

    try:
        server = describe_server(provider, url, own=own, lasting=lasting)
    except OperationalError as error:
        raise connection_error(url, error) from None
    refuse_without_rights(server)
    return server


def parse_url(text: str) -> URL:
    """The URL of a Postgres database, with the kit's driver and its password where SQLAlchemy hides it.

    Args:
        text: Any spelling: `postgres://`, `postgresql://`, `postgresql+psycopg://` and so on.

    Raises:
        ServerError: It is no URL of a Postgres database. The text is not repeated: it may hold a password.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _malformed("cannot be read as a URL") from None
    if url.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise _malformed(f"is for {url.drivername.partition('+')[0]!r}, not for Postgres")
    if "@" in (url.host or "") + (url.database or ""):
        # The rest of the password was taken for the host's or the database's name, and would be shown as such.
        raise _malformed("has a password or name in which '@' or '/' is not quoted (write %40 and %2F)")
    password = url.password or url.query.get("password")
    url = url.difference_update_query(_SECRETS[:1])
    return url.set(
        drivername="postgresql+psycopg2",
        database=url.database or "postgres",
        password=password if isinstance(password, str) else None,
    )


def connection_error(url: URL, error: OperationalError) -> ServerError:
    """What a failed connection means: not there, refused the password, or refused for another reason.

    libpq gives no error code for a failed connection, so its words are all there is to go by; where they are
    in another language, the server's own message is shown in full either way.
    """
    said = str(error.orig).strip()
    where = safe_url(url)
    if "password authentication failed" in said or "no password supplied" in said:
        what = f"The server refused the password of {url.username or 'the user'}."
        if not url.password:
            what = f"The server wants a password for {url.username or 'the user'}, and the URL has none."
        return ServerError(what, where=where, next_command=_EXAMPLE)
    if "FATAL:" in said:
        return ServerError("The server refused the connection.", where=where, details=said, next_command=_EXAMPLE)
    return ServerError(
        "The server cannot be reached.",
        where=where,
        details=said,
        next_command=f"unset {VARIABLE}   # to let the kit find or start a server, or name one that runs:\n{_EXAMPLE}",
    )


def refuse_without_rights(server: Server) -> None:
    """Raise a ServerError when the role may not create databases there, or nobody may, because it is a standby."""
    question = "SELECT rolname, rolsuper OR rolcreatedb, pg_is_in_recovery() FROM pg_roles WHERE rolname = current_user"
    with kept_engine(server.url, server.own).connect() as connection:
        role, may_create, standby = connection.exec_driver_sql(question).one()
        quoted = connection.dialect.identifier_preparer.quote(role)
    if standby:
        raise ServerError(
            "The server is a read-only standby; the kit creates scratch databases.",
            where=safe_url(server.url),
            next_command=f"{_EXAMPLE}   # of its primary, or of a server for development",
        )
    if not may_create:
        raise ServerError(
            f"The role {role} may not create databases; the kit needs to create scratch databases.",
            where=safe_url(server.url),
            next_command=f"psql ... -c 'ALTER ROLE {quoted} CREATEDB'   # as a superuser of that server",
        )


def _malformed(why: str) -> ServerError:
    return ServerError(f"{VARIABLE} {why}.", next_command=_EXAMPLE)
