"""Running revisions one by one on one connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from lamin_migrate_kit.alembic_bridge.failing import exits_by_itself, explain
from lamin_migrate_kit.alembic_bridge.quiet import quiet_alembic
from lamin_migrate_kit.alembic_bridge.script import Script
from lamin_migrate_kit.alembic_bridge.turns import installed
from lamin_migrate_kit.alembic_bridge.version_table import VersionTable
from lamin_migrate_kit.alembic_bridge.watching import Statement, Watch
from lamin_migrate_kit.catalog.quoting import quote_literal
from lamin_migrate_kit.driver import psycopg2

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule

BeforeCommit = Callable[[bool], None]
"""Called within a step's transaction when everything is done; told whether its locks tell all that it has changed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One revision that ran.

    Attributes:
        revision: Its id.
        statements: What it sent to the server, Alembic's own bookkeeping included.
        seconds: How long it took, the commit included.
        told_all: Whether the statements are all there is to it: it asked the server for nothing, and committed nothing
            itself. On a database like the one that it ran on, such a revision sends the same statements again.
    """

    revision: str
    statements: tuple[Statement, ...]
    seconds: float
    told_all: bool

    @property
    def only_defines(self) -> bool:
        """Whether what it does follows from the catalog alone, so that it does the same wherever that is the same."""
        return self.told_all and all(one.only_defines for one in self.statements if one.line is not None)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked within a step's transaction when everything is done.

    Attributes:
        query: SQL without parameters; sent with the step's own statements, where these are repeated.
        told: Called with its rows, when nothing is committed yet.
        leave: SQL that takes back what the query has set, with its semicolon.
    """

    query: str
    told: Callable[[Sequence[Any]], None]
    leave: str = ""


class Runner:
    """Runs revisions on one connection; a context manager around all the steps.

    Alembic's migration context is made once, as making it costs as much as a small revision does, and it is not asked
    where the database stands. What it remembers of enum types is forgotten after each step: it would not make them
    again after they were dropped.

    Args:
        connection: Nobody else runs anything on it while a step does.
        module: Says what the version table is called.
        script: From `open_script`.
        on_statement: Called after each statement, within the step's transaction.
    """

    def __init__(
        self,
        connection: Connection,
        module: SchemaModule,
        script: Script,
        on_statement: Callable[[Statement], None] | None = None,
    ) -> None:
        self._connection = connection
        self._watch = Watch(connection, on_statement)
        self._version_table = module.version_table
        self._script = script
        self._step: RevisionStep | None = None
        self._environment = EnvironmentContext(script.config, script.directory, fn=lambda *_: [self._step])
        self._context: MigrationContext | None = None

    def __enter__(self) -> Runner:
        self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)

    def run(
        self,
        step: RevisionStep,
        *,
        done: Sequence[str] = (),
        before_commit: BeforeCommit | None = None,
        one_transaction: bool = False,
    ) -> Step:
        """Run one step on a database that stands right before it, without asking whether it does.

        Should the database stand elsewhere, Alembic's update of the version table finds no row, and the step fails.

        Args:
            step: From the script.
            done: The revisions that ran before, for an error to tell.
            before_commit: See `BeforeCommit`.
            one_transaction: Leave the transaction open, unless the revision has committed something itself.

        Raises:
            RevisionFailed: The revision raised; what was not committed is rolled back.
            ServerLost: The connection was lost.
        """
        path = Path(step.revision.path)
        began = time.perf_counter()
        watch = self._watch
        watch.begin_step(path)
        try:
            self._migrate(step)
            told_all, committed_within = watch.told_all, watch.committed_within
            if before_commit:
                before_commit(watch.locks_tell_all)
            # What a revision has committed itself cannot be taken back any more, so neither may its version be.
            if committed_within or not one_transaction:
                self._connection.commit()
        except BaseException as error:
            # Interrupts as well: nothing half-done stays open.
            self._roll_back()
            if isinstance(error, Exception) or exits_by_itself(error, path):
                raise explain(error, step, path, watch, tuple(done)) from error
            raise
        seconds = time.perf_counter() - began
        return Step(step.revision.revision, tuple(watch.statements), seconds, told_all)

    def repeat(self, step: Step, ask: Ask | None = None) -> bool:
        """Send the statements of a step once more, all in one message, on a database like the one that it ran on.

        Args:
            step: What ran before.
            ask: What is asked before it is committed.

        Returns:
            Whether that was done. Otherwise nothing has changed, and the revision itself has to run: its statements
            were not all there is to it, or the server refused them, or the version table said something else.
        """
        if not step.told_all:
            return False
        driver: Any = self._connection.connection.dbapi_connection
        sent = ["BEGIN", *self._below(step), *(one.sql for one in step.statements)]
        try:
            driver.autocommit = True  # or else BEGIN is a message of its own
            with closing(driver.cursor()) as cursor:
                try:
                    cursor.execute("\n;\n".join([*sent, ask.query if ask else "COMMIT"]))
                    if ask:
                        ask.told(cursor.fetchall())
                        cursor.execute(f"{ask.leave} COMMIT")
                except BaseException:
                    with suppress(psycopg2.Error):
                        cursor.execute("ROLLBACK")
                    raise
                return True
        except psycopg2.Error:
            return False
        finally:
            with suppress(psycopg2.Error):
                driver.autocommit = False

    def _below(self, step: Step) -> Iterator[str]:
        """A statement that fails where the database does not stand right below a step."""
        down = self._script.down(step.revision)
        if down is not None:
            table = self._connection.dialect.identifier_preparer.quote(self._version_table)
            yield f"SELECT 1 / count(*) FROM {table} WHERE version_num = {quote_literal(down)}"

    def cancel(self) -> None:
        """End the statement that the server is working on; another thread may call this."""
        with suppress(psycopg2.Error, SQLAlchemyError):  # it is closed by now, or was lost
            driver: Any = self._connection.connection.dbapi_connection
            driver.cancel()

    def _migrate(self, step: RevisionStep) -> None:
        """Run one step in the transaction that is open on the connection, or in one that is begun here."""
        with quiet_alembic(), installed(self._environment):
            context = self._begun_context()
            # Alembic would take an open transaction for the caller's own, and refuse an `autocommit_block` in it.
            context._in_external_transaction = False
            context.get_current_heads = lambda: step.from_revisions_no_deps  # type: ignore[method-assign]
            context.begin_transaction()
            self._step = step
            try:
                with installed(Operations(context)):
                    context.run_migrations()
            finally:
                context.impl.memo.clear()

    def _begun_context(self) -> MigrationContext:
        if self._context is None:
            self._environment.configure(connection=self._connection, version_table=self._version_table)
            context: Any = self._environment.get_context()
            context._version = VersionTable(context._version, self._connection.dialect)
            self._context = context
        return self._context

    def _roll_back(self) -> None:
        with suppress(SQLAlchemyError):
            self._connection.rollback()
