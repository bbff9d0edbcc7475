"""What a provider is: something that may have a Postgres for us."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lamin_migrate_kit.servers.server import Server
    from lamin_migrate_kit.settings import Settings


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


class Provider(Protocol):
    """Opens a server, or says quickly why it cannot."""

    def __call__(self, settings: Settings, major: int) -> AbstractContextManager[Server]:
        """Open a server of this major for a `with` block.

        Raises:
            Unavailable: The provider is not here.
            ServerError: It is here, and could not be used.
        """
        ...
