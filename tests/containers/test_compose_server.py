"""The Compose provider with a real Engine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import ServerError, ServerGone
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server, compose, open_server
from lamin_migrate_kit.servers.development import (
    find_development,
    inspect_development,
    reset_development,
    start_development,
    stop_development,
)
from lamin_migrate_kit.servers.server import open_engine
from lamin_migrate_kit.settings import PINNED_MAJOR, Settings
from tests.containers.checkouts import docker, postgres_image, require_image


@pytest.fixture
def project() -> Iterator[Settings]:
    """A project whose containers and volumes are removed at the end."""
    require_image(postgres_image(PINNED_MAJOR))
    root = Path(tempfile.mkdtemp(prefix="kit containers "))
    settings = Settings(root=root, provider="compose", state_home=root / "state")
    yield settings
    compose.development_project(settings).remove()
    shutil.rmtree(root)


def containers_of(settings: Settings) -> list[str]:
    names = docker("ps", "--all", "--format", "{{.Names}}").split()
    return [name for name in names if name.startswith(compose.project_name(settings))]


def run_sql(server: Server, statement: str) -> object:
    with open_engine(server.url).begin() as connection:
        result = connection.exec_driver_sql(statement)
        return result.scalar() if result.returns_rows else None


def test_a_server_for_one_command_is_removed_with_everything(project: Settings) -> None:
    with open_server(project) as server, scratch_database(server) as one, scratch_database(server, template=one):
        assert (server.provider, server.major, server.own) == ("compose", PINNED_MAJOR, True)
        assert server.url.host == "127.0.0.1"
        assert run_sql(server, "SHOW fsync") == "off"
        (container,) = containers_of(project)
        mounted = docker("inspect", "--format", "{{range .Mounts}}{{.Type}} {{end}}", container)
        assert "volume" not in mounted, "its data are in memory"
    assert containers_of(project) == []


def test_another_major_is_had_for_the_asking(project: Settings) -> None:
    require_image(postgres_image(17))
    with open_server(project, major=17) as server, scratch_database(server):
        assert server.label.endswith("(not the pinned major 18)")


def test_a_killed_container_is_a_clear_error(project: Settings) -> None:
    def use() -> None:
        with open_server(project) as server, scratch_database(server) as scratch, scratch.connect() as connection:
            docker("kill", *containers_of(project))
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(ServerGone) as caught:
        use()
    assert "database system is ready" in str(caught.value.details)
    assert containers_of(project) == []


NEVER = """\
x-lamin-migrate-kit: 1
services:
  scratch:
    image: postgres:18-trixie
    command: bash -c 'echo still loading; sleep infinity'
    ports: ["127.0.0.1:0:5432"]
"""


def test_a_start_ends_within_its_time_limit_with_the_last_log_lines(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "compose.yaml").write_text(NEVER)
    monkeypatch.setattr(compose, "_START_SECONDS", 3)
    began = time.monotonic()
    with pytest.raises(ServerError, match="was not ready within 3 s") as caught, open_server(project):
        pass
    assert time.monotonic() - began < 30
    assert "still loading" in str(caught.value.details)
    assert containers_of(project) == []


@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0, 3.0])
def test_ctrl_c_at_any_moment_leaves_no_container(project: Settings, seconds: float) -> None:
    script = f"""
import time
from pathlib import Path
from lamin_migrate_kit.servers import open_server
from lamin_migrate_kit.settings import Settings
with open_server(Settings(root=Path({str(project.root)!r}), provider="compose")):
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert containers_of(project) == []


def test_what_a_killed_process_left_is_removed_by_the_next_one(project: Settings) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()  # a process that is gone for certain
    name = f"{compose.project_name(project)}-{process.pid}"
    compose.Project(project, name, "scratch").start()
    mine = f"{compose.project_name(project)}-{os.getpid()}"
    running = compose.Project(project, mine, "scratch")
    running.start()
    compose.sweep_projects(project)
    left = containers_of(project)
    running.remove()
    assert [container.startswith(mine) for container in left] == [True]


def test_the_life_of_a_development_server_and_its_data(project: Settings) -> None:
    said: list[str] = []
    run_sql(start_development(project, said.append), "CREATE TABLE notebook AS SELECT 7 AS id")
    assert "waiting for the container" in said[-1]
    with open_server(project) as reused:
        assert run_sql(reused, "SELECT id FROM notebook") == 7
    stop_development(project, said.append)
    assert inspect_development(project).server is None
    assert run_sql(start_development(project, said.append), "SELECT id FROM notebook") == 7
    reset_development(project, said.append)
    again = find_development(project)
    assert again is not None
    assert run_sql(again, "SELECT to_regclass('notebook')") is None
    stop_development(project, said.append)
    assert containers_of(project) == []
