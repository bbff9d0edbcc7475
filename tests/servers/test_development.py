"""The development server: there until it is stopped, its data until they are reset."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server, cluster, open_server
from lamin_migrate_kit.servers.development import (
    _drop_everything,
    inspect_development,
    require_development,
    reset_development,
    shown_url,
    start_development,
    stop_development,
)
from lamin_migrate_kit.servers.server import open_engine, server_answers
from lamin_migrate_kit.settings import Settings

from .conftest import Run
from .leftovers import eventually, processes_naming


class Said(list[str]):
    """What the user is told."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def project(shared_folder: Path) -> Iterator[Settings]:
    root = shared_folder / "a project"
    root.mkdir()
    settings = Settings(root=root, provider="embedded", state_home=shared_folder / "state")
    yield settings
    stop_development(settings, print)


def run_sql(server: Server, statement: str) -> object:
    with open_engine(server.url, own=True).begin() as connection:
        result = connection.exec_driver_sql(statement)
        return result.scalar() if result.returns_rows else None


def data_folder(settings: Settings) -> Path:
    return Path(inspect_development(settings).place)


def test_before_the_first_start_there_is_nothing(project: Settings) -> None:
    found = inspect_development(project)
    assert (found.server, found.provider) == (None, None)
    with pytest.raises(ServerError, match="does not run") as caught:
        require_development(project)
    assert caught.value.next_command == "invoke db.up"


def test_it_runs_until_it_is_stopped(project: Settings, said: Said) -> None:
    server = start_development(project, said)
    assert server_answers(server)
    assert inspect_development(project).server == server
    assert said == [f"starting Postgres 18 from {said[0].partition(' from ')[2]}"]
    stop_development(project, said)
    assert not server_answers(server)
    assert inspect_development(project).server is None


def test_starting_and_stopping_twice_changes_nothing(project: Settings, said: Said) -> None:
    assert start_development(project, said) == start_development(project, said)
    assert len(said) == 1
    stop_development(project, said)
    stop_development(project, said)


def test_its_data_outlive_it_and_end_with_a_reset(project: Settings, said: Said) -> None:
    run_sql(start_development(project, said), "CREATE TABLE notebook AS SELECT 7 AS id")
    stop_development(project, said)
    assert run_sql(start_development(project, said), "SELECT id FROM notebook") == 7
    reset_development(project, said)
    again = require_development(project)
    assert run_sql(again, "SELECT to_regclass('notebook')") is None


def test_its_data_survive_a_kill(project: Settings, said: Said) -> None:
    run_sql(start_development(project, said), "CREATE TABLE notebook AS SELECT 7 AS id")
    data = data_folder(project)
    pid = cluster.postmaster_pid(data)
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    assert eventually(lambda: cluster.postmaster_pid(data) is None)
    assert inspect_development(project).server is None
    assert run_sql(start_development(project, said), "SELECT id FROM notebook") == 7


def test_a_reset_of_a_stopped_server_leaves_it_stopped(project: Settings, said: Said) -> None:
    run_sql(start_development(project, said), "CREATE TABLE notebook ()")
    stop_development(project, said)
    reset_development(project, said)
    assert inspect_development(project).server is None
    assert run_sql(start_development(project, said), "SELECT to_regclass('notebook')") is None


def test_two_projects_have_a_server_each(project: Settings, said: Said) -> None:
    other = dataclasses.replace(project, root=project.root / "worktree")
    one, two = start_development(project, said), start_development(other, said)
    try:
        run_sql(one, "CREATE TABLE notebook ()")
        assert run_sql(two, "SELECT to_regclass('notebook')") is None
    finally:
        stop_development(other, said)
    assert server_answers(one)


def test_commands_use_it_and_leave_no_scratch_database(project: Settings, said: Said) -> None:
    started = start_development(project, said)
    with open_server(project) as server, scratch_database(server) as one, scratch_database(server, template=one):
        assert server == started
    assert run_sql(started, "SELECT count(*) FROM pg_database WHERE datname LIKE 'lamin%%'") == 0


