"""Operations, done by a server on a database of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.operations.model import Operation

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.catalog.model import ObjectKey


class OperationRefused(MigrateKitError):
    """The server does not do what was decided."""


def run_operations(connection: Connection, operations: Sequence[Operation]) -> None:
    """Run all statements; commits where an operation has to be committed before it can be used.

    Raises:
        OperationRefused: The server refused one.
    """
    from sqlalchemy.exc import DBAPIError

    for operation in operations:
        try:
            _run(connection, operation)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            raise OperationRefused(
                f"{operation.action} {operation.key} cannot be done: {_message(error)}",
                where=str(operation.key),
                details="\n".join(operation.statements),
                next_command="decide otherwise, or write the revision by hand: invoke migrate.generate --empty",
            ) from error


def try_operations(connection: Connection, operations: Sequence[Operation]) -> dict[ObjectKey, str]:
    """Run what the server accepts, each operation in a savepoint; return what it said about the others."""
    from sqlalchemy.exc import DBAPIError

    refused: dict[ObjectKey, str] = {}
    for operation in operations:
        try:
            with connection.begin_nested():
                _run(connection, operation)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            refused[operation.key] = _message(error)
    return refused


def _run(connection: Connection, operation: Operation) -> None:
    for statement in operation.statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    if operation.autocommit and not connection.in_nested_transaction():
        connection.commit()


def _message(error: Exception) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]
