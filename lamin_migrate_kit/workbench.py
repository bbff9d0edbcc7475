"""A schema module on a server: its revisions replayed and its models built, each once, for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.desired import build_desired, prepare_database
from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog, Column
from lamin_migrate_kit.comparison import Sides
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.revisions.history import History, read_history
from lamin_migrate_kit.schema_module import SchemaModule, find_schema_module
from lamin_migrate_kit.scratch import ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from lamin_migrate_kit.alembic_bridge import Script


class Workbench:
    """What commands work on. Everything costly is made on first use and kept until the workbench is closed.

    Attributes:
        settings: The settings.
        module: The schema module.
        server: Where scratch databases are made.
    """

    def __init__(self, settings: Settings, module: SchemaModule, server: Server, stack: ExitStack) -> None:
        self.settings = settings
        self.module = module
        self.server = server
        self._stack = stack

    @cached_property
    def history(self) -> History:
        """The revision files, read and not run."""
        return read_history(self.module)

    @cached_property
    def script(self) -> Script:
        """The revision files, loaded."""
        from lamin_migrate_kit.alembic_bridge import open_script

        return open_script(self.module)

    @contextmanager
    def prepared(self, hint: str) -> Iterator[ScratchDatabase]:
        """An empty database for one block, with the schemas and extensions that the settings ask for."""
        with scratch_database(self.server, hint=hint) as database:
            with database.connect() as connection:
                prepare_database(connection, self.settings.schemas, self.settings.extensions)
                connection.commit()
            yield database

    @cached_property
    def head_database(self) -> ScratchDatabase:
        """All revisions replayed on an empty database. Clone it to change anything."""
        from lamin_migrate_kit.alembic_bridge import upgrade

        database = self._stack.enter_context(self.prepared("head"))
        with database.connect() as connection:
            upgrade(connection, self.module, self.script)
            connection.commit()
        return database

    @cached_property
    def desired_database(self) -> ScratchDatabase:
        """The models, built on an empty database."""
        metadata = self.module.metadata()
        database = self._stack.enter_context(self.prepared("desired"))
        with database.connect() as connection:
            build_desired(connection, metadata)
            connection.commit()
        return database

    @cached_property
    def head_catalog(self) -> Catalog:
        """The current side: what the revisions make."""
        return self.inspect(self.head_database)

    @cached_property
    def desired_catalog(self) -> Catalog:
        """The desired side: what the models make."""
        return self.inspect(self.desired_database)

    def inspect(self, database: ScratchDatabase) -> Catalog:
        """A database's catalog without the tables that record migrations."""
        with database.connect() as connection:
            return self.inspect_connection(connection)

    def inspect_connection(self, connection: Connection) -> Catalog:
        """Likewise, within the connection's transaction."""
        return inspect_catalog(connection, ignore=(self.module.version_table, self.module.deployments_table))

    @cached_property
    def sides(self) -> Sides:
        """What the revisions make, and what the models make, with all that was said of the difference."""
        from lamin_migrate_kit.intent import read_intent

        intent = read_intent(self.module, self.history)
        return Sides(
            current=self.head_catalog,
            desired=self.desired_catalog,
            renamed=self._renamed,
            keep=(*self.settings.keep, *intent.keep),
            author_types=self._author_types(),
            declared=intent.declared,
            source=intent.source,
            recorded=intent.recorded,
        )

    def _renamed(self, operations: Sequence[Operation]) -> Catalog:
        """The head's catalog after renames, which the server does itself in a transaction that is taken back."""
        with self.head_database.connect() as connection:
            for operation in operations:
                for statement in operation.statements:
                    connection.exec_driver_sql(statement.replace("%", "%%"))
            catalog = self.inspect_connection(connection)
            connection.rollback()
        return catalog

    def _author_types(self) -> Callable[[Column], tuple[str, frozenset[str]] | None]:
        from lamin_migrate_kit.alembic_bridge import render_type

        tables: dict[tuple[str, str], Table] = {
            (table.schema or "public", table.name): table for table in self.module.metadata().tables.values()
        }

        def author_type(column: Column) -> tuple[str, frozenset[str]] | None:
            table = tables.get((column.key.schema, column.key.name))
            found = table.columns.get(column.key.part) if table is not None else None
            built = self.desired_catalog.objects.get(column.key)
            # A downgrade goes back to types that the models no longer say.
            same = isinstance(built, Column) and (built.type, built.collation) == (column.type, column.collation)
            return render_type(found.type) if found is not None and same else None

        return author_type

    def clone(self, template: ScratchDatabase, hint: str = "clone") -> ScratchDatabase:
        """A copy of a database, kept until the workbench is closed."""
        return self._stack.enter_context(scratch_database(self.server, template=template, hint=hint))


@contextmanager
def open_workbench(settings: Settings) -> Iterator[Workbench]:
    """The schema module of a checkout on the first server that is to be had.

    Raises:
        SchemaModuleError: There is no schema module, or it cannot be read.
        ServerError: There is no server.
    """
    module = find_schema_module(settings)
    with ExitStack() as stack:
        server = stack.enter_context(open_server(settings, extensions=settings.extensions))
        yield Workbench(settings, module, server, stack)
