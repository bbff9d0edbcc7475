"""A fresh machine: an ordinary user clones the repository, and runs the two commands of the README."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.checkouts import docker, require_image
from tests.test_scripts import fresh_checkout

DEBIAN = "debian:trixie"
PYTHON = "mcr.microsoft.com/devcontainers/python:3.13-trixie"
PACKAGES = "git python3 python3-venv procps"
RETRIES = "-o Acquire::Retries=3"
COMMAND_SECONDS = 900
# The tests that another machine can make fail; what the others compare is decided by Postgres and the packages,
# which are the same everywhere.
TESTS = "tests/doctor tests/servers/test_folders.py tests/test_scratch.py tests/tasks/test_collection.py"
SETUP = f"apt-get {RETRIES} update -qq && apt-get {RETRIES} install -y -qq --no-install-recommends {PACKAGES}"


class Machine:
    """A container that stands for a machine.

    Args:
        image: What it starts from.
        source: A repository to clone from.
    """

    def __init__(self, image: str, source: Path) -> None:
        self.name = f"kit-test-machine-{uuid.uuid4().hex[:8]}"
        docker("run", "--detach", "--init", "--name", self.name, "--shm-size=1g", image, "sleep", "infinity")
        docker("cp", str(source), f"{self.name}:/source")

    def root(self, script: str) -> str:
        return self._run(script, "root")

    def newcomer(self, script: str) -> str:
        return self._run(f"cd ~/kit 2>/dev/null || cd ~; {script}", "newcomer")

    def _run(self, script: str, user: str) -> str:
        home = "/root" if user == "root" else f"/home/{user}"
        arguments = ("exec", "--user", user, "--env", f"HOME={home}", self.name, "bash", "-c")
        output = docker(*arguments, f"({script}) 2>&1; echo exit code $?", seconds=COMMAND_SECONDS)
        body, _, code = output.rpartition("exit code ")
        assert code == "0", body
        return body


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    require_image(request.param)
    source = fresh_checkout(tmp_path / "source")
    identity = "-c user.name=kit -c user.email=kit@example.org"
    assert os.system(f"git -C '{source}' {identity} commit -qm all") == 0
    made = Machine(request.param, source)
    try:
        if request.param == DEBIAN:
            made.root(SETUP)
        made.root("useradd --create-home --shell /bin/bash newcomer && chown -R newcomer /source")
        made.newcomer("git clone -q /source ~/kit")
        yield made
    finally:
        docker("rm", "--force", "--volumes", made.name)


@pytest.mark.parametrize("machine", [DEBIAN, PYTHON], indirect=True, ids=["debian", "python"])
def test_newcomer_plays_the_demo_and_runs_the_checks(machine: Machine) -> None:
    """`scripts/demo` as it is; `scripts/test` with all of its checks and, of the tests, those of `TESTS`.

    The whole suite takes a quarter of an hour, on each of the two images, and would say again what it says outside.
    """
    demo = machine.newcomer("./scripts/demo")
    assert 'op.alter_column("notebook", column_name="v", new_column_name="version", schema="core")' in demo
    # pytest keeps the folders of its last three runs where temporary files go.
    checks = machine.newcomer(f"mkdir ~/kept && TMPDIR=~/kept ./scripts/test --quick {TESTS}")
    assert " passed" in checks.splitlines()[-1]
    assert "FAILED" not in checks
    assert machine.newcomer("git status --short") == ""
    assert machine.newcomer("ls /tmp") == "", "nothing is left behind"
