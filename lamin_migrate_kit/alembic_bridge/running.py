"""Running the revisions between where a database is and where it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from lamin_migrate_kit.alembic_bridge.failing import server_message
from lamin_migrate_kit.alembic_bridge.quiet import quiet_alembic, quiet_process
from lamin_migrate_kit.alembic_bridge.runner import Runner, Step
from lamin_migrate_kit.alembic_bridge.script import Script
from lamin_migrate_kit.alembic_bridge.watching import Statement
from lamin_migrate_kit.errors import RevisionError, ServerError

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule


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
        raise RevisionError(
            f"The table {module.version_table} has more than one row.", next_command="alembic current --verbose"
        ) from error
    except SQLAlchemyError as error:
        raise ServerError(
            f"The table {module.version_table} cannot be read: {server_message(error)}",
            next_command="connect as a role that may read it, such as its owner",
        ) from error
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
    done: list[str] = []
    with quiet_process(), Runner(connection, module, script, on_statement) as runner:
        for step in steps:
            ran.append(runner.run(step, done=done, one_transaction=one_transaction))
            done.append(ran[-1].revision)
            if on_step:
                on_step(ran[-1])
    return tuple(ran)