def test_it_survives_the_process_that_started_it(project: Settings, start_python: Run) -> None:
    script = f"""
from lamin_migrate_kit.servers.development import start_development
start_development(Settings(root=Path({str(project.root)!r}), provider="embedded",
                           state_home=Path({str(project.state_home)!r})), print)
"""
    process = start_python(script)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert server_answers(require_development(project))


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3, 0.6, 0.9])
def test_ctrl_c_during_the_start_leaves_no_half_started_server(
    project: Settings, start_python: Run, seconds: float
) -> None:
    script = f"""
from lamin_migrate_kit.servers.development import start_development
print("started", flush=True)
start_development(Settings(root=Path({str(project.root)!r}), provider="embedded",
                           state_home=Path({str(project.state_home)!r})), print)
"""
    process = start_python(script)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert project.state_home is not None
    running = require_development(project) if process.returncode == 0 else None
    if running is None:
        # It is there wholly or not at all: what was started before the signal stays, and is found again.
        found = inspect_development(project).server
        assert found is not None or not processes_naming(project.state_home)
    assert not [*project.state_home.rglob("*.partial")]
    assert server_answers(start_development(project, print))


def test_a_server_that_cannot_start_shows_its_log_and_what_to_do(project: Settings, said: Said) -> None:
    start_development(project, said)
    data = data_folder(project)
    stop_development(project, said)
    (data / "postgresql.conf").write_text("max_connections = nonsense\n")
    with pytest.raises(ServerError, match="did not start") as caught:
        start_development(project, said)
    assert "max_connections" in str(caught.value)
    assert "invoke db.reset" in str(caught.value)
    assert not processes_naming(data)
    reset_development(project, said)
    assert server_answers(start_development(project, said))


def test_a_long_state_folder_does_not_matter(shared_folder: Path, said: Said) -> None:
    home = shared_folder / ("long" * 30)
    settings = Settings(root=shared_folder, provider="embedded", state_home=home)
    server = start_development(settings, said)
    sockets = Path(str(server.url.query["host"]))
    try:
        assert home not in sockets.parents
        assert inspect_development(settings).server == server
    finally:
        stop_development(settings, said)
    assert not sockets.exists()


def test_another_provider_than_the_one_that_runs_is_a_question(project: Settings, said: Said) -> None:
    start_development(project, said)
    with pytest.raises(ServerError, match="runs already, and is from embedded, not system") as caught:
        start_development(dataclasses.replace(project, provider="system"), said)
    assert caught.value.next_command == "invoke db.down"


def test_without_a_named_provider_the_one_that_has_the_data_is_used_again(project: Settings, said: Said) -> None:
    start_development(project, said)
    stop_development(project, said)
    assert start_development(dataclasses.replace(project, provider=None), said).provider == "embedded"


def test_a_damaged_state_file_counts_as_none(project: Settings, said: Said) -> None:
    start_development(project, said)
    state = next(project.state_home.rglob("state.json")) if project.state_home else None
    assert state is not None
    whole = state.read_text()
    try:
        for text in ("", "[]", '{"provider": "oracle"}'):
            state.write_text(text)
            assert inspect_development(project).provider is None
    finally:
        state.write_text(whole)


# --- a server that was given


def test_a_given_server_is_neither_started_nor_stopped_nor_emptied(server: Server, said: Said) -> None:
    url = server.url.render_as_string(hide_password=False)
    settings = Settings(root=Path("/"), server_url=url)
    assert start_development(settings, said).provider == "url"
    stop_development(settings, said)
    assert said == ["The server is given by LAMIN_MIGRATE_SERVER_URL: nothing to start or stop."] * 2
    with pytest.raises(ServerError, match="empties only what it started"):
        reset_development(settings, said)
    assert server_answers(server)


def test_the_password_of_a_given_server_is_not_shown(server: Server) -> None:
    url = server.url.set(password="hunter2")
    assert "hunter2" not in shown_url(dataclasses.replace(server, url=url, own=False))
    assert "hunter2" in shown_url(dataclasses.replace(server, url=url))


def test_a_server_that_may_not_be_stopped_is_emptied_from_inside(project: Settings, said: Said) -> None:
    server = start_development(project, said)
    run_sql(server, "CREATE TABLE notebook ()")
    with open_engine(server.url, own=True).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql('CREATE DATABASE "An ""odd"" one"')
    _drop_everything(server)
    assert run_sql(server, "SELECT to_regclass('notebook')") is None
    assert run_sql(server, "SELECT string_agg(datname, ' ') FROM pg_database WHERE NOT datistemplate") == "postgres"


def test_a_standby_is_refused(project: Settings, said: Said) -> None:
    start_development(project, said)
    data = data_folder(project)
    stop_development(project, said)
    (data / "standby.signal").touch()
    standby = start_development(project, said)
    given = Settings(root=Path("/"), server_url=standby.url.render_as_string(hide_password=False))
    with pytest.raises(ServerError, match="read-only standby"), open_server(given):
        pass
