"""Watching a connection: every statement as it was sent, the line that sent it, and whether it is already committed."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, event

from lamin_migrate_kit.alembic_bridge.turns import letting_others
from lamin_migrate_kit.driver import psycopg2

# psycopg2.extensions.TRANSACTION_STATUS_IDLE
_IDLE = 0
# How SQLAlchemy asks for what exists before it creates or drops a type or a table.
_PROBE = re.compile(r"\s*SELECT pg_catalog\.pg_\w+\.", re.IGNORECASE)

# A commit among several statements of one text; and what writes into the catalogs past all locks.
_COMMITS = re.compile(r"\bCOMMIT\b\s*(?:;|$)", re.IGNORECASE)
_BY_HAND = re.compile(
    r"\b(?:UPDATE|INSERT\s+INTO|DELETE\s+FROM)\s+(?:ONLY\s+)?(?:pg_catalog\s*\.\s*)?\"?pg_", re.IGNORECASE
)

_DEFINITIONS = ("CREATE ", "ALTER ", "DROP ", "COMMENT")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that a revision sent to the server.

    Attributes:
        sql: Its text, with the parameters in place.
        line: The line of the revision file that it comes from; None for Alembic's own bookkeeping.
        seconds: How long the server took.
        kept: No transaction was open after it, or the one it belonged to was committed within the revision: a later
            failure of the revision does not take it back.
        answered: The server answered with rows, on which what follows may depend.
        tag: What the server calls it when it is done, such as `CREATE TABLE`; of several in one text, the last.
    """

    sql: str
    line: int | None
    seconds: float
    kept: bool = False
    answered: bool = False
    tag: str = ""

    @property
    def only_defines(self) -> bool:
        """Whether it is one definition: what it does follows from the catalog alone, and from no row."""
        alone = ";" not in self.sql.strip().rstrip(";")
        return alone and self.tag.startswith(_DEFINITIONS)

    @property
    def is_probe(self) -> bool:
        """Whether it only asks the catalogs for what exists, as SQLAlchemy does before it creates a type."""
        return bool(_PROBE.match(self.sql))


class Watch:
    """Records what runs on a connection, a step at a time. Use it as a context manager around all steps."""

    def __init__(self, connection: Connection, on_statement: Callable[[Statement], None] | None = None) -> None:
        self.connection = connection
        self.statements: list[Statement] = []
        self.pending: str | None = None
        self._commits = 0
        self._on_statement = on_statement
        self._path = ""
        self._began = 0.0
        self._busy = False
        self._seen = self.sent = 0
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._cursor_factory = driver.cursor_factory
        self._listeners: tuple[tuple[str, Callable[..., None]], ...] = (
            ("before_cursor_execute", self._before),
            ("after_cursor_execute", self._after),
            ("commit", self._committed),
        )

    def __enter__(self) -> Watch:
        for name, listener in self._listeners:
            event.listen(self.connection, name, listener)
        self._driver.cursor_factory = _counting(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._driver.cursor_factory = self._cursor_factory
        for name, listener in self._listeners:
            event.remove(self.connection, name, listener)

    def begin_step(self, path: Path) -> None:
        """Forget the last step; statements from now on come from the revision file at `path`."""
        self.statements = []
        self.pending = None
        self._commits = 0
        self._seen = self.sent = 0
        self._path = str(path)

    @property
    def told_all(self) -> bool:
        """Whether the statements of this step are all that the server got, and nothing of its answers could matter.

        A revision may also use the driver's own cursor, past SQLAlchemy, or look at rows before it goes on.
        """
        asked = any(one.answered and one.line is not None for one in self.statements)
        return self.locks_tell_all and not asked

    @property
    def committed_within(self) -> bool:
        """Whether the revision has committed something: in an `autocommit_block`, or by `op.execute("COMMIT")`."""
        return any(one.kept for one in self.statements) or self._commits > 0

    @property
    def locks_tell_all(self) -> bool:
        """Whether what this step has changed is told by the locks that it holds now.

        Not what was committed on the way, nor what was written into the catalogs by hand; and nobody knows what went
        past SQLAlchemy.
        """
        hidden = any(_COMMITS.search(one.sql) or _BY_HAND.search(one.sql) for one in self.statements)
        return not (hidden or self.committed_within or self.sent != self._seen)

    def _before(self, _: Any, cursor: Any, statement: str, parameters: Any, __: Any, many: bool) -> None:
        if self._busy:
            return
        self.pending = _as_sent(cursor, statement, parameters, many)
        self._seen += 1
        self._began = time.perf_counter()

    def _after(self, _: Any, cursor: Any, *__: Any) -> None:
        if self._busy or self.pending is None:
            return
        seconds = time.perf_counter() - self._began
        kept = cursor.connection.get_transaction_status() == _IDLE
        if kept:
            self._keep()
        answered, tag = cursor.description is not None, cursor.statusmessage or ""
        self.statements.append(Statement(self.pending, self._calling_line(), seconds, kept, answered, tag))
        self.pending = None
        self._tell()

    def _tell(self) -> None:
        """Hand the last statement out; what the listener itself sends on this connection is not watched."""
        if self._on_statement is None:
            return
        self._busy = True
        try:
            self._on_statement(self.statements[-1])
        finally:
            self._busy = False

    def _committed(self, _: Any) -> None:
        self._commits += 1
        self._keep()

    def _keep(self) -> None:
        self.statements = [replace(one, kept=True) for one in self.statements]

    def _calling_line(self) -> int | None:
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == self._path:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return None


_SENDING = ("execute", "executemany", "callproc")
_COPYING = ("copy_from", "copy_to", "copy_expert")
"""They run Python of the author's: a file is read, or written."""


def _counting(watch: Watch) -> type[psycopg2.extensions.cursor]:
    """A cursor that counts what is sent with it."""

    def counted(name: str) -> Callable[..., Any]:
        send = getattr(psycopg2.extensions.cursor, name)

        def sent(self: Any, *args: Any, **kwargs: Any) -> Any:
            watch.sent += 1
            return letting_others(send, self, *args, **kwargs)

        def copied(self: Any, *args: Any, **kwargs: Any) -> Any:
            watch.sent += 1
            return send(self, *args, **kwargs)

        return copied if name in _COPYING else sent

    methods = {name: counted(name) for name in (*_SENDING, *_COPYING)}
    return type("Counting", (psycopg2.extensions.cursor,), methods)


def _as_sent(cursor: Any, statement: str, parameters: Any, many: bool) -> str:
    """The text that psycopg2 sends: parameters in place, doubled per cent signs single."""
    try:
        sets = parameters if many and isinstance(parameters, list) else [parameters]
        sent = [cursor.mogrify(statement, one) for one in sets]
    except Exception:
        # Whatever is wrong with the parameters, the execution itself will say it better.
        return statement
    return ";\n".join(one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in sent)
