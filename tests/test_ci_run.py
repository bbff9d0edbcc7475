"""`.ci/run` where containers cannot be had: their tests are skipped with a reason, and nothing fails over it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("bash", "cat", "dirname", "env", "id", "mktemp", "rm", "tail", "timeout")
# Stands where the checks do, and says what they are told.
CHECKS = 'echo "the checks run; containers: ${KIT_WITHOUT_CONTAINERS-wanted}"'
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="the Engine is started by root only")


def script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{body}\n")
    path.chmod(0o755)


def ci_run(folder: Path, *, docker: str = "", engine: str = "", images: str = "exit 0", seconds: int = 300) -> str:
    """What `.ci/run` prints in a checkout whose checks do nothing, with programs that do as the scripts say."""
    script(folder / "main" / "scripts" / "bootstrap", "exit 0")
    script(folder / "main" / "scripts" / "test", CHECKS)
    patience = 'within 300 "$tools/engine"'
    text = (ROOT / ".ci" / "run").read_text()
    assert patience in text
    script(folder / "main" / ".ci" / "run", text.replace(patience, patience.replace("300", str(seconds))))
    for name, body in (("engine", engine), ("images", images)):
        if engine:
            script(folder / "shared" / "containers" / name, body)
    programs = folder / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool) or f"/usr/bin/{tool}")
    if docker:
        script(programs / "docker", docker)
    command = [folder / "main" / ".ci" / "run"]
    environ = {"PATH": str(programs), "HOME": str(folder), "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def test_without_docker_the_checks_run_and_are_told(tmp_path: Path) -> None:
    printed = ci_run(tmp_path)
    assert "container tests are skipped: no Docker Engine answers" in printed
    assert "the checks run; containers: no Docker Engine answers" in printed


def test_a_docker_that_is_there_is_used(tmp_path: Path) -> None:
    printed = ci_run(tmp_path, docker="echo 28.5.1")
    assert "container tests run on Docker Engine 28.5.1" in printed
    assert "the checks run; containers: wanted" in printed


@as_root
@pytest.mark.parametrize(
    ("engine", "images", "docker", "reason"),
    [
        ("echo 'no such package'; exit 1", "exit 0", "exit 0", "the Engine could not be started"),
        ("exit 0", "echo 'no such package'; exit 1", "exit 0", "the images could not be built"),
        ("exit 0", "exit 0", "echo 'no such package'; exit 1", "the Engine runs no container"),
    ],
)
def test_what_fails_on_the_way_is_shown_and_skips(
    tmp_path: Path, engine: str, images: str, docker: str, reason: str
) -> None:
    printed = ci_run(tmp_path, engine=engine, images=images, docker=docker)
    assert f"no such package\ncontainer tests are skipped: {reason}" in printed
    assert f"the checks run; containers: {reason}" in printed


@as_root
def test_an_engine_that_never_comes_is_given_up(tmp_path: Path) -> None:
    printed = ci_run(tmp_path, engine=f"{shutil.which('sleep')} 50", docker="exit 0", seconds=1)
    assert "the checks run; containers: the Engine could not be started" in printed
