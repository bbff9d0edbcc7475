"""psql on a server: which program, and how it gets the password without showing it in the list of processes."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.servers import embedded, system
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.servers.server import Server, libpq_url
from lamin_migrate_kit.settings import PINNED_MAJOR

if TYPE_CHECKING:
    from lamin_migrate_kit.settings import Settings


@dataclass(frozen=True, slots=True)
class PsqlCommand:
    """A command to run, and the variables that it needs besides ours."""

    arguments: tuple[str, ...]
    variables: dict[str, str] = field(repr=False)


def psql_command(server: Server, settings: Settings, sql: str = "") -> PsqlCommand:
    """The command that opens psql on a server, or runs `sql` there and stops at the first error.

    Raises:
        ServerError: There is no psql, neither on PATH nor beside the binaries that the kit knows.
    """
    password = server.url.password
    variables = {"PGPASSWORD": str(password)} if password is not None else {}
    address = libpq_url(server.url, with_password=False)
    once = ("--set", "ON_ERROR_STOP=1", "--command", sql) if sql else ()
    return PsqlCommand((_program(settings), address, *once), variables)


def _program(settings: Settings) -> str:
    if on_path := shutil.which("psql"):
        return on_path
    for find in (system.find_binaries, embedded.find_binaries):
        try:
            program = find(settings, PINNED_MAJOR).folder / "psql"
        except Unavailable:
            continue
        if os.access(program, os.X_OK):
            return str(program)
    raise ServerError("psql was not found.", next_command=embedded.INSTALL)
