"""The models, built on a database as the author's own `create_all` builds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.catalog.declared import declared_statements
from lamin_migrate_kit.catalog.entities import create_entities, create_extensions, registered_entities
from lamin_migrate_kit.catalog.needs import advise
from lamin_migrate_kit.catalog.quoting import quote_name
from lamin_migrate_kit.catalog.statements import StatementStream
from lamin_migrate_kit.errors import SchemaModuleError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table
    from sqlalchemy.types import TypeEngine

_SOMETHING_MISSING = ("42704", "42883", "42P01", "3F000")
"""undefined_object, undefined_function, undefined_table, invalid_schema_name."""


class SomethingMissing(SchemaModuleError):
    """The models use what they do not make themselves, and the database does not have it."""


def build_desired(connection: Connection, metadata: MetaData, owned: Collection[str] | None = None) -> None:
    """Create everything that the models declare, in a new database. The caller commits.

    Args:
        connection: To a scratch database. When the models cannot be built, it is as it was before.
        metadata: The models' MetaData; the schemas that it names are created, and its DDL events run. So is what was
            registered with `alembic_utils`.
        owned: The keys of the tables that are this module's own. Of other packages' tables in the same MetaData only
            those are created that its own reference. None for all.

    Raises:
        SomethingMissing: The models use an object that nobody has made.
        SchemaModuleError: The server refused what the models declare.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with connection.begin_nested():
            entities = registered_entities()
            prepare_database(connection, schemas_of(metadata) | {entity.schema for entity in entities}, ())
            create_extensions(connection, entities)
            metadata.create_all(connection, tables=_wanted(metadata, owned), checkfirst=False)
            create_entities(connection, entities)
    except SQLAlchemyError as error:
        raise _not_built(connection, error) from error


def statements_of(
    connection: Connection,
    metadata: MetaData,
    owned: Collection[str] | None = None,
    stream: StatementStream | None = None,
) -> tuple[str, ...] | None:
    """What `build_desired` would run, all of it; None where only running it tells. Runs nothing.

    Args:
        connection: To the server that it would be run on.
        metadata: The models' MetaData.
        owned: As for `build_desired`.
        stream: Is given each of them as soon as it is known, and its end.
    """
    stream = stream or StatementStream()
    found = None if registered_entities() else _statements_of(connection, metadata, owned, stream)
    stream.end(complete=found is not None)
    return found


def _statements_of(
    connection: Connection, metadata: MetaData, owned: Collection[str] | None, stream: StatementStream
) -> tuple[str, ...] | None:
    schemas = [f"CREATE SCHEMA IF NOT EXISTS {quote_name(schema)}" for schema in sorted(schemas_of(metadata))]
    for statement in schemas:
        stream.add(statement)
    declared = declared_statements(metadata, connection.dialect, _wanted(metadata, owned), stream.add)
    return None if declared is None else (*schemas, *declared)


def _wanted(metadata: MetaData, owned: Collection[str] | None) -> list[Table] | None:
    """The tables to create; None for all."""
    return None if owned is None or metadata.tables.keys() <= set(owned) else _with_referenced(metadata, owned)


def build_referenced(connection: Connection, metadata: MetaData, owned: Collection[str]) -> None:
    """Create the tables of other packages that a module's own tables reference: its revisions reference them too.

    Raises:
        SchemaModuleError: The server refused what they declare.
    """
    from sqlalchemy import MetaData
    from sqlalchemy.exc import SQLAlchemyError

    # In a MetaData of their own: the events of the shared one are about tables that are not there yet.
    alone = MetaData()
    for table in _with_referenced(metadata, owned):
        if table.key not in owned:
            table.to_metadata(alone)
    try:
        prepare_database(connection, schemas_of(alone), ())
        alone.create_all(connection, checkfirst=False)
    except SQLAlchemyError as error:
        raise _not_built(connection, error) from error


def prepare_database(connection: Connection, schemas: Collection[str], extensions: Collection[str]) -> None:
    """Create schemas and extensions that are not there yet: what comes after takes them for granted."""
    for schema in sorted(schemas):
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quote_name(schema)}")
    for extension in sorted(extensions):
        connection.exec_driver_sql(f"CREATE EXTENSION IF NOT EXISTS {quote_name(extension)}")


def schemas_of(metadata: MetaData) -> set[str]:
    """The schemas that tables, sequences and named types of the models are in."""
    found = {table.schema for table in metadata.tables.values()}
    found |= {sequence.schema for sequence in metadata._sequences.values()}
    types = (inner for table in metadata.tables.values() for column in table.columns for inner in _inner(column.type))
    found |= {getattr(type_, "schema", None) for type_ in types}
    found.add(metadata.schema)
    return {schema for schema in found if schema}


def names_made_by(metadata: MetaData) -> set[str]:
    """The names of the types and sequences that `create_all` makes itself."""
    types = (inner for table in metadata.tables.values() for column in table.columns for inner in _inner(column.type))
    made = {getattr(type_, "name", None) for type_ in types if getattr(type_, "create_type", True)}
    return {name for name in made if name} | {sequence.name for sequence in metadata._sequences.values()}


def _inner(type_: TypeEngine[Any]) -> Iterator[TypeEngine[Any]]:
    """A type, and what it wraps: the items of an array, what a decorator stores."""
    yield type_
    for name in ("item_type", "impl", "impl_instance"):
        found = vars(type_).get(name)
        if found is not None and found is not type_ and hasattr(found, "compile"):
            yield from _inner(found)


def _with_referenced(metadata: MetaData, owned: Collection[str]) -> list[Table]:
    """Own tables and those that they reference, directly or not."""
    wanted: dict[str, Table] = {}
    waiting = [metadata.tables[key] for key in sorted(owned)]
    while waiting:
        table = waiting.pop()
        if table.key not in wanted:
            wanted[table.key] = table
            waiting += [key.column.table for key in table.foreign_keys]
    return [wanted[key] for key in sorted(wanted)]


def _not_built(connection: Connection, error: Exception) -> SchemaModuleError:
    original = getattr(error, "orig", error)
    message, code = str(original).strip(), getattr(original, "pgcode", None)
    statement = getattr(error, "statement", None)
    kind = SomethingMissing if code in _SOMETHING_MISSING else SchemaModuleError
    return kind(
        f"The models cannot be built on an empty database: {message}",
        details=f"failing statement:\n{statement.strip()}" if statement else None,
        next_command=advise(code, message, available_extensions(connection))
        or "mend what it names in the models, and run the same command again",
    )


def versions_of(connection: Connection, extensions: Collection[str]) -> list[str]:
    """What `CREATE EXTENSION` would give for each of them, as `name version`."""
    rows = connection.exec_driver_sql(
        "SELECT name || ' ' || coalesce(default_version, '') FROM pg_available_extensions"
        " WHERE name = ANY(%(names)s) ORDER BY 1",
        {"names": list(extensions)},
    )
    return [str(row) for row in rows.scalars()]


def available_extensions(connection: Connection) -> set[str]:
    """The extensions that the server could create; empty when it does not answer."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return set(connection.exec_driver_sql("SELECT name FROM pg_available_extensions").scalars())
    except SQLAlchemyError:
        return set()
