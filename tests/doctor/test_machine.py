"""What the doctor says of a machine: each thing that can be wrong, planted."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from lamin_migrate_kit.doctor import State, machine
from lamin_migrate_kit.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path)


def test_this_machine_is_fine(settings: Settings) -> None:
    states = {check.name: check.state for check in machine.check_machine(settings)}
    assert states.pop("git") is State.MISSING
    assert set(states.values()) == {State.READY}
    assert set(states) == {"Python", "packages", "disk", "ports"}


def test_an_old_python_is_broken_and_a_new_one_is_said_to_be_new() -> None:
    assert machine.check_python((3, 10)).state is State.BROKEN
    assert machine.check_python((3, 11)).state is State.READY
    assert "newer than any" in machine.check_python((3, 99)).found


def test_a_package_in_another_version_than_locked_is_named(settings: Settings) -> None:
    (settings.root / "requirements").mkdir()
    (settings.root / "lamin_migrate_kit" / "doctor").mkdir(parents=True)
    lock = settings.root / "requirements" / "runtime.txt"
    lock.write_text("alembic==0.0.1 \\\n    --hash=sha256:00\n")
    check = machine.check_packages(settings)
    assert check.state is State.BROKEN
    assert "not as locked: alembic " in check.found
    assert check.next_command == "./scripts/bootstrap"


def test_packages_of_the_kits_checkout_are_as_locked() -> None:
    example = Path(__file__).parents[2] / "examples" / "lnschema-core"
    check = machine.check_packages(Settings(root=example))
    assert (check.state, "as locked" in check.found) == (State.READY, True)


def test_git_that_is_not_installed_and_git_that_knows_the_folder(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(settings.root)], check=True)
    assert machine.check_git(settings).state is State.READY
    monkeypatch.setenv("PATH", "/nowhere")
    assert machine.check_git(settings).next_command == "sudo apt-get install git"


def test_a_full_disk_is_broken(settings: Settings) -> None:
    check = machine.check_disk(settings, needed=1 << 60)
    assert (check.state, "is needed" in check.found) == (State.BROKEN, True)


def test_no_port_to_listen_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("forbidden here")

    monkeypatch.setattr(socket, "create_server", refuse)
    assert "forbidden here" in machine.check_ports().found
