"""A running Postgres that the kit may use, and how to talk to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.settings import PINNED_MAJOR, SUPPORTED_MAJORS

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

APPLICATION_NAME = "lamin_migrate_kit"
_CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Server:
    """A running Postgres that we may use.

    Attributes:
        provider: Where it comes from: one of `settings.PROVIDERS`.
        url: The URL of its maintenance database; the driver is `postgresql+psycopg2`.
        version: As people write it, such as "18.6".
        version_num: As Postgres computes with it, such as 180006.
        own: Started by the kit: it may run with durability off, and clones may use STRATEGY file_copy.
        lasting: Of our own, and there for the next command too: what is costly to build may be kept on it.
    """

    provider: str
    url: URL
    version: str
    version_num: int
    own: bool
    lasting: bool = False

    @property
    def major(self) -> int:
        """The major version, such as 18."""
        return self.version_num // 10000

    @property
    def pinned(self) -> bool:
        """Whether this is the major that the kit pins."""
        return self.major == PINNED_MAJOR

    @property
    def label(self) -> str:
        """What a report calls it: "embedded Postgres 18.6"; another major than the pinned one is marked."""
        mark = "" if self.pinned else f" (not the pinned major {PINNED_MAJOR})"
        return f"{self.provider} Postgres {self.version}{mark}"


@cache
def import_driver() -> None:
    """Import psycopg2 and its dialect: a fifth of a second."""
    import sqlalchemy.dialects.postgresql.psycopg2  # noqa: F401

    import lamin_migrate_kit.driver  # noqa: F401


def open_engine(url: URL, *, own: bool = False, connect_seconds: int = _CONNECT_SECONDS) -> Engine:
    """An engine that keeps no connections, so that whoever drops a database is not in its own way.

    Args:
        url: A URL with the driver postgresql+psycopg2.
        own: Whether the kit started the server; then variables such as PGOPTIONS, meant for others, do not count.
        connect_seconds: How long to wait for a connection.
    """
    from sqlalchemy.pool import NullPool

    # What goes is not rolled back before: the server does that, and where it is gone there would be a second error.
    return _engine(url, own, connect_seconds, poolclass=NullPool, pool_reset_on_return=None)


def _engine(url: URL, own: bool, connect_seconds: int, **pooling: Any) -> Engine:
    from sqlalchemy import create_engine

    import_driver()
    arguments: dict[str, object] = {"connect_timeout": connect_seconds}
    if "application_name" not in url.query:
        arguments["application_name"] = APPLICATION_NAME
    if own:
        arguments |= {"options": "", "hostaddr": ""}
    return create_engine(url, connect_args=arguments, **pooling)


@lru_cache(maxsize=64)
def kept_engine(url: URL, own: bool) -> Engine:
    """As `open_engine`, but the same engine each time: what SQLAlchemy asks a server at first is asked once.

    Not for callers that change an engine, for instance by listening to its events.
    """
    return open_engine(url, own=own)


@lru_cache(maxsize=64)
def maintenance_engine(url: URL, own: bool) -> Engine:
    """An engine for a server's maintenance database, which nobody drops: on our own servers its connections are kept.

    Args:
        url: As for `open_engine`.
        own: Likewise. On servers that were given nothing stays open.
    """
    return _engine(url, own, _CONNECT_SECONDS, pool_pre_ping=True) if own else kept_engine(url, own)


def describe_server(provider: str, url: URL, *, own: bool, lasting: bool = False) -> Server:
    """Connect once and ask for the version.

    Raises:
        sqlalchemy.exc.OperationalError: No connection could be had.
        ServerError: The server is older than the oldest supported major.
    """
    with maintenance_engine(url, own).connect() as connection:
        version, version_num = connection.exec_driver_sql(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int"
        ).one()
    server = Server(provider, url, version.split()[0], version_num, own, lasting)
    refuse_unsupported(server)
    return server


def refuse_unsupported(server: Server) -> None:
    """Raise a ServerError when the server is older than the oldest supported major."""
    oldest = min(SUPPORTED_MAJORS)
    if server.major < oldest:
        raise ServerError(
            f"The server is Postgres {server.version}; the kit needs {oldest} or later.",
            where=safe_url(server.url),
            next_command=f"export LAMIN_MIGRATE_SERVER_URL=...   # a Postgres {oldest} to {PINNED_MAJOR}, or unset it",
        )


def missing_extensions(server: Server, wanted: Sequence[str]) -> tuple[str, ...]:
    """Those of the wanted extensions that the server could not create."""
    if not wanted:
        return ()
    with maintenance_engine(server.url, server.own).connect() as connection:
        available = set(connection.exec_driver_sql("SELECT name FROM pg_available_extensions").scalars())
    return tuple(name for name in wanted if name not in available)


def raise_if_gone(server: Server, error: Exception) -> None:
    """Raise ServerGone from `error` when the server does not answer any more; else do nothing."""
    if isinstance(error, ServerGone) or server_answers(server):
        return
    raise ServerGone(
        f"The {server.label} stopped answering while it was in use.",
        where=safe_url(server.url),
        next_command="run the command again; nothing that it had begun was kept",
    ) from error


def safe_url(url: URL) -> str:
    """The URL as a message may show it: the password is hidden."""
    return url.render_as_string(hide_password=True)


def libpq_url(url: URL, *, with_password: bool = True) -> str:
    """The URL as psql and other programs take it, without the name of a driver.

    SQLAlchemy writes spaces in the query as plus signs and leaves some characters alone; libpq wants them quoted.
    """
    user = quote(url.username or "", safe="")
    password = f":{quote(str(url.password), safe='')}" if with_password and url.password is not None else ""
    host = f"[{url.host}]" if ":" in (url.host or "") else url.host or ""
    port = f":{url.port}" if url.port is not None else ""
    query = urlencode(url.query, doseq=True, quote_via=quote)
    at = "@" if user or password else ""
    return f"postgresql://{user}{password}{at}{host}{port}/{quote(url.database or '', safe='')}" + f"?{query}" * bool(
        query
    )


def server_answers(server: Server) -> bool:
    """Whether a connection can be had right now."""
    from sqlalchemy.exc import OperationalError

    try:
        with open_engine(server.url, own=server.own, connect_seconds=2).connect():
            return True
    except OperationalError:
        return False
