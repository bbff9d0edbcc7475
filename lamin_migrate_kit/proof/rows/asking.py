"""Questions to the server in a transaction of the caller's, some of which may fail."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SPELLING = (
    "SELECT set_config(name, value, true) FROM (VALUES ('TimeZone', 'UTC'), ('DateStyle', 'ISO, YMD'),"
    " ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '1'), ('search_path', '')"
    ") AS s (name, value)"
)


class Asking:
    """Sends SQL as it is: on the driver's own cursor, which without parameters leaves every `%` alone.

    Args:
        connection: The caller begins and ends its transactions.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.reason = ""

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query that does not fail."""
        with closing(self._cursor()) as cursor:
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []

    def spell_values_plainly(self) -> None:
        """Until the transaction ends, values are spelled the same whatever the session has set."""
        self.ask(_SPELLING)

    def attempt(self, query: str) -> list[tuple[Any, ...]] | None:
        """The rows of a query that may fail; None when it did, and `reason` says why."""
        import psycopg2

        with closing(self._cursor()) as cursor:
            cursor.execute("SAVEPOINT kit_attempt")
            try:
                cursor.execute(query)
                rows = list(cursor.fetchall()) if cursor.description else []
                cursor.execute("RELEASE kit_attempt")
            except psycopg2.Error as error:
                self.reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                cursor.execute("ROLLBACK TO kit_attempt; RELEASE kit_attempt")
                return None
            return rows

    def _cursor(self) -> Any:
        # Makes SQLAlchemy begin its transaction, so that it ends it as well.
        if not self.connection.in_transaction():
            self.connection.begin()
        return self.connection.connection.cursor()
