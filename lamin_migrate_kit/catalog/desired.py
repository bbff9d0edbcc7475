"""The models, built on a database as the author's own `create_all` builds them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.quoting import quote_name
from lamin_migrate_kit.errors import SchemaModuleError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData


def build_desired(connection: Connection, metadata: MetaData) -> None:
    """Create everything that the models declare, in a new database. The caller commits.

    Args:
        connection: To a scratch database that has the extensions that the models need.
        metadata: The models' MetaData; the schemas that it names are created, and its DDL events run.

    Raises:
        SchemaModuleError: The server refused what the models declare.
    """
    from sqlalchemy.exc import SQLAlchemyError

    prepare_database(connection, _schemas_of(metadata), ())
    try:
        metadata.create_all(connection, checkfirst=False)
    except SQLAlchemyError as error:
        message = str(getattr(error, "orig", error)).strip()
        statement = getattr(error, "statement", None)
        raise SchemaModuleError(
            f"The models cannot be built on an empty database: {message}",
            details=f"failing statement:\n{statement.strip()}" if statement else None,
        ) from error


def prepare_database(connection: Connection, schemas: Collection[str], extensions: Collection[str]) -> None:
    """Create schemas and extensions that are not there yet: what comes after takes them for granted."""
    for schema in sorted(schemas):
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quote_name(schema)}")
    for extension in sorted(extensions):
        connection.exec_driver_sql(f"CREATE EXTENSION IF NOT EXISTS {quote_name(extension)}")


def _schemas_of(metadata: MetaData) -> set[str]:
    """The schemas that tables, sequences and named types of the models are in."""
    found = {table.schema for table in metadata.tables.values()}
    found |= {sequence.schema for sequence in metadata._sequences.values()}
    types = (column.type for table in metadata.tables.values() for column in table.columns)
    found |= {getattr(type_, "schema", None) for type_ in types}
    found.add(metadata.schema)
    return {schema for schema in found if schema}
