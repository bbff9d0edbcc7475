"""Checkouts of the example whose Postgres is a container, and what is left of them."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lamin_migrate_kit.servers import compose
from lamin_migrate_kit.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "lnschema-core"


# Nothing may wait for ever: a command of Docker's, a pull, a task.
DOCKER_SECONDS = 120
PULL_SECONDS = 300
TASK_SECONDS = 240


def docker(*arguments: str, seconds: float = DOCKER_SECONDS) -> str:
    """What docker said on stdout, whatever its exit code."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=seconds)
    return done.stdout.strip()


def require_image(name: str) -> None:
    """Skip the test where an image is not on this machine and cannot be pulled."""
    if not _has_image(name):
        pytest.skip(f"the image {name} is not here, and cannot be pulled")


@functools.cache
def _has_image(name: str) -> bool:
    if docker("image", "inspect", "--format", "{{.Id}}", name):
        return True
    try:
        return bool(docker("pull", "--quiet", name, seconds=PULL_SECONDS))
    except subprocess.TimeoutExpired:
        return False


def postgres_image(major: int) -> str:
    """The image that compose.yaml names for a major."""
    return f"postgres:{major}-trixie"


def leftovers(project: str) -> list[str]:
    """Containers, volumes and networks whose names begin with that of a compose project."""
    found = [
        *docker("ps", "--all", "--format", "{{.Names}}").split(),
        *docker("volume", "ls", "--format", "{{.Name}}").split(),
        *docker("network", "ls", "--format", "{{.Name}}").split(),
    ]
    return sorted(name for name in found if name.startswith(project))


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a task that was started, and end it when it takes too long."""
    try:
        stdout, stderr = process.communicate(timeout=TASK_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()  # it takes down what it started
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


class Checkout:
    """A copy of the example.

    Args:
        root: Where to put it; nothing is copied where it is already.
    """

    def __init__(self, root: Path) -> None:
        if not root.exists():
            shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
        self.root = root
        self.project = compose.project_name(Settings(root=root))
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LAMIN_", "GITHUB_"))},
            "LAMIN_MIGRATE_PROVIDER": "compose",
            "XDG_STATE_HOME": str(root.parent / "state"),
        }

    def compose_file(self, text: str) -> None:
        """Give the project a compose.yaml of its own."""
        (self.root / "compose.yaml").write_text(f"x-lamin-migrate-kit: 1\n{text}")

    def set(self, line: str) -> None:
        """Add a line to the kit's settings, which are at the end of pyproject.toml."""
        with (self.root / "pyproject.toml").open("a") as pyproject:
            pyproject.write(f"{line}\n")

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start a task without a terminal."""
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=self.root,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def invoke(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a task without a terminal."""
        with self.start(*arguments, **environ) as process:
            return finish(process)

    def done(self, *arguments: str, **environ: str) -> str:
        """Run a task that must succeed; what it said on stdout."""
        result = self.invoke(*arguments, **environ)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def json(self, *arguments: str, **environ: str) -> Any:
        """Run a task with `--format json`; its document."""
        return json.loads(self.invoke(*arguments, "--format", "json", **environ).stdout)


def without_times_and_ids(document: Any) -> Any:
    """A document without what differs from run to run (times, the id of a new revision) and from place to place."""
    if new := document.get("revision"):
        text = json.dumps(document).replace(new, "ID")
        document = json.loads(re.sub(r"\d{4}-\d\d-\d\d-ID", "DAY-ID", text))
    return _without_times(document)


def _without_times(document: Any) -> Any:
    if isinstance(document, list):
        return [_without_times(item) for item in document]
    if not isinstance(document, dict):
        return document
    return {name: _without_times(value) for name, value in document.items() if name not in ("seconds", "environment")}
