"""What a provider is: something that may have a Postgres for us."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from lamin_migrate_kit.errors import ServerError

if TYPE_CHECKING:
    from lamin_migrate_kit.servers.server import Server
    from lamin_migrate_kit.settings import Settings


_OTHERS = "export LAMIN_MIGRATE_PROVIDER=embedded   # or another one that invoke doctor shows as ready"


class Unavailable(Exception):
    """This provider is not here. The chooser tries the next one, and shows the reason if none is left.

    Args:
        reason: Why not, in a few words, such as "no Docker Engine answers".
        install: The command that would make it available.
    """

    def __init__(self, reason: str, *, install: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.install = install


def nothing_available(reasons: Mapping[str, Unavailable]) -> ServerError:
    """The error that lists what was tried, why it is not here, and what would help (the easiest first)."""
    installs = [error.install for error in reasons.values() if error.install]
    return ServerError(
        "No Postgres could be had.",
        details="\n".join(f"{name}: {error.reason}" for name, error in reasons.items()),
        next_command="\n".join(reversed(installs)) or _OTHERS,
    )


class Provider(Protocol):
    """Opens a server, or says quickly why it cannot."""

    def __call__(self, settings: Settings, major: int | None) -> AbstractContextManager[Server]:
        """Open a server for a `with` block.

        Args:
            settings: The project's settings.
            major: The major version that is asked for by number; None takes the pinned one, or what is given.

        Raises:
            Unavailable: The provider is not here.
            ServerError: It is here, and could not be used.
        """
        ...
