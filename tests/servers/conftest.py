"""Folders and processes for tests that look at what a server leaves behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

import lamin_migrate_kit
from lamin_migrate_kit.servers import folders

PRELUDE = """
import sys
from pathlib import Path
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import folders, open_server
from lamin_migrate_kit.settings import Settings
"""
IN_TMPDIR = """
folders._MEMORY = Path("/no/memory/here")  # so that everything is in TMPDIR, where this test alone looks
"""


def python_for(user: int) -> tuple[str, str]:
    """A Python that this account may run, and the path of the kit and its dependencies; skips when there is none."""
    account = folders.Account(user, user)
    same = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for program in (sys.executable, f"/usr/bin/{same}", f"/usr/local/bin/{same}"):
        if account.can_use(Path(program)):
            packages = [
                str(Path(sqlalchemy.__file__).parent.parent),
                str(Path(lamin_migrate_kit.__file__).parent.parent),
            ]
            if all(account.can_use(Path(package)) for package in packages):
                return program, os.pathsep.join(packages)
    pytest.skip(f"no {same} that user {user} may run")


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every account may use, like /tmp; pytest's own are closed to all but us."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="kit-"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_python(shared_folder: Path) -> Iterator[Run]:
    """Run a script with the kit in a process of its own, whose temp and home folders are `shared_folder`."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *, user: int | None = None, **variables: str) -> subprocess.Popen[str]:
        home = {"TMPDIR": shared_folder, "HOME": shared_folder / "home", "XDG_CACHE_HOME": shared_folder / "cache"}
        environment = {**os.environ, **{name: str(path) for name, path in home.items()}, **variables}
        program = sys.executable
        if user is not None:
            program, environment["PYTHONPATH"] = python_for(user)
        process = subprocess.Popen(
            [program, "-c", PRELUDE + script],
            cwd="/",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
