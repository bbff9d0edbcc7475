"""The whole examination, on a real server and without one, as a person and as a machine reads it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lamin_migrate_kit.doctor import Check, Examination, State, examine
from lamin_migrate_kit.doctor.workspace import check_codespaces, check_compose, check_docker, check_folder
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.settings import Settings


def examined(settings: Settings) -> tuple[Examination, dict[tuple[str, str], Check]]:
    said: list[Check] = []
    found = examine(settings, said.append)
    assert tuple(said) == found.checks
    return found, {(check.group, check.name): check for check in found.checks}


@pytest.fixture
def given(tmp_path: Path, server: Server) -> Settings:
    """Settings with a server that is given."""
    return Settings(root=tmp_path, provider="url", server_url=server.url.render_as_string(hide_password=False))


def test_a_server_that_works_is_described(given: Settings) -> None:
    found, checks = examined(given)
    assert found.healthy
    assert checks["commands use", "server"].found.startswith("url Postgres 18")
    assert checks["commands use", "encoding"].found.startswith("UTF8, collation C")
    assert found.environment.settings
    assert found.environment.packages
    assert found.environment.platform


def test_an_extension_that_the_server_lacks_is_broken(given: Settings) -> None:
    found, checks = examined(dataclasses.replace(given, extensions=("citext", "no_such_extension")))
    assert not found.healthy
    assert "no_such_extension" in checks["commands use", "extensions"].found
    assert "citext" not in checks["commands use", "extensions"].found


def test_whatever_is_not_ready_has_the_command_that_mends_it(given: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    _, checks = examined(dataclasses.replace(given, extensions=("no_such_extension",), server_url=None))
    lacking = [check for check in checks.values() if check.state is not State.READY]
    names = {check.name for check in lacking}
    assert {"git", "Docker", "Compose", "devcontainer", "Codespaces", "url", "compose", "server"} <= names
    assert [check for check in lacking if not check.next_command] == []


def test_each_way_of_working_is_looked_at(given: Settings) -> None:
    _, checks = examined(given)
    assert [name for _, name in checks] == [
        *("Python", "packages", "git", "disk", "ports"),
        *("folder", "Docker", "Compose", "devcontainer", "Codespaces"),
        *("url", "devcontainer", "compose", "system", "embedded"),
        *("server", "encoding", "extensions"),
    ]


def test_a_docker_that_answers_is_shown_with_its_versions(
    given: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\n[ "$1" = info ] && echo 19.03.8 || echo 2.40.3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    engine, compose = check_docker(given), check_compose(given)
    assert (engine.state, engine.found) == (State.MISSING, "Engine 19.03.8; 20.10 or later is needed")
    assert engine.next_command
    assert (compose.state, compose.found) == (State.READY, "2.40.3")


def test_in_the_devcontainer_nobody_is_told_to_install_docker(given: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    inside = dataclasses.replace(given, devcontainer=True)
    for check in (check_docker(inside), check_compose(inside)):
        assert "not needed in the devcontainer" in check.found
        assert "install" not in (check.next_command or "")


def test_a_server_that_does_not_answer_is_broken(given: Settings) -> None:
    gone = dataclasses.replace(given, server_url="postgresql://anna:secret@127.0.0.1:9/x")
    found, checks = examined(gone)
    assert not found.healthy
    assert checks["Postgres from", "url"].state is State.BROKEN
    assert checks["commands use", "server"].state is State.BROKEN
    assert "secret" not in repr(found)


def test_a_folder_that_cannot_be_written_is_broken(given: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_folder(given).state is State.READY
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "chown" in (check_folder(given).next_command or "")


def test_a_codespace_is_recognised(given: Settings) -> None:
    assert check_codespaces(given).state is State.MISSING
    assert check_codespaces(dataclasses.replace(given, codespaces=True)).state is State.READY


def doctor(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("LAMIN_")}
    return subprocess.run(
        [str(Path(sys.executable).with_name("lamin-migrate")), "doctor", *arguments],
        cwd=folder,
        env={**outside, **environ},
        capture_output=True,
        text=True,
    )


def test_the_command_says_what_mends_what_and_its_exit_code_tells(given: Settings) -> None:
    assert given.server_url
    fine = doctor(given.root, LAMIN_MIGRATE_SERVER_URL=given.server_url, LAMIN_MIGRATE_PROVIDER="url")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout.rstrip().endswith("the kit works here")
    bad = doctor(given.root, LAMIN_MIGRATE_PROVIDER="url")
    assert bad.returncode == 1
    assert bad.stdout.rstrip().endswith("mend what is broken")
    assert "No Postgres could be had." in bad.stdout


def test_the_same_advice_is_given_in_full_once(given: Settings) -> None:
    assert given.server_url
    printed = doctor(given.root, LAMIN_MIGRATE_SERVER_URL=given.server_url, PATH="/nowhere").stdout
    assert printed.count("the command docker is not installed") == 4
    assert printed.count("next: curl -fsSL https://get.docker.com | sh") == 1
    assert printed.count("next: the same") == 3


def test_the_command_as_json(given: Settings) -> None:
    assert given.server_url
    done = doctor(given.root, "--format", "json", LAMIN_MIGRATE_SERVER_URL=given.server_url)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["status"] == "healthy"
    assert {"group", "name", "state", "found", "next_command"} == set(document["checks"][0])
    assert document["environment"]["settings"]["server_encoding"] == "UTF8"
