"""Views, functions, triggers, policies and extensions that models register with `alembic_utils`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection


def registered_entities() -> tuple[Any, ...]:
    """What importing the models has registered; nothing when they do not use `alembic_utils`."""
    module: Any = sys.modules.get("alembic_utils.replaceable_entity")
    return tuple(module.registry.entities()) if module is not None else ()


def create_extensions(connection: Connection, entities: Sequence[Any]) -> None:
    """Create the extensions among them: tables may need those.

    Raises:
        sqlalchemy.exc.DBAPIError: The server refused one.
    """
    _create(connection, [entity for entity in entities if _is_extension(entity)])


def create_entities(connection: Connection, entities: Sequence[Any]) -> None:
    """Create all others, where tables are there; an entity that needs another one comes after it.

    Raises:
        sqlalchemy.exc.DBAPIError: The server refused one that needs no other.
    """
    _create(connection, [entity for entity in entities if not _is_extension(entity)])


def _create(connection: Connection, entities: Sequence[Any]) -> None:
    from sqlalchemy.exc import DBAPIError

    waiting = list(entities)
    while waiting:
        refused: list[tuple[Any, DBAPIError]] = []
        for entity in waiting:
            try:
                with connection.begin_nested():
                    for statement in _statements(entity):
                        connection.execute(statement)
            except DBAPIError as error:
                refused.append((entity, error))
        if len(refused) == len(waiting):
            raise refused[0][1]
        waiting = [entity for entity, _ in refused]


def _statements(entity: Any) -> Iterator[Any]:
    made = entity.to_sql_statement_create()
    yield from made if isinstance(made, list | tuple) else (made,)


def _is_extension(entity: Any) -> bool:
    return bool(entity.type_ == "extension")
