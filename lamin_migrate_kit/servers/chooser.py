"""Which Postgres a command gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.servers.embedded import open_embedded
from lamin_migrate_kit.servers.provider import Provider, Unavailable
from lamin_migrate_kit.settings import PINNED_MAJOR

if TYPE_CHECKING:
    from lamin_migrate_kit.servers.server import Server
    from lamin_migrate_kit.settings import Settings

# In the order in which they are asked.
_PROVIDERS: dict[str, Provider] = {
    "embedded": open_embedded,
}


@contextmanager
def open_server(settings: Settings, *, major: int | None = None) -> Iterator[Server]:
    """A running Postgres for this block; what was started for it is stopped when the block ends.

    Args:
        settings: `provider` names one provider and no other; else they are asked in order.
        major: The major version wanted; the pinned one if not given.

    Raises:
        ServerError: None could be had (with what was tried), or the one given cannot be used.
    """
    asked = {settings.provider: _PROVIDERS[settings.provider]} if settings.provider else _PROVIDERS
    reasons: dict[str, Unavailable] = {}
    with ExitStack() as stack:
        for name, provider in asked.items():
            try:
                server = stack.enter_context(provider(settings, major or PINNED_MAJOR))
            except Unavailable as error:
                reasons[name] = error
            else:
                yield server
                return
        raise _nothing_available(reasons)


def _nothing_available(reasons: dict[str, Unavailable]) -> ServerError:
    installs = [error.install for error in reasons.values() if error.install]
    return ServerError(
        "No Postgres could be had.",
        details="\n".join(f"{name}: {error.reason}" for name, error in reasons.items()),
        next_command="\n".join(reversed(installs)) or None,
    )
