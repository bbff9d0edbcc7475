"""Everything the kit raises on purpose: what happened, where, and the next command to type."""

from __future__ import annotations


class MigrateKitError(Exception):
    """The root of the hierarchy. Only `tasks/` turns one of these into an exit code.

    Args:
        what: One or more sentences that say what happened. Must not contain a password.
        where: The file (with line), object or server that it happened at, if there is one.
        next_command: The command that mends it or shows more, if there is one. Several lines are allowed.
        details: Longer material shown after the message, such as a failing statement.
    """

    exit_code = 2

    def __init__(
        self, what: str, *, where: str | None = None, next_command: str | None = None, details: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_command = next_command
        self.details = details

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.details:
            lines += [f"  {line}" for line in self.details.splitlines()]
        if self.next_command:
            first, *rest = self.next_command.splitlines()
            lines += [f"  next:  {first}", *(f"         {line}" for line in rest)]
        return "\n".join(lines)


class SettingsError(MigrateKitError):
    """A setting in pyproject.toml or the environment cannot be used."""


class SchemaModuleError(MigrateKitError):
    """The schema module was not found, is ambiguous, cannot be imported or cannot be edited."""


class RevisionError(MigrateKitError):
    """The revision files are not a linear, readable history."""


class WriteError(MigrateKitError):
    """Files could not be written; all of them are as they were."""


class ServerError(MigrateKitError):
    """No Postgres server could be had, or the one given cannot be used."""


class ServerGone(ServerError):
    """The server stopped answering while it was in use."""


class MigrationError(MigrateKitError):
    """A revision failed while it ran against a database; the database was rolled back."""


class DecisionNeeded(MigrateKitError):
    """Something that would lose or mix data has two readings, and nobody is there to ask."""


class ProofFailed(MigrateKitError):
    """A proof failed, so nothing was kept."""

    exit_code = 1


class ReleaseError(MigrateKitError):
    """A release was refused; nothing was changed."""


class DeployError(MigrateKitError):
    """A deployment was refused or failed; the instance is as it was."""
