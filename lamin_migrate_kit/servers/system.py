"""A Postgres that is installed on this machine: its binaries, run as a private server of ours.

A server that the machine itself runs is never touched.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.servers import folders
from lamin_migrate_kit.servers.cluster import Binaries
from lamin_migrate_kit.servers.private import private_server
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.settings import PINNED_MAJOR

if TYPE_CHECKING:
    from lamin_migrate_kit.servers.server import Server
    from lamin_migrate_kit.settings import Settings

NAME = "system"
_PLACES = (
    "/usr/lib/postgresql/{major}/bin",  # Debian, Ubuntu
    "/usr/pgsql-{major}/bin",  # Red Hat, Fedora
    "/opt/homebrew/opt/postgresql@{major}/bin",
    "/usr/local/opt/postgresql@{major}/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@{major}/bin",
    "/Applications/Postgres.app/Contents/Versions/{major}/bin",
    "/Library/PostgreSQL/{major}/bin",
)


@contextmanager
def open_system(settings: Settings, major: int | None) -> Iterator[Server]:
    """A private server from the machine's binaries.

    Raises:
        Unavailable: The machine has none of this major.
        ServerError: It did not start.
    """
    with private_server(NAME, find_binaries(settings, major or PINNED_MAJOR), settings) as server:
        yield server


def find_binaries(settings: Settings, major: int) -> Binaries:  # noqa: ARG001 - the same call as the wheel's
    """The machine's binaries of this major.

    Raises:
        Unavailable: There are none that the server's account can run.
    """
    account = folders.server_account()
    for folder in _candidates(major):
        programs = (folder / "postgres", folder / "initdb")
        if all(program.is_file() and account.can_use(program) for program in programs):
            return Binaries(folder, major)
    raise Unavailable(f"this machine has no Postgres {major} (looked in the usual folders, and asked pg_config)")


def _candidates(major: int) -> Iterator[Path]:
    yield from (Path(place.format(major=major)) for place in _PLACES)
    if shutil.which("pg_config") is None:
        return
    said = subprocess.run(["pg_config", "--version", "--bindir"], capture_output=True, text=True, check=False)
    lines = said.stdout.splitlines()  # in an order of its own, whatever the order of the options
    bindir = next((line for line in lines if line.startswith("/")), None)
    version = next((re.match(r"PostgreSQL (\d+)", line) for line in lines if line.startswith("PostgreSQL")), None)
    if bindir and version and int(version[1]) == major:
        yield Path(bindir)
