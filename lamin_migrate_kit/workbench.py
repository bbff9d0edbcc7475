"""A schema module on a server: its revisions replayed and its models built, each once, for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lamin_migrate_kit.beside import beside
from lamin_migrate_kit.catalog.desired import build_referenced, prepare_database
from lamin_migrate_kit.catalog.digest import digest_catalog
from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog, Column
from lamin_migrate_kit.comparison import DatabaseCopy, Replayed, Sides, without_bookkeeping
from lamin_migrate_kit.comparison.running import run_operations, try_operations
from lamin_migrate_kit.desired_side import DesiredSide
from lamin_migrate_kit.diff.kept import USUAL_CONVENTIONS, Conventions
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.types import TypeWords
from lamin_migrate_kit.replay import Replay
from lamin_migrate_kit.revisions.history import History, read_history
from lamin_migrate_kit.schema_module import SchemaModule, find_schema_module
from lamin_migrate_kit.scratch import EmptyDatabases, ScratchDatabase, scratch_database
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table

    from lamin_migrate_kit.alembic_bridge import Script


class Workbench:
    """What commands work on. Everything costly is made on first use and kept until the workbench is closed.

    Attributes:
        settings: The settings.
        module: The schema module.
        server: Where scratch databases are made.
        replay: How databases are taken up the history, and what that has left.
        desired_side: The models, and how they are built.
    """

    def __init__(self, settings: Settings, module: SchemaModule, server: Server, stack: ExitStack) -> None:
        self.settings = settings
        self.module = module
        self.server = server
        self.replay = Replay(module, partial(self.clone, hint="station"))
        self._stack = stack
        self._databases = EmptyDatabases(server, stack)
        self.desired_side = DesiredSide(
            settings,
            module,
            lambda: self.owned,
            self._databases,
            stack,
            self.inspect_connection,
            lambda: self.head_catalog,
        )

    @cached_property
    def history(self) -> History:
        """The revision files, read and not run."""
        return read_history(self.module)

    @cached_property
    def script(self) -> Script:
        """The revision files, loaded."""
        from lamin_migrate_kit.alembic_bridge import open_script

        return open_script(self.module)

    @cached_property
    def owned(self) -> frozenset[str]:
        """The keys of the tables in the models' MetaData that are this module's own, and no other package's."""
        return self.module.owned_tables()

    @contextmanager
    def prepared(self, hint: str) -> Iterator[ScratchDatabase]:
        """A database without anything of the module's, for one block.

        It has the schemas and extensions that the settings ask for, and the tables of other packages that the models
        reference: what revisions take for granted.
        """
        with self._with_settings(hint) as database:
            metadata = self.module.metadata()
            if metadata.tables.keys() > self.owned:
                with database.connect() as connection:
                    build_referenced(connection, metadata, self.owned)
                    connection.commit()
            yield database

    @contextmanager
    def _with_settings(self, hint: str) -> Iterator[ScratchDatabase]:
        with self._databases.take(hint) as database:
            if self.settings.schemas or self.settings.extensions:
                with database.connect() as connection:
                    prepare_database(connection, self.settings.schemas, self.settings.extensions)
                    connection.commit()
            yield database

    def _ready(self, hint: str) -> ScratchDatabase:
        """As `prepared`, until the workbench is closed.

        The server creates this database while the models are imported, and builds them while revisions run.
        """
        self._databases.begin(hint)
        self.module.metadata()
        if self.desired_side.kept_digest is None:
            self.desired_side.begin()
        self.script  # noqa: B018 (the server may still be creating the database)
        return self._stack.enter_context(self.prepared(hint))

    @cached_property
    def released_database(self) -> ScratchDatabase:
        """What stands below the first unreleased revision. Clone it to change anything.

        Raises:
            MigrationError: A revision failed; where it lacked something, with the setting that gives it.
        """
        below = next((revision.down for revision in self.history.unreleased), None)
        database = self._ready("released")
        if below:
            self.replay.take_up(database, self.script, below)
        return database

    @cached_property
    def head_database(self) -> ScratchDatabase:
        """All revisions replayed on an empty database. Clone it to change anything.

        Raises:
            MigrationError: A revision failed; where it lacked something, with the setting that gives it.
        """
        begun = "released_database" in vars(self)
        database = self.clone(self.released_database, "head") if begun else self._ready("head")
        self.replay.take_up(database, self.script, "head")
        return database

    def give_head_database(self) -> ScratchDatabase:
        """The database at the head, for somebody to change: whoever asks for one afterwards gets a new one."""
        database = self.head_database
        del self.head_database
        return database

    @property
    def desired_database(self) -> ScratchDatabase:
        """The models, built on an empty database, with what they need of what only revisions make."""
        return self.desired_side.database

    @cached_property
    def head_catalog(self) -> Catalog:
        """The current side: what the revisions make."""
        return self.inspect(self.head_database)

    @property
    def desired_catalog(self) -> Catalog:
        """The desired side: what the models make."""
        return self.desired_side.catalog

    def inspect(self, database: ScratchDatabase) -> Catalog:
        """A database's catalog without the tables that record migrations."""
        with database.connect() as connection:
            return self.inspect_connection(connection)

    def inspect_connection(self, connection: Connection) -> Catalog:
        """Likewise, within the connection's transaction."""
        return self._reading(connection)()

    def _reading(self, connection: Connection) -> Callable[[], Catalog]:
        records = (self.module.version_table, self.module.deployments_table)
        return partial(inspect_catalog, connection, ignore=records, privileges=self.settings.privileges)

    def _inspected_meanwhile(self, connection: Connection) -> Catalog:
        """Likewise, while the models are imported: a database elsewhere answers in its own time."""
        with beside(self._reading(connection)) as reading:
            self.module.metadata()
            return reading()

    @cached_property
    def sides(self) -> Sides:
        """What the revisions make, and what the models make, with all that was said of the difference."""
        return self._sides(self.head_catalog, self._renamed)

    def sides_from(self, connection: Connection) -> Sides:
        """Likewise, from a database somewhere else, which is only read, in place of what the revisions make.

        Args:
            connection: To the database. Its records of migrations are left out.
        """
        if not self.desired_side.may_be_kept:
            self.desired_side.begin()  # the server builds the models while the database is read
            current = without_bookkeeping(self.inspect_connection(connection))
        else:
            current = without_bookkeeping(self._inspected_meanwhile(connection))
        return self._sides(current, DatabaseCopy(current, self.settings, self._stack).renamed)

    def _sides(self, current: Catalog, renamed: Callable[[Sequence[Operation]], Catalog]) -> Sides:
        from lamin_migrate_kit.intent import read_intent

        intent = read_intent(self.module, self.history)
        desired = self._desired_beside(current)
        return Sides(
            current=current,
            desired=desired,
            renamed=renamed,
            replayed=self._replayed,
            keep=(*self.settings.keep, *intent.keep),
            conventions=conventions(self.module.metadata()),
            ground=self.desired_side.ground & desired.objects.keys(),
            author_types=author_types(self.module.metadata(), desired),
            declared=intent.declared,
            source=intent.source,
            recorded=intent.recorded,
        )

    def _desired_beside(self, current: Catalog) -> Catalog:
        """The desired side; the current one where it is known to be the same.

        Where that is known of a database that was kept, nothing is copied and read. Of one that will be kept it has to
        be known anyway, and the server is still building it.
        """
        desired = self.desired_side
        if not self.server.lasting:
            return desired.catalog
        kept, digest = desired.kept_digest, digest_catalog(current)
        if kept == digest and not desired.looked_at:
            return current
        return current if desired.digest == digest else desired.catalog

    def _renamed(self, operations: Sequence[Operation]) -> Catalog:
        """The head's catalog after renames, which the server does itself in a transaction that is taken back."""
        with self.head_database.connect() as connection:
            run_operations(connection, operations)
            return self._looked_at(connection)

    def _replayed(self, operations: Sequence[Operation]) -> Replayed:
        """Likewise the desired side, with what revisions make on top of the models."""
        with self.desired_database.connect() as connection:
            connection.exec_driver_sql("SET check_function_bodies = off")
            refused = try_operations(connection, operations)
            return Replayed(self._looked_at(connection), refused)

    def _looked_at(self, connection: Connection) -> Catalog:
        catalog = self.inspect_connection(connection)
        connection.rollback()
        return catalog

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


