"""Carrying out a plan: alone, in as few transactions as the revisions allow, and recorded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit.alembic_bridge import RevisionFailed, Step, current_revision, upgrade
from lamin_migrate_kit.deploy.aftermath import explain_failure
from lamin_migrate_kit.deploy.errors import InstanceChanged
from lamin_migrate_kit.deploy.lock import deployment_lock
from lamin_migrate_kit.deploy.plan import Plan, plan_on
from lamin_migrate_kit.errors import MigrateKitError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.alembic_bridge import Script

# What only a commit before it mends: a new value of an enum type is used, or rows changed before wait for a deferred
# check of the table that is to be altered.
_NEEDS_COMMIT = frozenset({"55P04", "55006"})


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was done.

    Attributes:
        plan: What was planned after the lock was had; empty when somebody else had done it meanwhile.
        steps: The revisions that ran, with what they sent.
        committed_before: Revisions before which there had to be a commit, so that not everything was one transaction.
    """

    plan: Plan
    steps: tuple[Step, ...] = ()
    committed_before: tuple[str, ...] = ()


def apply_plan(plan: Plan, *, on_wait: Callable[[str], None] | None = None) -> Deployment:
    """Do what a plan says, in the order lock, look again, migrate, record, commit.

    All pending revisions are one transaction with the record, but for those that cannot be: a revision with an
    `autocommit_block` commits what stands before it, and so does one that uses what a revision before it must have
    committed.

    Args:
        plan: The plan that was agreed to.
        on_wait: Told who is waited for, when another deployment holds the instance.

    Raises:
        DeploymentRunning: Another deployment did not end in time.
        InstanceChanged: Another deployment left the instance elsewhere than the plan starts from.
        DeploymentFailed: A revision failed or the connection was lost; says what the instance is at now.
    """
    with plan.instance.connect() as connection, deployment_lock(connection, plan.module, plan.terms.wait, on_wait):
        now = plan_on(connection, plan.instance, plan.module, plan.history, plan.terms, plan.script)
        if now.script is None:
            return Deployment(now)
        _require_same_start(plan, now)
        return _migrate(connection, now, now.script)


def _require_same_start(plan: Plan, now: Plan) -> None:
    if now.current.migration == plan.current.migration and now.desired == plan.desired:
        return
    raise InstanceChanged(
        f"{plan.module.name} was at {plan.current} when the migration was agreed to, and is at {now.current} now:"
        " another deployment was faster. Nothing was changed.",
        where=plan.instance.shown,
        next_command="run the same command again",
    )


def _migrate(connection: Connection, plan: Plan, script: Script) -> Deployment:
    # By revision: one that was rolled back because a commit had to stand before it runs twice.
    ran: dict[str, Step] = {}
    split: list[str] = []

    def run(target: str) -> None:
        upgrade(
            connection,
            plan.module,
            script,
            target,
            one_transaction=True,
            on_step=lambda step: ran.update({step.revision: step}),
        )

    try:
        _send(connection, plan.session)
        connection.commit()
        while True:
            try:
                run("head")
                break
            except RevisionFailed as failed:
                run(_revision_to_commit(connection, plan, script, failed))
                connection.commit()
                split.append(failed.revision)
        _send(connection, plan.record)
        connection.commit()
    except (MigrateKitError, DBAPIError) as error:
        with suppress(DBAPIError):
            connection.rollback()
        raise explain_failure(plan, error) from error
    return Deployment(plan, tuple(ran.values()), tuple(split))


def _send(connection: Connection, statements: tuple[str, ...]) -> None:
    """Send statements as they are."""
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))


def _revision_to_commit(connection: Connection, plan: Plan, script: Script, failed: RevisionFailed) -> str:
    """The revision before the failed one, where it was rolled back with it and a commit after it would help.

    Raises:
        RevisionFailed: It would not help.
    """
    before = script.down(failed.revision)
    if failed.sqlstate not in _NEEDS_COMMIT or before is None or not failed.done:
        raise failed
    if current_revision(connection, plan.module) == before:
        raise failed
    return before
