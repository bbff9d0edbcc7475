"""Running revisions on a connection, a fresh migration context a step."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alembic.op
import psycopg2
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from lamin_migrate_kit.alembic_bridge.quiet import quiet_alembic
from lamin_migrate_kit.alembic_bridge.script import Script, line_in
from lamin_migrate_kit.alembic_bridge.watching import Statement, Watch
from lamin_migrate_kit.errors import MigrateKitError, MigrationError, RevisionError, ServerError, ServerGone

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule


@dataclass(frozen=True, slots=True)
class Step:
    """One revision that ran.

    Attributes:
        revision: Its id.
        statements: What it sent to the server, Alembic's own bookkeeping included.
        seconds: How long it took, the commit included.
    """

    revision: str
    statements: tuple[Statement, ...]
    seconds: float


class RevisionFailed(MigrationError):
    """A revision raised.

    Attributes:
        revision: Its id.
        statement: The statement that failed; None when it was no statement.
        sqlstate: The server's five-character code for it, such as `42P01`.
        about_values: Whether the server refused values; see `refuses_values`.
        done: The revisions that ran before it in the same call.
        kept: The statements of this revision that were committed and are not taken back.
    """

    def __init__(
        self,
        what: str,
        *,
        revision: str,
        statement: str | None,
        sqlstate: str | None,
        done: tuple[str, ...],
        kept: tuple[str, ...],
        where: str | None = None,
        details: str | None = None,
        about_values: bool = False,
    ) -> None:
        super().__init__(what, where=where, details=details)
        self.about_values = about_values
        self.revision = revision
        self.statement = statement
        self.sqlstate = sqlstate
        self.done = done
        self.kept = kept


class ServerLost(ServerGone):
    """The connection was lost while a revision ran.

    Attributes:
        revision: The revision that ran at that moment.
        done: The revisions that ran before it in the same call.
    """

    def __init__(self, what: str, *, revision: str, done: tuple[str, ...], **rest: Any) -> None:
        super().__init__(what, **rest)
        self.revision = revision
        self.done = done


def current_revision(connection: Connection, module: SchemaModule) -> str | None:
    """The revision that a database is at, None when the version table is missing or empty.

    Leaves the connection without a transaction when it came without one.

    Raises:
        RevisionError: The version table has more than one row.
        ServerError: The version table cannot be read.
    """
    open_before = connection.in_transaction()
    try:
        with quiet_alembic():
            context = MigrationContext.configure(connection, opts={"version_table": module.version_table})
            return context.get_current_revision()
    except CommandError as error:
        raise RevisionError(f"The table {module.version_table} has more than one row.") from error
    except SQLAlchemyError as error:
        raise ServerError(f"The table {module.version_table} cannot be read: {server_message(error)}") from error
    finally:
        if not open_before:
            with suppress(SQLAlchemyError):
                connection.rollback()


def upgrade(
    connection: Connection,
    module: SchemaModule,
    script: Script,
    target: str = "head",
    *,
    on_step: Callable[[Step], None] | None = None,
    on_statement: Callable[[Statement], None] | None = None,
    one_transaction: bool = False,
) -> tuple[Step, ...]:
    """Run the revisions between where the database is and `target`.

    Args:
        connection: A transaction that is open on it becomes that of the first step.
        module: Says what the version table is called.
        script: From `open_script`.
        target: A revision's id, `head`, or `+1`.
        on_step: Called after each step (and after its commit).
        on_statement: Called after each statement, within the step's transaction.
        one_transaction: Leave the transaction open from step to step and at the end, for the caller to commit. Only a
            revision with an `autocommit_block` commits what stands before it, and is committed itself. Otherwise every
            step is committed on its own.

    Returns:
        One `Step` for each revision that ran; empty when there was nothing to do.

    Raises:
        RevisionError: The database's revision or the target is not among the files.
        RevisionFailed: A revision raised; what was not committed is rolled back.
        ServerLost: The connection was lost.
    """
    steps = script.steps_up(current_revision(connection, module), target)
    return _run(connection, module, script, steps, on_step, on_statement, one_transaction)


def downgrade(
    connection: Connection,
    module: SchemaModule,
    script: Script,
    target: str | None,
    *,
    on_step: Callable[[Step], None] | None = None,
    on_statement: Callable[[Statement], None] | None = None,
    one_transaction: bool = False,
) -> tuple[Step, ...]:
    """Take revisions back until the database is at `target` (an id, `base`, None for base, or `-1`).

    Arguments, result and errors are those of `upgrade`.
    """
    steps = script.steps_down(current_revision(connection, module), target)
    return _run(connection, module, script, steps, on_step, on_statement, one_transaction)


def run_revision(
    connection: Connection,
    module: SchemaModule,
    script: Script,
    revision: str,
    *,
    down: bool = False,
    before_commit: Callable[[bool], None] | None = None,
) -> Step:
    """Run one revision up or down on a database that stands right below or on it, without asking where it stands.

    For those who take many steps on one connection: a question a step costs as much as a small revision. Should the
    database stand elsewhere, Alembic's update of the version table finds no row, and the step fails.

    Args:
        connection: Without an open transaction.
        module: Says what the version table is called.
        script: From `open_script`.
        revision: Its id.
        down: Whether to take it back.
        before_commit: Called within the transaction when everything is done; told whether the revision committed
            something on its own before.

    Raises:
        RevisionFailed: The revision raised; what was not committed is rolled back.
        ServerLost: The connection was lost.
    """
    with quiet_alembic(), Watch(connection) as watch:
        return _run_step(connection, module, script, script.step(revision, down=down), watch, [], False, before_commit)


def _run(
    connection: Connection,
    module: SchemaModule,
    script: Script,
    steps: Iterable[RevisionStep],
    on_step: Callable[[Step], None] | None,
    on_statement: Callable[[Statement], None] | None,
    one_transaction: bool,
) -> tuple[Step, ...]:
    ran: list[Step] = []
    with quiet_alembic(), Watch(connection, on_statement) as watch:
        for step in steps:
            ran.append(_run_step(connection, module, script, step, watch, ran, one_transaction))
            if on_step:
                on_step(ran[-1])
    return tuple(ran)


def _run_step(
    connection: Connection,
    module: SchemaModule,
    script: Script,
    step: RevisionStep,
    watch: Watch,
    ran: list[Step],
    one_transaction: bool,
    before_commit: Callable[[bool], None] | None = None,
) -> Step:
    path = Path(step.revision.path)
    began = time.perf_counter()
    watch.begin_step(path)
    try:
        _migrate(connection, module, script, step)
        if before_commit:
            before_commit(watch.committed_within)
        # What a revision has committed itself cannot be taken back any more, so neither may its version be.
        if watch.committed_within or not one_transaction:
            connection.commit()
    except BaseException as error:
        # Interrupts as well: nothing half-done stays open.
        _roll_back(connection)
        if isinstance(error, Exception) or _exits_by_itself(error, path):
            raise _explain(error, step, path, watch, tuple(one.revision for one in ran)) from error
        raise
    return Step(step.revision.revision, tuple(watch.statements), time.perf_counter() - began)


def _exits_by_itself(error: BaseException, path: Path) -> bool:
    """Whether the revision called `sys.exit()`; a signal may raise SystemExit too, and that one goes on."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, SystemExit) and bool(frames) and frames[-1].filename == str(path)


