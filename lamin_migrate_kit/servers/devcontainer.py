"""The Postgres beside the devcontainer: the service `postgres` of the kit's compose.yaml, seen from inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.servers import compose
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.servers.url import inspect_given

if TYPE_CHECKING:
    from lamin_migrate_kit.servers.server import Server
    from lamin_migrate_kit.settings import Settings

NAME = "devcontainer"


@contextmanager
def open_devcontainer(settings: Settings, major: int | None) -> Iterator[Server]:
    """The devcontainer's Postgres.

    It does not fall back to another provider: inside the devcontainer everybody is to get the same server.

    Raises:
        Unavailable: We are not inside the devcontainer, or another major is asked for.
        ServerError: We are, and it does not answer.
    """
    if not settings.devcontainer:
        raise Unavailable("this is not the devcontainer (LAMIN_MIGRATE_DEVCONTAINER is not set)")
    try:
        server = inspect_given(NAME, compose.service_url(compose.DEVELOPMENT_SERVICE, 5432), own=True, lasting=True)
    except ServerError as error:
        error.what = f"The devcontainer's Postgres: {error.what}"
        error.next_command = "rebuild the container, or go on with: export LAMIN_MIGRATE_PROVIDER=embedded"
        raise
    if major is not None and server.major != major:
        raise Unavailable(f"the devcontainer has Postgres {server.version}, not {major}")
    yield server
