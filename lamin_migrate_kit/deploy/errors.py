"""Why an instance was not deployed. Every one of these names the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import DeployError

if TYPE_CHECKING:
    from lamin_migrate_kit.deploy.release import Release

__all__ = [
    "DeploymentDeclined",
    "DeploymentFailed",
    "DeploymentRunning",
    "InstanceAhead",
    "InstanceBehind",
    "InstanceChanged",
    "InstanceUnreadable",
    "InstanceUnversioned",
    "NobodyToAsk",
]


class InstanceUnreadable(DeployError):
    """The instance cannot be reached, or does not let us read what it is at."""


class InstanceBehind(DeployError):
    """The instance needs a migration that was not deployed; it is as it was.

    Attributes:
        current: What it is at.
        desired: What the installed package needs.
    """

    def __init__(self, what: str, *, current: Release, desired: Release, where: str, next_command: str) -> None:
        super().__init__(what, where=where, next_command=next_command)
        self.current = current
        self.desired = desired


class DeploymentDeclined(InstanceBehind):
    """Somebody was asked, and said no."""

    exit_code = 1


class NobodyToAsk(InstanceBehind):
    """There is no terminal to ask at, and nobody has said yes beforehand."""


class InstanceAhead(DeployError):
    """The instance is at a migration that the installed package does not know.

    Attributes:
        current: What it is at, as it was recorded when it was deployed.
        desired: What the installed package has.
    """

    def __init__(self, what: str, *, current: Release, desired: Release, where: str, next_command: str) -> None:
        super().__init__(what, where=where, next_command=next_command)
        self.current = current
        self.desired = desired


class InstanceUnversioned(DeployError):
    """The instance has the module's tables, and nothing says which revision they are at."""


class InstanceChanged(DeployError):
    """Somebody else changed the instance between the question and the deployment."""


class DeploymentRunning(DeployError):
    """Another deployment holds the instance, and did not end within the time we were told to wait."""


class DeploymentFailed(DeployError):
    """A revision failed, or the connection was lost. The message says what the instance is at now.

    Attributes:
        revision: The revision that failed; None when the failure was elsewhere.
        instance_at: What the instance is at now; None when that could not be read.
        kept: The statements of that revision which had committed themselves and are not taken back.
    """

    def __init__(
        self,
        what: str,
        *,
        revision: str | None,
        instance_at: Release | None,
        kept: tuple[str, ...] = (),
        where: str | None = None,
        details: str | None = None,
        next_command: str | None = None,
    ) -> None:
        super().__init__(what, where=where, details=details, next_command=next_command)
        self.revision = revision
        self.instance_at = instance_at
        self.kept = kept
