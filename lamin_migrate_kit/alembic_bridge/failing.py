"""What a revision raised, as our own errors: its id, its line, the statement that failed."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from alembic.runtime.migration import RevisionStep
from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit.alembic_bridge.script import line_in
from lamin_migrate_kit.alembic_bridge.watching import Watch
from lamin_migrate_kit.driver import psycopg2
from lamin_migrate_kit.errors import MigrateKitError, MigrationError, ServerGone


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
        next_command: str | None = None,
    ) -> None:
        super().__init__(what, where=where, details=details, next_command=next_command)
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


def exits_by_itself(error: BaseException, path: Path) -> bool:
    """Whether the revision called `sys.exit()`; a signal may raise SystemExit too, and that one goes on."""
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, SystemExit) and bool(frames) and frames[-1].filename == str(path)


def explain(
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
            next_command="run the same command again, once the server answers",
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
        next_command=f"mend {direction}() there; then, on a scratch database: invoke ci",
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
