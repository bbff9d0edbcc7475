"""A schema module on a server: its revisions replayed and its models built, each once, for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lamin_migrate_kit.beside import beside
from lamin_migrate_kit.catalog.desired import (
    SomethingMissing,
    build_desired,
    build_referenced,
    names_made_by,
    prepare_database,
    statements_of,
    versions_of,
)
from lamin_migrate_kit.catalog.digest import digest_catalog
from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog, Column, ObjectKey
from lamin_migrate_kit.catalog.statements import StatementStream
from lamin_migrate_kit.comparison import DatabaseCopy, Replayed, Sides, without_bookkeeping
from lamin_migrate_kit.comparison.running import run_operations, try_operations
from lamin_migrate_kit.diff.ground import ground_of
from lamin_migrate_kit.diff.kept import USUAL_CONVENTIONS, Conventions
from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.keeping_databases import kept_digest, kept_names, kept_or_built
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.types import TypeWords
from lamin_migrate_kit.replay import Replay
from lamin_migrate_kit.revisions.history import History, read_history
from lamin_migrate_kit.schema_module import SchemaModule, find_schema_module
from lamin_migrate_kit.scratch import ScratchDatabase, database_ahead, scratch_database
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.servers.server import maintenance_engine
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
    """

    def __init__(self, settings: Settings, module: SchemaModule, server: Server, stack: ExitStack) -> None:
        self.settings = settings
        self.module = module
        self.server = server
        self.replay = Replay(module, partial(self.clone, hint="station"))
        self._stack = stack
        self._ahead: dict[str, Callable[[], ScratchDatabase]] = {}
        self._ground: frozenset[ObjectKey] = frozenset()
        self._stream = StatementStream()
        self._filling: Callable[[], Catalog | None] | None = None
        self._built: Catalog | None = None

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
        with self._empty(hint) as database:
            if self.settings.schemas or self.settings.extensions:
                with database.connect() as connection:
                    prepare_database(connection, self.settings.schemas, self.settings.extensions)
                    connection.commit()
            yield database

    @contextmanager
    def _empty(self, hint: str) -> Iterator[ScratchDatabase]:
        """The database that was begun ahead, which is there until the workbench is closed, or else a new one."""
        if hint in self._ahead:
            yield self._ahead.pop(hint)()
        else:
            with scratch_database(self.server, hint=hint) as database:
                yield database

    def _begin(self, hint: str) -> None:
        """Have an empty database created, which somebody will ask for soon, beside what comes before that."""
        self._ahead[hint] = self._stack.enter_context(database_ahead(self.server, hint=hint))

    def _begin_desired(self) -> None:
        """Likewise the one for the models, and have it filled as soon as it is known with what.

        Unless it is there, or begun.
        """
        if self._filling is None and "desired_database" not in vars(self):
            self._begin("desired")
            fill = partial(self._fill, self._ahead["desired"])
            self._filling = self._stack.enter_context(beside(fill, self._stream.stop))

    def _ready(self, hint: str) -> ScratchDatabase:
        """As `prepared`, until the workbench is closed.

        The server creates this database while the models are imported, and builds them while revisions run.
        """
        self._begin(hint)
        self.module.metadata()
        if self._kept_digest is None:
            self._begin_desired()
            self._statements  # noqa: B018 (whoever builds the models waits for them)
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

    @cached_property
    def desired_database(self) -> ScratchDatabase:
        """The models, built on an empty database, with what they need of what only revisions make."""
        kept = kept_or_built(
            self.server, self._facts, self._build_desired, "desired", self._desired_digest, empty=self._empty
        )
        return self._stack.enter_context(kept)

    def _desired_digest(self) -> str | None:
        """What the models make, if that was looked at."""
        return self._digest_of_desired if "desired_catalog" in vars(self) else None

    @cached_property
    def _digest_of_desired(self) -> str:
        return digest_catalog(self.desired_catalog)

    @cached_property
    def _kept_digest(self) -> str | None:
        """What is known of the models' database that an earlier command kept, if there is one."""
        return kept_digest(self.server, self._facts) if self.server.lasting else None

    @cached_property
    def _facts(self) -> tuple[str, ...] | None:
        """All that what the models make depends on; None where only building them tells."""
        return None if self._statements is None else (*self._server_facts(), *self._statements)

    @cached_property
    def _statements(self) -> tuple[str, ...] | None:
        """What building the models runs; None where only running it tells."""
        with maintenance_engine(self.server.url, self.server.own).connect() as connection:
            return statements_of(connection, self.module.metadata(), self.owned, self._stream)

    def _server_facts(self) -> Iterator[str]:
        """What else a database that is built here depends on."""
        yield from sorted(self.settings.schemas)
        if self.settings.extensions:
            with maintenance_engine(self.server.url, self.server.own).connect() as connection:
                yield from versions_of(connection, self.settings.extensions)

    def _build_desired(self, database: ScratchDatabase) -> bool:
        """Fill an empty database; whether nothing but the models and the settings was needed."""
        self._statements  # noqa: B018 (whoever runs them waits for them)
        self._built = self._filling() if self._filling is not None else self._fill(lambda: database)
        if self._built is not None:
            return True
        on_their_own = True
        with database.connect() as connection:
            prepare_database(connection, self.settings.schemas, self.settings.extensions)
            try:
                self._build_models(connection)
            except SomethingMissing:
                on_their_own = False
                self._build_on_ground(connection)
            connection.commit()
            self._built = self.inspect_connection(connection)
        return on_their_own

    def _fill(self, created: Callable[[], ScratchDatabase]) -> Catalog | None:
        """Fill an empty database with statements, as they come; in a thread, or when they all are there.

        Returns:
            What is in it then, read where it was built: another connection would have to get to know all of it first.
            None where the statements do not tell all, or the server has refused them; then nothing was done.
        """
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with created().connect() as connection:
                prepare_database(connection, self.settings.schemas, self.settings.extensions)
                if not self._stream.run(connection):
                    return None
                connection.commit()
                return self.inspect_connection(connection)
        except (SQLAlchemyError, MigrateKitError):
            return None  # whoever needs it meets the same, and can say it

    def _build_models(self, connection: Connection) -> None:
        build_desired(connection, self.module.metadata(), self.owned)

    def _build_on_ground(self, connection: Connection) -> None:
        """Build the models where what revisions make below tables is there; take back what they did not need."""
        from lamin_migrate_kit.operations.lowering import plan_operations

        empty = self.inspect_connection(connection)
        ground = ground_of(self.head_catalog, empty, names_made_by(self.module.metadata()))
        self._ground = frozenset(ground.objects.keys() - empty.objects.keys())
        try_operations(connection, plan_operations(empty, ground).operations)
        self._build_models(connection)
        try_operations(connection, plan_operations(ground, empty).operations)

    @cached_property
    def head_catalog(self) -> Catalog:
        """The current side: what the revisions make."""
        return self.inspect(self.head_database)

    @cached_property
    def desired_catalog(self) -> Catalog:
        """The desired side: what the models make."""
        database = self.desired_database
        return self._built or self.inspect(database)

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
        if not self.server.lasting or not kept_names(self.server):
            self._begin_desired()
            self._statements  # noqa: B018 (the server builds the models while the database is read)
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
            ground=self._ground & desired.objects.keys(),
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
        if not self.server.lasting:
            return self.desired_catalog
        kept, digest = self._kept_digest, digest_catalog(current)
        if kept == digest and "desired_catalog" not in vars(self):
            return current
        desired = self.desired_catalog
        return current if self._digest_of_desired == digest else desired

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
