"""After a failed deployment: what the instance is at now, what stays of it, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit.alembic_bridge import RevisionFailed, ServerLost
from lamin_migrate_kit.deploy.errors import DeploymentFailed
from lamin_migrate_kit.deploy.instance import inspect_release
from lamin_migrate_kit.deploy.release import Release, install_command
from lamin_migrate_kit.errors import MigrateKitError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.deploy.plan import Plan

_T = TypeVar("_T")
_LOCK_NOT_AVAILABLE = "55P03"


def explain_failure(plan: Plan, error: MigrateKitError | DBAPIError) -> DeploymentFailed:
    """What to tell of a deployment that failed, after looking at the instance once more.

    Args:
        plan: What was to be done.
        error: What was raised; its transaction is rolled back already.
    """
    at = _look(plan, lambda connection: inspect_release(connection, plan.instance, plan.module, plan.history))
    kept = error.kept if isinstance(error, RevisionFailed) else ()
    locked = isinstance(error, RevisionFailed) and error.sqlstate == _LOCK_NOT_AVAILABLE
    waited = f" It waited {plan.terms.lock_timeout:g} s for a lock that somebody else holds." if locked else ""
    return DeploymentFailed(
        f"{_what(error)}{waited} {_standing(plan, at, kept)}",
        revision=error.revision if isinstance(error, (RevisionFailed, ServerLost)) else None,
        instance_at=at,
        kept=kept,
        where=(error.where if isinstance(error, MigrateKitError) else None) or plan.instance.shown,
        details="\n".join(_details(plan, error, kept, locked)) or None,
        next_command=_way_on(plan, at, kept, locked),
    )


def _what(error: MigrateKitError | DBAPIError) -> str:
    said = error.what if isinstance(error, MigrateKitError) else f"The deployment failed: {str(error.orig).strip()}"
    return said if said.endswith(".") else f"{said}."


def _standing(plan: Plan, at: Release | None, kept: tuple[str, ...]) -> str:
    if at is None:
        return "What the instance is at now could not be read."
    if kept:
        return f"The instance is recorded at {at}, but a part of this revision had committed itself, and stays."
    if at.migration == plan.desired.migration:
        return f"The instance is at {at}: the deployment had been committed."
    if at.migration != plan.current.migration:
        return f"The revisions before it were committed; the instance is at {at}."
    if plan.creates:
        return "Everything was rolled back; the database is as it was."
    return f"Everything was rolled back; the instance is at {at}, as before."


def _details(plan: Plan, error: MigrateKitError | DBAPIError, kept: tuple[str, ...], locked: bool) -> list[str]:
    details = [error.details] if isinstance(error, MigrateKitError) and error.details else []
    if kept:
        details += ["committed by this revision, and kept:", *(one.strip() for one in kept)]
    if isinstance(error, RevisionFailed) and "concurrently" in (error.statement or "").lower():
        details += _look(plan, _invalid_indexes) or []
    if locked:
        details += _look(plan, _open_transactions) or []
    return details


def _way_on(plan: Plan, at: Release | None, kept: tuple[str, ...], locked: bool) -> str:
    if at is None:
        return "run the same command with --dry-run when the server answers again: it shows what the instance is at"
    if locked:
        return "run the same command again when nobody works on these tables, or with a longer --lock-timeout"
    if kept:
        return "take back by hand what is kept, or finish it; then run the same command again"
    if at.migration is None or at.migration == plan.desired.migration:
        return "run the same command again"
    return f"{install_command(plan.module, at)}   # to use the instance as it is; and tell the authors what failed"


def _look(plan: Plan, read: Callable[[Connection], _T]) -> _T | None:
    """Read something over a connection of its own; None when the server does not let us."""
    try:
        with plan.instance.connect() as connection:
            return read(connection)
    except (MigrateKitError, DBAPIError):
        return None


def _invalid_indexes(connection: Connection) -> list[str]:
    """What a failed concurrent build leaves behind, with the statement that removes it."""
    query = text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1")
    return [f"an invalid index is left: DROP INDEX CONCURRENTLY {name}" for name in connection.scalars(query)]


def _open_transactions(connection: Connection) -> list[str]:
    """Who may hold the lock: the other sessions of this database with an open transaction, the oldest first."""
    query = text(
        "SELECT format('open transaction: process %s, user %s, %s, for %s s', pid, usename, state,"
        " extract(epoch FROM now() - xact_start)::int) FROM pg_stat_activity"
        " WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' ORDER BY xact_start LIMIT 5"
    )
    return list(connection.scalars(query))