def author_types(metadata: MetaData, built: Catalog) -> TypeWords:
    """The author's own spelling of the types of columns.

    Args:
        metadata: The models' MetaData.
        built: What it makes.
    """
    tables: dict[tuple[str, str], Table] = {
        (table.schema or "public", table.name): table for table in metadata.tables.values()
    }

    def author_type(column: Column) -> tuple[str, frozenset[str]] | None:
        from lamin_migrate_kit.alembic_bridge import render_type  # with Alembic, which two equal sides do not need

        table = tables.get((column.key.schema, column.key.name))
        found = table.columns.get(column.key.part) if table is not None else None
        there = built.objects.get(column.key)
        # A downgrade goes back to types that the models no longer say.
        same = isinstance(there, Column) and (there.type, there.collation) == (column.type, column.collation)
        return render_type(found.type) if found is not None and same else None

    return author_type


def conventions(metadata: MetaData) -> Conventions:
    """The usual ones and the models' own; a convention may be said for a class of constraints, or be a function."""
    names = {"Index": "ix", "UniqueConstraint": "uq", "CheckConstraint": "ck", "ForeignKeyConstraint": "fk"}
    names["PrimaryKeyConstraint"] = "pk"
    given = {
        names.get(kind.__name__, "") if isinstance(kind, type) else kind: template
        for kind, template in metadata.naming_convention.items()
    }
    return {**USUAL_CONVENTIONS, **{kind: text for kind, text in given.items() if isinstance(text, str)}}
