"""Questions to the server in a transaction of the caller's, some of which may fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SPELLING = (
    "SELECT set_config(name, value, true) FROM (VALUES ('TimeZone', 'UTC'), ('DateStyle', 'ISO, YMD'),"
    " ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '1'), ('search_path', '')"
    ") AS s (name, value)"
)


Result = TypeVar("Result")

_VALUE_AT_END = re.compile(r": \".*\"$")


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

        def run(cursor: Any) -> list[tuple[Any, ...]]:
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []

        return self._in_savepoint(run, _first_line)

    def attempt_copy(self, query: str, file: IO[bytes]) -> bool:
        """Whether a COPY from a file went well; if not, `reason` says why, without the values."""
        done = self._in_savepoint(lambda cursor: cursor.copy_expert(query, file) or True, without_values)
        return done is not None

    def _in_savepoint(self, run: Callable[[Any], Result], explain: Callable[[Exception], str]) -> Result | None:
        import psycopg2

        with closing(self._cursor()) as cursor:
            cursor.execute("SAVEPOINT kit_attempt")
            try:
                result = run(cursor)
                cursor.execute("RELEASE kit_attempt")
            except psycopg2.Error as error:
                self.reason = explain(error)
                cursor.execute("ROLLBACK TO kit_attempt; RELEASE kit_attempt")
                return None
            return result

    def _cursor(self) -> Any:
        # Makes SQLAlchemy begin its transaction, so that it ends it as well.
        if not self.connection.in_transaction():
            self.connection.begin()
        return self.connection.connection.cursor()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def without_values(error: Exception | str) -> str:
    """What the server said, without the values of rows that it may quote.

    Args:
        error: The driver's error, or the text that `server_message` makes of one.
    """
    first = error if isinstance(error, str) else _first_line(error)
    return _VALUE_AT_END.sub(': "…"', first.partition("; detail: ")[0])
