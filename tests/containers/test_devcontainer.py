"""The devcontainer, from nothing to a green `invoke ci`, as `devcontainer` and Codespaces open it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lamin_migrate_kit.settings import PINNED_MAJOR
from tests.containers.checkouts import (
    Checkout,
    docker,
    leftovers,
    postgres_image,
    require_image,
    without_times_and_ids,
)
from tests.test_scripts import fresh_checkout

IMAGE = "mcr.microsoft.com/devcontainers/python:3.13-trixie"
# Each of the commands; what they take is shown by benchmarks/containers.py.
COMMAND_SECONDS = 600
PROJECT = Path("examples") / "lnschema-core"
CURRENT = '    v: str = Field(default="1", primary_key=True)'


class Workspace:
    """A fresh clone, and the devcontainer that is made from it.

    Args:
        folder: The clone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        verb, *rest = arguments
        command = ["devcontainer", verb, "--workspace-folder", str(self.folder), *rest]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("LAMIN_", "GITHUB_"))}
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=environ, timeout=COMMAND_SECONDS
        )

    def document(self, *arguments: str) -> Any:
        """The document that a command prints last on stdout."""
        done = self.command(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])

    def bash(self, script: str) -> subprocess.CompletedProcess[str]:
        return self.command("exec", "bash", "-c", script)

    def said(self, script: str) -> str:
        done = self.bash(script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def remove(self) -> None:
        project = self.folder.name
        images = docker("ps", "--all", "--filter", f"name={project}-workspace", "--format", "{{.Image}}").split()
        docker("compose", "-p", project, "down", "--volumes", "--timeout", "0")
        docker("image", "rm", "--force", *images, f"{project}-workspace")
        assert leftovers(project) == []


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, ordinary_user: int) -> Iterator[Workspace]:
    if shutil.which("devcontainer") is None:
        pytest.skip("the command devcontainer is not installed: npm install --global @devcontainers/cli")
    for image in (IMAGE, postgres_image(PINNED_MAJOR)):
        require_image(image)
    folder = fresh_checkout(tmp_path_factory.mktemp("devcontainer") / f"kit-test-{os.getpid()}")
    if os.geteuid() == 0:
        # Where the command runs as an ordinary user, the container's gets the same uid; root's it does not get.
        for path in (folder, *folder.rglob("*")):
            os.chown(path, ordinary_user, ordinary_user, follow_symlinks=False)
    made = Workspace(folder)
    yield made
    made.remove()


def test_the_devcontainer_from_a_cold_build_to_the_same_proofs_as_outside(workspace: Workspace, tmp_path: Path) -> None:
    # One test, so that the minute of building is spent once, whichever way tests are spread over processes.
    configuration_is_read(workspace)
    prebuild_installs_the_packages(workspace)
    comes_up_and_welcomes(workspace)
    contained = proves_the_example(workspace)
    outside = Checkout(fresh_checkout(tmp_path / "outside") / PROJECT)
    embedded = outside.json("ci", LAMIN_MIGRATE_PROVIDER="embedded")
    assert without_times_and_ids(contained) == without_times_and_ids(embedded)
    generates_the_same(workspace, outside)
    user_is_not_root_and_can_write(workspace)
    client_is_of_the_pinned_major(workspace)
    completes_commands(workspace)
    doctor_is_content(workspace)
    starts_again_without_change(workspace)


def configuration_is_read(workspace: Workspace) -> None:
    read = workspace.document("read-configuration")
    assert read["configuration"]["service"] == "workspace"
    assert read["configuration"]["remoteUser"] == "vscode"


def prebuild_installs_the_packages(workspace: Workspace) -> None:
    done = workspace.command("up", "--prebuild", "--build-no-cache")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "locked packages" in done.stdout + done.stderr
    assert "postStartCommand" not in done.stderr


def comes_up_and_welcomes(workspace: Workspace) -> None:
    done = workspace.command("up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "devcontainer Postgres 18" in done.stdout + done.stderr
    assert "invoke doctor" in done.stdout + done.stderr
    assert "making /home/vscode/.venv" not in done.stdout + done.stderr


def proves_the_example(workspace: Workspace) -> Any:
    found = json.loads(workspace.said(f"cd {PROJECT} && invoke ci --format json"))
    assert found["status"] == "passed"
    assert found["environment"]["provider"] == "devcontainer"
    return found


def generates_the_same(workspace: Workspace, outside: Checkout) -> None:
    models = Path("lnschema_core") / "models.py"
    task = ("migrate.generate", "--no-input", "--rename", "core.notebook.v:version")
    for root in (workspace.folder / PROJECT, outside.root):
        text = (root / models).read_text()
        assert CURRENT in text
        (root / models).write_text(text.replace(CURRENT, CURRENT.replace("v:", "version:")))
    inside = json.loads(workspace.said(f"cd {PROJECT} && invoke {' '.join(task)} --format json"))
    beside = outside.json(*task, LAMIN_MIGRATE_PROVIDER="embedded")
    assert inside["status"] == "generated"
    assert without_times_and_ids(inside) == without_times_and_ids(beside)
    assert inside["environment"]["packages"] == beside["environment"]["packages"]
    assert [line for line in inside["upgrade"] if not line.startswith("#")] == [
        'op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")'
    ]


def user_is_not_root_and_can_write(workspace: Workspace) -> None:
    assert workspace.said("id -un; touch written && rm written && echo can write") == "vscode\ncan write"


def client_is_of_the_pinned_major(workspace: Workspace) -> None:
    assert workspace.said("psql --version") == workspace.said("pg_dump --version").replace("pg_dump", "psql")
    assert workspace.said("psql --version").startswith("psql (PostgreSQL) 18.")
    assert workspace.said(f"cd {PROJECT} && invoke db.psql --command 'SELECT 42' | grep -c 42") == "1"


def completes_commands(workspace: Workspace) -> None:
    script = "source /usr/share/bash-completion/bash_completion; _comp_load invoke; complete -p invoke"
    assert "_complete_invoke" in workspace.said(f"bash -c {script!r}")


def doctor_is_content(workspace: Workspace) -> None:
    found = json.loads(workspace.said(f"cd {PROJECT} && invoke doctor --format json"))
    assert found["status"] == "healthy"
    states = {(check["group"], check["name"]): check["state"] for check in found["checks"]}
    assert states["workspace", "devcontainer"] == "ready"
    assert states["Postgres from", "devcontainer"] == "ready"


def starts_again_without_change(workspace: Workspace) -> None:
    assert workspace.document("up")["outcome"] == "success"
    assert "invoke" in workspace.said(".devcontainer/start && .devcontainer/setup && which invoke")
