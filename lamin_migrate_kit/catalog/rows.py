"""The rows that the queries give, read in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.catalog import queries

if TYPE_CHECKING:
    from sqlalchemy import Connection

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
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


def read_rows(connection: Connection) -> Rows:
    """Ask all queries on one connection, with an empty `search_path` so that every name comes qualified.

    The caller's `search_path` and transaction are left as they were.

    Args:
        connection: To the database.
    """
    cursor = connection.connection.cursor()

    def ask(query: str) -> Sequence[Row]:
        cursor.execute(query)
        return list(cursor.fetchall())

    try:
        version, search_path, _ = ask(queries.BEGIN)[0]
        rows = Rows(
            server_version=version,
            schemas=ask(queries.SCHEMAS),
            extensions=ask(queries.EXTENSIONS),
            relations=ask(queries.RELATIONS),
            columns=ask(queries.COLUMNS),
            constraints=ask(queries.CONSTRAINTS),
            indexes=ask(queries.INDEXES),
            sequences=ask(queries.SEQUENCES),
            types=ask(queries.TYPES),
            functions=ask(queries.FUNCTIONS),
            triggers=ask(queries.TRIGGERS),
            rules=ask(queries.RULES),
            policies=ask(queries.POLICIES),
            event_triggers=ask(queries.EVENT_TRIGGERS),
            statistics=ask(queries.STATISTICS),
            comments=ask(queries.COMMENTS),
            dependencies=ask(queries.DEPENDENCIES),
            not_compared=ask(queries.NOT_COMPARED),
            privileges=ask(queries.PRIVILEGES),
        )
        cursor.execute(queries.END, (search_path,))
        return rows
    finally:
        cursor.close()
