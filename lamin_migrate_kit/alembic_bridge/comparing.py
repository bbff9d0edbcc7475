"""Alembic's own comparison of the models with a database, as a second opinion."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import SQLAlchemyError

from lamin_migrate_kit.alembic_bridge.failing import server_message
from lamin_migrate_kit.alembic_bridge.quiet import quiet_alembic
from lamin_migrate_kit.alembic_bridge.type_rendering import render_item
from lamin_migrate_kit.catalog.quoting import stored_name
from lamin_migrate_kit.errors import MigrateKitError

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule

_BOOKKEEPING = ("migration_", "version_", "alembic_version")


class SecondOpinionUnavailable(MigrateKitError):
    """Alembic's comparison crashed, or cannot see what the server makes of the models: there is no second opinion.

    Attributes:
        reason: Why, in one line.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Alembic's own comparison says nothing: {reason}")
        self.reason = reason


def compare(connection: Connection, module: SchemaModule, *, keep: Collection[str] = ()) -> tuple[str, ...]:
    """What Alembic's autogenerate would write to bring a database to the models, types and server defaults included.

    Args:
        connection: To a database with the module's tables. A transaction that is open on it stays usable.
        module: Its models, and so the schemas that are looked at.
        keep: Dotted names (`core.ix_by_hand`) of objects that only revisions make, not looked at.

    Returns:
        Lines of Python, empty when Alembic sees no difference.

    Raises:
        SecondOpinionUnavailable: Alembic crashed, or sees differences where a name is longer than Postgres stores.
    """
    metadata, owned = module.metadata(), module.owned_tables()
    open_before = connection.in_transaction()
    try:
        with quiet_alembic():
            lines = _compare(connection, metadata, owned, frozenset(keep))
    except Exception as error:
        # Anything: this is other people's code on the author's models, and its opinion is the second one.
        raise SecondOpinionUnavailable(_reason(error)) from error
    finally:
        if not open_before:
            connection.rollback()
    if lines and (long := _cut_names(metadata, owned)):
        raise SecondOpinionUnavailable(
            f"Alembic compares names as the models write them, and Postgres cuts them at 63 bytes: {', '.join(long)}"
        )
    return lines


def _cut_names(metadata: MetaData, owned: frozenset[str]) -> list[str]:
    """The tables and columns that the server stores under a shorter name."""
    tables = [metadata.tables[key] for key in sorted(owned)]
    names = [name for table in tables for name in (table.name, *(column.name for column in table.columns))]
    return [name for name in names if stored_name(name) != name]


def _compare(
    connection: Connection, metadata: MetaData, owned: frozenset[str], keep: frozenset[str]
) -> tuple[str, ...]:
    schemas = _schemas(connection, metadata, owned)
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "compare_server_default": True,
            "include_schemas": True,
            "include_name": _name_filter(schemas, keep),
            "include_object": _object_filter(frozenset(metadata.tables) - owned),
        },
    )
    # A savepoint: a query of Alembic's that fails must not take the caller's transaction with it.
    with connection.begin_nested():
        operations = produce_migrations(context, metadata).upgrade_ops
        assert operations is not None
        rendered = render_python_code(
            operations, migration_context=context, render_item=render_item, sqlalchemy_module_prefix="sa."
        )
    return () if operations.is_empty() else _lines(rendered)


def _schemas(connection: Connection, metadata: MetaData, owned: frozenset[str]) -> frozenset[str | None]:
    """The schemas of the module's tables; the connection's default schema is called None, as Alembic does."""
    default = connection.dialect.default_schema_name
    schemas = (metadata.tables[key].schema for key in owned)
    return frozenset(None if schema == default else schema for schema in schemas)


def _object_filter(foreign: frozenset[str]) -> Any:
    """Leaves out the tables of other packages: all SQLModel packages share one MetaData."""

    def include(item: Any, _name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
        return not (kind == "table" and item.key in foreign)

    return include


def _name_filter(schemas: frozenset[str | None], keep: frozenset[str]) -> Any:
    def include(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
        if kind == "schema":
            return name in schemas
        schema = parents.get("schema_name") or "public"
        # Constraints, columns and indexes are dotted with their table, indexes also without.
        table = parents.get("table_name")
        if {name, f"{schema}.{name}", f"{schema}.{table}.{name}"} & keep:
            return False
        return not (kind == "table" and (name or "").startswith(_BOOKKEEPING))

    return include


def _lines(rendered: str) -> tuple[str, ...]:
    """The operations alone: no indentation of a function's body, none of Alembic's comments about itself."""
    lines = [line.removeprefix("    ") for line in rendered.splitlines()]
    return tuple(line for line in lines if line.strip() and not line.startswith("# ###"))


def _reason(error: Exception) -> str:
    message = server_message(error)
    name = type(error).__name__
    return message if isinstance(error, SQLAlchemyError) or message.startswith(name) else f"{name}: {message}"
