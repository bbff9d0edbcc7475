"""The rows that the queries give, all read in one go; what is read already is worked on meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.beside import beside
from lamin_migrate_kit.catalog import queries

if TYPE_CHECKING:
    from sqlalchemy import Connection

Row = Sequence[Any]


@dataclass
class Rows:
    """What every query of `queries` returned, by its name."""

    server_version: int
    schemas: Sequence[Row]
    extensions: Sequence[Row]
    relations: Sequence[Row]
    columns: Sequence[Row]
    constraints: Sequence[Row]
    indexes: Sequence[Row]
    sequences: Sequence[Row]
    types: Sequence[Row]
    functions: Sequence[Row]
    triggers: Sequence[Row]
    rules: Sequence[Row]
    policies: Sequence[Row]
    event_triggers: Sequence[Row]
    statistics: Sequence[Row]
    comments: Sequence[Row]
    dependencies: Sequence[Row]
    not_compared: Sequence[Row]
    privileges: Sequence[Row]


_QUERIES: Mapping[str, str] = {
    "schemas": queries.SCHEMAS,
    "extensions": queries.EXTENSIONS,
    "relations": queries.RELATIONS,
    "sequences": queries.SEQUENCES,
    "types": queries.TYPES,
    "functions": queries.FUNCTIONS,
    "triggers": queries.TRIGGERS,
    "rules": queries.RULES,
    "policies": queries.POLICIES,
    "event_triggers": queries.EVENT_TRIGGERS,
    "statistics": queries.STATISTICS,
    "comments": queries.COMMENTS,
    "not_compared": queries.NOT_COMPARED,
    "privileges": queries.PRIVILEGES,
    "dependencies": queries.DEPENDENCIES,
    "columns": queries.COLUMNS,
    "constraints": queries.CONSTRAINTS,
    "indexes": queries.INDEXES,
}
"""In this order: what gives many rows comes last, so that there is something to be done with what came before."""


class _Coming(Rows):
    """Rows that another thread reads: whoever asks for those of one query waits until they are there."""

    def __init__(self, server_version: int) -> None:
        self.server_version = server_version
        self._coming: dict[str, Future[Sequence[Row]]] = {name: Future() for name in _QUERIES}

    def __getattr__(self, name: str) -> Sequence[Row]:
        """Called where an attribute is not there yet."""
        if name not in _QUERIES:
            raise AttributeError(name)
        rows = self._coming[name].result()
        setattr(self, name, rows)
        return rows

    def read(self, cursor: Any) -> None:
        """Ask all queries; what one of them raises, whoever waits for it or for a later one gets."""
        waiting = ((query, self._coming[name]) for name, query in _QUERIES.items())
        for query, coming in waiting:
            if not coming.set_running_or_notify_cancel():
                return
            try:
                cursor.execute(query)
                coming.set_result(cursor.fetchall())
            except BaseException as error:
                for one in (coming, *(later for _, later in waiting)):
                    one.set_exception(error)

    def give_up(self) -> None:
        """Ask no more."""
        for coming in reversed(self._coming.values()):
            coming.cancel()


@contextmanager
def reading_rows(connection: Connection) -> Iterator[Rows]:
    """Ask all queries on one connection, with an empty `search_path` so that every name comes qualified.

    They are asked in a thread of its own for the length of this block, in which nobody else uses the connection. The
    caller's `search_path` and transaction are left as they were.

    Args:
        connection: To the database.
    """
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(queries.BEGIN)
        [(version, search_path, _)] = cursor.fetchall()
        rows = _Coming(version)
        with beside(partial(rows.read, cursor), rows.give_up) as read:
            yield rows
            read()
        cursor.execute(queries.END, (search_path,))
