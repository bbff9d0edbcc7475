"""Statements on their way from who works them out to who runs them, in another thread or later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

_AT_ONCE = 200
"""Statements in one message: enough that the way to the server no longer counts."""


class _Abandoned(Exception):
    """These are not all statements, and no more come."""


class StatementStream:
    """Statements in their order. Each is run once, on one connection; only text comes this way, never anybody's code.

    Attributes:
        ended: Whether no more come.
    """

    def __init__(self) -> None:
        self.ended = False
        self._complete = False
        self._waiting: SimpleQueue[str | None] = SimpleQueue()
        self._cancel: Callable[[], object] = bool

    def add(self, statement: str) -> None:
        """One more."""
        self._waiting.put(statement)

    def end(self, *, complete: bool) -> None:
        """No more come.

        Args:
            complete: Whether these are all there are; otherwise nothing of them is to stay.
        """
        if not self.ended:
            self.ended, self._complete = True, complete
            self._waiting.put(None)

    def stop(self) -> None:
        """Have whoever runs them give up soon; from another thread, and more than once if need be."""
        self.ended, self._complete = True, False
        self._waiting.put(None)
        with suppress(Exception):  # the connection is closed by now
            self._cancel()

    def run(self, connection: Connection) -> bool:
        """Run them as they come, until the last one; whether the server did. If not, nothing was done."""
        from sqlalchemy.exc import SQLAlchemyError

        driver = connection.connection.dbapi_connection
        assert driver is not None
        self._cancel = driver.cancel
        try:
            with connection.begin_nested():
                for statements in self._come():
                    connection.exec_driver_sql(";\n".join(statements))
        except (SQLAlchemyError, _Abandoned):
            return False
        return True

    def _come(self) -> Iterator[Sequence[str]]:
        """As many as are there at a time."""
        last = False
        while not last:
            statement = self._waiting.get()
            statements: list[str] = []
            with suppress(Empty):
                while statement is not None and len(statements) < _AT_ONCE - 1:
                    statements.append(statement)
                    statement = self._waiting.get_nowait()
                if statement is None:
                    last = True
                else:
                    statements.append(statement)
            if self.ended and not self._complete:
                raise _Abandoned
            if statements:
                yield statements
