"""Checkouts of the example whose Postgres is a container, and what is left of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from lamin_migrate_kit.servers import compose
from lamin_migrate_kit.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "lnschema-core"


def docker(*arguments: str) -> str:
    """What docker said on stdout, whatever its exit code."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True).stdout.strip()


def has_image(name: str) -> bool:
    """Whether an image is on this machine."""
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0


def leftovers(project: str) -> list[str]:
    """Containers, volumes and networks whose names begin with that of a compose project."""
    found = [
        *docker("ps", "--all", "--format", "{{.Names}}").split(),
        *docker("volume", "ls", "--format", "{{.Name}}").split(),
        *docker("network", "ls", "--format", "{{.Name}}").split(),
    ]
    return sorted(name for name in found if name.startswith(project))


class Checkout:
    """A copy of the example.

    Args:
        root: Where to put it.
    """

    def __init__(self, root: Path) -> None:
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
            stdout, stderr = process.communicate(timeout=240)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def done(self, *arguments: str, **environ: str) -> str:
        """Run a task that must succeed; what it said on stdout."""
        result = self.invoke(*arguments, **environ)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def json(self, *arguments: str, **environ: str) -> Any:
        """Run a task with `--format json`; its document."""
        return json.loads(self.invoke(*arguments, "--format", "json", **environ).stdout)


def without_times_and_ids(document: Any) -> Any:
    """A document without what differs from run to run and from place to place."""
    if isinstance(document, list):
        return [without_times_and_ids(item) for item in document]
    if not isinstance(document, dict):
        return document
    differs = ("seconds", "environment", "revision", "path", "text")
    return {name: without_times_and_ids(value) for name, value in document.items() if name not in differs}
