"""Any two databases: every difference is a fact, and neither is written to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, Extension, Index, ObjectKey, Statistics
from lamin_migrate_kit.catalog.model import Sequence as CatalogSequence
from lamin_migrate_kit.comparison.comparing import compare_sides
from lamin_migrate_kit.comparison.model import Ask, Comparison, Sides
from lamin_migrate_kit.comparison.running import run_operations
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.operations.model import Answers, Operation
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server, open_server

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.settings import Settings

_DEPLOYMENT_COLUMNS = {"v", "migration", "user_id", "created_at"}


def compare_databases(
    current: Connection, desired: Connection, decisions: Decisions, ask: Ask | None = None, *, settings: Settings
) -> Comparison:
    """Compare two databases, both only read. Every difference is a fact, the names that the server chose too.

    Args:
        current: To the database to start from.
        desired: To the one to reach.
        decisions: What is decided already.
        ask: Who answers questions; None leaves them open.
        settings: Say which server renames are tried on: never the given databases.

    Raises:
        SettingsError: A decision names what is not there.
        ServerError: Something was renamed, and no server could be had to do the renames on.
    """
    ours, theirs = (
        without_bookkeeping(inspect_catalog(connection, privileges=settings.privileges))
        for connection in (current, desired)
    )
    with ExitStack() as stack:
        copy = DatabaseCopy(ours, settings, stack)
        sides = Sides(current=ours, desired=theirs, renamed=copy.renamed, exact_names=True, models=False)
        return compare_sides(sides, decisions, ask)


class DatabaseCopy:
    """A scratch copy of a database, built from its catalog when it is first needed."""

    def __init__(self, catalog: Catalog, settings: Settings, stack: ExitStack) -> None:
        self._catalog = catalog
        self._settings = settings
        self._stack = stack
        self._connection: Connection | None = None

    def renamed(self, operations: Sequence[Operation]) -> Catalog:
        """The database's catalog after renames, which the copy does in a transaction that is taken back.

        What they leave alone stays as the database itself says it: another server may spell it otherwise.
        """
        connection = self._built()
        before = self._inspect(connection)
        run_operations(connection, operations)
        after = self._inspect(connection)
        connection.rollback()
        ours = self._catalog.objects
        objects = {
            key: ours[key] if key in ours and _is_same(before.objects.get(key), value) else value
            for key, value in after.objects.items()
        }
        return replace(self._catalog, objects=objects, dependencies=after.dependencies)

    def _inspect(self, connection: Connection) -> Catalog:
        return inspect_catalog(connection, privileges=self._settings.privileges)

    def _built(self) -> Connection:
        if self._connection is None:
            from lamin_migrate_kit.operations.lowering import plan_operations

            database = self._stack.enter_context(scratch_database(self._server(), hint="renamed"))
            self._connection = self._stack.enter_context(database.connect())
            empty = self._inspect(self._connection)
            building = plan_operations(empty, self._catalog, answers=Answers(assume_empty=True), exact_names=True)
            self._connection.exec_driver_sql("SET check_function_bodies = off")
            run_operations(self._connection, building.operations)
            self._connection.commit()
        return self._connection

    def _server(self) -> Server:
        """A server of the database's own major where there is one, else any."""
        extensions = [extension.key.name for extension in self._catalog.of(Extension)]
        major = self._catalog.server_version // 10000
        try:
            return self._stack.enter_context(open_server(self._settings, major=major, extensions=extensions))
        except ServerError:
            return self._stack.enter_context(open_server(self._settings, extensions=extensions))


def _is_same(before: CatalogObject | None, after: CatalogObject) -> bool:
    """Whether nothing about an object has changed, its place and names that are no difference included."""
    return before is not None and astuple(before) == astuple(after)


def without_bookkeeping(catalog: Catalog) -> Catalog:
    """Leave out the tables in which Alembic and deployments keep their records, with all that belongs to them.

    A table is Alembic's when it is called so (`alembic_version`, `migration_{id}`) and has the one column
    `version_num`; the deployments are in `version_{id}` beside it.
    """
    alembic = {
        key
        for key in catalog.objects
        if key.kind == "table"
        and (key.name == "alembic_version" or key.name.startswith("migration_"))
        and _columns(catalog, key) == {"version_num"}
    }
    beside = {key._replace(name=key.name.replace("migration_", "version_", 1)) for key in alembic}
    deployments = {
        key for key in beside - alembic if key in catalog.objects and _columns(catalog, key) >= _DEPLOYMENT_COLUMNS
    }
    tables = alembic | deployments
    if not tables:
        return catalog
    objects = {key: value for key, value in catalog.objects.items() if _table_of(value) not in tables}
    dependencies = frozenset(pair for pair in catalog.dependencies if not {end.table for end in pair} & tables)
    return replace(catalog, objects=objects, dependencies=dependencies)


def _columns(catalog: Catalog, table: ObjectKey) -> set[str]:
    return {column.key.part for column in catalog.columns(table)}


def _table_of(value: CatalogObject) -> ObjectKey:
    if isinstance(value, Index | Statistics):
        return value.table
    if isinstance(value, CatalogSequence) and value.owned_by is not None:
        return value.owned_by.table
    return (
        value.key.table
        if value.key.kind in ("table", "column", "constraint", "trigger", "policy", "rule")
        else value.key
    )