def _migrate(connection: Connection, module: SchemaModule, script: Script, step: RevisionStep) -> None:
    """Run one step in the transaction that is open on the connection, or in one that is begun here.

    A fresh context a step: one that is kept remembers the enum types that it made, and fails when they are made again.
    """
    environment = EnvironmentContext(script.config, script.directory, fn=lambda *_: [step])
    with environment:
        environment.configure(connection=connection, version_table=module.version_table)
        context = environment.get_context()
        # Alembic would take an open transaction for the caller's own, and refuse an `autocommit_block` in it.
        context._in_external_transaction = False
        # Known, as the steps were made from it; asking costs as much as a small revision does. Should the version
        # table say something else, Alembic's update of it finds no row, and fails.
        context.get_current_heads = lambda: step.from_revisions_no_deps  # type: ignore[method-assign]
        context.begin_transaction()
        try:
            environment.run_migrations()
        finally:
            forget_operations()


def forget_operations() -> None:
    """Take back the `op` proxy, which Alembic leaves in place, with the connection, when a revision raises."""
    proxy = getattr(alembic.op, "_proxy", None)
    if proxy is not None:
        proxy._remove_proxy()


def _roll_back(connection: Connection) -> None:
    with suppress(SQLAlchemyError):
        connection.rollback()


def _explain(
    error: BaseException, step: RevisionStep, path: Path, watch: Watch, done: tuple[str, ...]
) -> MigrateKitError:
    """What a revision raised, as our own error."""
    revision: str = step.revision.revision
    line = line_in(error, path)
    where = f"{path}:{line}" if line else str(path)
    message = server_message(error)
    if _is_lost(error):
        return ServerLost(
            f"The connection to the server was lost while revision {revision} ran: {message}",
            revision=revision,
            done=done,
            where=where,
            details=_shown(watch.pending),
        )
    direction = "upgrade" if step.is_upgrade else "downgrade"
    return RevisionFailed(
        f"Revision {revision} failed in {direction}(): {message}",
        revision=revision,
        statement=watch.pending,
        sqlstate=getattr(getattr(error, "orig", error), "pgcode", None),
        done=done,
        kept=tuple(one.sql for one in watch.statements if one.kept and one.line is not None),
        where=where,
        details=_shown(watch.pending),
        about_values=refuses_values(getattr(error, "orig", error)),
    )


_ABOUT_VALUES = ("22", "23")
"""Classes of errors about values: data exceptions, and violated constraints."""
_NO_VALUE = "23502"
"""not_null_violation: no value at all is never what rows are like, nor what somebody decided."""
_SYNTAX = "42601"
"""syntax_error, which some types also say of a value: then no place in the statement is named."""


def refuses_values(error: object) -> bool:
    """Whether the server refused values, and not the statement itself.

    Args:
        error: What the driver raised.
    """
    code = getattr(error, "pgcode", None) or ""
    if code == _SYNTAX:
        return getattr(getattr(error, "diag", None), "statement_position", None) is None
    return code.startswith(_ABOUT_VALUES) and code != _NO_VALUE


def _shown(statement: str | None) -> str | None:
    return f"failing statement:\n{statement.strip()}" if statement else None


def _is_lost(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    # A revision may use the driver's own cursor, past SQLAlchemy.
    if not isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)):
        return False
    return error.pgcode is None or bool(error.pgcode.startswith("57P"))


def server_message(error: BaseException) -> str:
    """What the server said: its message with detail and hint, without the driver's and SQLAlchemy's additions."""
    original = getattr(error, "orig", None) or error
    diagnosis = getattr(original, "diag", None)
    if diagnosis is None or not diagnosis.message_primary:
        first = str(original).strip().splitlines()
        kind = "" if isinstance(original, psycopg2.Error) else f"{type(original).__name__}: "
        return kind + (first[0] if first else "")
    parts = [diagnosis.message_primary]
    parts += [f"detail: {diagnosis.message_detail}"] if diagnosis.message_detail else []
    parts += [f"hint: {diagnosis.message_hint}"] if diagnosis.message_hint else []
    return "; ".join(parts)
