"""Databases that are named on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_EXAMPLE = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"


@contextmanager
def open_given(flag: str, text: str) -> Iterator[Connection]:
    """A connection to a database that is only read.

    Args:
        flag: The option that named it, for messages.
        text: Its URL, in any spelling that a Postgres driver has.

    Raises:
        ServerError: It is no URL of a Postgres database, or it cannot be connected to. Never shows a password.
    """
    from sqlalchemy.exc import OperationalError

    from lamin_migrate_kit.servers import open_engine
    from lamin_migrate_kit.servers.server import safe_url
    from lamin_migrate_kit.servers.url import VARIABLE, connection_error, parse_url

    try:
        url = parse_url(text)
    except ServerError as error:
        raise ServerError(
            error.what.replace(VARIABLE, flag), next_command=f"{flag} {_EXAMPLE}   # the form it must have"
        ) from None
    try:
        connection = open_engine(url).connect()
    except OperationalError as error:
        refused = connection_error(url, error)
        raise ServerError(
            refused.what, where=f"{flag} {safe_url(url)}", details=refused.details, next_command=f"{flag} {_EXAMPLE}"
        ) from None
    with connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")
        connection.commit()
        yield connection
