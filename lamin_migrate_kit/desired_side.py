"""The desired side: the models, built on a database, while the server's time is used for what comes before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from lamin_migrate_kit.beside import beside
from lamin_migrate_kit.catalog.desired import (
    SomethingMissing,
    build_desired,
    names_made_by,
    prepare_database,
    statements_of,
    versions_of,
)
from lamin_migrate_kit.catalog.digest import digest_catalog
from lamin_migrate_kit.catalog.statements import StatementStream
from lamin_migrate_kit.comparison.running import try_operations
from lamin_migrate_kit.diff.ground import ground_of
from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.keeping_databases import kept_digest, kept_names, kept_or_built
from lamin_migrate_kit.servers.server import maintenance_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.catalog.model import Catalog, ObjectKey
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.scratch import EmptyDatabases, ScratchDatabase
    from lamin_migrate_kit.settings import Settings

Inspect = Callable[["Connection"], "Catalog"]


class DesiredSide:
    """What the models make. Everything costly is made on first use and kept.

    Args:
        settings: The settings.
        module: The schema module; its models are imported when they are needed.
        owned: Says which tables of its MetaData are its own.
        databases: Where empty ones come from, and on which server.
        stack: Closed when nobody needs the database any more.
        inspect: Reads a catalog, without the tables that record migrations.
        head: The catalog that the revisions make; asked for when the models do not stand on their own.

    Attributes:
        ground: The objects that only revisions make and that the models stand on, once the models are built.
    """

    def __init__(
        self,
        settings: Settings,
        module: SchemaModule,
        owned: Callable[[], frozenset[str]],
        databases: EmptyDatabases,
        stack: ExitStack,
        inspect: Inspect,
        head: Callable[[], Catalog],
    ) -> None:
        self.ground: frozenset[ObjectKey] = frozenset()
        self._settings = settings
        self._module = module
        self._owned = owned
        self._databases = databases
        self._server = databases.server
        self._stack = stack
        self._inspect = inspect
        self._head = head
        self._stream = StatementStream()
        self._filling: Callable[[], Catalog | None] | None = None
        self._built: Catalog | None = None

    @cached_property
    def database(self) -> ScratchDatabase:
        """The models, built on an empty database, with what they need of what only revisions make."""
        kept = kept_or_built(
            self._server, self._facts, self._build, "desired", self._known_digest, empty=self._databases.take
        )
        return self._stack.enter_context(kept)

    @cached_property
    def catalog(self) -> Catalog:
        """What is in it."""
        database = self.database
        if self._built is not None:
            return self._built
        with database.connect() as connection:
            return self._inspect(connection)

    @cached_property
    def kept_digest(self) -> str | None:
        """What is known of the database that an earlier command kept for these models, if there is one."""
        return kept_digest(self._server, self._facts) if self._server.lasting else None

    @property
    def may_be_kept(self) -> bool:
        """Whether an earlier command kept something, for these models or for others."""
        return self._server.lasting and bool(kept_names(self._server))

    @cached_property
    def digest(self) -> str:
        """The catalog's digest."""
        return digest_catalog(self.catalog)

    @property
    def looked_at(self) -> bool:
        """Whether the catalog is known already."""
        return "catalog" in vars(self)

    def begin(self) -> None:
        """Have the models built beside whatever comes next, as soon as it is known with what; unless that is done.

        The models' Python runs here; only statements that it has come to go elsewhere.
        """
        if self._filling is None and "database" not in vars(self):
            created = self._databases.begin("desired")
            self._filling = self._stack.enter_context(beside(lambda: self._fill(created), self._stream.stop))
        self._statements  # noqa: B018 (whoever builds the models waits for them)

    @cached_property
    def _facts(self) -> tuple[str, ...] | None:
        """All that what the models make depends on; None where only building them tells."""
        return None if self._statements is None else (*self._server_facts(), *self._statements)

    @cached_property
    def _statements(self) -> tuple[str, ...] | None:
        """What building the models runs; None where only running it tells."""
        with maintenance_engine(self._server.url, self._server.own).connect() as connection:
            return statements_of(connection, self._module.metadata(), self._owned(), self._stream)

    def _server_facts(self) -> Iterator[str]:
        """What else a database that is built here depends on."""
        yield from sorted(self._settings.schemas)
        if self._settings.extensions:
            with maintenance_engine(self._server.url, self._server.own).connect() as connection:
                yield from versions_of(connection, self._settings.extensions)

    def _known_digest(self) -> str | None:
        return self.digest if self.looked_at else None

    def _build(self, database: ScratchDatabase) -> bool:
        """Fill an empty database; whether nothing but the models and the settings was needed."""
        self._statements  # noqa: B018 (whoever runs them waits for them)
        self._built = self._filling() if self._filling is not None else self._fill(lambda: database)
        if self._built is not None:
            return True
        on_their_own = True
        with database.connect() as connection:
            prepare_database(connection, self._settings.schemas, self._settings.extensions)
            try:
                self._build_models(connection)
            except SomethingMissing:
                on_their_own = False
                self._build_on_ground(connection)
            connection.commit()
            self._built = self._inspect(connection)
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
                prepare_database(connection, self._settings.schemas, self._settings.extensions)
                if not self._stream.run(connection):
                    return None
                connection.commit()
                return self._inspect(connection)
        except (SQLAlchemyError, MigrateKitError):
            return None  # whoever needs it meets the same, and can say it

    def _build_models(self, connection: Connection) -> None:
        build_desired(connection, self._module.metadata(), self._owned())

    def _build_on_ground(self, connection: Connection) -> None:
        """Build the models where what revisions make below tables is there; take back what they did not need."""
        from lamin_migrate_kit.operations.lowering import plan_operations

        empty = self._inspect(connection)
        ground = ground_of(self._head(), empty, names_made_by(self._module.metadata()))
        self.ground = frozenset(ground.objects.keys() - empty.objects.keys())
        try_operations(connection, plan_operations(empty, ground).operations)
        self._build_models(connection)
        try_operations(connection, plan_operations(ground, empty).operations)
